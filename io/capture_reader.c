#include "io/capture.h"
#include "io/capture_format.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- hot: loading what was checked at open -------------------------------------------------- */

static int fail(ats_capture_reader *r, uint64_t block, const char *what)
{
    snprintf(r->reason, sizeof r->reason, "block %llu at offset %llu: %s",
             (unsigned long long)block, (unsigned long long)r->entry[block].offset, what);
    r->failed = true;
    r->tile_at = r->tile_count = 0;
    return -1;
}

int ats_capture_refill(ats_capture_reader *r)
{
    if (r->failed)
        return -1;
    for (;;) {
        uint32_t got = 0;
        const char *wrong = ats_capture_decoder_tile(r->decoder, &got);
        if (wrong)
            return fail(r, r->next_block - 1, wrong);
        if (got) {
            r->tile_at = 0;
            r->tile_count = got;
            return 1;
        }
        if (r->next_block == r->block_count)
            return 0;
        const uint8_t *at = r->map + r->entry[r->next_block].offset;
        ats_capture_section section;
        memcpy(&section, at, sizeof section);
        wrong =
            ats_capture_decoder_load(r->decoder, &section, at + sizeof section, r->symbols.count);
        if (wrong)
            return fail(r, r->next_block, wrong);
        r->next_block++;
    }
}

/* ---- cold: opening ----------------------------------------------------------------------------
 */

static int bad(const ats_capture_reader *r, uint64_t offset, const char *what)
{
    return ats_error(ATS_EXIT_DATA, "%s: offset %llu: %s", r->path, (unsigned long long)offset,
                     what);
}

/* Is there a whole, plausible section at this offset, before `end`? Its payload is not looked at.
 */
static bool section_at(const ats_capture_reader *r, uint64_t offset, uint64_t end,
                       ats_capture_section *section)
{
    if (offset > end || end - offset < sizeof *section)
        return false;
    memcpy(section, r->map + offset, sizeof *section);
    return section->magic == ATS_CAPTURE_SECTION_MAGIC &&
           section->hash == ats_capture_section_hash(section, offset) &&
           ats_capture_padded(section->payload_bytes) <= end - offset - sizeof *section;
}

static int take_symbols(ats_capture_reader *r, uint64_t offset, const ats_capture_section *section)
{
    const uint8_t *payload = r->map + offset + sizeof *section;
    if (section->payload_bytes != (uint64_t)section->count * sizeof(ats_symbol) ||
        section->count > ATS_SYMBOLS_MAX)
        return bad(r, offset, "symbol table of a wrong length");
    if (XXH3_64bits(payload, section->payload_bytes) != section->payload_hash)
        return bad(r, offset, "symbol table: checksum mismatch");
    for (uint32_t i = 0; i < section->count; i++) {
        ats_symbol symbol;
        memcpy(&symbol, payload + i * sizeof symbol, sizeof symbol);
        uint64_t key = symbol.key;
        uint32_t id = ats_capture_symbol_sane(&symbol) ? ats_symbols_add(&r->symbols, &symbol) : 0;
        if (id == 0)
            return bad(r, offset, "symbol table that is not usable");
        /* A name twice, or a gap: ids would not be what the records mean. */
        if (id != section->first + i || r->symbols.entry[id].key != key)
            return bad(r, offset, "symbol table with a wrong id or key");
    }
    return 0;
}

static int add_entry(ats_capture_reader *r, uint64_t *capacity, uint64_t offset,
                     const ats_capture_section *s)
{
    if (r->block_count == *capacity) {
        *capacity = *capacity ? *capacity * 2 : 1024;
        ats_capture_entry *entry = realloc(r->entry, *capacity * sizeof *entry);
        if (!entry)
            return ats_error(ATS_EXIT_FAILED, "%s: index: out of memory", r->path);
        r->entry = entry;
    }
    r->entry[r->block_count++] = (ats_capture_entry){.offset = offset,
                                                     .first_recv_ns = s->first_recv_ns,
                                                     .last_recv_ns = s->last_recv_ns,
                                                     .symbols_mask = s->symbols_mask,
                                                     .count = s->count,
                                                     .kinds = s->kinds};
    return 0;
}

/* Does a section start anywhere from `offset` on? Then what is broken before it is no torn end. */
static bool section_follows(const ats_capture_reader *r, uint64_t offset)
{
    ats_capture_section section;
    for (; offset + sizeof section <= r->map_bytes; offset += ATS_CAPTURE_MULTIPLE)
        if (section_at(r, offset, r->map_bytes, &section))
            return true;
    return false;
}

static bool payload_whole(const ats_capture_reader *r, uint64_t offset,
                          const ats_capture_section *s)
{
    return XXH3_64bits(r->map + offset + sizeof *s, s->payload_bytes) == s->payload_hash;
}

/* Rebuilds the index of a file without a trailer: section by section, to the first that is not
 * whole. Stops silently at a torn end, loudly at damage that something whole follows. */
static int scan(ats_capture_reader *r)
{
    uint64_t offset = sizeof(ats_capture_file_header), capacity = 0;
    ats_capture_section s;
    while (section_at(r, offset, r->map_bytes, &s)) {
        uint64_t next = offset + sizeof s + ats_capture_padded(s.payload_bytes);
        if (!payload_whole(r, offset, &s)) {
            if (section_follows(r, next))
                return ats_error(ATS_EXIT_DATA, "%s: block %llu at offset %llu: checksum mismatch",
                                 r->path, (unsigned long long)r->block_count,
                                 (unsigned long long)offset);
            break;
        }
        if (s.type == ATS_CAPTURE_SYMBOLS && s.first == r->symbols.count + 1) {
            if (take_symbols(r, offset, &s) != 0)
                return -1;
        } else if (s.type == ATS_CAPTURE_RECORDS) {
            if (add_entry(r, &capacity, offset, &s) != 0)
                return -1;
        } else if (s.type == ATS_CAPTURE_INDEX || s.type == ATS_CAPTURE_SYMBOLS) {
            break; /* the end part: all blocks are before it */
        } else {
            return bad(r, offset, "section of an unknown type");
        }
        offset = next;
    }
    if (!section_at(r, offset, r->map_bytes, &s) && section_follows(r, offset))
        return ats_error(ATS_EXIT_DATA, "%s: block %llu at offset %llu: header is damaged", r->path,
                         (unsigned long long)r->block_count, (unsigned long long)offset);
    r->complete = false;
    r->cut_bytes = r->map_bytes - offset;
    return 0;
}

static int load_index(ats_capture_reader *r, const ats_capture_trailer *t)
{
    ats_capture_section s;
    uint64_t end = r->map_bytes - sizeof *t;
    if (!section_at(r, t->symbols_offset, end, &s) || s.type != ATS_CAPTURE_SYMBOLS || s.first != 1)
        return bad(r, t->symbols_offset, "symbol table is damaged");
    if (take_symbols(r, t->symbols_offset, &s) != 0)
        return -1;
    if (!section_at(r, t->index_offset, end, &s) || s.type != ATS_CAPTURE_INDEX ||
        s.count != t->block_count || s.payload_bytes != s.count * sizeof(ats_capture_entry) ||
        !payload_whole(r, t->index_offset, &s))
        return bad(r, t->index_offset, "index is damaged");
    r->entry = malloc(s.payload_bytes ? s.payload_bytes : 1);
    if (!r->entry)
        return ats_error(ATS_EXIT_FAILED, "%s: index: out of memory", r->path);
    memcpy(r->entry, r->map + t->index_offset + sizeof s, s.payload_bytes);
    r->block_count = s.count;
    r->complete = true;
    r->content = t->content;
    r->totals.records = t->records;
    r->totals.first_recv_ns = t->first_recv_ns;
    r->totals.last_recv_ns = t->last_recv_ns;
    memcpy(r->totals.kinds, t->kinds, sizeof t->kinds);
    r->totals.kinds[ATS_CAPTURE_SLOTS - 1] = t->controls;
    return 0;
}

/* Each block is where the index says, in time order, and what its own header says. */
static int check_blocks(ats_capture_reader *r)
{
    uint64_t end = r->map_bytes, records = 0, floor = sizeof(ats_capture_file_header);
    int64_t last = INT64_MIN;
    for (uint64_t b = 0; b < r->block_count; b++) {
        const ats_capture_entry *e = &r->entry[b];
        ats_capture_section s;
        if (e->offset < floor || !section_at(r, e->offset, end, &s) ||
            s.type != ATS_CAPTURE_RECORDS)
            return ats_error(ATS_EXIT_DATA, "%s: block %llu at offset %llu: header is damaged",
                             r->path, (unsigned long long)b, (unsigned long long)e->offset);
        if (s.count != e->count || s.first_recv_ns != e->first_recv_ns ||
            s.last_recv_ns != e->last_recv_ns || s.kinds != e->kinds ||
            s.symbols_mask != e->symbols_mask)
            return ats_error(ATS_EXIT_DATA,
                             "%s: block %llu at offset %llu: not what the index says", r->path,
                             (unsigned long long)b, (unsigned long long)e->offset);
        if (s.first_recv_ns < last || s.last_recv_ns < s.first_recv_ns)
            return ats_error(ATS_EXIT_DATA, "%s: block %llu at offset %llu: out of time order",
                             r->path, (unsigned long long)b, (unsigned long long)e->offset);
        floor = e->offset + sizeof s + s.payload_bytes;
        last = s.last_recv_ns;
        records += s.count;
    }
    if (r->complete)
        return records == r->totals.records ? 0
                                            : bad(r, 0,
                                                  "blocks hold another number of records "
                                                  "than the trailer states");
    r->totals.records = records;
    if (r->block_count) {
        r->totals.first_recv_ns = r->entry[0].first_recv_ns;
        r->totals.last_recv_ns = last;
    }
    return 0;
}

static int check_header(ats_capture_reader *r)
{
    ats_capture_file_header h;
    if (r->map_bytes < sizeof h)
        return ats_error(ATS_EXIT_DATA, "%s: too short for a capture (%llu bytes)", r->path,
                         (unsigned long long)r->map_bytes);
    memcpy(&h, r->map, sizeof h);
    if (h.magic != ATS_CAPTURE_MAGIC)
        return ats_error(ATS_EXIT_DATA,
                         "%s: not a capture; `ats import` makes one of other people's data",
                         r->path);
    if (h.version != ATS_CAPTURE_VERSION)
        return ats_error(ATS_EXIT_DATA, "%s: capture version %u; this program reads version %u",
                         r->path, h.version, ATS_CAPTURE_VERSION);
    if (h.hash != XXH3_64bits(&h, offsetof(ats_capture_file_header, hash)) ||
        (h.flags & ~ATS_CAPTURE_FLAGS))
        return bad(r, 0, "file header is damaged");
    r->flags = h.flags;
    return 0;
}

static int open_mapped(ats_capture_reader *r)
{
    if (check_header(r) != 0)
        return -1;
    ats_capture_trailer t = {0};
    uint64_t trailer_at = r->map_bytes - sizeof t;
    bool have = false;
    if (r->map_bytes >= sizeof(ats_capture_file_header) + sizeof t) {
        memcpy(&t, r->map + trailer_at, sizeof t);
        have = t.magic == ATS_CAPTURE_TRAILER_MAGIC && t.file_bytes == r->map_bytes &&
               t.hash == XXH3_64bits(&t, offsetof(ats_capture_trailer, hash));
    }
    if ((have ? load_index(r, &t) : scan(r)) != 0 || check_blocks(r) != 0)
        return -1;
    size_t footprint = (ats_capture_decoder_footprint() + 4095) & ~(size_t)4095;
    void *memory = aligned_alloc(4096, footprint);
    if (!memory)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", r->path);
    r->decoder = ats_capture_decoder_new(memory); /* touches all of it: no fault later */
    r->tile = r->decoder->tile;
    ats_capture_rewind(r);
    return 0;
}

static int map_file(ats_capture_reader *r, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return ats_error_errno(ATS_EXIT_DATA, errno, "%s", r->path);
    if (!S_ISREG(st.st_mode))
        return ats_error(ATS_EXIT_DATA, "%s: not a regular file", r->path);
    if (st.st_size == 0)
        return ats_error(ATS_EXIT_DATA, "%s: empty file", r->path);
    void *map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (map == MAP_FAILED)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "%s: cannot map", r->path);
    r->map = map;
    r->map_bytes = (uint64_t)st.st_size;
    return 0;
}

static int set_path(ats_capture_reader *r, const char *path)
{
    memset(r, 0, sizeof *r);
    int n = snprintf(r->path, sizeof r->path, "%s", path);
    if (n < 0 || (size_t)n >= sizeof r->path)
        return ats_error(ATS_EXIT_USAGE, "capture path is too long");
    return 0;
}

static void release(ats_capture_reader *r)
{
    free(r->decoder);
    free(r->entry);
    ats_symbols_free(&r->symbols);
}

int ats_capture_open(ats_capture_reader *r, const char *path)
{
    if (set_path(r, path) != 0)
        return -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_DATA, errno, "%s: cannot open", path);
    int failed = map_file(r, fd);
    close(fd);
    if (failed)
        return -1;
    r->mapped = true;
    if (open_mapped(r) != 0) {
        ats_capture_close(r);
        return -1;
    }
    return 0;
}

int ats_capture_open_bytes(ats_capture_reader *r, const void *bytes, size_t count, const char *name)
{
    if (set_path(r, name) != 0)
        return -1;
    r->map = bytes;
    r->map_bytes = count;
    if (open_mapped(r) != 0) {
        ats_capture_close(r);
        return -1;
    }
    return 0;
}

void ats_capture_close(ats_capture_reader *r)
{
    release(r);
    if (r->mapped)
        munmap((void *)(uintptr_t)r->map, r->map_bytes);
    r->decoder = NULL;
    r->entry = NULL;
    r->map = NULL;
    r->mapped = false;
}

/* ---- cold: moving and checking -----------------------------------------------------------------
 */

static void go_to(ats_capture_reader *r, uint64_t block)
{
    r->next_block = block;
    r->tile_at = r->tile_count = 0;
    r->failed = false;
    r->decoder->count = r->decoder->at = 0;
}

void ats_capture_rewind(ats_capture_reader *r)
{
    go_to(r, 0);
}

void ats_capture_seek(ats_capture_reader *r, int64_t recv_ns)
{
    uint64_t low = 0, high = r->block_count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (r->entry[middle].last_recv_ns < recv_ns)
            low = middle + 1;
        else
            high = middle;
    }
    go_to(r, low);
}

int ats_capture_verify(ats_capture_reader *r, ats_capture_hash *hash)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", r->path);
    XXH3_128bits_reset(state);
    ats_capture_totals found = {0};
    int got;
    ats_capture_rewind(r);
    while ((got = ats_capture_refill(r)) == 1) {
        XXH3_128bits_update(state, r->tile, r->tile_count * sizeof r->tile[0]);
        for (uint32_t i = 0; i < r->tile_count; i++)
            found.kinds[ats_capture_slot(r->tile[i].h.kind)]++;
        found.records += r->tile_count;
    }
    XXH128_hash_t digest = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    if (got < 0)
        return ats_error(ATS_EXIT_DATA, "%s: %s", r->path, r->reason);
    ats_capture_rewind(r);
    if (hash)
        *hash = (ats_capture_hash){.low = digest.low64, .high = digest.high64};
    if (!r->complete) {
        memcpy(r->totals.kinds, found.kinds, sizeof found.kinds);
        return 0;
    }
    if (digest.low64 != r->content.low || digest.high64 != r->content.high)
        return ats_error(ATS_EXIT_DATA, "%s: content hash differs from what the trailer states",
                         r->path);
    if (memcmp(found.kinds, r->totals.kinds, sizeof found.kinds) != 0)
        return ats_error(ATS_EXIT_DATA, "%s: counts by kind differ from what the trailer states",
                         r->path);
    return 0;
}
