#include "core/group.h"

/* Moves everything that lies between the members, taking nothing new from the chain. False when a
 * full output stopped it. */
static bool settle(ats_group *group)
{
    uint32_t moved;
    do {
        moved = 0;
        for (uint32_t i = 0; i < group->count; i++) {
            ats_instance *m = group->members[i];
            m->io.burst = i == 0 ? 0 : ATS_BURST_MAX;
            m->io.blocked = false;
            moved += m->stage->work(m->state, &m->io);
            if (m->io.blocked) {
                group->unsettled = true;
                return false;
            }
        }
    } while (moved);
    group->unsettled = false;
    return true;
}

/* The member whose scheduled action falls due first; ties go to the one further down, so that a
 * venue's answer is there before a timer reads the state it changes. */
static ats_instance *earliest(const ats_group *group, int64_t *due_ns)
{
    ats_instance *first = NULL;
    *due_ns = INT64_MAX;
    for (uint32_t i = group->count; i-- > 0;) {
        ats_instance *m = group->members[i];
        int64_t t = m->stage->next_due ? m->stage->next_due(m->state) : INT64_MAX;
        if (t < *due_ns) {
            *due_ns = t;
            first = m;
        }
    }
    return first;
}

/* Runs what falls due at or before the given time. False when a full output stopped it. */
static bool run_due(ats_group *group, int64_t until_ns, uint32_t *done)
{
    int64_t due_ns;
    ats_instance *m;
    while ((m = earliest(group, &due_ns)) != NULL && due_ns <= until_ns) {
        m->io.blocked = false;
        if (m->stage->run_due(m->state, &m->io) == 0)
            return false;
        ++*done;
        if (!settle(group))
            return false;
    }
    return true;
}

static void foresee(ats_group *group, const ats_market *next)
{
    if (group->foreseen || !(ATS_KINDS_CHAIN & ATS_KIND_BIT(next->h.kind)))
        return;
    group->foreseen = true;
    for (uint32_t i = 0; i < group->count; i++)
        if (group->members[i]->stage->foresee)
            group->members[i]->stage->foresee(group->members[i]->state, next);
}

uint32_t ats_group_work(ats_group *group)
{
    uint32_t done = 0;
    ats_instance *head = group->members[0];
    if (group->unsettled && !settle(group))
        return 0;
    for (uint32_t i = 0; i < ATS_BURST_MAX && ats_rx_peek(head->io.in[0]); i++) {
        const ats_header *h = ats_rx_slot(head->io.in[0], 0);
        /* At the end everything still in flight arrives: time has no further records to wait for.
         */
        int64_t until_ns = h->kind == ATS_KIND_END ? INT64_MAX - 1 : h->recv_ns;
        foresee(group, (const ats_market *)h);
        if (!run_due(group, until_ns, &done))
            return done;
        head->io.burst = 1;
        head->io.blocked = false;
        uint32_t n = head->stage->work(head->state, &head->io);
        if (n == 0)
            return done;
        group->foreseen = false;
        done += n;
        if (!settle(group))
            return done;
    }
    return done;
}

bool ats_group_ended(const ats_group *group)
{
    for (uint32_t i = 0; i < group->count; i++)
        if (!group->members[i]->io.ended)
            return false;
    return true;
}
