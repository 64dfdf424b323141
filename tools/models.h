/* models.h: the actions of `ats models`. Each is one file, tools/models_NAME.c, and one row of the
 * table in tools/cmd_models.c.
 */
#ifndef ATS_TOOLS_MODELS_H
#define ATS_TOOLS_MODELS_H

#include "learn/dataset.h"
#include "learn/model_file.h"
#include "tools/cli.h"
#include "tools/feature_flags.h"

/* Options of all actions; each uses some. */
typedef struct ats_models_options {
    const char *output, *weights;
    ats_option_list on; /* captures */
    int64_t horizon_ns, rows, fit_share_millionths, block_rows;
    bool allow_in_sample;
    ats_feature_flags flags;
    const ats_catalogue *catalogue; /* what the flags say */
    const ats_calendar *calendar;   /* of the equity exchanges */
    const char *const *model;       /* files: the arguments that are no captures */
    uint32_t model_count;
} ats_models_options;

typedef struct ats_models_action {
    const char *name;
    int (*run)(const ats_cli *cli, const ats_models_options *options);
    uint32_t models_min, models_max;
    bool writes, needs_data;
} ats_models_action;

/* -1 with an error pushed. */
int ats_models_show(const ats_cli *cli, const ats_models_options *options);
int ats_models_combine(const ats_cli *cli, const ats_models_options *options);
int ats_models_calibrate(const ats_cli *cli, const ats_models_options *options);

/* Labelled rows of the captures, for these models: refused when one was made for other features
 * (ATS_EXIT_CONFIG), or trained on a time that a row or its label is of (ATS_EXIT_REFUSED, unless
 * the user allows it). A model that does not tell its time gives a warning. names[count] are the
 * models' files. 0, or -1 with an error pushed and nothing to free. */
int ats_models_collect(ats_dataset *dataset, const ats_cli *cli, const ats_models_options *options,
                       ats_model *const *models, const char *const *names, uint32_t count);

/* A JSON number, or null for what is not finite. */
json_t *ats_models_number(double x);

/* Version as 16 hexadecimal digits. */
void ats_models_version_text(uint64_t version, char text[17]);

#endif
