#include "io/net/loop_parts.h"

#include <assert.h>

/* A binary heap of pointers, root at 1; each timer knows its place, so that moving and unsetting it
 * needs no search. */

static void put(ats_loop *loop, uint32_t at, ats_loop_timer *timer)
{
    loop->heap[at] = timer;
    timer->place = at;
}

static void rise(ats_loop *loop, uint32_t at, ats_loop_timer *timer)
{
    for (; at > 1 && loop->heap[at / 2]->deadline_ns > timer->deadline_ns; at /= 2)
        put(loop, at, loop->heap[at / 2]);
    put(loop, at, timer);
}

static void sink(ats_loop *loop, uint32_t at, ats_loop_timer *timer)
{
    for (uint32_t child; (child = 2 * at) <= loop->heap_count; at = child) {
        if (child < loop->heap_count &&
            loop->heap[child + 1]->deadline_ns < loop->heap[child]->deadline_ns)
            child++;
        if (loop->heap[child]->deadline_ns >= timer->deadline_ns)
            break;
        put(loop, at, loop->heap[child]);
    }
    put(loop, at, timer);
}

void ats_loop_timer_set(ats_loop *loop, ats_loop_timer *timer, uint64_t deadline_ns)
{
    ats_loop_timer_unset(loop, timer);
    assert(loop->heap_count < loop->options.timers && "more timers than the loop was made for");
    timer->deadline_ns = deadline_ns;
    rise(loop, ++loop->heap_count, timer);
}

void ats_loop_timer_unset(ats_loop *loop, ats_loop_timer *timer)
{
    uint32_t at = timer->place;
    if (at == 0)
        return;
    assert(at <= loop->heap_count && loop->heap[at] == timer);
    timer->place = 0;
    ats_loop_timer *last = loop->heap[loop->heap_count--];
    if (last == timer)
        return;
    if (at > 1 && loop->heap[at / 2]->deadline_ns > last->deadline_ns)
        rise(loop, at, last);
    else
        sink(loop, at, last);
}

uint64_t ats_loop_timer_next(const ats_loop *loop)
{
    return loop->heap_count ? loop->heap[1]->deadline_ns : UINT64_MAX;
}
