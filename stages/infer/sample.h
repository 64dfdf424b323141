/* sample.h: an even sample of the vectors of a run, of bounded size, to see drift by.
 *
 * Takes every ATS_SAMPLE_STRIDE-th vector until it is full; then twice the stride, the new ones in
 * the place of those that the wider stride leaves out, and so on. So it depends on the order of the
 * vectors alone, a vector in 16 costs a copy at first and one in thousands later, and at any time
 * it holds every stride-th vector from the first on, and some of the half stride.
 *
 * Owner: the infer stage; may be read after it has ended.
 */
#ifndef ATS_STAGES_INFER_SAMPLE_H
#define ATS_STAGES_INFER_SAMPLE_H

#include "core/record.h"

#include <stdbool.h>

/* Rows: PSI of two equal distributions is about bins / rows by chance: 0.01 here, a tenth of the
 * lower band. 280 features are 4.6 MB. Powers of two. */
#define ATS_SAMPLE_ROWS   4096u
#define ATS_SAMPLE_STRIDE 16u

typedef struct ats_vector_sample {
    uint64_t seen;
    uint64_t stride;
    uint32_t count;
    uint32_t next; /* where to look for a place */
    uint32_t features;
    uint32_t reserved;
    uint64_t number[ATS_SAMPLE_ROWS]; /* of the vector, from 0 */
    int64_t recv_ns[ATS_SAMPLE_ROWS];
    float x[]; /* [ATS_SAMPLE_ROWS][features] */
} ats_vector_sample;

static inline size_t ats_vector_sample_footprint(uint32_t features)
{
    return sizeof(ats_vector_sample) + (size_t)ATS_SAMPLE_ROWS * features * sizeof(float);
}

/* In zeroed memory of that size. */
static inline void ats_vector_sample_init(ats_vector_sample *s, uint32_t features)
{
    s->features = features;
    s->stride = ATS_SAMPLE_STRIDE;
}

/* Copies a vector whose turn it is. */
void ats_vector_sample_keep(ats_vector_sample *s, uint64_t number, const ats_features *f);

/* Sees the next vector. Hot. */
static inline void ats_vector_sample_take(ats_vector_sample *s, const ats_features *f)
{
    uint64_t number = s->seen++;
    if (__builtin_expect((number & (s->stride - 1)) == 0, 0))
        ats_vector_sample_keep(s, number, f);
}

/* Is row i one of every stride-th vectors? The others would count some times twice. */
static inline bool ats_vector_sample_is_even(const ats_vector_sample *s, uint32_t i)
{
    return (s->number[i] & (s->stride - 1)) == 0;
}

#endif
