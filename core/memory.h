/* memory.h: one arena for everything the chain touches.
 *
 * All hot memory is sized by footprints, taken from one mapping before the engine is armed, faulted
 * in and locked where the limits allow it. Explicit huge pages are tried first, then transparent
 * ones, then ordinary pages; `backing` says what it came to. Owner: the thread that builds the
 * engine.
 */
#ifndef ATS_CORE_MEMORY_H
#define ATS_CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Rounds a size up to whole cache lines. */
static inline size_t ats_whole_lines(size_t bytes)
{
    return (bytes + 63) & ~(size_t)63;
}

typedef enum ats_backing {
    ATS_BACKING_PAGES = 0,
    ATS_BACKING_TRANSPARENT_HUGE = 1,
    ATS_BACKING_HUGE = 2
} ats_backing;

typedef struct ats_arena {
    uint8_t *base;
    size_t bytes;
    size_t used;
    ats_backing backing;
    bool locked;
} ats_arena;

/* Maps, faults in and, if RLIMIT_MEMLOCK allows, locks `bytes`. 0, or -1 with an error pushed. */
int ats_arena_create(ats_arena *arena, size_t bytes);

/* Zeroed memory aligned to `align` (a power of two). Aborts when the arena is short: footprints
 * were added up before, so that is a broken invariant, not a condition. */
void *ats_arena_take(ats_arena *arena, size_t bytes, size_t align);

void ats_arena_destroy(ats_arena *arena);

/* Faults in the code and constants of the program and its libraries, so that a path taken for the
 * first time costs no page fault. Best effort: kernels before 5.14 do without. Cold. */
void ats_memory_prefault_code(void);

/* Faults in the calling thread's next 64 KiB of stack: far more than any stage's deepest call
 * (functions keep their arrays below 4 KiB), little beside a thread's 8 MiB. Cold. */
void ats_memory_prefault_stack(void);

#endif
