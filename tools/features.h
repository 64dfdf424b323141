/* features.h: the actions of `ats features`. Each is one file, tools/features_NAME.c, and one row
 * of the table in tools/cmd_features.c.
 */
#ifndef ATS_TOOLS_FEATURES_H
#define ATS_TOOLS_FEATURES_H

#include "learn/dataset.h"
#include "tools/cli.h"
#include "tools/feature_flags.h"

/* Options of all actions; each uses some. */
typedef struct ats_features_options {
    const char *model;
    const char *by;      /* "day", or NULL */
    const char *history; /* file */
    const char *metric;  /* rmse, auc or ic */
    const char *symbol, *output, *format, *run;
    ats_feature_flags flags;
    const ats_catalogue *catalogue; /* what the flags say */
    const ats_calendar *calendar;   /* of the equity exchanges */
    int64_t rows, repeats, seed, threshold_e9, horizon_ns, block_ns;
} ats_features_options;

typedef struct ats_features_action {
    const char *name;
    int (*run)(const ats_cli *cli, const ats_features_options *options);
    uint32_t captures_min;
    bool needs_model;
} ats_features_action;

/* -1 with an error pushed. cli->argument[1] and on are the captures. */
int ats_features_list(const ats_cli *cli, const ats_features_options *options);
int ats_features_show(const ats_cli *cli, const ats_features_options *options);
int ats_features_docs(const ats_cli *cli, const ats_features_options *options);
int ats_features_dump(const ats_cli *cli, const ats_features_options *options);
int ats_features_drift(const ats_cli *cli, const ats_features_options *options);
int ats_features_check(const ats_cli *cli, const ats_features_options *options);
int ats_features_importance(const ats_cli *cli, const ats_features_options *options);
int ats_features_correlate(const ats_cli *cli, const ats_features_options *options);

/* ats_dataset_sample of the captures; horizon_ns 0: no labels, so that no row is left out for want
 * of one. */
int ats_features_collect(ats_dataset *dataset, const ats_cli *cli,
                         const ats_features_options *options, int64_t horizon_ns);

#endif
