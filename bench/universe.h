/* universe.h: the benchmark of many symbols at once. */
#ifndef ATS_BENCH_UNIVERSE_H
#define ATS_BENCH_UNIVERSE_H

#include "bench/bench.h"

extern const ats_bench_module ats_bench_universe;

#endif
