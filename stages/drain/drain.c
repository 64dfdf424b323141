#include "stages/drain/drain.h"

#include "io/latch.h"

#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PORT_TAPE 0
#define PORTS     4
#define BURST     256u
#define SYNC_NS   50000000ull  /* at most so much of the journal is lost with the power */
#define FLUSH_NS  200000000ull /* the keeper sees the audit file so often */
#define RETRY_NS  100000000ull

typedef struct drain {
    bool killed; /* in this run */
    const ats_drain_config *config;
    const ats_context *context;
    ats_metrics_drain *metrics;
    bool ended[PORTS];
    bool tape_broken, audit_waits, journal_dirty, reserve_free;
    uint64_t next_sync_ns, next_flush_ns, retry_ns;
    uint64_t journal_offset;
    ats_drain_result result;
} drain;

static size_t drain_footprint(const void *configuration)
{
    (void)configuration;
    return sizeof(drain);
}

static int drain_init(void *state, const void *configuration, ats_io *io)
{
    drain *d = state;
    d->config = configuration;
    d->context = d->config->context;
    d->metrics = &d->context->metrics->drain;
    for (uint32_t i = 0; i < PORTS; i++)
        d->ended[i] = io->in[i] == NULL;
    return 0;
}

/* ---- failures ----------------------------------------------------------------------------- */

/* Keeps the first reason, stops entries, and where that is wanted the run. */
static void fail(drain *d)
{
    ats_count(&d->metrics->write_errors, 1);
    if (!d->result.error[0])
        snprintf(d->result.error, sizeof d->result.error, "%s", ats_error_line(0));
    ats_error_clear();
    /* Release: partners are risk's look at its switches and the feed's look at stop. */
    ats_store_release(&d->context->switches->disk_short, 1);
    if (d->config->stop_on_error)
        ats_store_release(&d->context->switches->stop, 1);
}

/* ---- the three files ---------------------------------------------------------------------- */

static void to_tape(drain *d, const ats_market *m)
{
    if (d->tape_broken || !d->config->tape) {
        d->result.tape_lost += d->config->tape != NULL;
        return;
    }
    if (ats_capture_append(d->config->tape, m) != 0) {
        /* A tape with a hole replays nothing: the first loss is the end of it. */
        d->tape_broken = true;
        d->result.tape_lost++;
        fail(d);
    }
}

/* A latch must be there for the next run before anything else happens with it. */
static void keep_latch(drain *d, const ats_env *e)
{
    static const char *const WHY[] = {"rearmed by command", "halted", "frozen or killed"};
    const char *path = d->config->latch_path;
    uint32_t latch = e->code == ATS_ENV_HALTED                                ? 1
                     : e->code == ATS_ENV_FROZEN || e->code == ATS_ENV_KILLED ? 2
                                                                              : 0;
    d->killed |= e->code == ATS_ENV_KILLED; /* REARM does not take a kill back */
    bool rearmed = e->code == ATS_ENV_REARMED && e->subject == 0 && !d->killed;
    bool about_it = latch != 0 || rearmed;
    if (!path || !path[0] || !about_it)
        return;
    ats_latch_line line = {.at_ns = ats_clock_wall_ns(), .latch = latch};
    snprintf(line.who, sizeof line.who, "%s", d->config->run_name ? d->config->run_name : "?");
    snprintf(line.why, sizeof line.why, "%s", WHY[latch]);
    if (ats_latch_append(path, &line) != 0)
        fail(d);
}

static void to_audit(drain *d, const void *record, uint64_t now_ns)
{
    bool waits = d->audit_waits && now_ns < d->retry_ns;
    if (((const ats_header *)record)->kind == ATS_KIND_ENV)
        keep_latch(d, record);
    if (!waits && ats_audit_append(d->config->audit, record, 1) == 0) {
        d->audit_waits = false;
        ats_count(&d->metrics->audit_bytes, ATS_RECORD_DERIVED);
        return;
    }
    d->result.audit_lost++;
    if (!waits) {
        fail(d);
        d->audit_waits = true;
        d->retry_ns = now_ns + RETRY_NS;
    }
}

/* Writes all of it, or says why not. A full disk gets the reserve's blocks once. */
static int write_journal(drain *d, const void *bytes, size_t count)
{
    const uint8_t *at = bytes;
    while (count > 0) {
        ssize_t n = pwrite(d->config->journal_fd, at, count, (off_t)d->journal_offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == ENOSPC && !d->reserve_free && d->config->reserve_fd >= 0) {
            d->reserve_free = true;
            if (ftruncate(d->config->reserve_fd, 0) == 0)
                continue;
        }
        if (n <= 0)
            return ats_error_errno(ATS_EXIT_FAILED, n < 0 ? errno : ENOSPC,
                                   "journal: cannot be written");
        at += n;
        count -= (size_t)n;
        d->journal_offset += (uint64_t)n;
    }
    return 0;
}

static uint32_t copy_journal(drain *d, uint64_t now_ns)
{
    const ats_journal_entry *first;
    uint64_t n = ats_journal_waiting(d->config->journal, &first);
    if (n == 0 || d->config->journal_fd < 0 || now_ns < d->retry_ns)
        return 0;
    uint64_t start = d->journal_offset;
    if (write_journal(d, first, n * sizeof *first) != 0) {
        d->journal_offset = start; /* whole entries only: the next try writes over the torn one */
        d->retry_ns = now_ns + RETRY_NS;
        fail(d);
        return 0;
    }
    ats_journal_drained(d->config->journal, n);
    d->journal_dirty = true;
    return (uint32_t)n;
}

static void sync_journal(drain *d, const ats_io *io)
{
    if (!d->journal_dirty)
        return;
    uint64_t before_ns = ats_clock_now(io->clock);
    /* After a failed sync the kernel may have dropped the pages: never try again and trust. */
    if (fdatasync(d->config->journal_fd) != 0) {
        ats_error_errno(ATS_EXIT_FAILED, errno, "journal: cannot be synced");
        ats_store_release(&d->context->switches->kill, 1); /* partner: risk, route */
        d->result.sync_failed = true;
        fail(d);
    }
    d->journal_dirty = false;
    ats_count(&d->metrics->syncs, 1);
    ats_count(&d->metrics->sync_ns, ats_clock_now(io->clock) - before_ns);
}

/* ---- flow --------------------------------------------------------------------------------- */

static uint32_t take(drain *d, ats_io *io, uint32_t port, uint64_t now_ns)
{
    ats_rx *in = io->in[port];
    if (!in || d->ended[port])
        return 0;
    uint64_t n = ats_rx_peek(in);
    if (n > BURST)
        n = BURST;
    for (uint64_t i = 0; i < n; i++) {
        const ats_market *m = ats_rx_slot(in, i);
        d->ended[port] = m->h.kind == ATS_KIND_END;
        if (port == PORT_TAPE)
            to_tape(d, m);
        else if (m->h.kind != ATS_KIND_END)
            to_audit(d, m, now_ns);
    }
    if (n)
        ats_rx_release(in, n);
    return (uint32_t)n;
}

static bool all_ended(const drain *d)
{
    for (uint32_t i = 0; i < PORTS; i++)
        if (!d->ended[i])
            return false;
    return true;
}

static uint32_t drain_work(void *state, ats_io *io)
{
    drain *d = state;
    uint64_t now_ns = ats_clock_now(io->clock);
    uint32_t done = copy_journal(d, now_ns);
    for (uint32_t port = 0; port < PORTS; port++)
        done += take(d, io, port, now_ns);
    if (done) {
        ats_count(&d->metrics->events_in, done);
        ats_count(&d->metrics->batches, 1);
    }
    io->ended = all_ended(d);
    return done;
}

static void drain_housekeep(void *state, ats_io *io)
{
    drain *d = state;
    uint64_t now_ns = ats_clock_now(io->clock);
    if (now_ns >= d->next_sync_ns) {
        sync_journal(d, io);
        d->next_sync_ns = now_ns + SYNC_NS;
    }
    if (now_ns >= d->next_flush_ns && !d->audit_waits) {
        d->next_flush_ns = now_ns + FLUSH_NS;
        if (ats_audit_flush(d->config->audit) != 0) {
            fail(d);
            d->audit_waits = true;
            d->retry_ns = now_ns + RETRY_NS;
        }
    }
}

static int drain_fini(void *state)
{
    drain *d = state;
    const ats_journal_entry *first;
    while (copy_journal(d, UINT64_MAX) > 0) {
    }
    if (d->journal_dirty && fdatasync(d->config->journal_fd) != 0) {
        ats_error_errno(ATS_EXIT_FAILED, errno, "journal: cannot be synced");
        d->result.sync_failed = true;
        fail(d);
    }
    d->result.journal_kept = ats_journal_waiting(d->config->journal, &first);
    if (d->config->tape) {
        if (d->tape_broken)
            ats_capture_abandon(d->config->tape);
        else if (ats_capture_finish(d->config->tape) != 0) {
            d->tape_broken = true;
            fail(d);
        }
    }
    uint64_t unsure = d->config->audit->buffered;
    if (ats_audit_close(d->config->audit) != 0) {
        d->result.audit_lost += unsure;
        fail(d);
    }
    return 0;
}

const ats_drain_result *ats_drain_outcome(const void *state)
{
    return &((const drain *)state)->result;
}

#define BIT(kind) ATS_KIND_BIT(ATS_KIND_##kind)

const ats_stage ats_stage_drain = {
    .name = "drain",
    .in = {{"tape", ATS_KINDS_CHAIN, 0, true},
           {"strategy", BIT(INTENT) | BIT(CONTROL) | BIT(ENV) | BIT(END), 0, true},
           {"risk", BIT(VERDICT) | BIT(POSITION) | BIT(ENV) | BIT(END), 0, true},
           {"route", BIT(ORDER) | BIT(EXEC) | BIT(ENV) | BIT(END), 0, true}},
    .footprint = drain_footprint,
    .init = drain_init,
    .work = drain_work,
    .housekeep = drain_housekeep,
    .fini = drain_fini,
};
