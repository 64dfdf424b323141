/* capture.h: the project's own log of market records, for recorded, imported and made-up days.
 *
 * A file is a header, sections, and a trailer; docs of the bytes are in io/capture_format.h.
 * Records lie in blocks of up to ATS_CAPTURE_BLOCK_RECORDS, each packed by field as differences
 * against the record before it of the same symbol, kind and venue, then compressed; a block can be
 * read without any other. The end of the file holds the symbol table, an index of the blocks by
 * time, counts by kind, and a hash of the content that does not depend on how it was packed.
 *
 * Every field of every market kind (QUOTE .. END) survives, but origin_ns and stamp_ns: they belong
 * to a run, and are 0 when read back. Prices, sizes and other values in 1e-9 units are within
 * ATS_VALUE_MAX_E9 (but a bar's volume, which feed checks), recv_ns never goes back, kinds and
 * symbol ids are known: the writer refuses what breaks this and the reader stops at it, so that
 * whoever reads need not check again.
 *
 * A file whose end is missing (a killed recorder, a full disk, a copy cut short) is read up to its
 * last whole block, and the reader says what was cut. Damage anywhere else is an error that names
 * block and offset.
 */
#ifndef ATS_IO_CAPTURE_H
#define ATS_IO_CAPTURE_H

#include "core/record.h"
#include "core/symbols.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 4096 records are 20..60 KB compressed: small enough that a cut loses a fraction of a second, big
 * enough that what starts anew in each block costs under a byte a record on real quotes. */
#define ATS_CAPTURE_BLOCK_RECORDS 4096u
#define ATS_CAPTURE_TILE_RECORDS  128u /* unpacked at a time: 16 KB, half of an L1 data cache */
#define ATS_CAPTURE_PATH_BYTES    4096u
#define ATS_CAPTURE_REASON_BYTES  256u

/* What the records are. Neither: raw input, one stream a venue, event_seq 0. */
#define ATS_CAPTURE_TAPE  0x01u /* chain input of a run, after feed: consolidated and sequenced */
#define ATS_CAPTURE_FLAGS ATS_CAPTURE_TAPE /* all that exist */

/* xxh3-128 over the records as they are read back, 128 bytes each. */
typedef struct ats_capture_hash {
    uint64_t low;
    uint64_t high;
} ats_capture_hash;

/* Where a kind is counted, and its bit in a block's mask of kinds: market kinds by their number,
 * the CONTROL records of a tape behind them. 0: a kind that no capture holds. */
#define ATS_CAPTURE_SLOTS 10u
static inline uint32_t ats_capture_slot(uint32_t kind)
{
    return kind <= ATS_KIND_END ? kind : kind == ATS_KIND_CONTROL ? ATS_CAPTURE_SLOTS - 1 : 0;
}
static inline uint32_t ats_capture_slot_kind(uint32_t slot)
{
    return slot == ATS_CAPTURE_SLOTS - 1 ? (uint32_t)ATS_KIND_CONTROL : slot;
}

/* One block, as the index knows it. */
typedef struct ats_capture_entry {
    uint64_t offset; /* of its section header in the file */
    int64_t first_recv_ns;
    int64_t last_recv_ns;
    uint64_t symbols_mask; /* bit (symbol_id & 63) of every symbol in it */
    uint32_t count;
    uint16_t kinds; /* bit ats_capture_slot of every kind in it */
    uint16_t reserved;
} ats_capture_entry;

typedef struct ats_capture_totals {
    uint64_t records;
    uint64_t kinds[ATS_CAPTURE_SLOTS]; /* records by ats_capture_slot */
    int64_t first_recv_ns;             /* 0 when there are no records */
    int64_t last_recv_ns;
} ats_capture_totals;

/* ---- writing: cold, one thread ---------------------------------------------------------- */

typedef struct ats_capture_writer ats_capture_writer;

/* Starts `path`.tmp; the name `path` appears only with a complete file, at close. flags:
 * ATS_CAPTURE_*. 0 with *out set, or -1 with an error pushed. */
int ats_capture_create(ats_capture_writer **out, const char *path, uint32_t flags);

/* Adds an instrument to the file's table, at any time before its first record. Its id, the same one
 * for the same instrument; 0 with an error pushed. */
uint32_t ats_capture_add_symbol(ats_capture_writer *writer, const ats_symbol *symbol);

/* Adds a whole table; ids stay as they are when the file has no symbols yet. */
int ats_capture_add_symbols(ats_capture_writer *writer, const ats_symbols *symbols);

/* Appends one record; origin_ns and stamp_ns are ignored. Refuses (-1, error pushed, file
 * unchanged) a record that is no market record, names no symbol of the table (0 is allowed: it
 * means none), goes back in recv_ns, or holds a value beyond ATS_VALUE_MAX_E9. */
int ats_capture_append(ats_capture_writer *writer, const ats_market *record);

/* Writes what waits as a block of its own. A recorder calls it every second, so that a crash costs
 * no more. Not synced to disk: only close does that. */
int ats_capture_flush(ats_capture_writer *writer);

/* What was appended so far. Valid until close. */
const ats_capture_totals *ats_capture_written(const ats_capture_writer *writer);

/* Completes, syncs and renames the file, and frees the writer whatever the outcome. On -1 the
 * unfinished file stays as `path`.tmp. */
int ats_capture_finish(ats_capture_writer *writer);

/* Removes the unfinished file and frees the writer. NULL is allowed. */
void ats_capture_abandon(ats_capture_writer *writer);

/* ---- reading ---------------------------------------------------------------------------- */

struct ats_capture_decoder; /* io/capture_format.h */

/* The first two fields are the hot ones; the others are set at open and only read after. */
typedef struct ats_capture_reader {
    uint32_t tile_at; /* next record of the tile */
    uint32_t tile_count;
    ats_market *tile;
    struct ats_capture_decoder *decoder;
    uint64_t next_block; /* index of the block to load when the loaded one is through */
    bool failed;
    char reason[ATS_CAPTURE_REASON_BYTES]; /* why next returned -1 */

    ats_symbols symbols; /* owned by the reader */
    ats_capture_entry *entry;
    uint64_t block_count;
    uint32_t flags;            /* ATS_CAPTURE_* of the file */
    bool complete;             /* has its end; false = cut, see cut_bytes */
    uint64_t cut_bytes;        /* of a torn end, not read */
    ats_capture_totals totals; /* of a cut file: records, first and last only, kinds all 0 */
    ats_capture_hash content;  /* as the file states it; 0 when cut */
    const uint8_t *map;
    uint64_t map_bytes;
    bool mapped; /* by open; open_bytes maps nothing */
    char path[ATS_CAPTURE_PATH_BYTES];
} ats_capture_reader;

/* Maps the file, checks its header, symbol table and index, and allocates all that reading needs.
 * 0, or -1 with an error pushed (ATS_EXIT_DATA for content) and nothing left to close. The file
 * must not be shortened while it is open: it is mapped. Cold. */
int ats_capture_open(ats_capture_reader *reader, const char *path);

/* The same on bytes that the caller keeps until close; `name` is for messages. */
int ats_capture_open_bytes(ats_capture_reader *reader, const void *bytes, size_t count,
                           const char *name);

void ats_capture_close(ats_capture_reader *reader);

/* Loads the next tile of records; what ats_capture_next returns. Hot: no malloc, lock, syscall. */
int ats_capture_refill(ats_capture_reader *reader);

/* The next record where it lies, valid until the next call: 1 record, 0 end, -1 corrupt (reader->
 * reason; stays so). Hot. Owner: the thread that reads. */
static inline int ats_capture_peek(ats_capture_reader *reader, const ats_market **record)
{
    if (__builtin_expect(reader->tile_at == reader->tile_count, 0)) {
        int got = ats_capture_refill(reader);
        if (got != 1)
            return got;
    }
    *record = &reader->tile[reader->tile_at++];
    return 1;
}

/* The same into memory of the caller. Hot. */
static inline int ats_capture_next(ats_capture_reader *reader, ats_market *out)
{
    const ats_market *record;
    int got = ats_capture_peek(reader, &record);
    if (got == 1)
        *out = *record;
    return got;
}

/* Back to the first record. Clears a failure, too. */
void ats_capture_rewind(ats_capture_reader *reader);

/* To the first block that holds a record at or after recv_ns; earlier ones of it still come. */
void ats_capture_seek(ats_capture_reader *reader, int64_t recv_ns);

/* Reads all of it from the start: counts, order and content hash against what the file states, then
 * rewinds. *hash, when not NULL, gets what was found. -1 with an error pushed when damaged; a cut
 * file passes (its totals are filled in) and the caller looks at reader->complete. Cold. */
int ats_capture_verify(ats_capture_reader *reader, ats_capture_hash *hash);

#endif
