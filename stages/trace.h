/* trace.h: the values that decisions about one symbol rest on, kept while someone asks for them.
 *
 * A run decides the same again when it is repeated, so nothing is noted while it trades: `ats why`
 * repeats it and gives the stages a trace. Without one, asking costs a comparison. Owner: the
 * thread of strategy and risk (one group, core/group.h).
 */
#ifndef ATS_STAGES_TRACE_H
#define ATS_STAGES_TRACE_H

#include <stdint.h>

typedef struct ats_trace_line {
    int64_t recv_ns;
    uint64_t event_seq;
    uint32_t strategy; /* 1 ..; 0 = none */
    uint32_t reserved;
    char name[40];    /* a copy: a strategy's texts go with its shared object */
    const char *text; /* the engine's static text, or NULL: the value counts */
    double value;
} ats_trace_line;

typedef struct ats_trace {
    uint32_t symbol_id;
    int64_t from_ns, until_ns; /* [from, until) */
    ats_trace_line *lines;     /* [capacity] */
    uint32_t capacity;
    uint32_t count;
    uint64_t lost; /* lines for which there was no room */
    /* The last vector of the symbol before vector_until_ns; written by infer. */
    int64_t vector_until_ns;
    float *vector; /* [vector_capacity], NULL: not wanted */
    uint32_t vector_capacity;
    uint32_t vector_count; /* 0: there was none */
    int64_t vector_ns;
} ats_trace;

static inline int ats_trace_wants(const ats_trace *t, uint32_t symbol_id, int64_t recv_ns)
{
    return t && t->symbol_id == symbol_id && recv_ns >= t->from_ns && recv_ns < t->until_ns;
}

/* Adds a line; the caller has asked ats_trace_wants. */
static inline void ats_trace_add(ats_trace *t, const ats_trace_line *line)
{
    if (t->count < t->capacity)
        t->lines[t->count++] = *line;
    else
        t->lost++;
}

#endif
