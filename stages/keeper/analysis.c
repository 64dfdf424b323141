#include "stages/keeper/analysis.h"

#include "calc/nbbo.h"
#include "core/error.h"
#include "stages/keeper/analysis_groups.h"

#include <stdlib.h>
#include <string.h>

#define ROWS     512u   /* stored at once */
#define CAPACITY 65536u /* orders, parents and fills at work; as risk's table of orders */
#define DAY_NS   86400000000000ll

/* ---- busts ---------------------------------------------------------------------------------- */

static ats_bust *find_bust(ats_bust *busts, size_t count, uint64_t exec_id)
{
    for (size_t i = 0; i < count; i++)
        if (busts[i].exec_id == exec_id)
            return &busts[i];
    return NULL;
}

int ats_busts_add(ats_bust **busts, size_t *count, const ats_exec *x)
{
    bool corrected = x->type == ATS_EXEC_CORRECTED;
    if (x->ref_exec_id == 0 || (corrected && (x->last_qty_e9 <= 0 || x->last_px_e9 <= 0)))
        return 0;
    ats_bust *b = find_bust(*busts, *count, x->ref_exec_id);
    if (b && b->qty_e9 == 0)
        return 0;
    if (!b) {
        ats_bust *more = realloc(*busts, (*count + 1) * sizeof **busts);
        if (!more)
            return ats_error(ATS_EXIT_FAILED, "keeper: no memory");
        *busts = more;
        b = &more[(*count)++];
    }
    *b = (ats_bust){.exec_id = x->ref_exec_id};
    if (corrected) {
        b->qty_e9 = x->last_qty_e9;
        b->px_e9 = x->last_px_e9;
        b->fee_e9 = x->fee_e9;
    }
    return 0;
}

/* ---- streams -------------------------------------------------------------------------------- */

typedef enum stream_kind { STREAM_INTENT, STREAM_ORDER, STREAM_EXEC, STREAM_COUNT } stream_kind;

static const uint32_t KINDS[STREAM_COUNT] = {ATS_KIND_INTENT, ATS_KIND_ORDER, ATS_KIND_EXEC};

/* The records of one kind, in the order in which their stage wrote them. */
typedef struct stream {
    ats_audit_reader reader;
    bool open, ended;
    const uint8_t *block;
    uint32_t at, count;
} stream;

typedef struct analysis {
    const ats_analysis_input *in;
    const ats_symbols *symbols;
    stream streams[STREAM_COUNT];
    ats_market_source *source;
    ats_nbbo *books;
    int64_t *book_days; /* UTC day of what is in a book */
    uint8_t *quoted;    /* by symbol: quotes come of it */
    ats_trades *trades;
    ats_execution_quality *quality;
    void *trades_raw, *quality_raw;
    ats_round_trip *ended; /* a place a strategy, for splits */
    uint32_t *models;      /* [symbol_count + 1][strategies]: of the last entry that was wanted */
    ats_groups *groups;
    ats_trade_row trade_rows[ROWS];
    ats_quality_row quality_rows[ROWS];
    uint32_t trade_count, quality_count;
    uint64_t trade_number;
    bool store_failed;
} analysis;

/* The next record of a stream in *record: 1; 0 at its end; -1 damaged. */
static int peek(analysis *a, stream_kind kind, const ats_header **record)
{
    stream *s = &a->streams[kind];
    if (s->ended) /* the file grows no more: one look at its end is enough */
        return 0;
    for (;; s->at++) {
        if (s->at == s->count) {
            const void *block;
            int got = ats_audit_next(&s->reader, &block, &s->count);
            s->at = 0;
            s->block = block;
            if (got != 1) {
                s->count = 0;
                s->ended = got == 0;
                return got;
            }
        }
        const ats_header *h = (const ats_header *)(s->block + (size_t)s->at * ATS_RECORD_DERIVED);
        if (h->kind == KINDS[kind]) {
            *record = h;
            return 1;
        }
    }
}

/* ---- rows out ------------------------------------------------------------------------------- */

static void flush(analysis *a)
{
    ats_run_store *store = a->in->store;
    bool store_them = store && !a->store_failed;
    if (store_them && a->trade_count &&
        ats_run_store_trades(store, a->trade_rows, a->trade_count) != 0)
        a->store_failed = true;
    if (store_them && !a->store_failed && a->quality_count &&
        ats_run_store_quality(store, a->quality_rows, a->quality_count) != 0)
        a->store_failed = true;
    a->trade_count = a->quality_count = 0;
}

static void put_trade(analysis *a, const ats_round_trip *trip)
{
    ats_groups_trade(a->groups, trip);
    a->trade_rows[a->trade_count++] = (ats_trade_row){.trade = ++a->trade_number, .trip = *trip};
    if (a->trade_count == ROWS)
        flush(a);
}

static void put_quality(void *context, const ats_execution_order *row)
{
    analysis *a = context;
    ats_groups_execution(a->groups, row);
    a->quality_rows[a->quality_count++] =
        (ats_quality_row){.algorithm = ats_groups_algorithm(row), .order = *row};
    if (a->quality_count == ROWS)
        flush(a);
}

/* ---- what was decided ----------------------------------------------------------------------- */

static uint32_t *model_of(const analysis *a, uint32_t strategy_id, uint32_t symbol_id)
{
    static uint32_t nobodys;
    uint32_t n = a->trades->strategy_count;
    if (strategy_id == 0 || strategy_id > n)
        return &nobodys;
    return &a->models[(size_t)symbol_id * n + strategy_id - 1];
}

static void take_intent(analysis *a, const ats_intent *i)
{
    if (i->action != ATS_INTENT_CANCEL && !ats_reason_is_exit(i->reason))
        *model_of(a, i->strategy_id, i->h.symbol_id) = i->model_id;
    ats_execution_intent(a->quality, i);
}

static void take_exec(analysis *a, const ats_exec *x)
{
    ats_exec told = *x;
    if (x->type == ATS_EXEC_FILL) {
        const ats_bust *b = find_bust((ats_bust *)a->in->busts, a->in->bust_count, x->exec_id);
        ats_round_trip ended;
        if (b) {
            told.last_qty_e9 = b->qty_e9;
            told.last_px_e9 = b->px_e9;
            told.fee_e9 = b->fee_e9;
        }
        ats_trade_fill fill = {.strategy_id = x->strategy_id,
                               .symbol_id = x->h.symbol_id,
                               .recv_ns = x->h.recv_ns,
                               .event_ns = x->h.event_ns,
                               .qty_e9 = told.last_qty_e9,
                               .px_e9 = told.last_px_e9,
                               .fee_e9 = told.fee_e9,
                               .reason = x->reason,
                               .model_id = *model_of(a, x->strategy_id, x->h.symbol_id),
                               .side = x->side};
        if (!(b && b->qty_e9 == 0) && ats_trades_fill(a->trades, &fill, &ended))
            put_trade(a, &ended);
        int64_t mid_e9 = ats_execution_mid_e9(x->bid_e9, x->ask_e9);
        if (mid_e9 > 0) /* what it could be sold at again, at once */
            ats_trades_price(a->trades, x->h.symbol_id, mid_e9, mid_e9, mid_e9, INT64_MAX);
    }
    ats_execution_exec(a->quality, &told);
}

static void take_derived(analysis *a, stream_kind kind, const ats_header *h)
{
    ats_execution_time(a->quality, h->recv_ns);
    if (kind == STREAM_INTENT)
        take_intent(a, (const ats_intent *)h);
    else if (kind == STREAM_ORDER)
        ats_execution_order_sent(a->quality, (const ats_order *)h);
    else
        take_exec(a, (const ats_exec *)h);
}

/* ---- the market ----------------------------------------------------------------------------- */

static bool is_continuous(const analysis *a, uint32_t id)
{
    uint32_t class = a->symbols->entry[id].symbol_class;
    return class == ATS_CLASS_CRYPTO_SPOT || class == ATS_CLASS_CRYPTO_FUTURE;
}

/* The mid after this quote; 0 = none. */
static int64_t consolidate(analysis *a, const ats_quote *q)
{
    uint32_t id = q->h.symbol_id, slot = ats_nbbo_slot(q->venue);
    if (slot == 0 || a->source->tape)
        return ats_execution_mid_e9(q->bid_e9, q->ask_e9);
    ats_nbbo *book = &a->books[id];
    int64_t day = q->h.recv_ns / DAY_NS;
    if (a->book_days[id] != day && !is_continuous(a, id))
        memset(book, 0, sizeof *book); /* what an exchange said yesterday */
    a->book_days[id] = day;
    ats_nbbo_update(book, slot, q->bid_e9, q->bid_size_e9, q->ask_e9, q->ask_size_e9);
    return ats_execution_mid_e9(book->bid[book->best_bid].px_e9, book->ask[book->best_ask].px_e9);
}

static void act(analysis *a, const ats_corporate_action *c)
{
    uint32_t id = c->h.symbol_id;
    if (c->action == ATS_ACTION_DIVIDEND) {
        ats_trades_dividend(a->trades, id, c->cash_e9);
        return;
    }
    if (c->action != ATS_ACTION_SPLIT || c->ratio_numerator <= 0 || c->ratio_denominator <= 0)
        return;
    int64_t before_e9 = ats_execution_price_of(a->quality, id);
    int64_t mark_e9 = (int64_t)((__int128)before_e9 * c->ratio_denominator / c->ratio_numerator);
    uint32_t n = ats_trades_split(a->trades, id, c->ratio_numerator, c->ratio_denominator,
                                  ats_symbol_lot_e9(&a->symbols->entry[id]), mark_e9, c->h.recv_ns,
                                  a->ended);
    for (uint32_t i = 0; i < n; i++)
        put_trade(a, &a->ended[i]);
    memset(&a->books[id], 0, sizeof a->books[id]);
    ats_execution_price(a->quality, id, mark_e9, a->quoted[id]);
    ats_execution_forget(a->quality, id);
}

static void take_market(analysis *a, const ats_market *m)
{
    uint32_t id = m->h.symbol_id;
    if (id == 0 || id > a->symbols->count || !a->in->traded[id])
        return;
    ats_execution_time(a->quality, m->h.recv_ns);
    if (m->h.kind == ATS_KIND_QUOTE) {
        int64_t mid_e9 = consolidate(a, &m->quote),
                before_e9 = ats_execution_price_of(a->quality, id);
        ats_execution_price(a->quality, id, mid_e9, true);
        a->quoted[id] = 1;
        if (mid_e9 > 0 && mid_e9 != before_e9)
            ats_trades_price(a->trades, id, mid_e9, mid_e9, mid_e9, INT64_MAX);
    } else if (m->h.kind == ATS_KIND_BAR && m->bar.low_e9 > 0) {
        if (!a->quoted[id])
            ats_execution_price(a->quality, id, m->bar.close_e9, false);
        ats_trades_price(a->trades, id, m->bar.low_e9, m->bar.high_e9, m->bar.close_e9,
                         m->h.event_ns);
    } else if (m->h.kind == ATS_KIND_CORPORATE_ACTION) {
        act(a, &m->corporate_action);
    }
}

/* ---- the pass ------------------------------------------------------------------------------- */

/* One record of those that are next: market first, since what was decided was decided on it. */
static int pass(analysis *a)
{
    for (;;) {
        const ats_header *next = NULL, *h;
        stream_kind kind = STREAM_COUNT;
        const ats_market *m;
        for (stream_kind k = STREAM_INTENT; k < STREAM_COUNT; k++) {
            int got = peek(a, k, &h);
            if (got < 0)
                return -1;
            if (got == 1 && (!next || h->recv_ns < next->recv_ns)) {
                next = h;
                kind = k;
            }
        }
        if (!next && ats_execution_waiting(a->quality) == 0 && a->trades->open_count == 0)
            return 0;
        /* A source that is damaged from here on ended the run here, too. */
        if (ats_market_source_peek(a->source, &m) == 1 &&
            (!next || m->h.recv_ns <= next->recv_ns)) {
            take_market(a, m);
            ats_market_source_pop(a->source);
        } else if (next) {
            take_derived(a, kind, next);
            a->streams[kind].at++;
        } else {
            return 0;
        }
    }
}

static void finish(analysis *a)
{
    const ats_portfolio *p =
        ats_risk_gate(ats_chain_state(a->in->chain, ATS_CHAIN_RISK))->portfolio;
    ats_execution_end(a->quality);
    for (uint32_t id = 1; id <= a->symbols->count; id++)
        for (uint32_t s = 1; a->trades->open[id] && s <= a->trades->strategy_count; s++) {
            ats_round_trip trip;
            if (ats_trades_open(a->trades, s, id, p->holdings[id].mark_e9, &trip))
                put_trade(a, &trip);
        }
    flush(a);
}

/* ---- set up --------------------------------------------------------------------------------- */

/* Zeroed whole lines out of *raw, which is what is freed. Of a large block pages that nobody
 * touches are never there: most runs need few of the places. */
static void *zeroed(void **raw, size_t bytes)
{
    *raw = calloc(1, bytes + 64);
    return *raw ? (void *)(((uintptr_t)*raw + 63) & ~(uintptr_t)63) : NULL;
}

static int set_up(analysis *a)
{
    uint32_t strategies = a->in->chain->strategies.count, symbols = a->symbols->count;
    strategies = strategies ? strategies : 1;
    ats_execution_config quality = {.strategy_count = strategies,
                                    .symbol_count = symbols,
                                    .capacity = CAPACITY,
                                    .emit = put_quality,
                                    .context = a};
    void *trades = zeroed(&a->trades_raw, ats_trades_footprint(strategies, symbols));
    void *execution = zeroed(&a->quality_raw, ats_execution_quality_footprint(&quality));
    a->trades = trades ? ats_trades_new(trades, strategies, symbols) : NULL;
    a->quality = execution ? ats_execution_quality_new(execution, &quality) : NULL;
    a->books = calloc(symbols + 1ull, sizeof *a->books); /* most pages are never touched */
    a->book_days = calloc(symbols + 1ull, sizeof *a->book_days);
    a->models = calloc((symbols + 1ull) * strategies, sizeof *a->models);
    a->quoted = calloc(symbols + 1ull, 1);
    a->ended = calloc(strategies, sizeof *a->ended);
    a->groups = ats_groups_new(a->in->chain);
    if (!a->trades || !a->quality || !a->books || !a->book_days || !a->quoted || !a->models ||
        !a->ended || !a->groups)
        return ats_error(ATS_EXIT_FAILED, "analysis: no memory");
    for (uint32_t i = 0; i < STREAM_COUNT; i++) {
        if (ats_audit_open(&a->streams[i].reader, a->in->audit_path) != 0)
            return -1;
        a->streams[i].open = true;
    }
    ats_market_source_rewind(a->source);
    return 0;
}

static void tear_down(analysis *a)
{
    for (uint32_t i = 0; i < STREAM_COUNT; i++)
        if (a->streams[i].open)
            ats_audit_reader_close(&a->streams[i].reader);
    free(a->trades_raw);
    free(a->quality_raw);
    free(a->books);
    free(a->book_days);
    free(a->quoted);
    free(a->models);
    free(a->ended);
    ats_groups_free(a->groups);
    free(a);
}

int ats_analyse(const ats_analysis_input *input, ats_analysis_result *result)
{
    *result = (ats_analysis_result){0};
    analysis *a = calloc(1, sizeof *a);
    if (!a)
        return ats_error(ATS_EXIT_FAILED, "analysis: no memory");
    a->in = input;
    a->symbols = input->chain->context.symbols;
    a->source = input->chain->feed.source;
    int failed = set_up(a) != 0 || pass(a) != 0;
    if (!failed) {
        finish(a);
        ats_execution_faults faults = ats_execution_faults_of(a->quality);
        result->attribution = ats_groups_attribution(a->groups, a->trades->refused);
        result->execution = ats_groups_execution_json(a->groups, &faults);
        result->stored = input->store && !a->store_failed;
        if (!result->attribution || !result->execution) {
            json_decref(result->attribution);
            json_decref(result->execution);
            *result = (ats_analysis_result){0};
            failed = ats_error(ATS_EXIT_FAILED, "analysis: no memory");
        }
    }
    tear_down(a);
    return failed ? -1 : 0;
}
