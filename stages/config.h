/* config.h: the configuration of a run: from YAML to ats_run_config and back.
 *
 * One const table of keys (config_keys.c) says what there is: section, name, type, range, default
 * and help; reading, environment overrides, writing and `ats config show` all follow it. Nothing is
 * guessed: an unknown key is an error, and the keys of `risk` have no default.
 *
 * Values. Money and quantities are exact decimals (nine places); durations carry a unit (ns, us,
 * ms, s, m, h); shares of equity are percentages ("2%"); keys that end in _bps are basis points;
 * times of day are UTC ("20:55" or "never"). model.path is relative to the folder of the file. The
 * variable ATS_<SECTION>_<KEY> of the environment stands before the file and is held to the same
 * rules, as ATS_STRATEGIES_<NAME>_<PARAMETER> stands before a parameter of a built-in strategy.
 *
 * A file is at most ATS_CONFIG_FILE_BYTES, nests no deeper than this table needs, and has no
 * anchors, aliases, tags or second document.
 *
 * Cold. Owner: any one thread (the environment must not change meanwhile).
 */
#ifndef ATS_STAGES_CONFIG_H
#define ATS_STAGES_CONFIG_H

#include "stages/run_config.h"

#include <stdio.h>

#define ATS_CONFIG_FILE_BYTES  65536u /* the longest commented file of ours is a tenth of it */
#define ATS_CONFIG_FAULTS_MAX  192u   /* more than there are keys; further ones are counted */
#define ATS_CONFIG_FAULT_BYTES 320u
#define ATS_CONFIG_KEYS_MAX    160u
#define ATS_CONFIG_VALUE_BYTES (ATS_CONFIG_PATH_BYTES * 4) /* a path with every byte escaped */

/* Where a value came from. */
typedef enum ats_config_origin {
    ATS_CONFIG_DEFAULT = 0,
    ATS_CONFIG_FILE = 1,
    ATS_CONFIG_ENVIRONMENT = 2,
    ATS_CONFIG_ORIGIN_COUNT
} ats_config_origin;
const char *ats_config_origin_label(uint32_t origin);

typedef struct ats_config_fault {
    uint32_t line;                     /* 0: the environment, or the file as a whole */
    char text[ATS_CONFIG_FAULT_BYTES]; /* "key: what is wrong; what is allowed" */
} ats_config_fault;

/* All that was found while reading: every fault, in the order of the file, and the origin of every
 * value. */
typedef struct ats_config_report {
    uint32_t fault_count; /* may exceed what is kept */
    ats_config_fault faults[ATS_CONFIG_FAULTS_MAX];
    ats_config_origin origin[ATS_CONFIG_KEYS_MAX]; /* by key number */
    uint32_t line[ATS_CONFIG_KEYS_MAX];            /* FILE: where */
} ats_config_report;

/* Defaults of everything but the risk limits, which stay 0 (refused by ats_config_load). Threads
 * are those of `fused` on this machine. */
void ats_config_defaults(ats_run_config *out);

/* Reads and validates the whole file. 0, or -1 with one error beside the other, each
 * "FILE:LINE: key: what is wrong; what is allowed" (ATS_EXIT_CONFIG); *out is then not written. */
int ats_config_load(ats_run_config *out, const char *path);

/* The same, and *report tells all faults and where each value came from. */
int ats_config_load_report(ats_run_config *out, const char *path, ats_config_report *report);

/* The same from memory. `name` is the file that messages name and whose folder model.path is
 * relative to. */
int ats_config_load_text(ats_run_config *out, const char *name, const char *text, size_t length,
                         ats_config_report *report);

/* Writes a configuration as YAML that loads back to the same struct. 0, or -1 with an error pushed.
 */
int ats_config_write(const ats_run_config *config, FILE *out);

/* ---- the keys, for those that list them ---------------------------------------------------------
 */

uint32_t ats_config_key_count(void);
const char *ats_config_key_section(uint32_t key);
const char *ats_config_key_name(uint32_t key);
const char *ats_config_key_help(uint32_t key);

/* Number of a key, or -1. */
int ats_config_key_find(const char *section, const char *name);

/* Text of a key's value as ats_config_write writes it (run.threads: the names of the threads). */
void ats_config_key_print(const ats_run_config *config, uint32_t key,
                          char out[ATS_CONFIG_VALUE_BYTES]);

/* What the key takes: "1ms to 1h (a duration such as 500ms)". */
void ats_config_key_allowed(uint32_t key, char *out, size_t capacity);

/* Reads a risk limit by its key ("max_position") and its text ("2%"). 0, or -1 with the reason. */
int ats_config_limit_read(const char *name, const char *text, uint32_t *limit_id, int64_t *value,
                          char *why, size_t why_bytes);

/* Threads for this many CPUs, as `auto` and `fused` choose them (config_threads.c says how); cpus
 * ascending, count at least 1. */
void ats_config_threads_auto(ats_run_config *config, const int *cpus, int count);
void ats_config_threads_fused(ats_run_config *config, const int *cpus, int count);

#endif
