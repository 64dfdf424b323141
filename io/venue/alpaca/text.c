#include "core/clock.h"
#include "io/codec/decimal.h"
#include "io/venue/alpaca/parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <string.h>
#include <xxhash.h>

const char *const broker_status_text[BROKER_STATUS_COUNT] = {
    [BROKER_PENDING_NEW] = "pending_new",
    [BROKER_ACCEPTED] = "accepted",
    [BROKER_NEW] = "new",
    [BROKER_HELD] = "held",
    [BROKER_PARTIALLY_FILLED] = "partially_filled",
    [BROKER_PENDING_CANCEL] = "pending_cancel",
    [BROKER_PENDING_REPLACE] = "pending_replace",
    [BROKER_FILLED] = "filled",
    [BROKER_CANCELED] = "canceled",
    [BROKER_EXPIRED] = "expired",
    [BROKER_REPLACED] = "replaced",
    [BROKER_REJECTED] = "rejected",
};

/* ---- numbers -------------------------------------------------------------------------------- */

json_t *broker_text_e9(int64_t value_e9)
{
    char text[ATS_DECIMAL_BYTES];
    ats_decimal_print(value_e9, text);
    return json_string(text);
}

json_t *broker_text_or_null_e9(int64_t value_e9)
{
    return value_e9 ? broker_text_e9(value_e9) : json_null();
}

json_t *broker_text_e18(ats_money_e18 value_e18)
{
    return broker_text_e9(ats_money_round_e9(value_e18));
}

/* ---- times ---------------------------------------------------------------------------------- */

json_t *broker_time_json(int64_t ns)
{
    char text[ATS_CLOCK_TEXT_BYTES];
    if (ns == 0)
        return json_null();
    ats_clock_utc_text(ns, text);
    return json_string(text);
}

json_t *broker_local_time_json(const ats_paper *b, int64_t ns)
{
    char utc[ATS_CLOCK_TEXT_BYTES], text[BROKER_TIME_BYTES];
    int32_t offset_s = b->config.calendar ? ats_calendar_offset_s(b->config.calendar, ns) : 0;
    int32_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
    ats_clock_utc_text(ns + offset_s * ATS_SECOND_NS, utc);
    snprintf(text, sizeof text, "%.19s%c%02d:%02d", utc, offset_s < 0 ? '-' : '+', minutes / 60,
             minutes % 60);
    return json_string(text);
}

/* ---- ids ------------------------------------------------------------------------------------ */

/* A version 4 UUID: 74 of its bits are a hash of (seed, kind, number), 48 the number itself under a
 * mask of (seed, kind), so that the number is found without a table, and checked by the hash. */
static uint64_t mask_of(const ats_paper *b, uint32_t kind)
{
    const uint64_t from[2] = {b->config.seed, kind};
    return XXH3_64bits(from, sizeof from) & 0xffffffffffffull;
}

void broker_uuid(const ats_paper *b, uint32_t kind, uint64_t number, char out[BROKER_UUID_BYTES])
{
    const uint64_t from[3] = {b->config.seed, kind, number};
    XXH128_hash_t h = XXH3_128bits(from, sizeof from);
    snprintf(out, BROKER_UUID_BYTES, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(h.high64 >> 32),
             (unsigned)(h.high64 >> 16 & 0xffff), (unsigned)(h.high64 & 0xfff),
             (unsigned)(0x8000 | (h.low64 & 0x3fff)),
             (unsigned long long)((number ^ mask_of(b, kind)) & 0xffffffffffffull));
}

uint64_t broker_uuid_number(const ats_paper *b, uint32_t kind, const char *text)
{
    char again[BROKER_UUID_BYTES], *end;
    if (strlen(text) != BROKER_UUID_BYTES - 1)
        return 0;
    uint64_t number = strtoull(text + 24, &end, 16) ^ mask_of(b, kind);
    broker_uuid(b, kind, number, again);
    return *end == '\0' && strcasecmp(again, text) == 0 ? number : 0;
}

json_t *broker_uuid_json(const ats_paper *b, uint32_t kind, uint64_t number)
{
    char text[BROKER_UUID_BYTES];
    if (number == 0)
        return json_null();
    broker_uuid(b, kind, number, text);
    return json_string(text);
}

bool broker_is_crypto(const ats_paper *b, uint32_t symbol_id)
{
    uint32_t class = b->config.symbols->entry[symbol_id].symbol_class;
    return class == ATS_CLASS_CRYPTO_SPOT || class == ATS_CLASS_CRYPTO_FUTURE;
}
