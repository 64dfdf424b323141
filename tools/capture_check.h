/* capture_check.h: the action check of `ats capture`. */
#ifndef ATS_TOOLS_CAPTURE_CHECK_H
#define ATS_TOOLS_CAPTURE_CHECK_H

#include "tools/cli.h"

/* Checks the captures in cli->argument[1] and on and prints what was found; html: NULL, or the page
 * to write. -1 with an error pushed, ATS_EXIT_DATA when mode is strict and a symbol was
 * quarantined. */
int ats_capture_check(const ats_cli *cli, const char *mode, const char *html);

#endif
