/* run_models.h: the models of one run: those its configuration names, those a schedule brings, the
 * one on trial, and those that come while it runs. */
#ifndef ATS_TOOLS_RUN_MODELS_H
#define ATS_TOOLS_RUN_MODELS_H

#include "stages/chain.h"
#include "tools/run_device.h"
#include "tools/run_dir.h"

typedef struct ats_run_model_file {
    uint32_t id; /* 0: the one on trial */
    char path[ATS_CONFIG_PATH_BYTES];
    char sha256[65];
} ats_run_model_file;

typedef struct ats_run_models {
    ats_model_table table;
    ats_isa isa; /* to score with */
    ats_run_device device;
    const ats_run_config *config;
    uint32_t feature_count; /* of this run */
    uint64_t feature_version;
    uint32_t symbol_count; /* whose rows are remembered; 0: none */
    uint32_t first_id;     /* scores from the start; 0: none */
    ats_model *shadow;     /* NULL: none */
    ats_control_due commands[ATS_MODELS_MAX];
    uint32_t command_count;
    ats_run_model_file files[ATS_MODELS_MAX + 1];
    uint32_t file_count;
} ats_run_models;

/* Loads what the configuration names. With `run`, a directory of a run that kept a full tape, the
 * models that this run came to have, under their ids: the tape says when each took over. 0, or -1
 * with an error pushed. */
int ats_run_models_load(ats_run_models *models, const ats_run_config *config, uint32_t symbol_count,
                        const char *run);

/* Copies the files into the run's directory (models/<sha256>.json), lists ids and hashes in
 * models/index.csv, and makes `kept` name the copies. */
int ats_run_models_keep(const ats_run_models *models, const ats_run_dir *dir, ats_run_config *kept);

/* Frees models that the chain has done with, and how many those were. */
uint32_t ats_run_models_collect(ats_run_models *models);

/* Reads a file, keeps it with the run and lets it take over. 0, or -1 with an error pushed: the
 * model before goes on. */
int ats_run_models_swap(ats_run_models *models, const ats_run_dir *dir, ats_chain *chain,
                        const char *path);

/* After the chain is gone. */
void ats_run_models_free(ats_run_models *models);

#endif
