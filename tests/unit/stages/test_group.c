/* The order in which a lockstep group does things. */
#include "core/group.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static char log_text[256];
static int log_at;

static void note(char what)
{
    log_text[log_at++] = what;
    log_text[log_at] = 0;
}

/* A head that passes records on; a tail with actions due at 15 and 25. */
static int64_t due[] = {15, 25, INT64_MAX};
static int due_at;
static bool tail_blocked;

static uint32_t head_work(void *state, ats_io *io)
{
    (void)state;
    uint32_t done = 0;
    while (done < io->burst && ats_rx_peek(io->in[0]) && ats_io_room(io, 0, 1)) {
        const ats_header *h = ats_rx_slot(io->in[0], 0);
        note(h->kind == ATS_KIND_END ? 'E' : 'h');
        ats_io_put(io, 0, h, ATS_RECORD_MARKET);
        io->ended = h->kind == ATS_KIND_END;
        ats_rx_release(io->in[0], 1);
        done++;
    }
    ats_io_publish(io);
    return done;
}

static uint32_t tail_work(void *state, ats_io *io)
{
    (void)state;
    uint32_t done = 0;
    while (ats_rx_peek(io->in[0])) {
        if (tail_blocked) {
            io->blocked = true;
            return done;
        }
        const ats_header *h = ats_rx_slot(io->in[0], 0);
        note('t');
        io->ended = h->kind == ATS_KIND_END;
        ats_rx_release(io->in[0], 1);
        done++;
    }
    return done;
}

static int64_t tail_next(const void *state)
{
    (void)state;
    return due[due_at];
}

static bool tail_full; /* an action finds no room, once */

static void tail_foresee(void *state, const ats_market *next)
{
    (void)state, (void)next;
    note('f');
}

static uint32_t tail_run(void *state, ats_io *io)
{
    (void)state, (void)io;
    if (tail_full) {
        tail_full = false;
        return 0;
    }
    note((char)('0' + due_at++));
    return 1;
}

static const ats_stage HEAD = {.name = "head", .work = head_work};
static const ats_stage TAIL = {.name = "tail",
                               .work = tail_work,
                               .next_due = tail_next,
                               .run_due = tail_run,
                               .foresee = tail_foresee};

static ats_ring *ring(void)
{
    return ats_ring_new(aligned_alloc(128, (ats_ring_footprint(64, 128) + 127) & ~127ull), 64, 128);
}

Test(group, runs_what_is_due_before_the_record_and_settles_after_each)
{
    static ats_tx feed, between_tx;
    static ats_rx in, between_rx;
    static ats_instance head = {.stage = &HEAD}, tail = {.stage = &TAIL};
    ats_clock clock;
    ats_clock_use_monotonic(&clock);
    ats_ring *a = ring(), *b = ring();
    ats_tx_open(&feed, a), ats_rx_open(&in, a);
    ats_tx_open(&between_tx, b), ats_rx_open(&between_rx, b);
    head.io = (ats_io){.in = {&in}, .out = {&between_tx}, .clock = &clock};
    tail.io = (ats_io){.in = {&between_rx}, .clock = &clock};
    ats_group group = {.members = {&head, &tail}, .count = 2};
    const int64_t times[] = {10, 15, 20, 30};
    for (int i = 0; i < 4; i++) {
        ats_market m = {.h = {.kind = ATS_KIND_QUOTE, .recv_ns = times[i]}};
        memcpy(ats_tx_stage(&feed), &m, sizeof m);
    }
    ats_market end = {.h = {.kind = ATS_KIND_END, .recv_ns = 30}};
    memcpy(ats_tx_stage(&feed), &end, sizeof end);
    ats_tx_publish(&feed);
    /* Stopped in the middle by a full output, and taken up again where it was. */
    tail_blocked = true;
    ats_group_work(&group);
    cr_assert_str_eq(log_text, "fh");
    ats_group_work(&group);
    cr_assert_str_eq(log_text, "fh", "nothing moves while it is blocked");
    tail_blocked = false, tail_full = true;
    ats_group_work(&group);
    cr_assert_str_eq(log_text, "fhtf", "the action found no room");
    while (ats_group_work(&group) > 0) {
    }
    /* The action due at 15 comes before the record of 15, the one due at 25 before that of 30; each
     * record is shown once before anything that is due by then, also when that has to wait. */
    cr_assert_str_eq(log_text, "fhtf0htfhtf1htfEt");
    cr_assert(ats_group_ended(&group));
    free(a), free(b);
}
