/* rfc3339.h: times as RFC 3339 writes them. Hot: no allocation, no locale, no clock. */
#ifndef ATS_IO_CODEC_RFC3339_H
#define ATS_IO_CODEC_RFC3339_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* text[0..length) as UTC ns: "2021-02-22T15:51:45.335689322Z", 0 to 9 fraction digits (more only as
 * zeros), an offset "-04:00" in the place of Z, T and Z in either case. False: no such time, one
 * outside 1980..2199, or a leap second (no market prints one). *ns is written only on true. */
bool ats_rfc3339_ns(const char *text, size_t length, int64_t *ns);

#endif
