/* benchmarks.h: which symbols of a run are the index and the sectors of which. Cold. */
#ifndef ATS_STAGES_FEATURE_BENCHMARKS_H
#define ATS_STAGES_FEATURE_BENCHMARKS_H

#include "core/symbols.h"
#include "stages/feature/catalogue.h"

/* By symbol_id, 0 = none. Both arrays hold symbols->count + 1. */
typedef struct ats_benchmarks {
    uint32_t *index, *sector;
} ats_benchmarks;

/* NULL, or what is wrong with the text of options->sectors, whatever symbols there are. */
const char *ats_sectors_check(const char *sectors);

/* Reads options->index and options->sectors ("XLK: AAPL MSFT; XLF: JPM"). A benchmark that the run
 * does not hold leaves its symbols without one; a sector's members may be missing too. 0, or -1
 * with an error pushed: the text cannot be read, or a symbol has two sectors. */
int ats_benchmarks_find(ats_benchmarks *benchmarks, const ats_feature_options *options,
                        const ats_symbols *symbols);

#endif
