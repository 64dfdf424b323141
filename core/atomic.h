/* atomic.h: the few atomic operations that threads share state with.
 *
 * Ordinary builds use ConcurrencyKit's ck_pr primitives. ThreadSanitizer cannot see through their
 * inline assembly, so its builds use the compiler's C11 atomics with the same order. Every use says
 * which load is the partner of which store.
 */
#ifndef ATS_CORE_ATOMIC_H
#define ATS_CORE_ATOMIC_H

#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define ATS_ATOMIC_C11 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define ATS_ATOMIC_C11 1
#endif
#endif

#ifdef ATS_ATOMIC_C11

static inline uint64_t ats_load_acquire(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}
static inline void ats_store_release(uint64_t *p, uint64_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELEASE);
}
static inline uint64_t ats_load_relaxed(const uint64_t *p)
{
    return __atomic_load_n(p, __ATOMIC_RELAXED);
}
static inline void ats_store_relaxed(uint64_t *p, uint64_t v)
{
    __atomic_store_n(p, v, __ATOMIC_RELAXED);
}

#else

#include <ck_pr.h>

static inline uint64_t ats_load_acquire(const uint64_t *p)
{
    uint64_t v = ck_pr_load_64(p);
    ck_pr_fence_acquire();
    return v;
}
static inline void ats_store_release(uint64_t *p, uint64_t v)
{
    ck_pr_fence_release();
    ck_pr_store_64(p, v);
}
static inline uint64_t ats_load_relaxed(const uint64_t *p)
{
    return ck_pr_load_64(p);
}
static inline void ats_store_relaxed(uint64_t *p, uint64_t v)
{
    ck_pr_store_64(p, v);
}

#endif

/* Counter with one writer: a plain increment that readers on other threads may see late. */
static inline void ats_count(uint64_t *p, uint64_t n)
{
    ats_store_relaxed(p, ats_load_relaxed(p) + n);
}

static inline void ats_cpu_pause(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

#endif
