#include "stages/config_walk.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX  8u    /* stages of a thread, the deepest thing there is, lie at 5 */
#define SCALAR_MAX 4096u /* a strategy's list of symbols, twice */

uint32_t ats_walk_line(const ats_walk *w)
{
    return (uint32_t)w->event.start_mark.line + 1;
}

bool ats_walk_broken(ats_walk *w, uint32_t line, const char *what)
{
    w->document->malformed = true;
    ats_config_fault_add(w->report, line, "%s", what);
    return false;
}

static bool syntax(ats_walk *w)
{
    const yaml_parser_t *p = &w->parser;
    char what[200];
    if (p->error == YAML_READER_ERROR)
        snprintf(what, sizeof what, "not text in UTF-8: %s at byte %zu", p->problem,
                 p->problem_offset);
    else
        snprintf(what, sizeof what, "not YAML: %s%s%s", p->context ? p->context : "",
                 p->context ? ": " : "", p->problem ? p->problem : "out of memory");
    size_t line = p->error == YAML_READER_ERROR ? p->mark.line : p->problem_mark.line;
    return ats_walk_broken(w, (uint32_t)line + 1, what);
}

bool ats_walk_next(ats_walk *w)
{
    if (w->held)
        yaml_event_delete(&w->event);
    w->held = yaml_parser_parse(&w->parser, &w->event) == 1;
    if (!w->held)
        return syntax(w);
    const yaml_event_t *e = &w->event;
    bool scalar = e->type == YAML_SCALAR_EVENT;
    bool sequence = e->type == YAML_SEQUENCE_START_EVENT;
    bool mapping = e->type == YAML_MAPPING_START_EVENT;
    if (e->type == YAML_ALIAS_EVENT || (scalar && e->data.scalar.anchor) ||
        (sequence && e->data.sequence_start.anchor) || (mapping && e->data.mapping_start.anchor))
        return ats_walk_broken(w, ats_walk_line(w),
                               "anchors and aliases are not allowed; write the value out");
    if ((scalar && e->data.scalar.tag) || (sequence && e->data.sequence_start.tag) ||
        (mapping && e->data.mapping_start.tag))
        return ats_walk_broken(w, ats_walk_line(w), "tags are not allowed; write the value alone");
    if (scalar && e->data.scalar.length > SCALAR_MAX)
        return ats_walk_broken(w, ats_walk_line(w), "a value is longer than 4096 bytes");
    if (scalar && memchr(e->data.scalar.value, 0, e->data.scalar.length))
        return ats_walk_broken(w, ats_walk_line(w), "a value holds a NUL");
    return true;
}

bool ats_walk_is(const ats_walk *w, yaml_event_type_t type)
{
    return w->event.type == type;
}

const char *ats_walk_text(const ats_walk *w)
{
    return (const char *)w->event.data.scalar.value;
}

bool ats_walk_skip(ats_walk *w)
{
    uint32_t depth = 0;
    for (;;) {
        if (ats_walk_is(w, YAML_MAPPING_START_EVENT) || ats_walk_is(w, YAML_SEQUENCE_START_EVENT))
            depth++;
        else if (ats_walk_is(w, YAML_MAPPING_END_EVENT) || ats_walk_is(w, YAML_SEQUENCE_END_EVENT))
            depth--;
        if (depth == 0)
            return true;
        if (depth > DEPTH_MAX)
            return ats_walk_broken(w, ats_walk_line(w), "nested too deeply");
        if (!ats_walk_next(w))
            return false;
    }
}

int ats_walk_key(ats_walk *w, char name[64], uint32_t *line)
{
    if (!ats_walk_next(w))
        return -1;
    if (ats_walk_is(w, YAML_MAPPING_END_EVENT))
        return 0;
    *line = ats_walk_line(w);
    if (!ats_walk_is(w, YAML_SCALAR_EVENT) || w->event.data.scalar.length >= 64) {
        ats_walk_broken(w, *line, "a key must be a word");
        return -1;
    }
    snprintf(name, 64, "%s", ats_walk_text(w));
    return ats_walk_next(w) ? 1 : -1;
}
