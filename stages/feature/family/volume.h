/* volume.h: how much was traded, and on which side of the bar. */
#ifndef ATS_STAGES_FEATURE_FAMILY_VOLUME_H
#define ATS_STAGES_FEATURE_FAMILY_VOLUME_H

#include "calc/indicators/volume.h"
#include "stages/feature/family.h"

#define ATS_VOLUME_FEATURES(X)                                                                     \
    X(volume_ratio_20, "n=20", "ratio", 0, 20, 20, bars, "bar",                                    \
      "volume / mean of the last 20; no volume in all 20: 1",                                      \
      self->sum.volume > 0 ? b->volume * 20 * self->inverse_volume : 1.0)                          \
    X(volume_z_20, "n=20", "standard deviations", -4.5, 4.5, 20, bars, "bar",                      \
      "(volume - mean) / population deviation of the last 20, always within sqrt(19); equal "      \
      "volumes: 0",                                                                                \
      ats_volume_z(self, b->volume))                                                               \
    X(obv_change_20, "n=20", "ratio", -1, 1, 21, bars, "bar",                                      \
      "gain of on-balance volume (Granville 1963; TA-Lib OBV) over 20 bars / their volume; no "    \
      "volume: 0",                                                                                 \
      self->sum.on_balance * self->inverse_volume)                                                 \
    X(money_flow_20, "n=20", "ratio", -1, 1, 20, bars, "bar",                                      \
      "Chaikin money flow: gain of accumulation-distribution (TA-Lib AD) over 20 bars / their "    \
      "volume; no volume: 0",                                                                      \
      self->sum.accumulation * self->inverse_volume)                                               \
    X(chaikin_3_10, "n=3, 10", "bars of mean volume", -INFINITY, INFINITY, 20, bars, "bar",        \
      "Chaikin oscillator (TA-Lib ADOSC) / mean volume of the last 20; no volume: 0",              \
      ats_chaikin_value(&self->chaikin) * 20 * self->inverse_volume)                               \
    X(vwap_20_distance_bps, "n=20", "bps", -INFINITY, INFINITY, 20, bars, "bar",                   \
      "close / (sum of typical price x volume / volume of 20 bars) - 1; no volume: NaN",           \
      self->sum.volume > 0 ? ats_bps_from(b->close, self->sum.value * self->inverse_volume) : NAN)

/* A bar's terms of the sums over 20. */
typedef struct ats_volume_terms {
    double volume, value, on_balance, accumulation;
} ats_volume_terms;

typedef struct ats_volume_family {
    ats_volume_terms ring[ATS_ROLL], sum;
    double inverse_volume; /* 1 / sum.volume; 0 = no volume, so what is shared is nothing */
    double volume_square;  /* about `origin` */
    double origin;
    double volume_away; /* sum about `origin` */
    ats_chaikin chaikin;
} ats_volume_family;

/* Squares are taken about a recent volume and added up afresh once a lap, so nothing cancels. */
static inline void ats_volume_squares(ats_volume_family *self, uint64_t i, double volume)
{
    if (__builtin_expect(i % ATS_ROLL == ATS_ROLL - 1 || i == 0, 0)) {
        self->origin = volume;
        self->volume_square = self->volume_away = 0.0;
        for (uint32_t back = i < 19 ? (uint32_t)i + 1 : 20; back-- > 0;) {
            double away = self->ring[(i - back) % ATS_ROLL].volume - volume;
            self->volume_away += away;
            self->volume_square += away * away;
        }
        return;
    }
    double away = volume - self->origin;
    double left = i < 20 ? 0.0 : self->ring[(i - 20) % ATS_ROLL].volume - self->origin;
    self->volume_away += away - left;
    self->volume_square += away * away - left * left;
}

static inline double ats_volume_z(const ats_volume_family *self, double volume)
{
    double mean = self->volume_away * (1.0 / 20),
           variance = self->volume_square * (1.0 / 20) - mean * mean;
    double away = volume - self->origin - mean;
    /* Rounding leaves a variance of up to 1e-15 of the squares when all volumes are equal. */
    return variance > 1e-14 * self->origin * self->origin ? away / sqrt(variance) : 0.0;
}

static inline void ats_volume_update(ats_volume_family *self, const ats_bar_facts *b)
{
    ats_volume_terms terms = {
        .volume = b->volume,
        .value = b->typical * b->volume,
        .on_balance = b->i ? ats_on_balance(b->close, b->previous_close, b->volume) : 0.0,
        .accumulation = ats_accumulation(b->high, b->low, b->close, b->volume)};
    ATS_ROLL_UPDATE(self->ring, &self->sum, b->i, 20, &terms);
    self->inverse_volume = ats_ratio_or(1.0, self->sum.volume, 0.0);
    ats_volume_squares(self, b->i, b->volume);
    ats_chaikin_update(&self->chaikin, b->i, terms.accumulation);
}

static inline double *ats_volume_values(const ats_volume_family *self, const ats_bar_facts *b,
                                        const ats_seen *seen, double *out)
{
    ATS_VOLUME_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
