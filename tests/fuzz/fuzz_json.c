/* The scanner against jansson: what one takes, so must the other (within the depth that ours
 * allows). Not the other way round: jansson also refuses numbers that do not fit its types. */
#include "io/codec/decimal.h"
#include "io/codec/json.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ats_json j;
    ats_json_token token;
    char text[256];
    ats_json_open(&j, (const char *)data, size);
    size_t tokens = 0;
    while ((token = ats_json_next(&j)) != ATS_JSON_ERROR && token != ATS_JSON_END) {
        if (++tokens > 2 * size + 2 || j.depth > ATS_JSON_DEPTH)
            abort();
        if (token == ATS_JSON_KEY || token == ATS_JSON_STRING)
            ats_json_unescape(&j, text, sizeof text);
        int64_t value;
        if (token == ATS_JSON_NUMBER)
            ats_decimal_e9(j.text, j.length, &value);
    }
    if (memchr(data, 0, size)) /* jansson takes a NUL for the end of its input */
        return 0;
    json_t *reference = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);
    if (reference && token == ATS_JSON_ERROR && strcmp(j.error, "nested too deeply") != 0)
        abort();
    json_decref(reference);
    return 0;
}
