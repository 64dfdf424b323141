#include "stages/strategy/execution.h"

#include "core/symbols.h"

#include <assert.h>
#include <math.h>

#define MS_NS     1000000ll
#define SECOND_NS 1000000000ll
#define BPS       10000

const char *ats_algorithm_label(uint32_t algorithm)
{
    static const char *const LABELS[] = {"auto", "direct", "twap", "iceberg", "slice", "peg"};
    static_assert(sizeof LABELS / sizeof LABELS[0] == ATS_ALGORITHM_COUNT, "a label an algorithm");
    return algorithm < ATS_ALGORITHM_COUNT ? LABELS[algorithm] : "?";
}

/* One order under way. */
typedef struct view {
    const ats_execution_settings *s;
    const ats_parent *p;
    const ats_execution_market *m;
    int64_t now_ns;
    int64_t left_e9; /* not filled */
    bool buy;
} view;

/* ---- prices ------------------------------------------------------------------------------- */

/* The price step at the order's own price, not at the market's: they differ about a dollar. */
static int64_t tick_at(const view *v, int64_t px_e9)
{
    const ats_symbol symbol = {.tick_e9 = v->m->tick_e9};
    return ats_symbol_tick_e9(&symbol, px_e9);
}

/* On a tick, away from (a buy: above) or inside the price. */
static int64_t on_tick(const view *v, int64_t px_e9, bool up)
{
    int64_t tick = tick_at(v, px_e9), rest = px_e9 % tick;
    px_e9 -= rest;
    if (rest && up)
        px_e9 += tick;
    return px_e9 > 0 ? px_e9 : tick;
}

/* No worse than the parent's own limit. */
static int64_t capped(const view *v, int64_t px_e9)
{
    int64_t cap = v->p->cap_e9;
    if (cap > 0 && (v->buy ? px_e9 > cap : px_e9 < cap))
        return on_tick(v, cap, !v->buy);
    return px_e9;
}

static bool quoted(const view *v)
{
    return v->m->bid_e9 > 0 && v->m->ask_e9 > 0;
}

/* Crosses the spread: the opposite quote and a little beyond. 0 (market) where no quotes come. */
static int64_t crossing(const view *v)
{
    if (!quoted(v))
        return v->p->cap_e9 ? on_tick(v, v->p->cap_e9, !v->buy) : 0;
    int64_t opposite = v->buy ? v->m->ask_e9 : v->m->bid_e9;
    int64_t beyond = (int64_t)((__int128)opposite * v->s->cross_bps / BPS);
    return capped(v, on_tick(v, v->buy ? opposite + beyond : opposite - beyond, v->buy));
}

/* The near side of the quote. */
static int64_t touch(const view *v)
{
    int64_t px = quoted(v) ? (v->buy ? v->m->bid_e9 : v->m->ask_e9) : v->m->price_e9;
    return capped(v, on_tick(v, px, !v->buy));
}

static int64_t timeout_ns(const view *v)
{
    int64_t ns = v->s->timeout_ms * MS_NS;
    return !quoted(v) && v->m->bar_ns > ns ? v->m->bar_ns : ns;
}

/* Inside the mid by half of what the price moves within the time-out, at most offset_bps; never at
 * or through the opposite quote. */
static int64_t inside(const view *v)
{
    double most = (double)v->m->price_e9 * v->s->offset_bps / BPS;
    double move =
        0.5 * sqrt(v->m->variance_per_s * (double)timeout_ns(v) / 1e9) * (double)v->m->price_e9;
    int64_t offset = (int64_t)(v->m->variance_per_s > 0 && move < most ? move : most);
    int64_t px = on_tick(v, v->buy ? v->m->price_e9 - offset : v->m->price_e9 + offset, !v->buy);
    if (quoted(v) && v->buy && px >= v->m->ask_e9)
        px = v->m->ask_e9 - tick_at(v, v->m->ask_e9);
    if (quoted(v) && !v->buy && px <= v->m->bid_e9)
        px = v->m->bid_e9 + tick_at(v, v->m->bid_e9);
    return capped(v, px);
}

/* ---- steps -------------------------------------------------------------------------------- */

static ats_step wait_until(int64_t ns)
{
    return (ats_step){.kind = ATS_STEP_WAIT, .next_ns = ns};
}

static int64_t whole_lots(const view *v, int64_t qty_e9)
{
    qty_e9 -= qty_e9 % v->m->lot_e9;
    return qty_e9 > 0 ? qty_e9 : v->m->lot_e9;
}

/* A child of at most what is left; the rest of a lot goes with the last one. */
static ats_step send(const view *v, int64_t qty_e9, int64_t limit_e9, uint8_t tif, int64_t until_ns)
{
    if (v->left_e9 - qty_e9 < v->m->lot_e9)
        qty_e9 = v->left_e9;
    if (!v->m->open)
        tif = ATS_TIF_OPG; /* decided while the market is shut: for its opening */
    if (!quoted(v) && tif == ATS_TIF_IOC)
        tif = ATS_TIF_DAY; /* on bars what is marketable fills at the next open */
    if (limit_e9 == 0 && tif == ATS_TIF_IOC)
        tif = ATS_TIF_DAY;
    return (ats_step){.kind = ATS_STEP_SEND,
                      .qty_e9 = qty_e9 < v->left_e9 ? qty_e9 : v->left_e9,
                      .limit_e9 = limit_e9,
                      .tif = tif,
                      .next_ns = until_ns};
}

static ats_step send_crossing(const view *v, int64_t qty_e9)
{
    /* An immediate order is answered; what answers never comes is looked for after the time-out. */
    return send(v, qty_e9, crossing(v), ATS_TIF_IOC, v->now_ns + timeout_ns(v));
}

static ats_step send_market(const view *v)
{
    return send(v, v->left_e9, 0, ATS_TIF_DAY, v->now_ns + timeout_ns(v));
}

/* The child at work: cancelled once its time is over. */
static ats_step mind_child(const view *v, int64_t until_ns)
{
    /* An auction fills its order or ends it, and on bars tells of that at the first bar's end. */
    bool ends_itself = v->p->child_tif == ATS_TIF_OPG;
    if (v->p->child_leaving || ends_itself || !v->m->open || v->now_ns < until_ns)
        return wait_until(v->p->child_leaving || ends_itself || !v->m->open ? INT64_MAX : until_ns);
    return (ats_step){.kind = ATS_STEP_CANCEL, .next_ns = INT64_MAX};
}

static bool urgent(const view *v)
{
    return v->p->urgency * BPS > v->s->urgent_bps;
}

/* Attempts are used up: a market order for an exit, the end for an entry. */
static ats_step last_resort(const view *v)
{
    if (!v->p->exit)
        return (ats_step){.kind = ATS_STEP_DONE};
    return send_market(v);
}

/* The end of a patient exit: across the spread, and what that leaves at the market. */
static ats_step cross_once(const view *v)
{
    return v->p->child_tif == ATS_TIF_IOC ? send_market(v) : send_crossing(v, v->left_e9);
}

/* ---- the algorithms ----------------------------------------------------------------------- */

static ats_step step_direct(const view *v)
{
    const ats_parent *p = v->p;
    if (p->child)
        return mind_child(v, p->child_sent_ns + timeout_ns(v));
    uint32_t attempts = p->exit ? v->s->exit_attempts : v->s->entry_attempts;
    if (p->attempt >= attempts)
        return last_resort(v);
    bool nearly = (__int128)p->filled_e9 * BPS >= (__int128)p->qty_e9 * v->s->accept_partial_bps;
    if (!p->exit && p->filled_e9 > 0 && nearly)
        return (ats_step){.kind = ATS_STEP_DONE};
    if (urgent(v) || p->attempt >= 2)
        return send_crossing(v, v->left_e9);
    return send(v, v->left_e9, p->attempt == 0 ? inside(v) : touch(v), ATS_TIF_DAY,
                v->now_ns + timeout_ns(v));
}

static ats_step step_twap(const view *v)
{
    const ats_parent *p = v->p;
    int64_t duration_ns = v->s->twap_duration_s * SECOND_NS, slices = v->s->twap_slices;
    int64_t slice_ns = duration_ns / slices, gone = (v->now_ns - p->start_ns) / slice_ns;
    int64_t end_ns = p->start_ns + (gone + 1) * slice_ns; /* of the slice now */
    if (p->child) {
        int64_t sent = (p->child_sent_ns - p->start_ns) / slice_ns;
        return mind_child(v, p->start_ns + (sent + 1) * slice_ns);
    }
    if (gone >= slices)
        return p->exit                       ? send_market(v)
               : p->child_tif == ATS_TIF_IOC ? (ats_step){.kind = ATS_STEP_DONE}
                                             : send_crossing(v, v->left_e9);
    int64_t due = (int64_t)((__int128)p->qty_e9 * (gone + 1) / slices) - p->filled_e9;
    if (due <= 0 || (p->attempt > 0 && p->child_sent_ns >= p->start_ns + gone * slice_ns))
        return wait_until(end_ns); /* this slice has had its child */
    return send(v, whole_lots(v, due), touch(v), ATS_TIF_DAY, end_ns);
}

static ats_step step_iceberg(const view *v)
{
    const ats_parent *p = v->p;
    if (p->child)
        return mind_child(v, p->child_sent_ns + timeout_ns(v));
    bool filled = p->attempt == 0 || p->child_left_e9 == 0;
    if (!filled && v->now_ns >= p->start_ns + v->s->horizon_s * SECOND_NS)
        return p->exit ? cross_once(v) : (ats_step){.kind = ATS_STEP_DONE};
    int64_t shown = (int64_t)((__int128)p->qty_e9 * v->s->iceberg_display_bps / BPS);
    return send(v, whole_lots(v, shown), touch(v), ATS_TIF_DAY, v->now_ns + timeout_ns(v));
}

static ats_step step_slice(const view *v)
{
    const ats_parent *p = v->p;
    int64_t interval_ns = v->s->slice_interval_s * SECOND_NS;
    if (p->child)
        return mind_child(v, p->child_sent_ns + timeout_ns(v));
    if (p->attempt > 0 && v->now_ns < p->child_sent_ns + interval_ns)
        return wait_until(p->child_sent_ns + interval_ns);
    if (v->now_ns >= p->start_ns + v->s->horizon_s * SECOND_NS)
        return p->exit ? send_market(v) : (ats_step){.kind = ATS_STEP_DONE};
    double share = v->m->volume_per_s * v->s->slice_interval_s * v->s->participation_bps / BPS;
    int64_t part = share > 0 && share < (double)v->left_e9 ? (int64_t)share : v->left_e9;
    return send_crossing(v, whole_lots(v, part));
}

static ats_step step_peg(const view *v)
{
    const ats_parent *p = v->p;
    int64_t end_ns = p->start_ns + timeout_ns(v);
    if (!p->child) {
        if (v->now_ns >= end_ns)
            return p->exit ? cross_once(v) : (ats_step){.kind = ATS_STEP_DONE};
        return send(v, v->left_e9, touch(v), ATS_TIF_DAY, end_ns);
    }
    if (p->child_leaving || v->now_ns >= end_ns || p->child_tif == ATS_TIF_IOC)
        return mind_child(v, end_ns);
    int64_t quiet_ns = p->child_sent_ns + v->s->peg_interval_ms * MS_NS, px = touch(v);
    if (px == p->child_limit_e9)
        return wait_until(end_ns);
    if (v->now_ns < quiet_ns)
        return wait_until(quiet_ns < end_ns ? quiet_ns : end_ns);
    return (ats_step){.kind = ATS_STEP_REPLACE,
                      .qty_e9 = p->child_left_e9,
                      .limit_e9 = px,
                      .tif = ATS_TIF_DAY,
                      .next_ns = end_ns};
}

ats_step ats_execution_step(const ats_execution_settings *settings, const ats_parent *parent,
                            const ats_execution_market *market, int64_t now_ns)
{
    static ats_step (*const STEPS[])(const view *) = {
        [ATS_ALGORITHM_AUTO] = step_direct, [ATS_ALGORITHM_DIRECT] = step_direct,
        [ATS_ALGORITHM_TWAP] = step_twap,   [ATS_ALGORITHM_ICEBERG] = step_iceberg,
        [ATS_ALGORITHM_SLICE] = step_slice, [ATS_ALGORITHM_PEG] = step_peg,
    };
    static_assert(sizeof STEPS / sizeof STEPS[0] == ATS_ALGORITHM_COUNT, "a step an algorithm");
    view v = {.s = settings,
              .p = parent,
              .m = market,
              .now_ns = now_ns,
              .left_e9 = parent->qty_e9 - parent->filled_e9,
              .buy = parent->side == ATS_SIDE_BUY};
    if (v.left_e9 <= 0)
        return parent->child && parent->child_leaving ? wait_until(INT64_MAX)
                                                      : (ats_step){.kind = ATS_STEP_DONE};
    if (parent->give_up)
        return !parent->child          ? (ats_step){.kind = ATS_STEP_DONE}
               : parent->child_leaving ? wait_until(INT64_MAX)
                                       : (ats_step){.kind = ATS_STEP_CANCEL, .next_ns = INT64_MAX};
    if (parent->emergency)
        return parent->child ? mind_child(&v, parent->child_sent_ns + timeout_ns(&v))
                             : send_market(&v);
    return STEPS[parent->algorithm](&v);
}

uint8_t ats_execution_choose(const ats_execution_settings *s, const ats_execution_market *m,
                             int64_t qty_e9, double urgency)
{
    if (s->algorithm != ATS_ALGORITHM_AUTO)
        return (uint8_t)s->algorithm;
    double expected = m->volume_per_s * s->horizon_s;
    /* On bars there is nothing to slice by: what fills, and how much, is the bar's affair. */
    if (expected <= 0 || m->bid_e9 <= 0 || (double)qty_e9 * BPS <= expected * s->impact_bps)
        return ATS_ALGORITHM_DIRECT;
    return urgency * BPS > s->urgent_bps ? ATS_ALGORITHM_TWAP : ATS_ALGORITHM_ICEBERG;
}
