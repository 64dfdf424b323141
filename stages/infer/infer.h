/* infer.h: scores feature vectors.
 *
 * In:  chain (market records, FEATURES).
 * Out: chain (the same market records; in place of each FEATURES a SIGNAL).
 *
 * Takes whatever is waiting, up to batch_limit vectors, and never waits for more. A row's score
 * does not depend on the batch it was in. Without a model FEATURES are dropped and the market
 * record ends its event.
 */
#ifndef ATS_STAGES_INFER_INFER_H
#define ATS_STAGES_INFER_INFER_H

#include "calc/forest/forest.h"
#include "stages/context.h"
#include "stages/feature/vector_hash.h"
#include "stages/infer/sample.h"

/* 64 rows of 500 trees are about 60 us on one core: the longest that a lone later event waits. */
#define ATS_INFER_BATCH_MAX 64u

typedef struct ats_infer_config {
    const ats_context *context;
    const ats_forest *forest; /* NULL: no model */
    uint32_t model_id;        /* 1, 2, ...; 0 = none */
    uint32_t batch_limit;     /* 1..ATS_INFER_BATCH_MAX */
    uint32_t feature_count;   /* floats in a FEATURES record */
    uint64_t feature_version;
    bool sample; /* keep an even sample of the vectors */
} ats_infer_config;

extern const ats_stage ats_stage_infer;

/* After the stage has ended: the hash of the vectors it took, by day. */
const ats_vector_hash *ats_infer_vectors(const void *state);

/* The sample, or NULL where none was asked for. */
const ats_vector_sample *ats_infer_sample(const void *state);

#endif
