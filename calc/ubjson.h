/* ubjson.h: Universal Binary JSON (ubjson.org, draft 12), as XGBoost writes its models. Cold.
 *
 * All markers but high-precision numbers; typed and counted arrays; big-endian. Bytes come from
 * outside: counts are held to what is left, nesting to ATS_UBJSON_DEPTH_MAX.
 */
#ifndef ATS_CALC_UBJSON_H
#define ATS_CALC_UBJSON_H

#include <jansson.h>
#include <stddef.h>

#define ATS_UBJSON_DEPTH_MAX 32u

/* Does this look like UBJSON rather than JSON text? An object whose first key has a binary length.
 */
int ats_ubjson_looks_like(const void *bytes, size_t count);

/* The document, a new reference; float32 values become the reals they are exactly. NULL with an
 * error pushed (ATS_EXIT_DATA) that names the offset. */
json_t *ats_ubjson_parse(const void *bytes, size_t count);

#endif
