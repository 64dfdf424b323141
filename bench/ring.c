#include "bench/ring.h"

#include "bench/bench.h"
#include "core/affinity.h"
#include "core/error.h"
#include "core/ring.h"

#include <assert.h>
#include <ck_ring.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

void ats_bench_wait(bool yield)
{
    if (yield)
        sched_yield();
    else
        ats_cpu_pause();
}

/* ---- ours ----------------------------------------------------------------------------------- */

typedef struct own_ring {
    ats_ring *ring;
    ats_tx tx;
    ats_rx rx;
} own_ring;

static void *own_make(void)
{
    own_ring *r = aligned_alloc(ATS_GUARD_BYTES, sizeof *r);
    size_t bytes = ats_ring_footprint(ATS_BENCH_RING_DEPTH, sizeof(ats_bench_record));
    void *memory = aligned_alloc(ATS_GUARD_BYTES, bytes);
    if (!r || !memory) {
        free(r);
        free(memory);
        return NULL;
    }
    memset(memory, 0, bytes);
    r->ring = ats_ring_new(memory, ATS_BENCH_RING_DEPTH, sizeof(ats_bench_record));
    ats_tx_open(&r->tx, r->ring);
    ats_rx_open(&r->rx, r->ring);
    return r;
}

static void own_drop(void *ring)
{
    own_ring *r = ring;
    free(r->ring);
    free(r);
}

static inline void own_send(ats_tx *tx, uint64_t first, uint64_t n, bool yield)
{
    while (!ats_tx_room(tx, n))
        ats_bench_wait(yield);
    for (uint64_t k = 0; k < n; k++)
        ats_bench_fill(ats_tx_stage(tx), first + k);
    ats_tx_publish(tx);
}

static void own_produce(void *ring, const ats_bench_transfer *t)
{
    ats_tx *tx = &((own_ring *)ring)->tx;
    for (uint64_t i = 0; i < t->count; i++)
        own_send(tx, i, 1, t->yield);
}

static void own_produce_batch(void *ring, const ats_bench_transfer *t)
{
    ats_tx *tx = &((own_ring *)ring)->tx;
    for (uint64_t i = 0; i < t->count; i += ATS_BENCH_RING_BATCH)
        own_send(tx, i, ATS_BENCH_RING_BATCH, t->yield);
}

/* Takes at most `most` records at a time. */
static inline void own_take(ats_rx *rx, ats_bench_transfer *t, uint64_t most)
{
    uint64_t sum = 0, start = 0, last = 0, seen = 0;
    while (seen < t->count) {
        uint64_t n = ats_rx_peek(rx);
        if (n == 0) {
            ats_bench_wait(t->yield);
            continue;
        }
        if (n > most)
            n = most;
        for (uint64_t k = 0; k < n; k++)
            sum += ats_bench_sum(ats_rx_slot(rx, k));
        ats_rx_release(rx, n);
        uint64_t blocks = (seen + n) / ATS_BENCH_RING_BLOCK - seen / ATS_BENCH_RING_BLOCK;
        seen += n;
        if (!blocks)
            continue;
        uint64_t now = ats_clock_now(t->clock);
        if (start)
            ats_histogram_record(t->blocks, now - last);
        else
            start = now;
        last = now;
    }
    t->sum = sum;
    t->ns = last - start;
}

static void own_consume(void *ring, ats_bench_transfer *t)
{
    own_take(&((own_ring *)ring)->rx, t, 1);
}

static void own_consume_batch(void *ring, ats_bench_transfer *t)
{
    own_take(&((own_ring *)ring)->rx, t, ATS_BENCH_RING_BATCH);
}

static void own_ping(void *there, void *back, ats_bench_transfer *t)
{
    ats_tx *tx = &((own_ring *)there)->tx;
    ats_rx *rx = &((own_ring *)back)->rx;
    uint64_t sum = 0, start = ats_clock_now(t->clock), last = start;
    for (uint64_t i = 0; i < t->count; i++) {
        own_send(tx, i, 1, t->yield);
        while (ats_rx_peek(rx) == 0)
            ats_bench_wait(t->yield);
        sum += ats_bench_sum(ats_rx_slot(rx, 0));
        ats_rx_release(rx, 1);
        uint64_t now = ats_clock_now(t->clock);
        ats_histogram_record(t->blocks, now - last);
        last = now;
    }
    t->sum = sum;
    t->ns = last - start;
}

static void own_pong(void *there, void *back, const ats_bench_transfer *t)
{
    ats_rx *rx = &((own_ring *)there)->rx;
    ats_tx *tx = &((own_ring *)back)->tx;
    for (uint64_t i = 0; i < t->count; i++) {
        while (ats_rx_peek(rx) == 0 || !ats_tx_room(tx, 1))
            ats_bench_wait(t->yield);
        memcpy(ats_tx_stage(tx), ats_rx_slot(rx, 0), sizeof(ats_bench_record));
        ats_tx_publish(tx);
        ats_rx_release(rx, 1);
    }
}

static const ats_bench_contender OWN = {
    "ats",   "written and read in place", own_make, own_drop, own_produce, own_consume, own_ping,
    own_pong};
static const ats_bench_contender OWN_BATCH = {"ats",
                                              "in place, published 16 at a time",
                                              own_make,
                                              own_drop,
                                              own_produce_batch,
                                              own_consume_batch,
                                              own_ping,
                                              own_pong};

/* ---- ConcurrencyKit ------------------------------------------------------------------------- */

CK_RING_PROTOTYPE(record, ats_bench_record)

typedef struct their_ring {
    ck_ring_t ring;
    alignas(ATS_GUARD_BYTES) struct ats_bench_record slots[ATS_BENCH_RING_DEPTH];
} their_ring;

static void *ck_make(void)
{
    their_ring *r = aligned_alloc(ATS_GUARD_BYTES, sizeof *r);
    if (!r)
        return NULL;
    memset(r, 0, sizeof *r);
    ck_ring_init(&r->ring, ATS_BENCH_RING_DEPTH);
    return r;
}

static inline void ck_send(their_ring *r, uint64_t i, bool yield)
{
    ats_bench_record record;
    ats_bench_fill(&record, i);
    while (!ck_ring_enqueue_spsc_record(&r->ring, r->slots, &record))
        ats_bench_wait(yield);
}

static inline void ck_take(their_ring *r, ats_bench_record *record, bool yield)
{
    while (!ck_ring_dequeue_spsc_record(&r->ring, r->slots, record))
        ats_bench_wait(yield);
}

static void ck_produce(void *ring, const ats_bench_transfer *t)
{
    for (uint64_t i = 0; i < t->count; i++)
        ck_send(ring, i, t->yield);
}

static void ck_consume(void *ring, ats_bench_transfer *t)
{
    uint64_t sum = 0, start = 0, last = 0;
    ats_bench_record record;
    for (uint64_t i = 0; i < t->count; i++) {
        ck_take(ring, &record, t->yield);
        sum += ats_bench_sum(&record);
        if (i % ATS_BENCH_RING_BLOCK != ATS_BENCH_RING_BLOCK - 1)
            continue;
        uint64_t now = ats_clock_now(t->clock);
        if (start)
            ats_histogram_record(t->blocks, now - last);
        else
            start = now;
        last = now;
    }
    t->sum = sum;
    t->ns = last - start;
}

static void ck_ping(void *there, void *back, ats_bench_transfer *t)
{
    uint64_t sum = 0, start = ats_clock_now(t->clock), last = start;
    ats_bench_record record;
    for (uint64_t i = 0; i < t->count; i++) {
        ck_send(there, i, t->yield);
        ck_take(back, &record, t->yield);
        sum += ats_bench_sum(&record);
        uint64_t now = ats_clock_now(t->clock);
        ats_histogram_record(t->blocks, now - last);
        last = now;
    }
    t->sum = sum;
    t->ns = last - start;
}

static void ck_pong(void *there, void *back, const ats_bench_transfer *t)
{
    ats_bench_record record;
    their_ring *out = back;
    for (uint64_t i = 0; i < t->count; i++) {
        ck_take(there, &record, t->yield);
        while (!ck_ring_enqueue_spsc_record(&out->ring, out->slots, &record))
            ats_bench_wait(t->yield);
    }
}

static const ats_bench_contender CK = {"ck_ring",  "copied in and out", ck_make, free,
                                       ck_produce, ck_consume,          ck_ping, ck_pong};
static const ats_bench_contender CK_SINGLE = {"ck_ring",  "single publication: it has no batches",
                                              ck_make,    free,
                                              ck_produce, ck_consume,
                                              ck_ping,    ck_pong};

/* ---- one measurement ------------------------------------------------------------------------ */

typedef struct measurement {
    const ats_bench_contender *contender;
    ats_bench_transfer *transfer;
    void *there, *back; /* back: NULL in one direction */
    int cpu;
    uint64_t ready, failed; /* the other thread's word to ours */
} measurement;

/* The other end: the consumer, or the one that sends back. */
static void *other_main(void *argument)
{
    measurement *m = argument;
    if (m->cpu != ATS_CPU_ANY && ats_thread_pin(m->cpu) != 0)
        ats_store_release(&m->failed, 1); /* partner: measure */
    ats_store_release(&m->ready, 1);      /* partner: measure */
    if (ats_load_relaxed(&m->failed))
        return NULL;
    if (m->back)
        m->contender->pong(m->there, m->back, m->transfer);
    else
        m->contender->consume(m->there, m->transfer);
    return NULL;
}

static int measure_with(measurement *m)
{
    pthread_t other;
    int e = pthread_create(&other, NULL, other_main, m);
    if (e)
        return ats_error_errno(ATS_EXIT_FAILED, e, "ring: thread");
    while (!ats_load_acquire(&m->ready)) /* partner: other_main */
        sched_yield();
    bool failed = ats_load_acquire(&m->failed); /* partner: other_main */
    if (!failed && m->back)
        m->contender->ping(m->there, m->back, m->transfer);
    else if (!failed)
        m->contender->produce(m->there, m->transfer);
    pthread_join(other, NULL);
    if (failed)
        return ats_error(ATS_EXIT_FAILED, "ring: cannot pin to CPU %d", m->cpu);
    if (m->transfer->sum != ats_bench_expected(m->transfer->count))
        return ats_error(ATS_EXIT_FAILED, "ring: %s lost or changed records", m->contender->name);
    return 0;
}

static int measure(const ats_bench_contender *contender, ats_bench_transfer *transfer,
                   bool roundtrip, int cpu)
{
    measurement m = {.contender = contender, .transfer = transfer, .cpu = cpu};
    m.there = contender->make();
    m.back = roundtrip ? contender->make() : NULL;
    int result = -1;
    if (!m.there || (roundtrip && !m.back))
        ats_error(ATS_EXIT_FAILED, "ring: out of memory");
    else
        result = measure_with(&m);
    if (m.there)
        contender->drop(m.there);
    if (m.back)
        contender->drop(m.back);
    return result;
}

/* ---- cases ---------------------------------------------------------------------------------- */

#define CONTENDERS_MAX 4u

/* Records a round: at 50 to 200 ns each long enough that a thread's start is nothing, short enough
 * that the machine does not change between two contenders of a round. */
#define THROUGHPUT_RECORDS 262144u
#define ROUNDTRIP_RECORDS  16384u
#define WARM_RECORDS       8192u

typedef struct ring_case {
    const char *name;
    bool roundtrip, batch;
    uint64_t records;
    double goal; /* against ck_ring */
    const char *note;
} ring_case;

static const ring_case CASES[] = {
    {"throughput/128B", false, false, THROUGHPUT_RECORDS, 1.0, "single publication, both"},
    {"throughput/128B/batch16", false, true, THROUGHPUT_RECORDS, 1.5,
     "16 a publication against its single publication"},
    {"roundtrip/128B", true, false, ROUNDTRIP_RECORDS, 1.0,
     "one record there and back; a round is the mean of its fastest 99 %"},
};
#define CASE_COUNT (sizeof CASES / sizeof CASES[0])

typedef struct ring_bench {
    ats_bench_result *result;
    const ats_bench_options *options;
    const ats_bench_contender *contenders[CONTENDERS_MAX];
    ats_histogram *samples[CONTENDERS_MAX];
    ats_histogram *scratch;                                  /* of one measurement */
    double round_ns[CONTENDERS_MAX][ATS_BENCH_ROUNDS_MAX];   /* a record */
    double trimmed_ns[CONTENDERS_MAX][ATS_BENCH_ROUNDS_MAX]; /* the same, as ratios take it */
    uint32_t count;
    uint64_t done, total;
} ring_bench;

static void choose_contenders(ring_bench *b, const ring_case *c)
{
    const ats_bench_contender *all[CONTENDERS_MAX] = {
        c->batch ? &OWN_BATCH : &OWN, c->batch ? &CK_SINGLE : &CK, ats_bench_boost(c->batch),
        ats_bench_moodycamel()};
    b->count = 0;
    for (uint32_t i = 0; i < CONTENDERS_MAX; i++)
        if (all[i])
            b->contenders[b->count++] = all[i];
}

/* Mean of the fastest 99 of 100 samples. In a round trip every stop of a shared machine is a sample
 * of its own, and a few of them outweigh all the others; the rows show them. */
static double trimmed_mean(const ats_histogram *h)
{
    uint64_t left = ats_histogram_total(h) * 99 / 100, kept = left;
    double sum = 0;
    for (uint32_t cell = 0; cell < h->layout.cells && left; cell++) {
        uint64_t n = h->count[cell] < left ? h->count[cell] : left;
        sum += (double)n * (double)ats_histogram_cell_middle(&h->layout, cell);
        left -= n;
    }
    return sum / (double)kept;
}

/* One round: every contender once; who begins changes from round to round. */
static int run_round(ring_bench *b, const ring_case *c, uint32_t round, bool warm)
{
    const ats_bench_result *r = b->result;
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t k = (i + round) % b->count;
        ats_bench_transfer t = {.clock = &r->clock,
                                .count = warm ? WARM_RECORDS : c->records,
                                .yield = r->cpu_count < 2,
                                .blocks = b->scratch};
        ats_histogram_reset(b->scratch);
        if (measure(b->contenders[k], &t, c->roundtrip, r->cpus[1]) != 0)
            return -1;
        if (!warm)
            ats_histogram_add(b->samples[k], b->scratch);
        /* In one direction the first block only starts the clock. */
        b->round_ns[k][round] =
            (double)t.ns / (double)(t.count - (c->roundtrip ? 0 : ATS_BENCH_RING_BLOCK));
        b->trimmed_ns[k][round] = c->roundtrip ? trimmed_mean(b->scratch) : b->round_ns[k][round];
        b->done++;
        if (b->options->progress && b->options->progress(b->options->context, b->done, b->total))
            return ats_error(ATS_EXIT_INTERRUPTED, "ring: interrupted");
    }
    return 0;
}

static void add_rows(ring_bench *b, const ring_case *c)
{
    uint32_t rounds = b->options->rounds;
    for (uint32_t k = 0; k < b->count; k++) {
        double ns = 0;
        for (uint32_t i = 0; i < rounds; i++)
            ns += b->round_ns[k][i] / rounds;
        ats_bench_row *row =
            ats_bench_add_row(b->result, c->name, b->contenders[k]->name, b->samples[k],
                              c->roundtrip ? 1 : ATS_BENCH_RING_BLOCK, 1e9 / ns);
        snprintf(row->note, sizeof row->note, "%s%s", b->contenders[k]->note,
                 c->roundtrip ? "" : "; ns a record over blocks of 64");
    }
    for (uint32_t k = 1; k < b->count; k++) {
        bool ck = strcmp(b->contenders[k]->name, "ck_ring") == 0;
        ats_bench_ratio *ratio =
            ats_bench_add_ratio(b->result, c->name, "ats", b->trimmed_ns[0], b->contenders[k]->name,
                                b->trimmed_ns[k], rounds, ck ? c->goal : NAN);
        if (ck)
            snprintf(ratio->note, sizeof ratio->note, "%s", c->note);
    }
}

static int run_case(ring_bench *b, const ring_case *c)
{
    choose_contenders(b, c);
    for (uint32_t k = 0; k < b->count; k++)
        ats_histogram_reset(b->samples[k]);
    if (run_round(b, c, 0, true) != 0)
        return -1;
    for (uint32_t round = 0; round < b->options->rounds; round++)
        if (run_round(b, c, round, false) != 0)
            return -1;
    add_rows(b, c);
    return 0;
}

static int run_cases(ring_bench *b)
{
    if (b->result->cpu_count == 2 && ats_thread_pin(b->result->cpus[0]) != 0)
        return -1;
    for (size_t i = 0; i < CASE_COUNT; i++)
        if (run_case(b, &CASES[i]) != 0)
            return -1;
    return 0;
}

static int run(ats_bench_result *result, const ats_bench_options *options)
{
    assert(options->rounds >= ATS_BENCH_ROUNDS_MIN && options->rounds <= ATS_BENCH_ROUNDS_MAX);
    ring_bench *b = calloc(1, sizeof *b);
    size_t bytes = (ats_histogram_footprint() + 63) & ~(size_t)63;
    uint8_t *memory = aligned_alloc(64, (CONTENDERS_MAX + 1) * bytes);
    cpu_set_t before;
    int failed = !b || !memory || sched_getaffinity(0, sizeof before, &before) != 0;
    if (failed) {
        ats_error(ATS_EXIT_FAILED, "ring: out of memory");
    } else {
        b->result = result;
        b->options = options;
        for (uint32_t i = 0; i < CONTENDERS_MAX; i++)
            b->samples[i] = ats_histogram_new(memory + i * bytes);
        b->scratch = ats_histogram_new(memory + CONTENDERS_MAX * bytes);
        if (!ats_bench_boost(false))
            ats_bench_say(result, "boost::lockfree was not there at build time: left out.");
        if (!ats_bench_moodycamel())
            ats_bench_say(result, "readerwriterqueue was not there at build time: left out.");
        b->total = CASE_COUNT * (options->rounds + 1) * CONTENDERS_MAX;
        failed = run_cases(b) != 0;
        sched_setaffinity(0, sizeof before, &before); /* the caller's, as it was */
    }
    free(memory);
    free(b);
    return failed ? -1 : 0;
}

const ats_bench_module ats_bench_ring = {
    .name = "ring",
    .purpose = "records from thread to thread, against ck_ring, boost and moodycamel",
    .run = run,
};
