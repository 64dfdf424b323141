#include "stages/route/watch.h"

static void leave(watch *w, uint32_t place)
{
    watched *x = &w->at[place];
    if (x->previous)
        w->at[x->previous - 1].next = x->next;
    else
        w->first[x->queue] = x->next;
    if (x->next)
        w->at[x->next - 1].previous = x->previous;
    else
        w->last[x->queue] = x->previous;
    *x = (watched){.queue = WATCH_NONE};
}

void watch_put(watch *w, uint32_t place, watch_queue queue, int64_t now_ns)
{
    watched *x = &w->at[place];
    if (x->queue != WATCH_NONE)
        leave(w, place);
    if (queue == WATCH_NONE || w->interval_ns[queue] <= 0)
        return;
    *x = (watched){.due_ns = now_ns + w->interval_ns[queue],
                   .previous = w->last[queue],
                   .queue = (uint32_t)queue};
    if (x->previous)
        w->at[x->previous - 1].next = place + 1;
    else
        w->first[queue] = place + 1;
    w->last[queue] = place + 1;
}

int64_t watch_due(const watch *w, watch_queue queue, uint32_t *place)
{
    if (w->first[queue] == 0)
        return INT64_MAX;
    *place = w->first[queue] - 1;
    return w->at[*place].due_ns;
}
