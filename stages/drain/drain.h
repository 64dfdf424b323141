/* drain.h: the side thread's end of every tap: appends to files and syncs, nothing else.
 *
 * In:  tape (market records of feed), strategy, risk, route (derived records), each optional.
 *
 * The tape goes to a capture, derived records to the audit file, the order journal from shared
 * memory to disk. A disk that takes no more is told at once (the disk_short switch, at which risk
 * refuses entries) and, where the run is not live, ends the run; what was on its way is counted as
 * lost and the run marked. The journal keeps a reserve on disk that is given free first, and stays
 * in shared memory when even that is not enough.
 *
 * Not a hot stage: it makes system calls, and blocks on the disk. Its rings hold at least a second.
 */
#ifndef ATS_STAGES_DRAIN_DRAIN_H
#define ATS_STAGES_DRAIN_DRAIN_H

#include "io/audit.h"
#include "io/capture.h"
#include "io/journal.h"
#include "stages/context.h"

typedef struct ats_drain_config {
    const ats_context *context;
    ats_capture_writer *tape; /* NULL: no tape is kept. Finished by the stage. */
    ats_audit_writer *audit;  /* open; closed by the stage */
    ats_journal *journal;     /* the shared-memory end; closed by who made it */
    int journal_fd;           /* the journal's file on disk; -1 = none */
    int reserve_fd;           /* a file whose blocks are the journal's reserve; -1 = none */
    const char *latch_path;   /* "" or NULL: latches end with the run */
    const char *run_name;     /* who set it, for that file */
    bool stop_on_error;       /* not live: a disk that takes no more ends the run */
} ats_drain_config;

extern const ats_stage ats_stage_drain;

typedef struct ats_drain_result {
    uint64_t tape_lost;    /* market records that did not reach the tape */
    uint64_t audit_lost;   /* derived records that did not reach the audit file */
    uint64_t journal_kept; /* entries that are in shared memory only */
    bool sync_failed;      /* what the disk holds of the journal cannot be trusted */
    char error[512];       /* the first failure, or "" */
} ats_drain_result;

/* After the run. */
const ats_drain_result *ats_drain_outcome(const void *state);

#endif
