#include "bench/talib.h"

#include <dlfcn.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* TA-Lib's own signatures (ta_func.h); loaded by name, so nothing of it is needed to build. */
typedef int (*real_in)(int, int, const double *, int, int *, int *, double *);
typedef int (*hlc_in)(int, int, const double *, const double *, const double *, int, int *, int *,
                      double *);
typedef int (*ohlc_in)(int, int, const double *, const double *, const double *, const double *,
                       int *, int *, double *);
typedef int (*candle_in)(int, int, const double *, const double *, const double *, const double *,
                         int *, int *, int *);

static void *library;
static int begin, count; /* where a call's output begins, and how many: not looked at */

/* The function of this name, looked up once. */
#define FUNCTION(type, name)                                                                       \
    static type function;                                                                          \
    if (!function)                                                                                 \
        *(void **)&function = dlsym(library, name);

#define REAL(id, name, series, n)                                                                  \
    static void id(const ats_talib_bars *b, int bars, double *out)                                 \
    {                                                                                              \
        FUNCTION(real_in, name)                                                                    \
        function(0, bars - 1, b->series, n, &begin, &count, out);                                  \
    }
#define HLC(id, name, n)                                                                           \
    static void id(const ats_talib_bars *b, int bars, double *out)                                 \
    {                                                                                              \
        FUNCTION(hlc_in, name)                                                                     \
        function(0, bars - 1, b->high, b->low, b->close, n, &begin, &count, out);                  \
    }
#define CANDLE(id, name)                                                                           \
    static void id(const ats_talib_bars *b, int bars, double *out)                                 \
    {                                                                                              \
        FUNCTION(candle_in, name)                                                                  \
        function(0, bars - 1, b->open, b->high, b->low, b->close, &begin, &count, (int *)out);     \
    }

REAL(rocp_5, "TA_ROCP", close, 5)
REAL(rocp_20, "TA_ROCP", close, 20)
REAL(roc_10, "TA_ROC", close, 10)
REAL(rsi_14, "TA_RSI", close, 14)
REAL(sma_20, "TA_SMA", close, 20)
REAL(sma_50, "TA_SMA", close, 50)
REAL(ema_20, "TA_EMA", close, 20)
REAL(ema_50, "TA_EMA", close, 50)
REAL(slope_14, "TA_LINEARREG_SLOPE", close, 14)
REAL(max_20, "TA_MAX", high, 20)
REAL(min_20, "TA_MIN", low, 20)
REAL(max_55, "TA_MAX", high, 55)
REAL(min_55, "TA_MIN", low, 55)
HLC(natr_14, "TA_NATR", 14)
HLC(willr_14, "TA_WILLR", 14)
HLC(cci_20, "TA_CCI", 20)
HLC(adx_14, "TA_ADX", 14)
HLC(plus_di_14, "TA_PLUS_DI", 14)
HLC(minus_di_14, "TA_MINUS_DI", 14)
CANDLE(doji, "TA_CDLDOJI")
CANDLE(hammer, "TA_CDLHAMMER")
CANDLE(shooting_star, "TA_CDLSHOOTINGSTAR")
CANDLE(engulfing, "TA_CDLENGULFING")
CANDLE(harami, "TA_CDLHARAMI")

static void bop(const ats_talib_bars *b, int bars, double *out)
{
    FUNCTION(ohlc_in, "TA_BOP")
    function(0, bars - 1, b->open, b->high, b->low, b->close, &begin, &count, out);
}

static void obv(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, const double *, int *, int *, double *);
    FUNCTION(in, "TA_OBV")
    function(0, bars - 1, b->close, b->volume, &begin, &count, out);
}

static void ad(const ats_talib_bars *b, int bars, double *out)
{
    FUNCTION(ohlc_in, "TA_AD")
    function(0, bars - 1, b->high, b->low, b->close, b->volume, &begin, &count, out);
}

static void adosc(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, const double *, const double *, const double *, int,
                      int, int *, int *, double *);
    FUNCTION(in, "TA_ADOSC")
    function(0, bars - 1, b->high, b->low, b->close, b->volume, 3, 10, &begin, &count, out);
}

static void trange(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, const double *, const double *, int *, int *,
                      double *);
    FUNCTION(in, "TA_TRANGE")
    function(0, bars - 1, b->high, b->low, b->close, &begin, &count, out);
}

static void macd(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, int, int, int, int *, int *, double *, double *,
                      double *);
    FUNCTION(in, "TA_MACD")
    function(0, bars - 1, b->close, 12, 26, 9, &begin, &count, out, out + bars, out + 2 * bars);
}

static void stoch(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, const double *, const double *, int, int, int, int,
                      int, int *, int *, double *, double *);
    FUNCTION(in, "TA_STOCH")
    function(0, bars - 1, b->high, b->low, b->close, 14, 3, 0, 3, 0, &begin, &count, out,
             out + bars);
}

static void mfi_14(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, const double *, const double *, const double *, int,
                      int *, int *, double *);
    FUNCTION(in, "TA_MFI")
    function(0, bars - 1, b->high, b->low, b->close, b->volume, 14, &begin, &count, out);
}

static void ultosc(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, const double *, const double *, int, int, int,
                      int *, int *, double *);
    FUNCTION(in, "TA_ULTOSC")
    function(0, bars - 1, b->high, b->low, b->close, 7, 14, 28, &begin, &count, out);
}

static void aroon(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, const double *, int, int *, int *, double *,
                      double *);
    FUNCTION(in, "TA_AROON")
    function(0, bars - 1, b->high, b->low, 25, &begin, &count, out, out + bars);
}

static void bbands(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, int, double, double, int, int *, int *, double *,
                      double *, double *);
    FUNCTION(in, "TA_BBANDS")
    function(0, bars - 1, b->close, 20, 2, 2, 0, &begin, &count, out, out + bars, out + 2 * bars);
}

static void stddev(const ats_talib_bars *b, int bars, double *out)
{
    typedef int (*in)(int, int, const double *, int, double, int *, int *, double *);
    FUNCTION(in, "TA_STDDEV")
    function(0, bars - 1, b->close, 20, 1, &begin, &count, out);
}

/* Bars until the first one's share has fallen below 1e-9, ln(1e-9) = -20.72: Wilder 14, 20.72 /
 * ln(14/13) = 280; EMA n, 20.72 / ln((n+1)/(n-1)): 10: 104, 20: 208, 26: 270, 50: 518; ADX smooths
 * twice, MACD's signal line smooths the slow one's rest. */
const ats_talib_function ats_talib_functions[] = {
    {"ROCP 5", "price", 6, 1, rocp_5},
    {"ROCP 20", "price", 21, 1, rocp_20},
    {"BOP", "price", 1, 1, bop},
    {"OBV", "volume", 21, 1, obv},
    {"AD", "volume", 20, 1, ad},
    {"ADOSC", "volume", 104, 1, adosc},
    {"TRANGE", "volatility", 2, 1, trange},
    {"NATR", "volatility", 295, 1, natr_14},
    {"RSI", "momentum", 295, 1, rsi_14},
    {"MACD", "momentum", 365, 3, macd},
    {"ROC", "momentum", 11, 1, roc_10},
    {"STOCH", "momentum", 18, 2, stoch},
    {"WILLR", "momentum", 14, 1, willr_14},
    {"CCI", "momentum", 20, 1, cci_20},
    {"MFI", "momentum", 15, 1, mfi_14},
    {"ULTOSC", "momentum", 29, 1, ultosc},
    {"SMA 20", "trend", 20, 1, sma_20},
    {"SMA 50", "trend", 50, 1, sma_50},
    {"EMA 20", "trend", 228, 1, ema_20},
    {"EMA 50", "trend", 568, 1, ema_50},
    {"ADX", "trend", 588, 1, adx_14},
    {"PLUS_DI", "trend", 295, 1, plus_di_14},
    {"MINUS_DI", "trend", 295, 1, minus_di_14},
    {"AROON", "trend", 26, 2, aroon},
    {"LINEARREG_SLOPE", "trend", 14, 1, slope_14},
    {"STDDEV", "band", 20, 1, stddev},
    {"BBANDS", "band", 20, 3, bbands},
    {"MAX 20", "band", 20, 1, max_20},
    {"MIN 20", "band", 20, 1, min_20},
    {"MAX 55", "pattern", 55, 1, max_55},
    {"MIN 55", "pattern", 55, 1, min_55},
    {"CDLDOJI", "pattern", 11, 1, doji},
    {"CDLHAMMER", "pattern", 12, 1, hammer},
    {"CDLSHOOTINGSTAR", "pattern", 12, 1, shooting_star},
    {"CDLENGULFING", "pattern", 3, 1, engulfing},
    {"CDLHARAMI", "pattern", 12, 1, harami},
};
const uint32_t ats_talib_function_count = sizeof ats_talib_functions / sizeof *ats_talib_functions;

/* ---- finding it -------------------------------------------------------------------------------
 */

static void *open_first(const char *pattern)
{
    glob_t found;
    void *handle = NULL;
    if (glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc && !handle; i++)
            handle = dlopen(found.gl_pathv[i], RTLD_NOW | RTLD_LOCAL);
    globfree(&found);
    return handle;
}

bool ats_talib_load(char *why, uint32_t bytes)
{
    const char *named = getenv("ATS_TALIB");
    if (library)
        return true;
    library = named
                  ? dlopen(named, RTLD_NOW | RTLD_LOCAL)
                  : open_first("build/venv/lib/python3*/site-packages/ta_lib.libs/libta-lib*.so*");
    int (*initialize)(void) = NULL;
    if (library)
        *(void **)&initialize = dlsym(library, "TA_Initialize");
    if (initialize && initialize() == 0)
        return true;
    snprintf(why, bytes,
             "TA-Lib's library was not found (%s): set ATS_TALIB to it, or run from a "
             "checkout after tools/setup --test.",
             named ? named : "build/venv");
    if (library)
        dlclose(library);
    library = NULL;
    return false;
}
