#include "bench/net.h"

#include "core/error.h"
#include "io/net/ws_frame.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if ATS_HAVE_WSLAY
#include <wslay/wslay.h>
#endif

/* What one receive of a busy feed holds: quotes of 200 bytes as text, one a frame, from a server.
 */
#define MESSAGE_BYTES 200u
#define MESSAGES      64u
#define BLOCKS        200u /* a round: 12,800 messages, 0.5 to 5 ms */
#define MEMORY_BYTES  65536u

typedef struct frames {
    uint8_t bytes[MESSAGES * (MESSAGE_BYTES + ATS_WS_HEAD_BYTES)];
    size_t length, at;
    uint64_t messages, sum;
} frames;

static void make(frames *f)
{
    for (uint32_t i = 0; i < MESSAGES; i++) {
        f->length += ats_ws_head(f->bytes + f->length, ATS_WS_TEXT, MESSAGE_BYTES, NULL);
        memset(f->bytes + f->length, 'a' + (int)(i % 26), MESSAGE_BYTES);
        f->length += MESSAGE_BYTES;
    }
}

static inline void take(frames *f, const uint8_t *bytes, size_t n)
{
    f->messages++;
    f->sum += bytes[0] + bytes[n - 1];
}

static void read_ours(frames *f, void *reader)
{
    ats_ws_event e;
    for (size_t at = 0, taken; at < f->length; at += taken)
        if (ats_ws_read(reader, f->bytes + at, f->length - at, &taken, &e) == 1)
            take(f, e.bytes, e.length);
}

#if ATS_HAVE_WSLAY
static ssize_t give(wslay_event_context_ptr context, uint8_t *out, size_t n, int flags, void *user)
{
    frames *f = user;
    (void)flags;
    n = n < f->length - f->at ? n : f->length - f->at;
    if (n == 0) {
        wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
        return -1;
    }
    memcpy(out, f->bytes + f->at, n);
    f->at += n;
    return (ssize_t)n;
}

static void receive(wslay_event_context_ptr context, const struct wslay_event_on_msg_recv_arg *m,
                    void *user)
{
    (void)context;
    take(user, m->msg, m->msg_length);
}

static void read_wslay(frames *f, void *context)
{
    f->at = 0;
    wslay_event_recv(context);
}
#endif

/* ns a message of one round; 0 with an error pushed: messages were lost. */
static double round_of(const ats_clock *clock, frames *f, void (*read_all)(frames *, void *),
                       void *reader, ats_histogram *blocks)
{
    uint64_t begun = ats_clock_now(clock), last = begun;
    f->messages = f->sum = 0;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        read_all(f, reader);
        uint64_t now = ats_clock_now(clock);
        ats_histogram_record(blocks, now - last);
        last = now;
    }
    if (f->messages == (uint64_t)BLOCKS * MESSAGES)
        return (double)(last - begun) / (BLOCKS * MESSAGES);
    ats_error(ATS_EXIT_FAILED, "net: a frame reader lost messages");
    return 0;
}

int ats_bench_net_frames(ats_bench_result *result, const ats_bench_options *options)
{
    size_t bytes = (ats_histogram_footprint() + 63) & ~(size_t)63;
    uint8_t *memory = aligned_alloc(64, 2 * bytes);
    uint8_t *message = malloc(MEMORY_BYTES);
    frames *f = calloc(1, sizeof *f);
    double ours[ATS_BENCH_ROUNDS_MAX], theirs[ATS_BENCH_ROUNDS_MAX];
    int failed = !memory || !message || !f ? ats_error(ATS_EXIT_FAILED, "net: out of memory") : 0;
    if (!failed) {
        ats_histogram *a = ats_histogram_new(memory), *b = ats_histogram_new(memory + bytes);
        ats_ws_reader reader;
        make(f);
        ats_ws_reader_start(&reader, message, MEMORY_BYTES, false);
#if ATS_HAVE_WSLAY
        struct wslay_event_callbacks callbacks = {.recv_callback = give,
                                                  .on_msg_recv_callback = receive};
        wslay_event_context_ptr context;
        failed = wslay_event_context_client_init(&context, &callbacks, f);
        for (uint32_t r = 0; r < options->rounds && !failed; r++) {
            ours[r] = round_of(&result->clock, f, read_ours, &reader, a);
            theirs[r] = round_of(&result->clock, f, read_wslay, context, b);
            failed = ours[r] == 0 || theirs[r] == 0;
        }
        wslay_event_context_free(context);
#else
        (void)theirs, (void)b;
        ats_bench_say(result, "wslay was not there at build time: left out.");
        for (uint32_t r = 0; r < options->rounds && !failed; r++)
            failed = (ours[r] = round_of(&result->clock, f, read_ours, &reader, a)) == 0;
#endif
        if (!failed)
            ats_bench_add_row(result, "frames/200B", "ats", a, MESSAGES,
                              1e9 * MESSAGES / ats_histogram_mean(a));
#if ATS_HAVE_WSLAY
        if (!failed) {
            ats_bench_add_row(result, "frames/200B", "wslay", b, MESSAGES,
                              1e9 * MESSAGES / ats_histogram_mean(b));
            ats_bench_add_ratio(result, "frames/200B", "ats", ours, "wslay", theirs,
                                options->rounds, 1.0);
        }
#endif
    }
    free(memory);
    free(message);
    free(f);
    return failed ? -1 : 0;
}
