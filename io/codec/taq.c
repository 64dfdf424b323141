#include "io/codec/taq.h"

#include "core/error.h"
#include "io/codec/csv.h"
#include "io/codec/decimal.h"
#include "io/codec/quote.h"
#include "io/codec/symbol_text.h"

#include <string.h>

#define QUOTE 1u
#define TRADE 2u

static const struct {
    const char *name;
    uint32_t required; /* by these kinds of file */
} COLUMNS[] = {
    [ATS_TAQ_TIME] = {"ts_utc_ns", QUOTE | TRADE},
    [ATS_TAQ_SYMBOL] = {"symbol", QUOTE | TRADE},
    [ATS_TAQ_VENUE] = {"ex", 0},
    [ATS_TAQ_BID] = {"bid", QUOTE},
    [ATS_TAQ_BID_LOTS] = {"bidsiz_lots", QUOTE},
    [ATS_TAQ_ASK] = {"ask", QUOTE},
    [ATS_TAQ_ASK_LOTS] = {"asksiz_lots", QUOTE},
    [ATS_TAQ_QUOTE_CONDITION] = {"qu_cond", 0},
    [ATS_TAQ_QUOTE_SEQ] = {"qu_seqnum", 0},
    [ATS_TAQ_PRICE] = {"price", TRADE},
    [ATS_TAQ_SIZE] = {"size", TRADE},
    [ATS_TAQ_SALE_CONDITION] = {"tr_scond", 0},
    [ATS_TAQ_CORRECTION] = {"tr_corr", 0},
    [ATS_TAQ_TRADE_SEQ] = {"tr_seqnum", 0},
    [ATS_TAQ_TRF] = {"tr_rf", 0},
};
static_assert(sizeof COLUMNS / sizeof COLUMNS[0] == ATS_TAQ_COLUMN_COUNT, "a name a column");

int ats_taq_layout_read(ats_taq_layout *layout, char *line, size_t length)
{
    ats_csv_field field[ATS_TAQ_FIELDS];
    int n = ats_csv_split(line, length, field, ATS_TAQ_FIELDS);
    if (n < 0)
        return ats_error(ATS_EXIT_DATA, "header: not comma-separated, or more than %u columns",
                         ATS_TAQ_FIELDS);
    layout->field_count = (uint32_t)n;
    memset(layout->at, -1, sizeof layout->at);
    for (int i = 0; i < n; i++)
        for (uint32_t c = 0; c < ATS_TAQ_COLUMN_COUNT; c++)
            if (ats_csv_is(&field[i], COLUMNS[c].name)) {
                if (layout->at[c] >= 0)
                    return ats_error(ATS_EXIT_DATA, "header: column %s twice", COLUMNS[c].name);
                layout->at[c] = (int8_t)i;
            }
    if (layout->at[ATS_TAQ_BID] < 0 && layout->at[ATS_TAQ_PRICE] < 0)
        return ats_error(ATS_EXIT_DATA, "header: neither quotes (column bid) nor trades (column "
                                        "price); the first line must name the columns");
    layout->kind = layout->at[ATS_TAQ_BID] >= 0 ? ATS_TAQ_QUOTES : ATS_TAQ_TRADES;
    uint32_t kind = layout->kind == ATS_TAQ_QUOTES ? QUOTE : TRADE;
    for (uint32_t c = 0; c < ATS_TAQ_COLUMN_COUNT; c++)
        if ((COLUMNS[c].required & kind) && layout->at[c] < 0)
            return ats_error(ATS_EXIT_DATA, "header: column %s is missing", COLUMNS[c].name);
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------------ */

typedef struct row {
    const ats_taq_layout *layout;
    const ats_csv_field *field;
} row;

/* A field of the row; of length 0 when the file has no such column. */
static ats_csv_field get(const row *r, ats_taq_column column)
{
    int at = r->layout->at[column];
    return at < 0 ? (ats_csv_field){"", 0} : r->field[at];
}

/* A price or size >= 0. */
static ats_line_reason get_value(const row *r, ats_taq_column column, int64_t *out)
{
    static const uint8_t reasons[ATS_DECIMAL_COUNT] = {ATS_LINE_OK, ATS_LINE_NUMBER, ATS_LINE_RANGE,
                                                       ATS_LINE_PRECISION};
    ats_csv_field f = get(r, column);
    ats_decimal_result result = ats_decimal_e9(f.text, f.length, out);
    if (result != ATS_DECIMAL_OK)
        return reasons[result];
    return *out < 0 ? ATS_LINE_NEGATIVE : ATS_LINE_OK;
}

/* A size in round lots, as shares. */
static ats_line_reason get_lots(const row *r, ats_taq_column column, int64_t *out)
{
    ats_line_reason bad = get_value(r, column, out);
    if (bad != ATS_LINE_OK)
        return bad;
    if (*out > ATS_VALUE_MAX_E9 / ATS_TAQ_ROUND_LOT)
        return ATS_LINE_RANGE;
    *out *= ATS_TAQ_ROUND_LOT;
    return ATS_LINE_OK;
}

/* One printable character, or none (0). */
static ats_line_reason get_letter(const row *r, ats_taq_column column, uint8_t *out)
{
    ats_csv_field f = get(r, column);
    if (f.length > 1 || (f.length && (f.text[0] < ' ' || f.text[0] > '~')))
        return ATS_LINE_FIELD;
    *out = f.length && f.text[0] != ' ' ? (uint8_t)f.text[0] : 0;
    return ATS_LINE_OK;
}

/* A number that may be missing (0). */
static ats_line_reason get_number(const row *r, ats_taq_column column, uint64_t most, uint64_t *out)
{
    ats_csv_field f = get(r, column);
    *out = 0;
    if (f.length == 0)
        return ATS_LINE_OK;
    if (ats_decimal_u64(f.text, f.length, out) != ATS_DECIMAL_OK || *out > most)
        return ATS_LINE_NUMBER;
    return ATS_LINE_OK;
}

static ats_line_reason get_symbol(const row *r, char symbol[ATS_SYMBOL_TEXT])
{
    ats_csv_field f = get(r, ATS_TAQ_SYMBOL);
    if (f.length == 0 || f.length >= ATS_SYMBOL_TEXT || !ats_symbol_text_fits(f.text, f.length))
        return ATS_LINE_SYMBOL;
    memset(symbol, 0, ATS_SYMBOL_TEXT);
    memcpy(symbol, f.text, f.length);
    return ATS_LINE_OK;
}

static ats_line_reason decode_quote(const row *r, ats_quote *q)
{
    ats_line_reason bad;
    if ((bad = get_value(r, ATS_TAQ_BID, &q->bid_e9)) ||
        (bad = get_lots(r, ATS_TAQ_BID_LOTS, &q->bid_size_e9)) ||
        (bad = get_value(r, ATS_TAQ_ASK, &q->ask_e9)) ||
        (bad = get_lots(r, ATS_TAQ_ASK_LOTS, &q->ask_size_e9)) ||
        (bad = get_letter(r, ATS_TAQ_QUOTE_CONDITION, &q->condition)) ||
        (bad = get_number(r, ATS_TAQ_QUOTE_SEQ, UINT64_MAX, &q->venue_seq)))
        return bad;
    if (q->bid_e9 == 0)
        q->bid_size_e9 = 0;
    if (q->ask_e9 == 0)
        q->ask_size_e9 = 0;
    q->quote_flags = ats_quote_flags(q->bid_e9, q->ask_e9);
    q->source = ATS_SOURCE_TAQ_CSV;
    q->h.kind = ATS_KIND_QUOTE;
    return get_letter(r, ATS_TAQ_VENUE, &q->venue);
}

static ats_line_reason decode_trade(const row *r, ats_trade *t)
{
    ats_line_reason bad;
    uint64_t correction;
    if ((bad = get_value(r, ATS_TAQ_PRICE, &t->px_e9)) ||
        (bad = get_value(r, ATS_TAQ_SIZE, &t->qty_e9)) ||
        (bad = get_number(r, ATS_TAQ_CORRECTION, UINT8_MAX, &correction)) ||
        (bad = get_number(r, ATS_TAQ_TRADE_SEQ, UINT64_MAX, &t->venue_seq)) ||
        (bad = get_letter(r, ATS_TAQ_TRF, &t->trf)))
        return bad;
    if (t->px_e9 == 0 || t->qty_e9 == 0)
        return ATS_LINE_ZERO;
    ats_csv_field condition = get(r, ATS_TAQ_SALE_CONDITION);
    if (condition.length > sizeof t->condition)
        return ATS_LINE_FIELD;
    memset(t->condition, ' ', sizeof t->condition);
    memcpy(t->condition, condition.text, condition.length);
    t->correction = (uint8_t)correction;
    t->source = ATS_SOURCE_TAQ_CSV;
    t->h.kind = ATS_KIND_TRADE;
    return get_letter(r, ATS_TAQ_VENUE, &t->venue);
}

ats_line_reason ats_taq_decode(const ats_taq_layout *layout, char *line, size_t length,
                               ats_market *out, char symbol[ATS_SYMBOL_TEXT])
{
    ats_csv_field field[ATS_TAQ_FIELDS];
    memset(out, 0, sizeof *out);
    if (ats_csv_split(line, length, field, layout->field_count) != (int)layout->field_count)
        return ATS_LINE_SYNTAX;
    row r = {layout, field};
    ats_csv_field time = get(&r, ATS_TAQ_TIME);
    if (ats_decimal_i64(time.text, time.length, &out->h.event_ns) != ATS_DECIMAL_OK ||
        out->h.event_ns <= 0)
        return ATS_LINE_TIME;
    out->h.recv_ns = out->h.event_ns;
    out->h.flags = ATS_FLAG_END_OF_EVENT | ATS_FLAG_RECV_IS_EVENT;
    ats_line_reason bad = get_symbol(&r, symbol);
    if (bad != ATS_LINE_OK)
        return bad;
    return layout->kind == ATS_TAQ_QUOTES ? decode_quote(&r, &out->quote)
                                          : decode_trade(&r, &out->trade);
}
