#include "io/import/import.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define PROGRESS_LINES 16384u /* about 20 ms of work between two looks */

const ats_import_format *const ats_import_formats[] = {
    &ats_import_taq_csv,  &ats_import_binance_ws,  &ats_import_bar_csv,     &ats_import_wiki_daily,
    &ats_import_snowguru, &ats_import_ninjatrader, &ats_import_lean_minute, NULL};

const ats_import_format *ats_import_find(const char *name)
{
    for (uint32_t i = 0; ats_import_formats[i]; i++)
        if (strcmp(ats_import_formats[i]->name, name) == 0)
            return ats_import_formats[i];
    return NULL;
}

const char *ats_line_reason_label(uint32_t reason)
{
    static const char *const labels[] = {
        "ok",         "too_long",   "syntax",   "time",    "symbol", "number",
        "range",      "precision",  "negative", "zero",    "field",  "out_of_order",
        "event_size", "closed_day", "bar",      "ignored", "blank"};
    static_assert(sizeof labels / sizeof labels[0] == ATS_LINE_REASON_COUNT, "a label a reason");
    return reason < ATS_LINE_REASON_COUNT ? labels[reason] : "?";
}

ats_market *ats_import_event_add(ats_import_file *file)
{
    ats_import_event *e = &file->event;
    if (e->count == e->capacity) {
        uint32_t capacity = e->capacity ? e->capacity * 2 : 64;
        ats_market *record = realloc(e->record, capacity * sizeof *record);
        if (!record) {
            file->fatal = true;
            ats_error(ATS_EXIT_FAILED, "%s: out of memory", file->path);
            return NULL;
        }
        e->record = record;
        e->capacity = capacity;
    }
    return memset(&e->record[e->count++], 0, sizeof(ats_market));
}

uint32_t ats_import_symbol(ats_import_file *file, ats_import_symbols *symbols,
                           const char text[ATS_SYMBOL_TEXT])
{
    uint32_t slot = (uint32_t)(XXH3_64bits(text, ATS_SYMBOL_TEXT) % ATS_IMPORT_SYMBOL_SLOTS);
    if (symbols->slot[slot].id && memcmp(symbols->slot[slot].text, text, ATS_SYMBOL_TEXT) == 0)
        return symbols->slot[slot].id;
    ats_symbol symbol = symbols->like;
    memcpy(symbol.text, text, ATS_SYMBOL_TEXT);
    uint32_t id = ats_capture_add_symbol(file->writer, &symbol);
    if (id == 0) {
        file->fatal = true;
        return 0;
    }
    memcpy(symbols->slot[slot].text, text, ATS_SYMBOL_TEXT);
    symbols->slot[slot].id = id;
    return id;
}

/* ---- sorted files -----------------------------------------------------------------------------
 */

struct ats_import_sorted {
    ats_market record;
    uint32_t order; /* keeps equal times as they came */
};

static int sorted_order(const void *a, const void *b)
{
    const struct ats_import_sorted *x = a, *y = b;
    if (x->record.h.recv_ns != y->record.h.recv_ns)
        return x->record.h.recv_ns < y->record.h.recv_ns ? -1 : 1;
    bool x_acts = x->record.h.kind == ATS_KIND_CORPORATE_ACTION;
    bool y_acts = y->record.h.kind == ATS_KIND_CORPORATE_ACTION;
    if (x_acts != y_acts)
        return x_acts ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int keep_event(ats_import_file *f)
{
    for (uint32_t i = 0; i < f->event.count; i++) {
        if (f->sorted_count == ATS_IMPORT_SORTED_MAX)
            return ats_error(ATS_EXIT_DATA, "%s: holds more than %u records; split it", f->path,
                             ATS_IMPORT_SORTED_MAX);
        if (f->sorted_count == f->sorted_capacity) {
            uint32_t capacity = f->sorted_capacity ? f->sorted_capacity * 2 : 4096;
            struct ats_import_sorted *more = realloc(f->sorted, capacity * sizeof *more);
            if (!more)
                return ats_error(ATS_EXIT_FAILED, "%s: out of memory", f->path);
            f->sorted = more;
            f->sorted_capacity = capacity;
        }
        f->sorted[f->sorted_count].record = f->event.record[i];
        f->sorted[f->sorted_count].order = f->sorted_count;
        f->sorted_count++;
    }
    return 0;
}

/* ---- the merge --------------------------------------------------------------------------------
 */

typedef struct merge {
    ats_import_file *file;
    uint32_t count;
    const ats_import_options *options;
    ats_capture_writer *writer;
    uint32_t *heap; /* files that have an event waiting, the earliest first */
    uint32_t heap_count;
    uint64_t since_progress;
    uint64_t total_bytes;
    uint8_t *heard; /* by symbol_id: has actions (1), has anything else (2) */
    uint32_t heard_capacity;
} merge;

static bool earlier(const merge *m, uint32_t a, uint32_t b)
{
    const ats_import_file *x = &m->file[a], *y = &m->file[b];
    if (x->recv_ns != y->recv_ns)
        return x->recv_ns < y->recv_ns;
    bool x_acts = x->event.record[0].h.kind == ATS_KIND_CORPORATE_ACTION;
    bool y_acts = y->event.record[0].h.kind == ATS_KIND_CORPORATE_ACTION;
    if (x_acts != y_acts)
        return x_acts;
    if (x->rank != y->rank)
        return x->rank < y->rank;
    return a < b;
}

static void sift_down(merge *m, uint32_t i)
{
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= m->heap_count)
            return;
        if (child + 1 < m->heap_count && earlier(m, m->heap[child + 1], m->heap[child]))
            child++;
        if (!earlier(m, m->heap[child], m->heap[i]))
            return;
        uint32_t swap = m->heap[i];
        m->heap[i] = m->heap[child];
        m->heap[child] = swap;
        i = child;
    }
}

static uint64_t bad_lines(const ats_import_counts *c)
{
    uint64_t bad = 0;
    for (uint32_t reason = ATS_LINE_OK + 1; reason < ATS_LINE_IGNORED; reason++)
        bad += c->reason[reason];
    return bad;
}

/* Is the share of bad lines of one file beyond the limit? Looked at per file: a good one must not
 * hide a broken one. */
static int check_bad(const ats_import_file *f, const ats_import_options *options, bool end)
{
    const ats_import_counts *c = &f->counts;
    uint64_t bad = bad_lines(c);
    if (bad == 0 || (!end && c->lines < ATS_IMPORT_SETTLE_LINES))
        return 0;
    if ((unsigned __int128)bad * 1000000 <= (unsigned __int128)c->lines * options->max_bad_ppm)
        return 0;
    const char *entry = f->first_bad_entry;
    return ats_error(
        ATS_EXIT_DATA, "%s%s%s:%llu: %s; %llu of %llu lines are bad, more than %g %% (--max-bad)",
        f->path, entry ? ":" : "", entry ? entry : "", (unsigned long long)f->first_bad_line,
        ats_line_reason_label(f->first_bad), (unsigned long long)bad, (unsigned long long)c->lines,
        options->max_bad_ppm / 1e4);
}

static int tell_progress(merge *m)
{
    if (!m->options->progress || ++m->since_progress < PROGRESS_LINES)
        return 0;
    m->since_progress = 0;
    uint64_t done = 0;
    for (uint32_t i = 0; i < m->count; i++)
        done += ats_lines_read_bytes(m->file[i].lines);
    if (m->options->progress(m->options->context, done, m->total_bytes,
                             ats_capture_written(m->writer)->records) != 0)
        return ats_error(ATS_EXIT_INTERRUPTED, "interrupted; no capture was made");
    return 0;
}

/* Decodes one line and accounts for it. 1 the event holds records, 0 not, -1 error. */
static int take_line(merge *m, ats_import_file *f, char *text, size_t length, bool too_long)
{
    const char *entry = ats_lines_entry(f->lines);
    if (entry != f->entry_name) {
        f->entry_name = entry;
        if (entry && f->format->entry && f->format->entry(f, entry) != 0)
            return -1;
    }
    f->counts.lines++;
    f->event.count = 0;
    bool header = f->has_header;
    ats_line_reason reason = too_long      ? ATS_LINE_TOO_LONG
                             : length == 0 ? ATS_LINE_BLANK
                                           : f->format->line(f, text, length);
    if (f->fatal)
        return ats_error(ATS_EXIT_DATA, "%s%s%s:%llu: cannot be imported as %s", f->path,
                         entry ? ":" : "", entry ? entry : "",
                         (unsigned long long)ats_lines_number(f->lines), f->format->name);
    if (reason == ATS_LINE_OK && header && !f->has_header) {
        f->counts.headers++;
        return 0;
    }
    if (reason == ATS_LINE_OK && f->event.count) {
        f->recv_ns = f->event.record[0].h.recv_ns;
        if (f->recv_ns >= ATS_TIME_MAX_NS)
            reason = ATS_LINE_TIME;
        else if (!f->format->sorted && f->recv_ns < f->last_recv_ns)
            reason = ATS_LINE_OUT_OF_ORDER;
    }
    f->counts.reason[reason]++;
    if (reason == ATS_LINE_OK) {
        f->counts.taken++;
        return f->event.count != 0;
    }
    if (reason < ATS_LINE_IGNORED) {
        if (f->first_bad_line == 0) {
            f->first_bad_line = ats_lines_number(f->lines);
            f->first_bad_entry = entry;
            f->first_bad = reason;
        }
        if (check_bad(f, m->options, false) != 0)
            return -1;
    }
    return 0;
}

/* Reads on to the file's next event as it lies. 1 one waits, 0 the file is through, -1 error. */
static int read_event(merge *m, ats_import_file *f)
{
    for (;;) {
        char *text;
        size_t length;
        bool too_long;
        int got = ats_lines_next(f->lines, &text, &length, &too_long);
        if (got < 0)
            return -1;
        if (got == 0)
            return check_bad(f, m->options, true);
        if (tell_progress(m) != 0)
            return -1;
        int taken = take_line(m, f, text, length, too_long);
        if (taken)
            return taken;
    }
}

/* The next event in order of time. 1 one waits, 0 the file is through, -1 error. */
static int advance(merge *m, ats_import_file *f)
{
    if (!f->format->sorted)
        return read_event(m, f);
    if (f->sorted_at == f->sorted_count)
        return 0;
    f->event.record[0] = f->sorted[f->sorted_at++].record;
    f->event.count = 1;
    f->recv_ns = f->event.record[0].h.recv_ns;
    return 1;
}

static int read_sorted(merge *m, ats_import_file *f)
{
    int got;
    while ((got = read_event(m, f)) == 1)
        if (keep_event(f) != 0)
            return -1;
    if (f->sorted_count)
        qsort(f->sorted, f->sorted_count, sizeof *f->sorted, sorted_order);
    return got;
}

static int hear(merge *m, const ats_header *h)
{
    if (h->symbol_id >= m->heard_capacity) {
        uint32_t capacity = (h->symbol_id + 1) * 2;
        uint8_t *more = realloc(m->heard, capacity);
        if (!more)
            return ats_error(ATS_EXIT_FAILED, "import: out of memory");
        memset(more + m->heard_capacity, 0, capacity - m->heard_capacity);
        m->heard = more;
        m->heard_capacity = capacity;
    }
    m->heard[h->symbol_id] |= h->kind == ATS_KIND_CORPORATE_ACTION ? 1 : 2;
    return 0;
}

static int write_event(merge *m, ats_import_file *f)
{
    for (uint32_t i = 0; i < f->event.count; i++)
        if (hear(m, &f->event.record[i].h) != 0)
            return -1;
        else if (ats_capture_append(m->writer, &f->event.record[i]) != 0)
            return ats_error(ATS_EXIT_DATA, "%s:%llu", f->path,
                             (unsigned long long)ats_lines_number(f->lines));
    f->counts.records += f->event.count;
    f->last_recv_ns = f->recv_ns;
    return 0;
}

static int run(merge *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->file[i].format->sorted && read_sorted(m, &m->file[i]) != 0)
            return -1;
    for (uint32_t i = 0; i < m->count; i++) {
        int got = advance(m, &m->file[i]);
        if (got < 0)
            return -1;
        if (got)
            m->heap[m->heap_count++] = i;
    }
    for (uint32_t i = m->heap_count; i-- > 0;)
        sift_down(m, i);
    while (m->heap_count) {
        ats_import_file *f = &m->file[m->heap[0]];
        if (write_event(m, f) != 0)
            return -1;
        int got = advance(m, f);
        if (got < 0)
            return -1;
        if (got == 0)
            m->heap[0] = m->heap[--m->heap_count];
        sift_down(m, 0);
    }
    return 0;
}

static int open_files(merge *m, const ats_import_format *format, const char *const *path)
{
    for (uint32_t i = 0; i < m->count; i++) {
        ats_import_file *f = &m->file[i];
        bool acts = m->options->actions && i + 1 == m->count;
        f->format = acts ? &ats_import_actions : format;
        f->path = acts ? m->options->actions : path[i];
        f->writer = m->writer;
        f->last_recv_ns = INT64_MIN;
        if (ats_lines_open(&f->lines, f->path) != 0 || f->format->open(f, m->options) != 0)
            return -1;
        m->total_bytes += ats_lines_file_bytes(f->lines);
    }
    return 0;
}

int ats_import_run(const ats_import_format *format, const char *const *path, uint32_t count,
                   const ats_import_options *options, ats_capture_writer *writer,
                   ats_import_counts *counts)
{
    count += options->actions != NULL;
    merge m = {.count = count, .options = options, .writer = writer};
    memset(counts, 0, count * sizeof *counts);
    m.file = calloc(count, sizeof *m.file);
    m.heap = calloc(count, sizeof *m.heap);
    int failed = -1;
    if (!m.file || !m.heap)
        ats_error(ATS_EXIT_FAILED, "import: out of memory");
    else
        failed = open_files(&m, format, path) != 0 || run(&m) != 0 ? -1 : 0;
    for (uint32_t i = 0; m.file && i < count; i++) {
        counts[i] = m.file[i].counts;
        if (m.file[i].state)
            m.file[i].format->close(&m.file[i]);
        ats_lines_close(m.file[i].lines);
        free(m.file[i].event.record);
        free(m.file[i].sorted);
    }
    for (uint32_t id = 1; options->actions && id < m.heard_capacity; id++)
        counts[count - 1].strangers += m.heard[id] == 1;
    free(m.heard);
    free(m.file);
    free(m.heap);
    return failed;
}
