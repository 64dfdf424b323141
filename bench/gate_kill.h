/* gate_kill.h: the kill switch thrown from another thread while orders flood the chain. */
#ifndef ATS_BENCH_GATE_KILL_H
#define ATS_BENCH_GATE_KILL_H

#include "bench/bench.h"
#include "bench/workload.h"

/* One throw into a flood: *last_ns is the time from the store of the switch to the last order that
 * was seen to be sent after it (0: none was), *late_orders how many were. 0, or -1 with an error
 * pushed. */
int ats_gate_kill_throw(const ats_workload *workload, ats_model *model, const int cpus[2],
                        uint64_t seed, uint64_t *last_ns, uint64_t *late_orders);

#endif
