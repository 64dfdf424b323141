#include "learn/evaluation.h"

#include <math.h>
#include <string.h>

void ats_evaluation_scores(ats_model *model, const ats_dataset *d, float *scores)
{
    const float *rows[ATS_INFER_BATCH_MAX];
    float confidences[ATS_INFER_BATCH_MAX];
    for (uint64_t at = 0; at < d->rows; at += ATS_INFER_BATCH_MAX) {
        uint64_t left = d->rows - at;
        uint32_t n = left < ATS_INFER_BATCH_MAX ? (uint32_t)left : ATS_INFER_BATCH_MAX;
        for (uint32_t i = 0; i < n; i++)
            rows[i] = d->x + (at + i) * d->features;
        ats_model_score(model, rows, NULL, n, scores + at, confidences);
    }
}

uint64_t ats_evaluation_split_rows(const float *const *by_model, uint32_t count, uint64_t rows)
{
    uint64_t found = 0;
    for (uint64_t i = 0; i < rows; i++) {
        bool up = false, down = false;
        for (uint32_t k = 0; k < count; k++) {
            up |= by_model[k][i] > 0;
            down |= by_model[k][i] < 0;
        }
        found += up && down;
    }
    return found;
}

uint64_t ats_evaluation_opposed_rows(const float *a, const float *b, uint64_t rows)
{
    return ats_evaluation_split_rows((const float *const[]){a, b}, 2, rows);
}

void ats_reliability_measure(ats_reliability *out, const float *chance, const double *outcome,
                             uint64_t n)
{
    memset(out, 0, sizeof *out);
    out->rows = n;
    for (uint64_t i = 0; i < n; i++) {
        double p = (double)chance[i], y = outcome[i];
        double kept = fmin(fmax(p, ATS_RELIABILITY_LEAST_CHANCE), 1 - ATS_RELIABILITY_LEAST_CHANCE);
        uint32_t at = (uint32_t)(p * ATS_RELIABILITY_BINS);
        ats_reliability_bin *bin = &out->bin[at < ATS_RELIABILITY_BINS ? at : at - 1];
        out->brier += (p - y) * (p - y) / (double)n;
        out->log_loss -= (y * log(kept) + (1 - y) * log(1 - kept)) / (double)n;
        bin->chance += p;
        bin->outcome += y;
        bin->rows++;
    }
    for (uint32_t b = 0; b < ATS_RELIABILITY_BINS; b++) {
        ats_reliability_bin *bin = &out->bin[b];
        if (bin->rows == 0)
            continue;
        out->expected_calibration_error += fabs(bin->chance - bin->outcome) / (double)n;
        bin->chance /= (double)bin->rows;
        bin->outcome /= (double)bin->rows;
    }
}
