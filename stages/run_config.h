/* run_config.h: the resolved configuration of a run, in the units the stages use.
 *
 * Filled in from a YAML file by ats_config_load (stages/config.h); every field has been validated
 * by then. Risk limits have no defaults.
 */
#ifndef ATS_STAGES_RUN_CONFIG_H
#define ATS_STAGES_RUN_CONFIG_H

#include "core/topology.h"
#include "io/venue/venue_sim.h"
#include "stages/feature/catalogue.h"
#include "stages/feed/quality.h"
#include "stages/risk/gate.h"
#include "stages/strategy/settings.h"

#define ATS_CONFIG_PATH_BYTES 512

typedef enum ats_model_backend {
    ATS_BACKEND_AUTO = 0, /* a card from as many rows on as it wins by; without one the CPU */
    ATS_BACKEND_CPU = 1,
    ATS_BACKEND_GPU = 2 /* a card for every batch; none is an error */
} ats_model_backend;
const char *ats_model_backend_label(uint32_t backend);

#define ATS_MODEL_ISA_AUTO 0u

typedef enum ats_tape_mode {
    ATS_TAPE_FULL = 0,     /* tape/ holds the chain input itself */
    ATS_TAPE_REFERENCE = 1 /* tape/ names the input captures and their content hashes */
} ats_tape_mode;

/* One thread as the configuration gives it; stages by name, so that the chain may leave one out. */
typedef struct ats_thread_config {
    char name[ATS_NAME_BYTES];
    int cpu;
    ats_wait wait;
    uint32_t stage_count;
    char stages[ATS_STAGES_MAX][ATS_NAME_BYTES];
} ats_thread_config;

typedef struct ats_run_config {
    int64_t start_cash_e9;
    uint32_t account_id;

    char model_path[ATS_CONFIG_PATH_BYTES];          /* "": no model, nothing is scored */
    char model_schedule_path[ATS_CONFIG_PATH_BYTES]; /* "": the model does not change by itself */
    char model_shadow_path[ATS_CONFIG_PATH_BYTES];   /* "": none is on trial */
    ats_model_backend model_backend;
    int64_t gpu_deadline_ns;
    bool model_incremental;
    uint32_t model_isa; /* ATS_MODEL_ISA_AUTO, or 1 + ats_isa */
    uint32_t batch_limit;

    char calendar_path[ATS_CONFIG_PATH_BYTES]; /* "": the built-in calendar */

    int64_t clock_interval_ns;
    ats_feature_options features;
    ats_quality_config data;
    ats_strategy_settings strategy;
    ats_risk_limits limits;
    char latch_path[ATS_CONFIG_PATH_BYTES];      /* "": latches end with the run */
    char covariance_path[ATS_CONFIG_PATH_BYTES]; /* "": no matrix at the start */
    char reference_path[ATS_CONFIG_PATH_BYTES];  /* "": no table of volumes, sectors, flags */
    ats_venue_sim_config venue;                  /* symbol_count is filled in by the chain */
    ats_tape_mode tape;
    char commands_path[ATS_CONFIG_PATH_BYTES]; /* "": none are given beforehand */
    uint32_t realtime_priority;                /* of pinned threads; 0 = ordinary scheduling */

    uint32_t thread_count;
    ats_thread_config threads[ATS_THREADS_MAX];
} ats_run_config;

#endif
