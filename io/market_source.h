/* market_source.h: where a replay's market records come from: captures, one after the other, or
 * records already in memory.
 *
 * The symbol tables of all captures are joined into one; records come back with the joined table's
 * ids. Captures must follow each other in time. Opening is cold; ats_market_source_peek is hot: no
 * allocation, no system call (captures are mapped and faulted in at open).
 */
#ifndef ATS_IO_MARKET_SOURCE_H
#define ATS_IO_MARKET_SOURCE_H

#include "core/symbols.h"
#include "io/capture.h"

typedef struct ats_market_input {
    ats_capture_reader reader;
    uint32_t *remap; /* [file id] -> joined id */
} ats_market_input;

typedef struct ats_market_source {
    ats_market_input *inputs;
    uint32_t input_count;
    uint32_t at;               /* input being read */
    const ats_market *records; /* in memory, instead of inputs */
    uint64_t record_count;
    uint64_t next;
    ats_symbols symbols; /* joined */
    int64_t first_ns;    /* recv_ns of the first and last record */
    int64_t last_ns;
    uint64_t total;
    uint64_t cut_bytes;       /* of torn ends of captures, which are not read */
    bool tape;                /* inputs are tapes: already consolidated and sequenced */
    int64_t disturb_after_ns; /* 0 = never; see ats_market_source_disturb */
    ats_market current;       /* the record that peek points to, remapped */
    bool held;
    bool failed;
} ats_market_source;

/* Opens captures in the order given. 0, or -1 with an error pushed (ATS_EXIT_DATA) when one cannot
 * be read, one starts before its predecessor ends, or tapes and raw captures are mixed. */
int ats_market_source_open(ats_market_source *source, const char *const *paths, uint32_t count);

/* Reads from an array that outlives the source; symbols are copied. For benchmarks: no decoding. */
int ats_market_source_memory(ats_market_source *source, const ats_market *records, uint64_t count,
                             const ats_symbols *symbols);

/* Reads all of a source into one array (caller frees), e.g. for a benchmark. */
int ats_market_source_load(ats_market_source *source, ats_market **records, uint64_t *count);

void ats_market_source_close(ats_market_source *source);

/* The record in hand, the same until ats_market_source_pop: 1; 0 at the end; -1 when an input
 * turned out damaged (ats_market_source_reason says where). */
int ats_market_source_peek(ats_market_source *source, const ats_market **record);
void ats_market_source_pop(ats_market_source *source);

/* Back to the first record, also after a failure. Cold; nobody else may be reading. */
void ats_market_source_rewind(ats_market_source *source);

/* From here on every record after a time (recv_ns) comes with other prices and sizes. What is
 * decided up to that time must not change by it: that is how a look ahead is found. Sources of
 * captures only, before the first peek. */
void ats_market_source_disturb(ats_market_source *source, int64_t after_ns);

const char *ats_market_source_reason(const ats_market_source *source);

#endif
