/* run.h: one run of the chain over recorded data, from its configuration to its report: what
 * `ats replay` and `ats backtest` share. */
#ifndef ATS_TOOLS_RUN_H
#define ATS_TOOLS_RUN_H

#include "stages/feature/catalogue.h"
#include "stages/feed/feed.h"
#include "stages/trace.h"
#include "tools/cli.h"

typedef struct ats_run_options {
    const char *command;     /* "replay", "backtest" */
    const char *config_path; /* NULL only with `repeat` */
    const char *const *inputs;
    uint32_t input_count;
    const char *run_dir; /* NULL: runs/<UTC time>-<command> */
    const char *repeat;  /* a run directory: its configuration, model and input, and its digest is
                            expected */
    bool fused;          /* one thread for the chain, whatever the configuration says */
    bool reference_tape; /* the tape only names its inputs, whatever the configuration says */
    ats_pace pace;
    double speed;
    int64_t disturb_after_ns; /* other market data from then on (lookahead.h); 0 = never */
    ats_trace *trace;         /* to fill in (trace.h); NULL: none. Its symbol is found by text. */
    const char *trace_symbol;
    ats_catalogue *trace_catalogue; /* to fill in with the run's features */
    bool silent;                    /* nothing on stdout, no progress, no comparison of digests */
} ats_run_options;

/* Runs, prints the summary (or run.json with --json) and returns the exit code. */
int ats_run(const ats_cli *cli, const ats_run_options *options);

#endif
