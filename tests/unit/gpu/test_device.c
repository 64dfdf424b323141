/* The protocol under faults, on the simulated device: what the CPU has to take over, and when the
 * device is trusted again. No test depends on how fast anything is. */
#include "gpu/internal.h"

#include "gpu_fixture.h"

#define SHAPE ((ats_made_forest){40, 5, 20, 2, 10, 77})

static void open_with_model(ats_gpu **gpu, fixture *f, uint32_t *slot)
{
    ats_gpu_config config = simulated_config();
    ats_made_forest shape = SHAPE;
    fixture_make(f, &shape);
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    cr_assert_eq(ats_gpu_open(gpu, &config), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_gpu_load(*gpu, f->image, slot), 0, "%s", ats_error_line(0));
}

static void close_all(ats_gpu *gpu, fixture *f)
{
    ats_gpu_close(gpu);
    fixture_free(f);
}

/* One fault from a working device to a working device. */
static void suffer(ats_gpu_trouble trouble, ats_gpu_status expected)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot;
    open_with_model(&gpu, &f, &slot);
    cr_assert_eq(fixture_score(&f, gpu, slot, 0, 64, FAR_NS), ATS_GPU_DONE);
    ats_gpu_simulate(trouble);
    uint64_t within_ns = expected == ATS_GPU_LATE ? NEAR_NS : FAR_NS;
    cr_assert_eq(fixture_score(&f, gpu, slot, 64, 64, within_ns), expected);
    float untouched;
    memset(&untouched, 0xa5, sizeof untouched);
    cr_assert_eq(memcmp(f.got, &untouched, sizeof untouched), 0, "margins without DONE");
    cr_assert_not(ats_gpu_is_up(gpu), "the CPU is in charge after one batch");
    cr_assert_eq(fixture_score(&f, gpu, slot, 0, 64, FAR_NS), ATS_GPU_DOWN);
    /* It is probed and not believed while the trouble lasts. */
    const ats_gpu_metrics *m = ats_gpu_metrics_of(gpu);
    struct timespec pause = {0, 1000000};
    for (int i = 0; i < 60000 && ats_load_relaxed(&m->probes_wrong) < 2; i++)
        nanosleep(&pause, NULL);
    cr_assert_geq(ats_load_relaxed(&m->probes_wrong), 2);
    cr_assert_eq(ats_load_relaxed(&m->ups), 0);
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    wait_until_up(gpu);
    for (uint32_t n = 1; n <= ATS_GPU_ROWS_MAX; n *= 2)
        cr_assert_eq(fixture_score(&f, gpu, slot, 0, n, FAR_NS), ATS_GPU_DONE);
    cr_assert_eq(m->downs, 1);
    cr_assert_eq(ats_load_relaxed(&m->ups), 1);
    cr_assert_geq(ats_load_relaxed(&m->probes_right), 3);
    cr_assert_gt(ats_load_relaxed(&m->down_ns), 0);
    cr_assert_eq(m->batches[expected], 1);
    cr_assert_eq(m->batches[ATS_GPU_DOWN], 1);
    cr_assert_eq(m->batches[ATS_GPU_DONE], 10);
    cr_assert_eq(m->rows, 64 + 511);
    close_all(gpu, &f);
}

Test(device, hangs)
{
    suffer(ATS_GPU_TROUBLE_HANG, ATS_GPU_LATE);
}

Test(device, reports_an_error)
{
    suffer(ATS_GPU_TROUBLE_ERROR, ATS_GPU_FAILED);
}

Test(device, computes_wrongly)
{
    suffer(ATS_GPU_TROUBLE_WRONG, ATS_GPU_WRONG);
}

Test(device, answers_late)
{
    suffer(ATS_GPU_TROUBLE_LATE, ATS_GPU_LATE);
}

Test(device, dies_and_revives)
{
    /* The look at the driver ends the wait before the deadline does. */
    suffer(ATS_GPU_TROUBLE_DEAD, ATS_GPU_FAILED);
}

Test(device, slow_is_not_wrong)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot;
    open_with_model(&gpu, &f, &slot);
    ats_gpu_simulate(ATS_GPU_TROUBLE_SLOW);
    for (int i = 0; i < 5; i++)
        cr_assert_eq(fixture_score(&f, gpu, slot, 0, 7, FAR_NS), ATS_GPU_DONE);
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    close_all(gpu, &f);
}

Test(device, the_canary_comes_to_every_place)
{
    /* A device that spoils the first row of each request is found within n + 1 batches. */
    fixture f;
    ats_gpu *gpu;
    uint32_t slot;
    float got[4 * 2];
    open_with_model(&gpu, &f, &slot);
    ats_gpu_simulate(ATS_GPU_TROUBLE_SPOIL);
    ats_gpu_status status = ATS_GPU_DONE;
    int batches = 0;
    for (; batches < 5 && status == ATS_GPU_DONE; batches++)
        status =
            ats_gpu_score(gpu, slot, f.rows, 4, ats_clock_now(&f.clock) + FAR_NS, &f.clock, got);
    cr_assert_eq(status, ATS_GPU_WRONG, "after %d batches: %s", batches,
                 ats_gpu_status_label(status));
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    close_all(gpu, &f);
}

Test(device, a_hung_device_is_started_anew)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot;
    open_with_model(&gpu, &f, &slot);
    ats_gpu_simulate(ATS_GPU_TROUBLE_HANG);
    cr_assert_eq(fixture_score(&f, gpu, slot, 0, 9, NEAR_NS), ATS_GPU_LATE);
    const ats_gpu_metrics *m = ats_gpu_metrics_of(gpu);
    struct timespec pause = {0, 1000000};
    for (int i = 0; i < 60000 && ats_load_relaxed(&m->restarts) < 1; i++)
        nanosleep(&pause, NULL);
    cr_assert_geq(ats_load_relaxed(&m->restarts), 1);
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    wait_until_up(gpu);
    cr_assert_eq(fixture_score(&f, gpu, slot, 0, 9, FAR_NS), ATS_GPU_DONE, "models came along");
    close_all(gpu, &f);
}

Test(device, sequences_come_round)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot;
    static const uint32_t before[] = {0x7ffffff8u, 0xfffffff8u};
    open_with_model(&gpu, &f, &slot);
    for (int lap = 0; lap < 2; lap++) {
        cr_assert_eq(fixture_score(&f, gpu, slot, 0, 256, FAR_NS), ATS_GPU_DONE);
        gpu->sequence = before[lap];
        /* What the lap before may have left: a word that the 13th batch from here must not take. */
        uint64_t left = (uint64_t)(lap == 0 ? 0x80000005u : 6u) << 32 | 0xdead;
        for (uint32_t i = 0; i < 20 * 2; i++)
            ats_store_relaxed(&gpu->mailbox->result[i + 30 * 2], left);
        for (int i = 0; i < 30; i++)
            cr_assert_eq(fixture_score(&f, gpu, slot, 0, i < 12 ? 3 : 60, FAR_NS), ATS_GPU_DONE,
                         "batch %d of lap %d", i, lap);
        cr_assert_neq(gpu->sequence, 0);
    }
    /* None of them is left once the sequence has come round, whatever was scored since. */
    gpu->sequence = 0xfffffffeu;
    ats_store_relaxed(&gpu->mailbox->result[500], (uint64_t)9 << 32);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(fixture_score(&f, gpu, slot, 0, 1, FAR_NS), ATS_GPU_DONE);
    cr_assert_eq(gpu->sequence, 2, "0xffffffff, 1, 2");
    cr_assert_eq(ats_load_relaxed(&gpu->mailbox->result[500]), 0);
    close_all(gpu, &f);
}

Test(device, exchanges_models)
{
    fixture f, g;
    ats_gpu *gpu;
    uint32_t a, b, c;
    ats_made_forest other = {90, 3, 11, 1, 20, 5};
    open_with_model(&gpu, &f, &a);
    fixture_make(&g, &other);
    cr_assert_eq(ats_gpu_load(gpu, g.image, &b), 0);
    cr_assert_neq(a, b);
    cr_assert_neq(ats_gpu_load(gpu, g.image, &c), 0);
    cr_assert_not_null(strstr(ats_error_line(0), "2 slots are taken"), "%s", ats_error_line(0));
    ats_error_clear();
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(fixture_score(&f, gpu, a, 0, 33, FAR_NS), ATS_GPU_DONE);
        cr_assert_eq(fixture_score(&g, gpu, b, 0, 50, FAR_NS), ATS_GPU_DONE);
        cr_assert_eq(fixture_score(&g, gpu, b, 0, 5, FAR_NS), ATS_GPU_DONE);
        /* The same slot of the device, another model: what is staged of the old one is not used. */
        ats_gpu_unload(gpu, a);
        cr_assert_eq(ats_gpu_load(gpu, i % 2 ? f.image : g.image, &c), 0);
        cr_assert_eq(c, a);
        cr_assert_eq(fixture_score(i % 2 ? &f : &g, gpu, a, 0, 40, FAR_NS), ATS_GPU_DONE);
        cr_assert_eq(fixture_score(i % 2 ? &f : &g, gpu, a, 9, 40, FAR_NS), ATS_GPU_DONE);
        ats_gpu_unload(gpu, a);
        cr_assert_eq(ats_gpu_load(gpu, f.image, &a), 0);
    }
    fixture_free(&g);
    close_all(gpu, &f);
}

Test(device, a_slot_that_a_late_batch_may_read_stays_taken)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot, second, third;
    open_with_model(&gpu, &f, &slot);
    ats_gpu_simulate(ATS_GPU_TROUBLE_LATE);
    cr_assert_eq(fixture_score(&f, gpu, slot, 0, 9, NEAR_NS), ATS_GPU_LATE);
    ats_gpu_unload(gpu, slot);
    cr_assert_eq(ats_gpu_load(gpu, f.image, &second), 0);
    cr_assert_neq(second, slot);
    pthread_mutex_lock(&gpu->lock);
    bool retired = gpu->slot[slot].use == ATS_GPU_SLOT_RETIRED;
    bool started_anew = gpu->metrics.restarts > 0;
    pthread_mutex_unlock(&gpu->lock);
    cr_assert(retired || started_anew);
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    wait_until_up(gpu);
    cr_assert_eq(ats_gpu_load(gpu, f.image, &third), 0, "%s", ats_error_line(0));
    cr_assert_eq(third, slot);
    cr_assert_eq(fixture_score(&f, gpu, second, 0, 9, FAR_NS), ATS_GPU_DONE);
    cr_assert_eq(fixture_score(&f, gpu, third, 0, 9, FAR_NS), ATS_GPU_DONE);
    close_all(gpu, &f);
}

Test(device, a_model_may_be_loaded_while_the_device_is_dead)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot, second;
    open_with_model(&gpu, &f, &slot);
    ats_gpu_simulate(ATS_GPU_TROUBLE_DEAD);
    cr_assert_eq(ats_gpu_load(gpu, f.image, &second), 0, "%s", ats_error_line(0));
    cr_assert_eq(fixture_score(&f, gpu, slot, 0, 9, FAR_NS), ATS_GPU_FAILED);
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    wait_until_up(gpu);
    cr_assert_eq(fixture_score(&f, gpu, second, 0, 9, FAR_NS), ATS_GPU_DONE);
    close_all(gpu, &f);
}

Test(device, refuses_what_it_cannot_do)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot;
    ats_gpu_config good = simulated_config();
    struct {
        const char *says;
        ats_gpu_config config;
    } cases[] = {{"gpu.blocks 0", good}, {"gpu.slot_count 9", good}, {"gpu.slot_bytes 100", good},
                 {"no such kind", good}, {"no such wait", good},     {"probes need", good}};
    cases[0].config.blocks = 0;
    cases[1].config.slot_count = 9;
    cases[2].config.slot_bytes = 100;
    cases[3].config.kind = ATS_GPU_KIND_COUNT;
    cases[4].config.wait = ATS_WAIT_COUNT;
    cases[5].config.probes_good = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ats_error_clear();
        cr_assert_neq(ats_gpu_open(&gpu, &cases[i].config), 0);
        cr_assert_null(gpu);
        cr_assert_eq(ats_error_code(), ATS_EXIT_CONFIG);
        cr_assert_not_null(strstr(ats_error_line(0), cases[i].says), "%s", ats_error_line(0));
    }
    ats_made_forest shape = {500, 6, 64, 1, 0, 5};
    fixture_make(&f, &shape);
    good.slot_bytes = 4096;
    ats_error_clear();
    cr_assert_eq(ats_gpu_open(&gpu, &good), 0);
    cr_assert_neq(ats_gpu_load(gpu, f.image, &slot), 0);
    cr_assert_not_null(strstr(ats_error_line(0), "a slot has 4096"), "%s", ats_error_line(0));
    close_all(gpu, &f);
    ats_made_forest broad = {3000, 6, 1024, 1, 0, 5};
    fixture_make(&f, &broad);
    good.slot_bytes = 16u << 20;
    ats_error_clear();
    cr_assert_eq(ats_gpu_open(&gpu, &good), 0);
    cr_assert_neq(ats_gpu_load(gpu, f.image, &slot), 0);
    cr_assert_not_null(strstr(ats_error_line(0), "columns"), "%s", ats_error_line(0));
    close_all(gpu, &f);
}

/* Whatever the device does in whatever order: each batch ends, no wrong margin is DONE (the fixture
 * compares), the CPU takes over within one batch, and in the end the device is taken back. */
Test(device, survives_any_sequence_of_faults, .timeout = 300)
{
    static const ats_gpu_trouble troubles[] = {ATS_GPU_TROUBLE_HANG,  ATS_GPU_TROUBLE_ERROR,
                                               ATS_GPU_TROUBLE_WRONG, ATS_GPU_TROUBLE_LATE,
                                               ATS_GPU_TROUBLE_SLOW,  ATS_GPU_TROUBLE_DEAD};
    fixture f;
    ats_gpu *gpu;
    uint32_t slot;
    uint64_t ended[ATS_GPU_STATUS_COUNT] = {0}, batches = 0, rows = 0;
    ats_random random;
    ats_random_seed(&random, 4242);
    open_with_model(&gpu, &f, &slot);
    for (int round = 0; round < 40; round++) {
        bool well = ats_random_below(&random, 2) == 0;
        ats_gpu_simulate(well ? ATS_GPU_TROUBLE_NONE : troubles[ats_random_below(&random, 6)]);
        if (well)
            wait_until_up(gpu);
        for (int i = 0; i < 10; i++) {
            uint32_t n = 1 + (uint32_t)ats_random_below(&random, ATS_GPU_ROWS_MAX);
            uint32_t from = (uint32_t)ats_random_below(&random, ATS_GPU_ROWS_MAX - n + 1);
            ats_gpu_status status = fixture_score(&f, gpu, slot, from, n, NEAR_NS);
            ended[status]++;
            batches++;
            rows += status == ATS_GPU_DONE ? n : 0;
        }
    }
    ats_gpu_simulate(ATS_GPU_TROUBLE_NONE);
    wait_until_up(gpu);
    cr_assert_eq(fixture_score(&f, gpu, slot, 0, 256, FAR_NS), ATS_GPU_DONE);
    ended[ATS_GPU_DONE]++;
    rows += 256;
    const ats_gpu_metrics *m = ats_gpu_metrics_of(gpu);
    for (uint32_t i = 0; i < ATS_GPU_STATUS_COUNT; i++)
        cr_assert_eq(m->batches[i], ended[i], "%s", ats_gpu_status_label(i));
    cr_assert_eq(m->rows, rows);
    cr_assert_eq(m->downs, ended[ATS_GPU_LATE] + ended[ATS_GPU_WRONG] + ended[ATS_GPU_FAILED]);
    cr_assert_eq(ats_load_relaxed(&m->ups), m->downs);
    cr_assert_gt(m->downs, 5);
    close_all(gpu, &f);
}

Test(device, says_why_there_is_no_card)
{
    ats_gpu_info info;
    ats_error_clear();
    ats_gpu_find(0, &info);
    cr_assert_gt(strlen(info.name), 0);
    cr_assert_null(strchr(info.name, '\n'));
    cr_assert_eq(ats_error_count(), 0);
    if (info.present) {
        cr_assert_gt(info.multiprocessors, 0);
        return;
    }
    ats_gpu *gpu;
    ats_gpu_config config;
    ats_gpu_config_init(&config);
    cr_assert_neq(ats_gpu_open(&gpu, &config), 0);
    cr_assert_eq(ats_error_code(), ATS_EXIT_UNREACHABLE);
    cr_assert_not_null(strstr(ats_error_line(0), info.name));
}
