#include "io/codec/binance.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ats_binance_message m;
    ats_line_reason reason = ats_binance_decode((const char *)data, size, &m);
    if (reason >= ATS_LINE_REASON_COUNT || m.level_count > ATS_BINANCE_LEVELS ||
        m.bid_count > m.level_count)
        abort();
    if (reason != ATS_LINE_OK)
        return 0;
    if (m.type == ATS_BINANCE_NONE || memchr(m.symbol, 0, sizeof m.symbol) == NULL)
        abort();
    for (uint32_t i = 0; i < m.level_count; i++)
        if (m.level[i].px_e9 < 0 || m.level[i].px_e9 > ATS_VALUE_MAX_E9 || m.level[i].qty_e9 < 0 ||
            m.level[i].qty_e9 > ATS_VALUE_MAX_E9)
            abort();
    return 0;
}
