#include "stages/shadow/shadow.h"

#include <math.h>

#define PORT_VECTORS 0
#define BATCH        64u /* a side thread has time: batches are what makes it cheap */

typedef struct shadow {
    const ats_shadow_config *config;
    ats_metrics_shadow *metrics;
    ats_shadow_result result;
    const float *rows[BATCH];
    float scores[BATCH];
    float confidences[BATCH];
} shadow;

static size_t shadow_footprint(const void *config)
{
    (void)config;
    return sizeof(shadow);
}

static int shadow_init(void *state, const void *configuration, ats_io *io)
{
    shadow *s = state;
    (void)io;
    s->config = configuration;
    s->metrics = &s->config->context->metrics->shadow;
    return ats_model_check(s->config->model, s->config->feature_count, s->config->feature_version);
}

static void compare(ats_shadow_result *r, float entry_margin, float live, float ours)
{
    double a = (double)live, b = (double)ours, away = fabs(a - b);
    bool live_enters = fabsf(live) >= entry_margin, ours_enters = fabsf(ours) >= entry_margin;
    r->rows++;
    r->live_entries += live_enters;
    r->shadow_entries += ours_enters;
    r->both_entries += live_enters && ours_enters;
    r->opposed += live_enters && ours_enters && (live < 0) != (ours < 0);
    r->sum_a += a;
    r->sum_b += b;
    r->sum_aa += a * a;
    r->sum_bb += b * b;
    r->sum_ab += a * b;
    r->sum_away += away;
    if (away > r->max_away)
        r->max_away = away;
}

static uint32_t shadow_work(void *state, ats_io *io)
{
    shadow *s = state;
    ats_rx *in = io->in[PORT_VECTORS];
    uint64_t n = ats_rx_peek(in);
    uint32_t rows = 0;
    if (n > BATCH)
        n = BATCH;
    for (uint64_t i = 0; i < n; i++) {
        const ats_features *f = ats_rx_slot(in, i);
        if (f->h.kind == ATS_KIND_FEATURES)
            s->rows[rows++] = f->f;
        else
            io->ended = f->h.kind == ATS_KIND_END;
    }
    if (rows)
        ats_model_score(s->config->model, s->rows, NULL, rows, s->scores, s->confidences);
    for (uint32_t i = 0; i < rows; i++) /* END, if there is one, is the last */
        compare(&s->result, s->config->entry_margin,
                ((const ats_features *)ats_rx_slot(in, i))->live_score, s->scores[i]);
    if (n) {
        ats_rx_release(in, n);
        ats_count(&s->metrics->events_in, n);
        ats_count(&s->metrics->batches, 1);
        ats_count(&s->metrics->rows, rows);
    }
    return (uint32_t)n;
}

double ats_shadow_correlation(const ats_shadow_result *r)
{
    double n = (double)r->rows;
    double covariance = r->sum_ab - r->sum_a * r->sum_b / n;
    double a = r->sum_aa - r->sum_a * r->sum_a / n, b = r->sum_bb - r->sum_b * r->sum_b / n;
    return a > 0 && b > 0 ? covariance / sqrt(a * b) : (double)NAN;
}

const ats_shadow_result *ats_shadow_outcome(const void *state)
{
    return &((const shadow *)state)->result;
}

const ats_stage ats_stage_shadow = {
    .name = "shadow",
    .in = {{"vectors", ATS_KIND_BIT(ATS_KIND_FEATURES) | ATS_KIND_BIT(ATS_KIND_END), 0, false}},
    .footprint = shadow_footprint,
    .init = shadow_init,
    .work = shadow_work,
};
