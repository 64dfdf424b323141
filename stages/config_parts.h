/* config_parts.h: what the files of the configuration share. Include stages/config.h elsewhere. */
#ifndef ATS_STAGES_CONFIG_PARTS_H
#define ATS_STAGES_CONFIG_PARTS_H

#include "stages/config.h"

#include <stdbool.h>

/* How a value is written in the file, and by that how it is kept in ats_run_config. */
typedef enum ats_config_type {
    ATS_CONFIG_DECIMAL,     /* int64_t in 1e-9 units */
    ATS_CONFIG_U32,         /* uint32_t */
    ATS_CONFIG_POWER,       /* uint32_t, a power of two */
    ATS_CONFIG_U64,         /* uint64_t, up to INT64_MAX */
    ATS_CONFIG_DURATION_NS, /* int64_t */
    ATS_CONFIG_DURATION_MS, /* uint32_t */
    ATS_CONFIG_DURATION_S,  /* uint32_t */
    ATS_CONFIG_PERCENT,     /* uint32_t in basis points */
    ATS_CONFIG_MARGIN,      /* float; read as an exact decimal */
    ATS_CONFIG_BOOL,        /* bool */
    ATS_CONFIG_TIME_OF_DAY, /* int32_t seconds of the UTC day; -1 = never */
    ATS_CONFIG_CHOICE,      /* an enum: one of the words of config_keys.c's CHOICES */
    ATS_CONFIG_PATH,        /* char[ATS_CONFIG_PATH_BYTES] */
    ATS_CONFIG_TEXT,        /* char[most] */
    ATS_CONFIG_SECTORS,     /* char[most], as ats_sectors_check wants it */
    ATS_CONFIG_TIMEFRAMES,  /* ats_feature_options, of which the timeframes */
    ATS_CONFIG_THREADS,     /* fused, auto, or a list */
    ATS_CONFIG_TYPE_COUNT
} ats_config_type;

typedef struct ats_config_key {
    const char *section, *name;
    ats_config_type type;
    size_t offset;        /* in ats_run_config */
    int64_t least, most;  /* in the unit it is kept in; MARGIN: 1e-9 */
    const char *fallback; /* default as the file would say it; NULL: there is none */
    const char *help;
} ats_config_key;

const ats_config_key *ats_config_key_at(uint32_t key);

/* Sections in order; NULL behind the last. */
const char *ats_config_section(uint32_t i);

/* Reads text into the key's field of *config. 0, or -1 with the reason in why. PATH is checked and
 * copied as it stands; THREADS is not read here. */
int ats_config_key_read(const ats_config_key *key, const char *text, ats_run_config *config,
                        char *why, size_t why_bytes);

void ats_config_fault_add(ats_config_report *report, uint32_t line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* One thread of a list, as text. */
typedef struct ats_config_raw_thread {
    char *name, *cpu, *wait;
    char **stages;
    uint32_t stage_count;
    uint32_t reserved;
} ats_config_raw_thread;

/* What the file says, as text; NULL: it does not say. */
typedef struct ats_config_raw {
    char *value[ATS_CONFIG_KEYS_MAX];
    ats_config_raw_thread *threads; /* run.threads as a list */
    uint32_t thread_count;
    uint32_t reserved;
} ats_config_raw;

/* What the reader of YAML gives: values and their lines. */
typedef struct ats_config_document {
    ats_config_raw *raw; /* NULL: nothing could be read */
    uint32_t line[ATS_CONFIG_KEYS_MAX];
    uint32_t section_line[ATS_CONFIG_KEYS_MAX]; /* 0: the section is not there */
    bool unreadable[ATS_CONFIG_KEYS_MAX];       /* a fault was already told for this key */
    uint32_t thread_line[ATS_THREADS_MAX];
    bool malformed; /* no YAML: a missing key proves nothing */
    bool strategies_given;
    uint32_t strategy_count;
    ats_strategy_spec *strategies; /* [ATS_STRATEGIES_MAX], or NULL */
    void *schema;
} ats_config_document;

/* Parses text and tells every fault of its structure. ats_config_document_free afterwards, always.
 */
void ats_config_document_read(ats_config_document *document, const char *text, size_t length,
                              ats_config_report *report);
void ats_config_document_free(ats_config_document *document);

/* Reads and checks a list of threads; tells every fault. */
void ats_config_threads_read(ats_run_config *config, const ats_config_document *document,
                             uint32_t line, ats_config_report *report);

/* Puts the list of strategies into the configuration, with what the environment says of their
 * parameters; tells every fault. */
void ats_config_strategies_read(ats_run_config *config, const ats_config_document *document,
                                ats_config_report *report);
void ats_config_strategies_write(const ats_run_config *config, FILE *out);

/* The hint "; did you mean X?" from a list of count names, or "". */
void ats_config_hint(const char *word, const char *const *names, uint32_t count, char *out,
                     size_t capacity);

/* A word of the file made fit for a message: cut, and printable. */
void ats_config_quote(const char *word, char out[48]);

#endif
