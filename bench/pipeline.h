/* pipeline.h: the whole-chain benchmark. */
#ifndef ATS_BENCH_PIPELINE_H
#define ATS_BENCH_PIPELINE_H

#include "bench/bench.h"

extern const ats_bench_module ats_bench_pipeline;

#endif
