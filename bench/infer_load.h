/* infer_load.h: how long a model's file takes until it can score: parsed and compiled, and from the
 * cache of compiled forests (learn/model_cache.h). Cold.
 *
 * TREESxDEPTH/load: ats-cached and ats-parsed open the file that XGBoost wrote of the model; both
 * hash it. Both files are in the page cache. A temporary folder is made and removed. */
#ifndef ATS_BENCH_INFER_LOAD_H
#define ATS_BENCH_INFER_LOAD_H

#include "bench/bench.h"
#include "bench/infer_models.h"

/* Adds two rows and their ratio. Without XGBoost there is no file: says so and adds none. 0, or -1
 * with an error pushed. Sets ATS_CACHE_DIR and puts it back: no other thread may read the
 * environment meanwhile. */
int ats_infer_load(ats_bench_result *result, const ats_bench_options *options,
                   const ats_infer_model *model);

#endif
