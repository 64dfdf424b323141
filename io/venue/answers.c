#include "io/venue/parts.h"

/* ---- chance --------------------------------------------------------------------------------- */

/* splitmix64's finaliser. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

#define OUT_LEG   0u
#define BACK_LEG  1u
#define LEGS      16u
#define LOSS_SALT 0x6c6f7373ull
#define SALT_TAIL 0x7461696cull

static uint64_t hash_of(const ats_venue_sim *v, uint64_t id, uint64_t salt)
{
    return mix(v->config.seed + 0x9e3779b97f4a7c15ull * (id * LEGS + salt));
}

bool venue_chance(const ats_venue_sim *v, uint64_t id, uint64_t salt, uint32_t share_bps)
{
    return share_bps > 0 && mix(hash_of(v, id, 0) ^ mix(salt)) % 10000 < share_bps;
}

/* exp(z) in 1/1024 at the middles of 64 equal parts of the standard normal distribution: what a
 * lognormal of median 1 and sigma 1 takes on. Its mean is 1.62, its largest value 11.2. */
static const uint16_t LOGNORMAL_Q10[64] = {
    91,   140,  176,  207,  235,  261,  287,  312,  336,  361,  385,  409,  434,
    459,  484,  509,  535,  561,  587,  614,  642,  670,  700,  729,  760,  792,
    824,  858,  892,  928,  966,  1004, 1044, 1086, 1130, 1175, 1222, 1272, 1325,
    1380, 1438, 1499, 1564, 1633, 1707, 1786, 1870, 1962, 2061, 2168, 2286, 2416,
    2561, 2723, 2906, 3117, 3363, 3656, 4015, 4469, 5077, 5962, 7472, 11488};

static int64_t latency(const ats_venue_sim *v, uint64_t id, uint64_t leg, const int64_t part_ns[3])
{
    uint64_t r = hash_of(v, id, leg);
    int64_t ns = part_ns[0];
    if (part_ns[1] > 0)
        ns += (int64_t)(r % (uint64_t)part_ns[1]);
    if (part_ns[2] > 0)
        ns += part_ns[2] * LOGNORMAL_Q10[mix(r ^ SALT_TAIL) >> 58] / 1024;
    return ns;
}

int64_t venue_out_latency(const ats_venue_sim *v, uint64_t order_id)
{
    const ats_venue_sim_config *c = &v->config;
    return latency(v, order_id, OUT_LEG,
                   (const int64_t[]){c->out_base_ns, c->out_jitter_ns, c->out_tail_ns});
}

#define QUEUE_NS 1000 /* answers of one moment follow each other, a nanosecond each */

int64_t venue_longest_round_trip(const ats_venue_sim_config *c)
{
    int64_t longest_tail = (c->out_tail_ns + c->back_tail_ns) * LOGNORMAL_Q10[63] / 1024;
    return c->out_base_ns + c->out_jitter_ns + c->back_base_ns + c->back_jitter_ns + longest_tail +
           QUEUE_NS;
}

static int64_t back_latency(const ats_venue_sim *v, uint64_t family)
{
    const ats_venue_sim_config *c = &v->config;
    return latency(v, family, BACK_LEG,
                   (const int64_t[]){c->back_base_ns, c->back_jitter_ns, c->back_tail_ns});
}

/* ---- answers -------------------------------------------------------------------------------- */

static bool stream_is_broken(const ats_venue_sim *v, uint64_t family)
{
    for (uint32_t i = 0; i < v->lost_count; i++)
        if (v->pool[v->lost[i]].family == family)
            return true;
    return false;
}

/* The slot of an answer: on its way, or lost. What decides is what the answer says, not how many
 * came before it. */
static ats_exec *new_answer(ats_venue_sim *v, uint64_t family, uint64_t order_id, uint64_t what,
                            int64_t due_ns)
{
    bool lost = v->config.lost_share_bps > 0 &&
                (venue_chance(v, order_id, LOSS_SALT + what, v->config.lost_share_bps) ||
                 stream_is_broken(v, family));
    action *a = lost ? venue_lose(v) : venue_schedule(v, due_ns, ACTION_ANSWER);
    a->family = family;
    a->exec.h.kind = ATS_KIND_EXEC;
    a->exec.order_id = order_id;
    return &a->exec;
}

ats_exec *venue_answer(ats_venue_sim *v, const ats_order_entry *e, int64_t at_ns, uint32_t type)
{
    venue_order *x = venue_beside(v, e);
    int64_t due_ns = v->tell_ns ? v->tell_ns : at_ns + back_latency(v, x->family);
    x->answer_ns = due_ns = larger(due_ns, x->answer_ns);
    uint64_t what = (uint64_t)e->filled_e9 * 16 + type;
    ats_exec *exec = new_answer(v, x->family, e->order_id, what, due_ns);
    exec->h.symbol_id = e->symbol_id;
    exec->h.event_ns = at_ns;
    exec->type = type;
    exec->cum_qty_e9 = e->filled_e9;
    exec->leaves_qty_e9 = venue_left(e);
    if (type == ATS_EXEC_CANCELED || type == ATS_EXEC_EXPIRED || type == ATS_EXEC_REPLACED)
        exec->leaves_qty_e9 = 0;
    exec->account_id = e->account_id;
    exec->strategy_id = e->strategy_id;
    exec->reason = e->reason;
    exec->side = e->side;
    exec->ref_order_id = e->head_id;
    return exec;
}

void venue_answer_stranger(ats_venue_sim *v, const ats_order *o, uint64_t family, int64_t at_ns,
                           uint32_t type, uint32_t check)
{
    bool about_target = type == ATS_EXEC_CANCEL_REJECTED || type == ATS_EXEC_REPLACE_REJECTED;
    uint64_t id = about_target ? o->target_order_id : o->order_id;
    ats_exec *exec =
        new_answer(v, family, id, (uint64_t)at_ns * 16 + type, at_ns + back_latency(v, family));
    exec->h.symbol_id = o->h.symbol_id;
    exec->h.event_ns = at_ns;
    exec->type = type;
    exec->check = check;
    exec->account_id = o->account_id;
    exec->strategy_id = o->strategy_id;
    exec->reason = o->reason;
    exec->side = o->side;
    exec->ref_order_id = type == ATS_EXEC_REPLACE_REJECTED ? o->order_id : 0;
}

/* ---- questions ------------------------------------------------------------------------------ */

void venue_answer_ask(ats_venue_sim *v, uint64_t order_id, int64_t at_ns)
{
    ats_order_entry *e = venue_find(v, order_id);
    uint64_t family = e ? venue_beside(v, e)->family : 0;
    for (uint32_t i = 0; i < v->lost_count && !family; i++) {
        const action *a = &v->pool[v->lost[i]];
        if (a->exec.order_id == order_id || a->exec.ref_order_id == order_id)
            family = a->family;
    }
    if (!family)
        return;
    int64_t due_ns = at_ns + back_latency(v, family);
    if (venue_give_lost(v, family, due_ns) == 0 && e && e->state != ATS_ORDER_HELD)
        venue_answer(v, e, at_ns, ATS_EXEC_ACCEPTED);
}
