#include "io/venue/parts.h"

#include <assert.h>
#include <string.h>

static bool before(const ats_venue_sim *v, uint32_t a, uint32_t b)
{
    const action *x = &v->pool[a], *y = &v->pool[b];
    return x->due_ns != y->due_ns ? x->due_ns < y->due_ns : x->turn < y->turn;
}

static action *take_from_pool(ats_venue_sim *v)
{
    assert(v->used < v->capacity && "the agenda is full although room was asked for");
    action *a = &v->pool[v->free_list[v->capacity - 1 - v->used++]];
    memset(a, 0, sizeof *a);
    return a;
}

/* Nothing falls due in the past. */
static void push(ats_venue_sim *v, action *a, int64_t due_ns)
{
    uint32_t id = (uint32_t)(a - v->pool), at = v->count++;
    a->due_ns = due_ns > v->now_ns ? due_ns : v->now_ns;
    a->turn = ++v->turns;
    while (at > 0 && before(v, id, v->heap[(at - 1) / 2])) {
        v->heap[at] = v->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    v->heap[at] = id;
}

action *venue_schedule(ats_venue_sim *v, int64_t due_ns, action_kind kind)
{
    action *a = take_from_pool(v);
    a->kind = kind;
    push(v, a, due_ns);
    return a;
}

action *venue_lose(ats_venue_sim *v)
{
    action *a = take_from_pool(v);
    a->kind = ACTION_ANSWER;
    v->lost[v->lost_count++] = (uint32_t)(a - v->pool);
    return a;
}

static void forget_lost(ats_venue_sim *v, uint32_t at)
{
    memmove(v->lost + at, v->lost + at + 1, (v->lost_count - at - 1) * sizeof v->lost[0]);
    v->lost_count--;
}

bool venue_find_lost(ats_venue_sim *v, action *out)
{
    if (v->lost_count == 0)
        return false;
    uint32_t first = v->lost[0];
    forget_lost(v, 0);
    *out = v->pool[first];
    v->free_list[v->capacity - v->used--] = first;
    return true;
}

uint32_t venue_give_lost(ats_venue_sim *v, uint64_t family, int64_t due_ns)
{
    uint32_t given = 0;
    for (uint32_t i = 0; i < v->lost_count;) {
        action *a = &v->pool[v->lost[i]];
        if (a->family == family) {
            forget_lost(v, i);
            push(v, a, due_ns);
            given++;
        } else {
            i++;
        }
    }
    return given;
}

action venue_pop(ats_venue_sim *v)
{
    uint32_t first = v->heap[0], moved = v->heap[--v->count], at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= v->count)
            break;
        if (child + 1 < v->count && before(v, v->heap[child + 1], v->heap[child]))
            child++;
        if (!before(v, v->heap[child], moved))
            break;
        v->heap[at] = v->heap[child];
        at = child;
    }
    v->heap[at] = moved;
    v->free_list[v->capacity - v->used--] = first;
    return v->pool[first];
}

/* An open order may yet be triggered and end: two answers. 32: an arrival through all the assumed
 * levels with its acceptances. */
bool venue_has_room(const ats_venue_sim *v)
{
    return v->used + 2 * v->config.order_capacity + 32 < v->capacity;
}
