/* group.h: stages stepped as one, so that simulated time is exact.
 *
 * With a simulated venue, strategy, risk and route must see each other's answers at the moment they
 * fall due, whatever thread map or speed the run has. The group therefore takes one chain record at
 * a time. It shows the record at time T to the members that want to foresee it, once; runs every
 * scheduled action that falls due at or before T, earliest first, each until nothing moves between
 * the members; then the record itself, until nothing moves. Only a market record is shown: what was
 * derived from one is never ahead of it. The members' own `work` is the same code that runs on
 * threads of their own when the broker is real.
 */
#ifndef ATS_CORE_GROUP_H
#define ATS_CORE_GROUP_H

#include "core/stage.h"

#define ATS_GROUP_MAX 4u

/* One built stage: what a thread steps. */
typedef struct ats_instance {
    const ats_stage *stage;
    const void *config;
    void *state;
    ats_io io;
} ats_instance;

typedef struct ats_group {
    ats_instance *members[ATS_GROUP_MAX]; /* down the chain; [0] takes the chain's input */
    uint32_t count;
    bool unsettled; /* an output was full: finish the step before anything else */
    bool foreseen;  /* the record that waits at the head has been shown */
} ats_group;

/* One step: up to ATS_BURST_MAX chain records. Returns how much was done. */
uint32_t ats_group_work(ats_group *group);

bool ats_group_ended(const ats_group *group);

#endif
