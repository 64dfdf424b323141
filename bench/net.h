/* net.h: `ats bench net`: what the event loop adds to a bare socket, with TLS and without, and what
 * a WebSocket frame costs to read. */
#ifndef ATS_BENCH_NET_H
#define ATS_BENCH_NET_H

#include "bench/bench.h"

extern const ats_bench_module ats_bench_net;

/* The frame reader against wslay; the second half of the module. 0, or -1 with an error pushed. */
int ats_bench_net_frames(ats_bench_result *result, const ats_bench_options *options);

#endif
