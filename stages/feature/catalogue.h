/* catalogue.h: the registry: every feature of a run, in the order of the vector.
 *
 * The rows of the families (family.h) are the one source: the tick families first, then what the
 * timeframes say together, then the bar families once for each timeframe, fastest first. The hash
 * of all of it is the feature version that models carry: change a row, the list of timeframes or a
 * benchmark, and no older model loads. Cold; built once, then read only.
 */
#ifndef ATS_STAGES_FEATURE_CATALOGUE_H
#define ATS_STAGES_FEATURE_CATALOGUE_H

#include "stages/feature/family/across.h"
#include "stages/feature/family/band.h"
#include "stages/feature/family/benchmark.h"
#include "stages/feature/family/book.h"
#include "stages/feature/family/flow.h"
#include "stages/feature/family/momentum.h"
#include "stages/feature/family/pattern.h"
#include "stages/feature/family/price.h"
#include "stages/feature/family/session.h"
#include "stages/feature/family/tape.h"
#include "stages/feature/family/trend.h"
#include "stages/feature/family/volatility.h"
#include "stages/feature/family/volume.h"

/* X(family name, its rows) */
#define ATS_TICK_FAMILIES(X)                                                                       \
    X(book, ATS_BOOK_FEATURES)                                                                     \
    X(tape, ATS_TAPE_FEATURES)                                                                     \
    X(session, ATS_SESSION_FEATURES)
#define ATS_BAR_FAMILIES(X)                                                                        \
    X(price, ATS_PRICE_FEATURES)                                                                   \
    X(volume, ATS_VOLUME_FEATURES)                                                                 \
    X(volatility, ATS_VOLATILITY_FEATURES)                                                         \
    X(momentum, ATS_MOMENTUM_FEATURES)                                                             \
    X(trend, ATS_TREND_FEATURES)                                                                   \
    X(band, ATS_BAND_FEATURES)                                                                     \
    X(pattern, ATS_PATTERN_FEATURES)                                                               \
    X(flow, ATS_FLOW_FEATURES)                                                                     \
    X(benchmark, ATS_BENCHMARK_FEATURES)

/* Places of features in the vector (tick families) and in a timeframe's part of it (bar families):
 * ATS_FEATURE_spread_bps, ATS_BAR_FEATURE_rsi_14. */
#define ATS_FEATURE_ID(id, ...)     ATS_FEATURE_##id,
#define ATS_BAR_FEATURE_ID(id, ...) ATS_BAR_FEATURE_##id,
#define ATS_TICK_IDS(family, ROWS)  ROWS(ATS_FEATURE_ID)
#define ATS_BAR_IDS(family, ROWS)   ROWS(ATS_BAR_FEATURE_ID)
enum { ATS_TICK_FAMILIES(ATS_TICK_IDS) ATS_TICK_FEATURE_COUNT };
enum { ATS_ACROSS_FEATURE_COUNT = 0 ATS_ACROSS_FEATURES(ATS_FEATURE_ONE) };
enum { ATS_BAR_FAMILIES(ATS_BAR_IDS) ATS_BAR_FEATURE_COUNT };

/* Where the parts of the vector begin. */
#define ATS_ACROSS_AT ((uint32_t)ATS_TICK_FEATURE_COUNT)
#define ATS_TIMEFRAME_AT(k)                                                                        \
    (ATS_ACROSS_AT + ATS_ACROSS_FEATURE_COUNT + (k) * (uint32_t)ATS_BAR_FEATURE_COUNT)

#define ATS_TIMEFRAMES_MAX   6u
#define ATS_FEATURES_MAX     (ATS_TIMEFRAME_AT(ATS_TIMEFRAMES_MAX))
#define ATS_INDEX_BYTES      24u
#define ATS_BENCHMARKS_BYTES 1024u

/* What a user chooses. */
typedef struct ats_feature_options {
    uint32_t timeframe_count;                 /* 0: the default list */
    uint32_t timeframe_s[ATS_TIMEFRAMES_MAX]; /* ascending, each a divisor of a day */
    char index[ATS_INDEX_BYTES];              /* symbol of the index; "" = none */
    char sectors[ATS_BENCHMARKS_BYTES];       /* "XLK: AAPL MSFT; XLF: JPM"; "" = none */
} ats_feature_options;

/* 1m, 5m, 15m, 1h; no index, no sectors. */
ats_feature_options ats_feature_options_default(void);

/* Reads "1m,5m,15m,1h" (s, m, h, d) into options. NULL, or what is wrong with it. */
const char *ats_timeframes_read(const char *text, ats_feature_options *options);

/* The same, 0 or -1 with an error pushed that says what is allowed. */
int ats_timeframes_parse(const char *text, ats_feature_options *options);

/* Writes them back: "1m,5m,15m,1h". */
#define ATS_TIMEFRAMES_TEXT 64u
void ats_timeframes_print(const ats_feature_options *options, char text[ATS_TIMEFRAMES_TEXT]);

/* "15m" of 900; 8 bytes are enough. */
void ats_timeframe_label(uint32_t seconds, char label[8]);

typedef struct ats_feature_def {
    char name[48];
    const char *family, *parameters, *unit;
    double low, high; /* -INFINITY, INFINITY = no bound */
    uint32_t warm_up;
    const char *counter; /* what warm_up counts: a field of ats_seen */
    const char *inputs, *source;
    uint32_t timeframe_s; /* 0 = of no one timeframe */
} ats_feature_def;

typedef struct ats_catalogue {
    uint32_t count;
    uint64_t version; /* xxh3 of every text and number of every row, in order, and the benchmarks */
    ats_feature_options options;
    ats_feature_def feature[ATS_FEATURES_MAX];
} ats_catalogue;

/* NULL options: the defaults. 0, or -1 with an error pushed (timeframes out of order or uneven). */
int ats_catalogue_make(ats_catalogue *catalogue, const ats_feature_options *options);

/* Place of a feature by name, or -1. */
int ats_catalogue_find(const ats_catalogue *catalogue, const char *name);

/* "0 to 100", ">= 0", "any": the range as text. */
void ats_feature_range_text(const ats_feature_def *feature, char text[48]);

#endif
