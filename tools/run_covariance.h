/* run_covariance.h: the covariance of daily returns that a run begins with (risk.covariance), from
 * a file that `ats covariance` or anyone else made; it enters at feed as commands, so a tape has
 * it.
 *
 * CSV. First line: symbol_a,symbol_b,covariance. Then one line a pair, both orders allowed, and one
 * a symbol with itself: its variance. Daily log returns, as decimal numbers. Of the symbols that a
 * run has every pair must be there; others are checked and passed over.
 */
#ifndef ATS_TOOLS_RUN_COVARIANCE_H
#define ATS_TOOLS_RUN_COVARIANCE_H

#include "core/symbols.h"
#include "stages/control.h"

/* Reads the file into *due (the caller frees), all at time 0, as version 1 of the matrix; *count 0
 * for the path "". 0, or -1 with an error pushed that names file and line (ATS_EXIT_DATA). */
int ats_run_covariance_load(const char *path, const ats_symbols *symbols, ats_control_due **due,
                            uint32_t *count);

#endif
