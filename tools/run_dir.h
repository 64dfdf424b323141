/* run_dir.h: the directory a run leaves, and the files a chain writes while it runs. */
#ifndef ATS_TOOLS_RUN_DIR_H
#define ATS_TOOLS_RUN_DIR_H

#include "io/audit.h"
#include "io/capture.h"
#include "io/journal.h"
#include "io/market_source.h"
#include "stages/run_config.h"

#define ATS_RUN_PATH_BYTES 512

/* Room on disk that is given to the journal when the disk is full: 8,192 entries, the transitions
 * of some 1,500 orders. */
#define ATS_JOURNAL_RESERVE_BYTES (1u << 20)

/* Entries in shared memory: at 10,000 orders/s of five transitions each, more than a second. */
#define ATS_JOURNAL_CAPACITY 65536u

typedef struct ats_run_dir {
    char path[ATS_RUN_PATH_BYTES];
    char id[64]; /* last part of the path; names the journal in shared memory */
    ats_journal journal;
    ats_audit_writer audit;
    ats_capture_writer *tape; /* NULL unless the tape is full */
    int journal_fd, reserve_fd;
    bool made; /* the directory is ours to remove */
    bool audit_open;
} ats_run_dir;

/* Makes the directory: `wanted`, which must not exist or be empty, or, when NULL,
 * runs/<UTC time>-<command>. Opens the log in it. 0, or -1 with an error pushed. */
int ats_run_dir_create(ats_run_dir *dir, const char *wanted, const char *command);

/* Opens what the chain writes: journal, audit file, and the tape where config->tape is full. */
int ats_run_dir_open_files(ats_run_dir *dir, const ats_run_config *config,
                           const ats_market_source *source);

/* Keeps what a replay needs: config.yaml, which already names the kept models (run_models.h), the
 * calendar where it is not the built-in one, and tape/inputs.json with each input's content hash.
 */
int ats_run_dir_keep_inputs(ats_run_dir *dir, const ats_run_config *config,
                            ats_market_source *source);

/* Joins a name to the directory's path. */
void ats_run_dir_join(const ats_run_dir *dir, const char *name, char out[ATS_RUN_PATH_BYTES]);

/* Closes journal and descriptors; the journal's shared memory goes when all of it is on disk. */
void ats_run_dir_close(ats_run_dir *dir, bool journal_is_safe);

/* Of a run that never began: closes what the chain would have, and removes the directory, which was
 * made or empty. After ats_run_dir_close. */
void ats_run_dir_discard(ats_run_dir *dir);

/* The captures that a finished run read: tape/chain.cap, or the inputs it names if they still hold
 * what they did. Fills `paths` (caller frees each). 0, or -1 with an error pushed (ATS_EXIT_DATA).
 */
int ats_run_dir_inputs(const char *run, char **paths, uint32_t max, uint32_t *count);

/* How many records a run's feed released before its END, where its inputs do not say so by ending
 * there: it may have been stopped. 0: its tape ends there. 0, or -1 with an error pushed. */
int ats_run_dir_stop(const char *run, uint64_t *released);

#endif
