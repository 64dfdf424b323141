/* microstructure.h: what quotes and trades say before a bar is over.
 *
 * O(1) a tick (but for what a window of fixed length drops), no allocation; zeroed memory is the
 * empty state. Prices in currency, sizes in units, times in nanoseconds of the record in hand.
 * Signs of trades: +1 bought, -1 sold, 0 not known.
 */
#ifndef ATS_CALC_INDICATORS_MICROSTRUCTURE_H
#define ATS_CALC_INDICATORS_MICROSTRUCTURE_H

#include "calc/indicators/average.h"

#include <stdbool.h>
#include <stdint.h>

/* Order-flow imbalance of one change of the best quotes (Cont, Kukanov, Stoikov, The Price Impact
 * of Order Book Events, 2014, eq. 4): what arrived at the bid less what arrived at the ask. */
static inline double ats_order_flow(double bid0, double bid_size0, double ask0, double ask_size0,
                                    double bid1, double bid_size1, double ask1, double ask_size1)
{
    double bid = (bid1 >= bid0 ? bid_size1 : 0.0) - (bid1 <= bid0 ? bid_size0 : 0.0);
    double ask = (ask1 <= ask0 ? ask_size1 : 0.0) - (ask1 >= ask0 ? ask_size0 : 0.0);
    return bid - ask;
}

/* ---- VPIN ----------------------------------------------------------------------------------- */

/* Volume-synchronised probability of informed trading (Easley, Lopez de Prado, O'Hara, Flow
 * Toxicity and Liquidity in a High-Frequency World, 2012): mean over the last 50 buckets of equal
 * volume of |bought - sold| / volume. A trade is split over the buckets it fills. Two departures:
 * trades are signed one by one (quotes are at hand) instead of by bulk classification, and a bucket
 * holds 50 mean trades instead of a fiftieth of a mean day, so that it is ready on the first day.
 */
#define ATS_VPIN_BUCKETS 50u
typedef struct ats_vpin {
    double sum;
    double size; /* of the bucket being filled; 0 = none yet */
    double bought, sold;
    uint32_t at;
    uint32_t seen; /* buckets, up to ATS_VPIN_BUCKETS */
    double imbalance[ATS_VPIN_BUCKETS];
} ats_vpin;

static inline void ats_vpin_close_bucket(ats_vpin *v)
{
    double imbalance = fabs(v->bought - v->sold) / v->size;
    v->sum += imbalance - v->imbalance[v->at];
    v->imbalance[v->at] = imbalance;
    v->at = v->at + 1 == ATS_VPIN_BUCKETS ? 0 : v->at + 1;
    v->seen += v->seen < ATS_VPIN_BUCKETS;
    v->bought = v->sold = 0.0;
    if (v->at == 0) { /* rounding errors live for one lap */
        v->sum = 0.0;
        for (uint32_t i = 0; i < ATS_VPIN_BUCKETS; i++)
            v->sum += v->imbalance[i];
    }
}

/* mean_trade > 0: the mean size of a trade just now. */
static inline void ats_vpin_update(ats_vpin *v, int sign, double qty, double mean_trade)
{
    if (v->size == 0.0)
        v->size = 50 * mean_trade;
    /* A print that fills every bucket of the window leaves nothing else in it. */
    double most = (ATS_VPIN_BUCKETS + 1) * v->size;
    qty = qty < most ? qty : most;
    while (qty > 0) {
        double room = v->size - (v->bought + v->sold), part = qty < room ? qty : room;
        v->bought += part * (0.5 + 0.5 * sign);
        v->sold += part * (0.5 - 0.5 * sign);
        qty -= part;
        if (part < room)
            break;
        ats_vpin_close_bucket(v);
        v->size = 50 * mean_trade;
    }
}
static inline double ats_vpin_value(const ats_vpin *v)
{
    return v->sum / ATS_VPIN_BUCKETS;
}

/* ---- realised spread ------------------------------------------------------------------------ */

/* Realised spread and price impact (Huang and Stoll, Dealer versus Auction Markets, 1996; SEC Rule
 * 605): 2 sign (price - mid later) / mid, and 2 sign (mid later - mid) / mid, later = 5 s. Trades
 * wait for their later mid in a ring of 64; at most one every 5 s / 64 enters, so it cannot
 * overflow. */
#define ATS_REALISED_AFTER_NS 5000000000ll
#define ATS_REALISED_WAITING  64u
typedef struct ats_realised {
    uint32_t first, count;
    int64_t last_ns;
    ats_ema spread, impact; /* over 50 trades, as shares of the mid */
    struct {
        int64_t ns;
        double px, mid;
        int64_t sign;
    } waiting[ATS_REALISED_WAITING];
} ats_realised;

static inline void ats_realised_add(ats_realised *r, int64_t ns, double px, double mid, int sign)
{
    if (ns - r->last_ns < ATS_REALISED_AFTER_NS / ATS_REALISED_WAITING ||
        r->count == ATS_REALISED_WAITING)
        return;
    r->last_ns = ns;
    uint32_t at = (r->first + r->count++) % ATS_REALISED_WAITING;
    r->waiting[at].ns = ns;
    r->waiting[at].px = px;
    r->waiting[at].mid = mid;
    r->waiting[at].sign = sign;
}

/* Before a record of time ns changes the mid: settles the trades whose 5 s are over with the mid
 * that stood until now. */
static inline void ats_realised_settle(ats_realised *r, int64_t ns, double mid)
{
    while (r->count && ns - r->waiting[r->first].ns >= ATS_REALISED_AFTER_NS) {
        double then = r->waiting[r->first].mid, twice = 2.0 * (double)r->waiting[r->first].sign;
        ats_ema_update(&r->spread, twice * (r->waiting[r->first].px - mid) / then, 50);
        ats_ema_update(&r->impact, twice * (mid - then) / then, 50);
        r->first = (r->first + 1) % ATS_REALISED_WAITING;
        r->count--;
    }
}

/* ---- the last minute in seconds ------------------------------------------------------------- */

/* What each of the last 64 seconds of the clock held. A second without quotes keeps the mid. */
#define ATS_SECONDS 64u
typedef struct ats_seconds {
    double square_60, signed_60, volume_60; /* sums over the last 60 whole seconds */
    uint32_t quotes_10, trades_10;          /* over the last 10 whole seconds */
    uint32_t seen;                          /* whole seconds since the first mid, up to 64 */
    int64_t second;                         /* since the epoch; 0 = no mid yet */
    double mid[ATS_SECONDS];                /* the last of the second */
    double square[ATS_SECONDS];             /* of the return over the second */
    double signed_volume[ATS_SECONDS], volume[ATS_SECONDS];
    uint32_t quotes[ATS_SECONDS], trades[ATS_SECONDS];
} ats_seconds;

#define ATS_SECOND_AT(k) ((uint64_t)(k) % ATS_SECONDS)

static inline void ats_seconds_close_one(ats_seconds *s)
{
    int64_t k = s->second;
    uint64_t at = ATS_SECOND_AT(k), next = ATS_SECOND_AT(k + 1);
    double before = s->mid[ATS_SECOND_AT(k - 1)];
    double r = s->seen ? s->mid[at] / before - 1.0 : 0.0;
    s->square[at] = r * r;
    s->square_60 += s->square[at] - s->square[ATS_SECOND_AT(k - 60)];
    s->signed_60 += s->signed_volume[at] - s->signed_volume[ATS_SECOND_AT(k - 60)];
    s->volume_60 += s->volume[at] - s->volume[ATS_SECOND_AT(k - 60)];
    s->quotes_10 += s->quotes[at] - s->quotes[ATS_SECOND_AT(k - 10)];
    s->trades_10 += s->trades[at] - s->trades[ATS_SECOND_AT(k - 10)];
    s->seen += s->seen < ATS_SECONDS;
    s->second = k + 1;
    s->mid[next] = s->mid[at];
    s->square[next] = s->signed_volume[next] = s->volume[next] = 0.0;
    s->quotes[next] = s->trades[next] = 0;
    if (__builtin_expect(next == 0, 0)) { /* rounding errors live for one lap */
        s->square_60 = s->signed_60 = s->volume_60 = 0.0;
        for (int64_t back = 59; back >= 0; back--) {
            s->square_60 += s->square[ATS_SECOND_AT(k - back)];
            s->signed_60 += s->signed_volume[ATS_SECOND_AT(k - back)];
            s->volume_60 += s->volume[ATS_SECOND_AT(k - back)];
        }
    }
}

/* Time went on to ns. A silence of more than a lap is a lap: every window is in it. */
static inline void ats_seconds_pass(ats_seconds *s, int64_t ns)
{
    int64_t now = ns / 1000000000;
    if (__builtin_expect(now == s->second, 1) || s->second == 0)
        return;
    int64_t steps = now - s->second;
    for (int64_t i = steps < (int64_t)ATS_SECONDS ? steps : (int64_t)ATS_SECONDS; i > 0; i--)
        ats_seconds_close_one(s);
    if (steps > (int64_t)ATS_SECONDS) { /* all slots are alike by now */
        s->second = now;
        s->square_60 = s->signed_60 = s->volume_60 = 0.0;
    }
}

static inline void ats_seconds_quote(ats_seconds *s, int64_t ns, double mid)
{
    if (s->second == 0)
        s->second = ns / 1000000000;
    s->mid[ATS_SECOND_AT(s->second)] = mid;
    s->quotes[ATS_SECOND_AT(s->second)]++;
}

static inline void ats_seconds_trade(ats_seconds *s, int sign, double qty)
{
    uint64_t at = ATS_SECOND_AT(s->second);
    s->trades[at]++;
    s->volume[at] += qty;
    s->signed_volume[at] += sign * qty;
}

/* Return from the last mid of the second that lies `back` seconds before the present one. NaN when
 * it was not seen. */
static inline double ats_seconds_return(const ats_seconds *s, double mid, uint32_t back)
{
    return s->seen >= back ? mid / s->mid[ATS_SECOND_AT(s->second - back)] - 1.0 : NAN;
}

#endif
