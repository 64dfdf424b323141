/* features.h: the benchmark of the feature stage. */
#ifndef ATS_BENCH_FEATURES_H
#define ATS_BENCH_FEATURES_H

#include "bench/bench.h"

extern const ats_bench_module ats_bench_features;

#endif
