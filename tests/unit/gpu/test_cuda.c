/* gpu/cuda.c against a driver of the tests' own (tests/support/fake_cuda.c), which ctest puts in
 * the place of libcuda.so.1: what is called in which order, on which thread, and what follows on
 * errors. What a card computes is another question; gpu_check answers it where there is one. */
#include "gpu_fixture.h"

#include <dlfcn.h>

enum { FAULT_NONE, FAULT_KERNEL_DIES, FAULT_LAUNCH, FAULT_GONE };

static void (*set_fault)(int);
static int (*contexts)(void);

static bool find_fake(void)
{
    void *library = dlopen("libcuda.so.1", RTLD_NOW);
    void *fault = library ? dlsym(library, "fake_cuda_fault") : NULL;
    void *live = library ? dlsym(library, "fake_cuda_contexts") : NULL;
    memcpy(&set_fault, &fault, sizeof fault);
    memcpy(&contexts, &live, sizeof live);
    ats_gpu_info info;
    ats_gpu_find(0, &info);
    return fault && live && info.present;
}

#define NEED_FAKE()                                                                                \
    if (!find_fake())                                                                              \
    cr_skip_test("no backend, or not run with the tests' driver")

static ats_gpu_config cuda_config(ats_gpu_kind kind)
{
    ats_gpu_config config = simulated_config();
    config.kind = kind;
    config.blocks = 32;
    return config;
}

static void score_some(fixture *f, ats_gpu *gpu, uint32_t slot)
{
    for (uint32_t n = 1; n <= ATS_GPU_ROWS_MAX; n += 17)
        cr_assert_eq(fixture_score(f, gpu, slot, 0, n, FAR_NS), ATS_GPU_DONE);
}

/* Up, models exchanged while it is up, an error, up again, and nothing left behind. */
static void live_and_die(ats_gpu_kind kind, int fault, const ats_made_forest *shape)
{
    fixture f;
    ats_gpu *gpu;
    uint32_t slot, other;
    ats_gpu_config config = cuda_config(kind);
    fixture_make(&f, shape);
    cr_assert_eq(ats_gpu_open(&gpu, &config), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_gpu_kind_of(gpu), kind);
    cr_assert_eq(ats_gpu_load(gpu, f.image, &slot), 0, "%s", ats_error_line(0));
    score_some(&f, gpu, slot);
    cr_assert_eq(ats_gpu_load(gpu, f.image, &other), 0, "%s", ats_error_line(0));
    ats_gpu_unload(gpu, slot);
    score_some(&f, gpu, other);
    set_fault(fault);
    ats_gpu_status status = ATS_GPU_DONE;
    for (int i = 0; i < 100 && status == ATS_GPU_DONE; i++)
        status = fixture_score(&f, gpu, other, 0, 64, FAR_NS);
    cr_assert_eq(status, ATS_GPU_FAILED, "%s", ats_gpu_status_label(status));
    set_fault(FAULT_GONE);
    const ats_gpu_metrics *m = ats_gpu_metrics_of(gpu);
    struct timespec pause = {0, 1000000};
    for (int i = 0; i < 60000 && ats_load_relaxed(&m->restarts_failed) < 2; i++)
        nanosleep(&pause, NULL);
    cr_assert_geq(ats_load_relaxed(&m->restarts_failed), 2);
    cr_assert_eq(fixture_score(&f, gpu, other, 0, 64, FAR_NS), ATS_GPU_DOWN);
    set_fault(FAULT_NONE);
    wait_until_up(gpu);
    score_some(&f, gpu, other);
    ats_gpu_close(gpu);
    cr_assert_eq(contexts(), 0);
    fixture_free(&f);
}

Test(cuda, a_kernel_that_stays)
{
    NEED_FAKE();
    ats_made_forest shape = {120, 6, 64, 2, 5, 8};
    live_and_die(ATS_GPU_PERSISTENT, FAULT_KERNEL_DIES, &shape);
}

Test(cuda, a_launch_a_batch)
{
    NEED_FAKE();
    ats_made_forest shape = {120, 6, 64, 2, 5, 8};
    live_and_die(ATS_GPU_GRAPH, FAULT_LAUNCH, &shape);
}

Test(cuda, a_table_of_more_than_one_piece)
{
    NEED_FAKE();
    ats_made_forest shape = {2500, 6, 64, 1, 0, 8};
    live_and_die(ATS_GPU_PERSISTENT, FAULT_KERNEL_DIES, &shape);
}

Test(cuda, chooses_the_kind)
{
    NEED_FAKE();
    ats_gpu *gpu;
    ats_gpu_config config = cuda_config(ATS_GPU_AUTO);
    cr_assert_eq(ats_gpu_open(&gpu, &config), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_gpu_kind_of(gpu), ATS_GPU_PERSISTENT);
    ats_gpu_close(gpu);
    setenv("FAKE_CUDA_WATCHDOG", "1", 1);
    cr_assert_eq(ats_gpu_open(&gpu, &config), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_gpu_kind_of(gpu), ATS_GPU_GRAPH);
    ats_gpu_close(gpu);
    config.kind = ATS_GPU_PERSISTENT;
    ats_error_clear();
    cr_assert_neq(ats_gpu_open(&gpu, &config), 0);
    cr_assert_not_null(strstr(ats_error_line(0), "watchdog"), "%s", ats_error_line(0));
    unsetenv("FAKE_CUDA_WATCHDOG");
    setenv("CUDA_LAUNCH_BLOCKING", "1", 1);
    ats_error_clear();
    cr_assert_neq(ats_gpu_open(&gpu, &config), 0);
    cr_assert_not_null(strstr(ats_error_line(0), "CUDA_LAUNCH_BLOCKING"), "%s", ats_error_line(0));
    unsetenv("CUDA_LAUNCH_BLOCKING");
    cr_assert_eq(contexts(), 0);
}

Test(cuda, tells_what_there_is)
{
    NEED_FAKE();
    ats_gpu_info info;
    ats_gpu_find(0, &info);
    cr_assert_str_eq(info.name, "Fake card 0");
    cr_assert_eq(info.multiprocessors, 28);
    cr_assert_eq(info.major * 10 + info.minor, 86);
    cr_assert_eq(info.driver, 12040);
    ats_gpu_find(3, &info);
    cr_assert_not(info.present);
    cr_assert_str_eq(info.name, "no CUDA device 3; there are 1");
    ats_gpu *gpu;
    ats_gpu_config config = cuda_config(ATS_GPU_AUTO);
    set_fault(FAULT_GONE);
    ats_error_clear();
    cr_assert_neq(ats_gpu_open(&gpu, &config), 0);
    cr_assert_eq(ats_error_code(), ATS_EXIT_UNREACHABLE);
    cr_assert_not_null(strstr(ats_error_line(0), "CUDA_ERROR_NO_DEVICE"), "%s", ats_error_line(0));
    set_fault(FAULT_NONE);
}
