/* stage.h: what a stage is, and what its hot function is given.
 *
 * A stage is one folder with one exported descriptor. It knows its ports and the kinds of record
 * they carry; it knows nothing of threads, of who is at the other end, or of how to wait. `work` is
 * hot: bounded, no allocation, lock, log or system call; it returns how much it did. `housekeep` is
 * warm: called about once a millisecond on the same thread. Everything else is cold.
 */
#ifndef ATS_CORE_STAGE_H
#define ATS_CORE_STAGE_H

#include "core/clock.h"
#include "core/record.h"
#include "core/ring.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ATS_STAGE_PORTS 4 /* drain has the most: four taps */

/* Most chain records one call of `work` takes. 16 amortise the index lines (ring.h) and are over in
 * 16 us at the slowest stage's goal of 1 us a record. */
#define ATS_BURST_MAX 16u

typedef struct ats_port {
    const char *name;
    uint32_t kinds; /* ATS_KIND_BIT of every kind it carries */
    uint32_t burst; /* output: most records one call publishes; input: 0 */
    bool optional;  /* may be left unconnected */
} ats_port;

/* A stage's ends of its links. Owner: the stage's thread. */
typedef struct ats_io {
    ats_rx *in[ATS_STAGE_PORTS];
    ats_tx *out[ATS_STAGE_PORTS]; /* NULL: not connected */
    const ats_clock *clock;
    uint32_t burst; /* most chain records this call may take; 0 = feedback only */
    bool blocked;   /* set by ats_io_room when an output was full */
    bool ended;     /* set by the stage once it has passed END on */
} ats_io;

typedef struct ats_stage {
    const char *name;
    ats_port in[ATS_STAGE_PORTS]; /* ends with a port without a name */
    ats_port out[ATS_STAGE_PORTS];

    /* Bytes of state; 0 with an error pushed when the configuration makes no sense. */
    size_t (*footprint)(const void *config);
    /* On the stage's own thread and CPU, before the engine is armed; state is zeroed, aligned to
     * ATS_GUARD_BYTES. 0, or -1 with an error pushed. */
    int (*init)(void *state, const void *config, ats_io *io);
    uint32_t (*work)(void *state, ats_io *io);
    void (*housekeep)(void *state, ats_io *io); /* may be NULL */
    int (*fini)(void *state);                   /* may be NULL */

    /* Only for stages that schedule actions in simulated time (group.h): when the next one falls
     * due (INT64_MAX = none), and do that one. run_due returns 0, state unchanged, when an output
     * has no room. */
    int64_t (*next_due)(const void *state);
    uint32_t (*run_due)(void *state, ats_io *io);

    /* Only for those: the chain's next record, once, before what is due at or before its time is
     * run; the record itself comes down the chain after. What it says of the time before it (a bar)
     * can then be made to happen at that time. May be NULL. */
    void (*foresee)(void *state, const ats_market *next);
} ats_stage;

/* Slow half of ats_io_room: counts the stall and times it. */
bool ats_io_room_slow(ats_io *io, ats_tx *tx, uint64_t n);

/* Room for n more records at this output (an unconnected one always has)? A stage asks for every
 * output before it consumes anything. */
static inline bool ats_io_room(ats_io *io, unsigned port, uint64_t n)
{
    ats_tx *tx = io->out[port];
    if (!tx || (ats_tx_room(tx, n) && tx->stall_since_ns == 0))
        return true;
    return ats_io_room_slow(io, tx, n);
}

/* Copies a record into the next slot of an output, unpublished. Constant `bytes` keeps this a few
 * vector moves. */
static inline void *ats_io_put(ats_io *io, unsigned port, const void *record, size_t bytes)
{
    return memcpy(ats_tx_stage(io->out[port]), record, bytes);
}

/* Publishes what this call wrote, at every connected output. */
static inline void ats_io_publish(ats_io *io)
{
    for (unsigned i = 0; i < ATS_STAGE_PORTS; i++)
        if (io->out[i])
            ats_tx_publish(io->out[i]);
}

#endif
