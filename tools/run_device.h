/* run_device.h: the card that a run scores large batches on, when it has one. */
#ifndef ATS_TOOLS_RUN_DEVICE_H
#define ATS_TOOLS_RUN_DEVICE_H

#include "stages/infer/model.h"
#include "stages/run_config.h"

typedef struct ats_run_device {
    ats_model_device device; /* gpu NULL: the CPU scores */
    ats_gpu_info info;
    bool measured;
    ats_gpu_crossover crossover; /* of the first model, where it was measured */
} ats_run_device;

/* Opens what the configuration asks for. With backend auto a card that is missing or does not start
 * is none; with gpu it is an error. 0, or -1 with an error pushed. */
int ats_run_device_open(ats_run_device *d, const ats_run_config *config);

/* Races card and CPU with this model, on the card already, where the backend is auto and none was
 * raced before: the number of rows from which on the card wins, within the deadline, serves for all
 * models. Before the chain starts. */
void ats_run_device_race(ats_run_device *d, const ats_run_config *config, ats_model *model);

/* Puts a model onto the card, if there is one. One that finds no room stays with the CPU, told in
 * the log; with backend gpu that is an error. 0, or -1 with an error pushed. */
int ats_run_device_take(ats_run_device *d, const ats_run_config *config, ats_model *model);

/* After every model is freed. */
void ats_run_device_close(ats_run_device *d);

#endif
