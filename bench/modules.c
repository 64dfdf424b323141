#include "bench/bench.h"
#include "bench/decode_module.h"
#include "bench/features.h"
#include "bench/gate.h"
#include "bench/infer.h"
#include "bench/net.h"
#include "bench/pipeline.h"
#include "bench/ring.h"
#include "bench/universe.h"

#include <stddef.h>

const ats_bench_module *const ats_bench_modules[] = {&ats_bench_ring,
                                                     &ats_bench_pipeline,
                                                     &ats_bench_features,
                                                     &ats_bench_infer,
                                                     &ats_bench_universe,
                                                     &ats_bench_gate,
                                                     &ats_bench_decode,
                                                     &ats_bench_net,
                                                     NULL};
