#include "io/market_source.h"

#include "core/error.h"

#include <stdlib.h>
#include <string.h>

static int join_symbols(ats_market_source *source, ats_market_input *input)
{
    const ats_symbols *table = &input->reader.symbols;
    input->remap = calloc(table->count + 1ull, sizeof *input->remap);
    if (!input->remap)
        return ats_error(ATS_EXIT_FAILED, "input: out of memory");
    for (uint32_t id = 1; id <= table->count; id++) {
        input->remap[id] = ats_symbols_add(&source->symbols, &table->entry[id]);
        if (input->remap[id] == 0)
            return -1;
    }
    return 0;
}

static int open_input(ats_market_source *source, const char *path)
{
    ats_market_input *input = &source->inputs[source->input_count];
    if (ats_capture_open(&input->reader, path) != 0)
        return -1;
    source->input_count++;
    const ats_capture_totals *totals = &input->reader.totals;
    bool tape = (input->reader.flags & ATS_CAPTURE_TAPE) != 0;
    if (source->input_count > 1 && tape != source->tape)
        return ats_error(ATS_EXIT_DATA, "%s: a run's tape cannot be mixed with raw captures", path);
    source->tape = tape;
    if (totals->records > 0) {
        if (source->total > 0 && totals->first_recv_ns < source->last_ns)
            return ats_error(ATS_EXIT_DATA,
                             "%s starts before the capture before it ends; give them in the order "
                             "of time, or import them together",
                             path);
        if (source->total == 0)
            source->first_ns = totals->first_recv_ns;
        source->last_ns = totals->last_recv_ns;
    }
    source->total += totals->records;
    source->cut_bytes += input->reader.cut_bytes;
    return join_symbols(source, input);
}

int ats_market_source_open(ats_market_source *source, const char *const *paths, uint32_t count)
{
    memset(source, 0, sizeof *source);
    source->inputs = calloc(count ? count : 1, sizeof *source->inputs);
    if (!source->inputs)
        return ats_error(ATS_EXIT_FAILED, "input: out of memory");
    for (uint32_t i = 0; i < count; i++) {
        if (open_input(source, paths[i]) != 0) {
            ats_market_source_close(source);
            return -1;
        }
    }
    return 0;
}

int ats_market_source_memory(ats_market_source *source, const ats_market *records, uint64_t count,
                             const ats_symbols *symbols)
{
    memset(source, 0, sizeof *source);
    source->records = records;
    source->record_count = source->total = count;
    if (count) {
        source->first_ns = records[0].h.recv_ns;
        source->last_ns = records[count - 1].h.recv_ns;
    }
    for (uint32_t id = 1; id <= symbols->count; id++)
        if (ats_symbols_add(&source->symbols, &symbols->entry[id]) == 0)
            return -1;
    return 0;
}

int ats_market_source_load(ats_market_source *source, ats_market **records, uint64_t *count)
{
    *count = 0;
    *records = malloc((source->total + 1) * sizeof **records);
    if (!*records)
        return ats_error(ATS_EXIT_FAILED, "input: %llu records do not fit memory",
                         (unsigned long long)source->total);
    const ats_market *record;
    int got;
    while ((got = ats_market_source_peek(source, &record)) == 1) {
        (*records)[(*count)++] = *record;
        ats_market_source_pop(source);
    }
    if (got == 0)
        return 0;
    free(*records);
    *records = NULL;
    return ats_error(ATS_EXIT_DATA, "%s", ats_market_source_reason(source));
}

void ats_market_source_close(ats_market_source *source)
{
    for (uint32_t i = 0; i < source->input_count; i++) {
        free(source->inputs[i].remap);
        ats_capture_close(&source->inputs[i].reader);
    }
    free(source->inputs);
    ats_symbols_free(&source->symbols);
    memset(source, 0, sizeof *source);
}

static int next_of_captures(ats_market_source *source)
{
    while (source->at < source->input_count) {
        ats_market_input *input = &source->inputs[source->at];
        int got = ats_capture_next(&input->reader, &source->current);
        if (got == 1) {
            source->current.h.symbol_id = input->remap[source->current.h.symbol_id];
            return 1;
        }
        if (got < 0) {
            source->failed = true;
            return -1;
        }
        source->at++;
    }
    return 0;
}

void ats_market_source_rewind(ats_market_source *source)
{
    for (uint32_t i = 0; i < source->input_count; i++)
        ats_capture_rewind(&source->inputs[i].reader);
    source->at = 0;
    source->next = 0;
    source->held = source->failed = false;
}

void ats_market_source_disturb(ats_market_source *source, int64_t after_ns)
{
    source->disturb_after_ns = after_ns;
}

/* A thirty-second more, which no price of a market makes at one moment, and a third of the size. */
static int64_t dearer(int64_t px_e9)
{
    return px_e9 > ATS_VALUE_MAX_E9 / 2 ? px_e9 / 2 : px_e9 + px_e9 / 32;
}

static void disturb(ats_market *m)
{
    switch (m->h.kind) {
    case ATS_KIND_QUOTE:
        m->quote.bid_e9 = dearer(m->quote.bid_e9);
        m->quote.ask_e9 = dearer(m->quote.ask_e9);
        m->quote.bid_size_e9 -= m->quote.bid_size_e9 / 3;
        return;
    case ATS_KIND_TRADE:
        m->trade.px_e9 = dearer(m->trade.px_e9);
        m->trade.qty_e9 -= m->trade.qty_e9 / 3;
        return;
    case ATS_KIND_BAR:
        m->bar.open_e9 = dearer(m->bar.open_e9);
        m->bar.high_e9 = dearer(m->bar.high_e9);
        m->bar.low_e9 = dearer(m->bar.low_e9);
        m->bar.close_e9 = dearer(m->bar.close_e9);
        m->bar.vwap_e9 = dearer(m->bar.vwap_e9);
        m->bar.volume_e9 -= m->bar.volume_e9 / 3;
        return;
    default:
        return;
    }
}

int ats_market_source_peek(ats_market_source *source, const ats_market **record)
{
    if (source->records) {
        if (source->next == source->record_count)
            return 0;
        *record = &source->records[source->next];
        return 1;
    }
    if (!source->held) {
        int got = source->failed ? -1 : next_of_captures(source);
        if (got != 1)
            return got;
        source->held = true;
        if (source->disturb_after_ns && source->current.h.recv_ns > source->disturb_after_ns)
            disturb(&source->current);
    }
    *record = &source->current;
    return 1;
}

void ats_market_source_pop(ats_market_source *source)
{
    source->held = false;
    source->next++;
}

const char *ats_market_source_reason(const ats_market_source *source)
{
    return source->failed ? source->inputs[source->at].reader.reason : "";
}
