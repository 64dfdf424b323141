#include "io/codec/live/client_order_id.h"

#include "io/codec/decimal.h"

#include <string.h>

static const char PREFIX[] = "ats1-";
#define PREFIX_BYTES (sizeof PREFIX - 1)
#define RUN_DIGITS   16u

static size_t put_decimal(char *out, uint64_t value)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    for (size_t i = 0; i < n; i++)
        out[i] = digits[n - 1 - i];
    return n;
}

size_t ats_client_order_id_print(const ats_client_order_id *id, char out[ATS_CLIENT_ORDER_ID_BYTES])
{
    size_t n = PREFIX_BYTES;
    memcpy(out, PREFIX, PREFIX_BYTES);
    n += put_decimal(out + n, id->account_id);
    out[n++] = '-';
    for (int shift = 60; shift >= 0; shift -= 4)
        out[n++] = "0123456789abcdef"[id->run >> shift & 15];
    out[n++] = '-';
    n += put_decimal(out + n, id->order_id);
    out[n] = '\0';
    return n;
}

/* Digits up to a '-' or the end, as print writes them. Moves *at behind them. */
static bool take_decimal(const char **at, const char *end, uint64_t *out)
{
    const char *dash = memchr(*at, '-', (size_t)(end - *at));
    size_t n = (size_t)((dash ? dash : end) - *at);
    if (n == 0 || (n > 1 && **at == '0') || ats_decimal_u64(*at, n, out) != ATS_DECIMAL_OK)
        return false;
    *at += n;
    return true;
}

static bool take_run(const char **at, const char *end, uint64_t *out)
{
    if (end - *at < (ptrdiff_t)RUN_DIGITS)
        return false;
    *out = 0;
    for (uint32_t i = 0; i < RUN_DIGITS; i++) {
        char c = *(*at)++;
        uint64_t digit = c >= '0' && c <= '9'   ? (uint64_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a' + 10)
                                                : 16;
        if (digit == 16)
            return false;
        *out = *out << 4 | digit;
    }
    return true;
}

static bool take_dash(const char **at, const char *end)
{
    return *at < end && *(*at)++ == '-';
}

bool ats_client_order_id_parse(const char *text, size_t length, ats_client_order_id *out)
{
    const char *at = text + PREFIX_BYTES, *end = text + length;
    ats_client_order_id id = {0};
    uint64_t account;
    if (length <= PREFIX_BYTES || memcmp(text, PREFIX, PREFIX_BYTES) != 0 ||
        !take_decimal(&at, end, &account) || account > UINT32_MAX || !take_dash(&at, end) ||
        !take_run(&at, end, &id.run) || !take_dash(&at, end) ||
        !take_decimal(&at, end, &id.order_id) || at != end)
        return false;
    id.account_id = (uint32_t)account;
    *out = id;
    return true;
}
