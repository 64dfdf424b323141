/* holding.h: how long should positions be held? The number of bars after which the last entries
 * stood best, whatever became of them.
 *
 * Each entry is watched for ATS_HOLDING_BARS_MAX bars, also after it was left: its profit over its
 * risk (the distance of its stop) at each close, from the entry's price; once a close lies at or
 * beyond the stop it stays at -1. The best time is the one with the highest mean over the last
 * ATS_HOLDING_ENTRIES entries that were watched to the end, the shortest of equals.
 *
 * A table that is fitted to the past and used on the future: the mean of the best of 64 is higher
 * than what it will be. Nothing is said before `least` entries.
 *
 * O(entries) a bar. Zeroed memory is empty. Owner: the caller's thread.
 */
#ifndef ATS_CALC_HOLDING_H
#define ATS_CALC_HOLDING_H

#include <stdint.h>

#define ATS_HOLDING_BARS_MAX 64u
#define ATS_HOLDING_ENTRIES  32u

typedef struct ats_holding_entry {
    double price, risk; /* risk > 0; 0: a free place */
    uint32_t key;       /* the symbol, or what else the bars are of */
    uint32_t bars;      /* closes seen; BARS_MAX: watched to the end */
    int32_t side;       /* 1 long, -1 short */
    uint32_t stopped;
    float profit[ATS_HOLDING_BARS_MAX]; /* [n]: after n + 1 bars */
} ats_holding_entry;

typedef struct ats_holding_times {
    uint64_t count;                                     /* entries in all */
    ats_holding_entry entries[2 * ATS_HOLDING_ENTRIES]; /* as many again may be watched still */
} ats_holding_times;

/* An entry; one that is watched too long ago to have an end makes room. Without a price or a risk
 * above 0 it is not watched. */
void ats_holding_enter(ats_holding_times *times, uint32_t key, int side, double price, double risk);

/* A bar of this key has closed: the first after an entry may be the one that it was filled in. */
void ats_holding_bar(ats_holding_times *times, uint32_t key, double close);

/* A split changes the unit of a key's prices. */
void ats_holding_rescale(ats_holding_times *times, uint32_t key, double factor);

/* Bars, 1 .. ATS_HOLDING_BARS_MAX; 0 with fewer than `least` entries watched to the end. *mean: of
 * their profit over risk then. */
uint32_t ats_holding_best(const ats_holding_times *times, uint32_t least, double *mean);

#endif
