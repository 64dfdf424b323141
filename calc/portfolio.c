#include "calc/portfolio.h"

#include "core/memory.h"

#include <string.h>

size_t ats_portfolio_footprint(uint32_t symbol_count)
{
    return ats_whole_lines(sizeof(ats_portfolio)) +
           ats_whole_lines((symbol_count + 1ull) * sizeof(ats_holding)) +
           ats_whole_lines((symbol_count + 1ull) * sizeof(ats_money_e18));
}

ats_portfolio *ats_portfolio_new(void *memory, uint32_t symbol_count, int64_t start_cash_e9)
{
    ats_portfolio *p = memory;
    uint8_t *at = (uint8_t *)memory + ats_whole_lines(sizeof *p);
    p->holdings = (ats_holding *)at;
    p->trip_e18 =
        (ats_money_e18 *)(at + ats_whole_lines((symbol_count + 1ull) * sizeof(ats_holding)));
    p->symbol_count = symbol_count;
    p->start_e18 = p->cash_e18 = p->high_water_e18 = ats_money_from_e9(start_cash_e9);
    return p;
}

/* Adds sign * the holding's present value to the running sums. */
static void weigh(ats_portfolio *p, const ats_holding *h, int sign)
{
    ats_money_e18 value = ats_money_product(h->mark_e9, h->qty_e9) * sign;
    ats_money_e18 size = h->qty_e9 < 0 ? -value : value;
    p->net_e18 += value;
    p->gross_e18 += size;
    if (h->qty_e9 < 0)
        p->short_e18 += size;
}

static void raise_high_water(ats_portfolio *p)
{
    ats_money_e18 equity = ats_portfolio_equity(p);
    if (equity > p->high_water_e18)
        p->high_water_e18 = equity;
}

static int64_t magnitude(int64_t v)
{
    return v < 0 ? -v : v;
}

/* Moves the part of a fill that reduces the position; returns what is left of the fill. */
static int64_t reduce(ats_portfolio *p, uint32_t symbol_id, int64_t qty_e9, int64_t px_e9)
{
    ats_holding *h = &p->holdings[symbol_id];
    int64_t closed = magnitude(qty_e9) < magnitude(h->qty_e9) ? qty_e9 : -h->qty_e9;
    ats_money_e18 cost = ats_money_share(h->cost_e18, magnitude(closed), magnitude(h->qty_e9));
    ats_money_e18 gain = -ats_money_product(px_e9, closed) - cost;
    h->cost_e18 -= cost;
    h->qty_e9 += closed;
    h->realized_e18 += gain;
    p->realized_e18 += gain;
    p->trip_e18[symbol_id] += gain;
    return qty_e9 - closed;
}

static void end_round_trip(ats_portfolio *p, uint32_t symbol_id)
{
    p->round_trips++;
    p->open_positions--;
    if (p->trip_e18[symbol_id] > 0) {
        p->winners++;
        p->loss_streak = 0;
    } else if (p->trip_e18[symbol_id] < 0) {
        p->loss_streak++;
    }
    p->trip_e18[symbol_id] = 0;
}

bool ats_portfolio_fill(ats_portfolio *p, uint32_t symbol_id, int64_t qty_e9, int64_t px_e9,
                        int64_t fee_e9)
{
    ats_holding *h = &p->holdings[symbol_id];
    ats_money_e18 fee = ats_money_from_e9(fee_e9);
    bool ended = false;
    weigh(p, h, -1);
    if (h->mark_e9 == 0)
        h->mark_e9 = px_e9;
    p->cash_e18 -= ats_money_product(px_e9, qty_e9) + fee;
    h->fees_e18 += fee;
    p->fees_e18 += fee;
    p->trip_e18[symbol_id] -= fee;
    h->fills++;
    p->fills++;
    if (h->qty_e9 != 0 && (h->qty_e9 < 0) != (qty_e9 < 0)) {
        qty_e9 = reduce(p, symbol_id, qty_e9, px_e9);
        ended = h->qty_e9 == 0;
        if (ended)
            end_round_trip(p, symbol_id);
    }
    if (qty_e9 != 0) {
        p->open_positions += h->qty_e9 == 0;
        h->cost_e18 += ats_money_product(px_e9, qty_e9);
        h->qty_e9 += qty_e9;
    }
    weigh(p, h, 1);
    raise_high_water(p);
    return ended;
}

void ats_portfolio_mark(ats_portfolio *p, uint32_t symbol_id, int64_t mark_e9)
{
    ats_holding *h = &p->holdings[symbol_id];
    if (h->qty_e9 == 0) {
        h->mark_e9 = mark_e9;
        return;
    }
    weigh(p, h, -1);
    h->mark_e9 = mark_e9;
    weigh(p, h, 1);
    raise_high_water(p);
}

void ats_portfolio_new_day(ats_portfolio *p)
{
    p->high_water_e18 = ats_portfolio_equity(p);
}

ats_money_e18 ats_portfolio_unrealized(const ats_portfolio *p)
{
    ats_money_e18 sum = 0;
    for (uint32_t i = 1; i <= p->symbol_count; i++)
        sum += ats_holding_unrealized(&p->holdings[i]);
    return sum;
}

bool ats_portfolio_check(const ats_portfolio *p)
{
    ats_portfolio sum = {0};
    ats_money_e18 realized = 0, fees = 0, cost = 0;
    for (uint32_t i = 1; i <= p->symbol_count; i++) {
        const ats_holding *h = &p->holdings[i];
        weigh(&sum, h, 1);
        realized += h->realized_e18;
        fees += h->fees_e18;
        cost += h->cost_e18;
        sum.open_positions += h->qty_e9 != 0;
    }
    return sum.net_e18 == p->net_e18 && sum.gross_e18 == p->gross_e18 &&
           sum.short_e18 == p->short_e18 && realized == p->realized_e18 && fees == p->fees_e18 &&
           sum.open_positions == p->open_positions &&
           p->cash_e18 == p->start_e18 + p->realized_e18 - p->fees_e18 - cost;
}
