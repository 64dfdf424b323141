/* talib.h: TA-Lib's C library as a peer, when it can be found at run time.
 *
 * The functions whose values the bar families hold (tests/python/test_parity.py proves them equal),
 * each with the number of bars it needs for its last value. Functions that look back for ever
 * (EMA, Wilder) need as many bars as it takes the first to count for less than 1e-9.
 */
#ifndef ATS_BENCH_TALIB_H
#define ATS_BENCH_TALIB_H

#include <stdbool.h>
#include <stdint.h>

typedef struct ats_talib_bars {
    const double *open, *high, *low, *close, *volume;
} ats_talib_bars;

typedef struct ats_talib_function {
    const char *name;
    const char *family; /* of ours, that has its value */
    uint32_t bars;      /* for one value */
    uint32_t values;    /* a bar */
    /* Bars 0..n - 1 into out, which holds 3 n doubles. */
    void (*call)(const ats_talib_bars *bars, int n, double *out);
} ats_talib_function;

/* Loads the library from the variable ATS_TALIB, or from the tests' virtual environment under the
 * working directory. False, with why, when there is none. */
bool ats_talib_load(char *why, uint32_t bytes);

extern const ats_talib_function ats_talib_functions[];
extern const uint32_t ats_talib_function_count;

#endif
