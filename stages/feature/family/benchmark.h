/* benchmark.h: the symbol beside its index and its sector.
 *
 * Returns are paired by the start of the bar; a bar that only one of the two has is left out of
 * both. Without an index (or sector) in the configuration, NaN.
 */
#ifndef ATS_STAGES_FEATURE_FAMILY_BENCHMARK_H
#define ATS_STAGES_FEATURE_FAMILY_BENCHMARK_H

#include "stages/feature/family.h"

#define ATS_BENCHMARK_FEATURES(X)                                                                  \
    X(index_strength_20_bps, "n=20", "bps", -INFINITY, INFINITY, 20, paired, "bar, index bar",     \
      "sum of 20 returns less the index's", ats_pair_strength(&self->index) * ATS_BPS)             \
    X(index_beta_20, "n=20", "ratio", -INFINITY, INFINITY, 20, paired, "bar, index bar",           \
      "slope of return on the index's return (Sharpe 1964); an index that stood still: NaN",       \
      ats_pair_beta(&self->index))                                                                 \
    X(index_correlation_20, "n=20", "ratio", -1, 1, 20, paired, "bar, index bar",                  \
      "Pearson's of the two returns; one that stood still: NaN",                                   \
      ats_pair_correlation(&self->index))                                                          \
    X(sector_strength_20_bps, "n=20", "bps", -INFINITY, INFINITY, 20, sectored, "bar, sector bar", \
      "sum of 20 returns less the sector's", ats_pair_strength(&self->sector) * ATS_BPS)           \
    X(sector_beta_20, "n=20", "ratio", -INFINITY, INFINITY, 20, sectored, "bar, sector bar",       \
      "slope of return on the sector's return; a sector that stood still: NaN",                    \
      ats_pair_beta(&self->sector))                                                                \
    X(sector_correlation_20, "n=20", "ratio", -1, 1, 20, sectored, "bar, sector bar",              \
      "Pearson's of the two returns; one that stood still: NaN",                                   \
      ats_pair_correlation(&self->sector))

/* A pair's terms of the sums over 20. x: return of the benchmark, y: of the symbol. */
typedef struct ats_pair_terms {
    double x, y, xx, yy, xy;
} ats_pair_terms;

typedef struct ats_pairing {
    uint64_t count;
    ats_pair_terms ring[ATS_ROLL], sum;
} ats_pairing;

typedef struct ats_benchmark_family {
    ats_pairing index, sector;
} ats_benchmark_family;

static inline void ats_pairing_update(ats_pairing *p, double x, double y)
{
    ats_pair_terms terms = {.x = x, .y = y, .xx = x * x, .yy = y * y, .xy = x * y};
    uint64_t i = p->count++;
    ATS_ROLL_UPDATE(p->ring, &p->sum, i, 20, &terms);
}

static inline double ats_pair_strength(const ats_pairing *p)
{
    return p->sum.y - p->sum.x;
}

/* 20^2 times a variance; 0 when it is nothing but rounding. */
static inline double ats_spread_of(double square, double sum)
{
    double spread = 20 * square - sum * sum;
    return spread > 1e-12 * square ? spread : 0.0;
}
static inline double ats_pair_beta(const ats_pairing *p)
{
    double spread = ats_spread_of(p->sum.xx, p->sum.x);
    return spread > 0 ? (20 * p->sum.xy - p->sum.x * p->sum.y) / spread : NAN;
}
static inline double ats_pair_correlation(const ats_pairing *p)
{
    double x = ats_spread_of(p->sum.xx, p->sum.x), y = ats_spread_of(p->sum.yy, p->sum.y);
    if (!(x > 0) || !(y > 0))
        return NAN;
    double r = (20 * p->sum.xy - p->sum.x * p->sum.y) / sqrt(x * y);
    return r > 1.0 ? 1.0 : r < -1.0 ? -1.0 : r;
}

static inline double *ats_benchmark_values(const ats_benchmark_family *self, const ats_seen *seen,
                                           double *out)
{
    ATS_BENCHMARK_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
