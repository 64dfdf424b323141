/* infer.h: scores feature vectors.
 *
 * In:  chain (market and CONTROL records, FEATURES).
 * Out: chain (the same records; in place of each FEATURES a SIGNAL); shadow (the FEATURES with what
 *      they scored; optional).
 *
 * Takes whatever is waiting, up to batch_limit vectors, and never waits for more. A row's score
 * does not depend on the batch it was in. Without a model FEATURES are dropped and the market
 * record ends its event.
 *
 * A CONTROL record that names another model ends the batch before it; what comes after is scored by
 * the new one. So each batch, and each row, belongs to one model, which its SIGNAL names. The model
 * that was replaced is retired in the table, which lets the control thread free it.
 */
#ifndef ATS_STAGES_INFER_INFER_H
#define ATS_STAGES_INFER_INFER_H

#include "stages/context.h"
#include "stages/feature/vector_hash.h"
#include "stages/trace.h"
#include "stages/infer/model.h"
#include "stages/infer/sample.h"

typedef struct ats_infer_config {
    const ats_context *context;
    ats_model_table *models;
    uint32_t model_id;      /* scores from the start; 0: none */
    uint32_t batch_limit;   /* 1..ATS_INFER_BATCH_MAX */
    uint32_t feature_count; /* floats in a FEATURES record */
    uint64_t feature_version;
    ats_trace *trace;      /* NULL: nobody asks why */
    bool sample;           /* keep an even sample of the vectors */
    bool shadow_may_block; /* a full shadow link is waited for, instead of counted as dropped */
} ats_infer_config;

extern const ats_stage ats_stage_infer;

/* After the stage has ended: the hash of the vectors it took, by day. */
const ats_vector_hash *ats_infer_vectors(const void *state);

/* The sample, or NULL where none was asked for. */
const ats_vector_sample *ats_infer_sample(const void *state);

/* A model's time at the helm. */
typedef struct ats_model_use {
    uint32_t model_id;
    uint32_t members;
    uint32_t trees, nodes, depth; /* of all members; of the deepest */
    uint32_t feature_count;
    uint64_t feature_version;
    int64_t train_first_ns, train_last_ns;
    int64_t from_ns; /* recv_ns of the command; 0: from the start */
    uint64_t rows;   /* that it scored */
    bool calibrated;
    ats_isa isa;
    bool attached; /* to a device, which may have scored some of its rows */
    char sha256[65];
} ats_model_use;

/* After the stage has ended: the first ATS_MODELS_MAX uses, in order; *changes counts all of them.
 */
const ats_model_use *ats_infer_uses(const void *state, uint32_t *count, uint64_t *changes);

#endif
