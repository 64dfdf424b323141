/* journal.h: the order journal: what was decided and heard, before anything else is done with it.
 *
 * `route` appends every order transition before the network write, and every broker event before it
 * is forwarded. The journal lies in a named file on tmpfs, mapped and faulted in, so that an append
 * is a copy of three cache lines and survives the death of the process at any instruction; `drain`
 * copies it to disk and syncs there. The header carries the boot id, by which a reader can tell
 * shared memory of this boot from an older file's. Recovery from it is not written yet: the file of
 * a killed process stays until someone removes it.
 *
 * Layout: a header page, then a ring of 192-byte entries. head counts entries appended, tail those
 * that are on disk; an entry is overwritten only after it was drained. Each entry carries its own
 * number and a checksum, so that a reader can tell a torn entry from a whole one.
 *
 * Owner: route appends, drain takes; both ends are single.
 */
#ifndef ATS_IO_JOURNAL_H
#define ATS_IO_JOURNAL_H

#include "core/atomic.h"
#include "core/record.h"

#include <stdbool.h>
#include <stdint.h>

#define ATS_JOURNAL_VERSION    2u
#define ATS_JOURNAL_HEADER     4096u
#define ATS_JOURNAL_PATH_BYTES 256u

typedef struct ats_journal_entry {
    uint64_t number; /* 1, 2, ... */
    uint64_t order_id;
    uint64_t other_id;       /* CANCEL_SENT, and what answers a replace: the other order; else 0 */
    uint64_t exec_id;        /* 0 = our own step */
    uint64_t ref_exec_id;    /* BUSTED, CORRECTED: the fill that is meant */
    uint64_t instrument_key; /* names the symbol for ever */
    uint64_t after_seq;      /* last chain record route had seen */
    int64_t recv_ns;
    int64_t qty_e9;
    int64_t limit_e9;
    int64_t last_qty_e9;
    int64_t last_px_e9;
    int64_t cum_qty_e9;
    int64_t fee_e9;
    int64_t stop_e9; /* these of JOURNALED: with them all of an order can be made again */
    int64_t trail_e9;
    int64_t target_e9;
    int64_t stop_leg_e9;
    int64_t stop_leg_limit_e9;
    uint32_t intent_flags;
    uint32_t account_id;
    uint32_t strategy_id;
    uint32_t symbol_id;
    uint8_t event; /* ats_order_event */
    uint8_t state; /* ats_order_state after it */
    uint8_t side;
    uint8_t type;
    uint8_t tif;
    uint8_t action;      /* ats_intent_action */
    uint8_t transition;  /* ats_transition_kind */
    uint8_t order_class; /* ats_order_class */
    uint8_t reserved8[12];
    uint32_t checksum; /* low 32 bits of xxh3 of the 188 bytes before it */
} ats_journal_entry;
static_assert(sizeof(ats_journal_entry) == 192, "journal entries are three lines");
static_assert(offsetof(ats_journal_entry, checksum) == 188,
              "no padding: it would reach the disk unset");

typedef struct ats_journal_header {
    char magic[8]; /* "ATSJRNL" */
    uint32_t version;
    uint32_t entry_bytes;
    uint64_t capacity; /* entries; a power of two */
    char boot_id[40];
    char run_id[64];
    uint64_t reserved[48];
    uint64_t head; /* at 512: written by route */
    uint64_t guard[31];
    uint64_t tail; /* at 768: written by drain */
} ats_journal_header;
static_assert(offsetof(ats_journal_header, head) == 512, "head on lines of its own");
static_assert(offsetof(ats_journal_header, tail) == 768, "tail on lines of its own");

typedef struct ats_journal {
    ats_journal_header *header;
    ats_journal_entry *entries;
    uint64_t mask;
    uint64_t head;        /* route's */
    uint64_t tail_cached; /* route's */
    uint64_t bytes;
    char path[ATS_JOURNAL_PATH_BYTES];
} ats_journal;

/* Makes <directory>/ats-<run_id>.journal with room for `capacity` entries (a power of two), faulted
 * in. directory: /dev/shm, or a test's own. 0, or -1 with an error pushed. */
int ats_journal_create(ats_journal *j, const char *directory, const char *run_id,
                       uint64_t capacity);

/* Room for n more entries? Owner: route. */
static inline bool ats_journal_room(ats_journal *j, uint64_t n)
{
    if (j->head + n - j->tail_cached <= j->mask + 1)
        return true;
    /* Acquire: partner of the release in ats_journal_drained. */
    j->tail_cached = ats_load_acquire(&j->header->tail);
    return j->head + n - j->tail_cached <= j->mask + 1;
}

/* Appends; number and checksum are filled in. The caller has asked for room. Hot. Owner: route. */
void ats_journal_append(ats_journal *j, const ats_journal_entry *entry);

/* Entries appended and not drained, in order: the first n that lie side by side. Owner: drain. */
uint64_t ats_journal_waiting(const ats_journal *j, const ats_journal_entry **first);
void ats_journal_drained(ats_journal *j, uint64_t n);

/* True when number and checksum are right. */
bool ats_journal_entry_is_whole(const ats_journal_entry *entry, uint64_t number);

/* Unmaps; `remove` also unlinks the file: when all of it is safe on disk. */
void ats_journal_close(ats_journal *j, bool remove);

#endif
