/* taq.h: decodes rows of TAQ-style CSV, quotes and trades of US exchanges, by the names of their
 * columns.
 *
 * Known columns (others are passed over): ts_utc_ns and symbol always; for quotes bid, bidsiz_lots,
 * ask, asksiz_lots and, where there, ex, qu_cond, qu_seqnum; for trades price, size and, where
 * there, ex, tr_scond, tr_corr, tr_seqnum, tr_rf. Quote sizes are in round lots of 100 shares. A
 * price of 0 is a side without interest.
 */
#ifndef ATS_IO_CODEC_TAQ_H
#define ATS_IO_CODEC_TAQ_H

#include "core/record.h"
#include "core/symbols.h"
#include "io/import/reason.h"

#include <stddef.h>

#define ATS_TAQ_FIELDS    64u /* columns a file may have */
#define ATS_TAQ_ROUND_LOT 100 /* shares: NYSE Daily TAQ sizes before 2024 */

typedef enum ats_taq_kind { ATS_TAQ_QUOTES = 1, ATS_TAQ_TRADES = 2 } ats_taq_kind;

typedef enum ats_taq_column {
    ATS_TAQ_TIME = 0,
    ATS_TAQ_SYMBOL,
    ATS_TAQ_VENUE,
    ATS_TAQ_BID,
    ATS_TAQ_BID_LOTS,
    ATS_TAQ_ASK,
    ATS_TAQ_ASK_LOTS,
    ATS_TAQ_QUOTE_CONDITION,
    ATS_TAQ_QUOTE_SEQ,
    ATS_TAQ_PRICE,
    ATS_TAQ_SIZE,
    ATS_TAQ_SALE_CONDITION,
    ATS_TAQ_CORRECTION,
    ATS_TAQ_TRADE_SEQ,
    ATS_TAQ_TRF,
    ATS_TAQ_COLUMN_COUNT
} ats_taq_column;

typedef struct ats_taq_layout {
    ats_taq_kind kind;
    uint32_t field_count;
    int8_t at[ATS_TAQ_COLUMN_COUNT]; /* field of each column; -1 = not in this file */
} ats_taq_layout;

/* Reads the header line, which is changed. 0, or -1 with an error pushed that names what is missing
 * (the caller adds the file). */
int ats_taq_layout_read(ats_taq_layout *layout, char *line, size_t length);

/* Decodes one row, which is changed: *out is a QUOTE or TRADE with symbol_id 0, symbol its text.
 * recv_ns = event_ns, and flagged so. OK or why it is bad. */
ats_line_reason ats_taq_decode(const ats_taq_layout *layout, char *line, size_t length,
                               ats_market *out, char symbol[ATS_SYMBOL_TEXT]);

#endif
