/* One stage between hand-made rings, driven through its descriptor: for tests of a stage alone. The
 * test is producer of every input, consumer of every output, and says how much a call may take. */
#ifndef ATS_TESTS_STAGE_FIXTURE_H
#define ATS_TESTS_STAGE_FIXTURE_H

#include "core/error.h"
#include "stages/context.h"

#include <criterion/criterion.h>
#include <stdlib.h>

typedef struct stage_fixture {
    ats_tx in_tx[ATS_STAGE_PORTS], out_tx[ATS_STAGE_PORTS];
    ats_rx in_rx[ATS_STAGE_PORTS], out_rx[ATS_STAGE_PORTS];
    ats_ring *in_ring[ATS_STAGE_PORTS], *out_ring[ATS_STAGE_PORTS];
    uint8_t record[ATS_RECORD_DERIVED]; /* what stage_fixture_take returned last */
    ats_symbols symbols;
    ats_arena arena;
    ats_context context;
    ats_clock clock;
    const ats_stage *stage;
    void *state;
    ats_io io;
} stage_fixture;

static inline void stage_fixture_symbol(stage_fixture *f, const char *text, int64_t tick_e9,
                                        int64_t lot_e9)
{
    ats_symbol s = {.venue = "US",
                    .currency = "USD",
                    .tick_e9 = tick_e9,
                    .lot_e9 = lot_e9,
                    .symbol_class = ATS_CLASS_EQUITY};
    strncpy(s.text, text, sizeof s.text - 1);
    cr_assert_neq(ats_symbols_add(&f->symbols, &s), 0);
}

/* After the symbols are in, before a configuration points at f->context. */
static inline void stage_fixture_context(stage_fixture *f)
{
    ats_clock_use_monotonic(&f->clock);
    cr_assert_eq(ats_context_make(&f->context, &f->arena, &f->symbols), 0);
}

static inline ats_ring *stage_fixture_ring(uint64_t depth)
{
    size_t bytes = (ats_ring_footprint(depth, ATS_RECORD_DERIVED) + 127) & ~(size_t)127;
    return ats_ring_new(aligned_alloc(ATS_GUARD_BYTES, bytes), depth, ATS_RECORD_DERIVED);
}

/* Connects every port and initialises the stage; the answer of init. */
static inline int stage_fixture_start(stage_fixture *f, const ats_stage *stage, const void *config,
                                      uint64_t in_depth, uint64_t out_depth)
{
    f->stage = stage;
    f->io = (ats_io){.clock = &f->clock, .burst = ATS_BURST_MAX};
    for (unsigned i = 0; i < ATS_STAGE_PORTS && stage->in[i].name; i++) {
        f->in_ring[i] = stage_fixture_ring(in_depth);
        ats_tx_open(&f->in_tx[i], f->in_ring[i]);
        ats_rx_open(&f->in_rx[i], f->in_ring[i]);
        f->io.in[i] = &f->in_rx[i];
    }
    for (unsigned i = 0; i < ATS_STAGE_PORTS && stage->out[i].name; i++) {
        f->out_ring[i] = stage_fixture_ring(out_depth);
        ats_tx_open(&f->out_tx[i], f->out_ring[i]);
        ats_rx_open(&f->out_rx[i], f->out_ring[i]);
        f->io.out[i] = &f->out_tx[i];
    }
    size_t bytes =
        (stage->footprint(config) + ATS_GUARD_BYTES - 1) & ~(size_t)(ATS_GUARD_BYTES - 1);
    cr_assert_gt(bytes, 0);
    f->state = aligned_alloc(ATS_GUARD_BYTES, bytes);
    memset(f->state, 0, bytes);
    return stage->init(f->state, config, &f->io);
}

static inline void stage_fixture_close(stage_fixture *f)
{
    for (unsigned i = 0; i < ATS_STAGE_PORTS; i++) {
        free(f->in_ring[i]);
        free(f->out_ring[i]);
    }
    free(f->state);
    ats_arena_destroy(&f->arena);
    ats_symbols_free(&f->symbols);
    memset(f, 0, sizeof *f);
}

/* Publishes one record at an input. */
static inline void stage_fixture_put(stage_fixture *f, unsigned port, const void *record)
{
    const ats_header *h = record;
    cr_assert(ats_tx_room(&f->in_tx[port], 1));
    memcpy(ats_tx_stage(&f->in_tx[port]), record, ats_record_bytes(h->kind, 0));
    ats_tx_publish(&f->in_tx[port]);
}

/* One call; io.blocked is this call's. */
static inline uint32_t stage_fixture_work(stage_fixture *f)
{
    f->io.blocked = false;
    return f->stage->work(f->state, &f->io);
}

/* The next record of an output, copied and released; NULL when there is none. */
static inline const void *stage_fixture_take(stage_fixture *f, unsigned port)
{
    if (ats_rx_peek(&f->out_rx[port]) == 0)
        return NULL;
    const ats_header *h = ats_rx_slot(&f->out_rx[port], 0);
    memcpy(f->record, h, ats_record_bytes(h->kind, 0));
    ats_rx_release(&f->out_rx[port], 1);
    return f->record;
}

/* How many records a consumer of this output has not taken. */
static inline uint64_t stage_fixture_waiting(stage_fixture *f, unsigned port)
{
    return f->out_tx[port].published - f->out_rx[port].tail;
}

#endif
