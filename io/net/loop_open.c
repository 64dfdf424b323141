#include "core/error.h"
#include "io/net/loop_parts.h"

#include <stdio.h>
#include <string.h>

#define PAGE 4096u

static bool is_power_of_two(uint32_t n)
{
    return n && (n & (n - 1)) == 0;
}

static size_t whole(size_t bytes, size_t unit)
{
    return (bytes + unit - 1) / unit * unit;
}

/* Offsets of the parts in the loop's memory, each on a line of its own. */
typedef struct layout {
    size_t slots, buffers, heap, uring, buffer_ring, payloads, rings, end;
} layout;

static layout lay_out(const ats_loop_options *o)
{
    layout l;
    l.slots = whole(sizeof(ats_loop), 64);
    l.buffers = whole(l.slots + o->connections * sizeof(ats_loop_slot), 64);
    l.heap = whole(l.buffers + o->receive_buffers * sizeof(ats_loop_buffer), 64);
    l.uring = whole(l.heap + (o->timers + 1) * sizeof(ats_loop_timer *), 64);
    /* The kernel asks for a page's alignment; 16 bytes an entry. */
    l.buffer_ring = whole(l.uring + ats_loop_uring_footprint(), PAGE);
    l.payloads = whole(l.buffer_ring + o->receive_buffers * 16u, PAGE);
    size_t stride = whole(ATS_LOOP_HEAD_BYTES + o->receive_bytes, 64);
    l.rings = l.payloads + stride * o->receive_buffers;
    l.end = whole(l.rings + (size_t)o->send_bytes * o->connections, PAGE);
    return l;
}

size_t ats_loop_footprint(const ats_loop_options *o)
{
    bool good = o->backend <= ATS_LOOP_EPOLL && o->connections >= 1 && o->connections <= 65536 &&
                o->timers <= 65536 && o->receive_bytes >= 64 && o->receive_bytes <= 1u << 20 &&
                is_power_of_two(o->receive_buffers) && o->receive_buffers >= 2 &&
                o->receive_buffers <= 32768 && is_power_of_two(o->send_bytes) &&
                o->send_bytes >= 64 && o->send_bytes <= 64u << 20;
    return good ? lay_out(o).end : 0;
}

static void lay_into(ats_loop *loop, uint8_t *memory, const ats_loop_options *o)
{
    layout l = lay_out(o);
    *loop = (ats_loop){.options = *o,
                       .slots = (ats_loop_slot *)(memory + l.slots),
                       .buffers = (ats_loop_buffer *)(memory + l.buffers),
                       .payloads = memory + l.payloads,
                       .buffer_stride = whole(ATS_LOOP_HEAD_BYTES + o->receive_bytes, 64),
                       .payload_at = ATS_LOOP_HEAD_BYTES,
                       .heap = (ats_loop_timer **)(memory + l.heap),
                       .uring_memory = memory + l.uring,
                       .buffer_ring = memory + l.buffer_ring,
                       .free_slot = ATS_LOOP_NO_SLOT,
                       .dirty_first = ATS_LOOP_NO_SLOT,
                       .epoll_fd = -1};
    for (uint32_t i = o->connections; i-- > 0;) {
        loop->slots[i].generation = 1;
        loop->slots[i].ring = memory + l.rings + (size_t)i * o->send_bytes;
        ats_loop_free_slot(loop, i);
    }
}

static int refuse(const ats_loop_why *why)
{
    return why->errnum ? ats_error_errno(ATS_EXIT_FAILED, why->errnum, "event loop: %s", why->what)
                       : ats_error(ATS_EXIT_FAILED, "event loop: %s", why->what);
}

int ats_loop_open(ats_loop **out, void *memory, const ats_loop_options *options)
{
    ats_loop_why why = {0};
    *out = NULL;
    if (ats_loop_footprint(options) == 0)
        return ats_error(ATS_EXIT_FAILED, "event loop: its options are out of range");
    ats_loop *loop = memory;
    lay_into(loop, memory, options);
    if (options->backend != ATS_LOOP_EPOLL) {
        if (ats_loop_uring_open(loop, &why) == 0) {
            snprintf(loop->text, sizeof loop->text, "io_uring");
            *out = loop;
            return 0;
        }
        if (options->backend == ATS_LOOP_URING)
            return refuse(&why);
        lay_into(loop, memory, options);
    } else {
        why.what = "asked for";
    }
    snprintf(loop->text, sizeof loop->text, "epoll: %s%s%s", why.what, why.errnum ? ": " : "",
             why.errnum ? strerror(why.errnum) : "");
    if (ats_loop_epoll_open(loop, &why) != 0)
        return refuse(&why);
    *out = loop;
    return 0;
}

void ats_loop_close(ats_loop *loop)
{
    if (!loop)
        return;
    for (uint32_t i = 0; i < loop->options.connections; i++)
        if (loop->slots[i].kind != ATS_SLOT_FREE && !loop->slots[i].closing)
            ats_loop_drop(loop, (ats_conn)loop->slots[i].generation << 32 | i);
    while (loop->heap_count > 0)
        ats_loop_timer_unset(loop, loop->heap[loop->heap_count]);
    loop->calls->close(loop);
}
