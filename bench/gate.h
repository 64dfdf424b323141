/* gate.h: `ats bench gate`: what an order costs in the gate, and how fast the kill switch is. */
#ifndef ATS_BENCH_GATE_H
#define ATS_BENCH_GATE_H

#include "bench/bench.h"

extern const ats_bench_module ats_bench_gate;

#endif
