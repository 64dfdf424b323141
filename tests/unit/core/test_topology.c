#include "core/error.h"
#include "core/topology.h"

#include <criterion/criterion.h>
#include <string.h>

#define MARKET ATS_KINDS_MARKET
#define ORDER  ATS_KIND_BIT(ATS_KIND_ORDER)

static const ats_stage A = {.name = "a", .out = {{"out", MARKET, 16, false}}};
static const ats_stage B = {
    .name = "b", .in = {{"in", MARKET, 0, false}}, .out = {{"out", MARKET | ORDER, 16, false}}};
static const ats_stage C = {.name = "c",
                            .in = {{"in", MARKET | ORDER, 0, false}, {"tap", MARKET, 0, true}}};
static const ats_stage *const STAGES[] = {&A, &B, &C};

static ats_link_spec links[3];
static ats_topology topology;
static ats_thread_map map;

static void sound(void)
{
    links[0] = (ats_link_spec){"a-b", 0, 0, 1, 0, ATS_FULL_MUST_ARRIVE, 64};
    links[1] = (ats_link_spec){"b-c", 1, 0, 2, 0, ATS_FULL_MUST_ARRIVE, 64};
    topology = (ats_topology){STAGES, 3, links, 2};
    map = (ats_thread_map){
        .count = 1,
        .threads = {{.name = "t", .cpu = ATS_CPU_ANY, .stage_count = 3, .stages = {0, 1, 2}}}};
    ats_error_clear();
}

TestSuite(topology, .init = sound);

static void refused(const char *why)
{
    cr_assert_gt(ats_topology_check(&topology, &map), 0, "%s", why);
    bool said = false;
    for (size_t i = 0; i < ats_error_count(); i++)
        said |= strstr(ats_error_line(i), why) != NULL;
    cr_assert(said, "expected '%s', got '%s'", why, ats_error_line(0));
    cr_assert_eq(ats_error_code(), ATS_EXIT_CONFIG);
}

Test(topology, a_sound_one_passes)
{
    cr_assert_eq(ats_topology_check(&topology, &map), 0, "%s", ats_error_line(0));
}

Test(topology, a_port_without_a_link)
{
    topology.link_count = 1;
    refused("port c.in has 0 links");
}

Test(topology, two_links_at_one_port)
{
    links[2] = (ats_link_spec){"again", 0, 0, 2, 1, ATS_FULL_MUST_ARRIVE, 64};
    topology.link_count = 3;
    refused("port a.out has 2 links");
}

Test(topology, kinds_that_the_consumer_does_not_take)
{
    links[1].to_port = 1;
    refused("does not take");
}

Test(topology, depths)
{
    links[0].depth = 63;
    refused("power of two");
    sound();
    links[0].depth = 8;
    refused("at least 16");
}

Test(topology, each_stage_on_one_thread)
{
    map.threads[0].stage_count = 2;
    refused("stage c is on 0 threads");
    sound();
    map.count = 2;
    map.threads[1] =
        (ats_thread_spec){.name = "u", .cpu = ATS_CPU_ANY, .stage_count = 1, .stages = {1}};
    refused("stage b is on 2 threads");
}

Test(topology, a_lockstep_group_shares_its_thread)
{
    map.lockstep = 6;
    cr_assert_eq(ats_topology_check(&topology, &map), 0);
    map.count = 2;
    map.threads[0].stage_count = 2;
    map.threads[1] =
        (ats_thread_spec){.name = "u", .cpu = ATS_CPU_ANY, .stage_count = 1, .stages = {2}};
    refused("must share a thread");
}

Test(topology, cpus)
{
    int cpu;
    cr_assert_eq(ats_cpus_allowed(&cpu, 1), 1);
    map.threads[0].cpu = 1000;
    refused("cpu 1000");
    sound();
    map.count = 2;
    map.threads[0] = (ats_thread_spec){.name = "t", .cpu = cpu, .stage_count = 2, .stages = {0, 1}};
    map.threads[1] = (ats_thread_spec){.name = "u", .cpu = cpu, .stage_count = 1, .stages = {2}};
    refused("both on cpu");
}

Test(topology, a_slot_is_as_wide_as_the_widest_kind)
{
    cr_assert_eq(ats_link_stride(&topology, &links[0], 0), 128);
    cr_assert_eq(ats_link_stride(&topology, &links[1], 0), 256);
    cr_assert_eq(ats_record_bytes(ATS_KIND_FEATURES, 20), 256, "128 + 80, whole lines");
    cr_assert_eq(ats_record_bytes(ATS_KIND_FEATURES, 64), 384);
}
