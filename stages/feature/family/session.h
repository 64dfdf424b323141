/* session.h: where the price stands in its trading day, and where the day stands.
 *
 * A trading day runs from the end of the one before (calc/calendar.h). What is counted "since the
 * session began" begins again with the regular session; before it, with the pre-market. Prints of
 * any kind that count in volume count here; those that form no price move no high or low.
 */
#ifndef ATS_STAGES_FEATURE_FAMILY_SESSION_H
#define ATS_STAGES_FEATURE_FAMILY_SESSION_H

#include "calc/calendar.h"
#include "calc/indicators/volume.h"
#include "stages/feature/family.h"

#define ATS_SESSION_FEATURES(X)                                                                    \
    X(vwap_distance_bps, "session", "bps", -INFINITY, INFINITY, 1, prints, "trade, quote",         \
      "price / (sum of price x size / sum of size) - 1",                                           \
      ats_bps_from(price, ats_vwap_value(&self->vwap)))                                            \
    X(vwap_z, "session", "standard deviations", -INFINITY, INFINITY, 2, prints, "trade, quote",    \
      "(price - VWAP) / volume-weighted deviation of prices; all at one price: 0",                 \
      ats_ratio_or(price - ats_vwap_value(&self->vwap), ats_vwap_deviation(&self->vwap), 0.0))     \
    X(session_return_bps, "session", "bps", -INFINITY, INFINITY, 1, prints, "trade, quote",        \
      "price / first price of the session - 1", ats_bps_from(price, self->open))                   \
    X(overnight_gap_bps, "session", "bps", -INFINITY, INFINITY, 1, sessions, "trade",              \
      "first price of the session / last price of the regular session before - 1; no print yet: "  \
      "NaN",                                                                                       \
      self->open > 0 ? ats_bps_from(self->open, self->previous_close) : NAN)                       \
    X(session_high_bps, "session", "bps", -INFINITY, INFINITY, 1, prints, "trade, quote",          \
      "highest price / price - 1; below 0: a new high is being quoted",                            \
      self->open > 0 ? ats_bps_from(self->high, price) : NAN)                                      \
    X(session_low_bps, "session", "bps", -INFINITY, INFINITY, 1, prints, "trade, quote",           \
      "price / lowest price - 1; below 0: a new low is being quoted",                              \
      ats_bps_from(price, self->low))                                                              \
    X(session_volume_ratio, "session", "ratio", 0, INFINITY, 1, sessions, "trade",                 \
      "volume so far / volume of the whole session before",                                        \
      ats_ratio_or(self->vwap.volume, self->previous_volume, NAN))                                 \
    X(session_elapsed, "", "ratio", 0, 1, 1, segments, "time",                                     \
      "share of the regular session that is over; 0 before, 1 after",                              \
      ats_session_elapsed(segment, now_ns))                                                        \
    X(minutes_to_close, "", "minutes", 0, INFINITY, 1, segments, "time",                           \
      "to the end of the regular session (early closes known); 0 after",                           \
      ats_minutes_to_close(segment, now_ns))                                                       \
    X(session_phase, "", "0 closed, 1 pre-market, 2 regular, 3 after hours", 0, 3, 1, segments,    \
      "time", "market calendar", segment->phase)                                                   \
    X(day_of_week, "", "1 Monday .. 7 Sunday", 1, 7, 1, segments, "time",                          \
      "of the trading day (market calendar)", self->day_of_week)

typedef struct ats_session_family {
    ats_vwap vwap;
    double open, high, low, last; /* 0 = no print that forms a price yet */
    double previous_close, previous_volume;
    double close, close_volume; /* of the regular session of `date`, once it is over; 0 = not yet */
    uint64_t prints;
    uint64_t sessions; /* regular ones with prints that are over */
    double day_of_week;
    uint32_t date; /* of the session the sums are of */
    uint8_t phase; /* of the segment that was entered last */
} ats_session_family;

/* Another segment of the calendar begins. The regular session keeps what it had through the
 * after-hours; pre-market and regular session each begin afresh. */
static inline void ats_session_enter(ats_session_family *self, const ats_segment *segment)
{
    bool leaves_regular = self->phase == ATS_PHASE_REGULAR;
    bool next_date = segment->date != self->date;
    bool begins = segment->phase == ATS_PHASE_REGULAR || next_date;
    if (leaves_regular && self->last > 0) {
        self->close = self->last;
        self->close_volume = self->vwap.volume;
    }
    /* Until the next date begins, "the session before" is still yesterday's. */
    if (next_date && self->close > 0) {
        self->previous_close = self->close;
        self->previous_volume = self->close_volume;
        self->sessions++;
        self->close = 0.0;
    }
    if (begins) {
        ats_vwap_reset(&self->vwap);
        self->open = self->high = self->low = self->last = 0.0;
        self->prints = 0;
    }
    self->date = segment->date;
    self->phase = segment->phase;
    self->day_of_week = segment->date ? ats_date_weekday(segment->date) + 1.0 : NAN;
}

/* A print: volume counts always, the price when it forms one. */
static inline void ats_session_print(ats_session_family *self, double px, double volume,
                                     bool forms_price)
{
    ats_vwap_add(&self->vwap, px, volume);
    self->prints++;
    if (!forms_price)
        return;
    if (self->open == 0.0)
        self->open = self->high = self->low = px;
    self->high = px > self->high ? px : self->high;
    self->low = px < self->low ? px : self->low;
    self->last = px;
}

/* A ready-made bar: its volume at its own mean price. */
static inline void ats_session_bar(ats_session_family *self, const ats_price_bar *b, double mean_px)
{
    if (self->open == 0.0) {
        self->open = b->open;
        self->high = b->high;
        self->low = b->low;
    }
    self->high = b->high > self->high ? b->high : self->high;
    self->low = b->low < self->low ? b->low : self->low;
    self->last = b->close;
    ats_vwap_add(&self->vwap, mean_px, b->volume);
    self->prints++;
}

/* Takes the volume of a cancelled print back; never below nothing. */
static inline void ats_session_reverse(ats_session_family *self, double px, double volume)
{
    if (volume < self->vwap.volume)
        ats_vwap_add(&self->vwap, px, -volume);
    else
        ats_vwap_reset(&self->vwap);
}

static inline double ats_session_elapsed(const ats_segment *segment, int64_t now_ns)
{
    if (now_ns <= segment->open_ns)
        return 0.0;
    if (now_ns >= segment->close_ns)
        return 1.0;
    return (double)(now_ns - segment->open_ns) / (double)(segment->close_ns - segment->open_ns);
}

static inline double ats_minutes_to_close(const ats_segment *segment, int64_t now_ns)
{
    return now_ns >= segment->close_ns ? 0.0 : (double)(segment->close_ns - now_ns) / 60e9;
}

static inline double *ats_session_values(const ats_session_family *self, const ats_segment *segment,
                                         int64_t now_ns, double price, const ats_seen *seen,
                                         double *out)
{
    ATS_SESSION_FEATURES(ATS_FEATURE_VALUE)
    return out;
}

#endif
