/* infer.h: `ats bench infer`: scoring with a forest, by instruction set, against its peers. */
#ifndef ATS_BENCH_INFER_H
#define ATS_BENCH_INFER_H

#include "bench/bench.h"

extern const ats_bench_module ats_bench_infer;

#endif
