#include "tools/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SHOW_AFTER_NS 2000000000ull
#define SHOW_EVERY_NS 200000000ull

static volatile sig_atomic_t stop_wanted; /* written by the handler, as C11 7.14.1.1 demands */

static void on_signal(int number)
{
    (void)number;
    stop_wanted = 1;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

void ats_progress_start(ats_progress *p, const ats_cli *cli, const char *what)
{
    *p = (ats_progress){.on = cli->progress, .what = what, .start_ns = now_ns()};
    /* SA_RESETHAND: a second Ctrl-C ends the program at once. */
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
    stop_wanted = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int ats_progress_tell(ats_progress *p, uint64_t done, uint64_t total, uint64_t units)
{
    if (!p->on)
        return stop_wanted;
    uint64_t now = now_ns(), spent = now - p->start_ns;
    if (spent < SHOW_AFTER_NS || now - p->shown_ns < SHOW_EVERY_NS)
        return stop_wanted;
    p->shown_ns = now;
    p->visible = true;
    double seconds = (double)spent / 1e9;
    fprintf(stderr, "\r\033[K%llu %s, %.2f M/s", (unsigned long long)units, p->what,
            (double)units / seconds / 1e6);
    if (total && done && done <= total)
        fprintf(stderr, ", %.0f %%, %.0f s left", 100.0 * (double)done / (double)total,
                seconds * (double)(total - done) / (double)done);
    fflush(stderr);
    return stop_wanted;
}

double ats_progress_stop(ats_progress *p)
{
    if (p->visible)
        fprintf(stderr, "\r\033[K");
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    return (double)(now_ns() - p->start_ns) / 1e9;
}
