#include "io/audit.h"

#include "core/error.h"
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#define BLOCK_MAGIC 0x4b4c4241u /* "ABLK" */
#define BLOCK_BYTES (sizeof(ats_audit_block) + ATS_AUDIT_BLOCK_RECORDS * ATS_RECORD_DERIVED)

static const char FILE_MAGIC[8] = {'A', 'T', 'S', 'A', 'U', 'D', 'I', 'T'};

static_assert(sizeof(ats_symbol) == 80, "symbol entries are written as they are");

static int record_is_sound(const ats_header *h, uint32_t symbol_count)
{
    return h->kind >= ATS_KIND_SIGNAL && h->kind < ATS_KIND_COUNT && h->symbol_id <= symbol_count;
}

/* ------------------------------------------------------------------------------------ writer */

static int write_file_header(ats_audit_writer *w, const ats_symbols *symbols, int64_t created_ns)
{
    size_t table_bytes = symbols->count * sizeof(ats_symbol);
    const ats_symbol *table = symbols->count ? &symbols->entry[1] : NULL;
    ats_audit_file_header header = {.version = ATS_AUDIT_VERSION,
                                    .header_bytes = sizeof header,
                                    .record_bytes = ATS_RECORD_DERIVED,
                                    .symbol_bytes = sizeof(ats_symbol),
                                    .symbol_count = symbols->count,
                                    .created_ns = created_ns,
                                    .symbols_xxh3 = XXH3_64bits(table, table_bytes)};
    memcpy(header.magic, FILE_MAGIC, sizeof header.magic);
    header.header_xxh3 = XXH3_64bits(&header, offsetof(ats_audit_file_header, header_xxh3));
    if (ats_file_write_at(w->fd, &header, sizeof header, 0) != 0 ||
        ats_file_write_at(w->fd, table, table_bytes, sizeof header) != 0)
        return -1;
    w->offset = sizeof header + table_bytes;
    w->symbol_count = symbols->count;
    return 0;
}

int ats_audit_create(ats_audit_writer *w, const char *path, const ats_symbols *symbols,
                     int64_t created_ns)
{
    memset(w, 0, sizeof *w);
    w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (w->fd < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "audit file %s: cannot create", path);
    w->block = malloc(BLOCK_BYTES);
    if (!w->block) {
        ats_error(ATS_EXIT_FAILED, "audit file %s: out of memory", path);
    } else if (write_file_header(w, symbols, created_ns) != 0) {
        ats_error_errno(ATS_EXIT_FAILED, errno, "audit file %s: cannot write its header", path);
    } else {
        return 0;
    }
    /* A file without a whole header is of no use to anyone. */
    close(w->fd);
    unlink(path);
    free(w->block);
    memset(w, 0, sizeof *w);
    w->fd = -1;
    return -1;
}

int ats_audit_flush(ats_audit_writer *w)
{
    if (w->latched)
        return ats_error(ATS_EXIT_FAILED, "audit file: not written since an earlier failure");
    if (w->buffered == 0)
        return 0;
    const uint8_t *payload = w->block + sizeof(ats_audit_block);
    size_t payload_bytes = (size_t)w->buffered * ATS_RECORD_DERIVED;
    ats_audit_block header = {.magic = BLOCK_MAGIC,
                              .count = w->buffered,
                              .first = w->written,
                              .payload_xxh3 = XXH3_64bits(payload, payload_bytes)};
    header.header_xxh3 = XXH3_64bits(&header, offsetof(ats_audit_block, header_xxh3));
    memcpy(w->block, &header, sizeof header);
    if (ats_file_write_at(w->fd, w->block, sizeof header + payload_bytes, w->offset) != 0) {
        int reason = errno;
        /* Cut the part that did get written; if even that fails, what follows could not be told
         * from damage, so nothing may follow. */
        if (ftruncate(w->fd, (off_t)w->offset) != 0)
            w->latched = 1;
        return ats_error_errno(ATS_EXIT_FAILED, reason, "audit file: cannot write a block of %u",
                               w->buffered);
    }
    w->offset += sizeof header + payload_bytes;
    w->written += w->buffered;
    w->buffered = 0;
    return 0;
}

int ats_audit_append(ats_audit_writer *w, const void *records, uint32_t n)
{
    if (n > ATS_AUDIT_BLOCK_RECORDS)
        return ats_error(ATS_EXIT_FAILED, "audit file: %u records at once, at most %u fit a block",
                         n, ATS_AUDIT_BLOCK_RECORDS);
    for (uint32_t i = 0; i < n; i++) {
        const ats_header *h =
            (const ats_header *)((const uint8_t *)records + (size_t)i * ATS_RECORD_DERIVED);
        if (!record_is_sound(h, w->symbol_count))
            return ats_error(ATS_EXIT_FAILED, "audit file: refused a record of kind %s, symbol %u",
                             ats_kind_label(h->kind), h->symbol_id);
    }
    if (w->buffered + n > ATS_AUDIT_BLOCK_RECORDS && ats_audit_flush(w) != 0)
        return -1;
    if (w->latched)
        return ats_error(ATS_EXIT_FAILED, "audit file: not written since an earlier failure");
    memcpy(w->block + sizeof(ats_audit_block) + (size_t)w->buffered * ATS_RECORD_DERIVED, records,
           (size_t)n * ATS_RECORD_DERIVED);
    w->buffered += n;
    return 0;
}

int ats_audit_sync(ats_audit_writer *w)
{
    if (ats_audit_flush(w) != 0)
        return -1;
    if (fdatasync(w->fd) != 0) {
        w->latched = 1;
        return ats_error_errno(ATS_EXIT_FAILED, errno, "audit file: cannot make it durable");
    }
    return 0;
}

int ats_audit_close(ats_audit_writer *w)
{
    int result = ats_audit_sync(w);
    if (close(w->fd) != 0 && result == 0)
        result = ats_error_errno(ATS_EXIT_FAILED, errno, "audit file: cannot close");
    free(w->block);
    memset(w, 0, sizeof *w);
    w->fd = -1;
    return result;
}

/* ------------------------------------------------------------------------------------ reader */

static int symbols_are_sound(const ats_symbols *symbols)
{
    for (uint32_t id = 1; id <= symbols->count; id++) {
        const ats_symbol *s = &symbols->entry[id];
        if (s->text[0] == 0 || s->text[sizeof s->text - 1] != 0 ||
            s->venue[sizeof s->venue - 1] != 0 || s->currency[sizeof s->currency - 1] != 0 ||
            s->symbol_class >= ATS_CLASS_COUNT)
            return 0;
    }
    return 1;
}

static int read_symbols(ats_audit_reader *r, const ats_audit_file_header *header)
{
    size_t bytes = (size_t)header->symbol_count * sizeof(ats_symbol);
    if (bytes == 0)
        return 0;
    r->symbols.entry = calloc((size_t)header->symbol_count + 1, sizeof(ats_symbol));
    if (!r->symbols.entry)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", r->path);
    r->symbols.count = r->symbols.capacity = header->symbol_count;
    ssize_t got = ats_file_read_at(r->fd, &r->symbols.entry[1], bytes, sizeof *header);
    if (got < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot read", r->path);
    if ((size_t)got < bytes)
        return ats_error(ATS_EXIT_DATA, "%s: ends inside its symbol table", r->path);
    if (XXH3_64bits(&r->symbols.entry[1], bytes) != header->symbols_xxh3 ||
        !symbols_are_sound(&r->symbols))
        return ats_error(ATS_EXIT_DATA, "%s: its symbol table is damaged", r->path);
    return 0;
}

static int read_file_header(ats_audit_reader *r)
{
    ats_audit_file_header header;
    ssize_t got = ats_file_read_at(r->fd, &header, sizeof header, 0);
    if (got < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot read", r->path);
    if ((size_t)got < sizeof header || memcmp(header.magic, FILE_MAGIC, sizeof FILE_MAGIC) != 0)
        return ats_error(ATS_EXIT_DATA, "%s: not an audit file", r->path);
    if (header.header_xxh3 != XXH3_64bits(&header, offsetof(ats_audit_file_header, header_xxh3)))
        return ats_error(ATS_EXIT_DATA, "%s: its header is damaged", r->path);
    if (header.version != ATS_AUDIT_VERSION)
        return ats_error(ATS_EXIT_DATA, "%s: audit file version %u, this program reads %u", r->path,
                         header.version, ATS_AUDIT_VERSION);
    if (header.header_bytes != sizeof header || header.record_bytes != ATS_RECORD_DERIVED ||
        header.symbol_bytes != sizeof(ats_symbol) || header.symbol_count > ATS_SYMBOLS_MAX)
        return ats_error(ATS_EXIT_DATA, "%s: its header contradicts its version", r->path);
    r->created_ns = header.created_ns;
    r->offset = sizeof header + (uint64_t)header.symbol_count * sizeof(ats_symbol);
    return read_symbols(r, &header);
}

int ats_audit_open_fd(ats_audit_reader *r, int fd, const char *name)
{
    memset(r, 0, sizeof *r);
    r->fd = fd;
    snprintf(r->path, sizeof r->path, "%s", name);
    r->records = malloc(ATS_AUDIT_BLOCK_RECORDS * ATS_RECORD_DERIVED);
    int result =
        r->records ? read_file_header(r) : ats_error(ATS_EXIT_FAILED, "%s: out of memory", r->path);
    if (result != 0)
        ats_audit_reader_close(r);
    return result;
}

int ats_audit_open(ats_audit_reader *r, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        memset(r, 0, sizeof *r);
        r->fd = -1;
        return ats_error_errno(ATS_EXIT_DATA, errno, "audit file %s: cannot open", path);
    }
    return ats_audit_open_fd(r, fd, path);
}

void ats_audit_reader_close(ats_audit_reader *r)
{
    if (r->fd >= 0)
        close(r->fd);
    free(r->records);
    ats_symbols_free(&r->symbols);
    r->records = NULL;
    r->fd = -1;
}

static int all_zero(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i])
            return 0;
    return 1;
}

static int damaged(const ats_audit_reader *r, const char *what)
{
    return ats_error(ATS_EXIT_DATA,
                     "%s: damaged at byte %llu (%s); the %llu records before it are good", r->path,
                     (unsigned long long)r->offset, what, (unsigned long long)r->read);
}

/* A block header of zeros: the tail that a power loss left, if nothing but zeros follows, and no
 * more of them than one write of ours could have been. */
static int zero_tail(ats_audit_reader *r)
{
    uint8_t beyond;
    ssize_t got = ats_file_read_at(r->fd, r->records, ATS_AUDIT_BLOCK_RECORDS * ATS_RECORD_DERIVED,
                                   r->offset + sizeof(ats_audit_block));
    if (got < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot read", r->path);
    if (!all_zero(r->records, (size_t)got) ||
        ats_file_read_at(r->fd, &beyond, 1, r->offset + BLOCK_BYTES) != 0)
        return damaged(r, "zeros instead of a block");
    r->tail_bytes = sizeof(ats_audit_block) + (uint64_t)got;
    return 0;
}

int ats_audit_next(ats_audit_reader *r, const void **records, uint32_t *count)
{
    ats_audit_block header;
    ssize_t got = ats_file_read_at(r->fd, &header, sizeof header, r->offset);
    if (got < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot read", r->path);
    r->tail_bytes = (uint64_t)got;
    if ((size_t)got < sizeof header)
        return 0;
    if (all_zero((const uint8_t *)&header, sizeof header))
        return zero_tail(r);
    if (header.magic != BLOCK_MAGIC || header.count == 0 ||
        header.count > ATS_AUDIT_BLOCK_RECORDS ||
        header.header_xxh3 != XXH3_64bits(&header, offsetof(ats_audit_block, header_xxh3)))
        return damaged(r, "no block starts there");
    if (header.first != r->read)
        return damaged(r, "a block is missing or out of place");

    size_t bytes = (size_t)header.count * ATS_RECORD_DERIVED;
    got = ats_file_read_at(r->fd, r->records, bytes, r->offset + sizeof header);
    if (got < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot read", r->path);
    r->tail_bytes += (uint64_t)got;
    if ((size_t)got < bytes)
        return 0;
    if (XXH3_64bits(r->records, bytes) != header.payload_xxh3)
        return damaged(r, "its records do not match their checksum");
    for (uint32_t i = 0; i < header.count; i++)
        if (!record_is_sound((const ats_header *)(r->records + (size_t)i * ATS_RECORD_DERIVED),
                             r->symbols.count))
            return damaged(r, "a record that is none");
    r->offset += sizeof header + bytes;
    r->read += header.count;
    r->tail_bytes = 0;
    *records = r->records;
    *count = header.count;
    return 1;
}
