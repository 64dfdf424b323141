#include "io/journal.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

#define MAGIC "ATSJRNL"

static void read_boot_id(char *out, size_t bytes)
{
    FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
    out[0] = 0;
    if (f && fgets(out, (int)bytes, f))
        out[strcspn(out, "\n")] = 0;
    if (f)
        fclose(f);
}

static int map_file(ats_journal *j)
{
    int fd = open(j->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "journal %s: cannot be created", j->path);
    int e = posix_fallocate(fd, 0, (off_t)j->bytes);
    void *p = e ? MAP_FAILED
                : mmap(NULL, j->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED) {
        e = e ? e : errno;
        close(fd);
        unlink(j->path);
        return ats_error_errno(ATS_EXIT_FAILED, e, "journal %s: no room for %llu bytes", j->path,
                               (unsigned long long)j->bytes);
    }
    close(fd);
    memset(p, 0, j->bytes);
    mlock(p, j->bytes); /* best effort: tmpfs may be swapped otherwise */
    j->header = p;
    j->entries = (ats_journal_entry *)((uint8_t *)p + ATS_JOURNAL_HEADER);
    return 0;
}

int ats_journal_create(ats_journal *j, const char *directory, const char *run_id, uint64_t capacity)
{
    memset(j, 0, sizeof *j);
    assert(capacity >= 2 && (capacity & (capacity - 1)) == 0);
    int n = snprintf(j->path, sizeof j->path, "%s/ats-%s.journal", directory, run_id);
    if (n < 0 || (size_t)n >= sizeof j->path)
        return ats_error(ATS_EXIT_FAILED, "journal: the path of run %s is too long", run_id);
    j->mask = capacity - 1;
    j->bytes = ATS_JOURNAL_HEADER + capacity * sizeof(ats_journal_entry);
    if (map_file(j) != 0)
        return -1;
    ats_journal_header *h = j->header;
    h->version = ATS_JOURNAL_VERSION;
    h->entry_bytes = sizeof(ats_journal_entry);
    h->capacity = capacity;
    read_boot_id(h->boot_id, sizeof h->boot_id);
    snprintf(h->run_id, sizeof h->run_id, "%s", run_id);
    memcpy(h->magic, MAGIC, sizeof MAGIC); /* last: a file without it was never begun */
    return 0;
}

static uint32_t checksum(const ats_journal_entry *entry)
{
    return (uint32_t)XXH3_64bits(entry, offsetof(ats_journal_entry, checksum));
}

void ats_journal_append(ats_journal *j, const ats_journal_entry *entry)
{
    ats_journal_entry *slot = &j->entries[j->head & j->mask];
    *slot = *entry;
    slot->number = j->head + 1;
    slot->checksum = checksum(slot);
    j->head++;
    /* Release: partner of the acquire in ats_journal_waiting; the entry is whole before it counts.
     */
    ats_store_release(&j->header->head, j->head);
}

uint64_t ats_journal_waiting(const ats_journal *j, const ats_journal_entry **first)
{
    /* Acquire: partner of the release in ats_journal_append. */
    uint64_t head = ats_load_acquire(&j->header->head), tail = ats_load_relaxed(&j->header->tail);
    uint64_t at = tail & j->mask, to_end = j->mask + 1 - at;
    *first = &j->entries[at];
    return head - tail < to_end ? head - tail : to_end;
}

void ats_journal_drained(ats_journal *j, uint64_t n)
{
    /* Release: partner of the acquire in ats_journal_room; our reads are done. */
    ats_store_release(&j->header->tail, ats_load_relaxed(&j->header->tail) + n);
}

bool ats_journal_entry_is_whole(const ats_journal_entry *entry, uint64_t number)
{
    return entry->number == number && entry->checksum == checksum(entry);
}

void ats_journal_close(ats_journal *j, bool remove)
{
    if (!j->header)
        return;
    munmap(j->header, j->bytes);
    if (remove)
        unlink(j->path);
    j->header = NULL;
}
