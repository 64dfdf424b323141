/* From text to raw values: one pass over libyaml's events tells every fault of the structure with
 * its line (libcyaml stops at the first), then libcyaml loads what is sound by a schema made from
 * the table of keys. */
#include "core/word.h"
#include "stages/config_walk.h"

#include <assert.h>
#include <cyaml/cyaml.h>
#include <stdlib.h>
#include <string.h>

/* ---- words ---------------------------------------------------------------------------------- */

void ats_config_quote(const char *word, char out[48])
{
    size_t n = 0;
    for (; *word && n < 40; word++)
        out[n++] = (unsigned char)*word < 0x20 || (unsigned char)*word >= 0x7f ? '?' : *word;
    if (*word) {
        memcpy(out + n, "...", 3);
        n += 3;
    }
    out[n] = 0;
}

void ats_config_hint(const char *word, const char *const *names, uint32_t count, char *out,
                     size_t capacity)
{
    size_t least = 4; /* more than three slips is another word */
    out[0] = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t d = ats_word_distance(word, names[i]);
        if (d >= least || d >= strlen(names[i]))
            continue;
        least = d;
        snprintf(out, capacity, "; did you mean %s?", names[i]);
    }
}

/* ---- run.threads ---------------------------------------------------------------------------- */

static const char *const THREAD_KEYS[] = {"name", "cpu", "wait", "stages"};
#define THREAD_KEY_COUNT 4u

static bool walk_stages(ats_walk *w, bool *sound)
{
    uint32_t count = 0;
    for (;;) {
        if (!ats_walk_next(w))
            return false;
        if (ats_walk_is(w, YAML_SEQUENCE_END_EVENT))
            break;
        count++;
        if (!ats_walk_is(w, YAML_SCALAR_EVENT) || count > ATS_STAGES_MAX) {
            ats_config_fault_add(w->report, ats_walk_line(w),
                                 "run.threads: stages must be at most %u names", ATS_STAGES_MAX);
            *sound = false;
            if (!ats_walk_skip(w))
                return false;
        }
    }
    return true;
}

static bool walk_thread_key(ats_walk *w, const char *name, uint32_t line, uint32_t *seen,
                            bool *sound)
{
    uint32_t k = 0;
    while (k < THREAD_KEY_COUNT && strcmp(name, THREAD_KEYS[k]) != 0)
        k++;
    char word[48], hint[64];
    ats_config_quote(name, word);
    if (k == THREAD_KEY_COUNT) {
        ats_config_hint(name, THREAD_KEYS, THREAD_KEY_COUNT, hint, sizeof hint);
        ats_config_fault_add(w->report, line,
                             "run.threads: %s: no such key%s; allowed: name, cpu, wait, stages",
                             word, hint);
        *sound = false;
        return ats_walk_skip(w);
    }
    if (*seen & (1u << k)) {
        ats_config_fault_add(w->report, line, "run.threads: %s: is given twice", word);
        *sound = false;
    }
    *seen |= 1u << k;
    if (k == 3 && ats_walk_is(w, YAML_SEQUENCE_START_EVENT))
        return walk_stages(w, sound);
    if (k == 3 || !ats_walk_is(w, YAML_SCALAR_EVENT)) {
        ats_config_fault_add(w->report, line, "run.threads: %s: must be %s", word,
                             k == 3 ? "a list of stages" : "one value");
        *sound = false;
        return ats_walk_skip(w);
    }
    return true;
}

static bool walk_thread(ats_walk *w, bool *sound)
{
    uint32_t first = ats_walk_line(w), seen = 0, line;
    char name[64];
    int more;
    while ((more = ats_walk_key(w, name, &line)) == 1)
        if (!walk_thread_key(w, name, line, &seen, sound))
            return false;
    if (more < 0)
        return false;
    for (uint32_t k = 0; k < THREAD_KEY_COUNT; k++)
        if (!(seen & (1u << k))) {
            ats_config_fault_add(
                w->report, first,
                "run.threads: %s: is missing; a thread has name, cpu, wait, stages",
                THREAD_KEYS[k]);
            *sound = false;
        }
    return true;
}

static bool walk_threads(ats_walk *w, uint32_t key)
{
    uint32_t count = 0;
    bool sound = true;
    for (;;) {
        if (!ats_walk_next(w))
            return false;
        if (ats_walk_is(w, YAML_SEQUENCE_END_EVENT))
            break;
        if (count < ATS_THREADS_MAX)
            w->document->thread_line[count] = ats_walk_line(w);
        count++;
        if (ats_walk_is(w, YAML_MAPPING_START_EVENT) && count <= ATS_THREADS_MAX) {
            if (!walk_thread(w, &sound))
                return false;
            continue;
        }
        ats_config_fault_add(w->report, ats_walk_line(w),
                             "run.threads: must be at most %u of {name, cpu, wait, stages}",
                             ATS_THREADS_MAX);
        sound = false;
        if (!ats_walk_skip(w))
            return false;
    }
    if (count == 0) {
        ats_config_fault_add(w->report, ats_walk_line(w), "run.threads: is an empty list");
        sound = false;
    }
    w->document->unreadable[key] |= !sound;
    return true;
}

/* ---- sections ------------------------------------------------------------------------------- */

static bool unknown_key(ats_walk *w, const char *section, const char *name, uint32_t line)
{
    const char *names[ATS_CONFIG_KEYS_MAX];
    uint32_t n = 0;
    char word[48], hint[64], allowed[200] = "";
    for (uint32_t k = 0; k < ats_config_key_count(); k++)
        if (strcmp(ats_config_key_section(k), section) == 0)
            names[n++] = ats_config_key_name(k);
    ats_config_quote(name, word);
    ats_config_hint(name, names, n, hint, sizeof hint);
    size_t at = 0;
    for (uint32_t i = 0; i < n && !hint[0] && at < sizeof allowed; i++)
        at += (size_t)snprintf(allowed + at, sizeof allowed - at, "%s%s",
                               i ? ", " : "; allowed: ", names[i]);
    ats_config_fault_add(w->report, line, "%s.%s: no such key%s%s", section, word, hint, allowed);
    return ats_walk_skip(w);
}

static bool walk_value(ats_walk *w, uint32_t key, uint32_t line)
{
    ats_config_document *d = w->document;
    const ats_config_key *k = ats_config_key_at(key);
    if (d->line[key]) {
        ats_config_fault_add(w->report, line, "%s.%s: is given twice; it is on line %u, too",
                             k->section, k->name, d->line[key]);
        d->unreadable[key] = true;
        return ats_walk_skip(w);
    }
    d->line[key] = line;
    if (ats_walk_is(w, YAML_SCALAR_EVENT))
        return true;
    if (k->type == ATS_CONFIG_THREADS && ats_walk_is(w, YAML_SEQUENCE_START_EVENT))
        return walk_threads(w, key);
    char allowed[160];
    ats_config_key_allowed(key, allowed, sizeof allowed);
    ats_config_fault_add(w->report, line, "%s.%s: is no single value; allowed: %s", k->section,
                         k->name, allowed);
    d->unreadable[key] = true;
    return ats_walk_skip(w);
}

static bool walk_section(ats_walk *w, const char *section)
{
    char name[64];
    uint32_t line;
    int more;
    while ((more = ats_walk_key(w, name, &line)) == 1) {
        int key = ats_config_key_find(section, name);
        if (!(key < 0 ? unknown_key(w, section, name, line) : walk_value(w, (uint32_t)key, line)))
            return false;
    }
    return more == 0;
}

static void spoil_section(ats_walk *w, uint32_t s)
{
    w->section_bad[s] = true;
    for (uint32_t k = 0; k < ats_config_key_count(); k++)
        if (strcmp(ats_config_key_section(k), w->sections[s]) == 0)
            w->document->unreadable[k] = true;
}

static bool walk_section_key(ats_walk *w, const char *name, uint32_t line)
{
    char word[48], hint[64];
    uint32_t s = 0;
    while (s < w->section_count && strcmp(name, w->sections[s]) != 0)
        s++;
    ats_config_quote(name, word);
    if (s == w->section_count && strcmp(name, "strategies") == 0)
        return ats_walk_strategies(w);
    if (s == w->section_count) {
        ats_config_hint(name, w->sections, w->section_count, hint, sizeof hint);
        ats_config_fault_add(
            w->report, line,
            "%s: no such section%s; allowed: account, model, feed, calendar, features, data, "
            "strategy, risk, venue, run",
            word, hint);
        return ats_walk_skip(w);
    }
    if (w->document->section_line[s]) {
        ats_config_fault_add(w->report, line, "%s: is given twice; it is on line %u, too", word,
                             w->document->section_line[s]);
        spoil_section(w, s);
        return ats_walk_skip(w);
    }
    w->document->section_line[s] = line;
    if (ats_walk_is(w, YAML_MAPPING_START_EVENT))
        return walk_section(w, w->sections[s]);
    ats_config_fault_add(w->report, line, "%s: must be a mapping of keys to values", word);
    spoil_section(w, s);
    return ats_walk_skip(w);
}

static bool walk_document(ats_walk *w)
{
    char name[64];
    uint32_t line;
    int more;
    if (!ats_walk_next(w) || !ats_walk_next(w)) /* the stream's start, then the document's */
        return false;
    if (ats_walk_is(w, YAML_STREAM_END_EVENT))
        return ats_walk_broken(w, 1, "the file holds no configuration");
    if (!ats_walk_next(w))
        return false;
    if (!ats_walk_is(w, YAML_MAPPING_START_EVENT))
        return ats_walk_broken(w, ats_walk_line(w),
                               "must be a mapping of sections (account, risk, ...)");
    while ((more = ats_walk_key(w, name, &line)) == 1)
        if (!walk_section_key(w, name, line))
            return false;
    if (more < 0 || !ats_walk_next(w) ||
        !ats_walk_next(w)) /* the document's end, then the stream's */
        return false;
    return ats_walk_is(w, YAML_STREAM_END_EVENT) ||
           ats_walk_broken(w, ats_walk_line(w),
                           "there is a second document; one file, one configuration");
}

/* ---- loading -------------------------------------------------------------------------------- */

/* The schema, made from the table. What was told to be wrong is ignored. */
typedef struct schema {
    cyaml_schema_field_t sections[ATS_SECTIONS_MAX];
    cyaml_schema_field_t fields[ATS_CONFIG_KEYS_MAX + ATS_SECTIONS_MAX];
    cyaml_schema_value_t top;
    char problem[160];
} schema;

#define TEXT_POINTER (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

static const cyaml_schema_value_t STAGE_SCHEMA = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char *, 0, CYAML_UNLIMITED)};
static const cyaml_schema_field_t THREAD_FIELDS[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, ats_config_raw_thread, name, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("cpu", CYAML_FLAG_POINTER, ats_config_raw_thread, cpu, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_STRING_PTR("wait", CYAML_FLAG_POINTER, ats_config_raw_thread, wait, 0,
                           CYAML_UNLIMITED),
    CYAML_FIELD_SEQUENCE_COUNT("stages", CYAML_FLAG_POINTER, ats_config_raw_thread, stages,
                               stage_count, &STAGE_SCHEMA, 0, ATS_STAGES_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t THREAD_SCHEMA = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, ats_config_raw_thread, THREAD_FIELDS)};
static const cyaml_schema_field_t THREADS_FIELD =
    CYAML_FIELD_SEQUENCE_COUNT("threads", TEXT_POINTER, ats_config_raw, threads, thread_count,
                               &THREAD_SCHEMA, 0, ATS_THREADS_MAX);

static cyaml_schema_field_t field_of(const ats_config_document *d, uint32_t key)
{
    const ats_config_key *k = ats_config_key_at(key);
    if (k->type == ATS_CONFIG_THREADS && d->thread_line[0] && !d->unreadable[key])
        return THREADS_FIELD;
    cyaml_schema_field_t field = {
        .key = k->name,
        .data_offset = (uint32_t)(offsetof(ats_config_raw, value) + key * sizeof(char *)),
        .value = {CYAML_VALUE_STRING(TEXT_POINTER, char *, 0, CYAML_UNLIMITED)}};
    if (d->unreadable[key])
        field.value = (cyaml_schema_value_t){.type = CYAML_IGNORE, .flags = CYAML_FLAG_OPTIONAL};
    return field;
}

static void make_schema(schema *s, const ats_walk *w)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < w->section_count; i++) {
        cyaml_schema_field_t *first = &s->fields[at];
        for (uint32_t k = 0; k < ats_config_key_count(); k++)
            if (strcmp(ats_config_key_section(k), w->sections[i]) == 0)
                s->fields[at++] = field_of(w->document, k);
        at++; /* the end of this section's fields: zeros */
        s->sections[i] = (cyaml_schema_field_t){
            .key = w->sections[i],
            .value = {CYAML_VALUE_MAPPING(CYAML_FLAG_OPTIONAL, ats_config_raw, first)}};
        if (w->section_bad[i])
            s->sections[i].value =
                (cyaml_schema_value_t){.type = CYAML_IGNORE, .flags = CYAML_FLAG_OPTIONAL};
    }
    s->top = (cyaml_schema_value_t){
        CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, ats_config_raw, s->sections)};
}

/* Keeps libcyaml's first complaint. */
static void hear(cyaml_log_t level, void *context, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

static void hear(cyaml_log_t level, void *context, const char *format, va_list args)
{
    schema *s = context;
    if (level < CYAML_LOG_ERROR || s->problem[0])
        return;
    vsnprintf(s->problem, sizeof s->problem, format, args);
    s->problem[strcspn(s->problem, "\n")] = 0;
}

static cyaml_config_t cyaml_config(schema *s)
{
    return (cyaml_config_t){.log_fn = hear,
                            .log_ctx = s,
                            .mem_fn = cyaml_mem,
                            .log_level = CYAML_LOG_ERROR,
                            .flags = CYAML_CFG_IGNORE_UNKNOWN_KEYS | CYAML_CFG_NO_ALIAS};
}

static void load(ats_walk *w, const char *text, size_t length)
{
    schema *s = calloc(1, sizeof *s);
    if (!s) {
        ats_walk_broken(w, 0, "out of memory");
        return;
    }
    w->document->schema = s;
    make_schema(s, w);
    cyaml_config_t config = cyaml_config(s);
    cyaml_data_t *raw = NULL;
    cyaml_err_t failed =
        cyaml_load_data((const uint8_t *)text, length, &config, &s->top, &raw, NULL);
    if (failed == CYAML_OK) {
        w->document->raw = raw;
        return;
    }
    char what[200];
    snprintf(what, sizeof what, "%s", s->problem[0] ? s->problem : cyaml_strerror(failed));
    ats_walk_broken(w, 0, what);
}

void ats_config_document_read(ats_config_document *document, const char *text, size_t length,
                              ats_config_report *report)
{
    *document = (ats_config_document){0};
    ats_walk w = {.document = document, .report = report};
    while ((w.sections[w.section_count] = ats_config_section(w.section_count)))
        w.section_count++;
    assert(w.section_count < ATS_SECTIONS_MAX);
    if (!yaml_parser_initialize(&w.parser)) {
        ats_walk_broken(&w, 0, "out of memory");
        return;
    }
    yaml_parser_set_input_string(&w.parser, (const unsigned char *)text, length);
    bool sound = walk_document(&w);
    if (w.held)
        yaml_event_delete(&w.event);
    yaml_parser_delete(&w.parser);
    if (sound)
        load(&w, text, length);
}

void ats_config_document_free(ats_config_document *document)
{
    schema *s = document->schema;
    if (s && document->raw) {
        cyaml_config_t config = cyaml_config(s);
        cyaml_free(&config, &s->top, document->raw, 0);
    }
    free(document->strategies);
    free(s);
    *document = (ats_config_document){0};
}
