/* catalogue.h: the features, each defined once.
 *
 * One line a feature gives its index in the vector, its name, family, parameters, unit, range,
 * warm-up, inputs and the source of its formula. The hash of all lines is the feature version that
 * models carry: change a line and no older model loads.
 */
#ifndef ATS_STAGES_FEATURE_CATALOGUE_H
#define ATS_STAGES_FEATURE_CATALOGUE_H

#include <stdint.h>

/* X(id, family, parameters, unit, range, warm_up, inputs, source) */
#define ATS_FEATURES(X)                                                                            \
    X(spread_bps, "microstructure", "", "bps of mid", ">= 0, < 0 when crossed", "1 quote",         \
      "quote", "(ask - bid) / mid")                                                                \
    X(microprice_bps, "microstructure", "", "bps of mid", "within half a spread", "1 quote",       \
      "quote", "Gatheral and Oomen 2010: size-weighted mid less mid")                              \
    X(queue_imbalance, "microstructure", "", "ratio", "-1..1", "1 quote", "quote",                 \
      "Cont, Kukanov, Stoikov 2014: (bid size - ask size) / sum")                                  \
    X(mid_ema20_bps, "trend", "n=20 quotes", "bps", "any", "20 quotes", "quote",                   \
      "mid / EMA(mid) - 1")                                                                        \
    X(mid_ema100_bps, "trend", "n=100 quotes", "bps", "any", "100 quotes", "quote",                \
      "mid / EMA(mid) - 1")                                                                        \
    X(order_flow_imbalance, "microstructure", "n=20 quotes", "ratio", "-1..1", "20 quotes",        \
      "quote", "Cont, Kukanov, Stoikov 2014 eq. 4, EMA of flow / EMA of |flow|")                   \
    X(trade_flow_imbalance, "microstructure", "n=50 trades", "ratio", "-1..1", "50 trades",        \
      "trade, quote", "EMA of signed size / EMA of size; sign by Lee and Ready 1991")              \
    X(tick_imbalance, "microstructure", "n=50 trades", "ratio", "-1..1", "50 trades", "trade",     \
      "EMA of the sign of price changes")                                                          \
    X(effective_spread_bps, "microstructure", "last trade", "bps", ">= 0", "1 trade",              \
      "trade, quote", "2 |price - mid| / mid (SEC Rule 605)")                                      \
    X(volatility_bps, "volatility", "n=100 mid changes", "bps a change", ">= 0", "100 changes",    \
      "quote", "sqrt(EMA of squared mid returns)")                                                 \
    X(return_1m_bps, "price", "1m", "bps", "any", "2 bars", "bar 1m",                              \
      "close / previous close - 1")                                                                \
    X(return_5x1m_bps, "price", "5 x 1m", "bps", "any", "6 bars", "bar 1m",                        \
      "close / close 5 bars before - 1")                                                           \
    X(range_1m_bps, "volatility", "1m", "bps", ">= 0", "1 bar", "bar 1m", "(high - low) / close")  \
    X(volume_ratio_1m, "volume", "n=20", "ratio", ">= 0", "20 bars", "bar 1m",                     \
      "volume / mean volume of the last 20 bars")                                                  \
    X(rsi14_1m, "momentum", "n=14", "index", "0..100", "15 bars", "bar 1m",                        \
      "Wilder 1978; TA-Lib RSI")                                                                   \
    X(sma20_1m_bps, "trend", "n=20", "bps", "any", "20 bars", "bar 1m", "mid / SMA(close) - 1")    \
    X(atr14_1m_bps, "volatility", "n=14", "bps", ">= 0", "15 bars", "bar 1m",                      \
      "Wilder 1978; TA-Lib ATR, over close")                                                       \
    X(return_5m_bps, "price", "5m", "bps", "any", "2 bars", "bar 5m",                              \
      "close / previous close - 1")                                                                \
    X(rsi14_5m, "momentum", "n=14", "index", "0..100", "15 bars", "bar 5m",                        \
      "Wilder 1978; TA-Lib RSI")                                                                   \
    X(vwap_distance_bps, "volume", "UTC day", "bps", "any", "1 trade", "trade, quote",             \
      "mid / (sum of price x size / sum of size) - 1")

#define ATS_FEATURE_ID(id, ...) ATS_FEATURE_##id,
typedef enum ats_feature_id { ATS_FEATURES(ATS_FEATURE_ID) ATS_FEATURE_COUNT } ats_feature_id;

typedef struct ats_feature_def {
    const char *name;
    const char *family;
    const char *parameters;
    const char *unit;
    const char *range;
    const char *warm_up;
    const char *inputs;
    const char *source;
} ats_feature_def;

/* The definition of feature i; i < ATS_FEATURE_COUNT. */
const ats_feature_def *ats_feature_at(uint32_t i);

/* xxh3 over every text of every definition, in order. */
uint64_t ats_feature_version(void);

#endif
