#include "core/memory.h"

#include "core/error.h"

#include <assert.h>
#include <errno.h>
#include <link.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES ((size_t)2 << 20)

static size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) & ~(to - 1);
}

int ats_arena_create(ats_arena *arena, size_t bytes)
{
    memset(arena, 0, sizeof *arena);
    arena->bytes = round_up(bytes ? bytes : 1, HUGE_BYTES);
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    void *p =
        mmap(NULL, arena->bytes, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB | MAP_POPULATE, -1, 0);
    arena->backing = ATS_BACKING_HUGE;
    if (p == MAP_FAILED) {
        p = mmap(NULL, arena->bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
        if (p == MAP_FAILED)
            return ats_error_errno(ATS_EXIT_FAILED, errno, "arena: cannot map %zu bytes",
                                   arena->bytes);
        arena->backing = madvise(p, arena->bytes, MADV_HUGEPAGE) == 0 ? ATS_BACKING_TRANSPARENT_HUGE
                                                                      : ATS_BACKING_PAGES;
    }
    memset(p, 0, arena->bytes); /* fault in now, not on the first event */
    arena->locked = mlock(p, arena->bytes) == 0;
    arena->base = p;
    return 0;
}

void *ats_arena_take(ats_arena *arena, size_t bytes, size_t align)
{
    assert(align && (align & (align - 1)) == 0 && align <= HUGE_BYTES);
    size_t at = round_up(arena->used, align);
    assert(at <= arena->bytes && bytes <= arena->bytes - at && "arena footprint was wrong");
    arena->used = at + bytes;
    return arena->base + at;
}

void ats_arena_destroy(ats_arena *arena)
{
    if (arena->base)
        munmap(arena->base, arena->bytes);
    memset(arena, 0, sizeof *arena);
}

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22 /* Linux 5.14 */
#endif

static int prefault_object(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size, (void)context;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_R))
            continue;
        uintptr_t begin = (info->dlpi_addr + segment->p_vaddr) & ~(uintptr_t)4095;
        uintptr_t end = info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        madvise((void *)begin, round_up(end - begin, 4096), MADV_POPULATE_READ);
    }
    return 0;
}

void ats_memory_prefault_code(void)
{
    dl_iterate_phdr(prefault_object, NULL);
}

__attribute__((noinline)) void ats_memory_prefault_stack(void)
{
    char below[64 * 1024];
    for (size_t i = 0; i < sizeof below; i += 4096)
        below[i] = 0;
    __asm__ volatile("" : : "r"(below) : "memory"); /* the writes count */
}
