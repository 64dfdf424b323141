#include "io/capture.h"
#include "io/synth.h"
#include "tools/commands.h"
#include "tools/output.h"

#include <stdio.h>

typedef struct options {
    const char *output;
    int64_t seed, symbols, venues, rate, duration_ns, start_s, volatility_bps, signal, trades;
} options;

/* 2024-01-02 14:30:00 UTC: 09:30 in New York, on a day the calendars know as open. */
static const ats_option OPTIONS[] = {
    {'o', "output", ATS_OPTION_TEXT, offsetof(options, output), NULL, "CAPTURE",
     "the capture to make", 0, 0, true},
    {0, "seed", ATS_OPTION_INTEGER, offsetof(options, seed), "1", "N",
     "the same seed, the same day", 0, INT64_MAX, false},
    {0, "symbols", ATS_OPTION_INTEGER, offsetof(options, symbols), "8", "N", "how many symbols", 1,
     ATS_SYNTH_SYMBOLS_MAX, false},
    {0, "venues", ATS_OPTION_INTEGER, offsetof(options, venues), "4", "N",
     "exchanges that quote each symbol", 1, ATS_SYNTH_VENUES_MAX, false},
    {0, "rate", ATS_OPTION_INTEGER, offsetof(options, rate), "200", "RECORDS/S",
     "of all symbols together, on average; twice that at open and close", 1, 10000000, false},
    {0, "duration", ATS_OPTION_DURATION, offsetof(options, duration_ns), "6.5h", "TIME",
     "length of the session: 500ms, 90s, 30m, 6.5h", 0, 0, false},
    {0, "start", ATS_OPTION_INTEGER, offsetof(options, start_s), "1704205800", "SECONDS",
     "of the session, since 1970 UTC", 1, 4000000000ll, false},
    {0, "volatility", ATS_OPTION_INTEGER, offsetof(options, volatility_bps), "200", "BPS",
     "standard deviation of the session's move", 0, 5000, false},
    {0, "signal", ATS_OPTION_INTEGER, offsetof(options, signal), "150", "PERMILLE",
     "how far order-book imbalance predicts moves; 0 = not at all", 0, 1000, false},
    {0, "trades", ATS_OPTION_INTEGER, offsetof(options, trades), "150", "PERMILLE",
     "share of trades among the records", 0, 1000, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

static int generate(ats_synth *synth, ats_capture_writer *writer, ats_progress *progress,
                    const options *o)
{
    uint64_t done = 0, total = (uint64_t)o->duration_ns;
    int64_t start_ns = o->start_s * ATS_E9;
    ats_market record;
    while (ats_synth_next(synth, &record)) {
        if (ats_capture_append(writer, &record) != 0)
            return -1;
        if (++done % 65536 == 0 &&
            ats_progress_tell(progress, (uint64_t)(record.h.recv_ns - start_ns), total, done))
            return ats_error(ATS_EXIT_INTERRUPTED, "interrupted; no capture was made");
    }
    return 0;
}

static int synth_to(const ats_cli *cli, const options *o, ats_synth *synth)
{
    ats_capture_writer *writer;
    if (ats_output_check(o->output, ATS_OUTPUT_CAPTURE, NULL, 0) != 0 ||
        ats_capture_create(&writer, o->output, 0) != 0)
        return -1;
    ats_progress progress;
    ats_progress_start(&progress, cli, "records");
    int failed = ats_capture_add_symbols(writer, ats_synth_symbols(synth)) != 0 ||
                 generate(synth, writer, &progress, o) != 0;
    ats_capture_totals made = *ats_capture_written(writer);
    if (failed)
        ats_capture_abandon(writer);
    else
        failed = ats_capture_finish(writer) != 0;
    double seconds = ats_progress_stop(&progress);
    if (failed)
        return -1;
    if (cli->common.json)
        return ats_cli_print_json(
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f}", "capture", o->output, "seed",
                      (json_int_t)o->seed, "symbols", (json_int_t)o->symbols, "records",
                      (json_int_t)made.records, "quotes", (json_int_t)made.kinds[ATS_KIND_QUOTE],
                      "trades", (json_int_t)made.kinds[ATS_KIND_TRADE], "wall_s", seconds));
    if (!cli->common.quiet)
        printf(
            "%s: %llu records (%llu quotes, %llu trades) of %lld symbols, seed %lld, in %.2f s\n",
            o->output, (unsigned long long)made.records,
            (unsigned long long)made.kinds[ATS_KIND_QUOTE],
            (unsigned long long)made.kinds[ATS_KIND_TRADE], (long long)o->symbols,
            (long long)o->seed, seconds);
    return ats_cli_flush();
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    int done = ats_cli_parse(&cli, &ats_command_synth, &o, argc, argv);
    if (done)
        return done < 0 ? ats_cli_fail() : ATS_EXIT_OK;
    ats_synth_options how = {.seed = (uint64_t)o.seed,
                             .symbols = (uint32_t)o.symbols,
                             .venues = (uint32_t)o.venues,
                             .rate = (uint32_t)o.rate,
                             .start_ns = o.start_s * ATS_E9,
                             .duration_ns = o.duration_ns,
                             .volatility_bps = (uint32_t)o.volatility_bps,
                             .signal_permille = (uint32_t)o.signal,
                             .trade_permille = (uint32_t)o.trades};
    ats_synth *synth;
    if (ats_synth_open(&synth, &how) != 0)
        return ats_cli_fail();
    int failed = synth_to(&cli, &o, synth);
    ats_synth_close(synth);
    return failed ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_synth = {
    .name = "synth",
    .purpose = "make a seeded synthetic market day",
    .synopsis = "-o CAPTURE [OPTION...]",
    .detail =
        "Quotes of several exchanges and trades of made-up symbols. The same options give the\n"
        "same records on every machine. Sizes at the best prices and the side of trades\n"
        "predict the next moves as far as --signal says, so that a model has something to "
        "find.",
    .example = "ats synth -o day.cap --symbols 20 --rate 1000 --seed 7",
    .option = OPTIONS,
    .arguments_min = 0,
    .arguments_max = 0,
    .run = run,
};
