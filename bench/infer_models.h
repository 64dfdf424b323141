/* infer_models.h: the forests of `ats bench infer` and what scores them besides ours.
 *
 * A model is trained at start by the installed XGBoost on made-up rows (a nonlinear sum of their
 * features with noise), so that it has the shape of a real one; or read from a folder that
 * `--write-models` filled before, because a peer that is compiled code belongs to one model. Where
 * XGBoost is not installed, a forest of the same shape is drawn from a seed. Cold.
 */
#ifndef ATS_BENCH_INFER_MODELS_H
#define ATS_BENCH_INFER_MODELS_H

#include "bench/bench.h"
#include "calc/forest/scorer.h"

#define ATS_INFER_FEATURES_MAX 315u
/* To score, independent of each other and of the training rows. */
#define ATS_INFER_ROWS 4096u

typedef struct ats_infer_shape {
    const char *name; /* "500x6", also of its file */
    uint32_t trees, depth, features;
} ats_infer_shape;

/* A TL2cgen shared object's function: one row, its margin in result. */
typedef void (*ats_infer_compiled)(void *row, int margin, float *result);

/* A function that lleaves compiled: rows [start, end) of doubles. */
typedef void (*ats_infer_lleaves)(const double *rows, double *result, int start, int end);

typedef struct ats_infer_model {
    const ats_infer_shape *shape;
    ats_forest forest;
    ats_forest_image *image;
    void *booster; /* BoosterHandle with one thread; NULL: no XGBoost */
    void *library; /* of the compiled peer; NULL: none */
    ats_infer_compiled compiled;
    void *lleaves_library;
    ats_infer_lleaves lleaves;
    const char *source; /* "trained", "read", "drawn" */
} ats_infer_model;

/* rows [ATS_INFER_ROWS][features] to score. */
void ats_infer_rows(float *rows, uint32_t features);

/* Makes or reads a model, and opens its compiled peers FOLDER/NAME.so and FOLDER/NAME.lleaves.so
 * where they are. 0, or -1 with an error pushed. */
int ats_infer_model_make(ats_infer_model *model, const ats_infer_shape *shape, const char *folder);
void ats_infer_model_free(ats_infer_model *model);

/* Trains a model and writes FOLDER/NAME.json. */
int ats_infer_model_write(const ats_infer_shape *shape, const char *folder);

/* Writes a model that was made, as XGBoost does. 0, or -1 with an error pushed; model->booster must
 * be there. */
int ats_infer_model_save(const ats_infer_model *model, const char *path);

/* XGBoost's margins of n rows side by side in memory, by XGBoosterPredictFromDense; valid until the
 * next call. NULL with an error pushed. `interface` is the array interface of the rows, written by
 * ats_infer_interface: its making is not XGBoost's cost. */
const float *ats_infer_xgboost(const ats_infer_model *model, const char *interface, uint32_t n);
void ats_infer_interface(char text[128], const float *rows, uint32_t n, uint32_t features);

#endif
