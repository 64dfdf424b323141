/* book.h: the best quotes and the path of the mid. Updated by every two-sided quote. */
#ifndef ATS_STAGES_FEATURE_FAMILY_BOOK_H
#define ATS_STAGES_FEATURE_FAMILY_BOOK_H

#include "calc/indicators/microstructure.h"
#include "stages/feature/family.h"

#define ATS_BOOK_FEATURES(X)                                                                       \
    X(spread_bps, "", "bps of mid", -INFINITY, INFINITY, 1, quotes, "quote",                       \
      "(ask - bid) / mid; below 0 when crossed", (self->ask - self->bid) * inverse_mid * ATS_BPS)  \
    X(spread_ratio_100, "n=100 quotes", "ratio", -INFINITY, INFINITY, 100, quotes, "quote",        \
      "spread / its EMA; locked for all 100: 1",                                                   \
      ats_ratio_or(self->ask - self->bid, self->spread_100.value, 1.0))                            \
    X(microprice_bps, "", "bps of mid", -INFINITY, INFINITY, 1, quotes, "quote",                   \
      "size-weighted mid less mid (Gatheral and Oomen 2010), within half a spread; no sizes: 0",   \
      (self->ask - self->bid) * 0.5 * imbalance * inverse_mid * ATS_BPS)                           \
    X(queue_imbalance, "", "ratio", -1, 1, 1, quotes, "quote",                                     \
      "(bid size - ask size) / sum; Cont, Kukanov, Stoikov 2014; no sizes: 0", imbalance)          \
    X(queue_imbalance_20, "n=20 quotes", "ratio", -1, 1, 20, quotes, "quote",                      \
      "EMA of queue imbalance", self->imbalance_20.value)                                          \
    X(order_flow_imbalance_20, "n=20 quotes", "ratio", -1, 1, 21, quotes, "quote",                 \
      "Cont, Kukanov, Stoikov 2014 eq. 4: EMA of flow / EMA of |flow|; no flow: 0",                \
      ats_ratio_or(self->flow_20.value, self->flow_size_20.value, 0.0))                            \
    X(order_flow_imbalance_100, "n=100 quotes", "ratio", -1, 1, 101, quotes, "quote",              \
      "Cont, Kukanov, Stoikov 2014 eq. 4: EMA of flow / EMA of |flow|; no flow: 0",                \
      ats_ratio_or(self->flow_100.value, self->flow_size_100.value, 0.0))                          \
    X(mid_ema_20_bps, "n=20 quotes", "bps", -INFINITY, INFINITY, 20, quotes, "quote",              \
      "mid / EMA(mid) - 1", ats_bps_from(self->mid, self->mid_20.value))                           \
    X(mid_ema_100_bps, "n=100 quotes", "bps", -INFINITY, INFINITY, 100, quotes, "quote",           \
      "mid / EMA(mid) - 1", ats_bps_from(self->mid, self->mid_100.value))                          \
    X(mid_volatility_100_bps, "n=100 changes of the mid", "bps a change", 0, INFINITY, 100,        \
      changes, "quote", "root of the EMA of squared mid returns",                                  \
      sqrt(self->squared_return_100.value) * ATS_BPS)                                              \
    X(mid_return_1s_bps, "1 s", "bps", -INFINITY, INFINITY, 1, seconds, "quote",                   \
      "mid / last mid of the second before the present one - 1",                                   \
      ats_seconds_return(&self->seconds, self->mid, 1) * ATS_BPS)                                  \
    X(mid_return_10s_bps, "10 s", "bps", -INFINITY, INFINITY, 10, seconds, "quote",                \
      "mid / last mid of the tenth second before the present one - 1",                             \
      ats_seconds_return(&self->seconds, self->mid, 10) * ATS_BPS)                                 \
    X(mid_return_60s_bps, "60 s", "bps", -INFINITY, INFINITY, 60, seconds, "quote",                \
      "mid / last mid of the sixtieth second before the present one - 1",                          \
      ats_seconds_return(&self->seconds, self->mid, 60) * ATS_BPS)                                 \
    X(realised_60s_bps, "60 s", "bps a second", 0, INFINITY, 61, seconds, "quote",                 \
      "root of the mean squared return over the last 60 whole seconds",                            \
      ats_root(self->seconds.square_60 / 60) * ATS_BPS)                                            \
    X(quotes_per_second_10s, "10 s", "1/s", 0, INFINITY, 10, seconds, "quote",                     \
      "two-sided quotes in the last ten whole seconds / 10", (double)self->seconds.quotes_10 / 10)

typedef struct ats_book {
    double bid, ask, bid_size, ask_size, mid; /* 0 = no interest; mid of the last two-sided quote */
    bool two_sided;
    uint64_t quotes, changes;
    ats_ema mid_20, mid_100, spread_100, imbalance_20;
    ats_ema flow_20, flow_size_20, flow_100, flow_size_100;
    ats_ema squared_return_100;
    ats_seconds seconds;
} ats_book;

static inline double ats_book_imbalance(const ats_book *self)
{
    return ats_ratio_or(self->bid_size - self->ask_size, self->bid_size + self->ask_size, 0.0);
}

/* A flow is between two two-sided quotes in a row. */
static inline void ats_book_flow(ats_book *self, double bid, double bid_size, double ask,
                                 double ask_size)
{
    double flow = ats_order_flow(self->bid, self->bid_size, self->ask, self->ask_size, bid,
                                 bid_size, ask, ask_size);
    double size = flow < 0 ? -flow : flow;
    ats_ema_update(&self->flow_20, flow, 20);
    ats_ema_update(&self->flow_size_20, size, 20);
    ats_ema_update(&self->flow_100, flow, 100);
    ats_ema_update(&self->flow_size_100, size, 100);
}

/* ns: time of the quote. A one-sided quote leaves all averages and the mid where they were. */
static inline void ats_book_update(ats_book *self, int64_t ns, double bid, double bid_size,
                                   double ask, double ask_size)
{
    bool two_sided = bid > 0 && ask > 0;
    ats_seconds_pass(&self->seconds, ns);
    if (two_sided) {
        double mid = (bid + ask) / 2;
        if (self->two_sided)
            ats_book_flow(self, bid, bid_size, ask, ask_size);
        if (self->quotes && mid != self->mid) {
            double r = mid / self->mid - 1;
            ats_ema_update(&self->squared_return_100, r * r, 100);
            self->changes++;
        }
        self->mid = mid;
        self->quotes++;
        ats_ema_update(&self->mid_20, mid, 20);
        ats_ema_update(&self->mid_100, mid, 100);
        ats_ema_update(&self->spread_100, ask - bid, 100);
        ats_seconds_quote(&self->seconds, ns, mid);
    }
    self->two_sided = two_sided;
    self->bid = bid;
    self->ask = ask;
    self->bid_size = bid_size;
    self->ask_size = ask_size;
    if (two_sided)
        ats_ema_update(&self->imbalance_20, ats_book_imbalance(self), 20);
}

static inline double *ats_book_values(const ats_book *self, const ats_seen *seen, double *out)
{
    double inverse_mid = 1.0 / self->mid, imbalance = ats_book_imbalance(self);
    ATS_BOOK_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
