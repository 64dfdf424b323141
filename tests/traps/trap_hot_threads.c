/* Proves that chain threads, once armed, neither allocate, nor enter the kernel, nor fault a page:
 * in a fused and in a threaded run on records in memory, and in one that reads a capture and whose
 * taps, audit file and journal a side thread drains.
 *
 * Allocation: malloc and its kin are replaced in this program and count what an armed thread calls.
 * System calls: Syscall User Dispatch (Linux 5.11) turns each one of an armed thread into SIGSYS.
 * Page faults: the kernel's own count for the thread, taken by the engine when it is armed and when
 * it has ended. The waits are SPIN and PAUSE, which never enter the kernel. A control run with a
 * stage that does all three shows that the traps work. Exit 77: the kernel has no such dispatch. */
#include "core/error.h"
#include "io/synth.h"
#include "stages/chain.h"
#include "tests/unit/stages/chain_run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF          0
#define PR_SYS_DISPATCH_ON           1
#endif
#define DISPATCH_ALLOW 0
#define DISPATCH_BLOCK 1

static _Thread_local int armed;
static _Thread_local char dispatch = DISPATCH_ALLOW;
static uint64_t allocations, system_calls, last_call;

/* ---- traps ---------------------------------------------------------------------------------- */

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

static void count_allocation(void)
{
    if (armed)
        __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
}

void *malloc(size_t n)
{
    count_allocation();
    return __libc_malloc(n);
}
void *calloc(size_t n, size_t m)
{
    count_allocation();
    return __libc_calloc(n, m);
}
void *realloc(void *p, size_t n)
{
    count_allocation();
    return __libc_realloc(p, n);
}
void *aligned_alloc(size_t align, size_t n)
{
    count_allocation();
    return __libc_memalign(align, n);
}
int posix_memalign(void **out, size_t align, size_t n)
{
    count_allocation();
    *out = __libc_memalign(align, n);
    return *out ? 0 : ENOMEM;
}
void free(void *p)
{
    if (p)
        count_allocation();
    __libc_free(p);
}

/* The first call of a thread is told and let through from then on: returning from here is one, too.
 */
static void on_system_call(int number, siginfo_t *info, void *context)
{
    (void)number, (void)context;
    dispatch = DISPATCH_ALLOW;
    __atomic_add_fetch(&system_calls, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&last_call, (uint64_t)info->si_syscall, __ATOMIC_RELAXED);
}

static bool is_chain_thread(const ats_thread_spec *thread)
{
    return strcmp(thread->name, "side") != 0;
}

static void arm(void *context, const ats_thread_spec *thread)
{
    (void)context;
    if (!is_chain_thread(thread))
        return;
    armed = 1;
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &dispatch) == 0)
        dispatch = DISPATCH_BLOCK;
}

static void disarm(void *context, const ats_thread_spec *thread)
{
    (void)context;
    if (!is_chain_thread(thread))
        return;
    dispatch = DISPATCH_ALLOW;
    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
    armed = 0;
}

/* ---- the control: a thread that does what is forbidden --------------------------------------- */

static void *sin_all(void *unused)
{
    static const ats_thread_spec THREAD = {.name = "hot"};
    arm(NULL, &THREAD);
    void *volatile p = malloc(16);
    free(p);
    getppid();
    disarm(NULL, &THREAD);
    return unused;
}

static int check_traps_work(void)
{
    struct sigaction action = {.sa_sigaction = on_system_call, .sa_flags = SA_SIGINFO};
    sigaction(SIGSYS, &action, NULL);
    if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &dispatch) != 0) {
        printf("skipped: this kernel has no Syscall User Dispatch\n");
        return 77;
    }
    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0);
    pthread_t thread;
    pthread_create(&thread, NULL, sin_all, NULL);
    pthread_join(thread, NULL);
    if (allocations < 2 || system_calls != 1) {
        printf("the traps do not work: %llu allocations, %llu system calls of the control\n",
               (unsigned long long)allocations, (unsigned long long)system_calls);
        return 1;
    }
    allocations = system_calls = 0;
    return 0;
}

/* ---- the runs ------------------------------------------------------------------------------- */

/* What one run showed, and whether it is what must be. */
static int judge(const char *name, const fixture_run *r)
{
    printf("%-9s %llu events, %llu orders, %llu fills: %llu allocations, %llu system calls, %llu "
           "page faults in armed threads\n",
           name, (unsigned long long)r->events, (unsigned long long)r->orders,
           (unsigned long long)r->fills, (unsigned long long)allocations,
           (unsigned long long)system_calls, (unsigned long long)r->page_faults);
    if (system_calls)
        printf("last system call: %llu\n", (unsigned long long)last_call);
    bool ok = r->result == 0 && r->orders > 100 && r->fills > 100 && allocations == 0 &&
              system_calls == 0 && r->page_faults == 0;
    allocations = system_calls = 0;
    return ok ? 0 : 1;
}

static int run(const char *name, const char *map, const ats_market *day, uint64_t count,
               const ats_symbols *symbols)
{
    ats_run_config config = fixture_config();
    ats_chain_spec spec = {.hooks = {.armed = arm, .ended = disarm}};
    fixture_threads(&config, map, ATS_WAIT_PAUSE);
    fixture_run r = fixture_go(&config, &spec, day, count, symbols);
    return judge(name, &r);
}

enum { FILE_DAY, FILE_TAPE, FILE_AUDIT, FILE_JOURNAL, FILE_COUNT };
typedef struct recorded_files {
    char directory[64];
    char path[FILE_COUNT][96];
} recorded_files;

static int name_files(recorded_files *f)
{
    static const char *const NAMES[FILE_COUNT] = {"day.cap", "tape.cap", "audit", "journal"};
    snprintf(f->directory, sizeof f->directory, "/tmp/ats-trap-XXXXXX");
    if (!mkdtemp(f->directory))
        return ats_error(ATS_EXIT_FAILED, "%s cannot be made", f->directory);
    for (int i = 0; i < FILE_COUNT; i++)
        snprintf(f->path[i], sizeof f->path[i], "%s/%s", f->directory, NAMES[i]);
    return 0;
}

static int write_day(const char *path, const ats_market *day, uint64_t count,
                     const ats_symbols *symbols)
{
    ats_capture_writer *writer;
    if (ats_capture_create(&writer, path, 0) != 0)
        return -1;
    int result = ats_capture_add_symbols(writer, symbols);
    for (uint64_t i = 0; result == 0 && i < count; i++)
        result = ats_capture_append(writer, &day[i]);
    if (result == 0)
        return ats_capture_finish(writer);
    ats_capture_abandon(writer);
    return result;
}

/* The side thread has all files; chain threads as in the fused run. */
static int run_recorded(const recorded_files *f, fixture_run *out)
{
    const char *input = f->path[FILE_DAY];
    ats_run_config config = fixture_config();
    ats_market_source source;
    ats_audit_writer audit;
    ats_chain_spec spec = {
        .hooks = {.armed = arm, .ended = disarm}, .audit = &audit, .reserve_fd = -1};
    fixture_threads(&config, "000000", ATS_WAIT_PAUSE);
    config.threads[config.thread_count++] = (ats_thread_config){.name = "side",
                                                                .cpu = ATS_CPU_ANY,
                                                                .wait = ATS_WAIT_PARK,
                                                                .stage_count = 1,
                                                                .stages = {"drain"}};
    if (ats_market_source_open(&source, &input, 1) != 0 ||
        ats_capture_create(&spec.tape, f->path[FILE_TAPE], ATS_CAPTURE_TAPE) != 0 ||
        ats_capture_add_symbols(spec.tape, &source.symbols) != 0 ||
        ats_audit_create(&audit, f->path[FILE_AUDIT], &source.symbols, 1) != 0)
        return -1;
    spec.journal_fd = open(f->path[FILE_JOURNAL], O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    *out = fixture_go_from(&config, &spec, &source);
    off_t journaled = lseek(spec.journal_fd, 0, SEEK_END);
    close(spec.journal_fd);
    if (journaled < (off_t)(out->orders * 2 * sizeof(ats_journal_entry)))
        return ats_error(ATS_EXIT_FAILED, "the journal did not reach its file");
    ats_capture_reader tape;
    if (ats_capture_open(&tape, f->path[FILE_TAPE]) != 0)
        return -1;
    uint64_t taped = tape.totals.records;
    ats_capture_close(&tape);
    if (taped != out->events)
        return ats_error(ATS_EXIT_FAILED, "the tape has %llu of %llu records",
                         (unsigned long long)taped, (unsigned long long)out->events);
    return 0;
}

static int recorded(const ats_market *day, uint64_t count, const ats_symbols *symbols)
{
    recorded_files files;
    fixture_run r = {.result = -1};
    if (name_files(&files) != 0 || write_day(files.path[FILE_DAY], day, count, symbols) != 0 ||
        run_recorded(&files, &r) != 0) {
        printf("recorded: %s\n", ats_error_line(0));
        r.result = -1;
    }
    for (int i = 0; i < FILE_COUNT; i++)
        unlink(files.path[i]);
    rmdir(files.directory);
    return judge("recorded", &r);
}

int main(void)
{
    int control = check_traps_work();
    if (control)
        return control;
    uint64_t count;
    ats_symbols symbols = {0};
    ats_market *day = fixture_day(&count, &symbols);
    if (!day)
        return 1;
    int failed = run("fused", "000000", day, count, &symbols);
    failed |= run("threaded", "000111", day, count, &symbols);
    failed |= recorded(day, count, &symbols);
    free(day);
    return failed;
}
