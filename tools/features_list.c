/* ats features list, show, docs: the catalogue as a table, one feature, a page. */
#include "core/word.h"
#include "tools/features.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void warm_up_text(const ats_feature_def *f, char text[32])
{
    snprintf(text, 32, "%u %s", f->warm_up, f->counter);
}

static json_t *feature_json(const ats_feature_def *f, uint32_t index)
{
    char range[48], warm_up[32];
    ats_feature_range_text(f, range);
    warm_up_text(f, warm_up);
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "index", (int)index,
                     "name", f->name, "family", f->family, "parameters", f->parameters, "unit",
                     f->unit, "range", range, "warm_up", warm_up, "inputs", f->inputs, "source",
                     f->source, "timeframe_s", (int)f->timeframe_s);
}

static json_t *catalogue_json(const ats_catalogue *c)
{
    char version[17], timeframes[ATS_TIMEFRAMES_TEXT];
    json_t *features = json_array();
    for (uint32_t i = 0; i < c->count; i++)
        json_array_append_new(features, feature_json(&c->feature[i], i));
    snprintf(version, sizeof version, "%016" PRIx64, c->version);
    ats_timeframes_print(&c->options, timeframes);
    return json_pack("{s:i, s:s, s:s, s:s, s:s, s:i, s:o}", "schema", 1, "feature_version", version,
                     "timeframes", timeframes, "index", c->options.index, "sectors",
                     c->options.sectors, "count", (int)c->count, "features", features);
}

int ats_features_list(const ats_cli *cli, const ats_features_options *options)
{
    const ats_catalogue *c = options->catalogue;
    if (cli->common.json)
        return ats_cli_print_json(catalogue_json(c));
    printf("%u features, version %016" PRIx64 "\n%-28s %-10s %-22s %-14s %s\n", c->count,
           c->version, "feature", "family", "unit", "range", "warm-up");
    for (uint32_t i = 0; i < c->count; i++) {
        const ats_feature_def *f = &c->feature[i];
        char range[48], warm_up[32];
        ats_feature_range_text(f, range);
        warm_up_text(f, warm_up);
        printf("%-28s %-10s %-22s %-14s %s\n", f->name, f->family, f->unit, range, warm_up);
    }
    return 0;
}

/* Says what name may have been meant. */
static int no_such_feature(const ats_catalogue *c, const char *name)
{
    const char *nearest = NULL;
    uint32_t least = 4; /* further words are other words */
    for (uint32_t i = 0; i < c->count; i++) {
        uint32_t distance = (uint32_t)ats_word_distance(name, c->feature[i].name);
        if (distance < least) {
            least = distance;
            nearest = c->feature[i].name;
        }
    }
    return ats_error(ATS_EXIT_USAGE, "%s: no such feature%s%s%s; `ats features list` names them",
                     name, nearest ? "; did you mean " : "", nearest ? nearest : "",
                     nearest ? "?" : "");
}

int ats_features_show(const ats_cli *cli, const ats_features_options *options)
{
    const ats_catalogue *c = options->catalogue;
    json_t *all = cli->common.json ? json_array() : NULL;
    for (uint32_t a = 1; a < cli->argument_count; a++) {
        int i = ats_catalogue_find(c, cli->argument[a]);
        if (i < 0) {
            json_decref(all);
            return no_such_feature(c, cli->argument[a]);
        }
        const ats_feature_def *f = &c->feature[i];
        if (all) {
            json_array_append_new(all, feature_json(f, (uint32_t)i));
            continue;
        }
        char range[48];
        ats_feature_range_text(f, range);
        printf("%s%s\n  family      %s\n  parameters  %s\n  unit        %s\n  range       %s\n"
               "  warm-up     %u %s; NaN until then\n  made of     %s\n  formula     %s\n"
               "  index       %d of %u in vectors of version %016" PRIx64 "\n",
               a > 1 ? "\n" : "", f->name, f->family, *f->parameters ? f->parameters : "none",
               f->unit, range, f->warm_up, f->counter, f->inputs, f->source, i, c->count,
               c->version);
    }
    return all ? ats_cli_print_json(all) : 0;
}

/* ---- the page -----------------------------------------------------------------------------------
 */

static const struct {
    const char *family, *text;
} FAMILY_TEXTS[] = {
    {"book", "The best quotes and the path of the mid. New with every two-sided quote."},
    {"tape", "Trades that were made at the market in their turn: who pressed, and what it cost."},
    {"session", "Where the price stands in its trading day, and where the day stands."},
    {"across", "What the timeframes say together. New when any of them closes a bar."},
    {"price", "Returns, gaps and the shape of the last bar."},
    {"volume", "How much was traded, and on which side of the bar."},
    {"volatility", "How much the price moves, by closes, by ranges and by both."},
    {"momentum", "How fast the price goes, and how far into its own range."},
    {"trend", "Averages, directional movement, and the slope of the price."},
    {"band", "Bollinger, Keltner and Donchian bands."},
    {"pattern", "Support and resistance, breakouts, candlesticks."},
    {"flow", "Who pressed while the bar was made, and how far the market gave way."},
    {"benchmark", "The symbol beside its index and its sector."},
};

static void print_cell(const char *text)
{
    for (; *text; text++) {
        if (*text == '|')
            putchar('\\');
        putchar(*text);
    }
}

static void print_family(const ats_catalogue *c, const char *family, const char *text)
{
    printf(
        "\n## %s\n\n%s\n\n| feature | parameters | unit | range | warm-up | made of | formula |\n"
        "| --- | --- | --- | --- | --- | --- | --- |\n",
        family, text);
    for (uint32_t i = 0; i < c->count; i++) {
        const ats_feature_def *f = &c->feature[i];
        /* A bar family is told once, for the fastest timeframe. */
        if (strcmp(f->family, family) != 0 ||
            (f->timeframe_s && f->timeframe_s != c->options.timeframe_s[0]))
            continue;
        char range[48], warm_up[32], label[8] = "";
        ats_feature_range_text(f, range);
        warm_up_text(f, warm_up);
        size_t name = strlen(f->name);
        if (f->timeframe_s) {
            ats_timeframe_label(f->timeframe_s, label);
            name -= strlen(label) + 1;
        }
        printf("| `%.*s` | ", (int)name, f->name);
        print_cell(f->parameters);
        printf(" | %s | %s | %s | %s | ", f->unit, range, warm_up, f->inputs);
        print_cell(f->source);
        printf(" |\n");
    }
}

static const char PAGE_HEAD[] =
    "# Features\n\n"
    "Made by `ats features docs`; the catalogue is the tables in `stages/feature/family/`, from\n"
    "which also come the vector, the feature version and `ats features list`. How to add one:\n"
    "[adding-a-feature.md](adding-a-feature.md).\n\n"
    "## The vector\n\n"
    "It holds the tick families (book, tape, session), then what the timeframes say together\n"
    "(across), then the bar families once for each timeframe, fastest first; names of bar "
    "features\n"
    "end in `_<timeframe>`, such as `rsi_14_5m`. It is made when a two-sided best quote changed, "
    "and,\n"
    "as long as a symbol has no quotes, when it closed a bar of its fastest timeframe. A value is "
    "NaN\n"
    "until its warm-up is over and where its formula has no value; models treat NaN as missing, "
    "as\n"
    "XGBoost does. `features.timeframes`, `features.index` and `features.sectors` of the "
    "configuration\n"
    "(`--timeframes`, `--index`, `--sectors` of `ats train` and `ats features`) choose what it is "
    "made\n"
    "of; they are part of the feature version, and a model of another version is refused.\n\n"
    "## Rules\n\n"
    "- **Bars lie on session time**: from the start of the phase (pre-market, regular, after "
    "hours)\n"
    "  of the market calendar, in steps of the period, cut off at its end; `1d` is the regular\n"
    "  session. Crypto and fx: UTC days. A bar closes with the first record of the symbol at or "
    "after\n"
    "  its end. A stretch without a print makes no bar.\n"
    "- **Time is the receive time** of the record in hand, so training cuts bars where live did. "
    "A\n"
    "  print whose venue time is more than 10 s before the start of its bar was reported late "
    "(FINRA\n"
    "  Rule 6380A): its volume counts in the session, its price nowhere.\n"
    "- **Sale conditions** decide what forms the last price, the high and low, and the volume, by "
    "the\n"
    "  consolidated tape's tables (`calc/sale_condition.c`): an odd lot is volume only, a late "
    "print may\n"
    "  be the high but not the last, the official close repeats a print. Outside regular hours "
    "form T\n"
    "  prints are ordinary. Volume without any price makes a bar that stands where the price "
    "stood.\n"
    "- **Corrections**: a print that is cancelled later counts until the cancel comes, as live "
    "sees\n"
    "  it; the cancel takes its volume out of the session's sums. Highs, lows and bars stay.\n"
    "- **Corporate actions**: prices and sizes are kept on the scale of the symbol's first record; "
    "a\n"
    "  split or dividend changes the factor by which later ones come in. Nothing jumps, no window "
    "is\n"
    "  rebuilt. A dividend takes its share of the last price before the ex-date.\n"
    "- **Ready-made bars** are used for symbols without trades, one period a symbol, and build "
    "the\n"
    "  slower timeframes; what needs the sides of trades is NaN then.\n"
    "- **Index and sector**: bars are paired by their start; one that only one of the two has is "
    "left\n"
    "  out of both.\n\n"
    "`tests/python/test_parity*.py` hold every feature to TA-Lib, where it has the function, or to "
    "its\n"
    "definition computed the slow way, to 1e-9.\n";

int ats_features_docs(const ats_cli *cli, const ats_features_options *options)
{
    const ats_catalogue *c = options->catalogue;
    (void)cli;
    char timeframes[ATS_TIMEFRAMES_TEXT];
    ats_timeframes_print(&c->options, timeframes);
    fputs(PAGE_HEAD, stdout);
    printf("\n# The catalogue\n\nWith the timeframes %s: %u features, %u of them for each "
           "timeframe.\n",
           timeframes, c->count, (unsigned)ATS_BAR_FEATURE_COUNT);
    for (size_t i = 0; i < sizeof FAMILY_TEXTS / sizeof FAMILY_TEXTS[0]; i++)
        print_family(c, FAMILY_TEXTS[i].family, FAMILY_TEXTS[i].text);
    return 0;
}
