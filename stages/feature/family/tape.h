/* tape.h: trades as they print: who pressed the market, and what it cost.
 *
 * Only prints that were made at the market in their turn are taken (calc/sale_condition.h, FLOW).
 */
#ifndef ATS_STAGES_FEATURE_FAMILY_TAPE_H
#define ATS_STAGES_FEATURE_FAMILY_TAPE_H

#include "stages/feature/family/book.h"

#define ATS_TAPE_FEATURES(X)                                                                       \
    X(trade_flow_imbalance_50, "n=50 trades", "ratio", -1, 1, 50, trades, "trade, quote",          \
      "EMA of signed size / EMA of size; signs by Lee and Ready 1991",                             \
      ats_ratio_or(self->signed_size.value, self->size.value, 0.0))                                \
    X(trade_flow_imbalance_60s, "60 s", "ratio", -1, 1, 60, seconds, "trade, quote",               \
      "signed volume / volume of the last 60 whole seconds; no trades: 0",                         \
      ats_ratio_or(book->seconds.signed_60, book->seconds.volume_60, 0.0))                         \
    X(tick_imbalance_50, "n=50 trades", "ratio", -1, 1, 51, trades, "trade",                       \
      "EMA of the sign of price changes", self->tick.value)                                        \
    X(effective_spread_bps, "last trade", "bps", 0, INFINITY, 1, trades, "trade, quote",           \
      "2 |price - mid| / mid (SEC Rule 605); without a two-sided quote: NaN",                      \
      self->effective *ATS_BPS)                                                                    \
    X(effective_spread_50_bps, "n=50 trades", "bps", 0, INFINITY, 50, trades, "trade, quote",      \
      "EMA of 2 |price - mid| / mid x size / EMA of size",                                         \
      ats_ratio_or(self->effective_size.value, self->quoted_size.value, NAN) * ATS_BPS)            \
    X(realised_spread_5s_bps, "n=50 trades, 5 s", "bps", -INFINITY, INFINITY, 50, settled,         \
      "trade, quote", "Huang and Stoll 1996: EMA of 2 sign (price - mid 5 s later) / mid",         \
      self->realised.spread.value *ATS_BPS)                                                        \
    X(price_impact_5s_bps, "n=50 trades, 5 s", "bps", -INFINITY, INFINITY, 50, settled,            \
      "trade, quote", "Huang and Stoll 1996: EMA of 2 sign (mid 5 s later - mid) / mid",           \
      self->realised.impact.value *ATS_BPS)                                                        \
    X(price_pressure_50_bps, "n=50 trades", "bps", -INFINITY, INFINITY, 50, trades,                \
      "trade, quote",                                                                              \
      "volume-weighted price pressure: EMA of size x (price - mid) / mid / EMA "                   \
      "of size",                                                                                   \
      ats_ratio_or(self->pressure.value, self->quoted_size.value, NAN) * ATS_BPS)                  \
    X(vpin_50, "50 buckets of 50 mean trades", "ratio", 0, 1, 50, buckets, "trade, quote",         \
      "Easley, Lopez de Prado, O'Hara 2012, trades signed one by one",                             \
      ats_vpin_value(&self->vpin))                                                                 \
    X(trade_size_ratio_50, "n=50 trades", "ratio", 0, 25.5, 50, trades, "trade",                   \
      "size of the last trade / EMA of size, at most 51 / 2",                                      \
      ats_ratio_or(self->last_size, self->size.value, 1.0))                                        \
    X(trades_per_second_10s, "10 s", "1/s", 0, INFINITY, 10, seconds, "trade",                     \
      "trades in the last ten whole seconds / 10", (double)book->seconds.trades_10 / 10)

typedef struct ats_tape {
    uint64_t trades;
    double last_price, last_size;
    double effective;  /* of the last trade, as a share of the mid; NaN = no two-sided quote */
    int32_t last_tick; /* direction of the last price change: -1, 0 (none yet), 1 */
    ats_ema signed_size, size, tick;
    ats_ema effective_size, pressure, quoted_size; /* trades with a two-sided quote */
    ats_vpin vpin;
    ats_realised realised;
} ats_tape;

/* +1 bought, -1 sold, 0 not known: told by the venue (`told`), else the quote rule, at the mid the
 * tick rule (Lee and Ready 1991, without their five-second lag: quotes and trades come in one
 * order now). */
static inline int ats_trade_sign(const ats_tape *self, const ats_book *book, double px, int told)
{
    if (told)
        return told;
    if (book->two_sided && px != book->mid)
        return px > book->mid ? 1 : -1;
    return self->trades && px != self->last_price ? (px > self->last_price ? 1 : -1)
                                                  : self->last_tick;
}

/* A trade at time ns; returns its sign. */
static inline int ats_tape_update(ats_tape *self, ats_book *book, int64_t ns, double px, double qty,
                                  int told)
{
    int sign = ats_trade_sign(self, book, px, told);
    if (self->trades) {
        int tick = px > self->last_price ? 1 : px < self->last_price ? -1 : 0;
        ats_ema_update(&self->tick, tick, 50);
        self->last_tick = tick ? tick : self->last_tick;
    }
    ats_ema_update(&self->signed_size, sign * qty, 50);
    ats_ema_update(&self->size, qty, 50);
    ats_vpin_update(&self->vpin, sign, qty, self->size.value);
    if (book->two_sided) {
        double away = (px - book->mid) / book->mid;
        self->effective = 2 * fabs(away);
        ats_ema_update(&self->effective_size, self->effective * qty, 50);
        ats_ema_update(&self->pressure, away * qty, 50);
        ats_ema_update(&self->quoted_size, qty, 50);
        if (sign)
            ats_realised_add(&self->realised, ns, px, book->mid, sign);
    } else {
        self->effective = NAN;
    }
    if (book->seconds.second)
        ats_seconds_trade(&book->seconds, sign, qty);
    self->last_price = px;
    self->last_size = qty;
    self->trades++;
    return sign;
}

static inline double *ats_tape_values(const ats_tape *self, const ats_book *book,
                                      const ats_seen *seen, double *out)
{
    ATS_TAPE_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
