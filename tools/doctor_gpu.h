/* doctor_gpu.h: what `ats doctor` finds out about the GPU. */
#ifndef ATS_TOOLS_DOCTOR_GPU_H
#define ATS_TOOLS_DOCTOR_GPU_H

#include "core/doctor.h"

/* Adds a finding "gpu": the card, its driver and how it would be used, or why there is none; and,
 * where there is one and `measure` is set, "gpu or cpu": from how many rows on it beats this CPU
 * with a made-up model of 500 trees of depth 6 (about 5 s). */
void ats_doctor_gpu(ats_doctor_report *report, bool measure);

#endif
