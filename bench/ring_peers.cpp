/* Queues of others that are written in C++, behind the interface of ring.h. */
#include "bench/ring.h"

#if ATS_HAVE_BOOST_LOCKFREE
#include <boost/lockfree/spsc_queue.hpp>
#endif
#if ATS_HAVE_READERWRITERQUEUE
#include <readerwriterqueue/readerwriterqueue.h>
#endif

#include <new>

namespace {

/* Loops over an adaptor Q with push(record) and read(function). */
template <class Q> struct peer {
    static void *make()
    {
        return new (std::nothrow) Q;
    }

    static void drop(void *ring)
    {
        delete static_cast<Q *>(ring);
    }

    static void send(Q &q, const ats_bench_record &record, bool yield)
    {
        while (!q.push(record))
            ats_bench_wait(yield);
    }

    template <class F> static void take(Q &q, bool yield, F &&f)
    {
        while (!q.read(f))
            ats_bench_wait(yield);
    }

    static void produce(void *ring, const ats_bench_transfer *t)
    {
        Q &q = *static_cast<Q *>(ring);
        ats_bench_record record;
        for (uint64_t i = 0; i < t->count; i++) {
            ats_bench_fill(&record, i);
            send(q, record, t->yield);
        }
    }

    static void consume(void *ring, ats_bench_transfer *t)
    {
        Q &q = *static_cast<Q *>(ring);
        uint64_t sum = 0, start = 0, last = 0;
        for (uint64_t i = 0; i < t->count; i++) {
            take(q, t->yield, [&](const ats_bench_record &r) { sum += ats_bench_sum(&r); });
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

    static void ping(void *there, void *back, ats_bench_transfer *t)
    {
        Q &out = *static_cast<Q *>(there), &in = *static_cast<Q *>(back);
        ats_bench_record record;
        uint64_t sum = 0, start = ats_clock_now(t->clock), last = start;
        for (uint64_t i = 0; i < t->count; i++) {
            ats_bench_fill(&record, i);
            send(out, record, t->yield);
            take(in, t->yield, [&](const ats_bench_record &r) { sum += ats_bench_sum(&r); });
            uint64_t now = ats_clock_now(t->clock);
            ats_histogram_record(t->blocks, now - last);
            last = now;
        }
        t->sum = sum;
        t->ns = last - start;
    }

    static void pong(void *there, void *back, const ats_bench_transfer *t)
    {
        Q &in = *static_cast<Q *>(there), &out = *static_cast<Q *>(back);
        ats_bench_record record;
        for (uint64_t i = 0; i < t->count; i++) {
            take(in, t->yield, [&](const ats_bench_record &r) { record = r; });
            send(out, record, t->yield);
        }
    }
};

#if ATS_HAVE_BOOST_LOCKFREE
struct boost_ring {
    boost::lockfree::spsc_queue<ats_bench_record, boost::lockfree::capacity<ATS_BENCH_RING_DEPTH>>
        queue;

    bool push(const ats_bench_record &record)
    {
        return queue.push(record);
    }

    template <class F> bool read(F &&f)
    {
        return queue.consume_one(f) != 0;
    }
};

void boost_produce_batch(void *ring, const ats_bench_transfer *t)
{
    auto &queue = static_cast<boost_ring *>(ring)->queue;
    ats_bench_record batch[ATS_BENCH_RING_BATCH];
    for (uint64_t i = 0; i < t->count; i += ATS_BENCH_RING_BATCH) {
        for (unsigned k = 0; k < ATS_BENCH_RING_BATCH; k++)
            ats_bench_fill(&batch[k], i + k);
        for (size_t done = 0; done < ATS_BENCH_RING_BATCH;) {
            size_t n = queue.push(batch + done, ATS_BENCH_RING_BATCH - done);
            done += n;
            if (n == 0)
                ats_bench_wait(t->yield);
        }
    }
}

void boost_consume_batch(void *ring, ats_bench_transfer *t)
{
    auto &queue = static_cast<boost_ring *>(ring)->queue;
    uint64_t sum = 0, start = 0, last = 0, seen = 0;
    ats_bench_record batch[ATS_BENCH_RING_BATCH];
    while (seen < t->count) {
        size_t n = queue.pop(batch, ATS_BENCH_RING_BATCH);
        if (n == 0) {
            ats_bench_wait(t->yield);
            continue;
        }
        for (size_t k = 0; k < n; k++)
            sum += ats_bench_sum(&batch[k]);
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
#endif

#if ATS_HAVE_READERWRITERQUEUE
struct moodycamel_ring {
    /* One block of the whole depth, so that it never walks from block to block. */
    moodycamel::ReaderWriterQueue<ats_bench_record, 2 * ATS_BENCH_RING_DEPTH> queue{
        ATS_BENCH_RING_DEPTH - 1};

    bool push(const ats_bench_record &record)
    {
        return queue.try_enqueue(record);
    }

    template <class F> bool read(F &&f)
    {
        const ats_bench_record *record = queue.peek();
        if (!record)
            return false;
        f(*record);
        queue.pop();
        return true;
    }
};
#endif

} // namespace

extern "C" const ats_bench_contender *ats_bench_boost(bool batch)
{
#if ATS_HAVE_BOOST_LOCKFREE
    using p = peer<boost_ring>;
    static const ats_bench_contender one = {
        "boost spsc", "copied in, read in place", p::make, p::drop, p::produce, p::consume, p::ping,
        p::pong};
    static const ats_bench_contender many = {"boost spsc",
                                             "copied in and out, 16 a call",
                                             p::make,
                                             p::drop,
                                             boost_produce_batch,
                                             boost_consume_batch,
                                             p::ping,
                                             p::pong};
    return batch ? &many : &one;
#else
    (void)batch;
    return nullptr;
#endif
}

extern "C" const ats_bench_contender *ats_bench_moodycamel(void)
{
#if ATS_HAVE_READERWRITERQUEUE
    using p = peer<moodycamel_ring>;
    static const ats_bench_contender one = {
        "moodycamel", "copied in, read in place", p::make, p::drop, p::produce, p::consume, p::ping,
        p::pong};
    return &one;
#else
    return nullptr;
#endif
}
