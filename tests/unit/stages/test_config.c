#include "core/error.h"
#include "core/random.h"
#include "stages/config_parts.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME "run.yaml"

/* Lines 2 to 15 hold the limits. */
#define RISK                                                                                       \
    "risk: {\n"                                                                                    \
    " account_type: margin, collar_bps: 20, max_drift_bps: 500, drift_window: 5m,\n"               \
    " max_data_age: 2s,\n"                                                                         \
    " min_order_qty: 0, max_order_qty: 1000,\n"                                                    \
    " min_order_notional: 1, max_order_notional: 5000,\n"                                          \
    " max_volume_share: 1%, duplicate_window: 100ms, max_repeats: 60, repeat_window: 1m,\n"        \
    " max_orders_per_s: 50, max_strategy_orders_per_s: 50, max_symbol_orders_per_s: 20,\n"         \
    " order_burst: 10,\n"                                                                          \
    " max_position: 5%,\n"                                                                         \
    " max_gross: 50%,\n"                                                                           \
    " max_net: 50%, max_short: 50%, max_sector: 20%, max_positions: 30,\n"                         \
    " buying_power: 200%, maintenance_long: 25%, maintenance_short: 30%,\n"                        \
    " pattern_day_trades: 3, pattern_day_equity: 25000, max_risk_per_trade: 0.4%,\n"               \
    " max_portfolio_risk: 5%, max_correlation: 70%,\n"                                             \
    " max_drawdown: 2%, safe_drawdown: 1%, max_loss_streak: 20, max_day_trades: 10000,\n"          \
    "}\n"

static ats_config_report report;
static ats_run_config config;

static int load_bytes(const char *text, size_t length)
{
    ats_error_clear();
    memset(&config, 0, sizeof config);
    return ats_config_load_text(&config, NAME, text, length, &report);
}

static int load(const char *text)
{
    return load_bytes(text, strlen(text));
}

/* Is there a fault at this line that says this? */
static bool told(uint32_t line, const char *what)
{
    for (uint32_t i = 0; i < report.fault_count && i < ATS_CONFIG_FAULTS_MAX; i++)
        if (report.faults[i].line == line && strstr(report.faults[i].text, what))
            return true;
    for (uint32_t i = 0; i < report.fault_count && i < ATS_CONFIG_FAULTS_MAX; i++)
        cr_log_error("line %u: %s", report.faults[i].line, report.faults[i].text);
    return false;
}

/* The limits and one thing more, which is the only fault. */
static void expect_one(const char *more, uint32_t line, const char *what)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", RISK, more);
    cr_assert_eq(load(text), -1, "%s", more);
    cr_expect(told(line, what), "%s: \"%s\" at line %u", more, what, line);
    cr_expect_eq(report.fault_count, 1, "%s: %u faults", more, report.fault_count);
    cr_expect_eq(ats_error_code(), ATS_EXIT_CONFIG);
}

Test(config, limits_alone_are_enough_and_the_rest_is_default)
{
    ats_run_config defaults;
    cr_assert_eq(load(RISK), 0, "%s", ats_error_line(0));
    ats_config_defaults(&defaults);
    cr_expect_eq(defaults.limits.max_gross_bps, 0);
    defaults.limits = config.limits;
    cr_expect_eq(memcmp(&defaults, &config, sizeof config), 0);
    cr_expect_eq(config.start_cash_e9, 100000 * ATS_E9);
    cr_expect_eq(config.limits.max_data_age_ms, 2000);
    cr_expect_eq(config.limits.max_position_bps, 500);
    cr_expect_eq(config.limits.max_risk_per_trade_bps, 40);
    cr_expect_eq(config.limits.max_order_notional_e9, 5000 * ATS_E9);
    cr_expect_eq(config.venue.out_base_ns, 150000);
    cr_expect_eq(config.venue.fee_per_unit_e9, 500000);
    cr_expect_eq(config.strategy.count, 0);
    cr_expect_eq(config.strategy.rules.flat_before_close_s, 900);
    cr_expect_eq(config.venue.trade_share_bps, 10000);
    cr_expect_eq(config.venue.bar_share_bps, 1000);
    cr_expect_eq(config.venue.answer_timeout_ns, 5 * ATS_E9);
    cr_expect_not(config.venue.queue);
    cr_expect_eq(report.origin[ats_config_key_find("venue", "seed")], ATS_CONFIG_DEFAULT);
    cr_expect_eq(report.origin[ats_config_key_find("risk", "max_gross")], ATS_CONFIG_FILE);
    cr_expect_eq(report.line[ats_config_key_find("risk", "max_gross")], 10);
}

Test(config, every_missing_limit_is_named)
{
    char text[2048], line[64];
    uint32_t limits = 0;
    for (uint32_t k = 0; k < ats_config_key_count(); k++) {
        if (strcmp(ats_config_key_section(k), "risk") != 0 ||
            strcmp(ats_config_key_name(k), "reference") == 0 ||
            strcmp(ats_config_key_name(k), "latch") == 0 ||
            strcmp(ats_config_key_name(k), "covariance") == 0) /* files, no limits */
            continue;
        limits++;
        snprintf(text, sizeof text, "%s", RISK);
        snprintf(line, sizeof line, " %s: ", ats_config_key_name(k));
        char *at = strstr(text, line), *end;
        cr_assert(at, "%s is not in the test's limits", line);
        end = strchr(at, ',') + 1;
        memmove(at, end, strlen(end) + 1);
        cr_assert_eq(load(text), -1);
        snprintf(line, sizeof line, "risk.%s: is missing", ats_config_key_name(k));
        cr_expect(told(1, line));
        cr_expect_eq(report.fault_count, 1);
    }
    cr_expect_eq(limits, ATS_LIMIT_COUNT + 1); /* and the type of the account */
    cr_assert_eq(load("account:\n  id: 2\n"), -1);
    cr_expect_eq(report.fault_count, limits);
    cr_expect_eq(ats_error_count(), limits);
    for (size_t i = 0; i < limits; i++)
        cr_expect(ats_error_is_beside(i));
}

Test(config, wrong_values_tell_line_and_range)
{
    static const struct {
        const char *more, *what;
    } cases[] = {
        {"account:\n  start_cash: 1e400\n", "account.start_cash: 1e400 is too large"},
        {"account:\n  start_cash: 1.0000000001\n", "more than nine decimal places"},
        {"account:\n  start_cash: lots\n", "is not a decimal number; allowed: 1 to 1000000000"},
        {"account:\n  start_cash: .inf\n", "is not a decimal number"},
        {"account:\n  id: -1\n", "account.id: -1 is too small"},
        {"account:\n  id: 4294967296\n", "is too large"},
        {"account:\n  id: 0x10\n", "is not a whole number"},
        {"account:\n  id:\n", "account.id: is empty"},
        {"feed:\n  clock_interval: 5\n", "has no unit"},
        {"feed:\n  clock_interval: 5 s\n", "unknown unit"},
        {"feed:\n  clock_interval: 1.5ns\n", "no whole number of ns"},
        {"feed:\n  clock_interval: 10us\n", "CLOCK records would outnumber"},
        {"feed:\n  clock_interval: 61m\n", "0s to 1h"},
        {"strategy:\n  cooldown: 10us\n", "no whole number of ms"},
        {"exits:\n  max_hold: 1500ms\n", "no whole number of s"},
        {"exits:\n  atr_multiple: 0\n", "exits.atr_multiple: 0 is too small"},
        {"strategy:\n  rank: yes\n", "allowed: true or false"},
        {"strategy:\n  protect: hope\n", "allowed: stop, watch or bracket"},
        {"exits:\n  min_stop_bps: 1.5\n", "is not a whole number"},
        {"strategy:\n  conflicts: same_side\n", "need protect: watch"},
        {"venue:\n  open_orders: 1000\n", "is no power of two"},
        {"venue:\n  out_latency: 2m\n", "0s to 1m"},
        {"venue:\n  lost_share: 51%\n", "0% to 50%"},
        {"venue:\n  trade_share: 0%\n", "venue.trade_share: 0% is too small"},
        {"venue:\n  book_levels: 17\n", "0 to 16"},
        {"run:\n  tape: half\n", "allowed: full or reference"},
        {"run:\n  threads: many\n", "fused, auto, or a list"},
        {"model:\n  path: \"a\\tb\"\n", "control character"},
        {"model:\n  batch_limit: 257\n", "1 to 256"},
        {"features:\n  sectors: XLK AAPL\n", "the colon behind it"},
        {"features:\n  sectors: \"XLK: ; XLF: JPM\"\n", "without members"},
        {"sizing:\n  notional: 6000\naccount:\n  start_cash: 200000\n", "max_order_notional 5000"},
        {"execution:\n  cross_bps: 21\n", "risk.collar_bps 20"},
        {"sizing:\n  risk_per_trade: 1%\n", "max_risk_per_trade"},
        {"sizing:\n  min_notional: 20000\n", "the least may not be more"},
        {"sizing:\n  notional: 2000\naccount:\n  start_cash: 30000\n", "risk.max_position"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_one(cases[i].more, 18, cases[i].what);
    }
}

Test(config, percentages_of_limits)
{
    static const struct {
        const char *value, *what;
    } cases[] = {{"50", "is no percentage"},
                 {"0.005%", "finer than 0.01%"},
                 {"2000%", "0.01% to 1000%"},
                 {"-5%", "is too small"},
                 {"%", "is not a decimal number"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[4096];
        snprintf(text, sizeof text, "%s", RISK);
        char *at = strstr(text, "50%"), tail[2048];
        snprintf(tail, sizeof tail, "%s", at + 3);
        sprintf(at, "\"%s\"%s", cases[i].value, tail);
        cr_assert_eq(load(text), -1);
        cr_expect(told(10, cases[i].what), "%s", cases[i].value);
        cr_expect_eq(report.fault_count, 1);
    }
}

Test(config, structure)
{
    expect_one("rsik:\n  collar_bps: 5\n", 17, "rsik: no such section; did you mean risk?");
    expect_one("exits:\n  min_stop_pbs: 5\n", 18,
               "exits.min_stop_pbs: no such key; did you mean min_stop_bps?");
    expect_one("model:\n  zebra: {a: [1, {b: 2}]}\n", 18,
               "model.zebra: no such key; allowed: path, schedule, shadow, backend, gpu_deadline, "
               "isa, incremental, batch_limit");
    expect_one("venue:\n  seed: 1\n  seed: 2\n", 19,
               "venue.seed: is given twice; it is on line 18");
    expect_one("risk:\n  collar_bps: 5\n", 17, "risk: is given twice; it is on line 1");
    expect_one("venue: 5\n", 17, "venue: must be a mapping");
    expect_one("venue: [1, 2]\n", 17, "venue: must be a mapping");
    expect_one("venue:\n", 17, "venue: must be a mapping");
    expect_one("venue:\n  seed: [1]\n", 18, "venue.seed: is no single value");
    expect_one("venue:\n  seed: {a: 1}\n", 18, "venue.seed: is no single value");
    expect_one("venue:\n  seed: &a 1\n", 18, "anchors and aliases");
    expect_one("venue:\n  seed: *a\n", 18, "anchors and aliases");
    expect_one("venue:\n  seed: !!int 1\n", 18, "tags are not allowed");
    expect_one("venue:\n  seed: \"1\\0\"\n", 18, "holds a NUL");
    expect_one("venue:\n  ? [a, b]\n  : 1\n", 18, "a key must be a word");
    expect_one("venue:\n\tseed: 1\n", 18, "not YAML");
    expect_one("---\nvenue:\n  seed: 1\n", 17, "second document");
    expect_one("venue: {seed: 1\n", 18, "not YAML");
}

#define THREADS(list) "run:\n  threads:\n" list
#define HOT                                                                                        \
    "    - {name: hot, cpu: 3, wait: spin, stages: [feed, feature, infer, strategy, risk, "        \
    "route]}\n"

Test(config, lists_of_threads)
{
    char text[4096];
    snprintf(text, sizeof text, "%s%s", RISK,
             THREADS(HOT "    - name: side\n      cpu: any\n      wait: park\n      stages:\n      "
                         "  - drain\n"));
    cr_assert_eq(load(text), 0, "%s", ats_error_line(0));
    cr_expect_eq(config.thread_count, 2);
    cr_expect_eq(config.threads[0].cpu, 3);
    cr_expect_eq(config.threads[0].stage_count, 6);
    cr_expect_str_eq(config.threads[0].stages[5], "route");
    cr_expect_eq(config.threads[1].cpu, ATS_CPU_ANY);
    cr_expect_eq(config.threads[1].wait, ATS_WAIT_PARK);
    cr_expect_str_eq(config.threads[1].stages[0], "drain");

    expect_one(THREADS(HOT), 18, "no thread runs the stage drain");
    expect_one(THREADS(HOT "    - {name: side, cpu: 3, wait: park, stages: [drain]}\n"), 20,
               "3 is given to hot, too");
    expect_one(THREADS(HOT "    - {name: hot, cpu: any, wait: park, stages: [drain]}\n"), 20,
               "two threads are called hot");
    expect_one(THREADS(HOT "    - {name: S!, cpu: any, wait: park, stages: [drain]}\n"), 20,
               "1 to 15 of a-z");
    expect_one(THREADS(HOT "    - {name: side, cpu: 1024, wait: park, stages: [drain]}\n"), 20,
               "0 to 1023, or any");
    expect_one(THREADS(HOT "    - {name: side, cpu: any, wait: nap, stages: [drain]}\n"), 20,
               "allowed: spin, pause, yield, park");
    expect_one(THREADS(HOT "    - {name: side, cpu: any, wait: park, stages: [drain, feed]}\n"), 20,
               "feed is given twice");
    expect_one(THREADS(HOT "    - {name: side, cpu: any, wait: park, stagse: [drain], stages: "
                           "[drain]}\n"),
               20, "stagse: no such key; did you mean stages?");
    expect_one(THREADS(HOT "    - {name: side, cpu: any, wait: park}\n"), 20, "stages: is missing");
    expect_one(THREADS(HOT "    - {name: side, cpu: any, wait: park, stages: drain}\n"), 20,
               "stages: must be a list");
    expect_one(THREADS(HOT "    - drain\n"), 20, "must be at most 16 of {name");
    expect_one("run:\n  threads: []\n", 18, "is an empty list");
    expect_one(THREADS("    - {name: a, cpu: 1, wait: spin, stages: [feed, feature, infer, "
                       "strategy, risk]}\n    - {name: b, cpu: any, wait: park, stages: [route, "
                       "drain]}\n"),
               18, "strategy, risk and route must share a thread");
}

Test(config, all_faults_at_once_in_order)
{
    cr_assert_eq(load("account:\n"
                      "  start_cash: much\n" /* 2 */
                      "  ids: 3\n"           /* 3 */
                      "feed:\n"
                      "  clock_interval: 9\n" /* 5 */
                      "strategy: none\n"      /* 6 */
                      "run:\n"
                      "  threads:\n"
                      "    - {name: x, cpu: -1, wait: spin, stages: [fed]}\n" /* 9 */
                      "  tape: [1]\n"                                         /* 10 */
                      "risk:\n"
                      "  max_gross: 50\n" /* 12; 14 more are missing: 11 */),
                 -1);
    cr_expect(told(2, "start_cash"));
    cr_expect(told(3, "account.ids: no such key; did you mean id?"));
    cr_expect(told(5, "no unit"));
    cr_expect(told(6, "strategy: must be a mapping"));
    cr_expect(told(9, "cpu"));
    cr_expect(told(9, "did you mean feed?"));
    cr_expect_not(strstr(report.faults[4].text, "no thread runs"));
    cr_expect(told(10, "run.tape"));
    cr_expect(told(12, "percentage"));
    cr_expect(told(11, "risk.max_drawdown: is missing"));
    for (uint32_t i = 1; i < report.fault_count; i++)
        cr_expect_leq(report.faults[i - 1].line, report.faults[i].line);
    cr_expect_str_eq(ats_error_line(ats_error_count() - 1),
                     NAME ":2: account.start_cash: much is not a decimal number; allowed: 1 to "
                          "1000000000 (a decimal number)");
}

Test(config, environment_stands_before_the_file)
{
    setenv("ATS_RISK_MAX_GROSS", "75%", 1);
    setenv("ATS_RUN_THREADS", "auto", 1);
    cr_assert_eq(load(RISK), 0);
    cr_expect_eq(config.limits.max_gross_bps, 7500);
    cr_expect_eq(report.origin[ats_config_key_find("risk", "max_gross")], ATS_CONFIG_ENVIRONMENT);
    setenv("ATS_RISK_MAX_GROSS", "75", 1);
    setenv("ATS_RISK_MAX_GROS", "75%", 1);
    cr_assert_eq(load(RISK), -1);
    cr_expect(told(0, "environment ATS_RISK_MAX_GROSS: risk.max_gross: 75 is no percentage"));
    cr_expect(told(0, "environment ATS_RISK_MAX_GROS: names no key; did you mean"));
    cr_expect_eq(report.fault_count, 2);
}

Test(config, model_path_is_relative_to_the_file)
{
    char folder[] = "/tmp/ats-config-XXXXXX", path[128], expect[256];
    cr_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/run.yaml", folder);
    FILE *f = fopen(path, "w");
    fputs(RISK "model:\n  path: ./sub/model.json\n", f);
    fclose(f);
    cr_assert_eq(ats_config_load(&config, path), 0, "%s", ats_error_line(0));
    snprintf(expect, sizeof expect, "%s/sub/model.json", folder);
    cr_expect_str_eq(config.model_path, expect);
    unlink(path);
    cr_expect_eq(ats_config_load(&config, path), -1);
    cr_expect_eq(ats_error_code(), ATS_EXIT_CONFIG);
    cr_expect_eq(ats_config_load(&config, folder), -1);
    cr_expect(strstr(ats_error_line(0), "is no file"));
    rmdir(folder);
}

Test(config, presets_follow_the_number_of_cpus)
{
    int cpus[16];
    for (int i = 0; i < 16; i++)
        cpus[i] = i;
    static const int counts[] = {1, 2, 3, 7, 8, 16};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        ats_config_threads_auto(&config, cpus, counts[c]);
        uint32_t stages = 0;
        for (uint32_t t = 0; t < config.thread_count; t++) {
            stages += config.threads[t].stage_count;
            if (config.threads[t].wait == ATS_WAIT_SPIN) {
                cr_expect_neq(config.threads[t].cpu, ATS_CPU_ANY);
                cr_expect_gt(counts[c], 2, "nobody spins where two must share");
            }
        }
        cr_expect_eq(stages, 7);
        cr_expect_eq(config.thread_count, counts[c] == 1 ? 2 : counts[c] < 8 ? 3 : 5);
    }
}

/* ---- writing and reading back
 * -------------------------------------------------------------------- */

/* What the rules between keys leave of a key's range. */
static const struct {
    const char *section, *name;
    int64_t least, most;
} NARROWED[] = {
    {"account", "start_cash", 1000000 * ATS_E9, 2000000 * ATS_E9},
    {"feed", "clock_interval", 1000000, 60 * ATS_E9},
    {"strategy", "conflicts", ATS_CONFLICT_FIRST, ATS_CONFLICT_FIRST},
    {"sizing", "notional", 0, 5000 * ATS_E9},
    {"sizing", "min_notional", 0, 1000 * ATS_E9},
    {"sizing", "max_notional", 1000 * ATS_E9, 5000 * ATS_E9},
    {"sizing", "risk_per_trade", 1, 1999},
    {"exits", "min_stop_bps", 1, 100},
    {"exits", "max_stop_bps", 100, 9000},
    {"execution", "cross_bps", 0, 999},
    {"risk", "collar_bps", 1000, 5000},
    {"risk", "max_order_notional", 1000000 * ATS_E9, 2000000 * ATS_E9},
    {"risk", "max_position", 2000, 7000},
    {"risk", "max_gross", 40000, 90000},
    {"risk", "account_type", ATS_ACCOUNT_MARGIN, ATS_ACCOUNT_MARGIN},
    {"risk", "min_order_qty", 0, 1},
    {"risk", "max_order_qty", ATS_E9, 1000 * ATS_E9},
    {"risk", "min_order_notional", 0, ATS_E9},
    {"risk", "safe_drawdown", 1, 100},
    {"risk", "max_drawdown", 100, 9000},
    {"risk", "max_risk_per_trade", 2000, 9000},
};

/* Any value a number's key takes, in the words that the configuration prints it in. */
static void random_number(ats_random *r, const ats_config_key *key, uint32_t k, char *out)
{
    static ats_run_config scratch;
    int64_t least = key->least, most = key->most;
    char *at = (char *)&scratch + key->offset;
    for (size_t i = 0; i < sizeof NARROWED / sizeof NARROWED[0]; i++)
        if (!strcmp(NARROWED[i].section, key->section) && !strcmp(NARROWED[i].name, key->name)) {
            least = NARROWED[i].least;
            most = NARROWED[i].most;
        }
    int64_t value = least + (int64_t)ats_random_below(r, (uint64_t)(most - least) + 1);
    if (key->type == ATS_CONFIG_POWER)
        value = least << ats_random_below(r, 8);
    float margin = (float)((double)value / 1e9);
    if (key->type == ATS_CONFIG_MARGIN)
        memcpy(at, &margin, sizeof margin);
    else if (key->type == ATS_CONFIG_BOOL)
        *(bool *)at = value != 0;
    else if (key->type == ATS_CONFIG_DECIMAL || key->type == ATS_CONFIG_U64 ||
             key->type == ATS_CONFIG_DURATION_NS)
        memcpy(at, &value, sizeof value);
    else
        memcpy(at, &value, sizeof(uint32_t));
    ats_config_key_print(&scratch, k, out);
}

static void random_text(ats_random *r, uint32_t k, char out[ATS_CONFIG_VALUE_BYTES])
{
    const ats_config_key *key = ats_config_key_at(k);
    int any = (int)ats_random_below(r, 1000);
    switch (key->type) {
    case ATS_CONFIG_PATH: /* a calendar is read at once, so it must be there */
        sprintf(out, strcmp(key->section, "calendar") ? "'m \"%d\" \\ # ä: é'" : "''", any);
        return;
    case ATS_CONFIG_TEXT:
        sprintf(out, "SPY%d", any);
        return;
    case ATS_CONFIG_SECTORS:
        sprintf(out, "'XLK: AAPL MSFT; XLF: JPM%d'", any);
        return;
    case ATS_CONFIG_TIMEFRAMES:
        sprintf(out, "%s", any % 2 ? "30s,1m,2h,1d" : "5m");
        return;
    case ATS_CONFIG_THREADS:
        sprintf(out, "%s", any % 2 ? "fused" : "auto");
        return;
    default:
        random_number(r, key, k, out);
        return;
    }
}

Test(config, what_is_written_loads_back_to_the_same)
{
    ats_random r;
    ats_random_seed(&r, 20260102);
    for (int round = 0; round < 300; round++) {
        char text[16384], value[ATS_CONFIG_VALUE_BYTES];
        const char *section = "";
        size_t n = 0;
        for (uint32_t k = 0; k < ats_config_key_count(); k++) {
            if (strcmp(section, ats_config_key_section(k)) != 0)
                n += (size_t)sprintf(text + n, "%s:\n", ats_config_key_section(k));
            section = ats_config_key_section(k);
            random_text(&r, k, value);
            n += (size_t)sprintf(text + n, "  %s: %s\n", ats_config_key_name(k), value);
        }
        n += (size_t)sprintf(text + n,
                             "strategies:\n  - {name: a, plugin: model_signal, capital: %d.%02d%%,"
                             " parameters: {entry_margin: %d.%d}}\n"
                             "  - {name: b, plugin: ./b.so, symbols: A B, allow_short: true}\n",
                             1 + (int)ats_random_below(&r, 900), (int)ats_random_below(&r, 100),
                             (int)ats_random_below(&r, 99), 1 + (int)ats_random_below(&r, 9));
        cr_assert_eq(load(text), 0, "%s\n%s", ats_error_line(ats_error_count() - 1), text);
        ats_run_config first = config;
        char *written = NULL;
        size_t length;
        FILE *f = open_memstream(&written, &length);
        cr_assert_eq(ats_config_write(&first, f), 0);
        fclose(f);
        cr_assert_eq(load_bytes(written, length), 0, "%s\n%s", ats_error_line(0), written);
        for (uint32_t i = 0; i < first.strategy.count;
             i++) /* of the files, not of the strategies */
            first.strategy.strategies[i].line = config.strategy.strategies[i].line = 0;
        cr_assert_eq(memcmp(&first, &config, sizeof first), 0, "%s\n%s", text, written);
        free(written);
    }
}

/* ---- hostile files
 * ------------------------------------------------------------------------------- */

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Refused, with a fault that says this and at most one more, within a second (milliseconds, where
 * nobody instruments). */
static void refuse_quickly(const char *text, size_t length, const char *what)
{
    double start = seconds();
    cr_assert_eq(load_bytes(text, length), -1);
    cr_expect_lt(seconds() - start, 1.0, "%s", what);
    bool found = false;
    cr_expect_leq(report.fault_count, 2, "%s", what);
    for (uint32_t i = 0; i < report.fault_count; i++)
        found |= strstr(report.faults[i].text, what) != NULL;
    cr_expect(found, "%s: %s", what, report.faults[0].text);
}

Test(config, hostile_files_are_refused_quickly)
{
    static char big[10 << 20];
    const char *bomb = "a: &a [x, x]\nb: &b [*a, *a, *a, *a]\nc: &c [*b, *b, *b, *b]\n";
    refuse_quickly(bomb, strlen(bomb), "anchors and aliases");
    memset(big, '[', sizeof big);
    refuse_quickly(big, sizeof big, "is larger than 65536 bytes");
    refuse_quickly(big, ATS_CONFIG_FILE_BYTES, "must be a mapping");
    memcpy(big, "risk: ", 6);
    refuse_quickly(big, ATS_CONFIG_FILE_BYTES, "nested too deeply");
    for (size_t i = 0; i < ATS_CONFIG_FILE_BYTES; i++)
        big[i] = i % 2 ? ' ' : '-';
    refuse_quickly(big, ATS_CONFIG_FILE_BYTES, "must be a mapping");
    for (size_t i = 0; i < ATS_CONFIG_FILE_BYTES; i++)
        big[i] = (char)(i * 7 + i / 256);
    refuse_quickly(big, ATS_CONFIG_FILE_BYTES, "not text in UTF-8");
    refuse_quickly("", 0, "holds no configuration");
    refuse_quickly("# nothing\n", 10, "holds no configuration");
    refuse_quickly("7\n", 2, "must be a mapping");
    memset(big, 'a', 60000);
    memcpy(big, "risk: ", 6);
    refuse_quickly(big, 60000, "longer than 4096 bytes");
}

/* More faults than are kept are counted, and the rest is told. */
Test(config, more_faults_than_are_kept)
{
    char text[8192] = "venue:\n";
    for (int i = 0; i < 100; i++)
        sprintf(text + strlen(text), "  x%d: 1\n", i);
    strcat(text, RISK);
    cr_assert_eq(load(text), -1);
    cr_expect_eq(report.fault_count, 100);
    cr_expect_eq(ats_error_count(), ATS_ERROR_DEPTH);
    cr_expect(strstr(ats_error_line(0), "37 faults more"), "%s", ats_error_line(0));
}

/* The files that come with the program. */
Test(config, the_files_of_the_repository_are_valid)
{
    static const char *const names[] = {"demo", "backtest", "ryzen-9950x"};
    const char *root = getenv("ATS_SOURCE_DIR");
    char path[512];
    cr_assert(root);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/configs/%s.yaml", root, names[i]);
        ats_error_clear();
        cr_expect_eq(ats_config_load_report(&config, path, &report), 0, "%s",
                     ats_error_line(ats_error_count() - 1));
        for (uint32_t k = 0; k < ats_config_key_count(); k++)
            cr_expect_eq(report.origin[k], ATS_CONFIG_FILE, "%s: %s.%s is not in it", path,
                         ats_config_key_section(k), ats_config_key_name(k));
    }
}
