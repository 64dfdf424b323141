/* Prints what the pieces that strategies decide with come to, for tests/python/test_decisions.py.
 * The first argument says which; one line of numbers in, one out. "nan" is not known.
 *   regime      close index_return       label volatility ratio t correlation
 *               (at the end: the matrix of chances, a row a line)
 *   confluence  regime least_share count {weight view factor}...  score share chance contributions
 *   selector    "t" profit | "m" range slow_range volume slow_volume spread performance |
 *               "c" present stay marks...  performance | mark | place
 *   peak        close volume rsi pattern                                   top bottom
 *   holding     "e" key side price risk | "b" key close | "s" key factor   best mean (least 3) */
#include "calc/confluence.h"
#include "calc/holding.h"
#include "calc/peak.h"
#include "calc/selector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBERS 64

static uint32_t numbers(const char *line, double *out)
{
    uint32_t count = 0;
    char *end;
    for (double v = strtod(line, &end); end != line && count < NUMBERS; v = strtod(line, &end)) {
        out[count++] = v;
        line = end;
    }
    return count;
}

static ats_regime regime;
static void on_regime(const char *line)
{
    double v[NUMBERS];
    numbers(line, v);
    uint32_t label = ats_regime_update(&regime, &ats_regime_defaults, v[0], v[1]);
    printf("%u %.17g %.17g %.17g %.17g\n", label, ats_regime_volatility(&regime),
           ats_regime_ratio(&regime), ats_regime_trend(&regime), ats_regime_correlation(&regime));
}

static void end_regime(void)
{
    for (uint32_t from = 0; from < ATS_REGIME_COUNT; from++)
        for (uint32_t to = 0; to < ATS_REGIME_COUNT; to++)
            printf("%.17g%c", ats_regime_chance(&regime, from, to), to == 8 ? '\n' : ' ');
    for (uint32_t back = 0; back <= ATS_REGIME_HISTORY; back++)
        printf("%u ", ats_regime_ago(&regime, back));
    printf("\n");
}

static void on_confluence(const char *line)
{
    static const ats_calibration TABLE = {
        .count = 3, .score = {-0.5f, 0.0f, 0.5f}, .chance = {0.25f, 0.5f, 0.875f}};
    double v[NUMBERS], view[ATS_CONFLUENCE_TERMS_MAX];
    ats_confluence_weights w = {0};
    ats_confluence out;
    numbers(line, v);
    uint32_t label = (uint32_t)v[0];
    w.least_share = v[1];
    w.count = (uint32_t)v[2];
    for (uint32_t i = 0; i < w.count; i++) {
        w.weight[i] = v[3 + 3 * i];
        view[i] = v[4 + 3 * i];
        if (label < ATS_REGIME_COUNT)
            w.factor[label][i] = v[5 + 3 * i];
    }
    ats_confluence_of(&w, view, label, &TABLE, &out);
    printf("%.17g %.17g %.17g", out.score, out.share, out.chance);
    for (uint32_t i = 0; i < w.count; i++)
        printf(" %.17g", out.contribution[i]);
    printf("\n");
}

static void on_selector(const char *line)
{
    static ats_selector_trades trades;
    double v[NUMBERS];
    uint32_t count = numbers(line + 1, v);
    if (line[0] == 't') {
        ats_selector_add(&trades, v[0]);
        printf("%.17g\n", ats_selector_performance(&trades));
    } else if (line[0] == 'm') {
        ats_selector_case c = {v[0], v[1], v[2], v[3], v[4], v[5]};
        printf("%.17g\n", ats_selector_mark(&c));
    } else {
        uint32_t present = v[0] < 0 ? ATS_SELECTOR_NONE : (uint32_t)v[0];
        uint32_t best = ats_selector_choose(v + 2, count - 2, present, v[1]);
        printf("%d\n", best == ATS_SELECTOR_NONE ? -1 : (int)best);
    }
}

static void on_peak(const char *line)
{
    static ats_peak peak;
    double v[NUMBERS];
    numbers(line, v);
    ats_peak_marks m = ats_peak_update(&peak, v[0], v[1], v[2], v[3]);
    printf("%.17g %.17g\n", m.top, m.bottom);
}

static void on_holding(const char *line)
{
    static ats_holding_times times;
    double v[NUMBERS], mean;
    numbers(line + 1, v);
    if (line[0] == 'e')
        ats_holding_enter(&times, (uint32_t)v[0], (int)v[1], v[2], v[3]);
    else if (line[0] == 'b')
        ats_holding_bar(&times, (uint32_t)v[0], v[1]);
    else
        ats_holding_rescale(&times, (uint32_t)v[0], v[1]);
    uint32_t best = ats_holding_best(&times, 3, &mean);
    printf("%u %.17g\n", best, mean);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*on_line)(const char *);
        void (*end)(void);
    } PIECES[] = {{"regime", on_regime, end_regime},
                  {"confluence", on_confluence, NULL},
                  {"selector", on_selector, NULL},
                  {"peak", on_peak, NULL},
                  {"holding", on_holding, NULL}};
    char line[4096];
    for (size_t i = 0; argc == 2 && i < sizeof PIECES / sizeof PIECES[0]; i++) {
        if (strcmp(argv[1], PIECES[i].name) != 0)
            continue;
        while (fgets(line, sizeof line, stdin))
            PIECES[i].on_line(line);
        if (PIECES[i].end)
            PIECES[i].end();
        return 0;
    }
    fprintf(stderr, "usage: decision_values regime|confluence|selector|peak|holding\n");
    return 2;
}
