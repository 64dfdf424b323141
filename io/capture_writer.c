#include "io/capture.h"
#include "io/capture_format.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

/* Level 1 packs real quotes within a tenth of level 3 at twice the speed: most of the gain is in
 * the differences. */
#define ZSTD_LEVEL 1

struct ats_capture_writer {
    int fd;
    uint32_t flags;
    uint64_t offset;
    ats_capture_totals totals;
    ats_symbols symbols;
    uint32_t symbols_written; /* highest id that a SYMBOLS section holds */
    uint32_t waiting;         /* records of the block that is not written yet */
    ats_capture_entry *entry;
    uint64_t block_count, block_capacity;
    XXH3_state_t *content;
    ZSTD_CCtx *zstd;
    ats_capture_encoder *encoder;
    uint8_t *raw;
    uint8_t *packed;
    size_t packed_capacity;
    ats_market *record; /* ATS_CAPTURE_BLOCK_RECORDS */
    char path[ATS_CAPTURE_PATH_BYTES];
    char unfinished[ATS_CAPTURE_PATH_BYTES];
};

static int write_all(ats_capture_writer *w, const void *bytes, size_t count)
{
    const uint8_t *p = bytes;
    while (count) {
        ssize_t n = write(w->fd, p, count);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return ats_error_errno(ATS_EXIT_FAILED, n ? errno : ENOSPC, "%s: write at %llu",
                                   w->unfinished, (unsigned long long)w->offset);
        p += n;
        count -= (size_t)n;
        w->offset += (uint64_t)n;
    }
    return 0;
}

static int write_section(ats_capture_writer *w, ats_capture_section *section, const void *payload)
{
    static const uint8_t zeros[ATS_CAPTURE_MULTIPLE];
    section->magic = ATS_CAPTURE_SECTION_MAGIC;
    section->payload_hash = XXH3_64bits(payload, section->payload_bytes);
    section->hash = ats_capture_section_hash(section, w->offset);
    uint64_t padding = ats_capture_padded(section->payload_bytes) - section->payload_bytes;
    if (write_all(w, section, sizeof *section) != 0 ||
        write_all(w, payload, section->payload_bytes) != 0)
        return -1;
    return write_all(w, zeros, padding);
}

static int write_symbols(ats_capture_writer *w, uint32_t first)
{
    static const ats_symbol none;
    uint32_t count = w->symbols.count - first + 1;
    ats_capture_section section = {.type = ATS_CAPTURE_SYMBOLS, .count = count, .first = first};
    section.payload_bytes = section.raw_bytes = count * (uint32_t)sizeof(ats_symbol);
    return write_section(w, &section, count ? &w->symbols.entry[first] : &none);
}

static int allocate(ats_capture_writer *w)
{
    w->packed_capacity = ZSTD_compressBound(ATS_CAPTURE_RAW_MAX);
    w->packed = malloc(w->packed_capacity);
    w->raw = malloc(ATS_CAPTURE_RAW_MAX);
    w->record = malloc(ATS_CAPTURE_BLOCK_RECORDS * sizeof *w->record);
    w->encoder = ats_capture_encoder_new();
    w->zstd = ZSTD_createCCtx();
    w->content = XXH3_createState();
    if (!w->packed || !w->raw || !w->record || !w->encoder || !w->zstd || !w->content)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", w->path);
    XXH3_128bits_reset(w->content);
    return 0;
}

static void release(ats_capture_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    free(w->packed);
    free(w->raw);
    free(w->record);
    free(w->entry);
    ats_capture_encoder_free(w->encoder);
    ZSTD_freeCCtx(w->zstd);
    XXH3_freeState(w->content);
    ats_symbols_free(&w->symbols);
    free(w);
}

static int start(ats_capture_writer *w)
{
    if (allocate(w) != 0)
        return -1;
    w->fd = open(w->unfinished, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
    if (w->fd < 0)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot create", w->unfinished);
    ats_capture_file_header header = {
        .magic = ATS_CAPTURE_MAGIC, .version = ATS_CAPTURE_VERSION, .flags = w->flags};
    header.hash = XXH3_64bits(&header, offsetof(ats_capture_file_header, hash));
    return write_all(w, &header, sizeof header);
}

int ats_capture_create(ats_capture_writer **out, const char *path, uint32_t flags)
{
    *out = NULL;
    if (flags & ~ATS_CAPTURE_FLAGS)
        return ats_error(ATS_EXIT_FAILED, "%s: capture flags %#x are unknown", path, flags);
    ats_capture_writer *w = calloc(1, sizeof *w);
    if (!w)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", path);
    w->fd = -1;
    w->flags = flags;
    int n = snprintf(w->unfinished, sizeof w->unfinished, "%s.tmp", path);
    if (!path[0] || n < 0 || (size_t)n >= sizeof w->unfinished) {
        release(w);
        return ats_error(ATS_EXIT_USAGE, "capture path is empty or too long");
    }
    snprintf(w->path, sizeof w->path, "%s", path);
    if (start(w) != 0) {
        release(w);
        return -1;
    }
    *out = w;
    return 0;
}

uint32_t ats_capture_add_symbol(ats_capture_writer *w, const ats_symbol *symbol)
{
    if (!ats_capture_symbol_sane(symbol)) {
        ats_error(ATS_EXIT_DATA, "%s: symbol %.*s: a field is not fit for a file", w->path,
                  ATS_SYMBOL_TEXT, symbol->text);
        return 0;
    }
    return ats_symbols_add(&w->symbols, symbol);
}

int ats_capture_add_symbols(ats_capture_writer *w, const ats_symbols *symbols)
{
    for (uint32_t id = 1; id <= symbols->count; id++)
        if (!ats_capture_add_symbol(w, &symbols->entry[id]))
            return -1;
    return 0;
}

static int grow_index(ats_capture_writer *w)
{
    uint64_t capacity = w->block_capacity ? w->block_capacity * 2 : 1024;
    ats_capture_entry *entry = realloc(w->entry, capacity * sizeof *entry);
    if (!entry)
        return ats_error(ATS_EXIT_FAILED, "%s: index: out of memory", w->path);
    w->entry = entry;
    w->block_capacity = capacity;
    return 0;
}

int ats_capture_flush(ats_capture_writer *w)
{
    if (w->waiting == 0)
        return 0;
    if (w->symbols_written < w->symbols.count) {
        if (write_symbols(w, w->symbols_written + 1) != 0)
            return -1;
        w->symbols_written = w->symbols.count;
    }
    if (w->block_count == w->block_capacity && grow_index(w) != 0)
        return -1;
    ats_capture_section section = {.type = ATS_CAPTURE_RECORDS};
    section.raw_bytes = ats_capture_encode(w->encoder, w->record, w->waiting, w->raw, &section);
    size_t bytes = ZSTD_compressCCtx(w->zstd, w->packed, w->packed_capacity, w->raw,
                                     section.raw_bytes, ZSTD_LEVEL);
    if (ZSTD_isError(bytes))
        return ats_error(ATS_EXIT_FAILED, "%s: compression: %s", w->path, ZSTD_getErrorName(bytes));
    section.payload_bytes = (uint32_t)bytes;
    XXH3_128bits_update(w->content, w->record, w->waiting * sizeof w->record[0]);
    ats_capture_entry entry = {.offset = w->offset,
                               .first_recv_ns = section.first_recv_ns,
                               .last_recv_ns = section.last_recv_ns,
                               .symbols_mask = section.symbols_mask,
                               .count = section.count,
                               .kinds = section.kinds};
    if (write_section(w, &section, w->packed) != 0)
        return -1;
    w->entry[w->block_count++] = entry;
    w->waiting = 0;
    return 0;
}

static int refuse(const ats_capture_writer *w, const ats_market *r)
{
    uint32_t kind = r->h.kind, slot = ats_capture_slot(kind);
    if (slot == 0 || (kind == ATS_KIND_CONTROL && !(w->flags & ATS_CAPTURE_TAPE)))
        return ats_error(ATS_EXIT_DATA, "%s: record %llu: kind %u is none that a capture holds",
                         w->path, (unsigned long long)w->totals.records, kind);
    if (r->h.symbol_id > w->symbols.count)
        return ats_error(ATS_EXIT_DATA, "%s: record %llu: symbol %u is not in the table", w->path,
                         (unsigned long long)w->totals.records, r->h.symbol_id);
    if (w->totals.records && r->h.recv_ns < w->totals.last_recv_ns)
        return ats_error(ATS_EXIT_DATA, "%s: record %llu: recv_ns %lld is before %lld", w->path,
                         (unsigned long long)w->totals.records, (long long)r->h.recv_ns,
                         (long long)w->totals.last_recv_ns);
    const uint64_t *word = (const uint64_t *)r;
    for (uint32_t mask = ats_capture_value_words[slot]; mask; mask &= mask - 1)
        if (!ats_capture_value_fits(word[__builtin_ctz(mask)]))
            return ats_error(ATS_EXIT_DATA, "%s: record %llu: value %lld is out of range", w->path,
                             (unsigned long long)w->totals.records,
                             (long long)word[__builtin_ctz(mask)]);
    return 0;
}

int ats_capture_append(ats_capture_writer *w, const ats_market *record)
{
    if (refuse(w, record) != 0)
        return -1;
    if (w->waiting == ATS_CAPTURE_BLOCK_RECORDS && ats_capture_flush(w) != 0)
        return -1;
    ats_market *slot = &w->record[w->waiting++];
    *slot = *record;
    slot->h.origin_ns = 0;
    memset(slot->h.stamp_ns, 0, sizeof slot->h.stamp_ns);
    if (w->totals.records == 0)
        w->totals.first_recv_ns = slot->h.recv_ns;
    w->totals.last_recv_ns = slot->h.recv_ns;
    w->totals.records++;
    w->totals.kinds[ats_capture_slot(slot->h.kind)]++;
    return 0;
}

const ats_capture_totals *ats_capture_written(const ats_capture_writer *w)
{
    return &w->totals;
}

/* Blocks an index section can hold: 2^32 / 40 of 4096 records, 4e11 records. */
#define INDEX_MAX (UINT32_MAX / (uint32_t)sizeof(ats_capture_entry))

static int write_end(ats_capture_writer *w)
{
    static const ats_capture_entry none;
    if (w->block_count > INDEX_MAX)
        return ats_error(ATS_EXIT_FAILED, "%s: more than %u blocks", w->path, INDEX_MAX);
    ats_capture_trailer trailer = {.magic = ATS_CAPTURE_TRAILER_MAGIC};
    trailer.symbols_offset = w->offset;
    if (write_symbols(w, 1) != 0)
        return -1;
    trailer.index_offset = w->offset;
    ats_capture_section section = {.type = ATS_CAPTURE_INDEX, .count = (uint32_t)w->block_count};
    section.payload_bytes = section.raw_bytes =
        (uint32_t)(w->block_count * sizeof(ats_capture_entry));
    if (write_section(w, &section, w->block_count ? w->entry : &none) != 0)
        return -1;
    XXH128_hash_t content = XXH3_128bits_digest(w->content);
    trailer.file_bytes = w->offset + sizeof trailer;
    trailer.block_count = w->block_count;
    trailer.records = w->totals.records;
    trailer.first_recv_ns = w->totals.first_recv_ns;
    trailer.last_recv_ns = w->totals.last_recv_ns;
    memcpy(trailer.kinds, w->totals.kinds, sizeof trailer.kinds);
    trailer.controls = w->totals.kinds[ATS_CAPTURE_SLOTS - 1];
    trailer.content = (ats_capture_hash){.low = content.low64, .high = content.high64};
    trailer.hash = XXH3_64bits(&trailer, offsetof(ats_capture_trailer, hash));
    return write_all(w, &trailer, sizeof trailer);
}

int ats_capture_finish(ats_capture_writer *w)
{
    int failed = ats_capture_flush(w) != 0 || write_end(w) != 0;
    if (!failed && fdatasync(w->fd) != 0)
        failed = ats_error_errno(ATS_EXIT_FAILED, errno, "%s: sync", w->unfinished) != 0;
    if (!failed && rename(w->unfinished, w->path) != 0)
        failed = ats_error_errno(ATS_EXIT_FAILED, errno, "%s: rename to %s", w->unfinished,
                                 w->path) != 0;
    release(w);
    return failed ? -1 : 0;
}

void ats_capture_abandon(ats_capture_writer *w)
{
    if (!w)
        return;
    unlink(w->unfinished);
    release(w);
}
