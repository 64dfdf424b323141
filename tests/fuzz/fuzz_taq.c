#include "core/error.h"
#include "io/codec/taq.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first line is a header (or one of the usual ones, when it begins with Q or T), the second a
 * row of it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const usual[] = {
        "ts_utc_ns,symbol,ex,bid,bidsiz_lots,ask,asksiz_lots,qu_cond,qu_seqnum",
        "ts_utc_ns,symbol,ex,price,size,tr_scond,tr_corr,tr_seqnum,tr_source,tr_rf"};
    char *copy = malloc(size + 128);
    char *text = copy;
    size_t header = 0, length = size;
    if (size && (data[0] == 'Q' || data[0] == 'T')) {
        header = strlen(usual[data[0] == 'T']);
        memcpy(copy, usual[data[0] == 'T'], header);
        text = copy + header;
        memcpy(text, data + 1, size - 1);
        length = size - 1;
    } else {
        memcpy(copy, data, size);
        const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
        header = end ? (size_t)(end - data) : size;
        text = copy + header + (end != NULL);
        length = size - header - (end != NULL);
    }
    ats_taq_layout layout;
    ats_market record;
    char symbol[ATS_SYMBOL_TEXT];
    ats_error_clear();
    if (ats_taq_layout_read(&layout, copy, header) == 0 &&
        ats_taq_decode(&layout, text, length, &record, symbol) == ATS_LINE_OK) {
        if (record.h.kind != ATS_KIND_QUOTE && record.h.kind != ATS_KIND_TRADE)
            abort();
        if (!memchr(symbol, 0, sizeof symbol) || record.quote.bid_e9 < 0 ||
            record.quote.ask_e9 > ATS_VALUE_MAX_E9)
            abort();
    }
    free(copy);
    return 0;
}
