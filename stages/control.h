/* control.h: commands to a running chain, and how they enter it: at feed, as CONTROL records that
 * are numbered, taped and passed down like any event, so that a replay meets them where the run
 * did.
 *
 * Two ways in. A schedule is known before the run (a walk-forward backtest changes its model on
 * given days) and is released as recorded time passes it; it follows from configuration and data
 * alone. The inbox takes commands while the run goes on, from any thread outside the chain.
 */
#ifndef ATS_STAGES_CONTROL_H
#define ATS_STAGES_CONTROL_H

#include "core/record.h"
#include "core/ring.h"

#include <pthread.h>

/* Commands that may wait to be taken. Feed looks at every call; 16 waiting means it has stopped. */
#define ATS_CONTROL_WAITING_MAX 16u

typedef struct ats_control_due {
    int64_t at_ns;       /* released before the first event at or after this recv_ns */
    ats_control command; /* its header is filled in by feed */
} ats_control_due;

typedef struct ats_control_inbox ats_control_inbox;

/* Lays an inbox into zeroed memory of ats_control_inbox_footprint bytes, aligned to
 * ATS_GUARD_BYTES. Cold. */
size_t ats_control_inbox_footprint(void);
ats_control_inbox *ats_control_inbox_new(void *memory);

/* Sends a command; its header may be zero. 0, or -1 with an error pushed when the inbox is full.
 * Any thread outside the chain; takes a lock against other senders. */
int ats_control_send(ats_control_inbox *inbox, const ats_control *command);

/* The oldest command waiting, or NULL; and gives it back. Feed only. Hot. */
const ats_control *ats_control_peek(ats_control_inbox *inbox);
void ats_control_pop(ats_control_inbox *inbox);

#endif
