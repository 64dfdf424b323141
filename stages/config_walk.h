/* config_walk.h: one pass over libyaml's events, for the files that tell faults of a
 * configuration's structure. Inside the configuration only. */
#ifndef ATS_STAGES_CONFIG_WALK_H
#define ATS_STAGES_CONFIG_WALK_H

#include "stages/config_parts.h"

#include <yaml.h>

#define ATS_SECTIONS_MAX 24u

typedef struct ats_walk {
    yaml_parser_t parser;
    yaml_event_t event;
    bool held; /* event is there and must be deleted */
    ats_config_document *document;
    ats_config_report *report;
    const char *sections[ATS_SECTIONS_MAX];
    uint32_t section_count;
    bool section_bad[ATS_SECTIONS_MAX];
} ats_walk;

uint32_t ats_walk_line(const ats_walk *w);
bool ats_walk_is(const ats_walk *w, yaml_event_type_t type);
const char *ats_walk_text(const ats_walk *w);

/* Tells that nothing further can be read; false. */
bool ats_walk_broken(ats_walk *w, uint32_t line, const char *what);

/* The next event; false, with a fault told, when there is none or it is one that has no place in a
 * configuration. */
bool ats_walk_next(ats_walk *w);

/* Passes over the rest of the node whose first event is at hand. */
bool ats_walk_skip(ats_walk *w);

/* Reads a key of a mapping into name, its value's first event is then at hand. 1: a key; 0: the
 * mapping ends; -1: broken. */
int ats_walk_key(ats_walk *w, char name[64], uint32_t *line);

/* The list `strategies`, whose start is at hand, into document->strategies. */
bool ats_walk_strategies(ats_walk *w);

#endif
