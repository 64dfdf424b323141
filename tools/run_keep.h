/* run_keep.h: the files that a configuration names, kept with the run, so that its directory is all
 * that a repeated run needs: commands.csv, covariance.csv, reference.csv, strategies/NAME.so. */
#ifndef ATS_TOOLS_RUN_KEEP_H
#define ATS_TOOLS_RUN_KEEP_H

#include "tools/run_dir.h"

/* Copies them and makes `kept` name the copies, relative to the directory; of a run that began
 * halted (by the latch of a run before) commands.csv begins with a halt. 0, or -1 with an error
 * pushed. */
int ats_run_keep_files(const ats_run_dir *dir, ats_run_config *kept, bool began_halted);

#endif
