#include "core/topology.h"

#include "core/error.h"

#include <string.h>

static int count_ports(const ats_port *ports)
{
    int n = 0;
    while (n < (int)ATS_STAGE_PORTS && ports[n].name)
        n++;
    return n;
}

int ats_topology_find(const ats_topology *topology, const char *name)
{
    for (uint32_t i = 0; i < topology->stage_count; i++)
        if (!strcmp(topology->stages[i]->name, name))
            return (int)i;
    return -1;
}

uint32_t ats_link_stride(const ats_topology *topology, const ats_link_spec *link,
                         uint32_t feature_count)
{
    uint32_t kinds = topology->stages[link->from]->out[link->from_port].kinds;
    uint32_t stride = 0;
    for (uint32_t kind = 1; kind < ATS_KIND_COUNT; kind++) {
        uint32_t bytes = ats_record_bytes(kind, feature_count);
        if ((kinds & ATS_KIND_BIT(kind)) && bytes > stride)
            stride = bytes;
    }
    return stride;
}

/* How many links end at this port (producer side when `out`). */
static int links_at(const ats_topology *topology, uint32_t stage, uint32_t port, bool out)
{
    int n = 0;
    for (uint32_t i = 0; i < topology->link_count; i++) {
        const ats_link_spec *l = &topology->links[i];
        n += out ? l->from == stage && l->from_port == port : l->to == stage && l->to_port == port;
    }
    return n;
}

static int check_ports(const ats_topology *topology, uint32_t stage, bool out)
{
    int faults = 0;
    const ats_stage *s = topology->stages[stage];
    const ats_port *ports = out ? s->out : s->in;
    for (int p = 0; p < count_ports(ports); p++) {
        int n = links_at(topology, stage, (uint32_t)p, out);
        if (n > 1 || (n == 0 && !ports[p].optional)) {
            ats_error(ATS_EXIT_CONFIG, "topology: port %s.%s has %d links, wants one", s->name,
                      ports[p].name, n);
            faults++;
        }
    }
    return faults;
}

static int check_link(const ats_topology *topology, const ats_link_spec *link)
{
    if (link->from >= topology->stage_count || link->to >= topology->stage_count)
        return ats_error(ATS_EXIT_CONFIG, "topology: link %s names no stage", link->name), 1;
    const ats_stage *from = topology->stages[link->from], *to = topology->stages[link->to];
    if (link->from_port >= count_ports(from->out) || link->to_port >= count_ports(to->in))
        return ats_error(ATS_EXIT_CONFIG, "topology: link %s names no port", link->name), 1;
    const ats_port *out = &from->out[link->from_port], *in = &to->in[link->to_port];
    int faults = 0;
    if (out->kinds & ~in->kinds) {
        ats_error(ATS_EXIT_CONFIG, "topology: link %s: %s.%s sends kinds that %s.%s does not take",
                  link->name, from->name, out->name, to->name, in->name);
        faults++;
    }
    if (link->depth < 2 || (link->depth & (link->depth - 1)) || link->depth < out->burst) {
        ats_error(ATS_EXIT_CONFIG,
                  "topology: link %s: depth %u must be a power of two of at least %u records",
                  link->name, link->depth, out->burst);
        faults++;
    }
    return faults;
}

static bool cpu_allowed(int cpu)
{
    int cpus[1024];
    int n = ats_cpus_allowed(cpus, 1024);
    for (int i = 0; i < n; i++)
        if (cpus[i] == cpu)
            return true;
    return false;
}

static int check_cpus(const ats_thread_map *map)
{
    int faults = 0;
    for (uint32_t i = 0; i < map->count; i++) {
        const ats_thread_spec *t = &map->threads[i];
        if (t->cpu == ATS_CPU_ANY)
            continue;
        if (!cpu_allowed(t->cpu)) {
            ats_error(ATS_EXIT_CONFIG, "thread %s: cpu %d is not one this process may use", t->name,
                      t->cpu);
            faults++;
        }
        for (uint32_t j = 0; j < i; j++) {
            if (map->threads[j].cpu == t->cpu) {
                ats_error(ATS_EXIT_CONFIG, "threads %s and %s are both on cpu %d",
                          map->threads[j].name, t->name, t->cpu);
                faults++;
            }
        }
    }
    return faults;
}

static int check_threads(const ats_topology *topology, const ats_thread_map *map)
{
    int faults = 0;
    int thread_of[ATS_STAGES_MAX];
    for (uint32_t s = 0; s < topology->stage_count; s++) {
        int n = 0;
        for (uint32_t t = 0; t < map->count; t++)
            for (uint32_t i = 0; i < map->threads[t].stage_count; i++)
                if (map->threads[t].stages[i] == s) {
                    thread_of[s] = (int)t;
                    n++;
                }
        if (n != 1) {
            ats_error(ATS_EXIT_CONFIG, "threads: stage %s is on %d threads, wants one",
                      topology->stages[s]->name, n);
            thread_of[s] = -1;
            faults++;
        }
    }
    int group_thread = -1;
    for (uint32_t s = 0; s < topology->stage_count; s++) {
        if (!(map->lockstep & (1u << s)) || thread_of[s] < 0)
            continue;
        if (group_thread >= 0 && thread_of[s] != group_thread) {
            ats_error(ATS_EXIT_CONFIG,
                      "threads: stage %s must share a thread with the other stages that the "
                      "simulated venue steps together (strategy, risk, route)",
                      topology->stages[s]->name);
            faults++;
        }
        group_thread = thread_of[s];
    }
    return faults;
}

int ats_topology_check(const ats_topology *topology, const ats_thread_map *map)
{
    int faults = 0;
    for (uint32_t i = 0; i < topology->link_count; i++)
        faults += check_link(topology, &topology->links[i]);
    for (uint32_t s = 0; s < topology->stage_count; s++)
        faults += check_ports(topology, s, true) + check_ports(topology, s, false);
    return faults + check_threads(topology, map) + check_cpus(map);
}
