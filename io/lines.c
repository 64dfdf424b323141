#include "io/lines.h"

#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>
#include <zstd.h>

#define INPUT_BYTES (256u << 10)

struct ats_lines {
    FILE *file;
    const char *path;
    ZSTD_DCtx *zstd; /* NULL: plain text or zip */
    zip_t *zip;
    zip_file_t *entry; /* the open one */
    const char *entry_name;
    int64_t entry_next, entry_count;
    char *input;
    size_t input_count, input_at;
    bool input_end;
    bool frame_open; /* a zstd frame has begun and not ended */
    char *text;      /* ATS_LINE_MAX_BYTES */
    size_t at, count;
    uint64_t number, read_bytes, file_bytes;
    char path_copy[]; /* for messages */
};

static int fill_input(ats_lines *l)
{
    l->input_at = 0;
    l->input_count = fread(l->input, 1, INPUT_BYTES, l->file);
    l->read_bytes += l->input_count;
    if (l->input_count == 0) {
        if (ferror(l->file))
            return ats_error_errno(ATS_EXIT_DATA, errno, "%s: read", l->path);
        l->input_end = true;
    }
    return 0;
}

/* ---- zip ------------------------------------------------------------------------------------- */

static int open_zip(ats_lines *l)
{
    int why = 0;
    l->zip = zip_open(l->path, ZIP_RDONLY | ZIP_CHECKCONS, &why);
    if (!l->zip) {
        zip_error_t error;
        zip_error_init_with_code(&error, why);
        ats_error(ATS_EXIT_DATA, "%s: zip: %s", l->path, zip_error_strerror(&error));
        zip_error_fini(&error);
        return -1;
    }
    l->entry_count = zip_get_num_entries(l->zip, 0);
    return 0;
}

/* Opens the next entry that is no folder. 1 open, 0 none left, -1 error. */
static int next_entry(ats_lines *l)
{
    if (l->entry)
        zip_fclose(l->entry);
    l->entry = NULL;
    l->entry_name = NULL;
    while (l->entry_next < l->entry_count) {
        uint64_t index = (uint64_t)l->entry_next++;
        const char *name = zip_get_name(l->zip, index, 0);
        size_t length = name ? strlen(name) : 0;
        if (length && name[length - 1] == '/')
            continue;
        l->entry = zip_fopen_index(l->zip, index, 0);
        if (!l->entry || !name)
            return ats_error(ATS_EXIT_DATA, "%s: entry %s: %s", l->path, name ? name : "?",
                             zip_strerror(l->zip));
        l->entry_name = name;
        l->number = 0;
        return 1;
    }
    l->read_bytes = l->file_bytes;
    return 0;
}

static int fill_from_entry(ats_lines *l, char *to, size_t room)
{
    if (!l->entry)
        return 0;
    int64_t n = zip_fread(l->entry, to, room);
    if (n < 0)
        return ats_error(ATS_EXIT_DATA, "%s: entry %s near line %llu: %s", l->path, l->entry_name,
                         (unsigned long long)l->number + 1, zip_file_strerror(l->entry));
    l->count += (size_t)n;
    return n > 0;
}

static int open_file(ats_lines *l)
{
    struct stat st;
    l->file = fopen(l->path, "rbe");
    if (!l->file || fstat(fileno(l->file), &st) != 0)
        return ats_error_errno(ATS_EXIT_DATA, errno, "%s: cannot open", l->path);
    if (S_ISDIR(st.st_mode))
        return ats_error(ATS_EXIT_DATA, "%s: is a directory", l->path);
    l->file_bytes = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    l->input = malloc(INPUT_BYTES);
    l->text = malloc(ATS_LINE_MAX_BYTES);
    if (!l->input || !l->text)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", l->path);
    if (fill_input(l) != 0)
        return -1;
    static const char magic[4] = {0x28, (char)0xb5, 0x2f, (char)0xfd};
    if (l->input_count >= sizeof magic && memcmp(l->input, magic, sizeof magic) == 0) {
        l->zstd = ZSTD_createDCtx();
        if (!l->zstd)
            return ats_error(ATS_EXIT_FAILED, "%s: out of memory", l->path);
    }
    if (l->input_count >= 4 && memcmp(l->input, "PK\3\4", 4) == 0)
        return open_zip(l);
    return 0;
}

int ats_lines_open(ats_lines **out, const char *path)
{
    *out = NULL;
    size_t path_bytes = strlen(path) + 1;
    ats_lines *l = calloc(1, sizeof *l + path_bytes);
    if (!l)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", path);
    memcpy(l->path_copy, path, path_bytes);
    l->path = l->path_copy;
    if (open_file(l) != 0) {
        ats_lines_close(l);
        return -1;
    }
    *out = l;
    return 0;
}

void ats_lines_close(ats_lines *l)
{
    if (!l)
        return;
    if (l->file)
        fclose(l->file);
    ZSTD_freeDCtx(l->zstd);
    if (l->entry)
        zip_fclose(l->entry);
    if (l->zip)
        zip_discard(l->zip);
    free(l->input);
    free(l->text);
    free(l);
}

/* Appends to the text buffer, which has room. 1 some, 0 end of the file, -1 error. */
static int fill_text(ats_lines *l)
{
    char *to = l->text + l->count;
    size_t room = ATS_LINE_MAX_BYTES - l->count;
    if (l->zip)
        return fill_from_entry(l, to, room);
    for (;;) {
        if (l->input_at == l->input_count && !l->input_end && fill_input(l) != 0)
            return -1;
        if (!l->zstd) {
            size_t n = l->input_count - l->input_at;
            n = n < room ? n : room;
            memcpy(to, l->input + l->input_at, n);
            l->input_at += n;
            l->count += n;
            return n > 0;
        }
        if (l->input_end && l->frame_open)
            return ats_error(ATS_EXIT_DATA, "%s: compressed data is cut short at line %llu",
                             l->path, (unsigned long long)l->number + 1);
        if (l->input_end)
            return 0;
        ZSTD_inBuffer in = {l->input, l->input_count, l->input_at};
        ZSTD_outBuffer to_buffer = {to, room, 0};
        size_t rest = ZSTD_decompressStream(l->zstd, &to_buffer, &in);
        if (ZSTD_isError(rest))
            return ats_error(ATS_EXIT_DATA, "%s: compressed data near line %llu: %s", l->path,
                             (unsigned long long)l->number + 1, ZSTD_getErrorName(rest));
        l->input_at = in.pos;
        l->frame_open = rest != 0;
        l->count += to_buffer.pos;
        if (to_buffer.pos)
            return 1;
    }
}

static int give(ats_lines *l, size_t length, size_t with_end, char **text, size_t *out)
{
    *text = l->text + l->at;
    *out = length && (*text)[length - 1] == '\r' ? length - 1 : length;
    l->at += with_end;
    l->number++;
    return 1;
}

/* Drops the rest of a line that the buffer cannot hold. */
static int drop_line(ats_lines *l)
{
    for (;;) {
        l->at = l->count = 0;
        int got = fill_text(l);
        if (got <= 0)
            return got;
        char *end = memchr(l->text, '\n', l->count);
        if (end) {
            l->at = (size_t)(end + 1 - l->text);
            return 0;
        }
    }
}

int ats_lines_next(ats_lines *l, char **text, size_t *length, bool *too_long)
{
    size_t searched = 0;
    *too_long = false;
    for (;;) {
        char *start = l->text + l->at;
        char *end = memchr(start + searched, '\n', l->count - l->at - searched);
        if (end)
            return give(l, (size_t)(end - start), (size_t)(end + 1 - start), text, length);
        searched = l->count - l->at;
        if (l->at) {
            memmove(l->text, start, searched);
            l->at = 0;
            l->count = searched;
        }
        if (l->count == ATS_LINE_MAX_BYTES) {
            if (drop_line(l) != 0)
                return -1;
            *too_long = true;
            *text = l->text;
            *length = 0;
            l->number++;
            return 1;
        }
        int got = fill_text(l);
        if (got < 0)
            return -1;
        if (got == 0 && searched)
            return give(l, searched, searched, text, length);
        if (got == 0 && l->zip)
            got = next_entry(l);
        if (got <= 0)
            return got;
    }
}

const char *ats_lines_entry(const ats_lines *l)
{
    return l->entry_name;
}

uint64_t ats_lines_number(const ats_lines *l)
{
    return l->number;
}

uint64_t ats_lines_read_bytes(const ats_lines *l)
{
    return l->read_bytes;
}

uint64_t ats_lines_file_bytes(const ats_lines *l)
{
    return l->file_bytes;
}
