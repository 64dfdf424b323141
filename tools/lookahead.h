/* lookahead.h: proves that no decision rests on what was not known yet.
 *
 * The run is made once as it is, and then again and again with other market data after some moment
 * t (each price a thirty-second higher, each size a third smaller). What was decided up to t must
 * be the same to the last field. The moments are those of decisions, spread evenly over the run.
 *
 * It finds whatever reaches a decision through the data: bars told before they ended, features of
 * the future, a simulated venue that fills ahead of time. It cannot find a strategy that reads the
 * future from somewhere else, such as a file.
 */
#ifndef ATS_TOOLS_LOOKAHEAD_H
#define ATS_TOOLS_LOOKAHEAD_H

#include "tools/run.h"

#define ATS_LOOKAHEAD_CUTS 8u

/* Makes the runs, prints the result and returns the exit code: 0 the same everywhere, 1 not. */
int ats_lookahead_check(const ats_cli *cli, const ats_run_options *options);

#endif
