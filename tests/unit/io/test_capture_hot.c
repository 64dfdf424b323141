/* Reading a capture allocates nothing between open and close: the feed thread reads it armed. The
 * allocator is counted by standing in for it, which sanitizers do themselves, so not there. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

#include "io/capture.h"
#include "io/synth.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static _Thread_local uint64_t allocations;

#ifndef SANITIZED
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *p, size_t bytes);

void *malloc(size_t bytes)
{
    allocations++;
    return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes)
{
    allocations++;
    return __libc_calloc(count, bytes);
}
void *realloc(void *p, size_t bytes)
{
    allocations++;
    return __libc_realloc(p, bytes);
}
#endif

Test(capture_hot, reading_allocates_nothing)
{
#ifdef SANITIZED
    cr_skip("the sanitizer owns the allocator");
#endif
    char path[64];
    snprintf(path, sizeof path, "/tmp/ats-capture-hot-%d.cap", (int)getpid());
    ats_synth_options o = {.seed = 1,
                           .symbols = 300,
                           .venues = 8,
                           .rate = 1000,
                           .start_ns = ATS_E9,
                           .duration_ns = 60 * ATS_E9,
                           .volatility_bps = 200,
                           .signal_permille = 150,
                           .trade_permille = 150};
    ats_synth *synth;
    ats_capture_writer *writer;
    ats_market record;
    uint64_t written = 0, read = 0;
    cr_assert_eq(ats_synth_open(&synth, &o), 0);
    cr_assert_eq(ats_capture_create(&writer, path, 0), 0);
    cr_assert_eq(ats_capture_add_symbols(writer, ats_synth_symbols(synth)), 0);
    for (; ats_synth_next(synth, &record); written++)
        cr_assert_eq(ats_capture_append(writer, &record), 0);
    cr_assert_eq(ats_capture_finish(writer), 0);
    ats_synth_close(synth);

    ats_capture_reader reader;
    uint64_t before = allocations;
    cr_assert_eq(ats_capture_open(&reader, path), 0);
    cr_assert_gt(allocations, before, "open allocates, or nothing is counted");
    before = allocations;
    int got;
    while ((got = ats_capture_next(&reader, &record)) == 1)
        read++;
    cr_assert_eq(allocations, before);
    cr_assert_eq(got, 0);
    cr_assert_eq(read, written);
    cr_assert_gt(reader.block_count, 10);
    ats_capture_close(&reader);
    unlink(path);
}
