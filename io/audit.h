/* audit.h: the append-only file of derived records that `drain` writes and `keeper` tails.
 *
 * Everything the chain derives (signals, intents, verdicts, orders, executions, positions, control,
 * env) is appended here in the order in which drain took it. Layout, little-endian:
 *
 *     file header   64 bytes, ats_audit_file_header
 *     symbols       symbol_count * 80 bytes, ats_symbol, ids 1, 2, ...
 *     block         32 bytes, ats_audit_block, then count * 256 bytes of records
 *     block         ...
 *
 * A block is written in one call and carries two checksums: one of its own header with the index of
 * its first record, so that a damaged count cannot pass for a file still being written and a lost
 * or doubled block shows, and one of its records. Every prefix of the file that ends after a block
 * is a valid file.
 *
 * Reading a file that grows: a block that is not all there yet is "the end so far", and the next
 * call looks again. So is a tail of zeros, which a power loss leaves behind. Any other damage is an
 * error; the records before it have been delivered.
 */
#ifndef ATS_IO_AUDIT_H
#define ATS_IO_AUDIT_H

#include "core/record.h"
#include "core/symbols.h"

#include <stdint.h>

#define ATS_AUDIT_VERSION 1u
#define ATS_AUDIT_BLOCK_RECORDS                                                                    \
    256u /* 64 KiB: below a third of an L2, one write each 256 records */

typedef struct ats_audit_file_header {
    char magic[8];         /* "ATSAUDIT" */
    uint32_t version;      /* ATS_AUDIT_VERSION */
    uint32_t header_bytes; /* 64 */
    uint32_t record_bytes; /* 256 */
    uint32_t symbol_bytes; /* 80 */
    uint32_t symbol_count;
    uint32_t reserved32;
    int64_t created_ns; /* UTC */
    uint64_t reserved;
    uint64_t symbols_xxh3; /* of the symbol entries as written */
    uint64_t header_xxh3;  /* of the 56 bytes before it */
} ats_audit_file_header;

typedef struct ats_audit_block {
    uint32_t magic; /* "ABLK" */
    uint32_t count; /* records, 1..ATS_AUDIT_BLOCK_RECORDS */
    uint64_t first; /* index in the file of the first one, from 0 */
    uint64_t payload_xxh3;
    uint64_t header_xxh3; /* of the 24 bytes before it */
} ats_audit_block;

static_assert(sizeof(ats_audit_file_header) == 64, "file format");
static_assert(sizeof(ats_audit_block) == 32, "file format");

/* Writer. Owner: one thread. All its memory is taken in ats_audit_create. */
typedef struct ats_audit_writer {
    int fd;
    uint32_t buffered;     /* records in the block being filled */
    uint8_t *block;        /* block header and ATS_AUDIT_BLOCK_RECORDS records */
    uint64_t offset;       /* end of the last whole block in the file */
    uint64_t written;      /* records in whole blocks */
    uint32_t symbol_count; /* records may name these */
    int latched;           /* a sync or a repair failed: nothing more is written */
} ats_audit_writer;

/* Makes the file (it must not exist) and writes header and symbols. 0, or -1 with an error pushed
 * and nothing to close. */
int ats_audit_create(ats_audit_writer *w, const char *path, const ats_symbols *symbols,
                     int64_t created_ns);

/* Takes n <= ATS_AUDIT_BLOCK_RECORDS derived records, all or none. -1 with an error pushed when
 * none was taken: a record that is not derived or names no symbol of the table, or no room on the
 * disk for what was buffered before. In the latter case nothing is lost: the file ends after its
 * last whole block, and the same call may be made again later. */
int ats_audit_append(ats_audit_writer *w, const void *records, uint32_t n);

/* Writes what is buffered as a block, so that readers see it. Errors as for ats_audit_append. */
int ats_audit_flush(ats_audit_writer *w);

/* Flushes, then makes the file durable. After a failed fdatasync(2) the kernel may have dropped the
 * pages, so the writer latches: every later call fails. */
int ats_audit_sync(ats_audit_writer *w);

/* Syncs and closes; frees the memory in any case. -1 with an error pushed when the sync failed. */
int ats_audit_close(ats_audit_writer *w);

/* Reader. Owner: one thread. */
typedef struct ats_audit_reader {
    int fd;
    char path[256];      /* for messages */
    uint8_t *records;    /* one block of records */
    ats_symbols symbols; /* the file's table; checked */
    int64_t created_ns;
    uint64_t offset;     /* of the next block */
    uint64_t read;       /* records delivered */
    uint64_t tail_bytes; /* after the last "end so far": bytes of a block that is not all there */
} ats_audit_reader;

/* Opens a file. -1 with an error pushed when it cannot be read or is no sound audit file. */
int ats_audit_open(ats_audit_reader *r, const char *path);

/* The same for a descriptor that the reader takes over, and closes, also when it fails. */
int ats_audit_open_fd(ats_audit_reader *r, int fd, const char *name);

/* Next block: 1 with *count >= 1 records at *records, valid until the next call; 0 = the end so
 * far; -1 with an error pushed: damage, or the file cannot be read. Each record delivered has a
 * derived kind and a symbol_id of the table (or 0). */
int ats_audit_next(ats_audit_reader *r, const void **records, uint32_t *count);

void ats_audit_reader_close(ats_audit_reader *r);

#endif
