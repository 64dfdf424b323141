#include "stages/keeper/quality.h"

#include "core/clock.h"
#include "core/engine.h"
#include "core/error.h"
#include "stages/feed/feed.h"

#include <stdlib.h>
#include <string.h>

/* ---- the object ------------------------------------------------------------------------------ */

static json_t *time_json(int64_t utc_ns)
{
    char text[ATS_CLOCK_TEXT_BYTES];
    if (utc_ns == 0)
        return json_null();
    ats_clock_utc_text(utc_ns, text);
    return json_string(text);
}

/* Text of an input; bytes that are no UTF-8 make it one question mark. */
static json_t *plain(const char *text)
{
    json_t *value = json_string(text);
    return value ? value : json_string("?");
}

static json_t *seconds(int64_t ns)
{
    return json_real((double)ns * 1e-9);
}

/* What value and reference of a fault are. */
static const char *unit_of(ats_data_fault fault)
{
    switch (fault) {
    case ATS_DATA_GAP:
    case ATS_DATA_STALE_QUOTE:
    case ATS_DATA_CROSSED_LONG:
        return "s";
    case ATS_DATA_DUPLICATE:
    case ATS_DATA_RENUMBERED:
    case ATS_DATA_LOST_TRADES:
        return "number";
    case ATS_DATA_OUT_OF_ORDER:
        return "time";
    case ATS_DATA_TRADE_OUTLIER:
    case ATS_DATA_QUOTE_OUTLIER:
    case ATS_DATA_CROSSED:
    case ATS_DATA_LOCKED:
    case ATS_DATA_STALE_SIDE:
    case ATS_DATA_JUMP:
        return "price";
    default:
        return "";
    }
}

static json_t *value_json(const char *unit, int64_t value)
{
    switch (unit[0]) {
    case 0:
        return json_null();
    case 'n':
        return json_integer(value);
    case 't':
        return time_json(value);
    default: /* prices in 1e-9, times in ns */
        return json_real((double)value / 1e9);
    }
}

static json_t *example_json(const ats_quality *q, ats_data_fault fault,
                            const ats_quality_example *e)
{
    const char *unit = unit_of(fault);
    const ats_symbol *s = &q->symbols->entry[e->symbol_id];
    json_t *o = json_object();
    json_object_set_new(o, "symbol", plain(e->symbol_id ? s->text : ""));
    json_object_set_new(o, "venue", plain(e->symbol_id ? s->venue : ""));
    json_object_set_new(o, "at", time_json(e->at_ns));
    json_object_set_new(o, "value", value_json(unit, e->value_e9));
    json_object_set_new(o, "reference", value_json(unit, e->reference_e9));
    json_object_set_new(o, "unit", json_string(unit));
    if (e->ratio[1])
        json_object_set_new(o, "ratio", json_sprintf("%u:%u", e->ratio[0], e->ratio[1]));
    return o;
}

/* NULL when the fault did not occur. */
static json_t *fault_json(const ats_quality *q, ats_data_fault fault)
{
    uint64_t count = 0, symbols = 0;
    int64_t first_ns = INT64_MAX, last_ns = 0;
    for (uint32_t id = 0; id <= q->symbol_count; id++) {
        const ats_quality_tally *t = &q->symbol[id].fault[fault];
        if (t->count == 0)
            continue;
        count += t->count;
        symbols++;
        first_ns = t->first_ns < first_ns ? t->first_ns : first_ns;
        last_ns = t->last_ns > last_ns ? t->last_ns : last_ns;
    }
    if (count == 0)
        return NULL;
    json_t *o = json_object(), *examples = json_array();
    for (uint32_t i = 0; i < q->example_count[fault]; i++)
        json_array_append_new(examples, example_json(q, fault, &q->example[fault][i]));
    json_object_set_new(o, "fault", json_string(ats_data_fault_label(fault)));
    json_object_set_new(o, "what", json_string(ats_data_fault_what(fault)));
    json_object_set_new(
        o, "action",
        json_string(ats_data_action_label(ats_data_fault_action(fault, q->config->mode))));
    json_object_set_new(o, "count", json_integer((json_int_t)count));
    json_object_set_new(o, "symbols", json_integer((json_int_t)symbols));
    json_object_set_new(o, "first_at", time_json(first_ns));
    json_object_set_new(o, "last_at", time_json(last_ns));
    json_object_set_new(o, "examples", examples);
    return o;
}

static json_t *symbol_json(const ats_quality *q, uint32_t id)
{
    const ats_quality_symbol *s = &q->symbol[id];
    json_t *o = json_object(), *faults = json_object();
    for (uint32_t i = 0; i < ATS_DATA_FAULT_COUNT; i++)
        if (s->fault[i].count)
            json_object_set_new(faults, ats_data_fault_label(i),
                                json_integer((json_int_t)s->fault[i].count));
    json_object_set_new(o, "symbol", plain(q->symbols->entry[id].text));
    json_object_set_new(o, "venue", plain(q->symbols->entry[id].venue));
    json_object_set_new(o, "records", json_integer((json_int_t)s->records));
    json_object_set_new(o, "quarantines", json_integer((json_int_t)s->quarantines));
    json_object_set_new(o, "quarantined_s", seconds(s->quarantined_ns));
    json_object_set_new(o, "crossed_s", seconds(s->crossed_ns));
    json_object_set_new(o, "locked_s", seconds(s->locked_ns));
    json_object_set_new(o, "longest_crossed_s", seconds(s->longest_crossed_ns));
    json_object_set_new(o, "longest_silence_s", seconds(s->longest_silence_ns));
    json_object_set_new(o, "faults", faults);
    return o;
}

typedef struct ranked {
    uint64_t quarantines, faults;
    uint32_t id;
} ranked;

static int worst_first(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->quarantines != y->quarantines)
        return x->quarantines < y->quarantines ? 1 : -1;
    if (x->faults != y->faults)
        return x->faults < y->faults ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

static int put_symbols(const ats_quality *q, json_t *o)
{
    ranked *rank = malloc((q->symbol_count + 1ull) * sizeof *rank);
    json_t *symbols = json_array();
    uint32_t n = 0;
    if (!rank || !symbols) {
        free(rank);
        json_decref(symbols);
        return -1;
    }
    for (uint32_t id = 1; id <= q->symbol_count; id++) {
        const ats_quality_symbol *s = &q->symbol[id];
        ranked row = {.quarantines = s->quarantines, .id = id};
        for (uint32_t i = 0; i < ATS_DATA_FAULT_COUNT; i++)
            row.faults += s->fault[i].count;
        if (row.faults)
            rank[n++] = row;
    }
    qsort(rank, n, sizeof *rank, worst_first);
    for (uint32_t i = 0; i < n && i < ATS_QUALITY_SYMBOLS; i++)
        json_array_append_new(symbols, symbol_json(q, rank[i].id));
    json_object_set_new(o, "symbols", symbols);
    json_object_set_new(o, "symbols_omitted",
                        json_integer(n > ATS_QUALITY_SYMBOLS ? n - ATS_QUALITY_SYMBOLS : 0));
    free(rank);
    return 0;
}

json_t *ats_quality_json(const ats_quality *q, bool tape)
{
    json_t *o = json_object(), *faults = json_array();
    bool checked = !tape && q->config->mode != ATS_DATA_OFF;
    for (uint32_t i = 0; i < ATS_DATA_FAULT_COUNT; i++) {
        json_t *fault = fault_json(q, i);
        if (fault)
            json_array_append_new(faults, fault);
    }
    json_object_set_new(o, "checked", json_boolean(checked));
    json_object_set_new(o, "mode", json_string(ats_data_mode_label(q->config->mode)));
    json_object_set_new(o, "faults", faults);
    if (put_symbols(q, o) == 0)
        return o;
    json_decref(o);
    ats_error(ATS_EXIT_FAILED, "data quality: no memory");
    return NULL;
}

/* ---- captures before they are used ----------------------------------------------------------- */

/* Takes what the feed releases, to its end. */
static size_t sink_footprint(const void *configuration)
{
    (void)configuration;
    return 64;
}

static int sink_init(void *state, const void *configuration, ats_io *io)
{
    (void)state, (void)configuration, (void)io;
    return 0;
}

static uint32_t sink_work(void *state, ats_io *io)
{
    uint64_t n = ats_rx_peek(io->in[0]);
    (void)state;
    if (n == 0)
        return 0;
    io->ended = ((const ats_header *)ats_rx_slot(io->in[0], n - 1))->kind == ATS_KIND_END;
    ats_rx_release(io->in[0], n);
    return (uint32_t)n;
}

static const ats_stage SINK = {
    .name = "sink",
    .in = {{"chain", ATS_KINDS_CHAIN, 0, false}},
    .footprint = sink_footprint,
    .init = sink_init,
    .work = sink_work,
};

static uint32_t count_quarantined(const ats_quality *q)
{
    uint32_t n = 0;
    for (uint32_t id = 1; id <= q->symbol_count; id++)
        n += q->symbol[id].quarantines > 0;
    return n;
}

static json_t *check_json(const ats_quality *q, const ats_metrics_feed *m,
                          const ats_market_source *source)
{
    json_t *o = ats_quality_json(q, source->tape), *quarantined = json_object();
    const struct {
        const char *key;
        uint64_t value;
    } counts[] = {
        {"gaps", m->data_faults[ATS_DATA_GAP] + m->data_faults[ATS_DATA_LOST_TRADES]},
        {"out_of_order", m->data_faults[ATS_DATA_OUT_OF_ORDER]},
        {"crossed", m->crossed},
        {"locked", m->locked},
        {"stale", m->data_faults[ATS_DATA_STALE_SIDE] + m->data_faults[ATS_DATA_STALE_QUOTE]},
        {"unchanged", m->unchanged},
        {"cut_bytes", source->cut_bytes}};
    for (size_t i = 0; o && i < sizeof counts / sizeof counts[0]; i++)
        json_object_set_new(o, counts[i].key, json_integer((json_int_t)counts[i].value));
    json_object_set_new(quarantined, "bad_price", json_integer((json_int_t)m->bad_price));
    json_object_set_new(quarantined, "bad_size", json_integer((json_int_t)m->bad_size));
    json_object_set_new(quarantined, "bad_time", json_integer((json_int_t)m->bad_time));
    json_object_set_new(quarantined, "symbol", json_integer((json_int_t)m->quarantined));
    json_object_set_new(quarantined, "symbols", json_integer(count_quarantined(q)));
    if (o)
        json_object_set_new(o, "quarantined", quarantined);
    else
        json_decref(quarantined);
    return o;
}

static json_t *input_json(const ats_market_source *source, const char *const *files,
                          uint32_t file_count)
{
    json_t *o = json_object(), *names = json_array();
    for (uint32_t i = 0; i < file_count; i++)
        json_array_append_new(names, plain(files[i]));
    json_object_set_new(o, "files", names);
    json_object_set_new(o, "records", json_integer((json_int_t)source->total));
    json_object_set_new(o, "symbols", json_integer(source->symbols.count));
    json_object_set_new(o, "first_at", time_json(source->first_ns));
    json_object_set_new(o, "last_at", time_json(source->last_ns));
    return o;
}

/* The feed and the sink on this machine, to the end of the source. */
static json_t *run_feed(const ats_context *context, ats_market_source *source,
                        const ats_quality_config *config, const ats_calendar *calendar,
                        uint32_t *quarantined)
{
    static const ats_stage *const STAGES[] = {&ats_stage_feed, &SINK};
    static const ats_link_spec LINKS[] = {{"feed-sink", 0, 0, 1, 0, ATS_FULL_MUST_ARRIVE, 256}};
    ats_clock clock;
    ats_engine engine;
    ats_topology topology = {STAGES, 2, LINKS, 1};
    ats_thread_map map = {.count = 1,
                          .threads = {{.name = "check",
                                       .cpu = ATS_CPU_ANY,
                                       .wait = ATS_WAIT_YIELD,
                                       .stage_count = 2,
                                       .stages = {0, 1}}}};
    ats_feed_config feed = {.context = context,
                            .source = source,
                            .pace = ATS_PACE_MAX,
                            .burst = ATS_BURST_MAX,
                            .symbol_count = source->symbols.count,
                            .quality = *config,
                            .calendar = calendar};
    ats_clock_calibrate(&clock);
    ats_engine_spec spec = {
        .topology = &topology, .map = &map, .configs = {&feed, &feed}, .clock = &clock};
    if (ats_engine_build(&engine, &spec) != 0)
        return NULL;
    json_t *o = NULL;
    if (ats_engine_start(&engine) == 0 && ats_engine_join(&engine) == 0) {
        const ats_quality *q = ats_feed_quality(engine.instances[0].state);
        o = check_json(q, &context->metrics->feed, source);
        *quarantined = count_quarantined(q);
    }
    ats_engine_destroy(&engine);
    return o;
}

json_t *ats_quality_check(ats_market_source *source, const ats_quality_config *config,
                          const ats_calendar *calendar, const char *const *files,
                          uint32_t file_count, uint32_t *quarantined)
{
    ats_arena arena;
    ats_context context;
    if (ats_context_make(&context, &arena, &source->symbols) != 0)
        return NULL;
    json_t *o = run_feed(&context, source, config, calendar, quarantined);
    ats_arena_destroy(&arena);
    if (o)
        json_object_set_new(o, "input", input_json(source, files, file_count));
    return o;
}
