#include "io/import/import.h"

#include "core/error.h"
#include "io/codec/binance.h"
#include "io/codec/decimal.h"
#include "io/codec/quote.h"

#include <stdlib.h>
#include <string.h>

/* Which market a file is of: its name says so, or --venue. */
/* Steps: spot streams print eight decimals, USD-M sizes three; COIN-M sizes are contracts of a
 * fixed value in dollars (an inverse contract: its money is not modelled, and the gate refuses it).
 * Streams do not tell a symbol's own, coarser tick, so the finest that is printed stands. */
static const struct {
    const char *prefix;
    const char *venue;
    uint32_t symbol_class;
    int64_t tick_e9, lot_e9;
} MARKETS[] = {
    {"spot", "BINANCE", ATS_CLASS_CRYPTO_SPOT, 10, 10},
    {"usdm", "BINUSDM", ATS_CLASS_CRYPTO_FUTURE, 10, 1000000},
    {"cm", "BINCOIN", ATS_CLASS_CRYPTO_INVERSE, 10, ATS_E9},
};
#define MARKET_COUNT (sizeof MARKETS / sizeof MARKETS[0])

typedef struct binance_file {
    ats_import_symbols symbols;
    char symbol[ATS_SYMBOL_TEXT]; /* the one that messages of this file named */
    bool several;                 /* they named more than one */
    ats_binance_message message;
} binance_file;

static int find_market(const ats_import_file *file, const char *venue)
{
    const char *slash = strrchr(file->path, '/');
    const char *name = slash ? slash + 1 : file->path;
    for (size_t i = 0; i < MARKET_COUNT; i++) {
        size_t n = strlen(MARKETS[i].prefix);
        if (venue ? strcmp(venue, MARKETS[i].venue) == 0
                  : strncmp(name, MARKETS[i].prefix, n) == 0 && (name[n] == '_' || name[n] == '-'))
            return (int)i;
    }
    if (venue)
        return ats_error(ATS_EXIT_USAGE,
                         "venue %s: binance-ws knows BINANCE (spot), BINUSDM, BINCOIN", venue);
    return ats_error(ATS_EXIT_USAGE,
                     "%s: the name does not tell the market (spot_, usdm_, cm_); give --venue "
                     "BINANCE, BINUSDM or BINCOIN",
                     file->path);
}

static int binance_open(ats_import_file *file, const ats_import_options *options)
{
    int market = find_market(file, options->venue);
    if (market < 0)
        return -1;
    binance_file *b = calloc(1, sizeof *b);
    if (!b)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", file->path);
    file->state = b;
    ats_symbol *like = &b->symbols.like;
    static_assert(sizeof like->venue == 8, "all venues above fit");
    memcpy(like->venue, MARKETS[market].venue,
           strnlen(MARKETS[market].venue, sizeof like->venue - 1));
    like->symbol_class = MARKETS[market].symbol_class;
    like->tick_e9 = MARKETS[market].tick_e9;
    like->lot_e9 = MARKETS[market].lot_e9;
    return 0;
}

static void binance_close(ats_import_file *file)
{
    free(file->state);
}

/* Quoted in what the text ends with; coin-margined contracts are quoted in USD. */
static void set_currency(binance_file *b, const char *symbol)
{
    static const char *const currencies[] = {"USDT", "USDC", "FDUSD", "BTC", "ETH", "EUR", "BNB"};
    memset(b->symbols.like.currency, 0, sizeof b->symbols.like.currency);
    size_t n = strlen(symbol);
    if (strchr(symbol, '_')) {
        strcpy(b->symbols.like.currency, "USD");
        return;
    }
    for (size_t i = 0; i < sizeof currencies / sizeof currencies[0]; i++) {
        size_t k = strlen(currencies[i]);
        if (n > k && strcmp(symbol + n - k, currencies[i]) == 0) {
            strcpy(b->symbols.like.currency, currencies[i]);
            return;
        }
    }
}

/* A snapshot without a symbol is that of the only one its file has named so far. */
static const char *symbol_of(binance_file *b)
{
    const char *named = b->message.symbol;
    if (named[0] == 0)
        return b->symbol[0] && !b->several ? b->symbol : NULL;
    if (b->symbol[0] == 0)
        memcpy(b->symbol, named, sizeof b->symbol);
    else if (strcmp(b->symbol, named) != 0)
        b->several = true;
    return named;
}

static ats_line_reason add_quote(ats_import_file *file, const ats_header *h)
{
    const ats_binance_message *m = &((binance_file *)file->state)->message;
    ats_market *r = ats_import_event_add(file);
    if (!r)
        return ATS_LINE_SYNTAX;
    ats_quote *q = &r->quote;
    q->h = *h;
    q->h.kind = ATS_KIND_QUOTE;
    q->h.flags = ATS_FLAG_END_OF_EVENT;
    q->bid_e9 = m->bid_e9;
    q->ask_e9 = m->ask_e9;
    q->bid_size_e9 = m->bid_e9 ? m->bid_size_e9 : 0;
    q->ask_size_e9 = m->ask_e9 ? m->ask_size_e9 : 0;
    q->venue_seq = m->last_update_id;
    q->source = ATS_SOURCE_BINANCE_WS;
    q->quote_flags = ats_quote_flags(q->bid_e9, q->ask_e9);
    return ATS_LINE_OK;
}

static ats_line_reason add_trade(ats_import_file *file, const ats_header *h)
{
    const ats_binance_message *m = &((binance_file *)file->state)->message;
    ats_market *r = ats_import_event_add(file);
    if (!r)
        return ATS_LINE_SYNTAX;
    ats_trade *t = &r->trade;
    t->h = *h;
    t->h.kind = ATS_KIND_TRADE;
    t->h.flags = ATS_FLAG_END_OF_EVENT;
    t->px_e9 = m->px_e9;
    t->qty_e9 = m->qty_e9;
    t->trade_id = m->trade_id;
    t->source = ATS_SOURCE_BINANCE_WS;
    t->aggressor = m->buyer_is_maker ? ATS_SIDE_SELL : ATS_SIDE_BUY;
    memset(t->condition, ' ', sizeof t->condition);
    return ATS_LINE_OK;
}

static ats_line_reason add_levels(ats_import_file *file, const ats_header *h)
{
    const ats_binance_message *m = &((binance_file *)file->state)->message;
    uint8_t flags = m->type == ATS_BINANCE_SNAPSHOT ? ATS_FLAG_SNAPSHOT : 0;
    /* An update without levels keeps its link in the chain of ids: one record without a side. */
    uint32_t count = m->level_count ? m->level_count : 1;
    for (uint32_t i = 0; i < count; i++) {
        ats_market *r = ats_import_event_add(file);
        if (!r)
            return ATS_LINE_SYNTAX;
        ats_book_level *l = &r->book_level;
        l->h = *h;
        l->h.kind = ATS_KIND_BOOK_LEVEL;
        l->h.sub = (uint16_t)i;
        l->h.flags = flags | (i + 1 == count ? ATS_FLAG_END_OF_EVENT : 0);
        l->first_update_id = m->first_update_id;
        l->last_update_id = m->last_update_id;
        l->previous_update_id = m->previous_update_id;
        l->source = ATS_SOURCE_BINANCE_WS;
        if (m->level_count == 0)
            continue;
        l->px_e9 = m->level[i].px_e9;
        l->qty_e9 = m->level[i].qty_e9;
        l->side = i < m->bid_count ? ATS_SIDE_BUY : ATS_SIDE_SELL;
    }
    return ATS_LINE_OK;
}
static_assert(ATS_BINANCE_LEVELS <= UINT16_MAX, "sub counts the levels");

static ats_line_reason binance_line(ats_import_file *file, char *text, size_t length)
{
    binance_file *b = file->state;
    const char *blank = memchr(text, ' ', length);
    ats_header h = {0};
    if (!blank || ats_decimal_i64(text, (size_t)(blank - text), &h.recv_ns) != ATS_DECIMAL_OK ||
        h.recv_ns <= 0)
        return ATS_LINE_TIME;
    size_t json_length = length - (size_t)(blank + 1 - text);
    ats_line_reason reason = ats_binance_decode(blank + 1, json_length, &b->message);
    if (reason != ATS_LINE_OK)
        return reason;
    const char *symbol = symbol_of(b);
    if (!symbol)
        return ATS_LINE_SYMBOL;
    char padded[ATS_SYMBOL_TEXT] = {0};
    strcpy(padded, symbol); /* the decoder keeps it within ATS_SYMBOL_TEXT - 1 */
    set_currency(b, padded);
    h.symbol_id = ats_import_symbol(file, &b->symbols, padded);
    h.event_ns = b->message.event_ns;
    if (h.symbol_id == 0)
        return ATS_LINE_SYMBOL;
    switch (b->message.type) {
    case ATS_BINANCE_BOOK_TICKER:
        return add_quote(file, &h);
    case ATS_BINANCE_TRADE:
        return add_trade(file, &h);
    default:
        return add_levels(file, &h);
    }
}

const ats_import_format ats_import_binance_ws = {
    .name = "binance-ws",
    .purpose = "Binance market streams as received: book tickers, trades, depth, REST books",
    .input = "lines `<receive time, ns> <JSON>`, plain or .zst; market from the file name "
             "(spot_, usdm_, cm_) or --venue",
    .open = binance_open,
    .close = binance_close,
    .line = binance_line,
};
