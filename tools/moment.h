/* moment.h: times that a user writes: "2024-02-01T14:30:00Z" or "2024-02-01" (00:00), UTC. */
#ifndef ATS_TOOLS_MOMENT_H
#define ATS_TOOLS_MOMENT_H

#include <stdint.h>

/* ns since the epoch. 0, or -1: it is no such text, or a time that no market record may have. */
int ats_moment_read(const char *text, int64_t *ns);

#endif
