#include "calc/portfolio.h"

#include "core/memory.h"

#include <assert.h>
#include <string.h>

/* What changed a symbol's position, in the order in which it happened. */
typedef enum kept_kind {
    KEPT_FILL = 0,
    KEPT_VOID = 1, /* a fill that was taken back */
    KEPT_SPLIT = 2
} kept_kind;

struct ats_kept_fill {
    uint64_t exec_id;
    int64_t qty_e9; /* SPLIT: numerator */
    int64_t px_e9;  /* SPLIT: the new mark */
    int64_t fee_e9; /* SPLIT: denominator */
    int64_t lot_e9; /* SPLIT */
    uint32_t symbol_id;
    uint32_t next; /* of the same symbol: place + 1; 0 = the newest */
    uint32_t kind; /* kept_kind */
    uint32_t reserved[3];
};
static_assert(sizeof(ats_kept_fill) == 64, "one line each");

/* Lots beyond the one that every position may claim, now and before: 30 positions of 500 prices. */
#define LOTS_SPARE 16384u

/* A year of money markets, in basis points: rate_bps / 1e4 a year of 360 days. */
#define BORROW_YEAR 3600000

static uint32_t lot_capacity(uint32_t symbol_count)
{
    return 2 * (symbol_count + 1) + LOTS_SPARE;
}

size_t ats_portfolio_footprint(uint32_t symbol_count, uint32_t fills_kept)
{
    return ats_whole_lines(sizeof(ats_portfolio)) +
           2 * ats_whole_lines((symbol_count + 1ull) * sizeof(ats_holding)) +
           ats_lots_footprint(lot_capacity(symbol_count)) +
           (size_t)fills_kept * sizeof(ats_kept_fill);
}

ats_portfolio *ats_portfolio_new(void *memory, uint32_t symbol_count, int64_t start_cash_e9,
                                 uint32_t fills_kept)
{
    assert(fills_kept && (fills_kept & (fills_kept - 1)) == 0);
    ats_portfolio *p = memory;
    size_t holdings = ats_whole_lines((symbol_count + 1ull) * sizeof(ats_holding));
    uint8_t *at = (uint8_t *)memory + ats_whole_lines(sizeof *p);
    p->holdings = (ats_holding *)at;
    p->before = (ats_holding *)(at += holdings);
    p->lots = ats_lots_new(at += holdings, lot_capacity(symbol_count), 2 * symbol_count);
    p->kept = (ats_kept_fill *)(at + ats_lots_footprint(lot_capacity(symbol_count)));
    p->kept_mask = fills_kept - 1;
    p->symbol_count = symbol_count;
    p->start_e18 = p->cash_e18 = p->high_water_e18 = ats_money_from_e9(start_cash_e9);
    return p;
}

static int64_t magnitude(int64_t v)
{
    return v < 0 ? -v : v;
}

/* ---- one position --------------------------------------------------------------------------- */

/* Moves the part of a fill that reduces the position; returns what is left of the fill. */
static int64_t reduce(ats_lots *lots, ats_holding *h, int64_t qty_e9, int64_t px_e9)
{
    int64_t closed = magnitude(qty_e9) < magnitude(h->qty_e9) ? qty_e9 : -h->qty_e9;
    ats_money_e18 cost = ats_money_share(h->cost_e18, magnitude(closed), magnitude(h->qty_e9));
    ats_money_e18 fifo = ats_lots_take(lots, &h->lots, magnitude(closed));
    ats_money_e18 income = -ats_money_product(px_e9, closed);
    ats_money_e18 gain = income - cost;
    h->cost_e18 -= cost;
    h->realized_e18 += gain;
    h->realized_fifo_e18 += income - (h->qty_e9 < 0 ? -fifo : fifo);
    h->trip_e18 += gain;
    h->qty_e9 += closed;
    return qty_e9 - closed;
}

/* What a trip that ended came to. */
typedef struct trip_end {
    ats_money_e18 gain_e18;
    bool ended;
} trip_end;

static trip_end apply_fill(ats_lots *lots, ats_holding *h, const ats_kept_fill *k)
{
    trip_end trip = {0};
    int64_t qty_e9 = k->qty_e9;
    ats_money_e18 fee = ats_money_from_e9(k->fee_e9);
    h->fees_e18 += fee;
    h->trip_e18 -= fee;
    h->fills++;
    if (h->qty_e9 != 0 && (h->qty_e9 < 0) != (qty_e9 < 0)) {
        qty_e9 = reduce(lots, h, qty_e9, k->px_e9);
        if (h->qty_e9 == 0) {
            trip = (trip_end){h->trip_e18, true};
            h->trip_e18 = 0;
        }
    }
    if (qty_e9 != 0) {
        h->cost_e18 += ats_money_product(k->px_e9, qty_e9);
        h->qty_e9 += qty_e9;
        ats_lots_add(lots, &h->lots, magnitude(qty_e9), k->px_e9);
    }
    return trip;
}

static trip_end apply_split(ats_lots *lots, ats_holding *h, const ats_kept_fill *k)
{
    trip_end trip = {0};
    ats_money_e18 lost;
    bool is_short = h->qty_e9 < 0;
    if (h->qty_e9 == 0)
        return trip;
    int64_t size = ats_lots_split(lots, &h->lots, k->qty_e9, k->fee_e9, &lost);
    h->qty_e9 = is_short ? -size : size;
    if (size == 0) { /* less than 1e-9 of a unit was left of it */
        h->realized_e18 -= h->cost_e18;
        h->realized_fifo_e18 -= is_short ? -lost : lost;
        trip = (trip_end){h->trip_e18 - h->cost_e18, true};
        h->trip_e18 = h->cost_e18 = 0;
    } else if (size % k->lot_e9 != 0) {
        int64_t rest = size % k->lot_e9;
        ats_kept_fill out = {.qty_e9 = is_short ? rest : -rest, .px_e9 = k->px_e9};
        trip = apply_fill(lots, h, &out);
        h->fills--; /* no fill of ours */
    }
    return trip;
}

static trip_end apply(ats_lots *lots, ats_holding *h, const ats_kept_fill *k)
{
    if (k->kind == KEPT_VOID)
        return (trip_end){0};
    return k->kind == KEPT_SPLIT ? apply_split(lots, h, k) : apply_fill(lots, h, k);
}

/* ---- the account ---------------------------------------------------------------------------- */

/* What fills have brought in cash. */
static ats_money_e18 flow(const ats_holding *h)
{
    return h->realized_e18 - h->fees_e18 - h->cost_e18;
}

/* Takes a holding out of the running sums, and puts it back when it has changed. */
static void take_out(ats_portfolio *p, const ats_holding *h)
{
    ats_money_e18 size = ats_money_abs(h->value_e18);
    p->net_e18 -= h->value_e18;
    p->gross_e18 -= size;
    p->short_e18 -= h->qty_e9 < 0 ? size : 0;
    p->cash_e18 -= flow(h);
    p->realized_e18 -= h->realized_e18;
    p->realized_fifo_e18 -= h->realized_fifo_e18;
    p->fees_e18 -= h->fees_e18;
    p->fills -= h->fills;
    p->open_positions -= h->qty_e9 != 0;
}

static void raise_high_water(ats_portfolio *p)
{
    ats_money_e18 equity = ats_portfolio_equity(p);
    if (equity > p->high_water_e18)
        p->high_water_e18 = equity;
}

static void put_back(ats_portfolio *p, ats_holding *h)
{
    h->value_e18 = ats_money_product(h->mark_e9, h->qty_e9);
    ats_money_e18 size = ats_money_abs(h->value_e18);
    p->net_e18 += h->value_e18;
    p->gross_e18 += size;
    p->short_e18 += h->qty_e9 < 0 ? size : 0;
    p->cash_e18 += flow(h);
    p->realized_e18 += h->realized_e18;
    p->realized_fifo_e18 += h->realized_fifo_e18;
    p->fees_e18 += h->fees_e18;
    p->fills += h->fills;
    p->open_positions += h->qty_e9 != 0;
    raise_high_water(p);
}

static void end_round_trip(ats_portfolio *p, const trip_end *trip)
{
    p->round_trips++;
    if (trip->gain_e18 > 0) {
        p->winners++;
        p->loss_streak = 0;
    } else if (trip->gain_e18 < 0) {
        p->loss_streak++;
    }
}

/* ---- the record of fills -------------------------------------------------------------------- */

/* The oldest entry becomes part of what the symbol was before the record. */
static void forget_oldest(ats_portfolio *p)
{
    ats_kept_fill *k = &p->kept[p->kept_tail++ & p->kept_mask];
    ats_holding *h = &p->holdings[k->symbol_id];
    apply(p->lots, &p->before[k->symbol_id], k);
    h->first_kept = k->next;
    if (!h->first_kept)
        h->last_kept = 0;
}

static ats_kept_fill *keep(ats_portfolio *p, const ats_kept_fill *entry)
{
    if (p->kept_head - p->kept_tail > p->kept_mask)
        forget_oldest(p);
    uint32_t at = (uint32_t)(p->kept_head++ & p->kept_mask);
    ats_holding *h = &p->holdings[entry->symbol_id];
    p->kept[at] = *entry;
    p->kept[at].next = 0;
    if (h->last_kept)
        p->kept[h->last_kept - 1].next = at + 1;
    else
        h->first_kept = at + 1;
    h->last_kept = at + 1;
    return &p->kept[at];
}

static ats_kept_fill *find(ats_portfolio *p, uint32_t symbol_id, uint64_t exec_id)
{
    uint32_t place = p->holdings[symbol_id].first_kept;
    for (; place; place = p->kept[place - 1].next) {
        ats_kept_fill *k = &p->kept[place - 1];
        if (k->kind == KEPT_FILL && k->exec_id == exec_id && exec_id != 0)
            return k;
    }
    p->busts_unknown++;
    return NULL;
}

/* Works a symbol out again from the record. */
static void rebuild(ats_portfolio *p, uint32_t symbol_id)
{
    ats_holding *h = &p->holdings[symbol_id];
    const ats_holding *base = &p->before[symbol_id];
    take_out(p, h);
    ats_lots_copy(p->lots, &h->lots, &base->lots);
    h->qty_e9 = base->qty_e9;
    h->cost_e18 = base->cost_e18;
    h->realized_e18 = base->realized_e18;
    h->realized_fifo_e18 = base->realized_fifo_e18;
    h->fees_e18 = base->fees_e18;
    h->trip_e18 = base->trip_e18;
    h->fills = base->fills;
    for (uint32_t place = h->first_kept; place; place = p->kept[place - 1].next)
        apply(p->lots, h, &p->kept[place - 1]);
    put_back(p, h);
}

bool ats_portfolio_bust(ats_portfolio *p, uint32_t symbol_id, uint64_t exec_id)
{
    ats_kept_fill *k = find(p, symbol_id, exec_id);
    if (!k)
        return false;
    k->kind = KEPT_VOID;
    rebuild(p, symbol_id);
    p->busts++;
    return true;
}

bool ats_portfolio_correct(ats_portfolio *p, uint32_t symbol_id, uint64_t exec_id, int64_t qty_e9,
                           int64_t px_e9, int64_t fee_e9)
{
    ats_kept_fill *k = find(p, symbol_id, exec_id);
    if (!k)
        return false;
    k->qty_e9 = qty_e9;
    k->px_e9 = px_e9;
    k->fee_e9 = fee_e9;
    rebuild(p, symbol_id);
    p->corrections++;
    return true;
}

/* ---- events --------------------------------------------------------------------------------- */

bool ats_portfolio_fill(ats_portfolio *p, uint32_t symbol_id, int64_t qty_e9, int64_t px_e9,
                        int64_t fee_e9, uint64_t exec_id)
{
    ats_holding *h = &p->holdings[symbol_id];
    assert(qty_e9 != 0 && px_e9 > 0);
    ats_kept_fill entry = {.exec_id = exec_id,
                           .qty_e9 = qty_e9,
                           .px_e9 = px_e9,
                           .fee_e9 = fee_e9,
                           .symbol_id = symbol_id};
    take_out(p, h);
    if (h->mark_e9 == 0)
        h->mark_e9 = px_e9;
    trip_end trip = apply(p->lots, h, keep(p, &entry));
    put_back(p, h);
    if (trip.ended)
        end_round_trip(p, &trip);
    return trip.ended;
}

void ats_portfolio_mark(ats_portfolio *p, uint32_t symbol_id, int64_t mark_e9)
{
    ats_holding *h = &p->holdings[symbol_id];
    ats_money_e18 before = h->value_e18;
    h->mark_e9 = mark_e9;
    if (h->qty_e9 == 0)
        return;
    h->value_e18 = ats_money_product(mark_e9, h->qty_e9);
    ats_money_e18 change = h->value_e18 - before;
    p->net_e18 += change;
    p->gross_e18 += h->qty_e9 < 0 ? -change : change;
    p->short_e18 -= h->qty_e9 < 0 ? change : 0;
    raise_high_water(p);
}

bool ats_portfolio_split(ats_portfolio *p, uint32_t symbol_id, int64_t numerator,
                         int64_t denominator, int64_t lot_e9)
{
    ats_holding *h = &p->holdings[symbol_id];
    bool fits = numerator >= 1 && numerator <= ATS_RATIO_MAX && denominator >= 1 &&
                denominator <= ATS_RATIO_MAX && lot_e9 > 0;
    if (fits) {
        __int128 qty = (__int128)magnitude(h->qty_e9) * numerator / denominator;
        __int128 mark = (__int128)h->mark_e9 * denominator / numerator;
        fits = qty < INT64_MAX / 4 && mark < INT64_MAX / 4;
    }
    if (!fits) {
        p->actions_refused++;
        return false;
    }
    if (h->mark_e9 == 0)
        return true; /* never marked, so never held */
    int64_t mark_e9 = (int64_t)ats_money_scale(h->mark_e9, denominator, numerator);
    ats_kept_fill entry = {.qty_e9 = numerator,
                           .px_e9 = mark_e9 > 0 ? mark_e9 : 1,
                           .fee_e9 = denominator,
                           .lot_e9 = lot_e9,
                           .symbol_id = symbol_id,
                           .kind = KEPT_SPLIT};
    take_out(p, h);
    h->mark_e9 = entry.px_e9;
    /* A symbol without a position now may have had one, once a bust is told. */
    trip_end trip = apply(p->lots, h, keep(p, &entry));
    put_back(p, h);
    if (trip.ended)
        end_round_trip(p, &trip);
    return true;
}

void ats_portfolio_dividend(ats_portfolio *p, uint32_t symbol_id, int64_t cash_e9)
{
    ats_holding *h = &p->holdings[symbol_id];
    ats_money_e18 paid = ats_money_product(cash_e9, h->qty_e9);
    h->dividends_e18 += paid;
    p->dividends_e18 += paid;
    p->cash_e18 += paid;
    raise_high_water(p);
}

void ats_portfolio_accrue_borrow(ats_portfolio *p, uint32_t symbol_id, uint32_t rate_bps,
                                 uint32_t days)
{
    ats_holding *h = &p->holdings[symbol_id];
    if (h->qty_e9 >= 0)
        return;
    ats_money_e18 fee = ats_money_scale(-h->value_e18, (int64_t)rate_bps * days, BORROW_YEAR);
    h->borrow_e18 += fee;
    p->borrow_e18 += fee;
    p->cash_e18 -= fee;
}

void ats_portfolio_deposit(ats_portfolio *p, int64_t amount_e9)
{
    ats_money_e18 amount = ats_money_from_e9(amount_e9);
    p->deposits_e18 += amount;
    p->cash_e18 += amount;
    p->high_water_e18 += amount;
}

void ats_portfolio_new_day(ats_portfolio *p)
{
    p->high_water_e18 = ats_portfolio_equity(p);
}

/* ---- looks ---------------------------------------------------------------------------------- */

ats_money_e18 ats_portfolio_unrealized(const ats_portfolio *p)
{
    ats_money_e18 sum = 0;
    for (uint32_t i = 1; i <= p->symbol_count; i++)
        sum += ats_holding_unrealized(&p->holdings[i]);
    return sum;
}

static bool holding_is_whole(const ats_portfolio *p, const ats_holding *h)
{
    ats_money_e18 fifo = ats_lots_cost_e18(p->lots, &h->lots);
    return h->value_e18 == ats_money_product(h->mark_e9, h->qty_e9) &&
           ats_lots_qty_e9(p->lots, &h->lots) == magnitude(h->qty_e9) &&
           h->realized_e18 - h->cost_e18 == h->realized_fifo_e18 - (h->qty_e9 < 0 ? -fifo : fifo) &&
           (h->qty_e9 != 0 || h->cost_e18 == 0);
}

bool ats_portfolio_check(const ats_portfolio *p)
{
    ats_portfolio sum = {.cash_e18 = p->start_e18 + p->deposits_e18};
    for (uint32_t i = 1; i <= p->symbol_count; i++) {
        ats_holding h = p->holdings[i];
        if (!holding_is_whole(p, &h))
            return false;
        put_back(&sum, &h);
        sum.dividends_e18 += h.dividends_e18;
        sum.borrow_e18 += h.borrow_e18;
    }
    return sum.net_e18 == p->net_e18 && sum.gross_e18 == p->gross_e18 &&
           sum.short_e18 == p->short_e18 && sum.realized_e18 == p->realized_e18 &&
           sum.realized_fifo_e18 == p->realized_fifo_e18 && sum.fees_e18 == p->fees_e18 &&
           sum.dividends_e18 == p->dividends_e18 && sum.borrow_e18 == p->borrow_e18 &&
           sum.open_positions == p->open_positions && sum.fills == p->fills &&
           p->cash_e18 == sum.cash_e18 + p->dividends_e18 - p->borrow_e18;
}
