#include "gpu/crossover.h"

#include "gpu_fixture.h"

/* Medians of the CPU n * 100 and p99 n * 120; of the device as given, p99 10 % above. */
static ats_gpu_crossover table(const uint64_t *gpu_median_ns)
{
    ats_gpu_crossover c = {.use_from = ATS_GPU_NEVER};
    for (uint32_t i = 0; i < ATS_GPU_CROSSOVER_COUNTS; i++)
        c.row[i] = (ats_gpu_crossover_row){.rows = 1u << i,
                                           .rounds = 1000,
                                           .done = 1000,
                                           .cpu_median_ns = 100u << i,
                                           .cpu_p99_ns = 120u << i,
                                           .gpu_median_ns = gpu_median_ns[i],
                                           .gpu_p99_ns = gpu_median_ns[i] * 11 / 10};
    return c;
}

Test(crossover, takes_the_smallest_count_from_which_on_the_device_wins)
{
    const uint64_t flat[] = {4000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 4000};
    ats_gpu_crossover c = table(flat);
    cr_assert_eq(ats_gpu_crossover_decide(&c, ATS_GPU_NEVER), 64, "6400 against 4000");
    const uint64_t always[] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
    c = table(always);
    cr_assert_eq(ats_gpu_crossover_decide(&c, ATS_GPU_NEVER), 1);
    const uint64_t never[] = {99999, 99999, 99999, 99999, 99999, 99999, 99999, 99999, 99999};
    c = table(never);
    cr_assert_eq(ats_gpu_crossover_decide(&c, ATS_GPU_NEVER), ATS_GPU_NEVER);
}

Test(crossover, a_loss_at_a_larger_count_counts)
{
    const uint64_t uneven[] = {50, 50, 50, 50, 50, 50, 99999, 50, 50};
    ats_gpu_crossover c = table(uneven);
    cr_assert_eq(ats_gpu_crossover_decide(&c, ATS_GPU_NEVER), 128);
    const uint64_t last[] = {50, 50, 50, 50, 50, 50, 50, 50, 99999};
    c = table(last);
    cr_assert_eq(ats_gpu_crossover_decide(&c, ATS_GPU_NEVER), ATS_GPU_NEVER);
}

Test(crossover, needs_a_margin_to_begin_and_a_loss_to_end)
{
    /* 10 % faster at 64 rows. */
    const uint64_t near_it[] = {9999, 9999, 9999, 9999, 9999, 9999, 5760, 5760, 5760};
    ats_gpu_crossover c = table(near_it);
    cr_assert_eq(ats_gpu_crossover_decide(&c, ATS_GPU_NEVER), 128);
    cr_assert_eq(ats_gpu_crossover_decide(&c, 64), 64, "it was the device's");
    const uint64_t slower[] = {9999, 9999, 9999, 9999, 9999, 9999, 6500, 5760, 5760};
    c = table(slower);
    cr_assert_eq(ats_gpu_crossover_decide(&c, 64), 128);
}

Test(crossover, looks_at_the_tail_and_at_batches_that_did_not_come_back)
{
    const uint64_t fast[] = {50, 50, 50, 50, 50, 50, 50, 50, 50};
    ats_gpu_crossover c = table(fast);
    c.row[7].gpu_p99_ns = c.row[7].cpu_p99_ns + 1;
    cr_assert_eq(ats_gpu_crossover_decide(&c, ATS_GPU_NEVER), 256);
    c.row[8].gpu_median_ns = UINT64_MAX;
    cr_assert_eq(ats_gpu_crossover_decide(&c, ATS_GPU_NEVER), ATS_GPU_NEVER);
}

Test(crossover, measures_both_on_the_same_rows)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot;
    ats_scorer scorer;
    ats_gpu_crossover c;
    ats_gpu_config config = simulated_config();
    ats_made_forest shape = {30, 4, 20, 2, 0, 3};
    fixture_make(&f, &shape);
    cr_assert_eq(ats_gpu_open(&gpu, &config), 0);
    cr_assert_eq(ats_gpu_load(gpu, f.image, &slot), 0);
    cr_assert_eq(ats_scorer_open(&scorer, f.image, ats_isa_best()), 0);
    cr_assert_eq(ats_gpu_crossover_measure(&c, gpu, slot, &scorer, f.rows, 20, &f.clock), 0, "%s",
                 ats_error_line(0));
    for (uint32_t i = 0; i < ATS_GPU_CROSSOVER_COUNTS; i++) {
        cr_assert_eq(c.row[i].rows, 1u << i);
        cr_assert_eq(c.row[i].rounds, 20);
        cr_assert_eq(c.row[i].done, 20);
        cr_assert_gt(c.row[i].cpu_median_ns, 0);
        cr_assert_geq(c.row[i].gpu_p99_ns, c.row[i].gpu_median_ns);
    }
    cr_assert_eq(c.use_from, ats_gpu_crossover_decide(&c, ATS_GPU_NEVER));
    /* A device that is down never wins. */
    ats_gpu_simulate(ATS_GPU_TROUBLE_ERROR);
    cr_assert_eq(ats_gpu_crossover_measure(&c, gpu, slot, &scorer, f.rows, 5, &f.clock), 0);
    cr_assert_eq(c.use_from, ATS_GPU_NEVER);
    cr_assert_eq(c.row[8].done, 0);
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    ats_scorer_close(&scorer);
    ats_gpu_close(gpu);
    fixture_free(&f);
}

Test(crossover, tells_when_device_and_cpu_differ)
{
    /* The two hold different models: what a wrong build would look like. */
    fixture f, g;
    ats_gpu *gpu;
    uint32_t slot;
    ats_scorer scorer;
    ats_gpu_crossover c;
    ats_gpu_config config = simulated_config();
    ats_made_forest shape = {30, 4, 20, 1, 0, 3}, other = {30, 4, 20, 1, 0, 4};
    fixture_make(&f, &shape);
    fixture_make(&g, &other);
    cr_assert_eq(ats_gpu_open(&gpu, &config), 0);
    cr_assert_eq(ats_gpu_load(gpu, f.image, &slot), 0);
    cr_assert_eq(ats_scorer_open(&scorer, g.image, ats_isa_best()), 0);
    ats_error_clear();
    cr_assert_neq(ats_gpu_crossover_measure(&c, gpu, slot, &scorer, f.rows, 20, &f.clock), 0);
    cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
    ats_scorer_close(&scorer);
    ats_gpu_close(gpu);
    fixture_free(&f);
    fixture_free(&g);
}
