#include "calc/trades.h"

#include <string.h>

static size_t whole_lines(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

static size_t places_bytes(uint32_t strategy_count, uint32_t symbol_count)
{
    return whole_lines((symbol_count + 1ull) * strategy_count * sizeof(ats_round_trip));
}

size_t ats_trades_footprint(uint32_t strategy_count, uint32_t symbol_count)
{
    return whole_lines(sizeof(ats_trades)) + places_bytes(strategy_count, symbol_count) +
           whole_lines((symbol_count + 1ull) * sizeof(uint32_t));
}

ats_trades *ats_trades_new(void *memory, uint32_t strategy_count, uint32_t symbol_count)
{
    ats_trades *t = memory;
    uint8_t *at = (uint8_t *)memory + whole_lines(sizeof *t);
    t->strategy_count = strategy_count;
    t->symbol_count = symbol_count;
    t->places = (ats_round_trip *)at;
    t->open = (uint32_t *)(at + places_bytes(strategy_count, symbol_count));
    return t;
}

static ats_round_trip *place_of(const ats_trades *t, uint32_t strategy_id, uint32_t symbol_id)
{
    return &t->places[(size_t)symbol_id * t->strategy_count + strategy_id - 1];
}

static bool is_of(const ats_trades *t, uint32_t strategy_id, uint32_t symbol_id)
{
    return strategy_id >= 1 && strategy_id <= t->strategy_count && symbol_id >= 1 &&
           symbol_id <= t->symbol_count;
}

static void widen(ats_round_trip *trip, int64_t low_e9, int64_t high_e9)
{
    trip->low_e9 = low_e9 < trip->low_e9 ? low_e9 : trip->low_e9;
    trip->high_e9 = high_e9 > trip->high_e9 ? high_e9 : trip->high_e9;
}

/* ---- fills ---------------------------------------------------------------------------------- */

static void begin_trip(ats_trades *t, ats_round_trip *trip, const ats_trade_fill *f)
{
    *trip = (ats_round_trip){.strategy_id = f->strategy_id,
                             .symbol_id = f->symbol_id,
                             .entry_ns = f->recv_ns,
                             .entry_event_ns = f->event_ns ? f->event_ns : f->recv_ns,
                             .entry_reason = f->reason,
                             .model_id = f->model_id,
                             .low_e9 = f->px_e9,
                             .high_e9 = f->px_e9,
                             .side = f->side};
    t->open[f->symbol_id]++;
    t->open_count++;
}

/* Copies the trip out, flat as it is, and makes room for the next. */
static void end_trip(ats_trades *t, ats_round_trip *trip, int64_t recv_ns, uint32_t reason,
                     ats_round_trip *ended)
{
    trip->exit_ns = recv_ns;
    trip->exit_reason = reason;
    *ended = *trip;
    t->open[trip->symbol_id]--;
    t->open_count--;
    memset(trip, 0, sizeof *trip);
}

static void enter(ats_round_trip *trip, int64_t qty_e9, int64_t px_e9)
{
    ats_money_e18 value = ats_money_product(px_e9, qty_e9);
    trip->entry_qty_e9 += qty_e9;
    trip->entered_e18 += value;
    trip->profit_e18 -= trip->side == ATS_SIDE_BUY ? value : -value;
}

static void leave(ats_round_trip *trip, int64_t qty_e9, int64_t px_e9)
{
    ats_money_e18 value = ats_money_product(px_e9, qty_e9);
    trip->exit_qty_e9 += qty_e9;
    trip->left_e18 += value;
    trip->profit_e18 += trip->side == ATS_SIDE_BUY ? value : -value;
}

static void charge(ats_round_trip *trip, ats_money_e18 fee_e18)
{
    trip->fees_e18 += fee_e18;
    trip->profit_e18 -= fee_e18;
    trip->fills++;
}

bool ats_trades_fill(ats_trades *t, const ats_trade_fill *f, ats_round_trip *ended)
{
    bool sided = f->side == ATS_SIDE_BUY || f->side == ATS_SIDE_SELL;
    if (!is_of(t, f->strategy_id, f->symbol_id) || f->qty_e9 <= 0 || f->px_e9 <= 0 || !sided) {
        t->refused++;
        return false;
    }
    ats_round_trip *trip = place_of(t, f->strategy_id, f->symbol_id);
    ats_money_e18 fee = ats_money_from_e9(f->fee_e9);
    int64_t qty_e9 = f->qty_e9;
    bool over = false;
    if (trip->entry_qty_e9 != 0 && trip->side != f->side) {
        int64_t held = trip->entry_qty_e9 - trip->exit_qty_e9;
        int64_t closed = qty_e9 < held ? qty_e9 : held;
        ats_money_e18 part = ats_money_share(fee, closed, f->qty_e9);
        leave(trip, closed, f->px_e9);
        charge(trip, part);
        widen(trip, f->px_e9, f->px_e9);
        qty_e9 -= closed;
        fee -= part;
        over = closed == held;
        if (over)
            end_trip(t, trip, f->recv_ns, f->reason, ended);
    }
    if (qty_e9 == 0)
        return over;
    if (trip->entry_qty_e9 == 0)
        begin_trip(t, trip, f);
    enter(trip, qty_e9, f->px_e9);
    charge(trip, fee);
    widen(trip, f->px_e9, f->px_e9);
    return over;
}

/* ---- prices --------------------------------------------------------------------------------- */

void ats_trades_price(ats_trades *t, uint32_t symbol_id, int64_t low_e9, int64_t high_e9,
                      int64_t close_e9, int64_t began_ns)
{
    if (symbol_id > t->symbol_count || t->open[symbol_id] == 0)
        return;
    for (uint32_t s = 1; s <= t->strategy_count; s++) {
        ats_round_trip *trip = place_of(t, s, symbol_id);
        if (trip->entry_qty_e9 == 0)
            continue;
        bool whole = began_ns >= trip->entry_event_ns;
        widen(trip, whole ? low_e9 : close_e9, whole ? high_e9 : close_e9);
    }
}

/* ---- corporate actions ---------------------------------------------------------------------- */

static int64_t ratio(int64_t value, int64_t numerator, int64_t denominator)
{
    return (int64_t)((__int128)value * numerator / denominator);
}

uint32_t ats_trades_split(ats_trades *t, uint32_t symbol_id, int64_t numerator, int64_t denominator,
                          int64_t lot_e9, int64_t mark_e9, int64_t recv_ns, ats_round_trip *ended)
{
    uint32_t n = 0;
    if (symbol_id > t->symbol_count || numerator <= 0 || denominator <= 0)
        return 0;
    for (uint32_t s = 1; s <= t->strategy_count; s++) {
        ats_round_trip *trip = place_of(t, s, symbol_id);
        if (trip->entry_qty_e9 == 0)
            continue;
        int64_t held = ratio(trip->entry_qty_e9 - trip->exit_qty_e9, numerator, denominator);
        trip->exit_qty_e9 = ratio(trip->exit_qty_e9, numerator, denominator);
        trip->entry_qty_e9 = trip->exit_qty_e9 + held;
        trip->low_e9 = ratio(trip->low_e9, denominator, numerator);
        trip->high_e9 = ratio(trip->high_e9, denominator, numerator);
        if (lot_e9 > 0 && held % lot_e9 != 0 && mark_e9 > 0)
            leave(trip, held % lot_e9, mark_e9);
        if (ats_round_trip_held_e9(trip) == 0)
            end_trip(t, trip, recv_ns, ATS_REASON_NONE, &ended[n++]);
    }
    return n;
}

void ats_trades_dividend(ats_trades *t, uint32_t symbol_id, int64_t cash_e9)
{
    if (symbol_id > t->symbol_count)
        return;
    for (uint32_t s = 1; s <= t->strategy_count; s++) {
        ats_round_trip *trip = place_of(t, s, symbol_id);
        ats_money_e18 cash = ats_money_product(cash_e9, ats_round_trip_held_e9(trip));
        trip->dividends_e18 += cash;
        trip->profit_e18 += cash;
    }
}

bool ats_trades_open(const ats_trades *t, uint32_t strategy_id, uint32_t symbol_id, int64_t mark_e9,
                     ats_round_trip *trip)
{
    if (!is_of(t, strategy_id, symbol_id))
        return false;
    *trip = *place_of(t, strategy_id, symbol_id);
    if (trip->entry_qty_e9 == 0)
        return false;
    trip->profit_e18 += ats_money_product(mark_e9, ats_round_trip_held_e9(trip));
    return true;
}
