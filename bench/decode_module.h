/* decode_module.h: `ats bench decode`. */
#ifndef ATS_BENCH_DECODE_MODULE_H
#define ATS_BENCH_DECODE_MODULE_H

#include "bench/bench.h"

extern const ats_bench_module ats_bench_decode;

#endif
