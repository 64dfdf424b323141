/* Two threads on one recorder, as a plain program: ThreadSanitizer cannot run under the unit tests'
 * framework. Fails when a count is lost or seen twice; under TSan also when there is a race. */
#include "core/histogram.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SWAPS 300

typedef struct stress {
    ats_recorder *recorder;
    uint64_t stop;
    uint64_t recorded; /* read after the join */
} stress;

static void *record_until_stopped(void *argument)
{
    stress *s = argument;
    uint64_t n = 0;
    /* Relaxed: only the number matters; the join orders the rest. */
    while (!ats_load_relaxed(&s->stop)) {
        for (int i = 0; i < 64; i++)
            ats_recorder_record(s->recorder, n++ % 5000);
        ats_recorder_poll(s->recorder);
    }
    s->recorded = n;
    return NULL;
}

int main(void)
{
    stress s = {.recorder = ats_recorder_new(
                    aligned_alloc(128, (ats_recorder_footprint() + 127) & ~(size_t)127))};
    ats_histogram *sum = ats_histogram_new(aligned_alloc(64, ats_histogram_footprint()));
    pthread_t writer;
    if (pthread_create(&writer, NULL, record_until_stopped, &s) != 0)
        return 1;
    for (int swap = 0; swap < SWAPS; swap++) {
        if (!ats_recorder_request_swap(s.recorder))
            return 1;
        ats_histogram *h;
        while (!(h = ats_recorder_retired(s.recorder)))
            ats_cpu_pause();
        /* A live histogram may be looked at while it grows. */
        if (ats_histogram_max(s.recorder->pair[0]) > 5007 ||
            ats_histogram_max(s.recorder->pair[1]) > 5007)
            return 1;
        ats_histogram_add(sum, h);
    }
    ats_store_relaxed(&s.stop, 1);
    pthread_join(writer, NULL);
    ats_histogram_add(sum, ats_recorder_flip_now(s.recorder));
    uint64_t total = ats_histogram_total(sum);
    printf("recorded %llu, seen %llu in %d intervals\n", (unsigned long long)s.recorded,
           (unsigned long long)total, SWAPS + 1);
    free(sum);
    free(s.recorder);
    return total != s.recorded || total == 0;
}
