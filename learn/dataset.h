/* dataset.h: the vectors a chain computes from captures, with forward returns as labels.
 *
 * The rows come from the same feed and feature stages that serve live, so what a model is trained
 * on is what it will see. A row is one FEATURES record; its label is the return of its price (the
 * mid, or the last price where no quotes come; splits and dividends taken out), in basis points,
 * from the row to the first row of the same symbol at least one horizon later. A row without such
 * a one, or (horizons below a day) one that comes more than another horizon and more than an hour
 * too late, has no label and is dropped: a return over seconds must not be that of a night. Cold;
 * allocates.
 */
#ifndef ATS_LEARN_DATASET_H
#define ATS_LEARN_DATASET_H

#include "core/record.h"
#include "io/market_source.h"
#include "stages/feature/catalogue.h"
#include "stages/feature/vector_hash.h"
#include "stages/feed/quality.h"

#include <stdint.h>

typedef struct ats_dataset {
    float *x; /* [rows][features] */
    float *y; /* [rows] forward return in bps */
    int64_t *recv_ns;
    int64_t *label_ns; /* when the label was known: of the row it was taken from */
    uint32_t *symbol_id;
    uint64_t rows;
    uint64_t
        seen; /* vectors the chain made; rows are every `stride`-th of a symbol that has a label */
    uint32_t features;
    const ats_catalogue *catalogue; /* names the columns; the caller's. NULL: nobody said */
    uint64_t feature_version;
    uint64_t hash;            /* of the last day of `vectors` */
    ats_vector_hash *vectors; /* all vectors seen, by day: train = serve */
} ats_dataset;

typedef struct ats_dataset_options {
    int64_t horizon_ns; /* 0: no labels; all rows are kept */
    uint32_t stride;    /* keep every n-th vector of a symbol; 1 = all */
    uint64_t rows_max;  /* more is an error that says which stride would do; 0: no row is kept */
    int64_t clock_interval_ns;      /* 0: none; no feature looks at CLOCK records */
    uint64_t released_max;          /* records after which the feed ends; 0: with its input */
    const ats_catalogue *catalogue; /* what a vector holds */
    const ats_calendar *equity_calendar;
    const ats_quality_config *quality; /* checks of the feed; NULL: the defaults */
    void (*visit)(void *context, const ats_features *f); /* sees every vector; NULL: nobody does */
    void *visit_context;
} ats_dataset_options;

/* Runs feed and feature over the source, to its end. 0, or -1 with an error pushed. */
int ats_dataset_collect(ats_dataset *dataset, ats_market_source *source,
                        const ats_dataset_options *options);

/* The vectors of captures, at most `rows` and one a symbol, evenly from each symbol's own sequence:
 * counts them first, then collects every n-th. stride and rows_max of the options are not looked
 * at. 0, or -1 with an error pushed, also when there is no row. */
int ats_dataset_sample(ats_dataset *dataset, const char *const *captures, uint32_t count,
                       uint64_t rows, const ats_dataset_options *options);

void ats_dataset_free(ats_dataset *dataset);

/* Name of a column; "?" where there is no catalogue. */
static inline const char *ats_dataset_name(const ats_dataset *dataset, uint32_t column)
{
    return dataset->catalogue ? dataset->catalogue->feature[column].name : "?";
}

#endif
