/* Reading a run directory for its report. */
#include "core/error.h"
#include "io/hlog.h"
#include "stages/keeper/report.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define CONFIG_BYTES  65536u /* a longer configuration is cut */
#define INTERVALS_MAX (2 * ATS_REPORT_POINTS)
#define PATH_BYTES    4352
#define FILL_COLUMNS                                                                               \
    "SELECT at, symbol, side, reason, liquidity, qty, price, fee, seq"                             \
    " FROM v_fills"
#define LAST_RUN        "(SELECT run_id FROM runs ORDER BY run DESC LIMIT 1)"
#define LAST_RUN_NUMBER "(SELECT max(run) FROM runs)"

static void path_of(const ats_report *r, const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s", r->run_dir, name);
}

/* Notes the reason on the error stack as something that the report lacks. */
static void lack(ats_report *r, const char *what)
{
    size_t used = strlen(r->missing);
    snprintf(r->missing + used, sizeof r->missing - used, "%s%s: %.160s", used ? "; " : "", what,
             ats_error_count() ? ats_error_line(0) : "cannot be read");
    ats_error_clear();
}

/* ---- latencies ----------------------------------------------------------------------------- */

static int hop_of(const char *tag)
{
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++)
        if (!strcmp(tag, ats_hop_label(hop)))
            return (int)hop;
    return -1;
}

/* Halves the number of points: two neighbours become one. The median of two medians is their mean
 * by weight, which is near enough; a tail keeps its worst. */
static void halve(ats_report_course *c)
{
    size_t n = 0;
    for (size_t i = 0; i + 1 < c->count; i += 2, n++) {
        const ats_report_interval a = c->intervals[i], b = c->intervals[i + 1];
        double count = a.count + b.count;
        c->intervals[n] = (ats_report_interval){
            .at_ns = a.at_ns,
            .length_ns = b.at_ns + b.length_ns - a.at_ns,
            .count = count,
            .p50_ns = count > 0 ? (a.p50_ns * a.count + b.p50_ns * b.count) / count : a.p50_ns,
            .p99_ns = fmax(a.p99_ns, b.p99_ns),
            .max_ns = fmax(a.max_ns, b.max_ns)};
    }
    c->count = n;
}

static void add_interval(ats_report_course *c, const ats_hlog_interval *in)
{
    if (c->count == INTERVALS_MAX)
        halve(c);
    c->intervals[c->count++] =
        (ats_report_interval){.at_ns = (double)in->start_ns,
                              .length_ns = (double)in->length_ns,
                              .count = (double)ats_histogram_total(in->histogram),
                              .p50_ns = (double)ats_histogram_value_at(in->histogram, 50),
                              .p99_ns = (double)ats_histogram_value_at(in->histogram, 99),
                              .max_ns = (double)ats_histogram_max(in->histogram)};
}

static int add_histogram(ats_report *r, uint32_t hop, const ats_histogram *h)
{
    if (!r->hops[hop]) {
        void *memory = aligned_alloc(64, (ats_histogram_footprint() + 63) & ~(size_t)63);
        if (!memory)
            return ats_error(ATS_EXIT_FAILED, "report: no memory");
        r->hops[hop] = ats_histogram_new(memory);
    }
    ats_histogram_add(r->hops[hop], h);
    return 0;
}

/* One pass: a day's log is 86,400 intervals of nine hops. */
static int read_log(ats_report *r, const char *path)
{
    ats_hlog_reader reader;
    ats_hlog_interval interval;
    int got, failed = 0;
    if (ats_hlog_open(&reader, path) != 0)
        return -1;
    while ((got = ats_hlog_next(&reader, &interval)) == 1) {
        int hop = hop_of(interval.tag);
        if (hop < 0)
            continue;
        failed = add_histogram(r, (uint32_t)hop, interval.histogram);
        if (failed)
            break;
        for (size_t i = 0; i < ATS_REPORT_COURSES; i++)
            if (r->courses[i].hop == (uint32_t)hop)
                add_interval(&r->courses[i], &interval);
    }
    ats_hlog_reader_close(&reader);
    return failed || got < 0 ? -1 : 0;
}

static void read_latencies(ats_report *r)
{
    static const uint32_t HOPS[ATS_REPORT_COURSES] = {ATS_HOP_EVENT_TO_ORDER,
                                                      ATS_HOP_EVENT_TO_SIGNAL, ATS_HOP_FEATURE};
    char path[PATH_BYTES];
    path_of(r, "latency.hlog", path);
    for (size_t i = 0; i < ATS_REPORT_COURSES; i++)
        r->courses[i].hop = HOPS[i];
    if (read_log(r, path) != 0)
        lack(r, "latency.hlog");
    for (size_t i = ATS_REPORT_COURSES; i-- > 0;)
        if (!r->course || r->courses[i].count > 0)
            r->course = &r->courses[i];
}

/* ---- the store ----------------------------------------------------------------------------- */

static int prepare(sqlite3 *db, const char *sql, sqlite3_stmt **statement)
{
    if (sqlite3_prepare_v2(db, sql, -1, statement, NULL) == SQLITE_OK)
        return 0;
    return ats_error(ATS_EXIT_DATA, "%.150s", sqlite3_errmsg(db));
}

static int count_rows(sqlite3 *db, const char *sql, uint64_t *count)
{
    sqlite3_stmt *s;
    *count = 0;
    if (prepare(db, sql, &s) != 0)
        return -1;
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        *count = (uint64_t)sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return rc == SQLITE_ROW ? 0 : ats_error(ATS_EXIT_DATA, "%.150s", sqlite3_errmsg(db));
}

static void add_equity(ats_report *r, size_t bucket, double at_ns, double equity, double peak,
                       double gross, double net)
{
    double drawdown = peak > 0 ? (equity - peak) / peak : 0;
    ats_report_equity *e = &r->equity[bucket];
    if (bucket >= r->equity_count) {
        r->equity_count = bucket + 1;
        *e = (ats_report_equity){at_ns, equity, equity, equity, drawdown, gross, net};
        return;
    }
    e->gross = fmax(e->gross, gross);
    e->net = net;
    e->at_ns = at_ns;
    e->equity = equity;
    e->low = fmin(e->low, equity);
    e->high = fmax(e->high, equity);
    e->drawdown = fmin(e->drawdown, drawdown);
}

static int read_equity(ats_report *r, sqlite3 *db)
{
    sqlite3_stmt *s;
    if (count_rows(db, "SELECT count(*) FROM equity WHERE run = " LAST_RUN_NUMBER,
                   &r->equity_seen) != 0 ||
        prepare(db,
                "SELECT recv_ns, equity_e9, drawdown_e9, gross_e9, net_e9 FROM equity WHERE run "
                "= " LAST_RUN_NUMBER " ORDER BY seq",
                &s) != 0)
        return -1;
    double peak = 0, first_ns = 0, before_ns = 0, before_gross = 0, area = 0;
    int rc;
    for (uint64_t i = 0; (rc = sqlite3_step(s)) == SQLITE_ROW && i < r->equity_seen; i++) {
        double equity = (double)sqlite3_column_int64(s, 1) / 1e9;
        /* The day's high that the gate saw may lie between two points. */
        peak = fmax(peak, equity + (double)sqlite3_column_int64(s, 2) / 1e9);
        size_t bucket = r->equity_seen <= ATS_REPORT_POINTS
                            ? (size_t)i
                            : (size_t)(i * ATS_REPORT_POINTS / r->equity_seen);
        double at_ns = (double)sqlite3_column_int64(s, 0), scale = equity > 0 ? 1e-9 / equity : 0;
        double gross = (double)sqlite3_column_int64(s, 3) * scale;
        add_equity(r, bucket, at_ns, equity, peak, gross,
                   (double)sqlite3_column_int64(s, 4) * scale);
        first_ns = i == 0 ? at_ns : first_ns;
        area += i == 0 ? 0 : before_gross * (at_ns - before_ns);
        before_ns = at_ns;
        before_gross = gross;
    }
    r->exposure = before_ns > first_ns ? area / (before_ns - first_ns) : (double)NAN;
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? 0 : ats_error(ATS_EXIT_DATA, "%.150s", sqlite3_errmsg(db));
}

static void column_text(sqlite3_stmt *s, int column, char *out, size_t bytes)
{
    const unsigned char *value = sqlite3_column_text(s, column);
    snprintf(out, bytes, "%s", value ? (const char *)value : "");
}

static int read_fills(sqlite3 *db, const char *sql, ats_report_fill *fills, size_t *count)
{
    sqlite3_stmt *s;
    int rc;
    if (prepare(db, sql, &s) != 0)
        return -1;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW && *count < ATS_REPORT_FILLS) {
        ats_report_fill *f = &fills[(*count)++];
        column_text(s, 0, f->at, sizeof f->at);
        column_text(s, 1, f->symbol, sizeof f->symbol);
        column_text(s, 2, f->side, sizeof f->side);
        column_text(s, 3, f->reason, sizeof f->reason);
        column_text(s, 4, f->liquidity, sizeof f->liquidity);
        f->qty = sqlite3_column_double(s, 5);
        f->price = sqlite3_column_double(s, 6);
        f->fee = sqlite3_column_double(s, 7);
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE || *count == ATS_REPORT_FILLS
               ? 0
               : ats_error(ATS_EXIT_DATA, "%.150s", sqlite3_errmsg(db));
}

static int read_store(ats_report *r, sqlite3 *db)
{
    char last[512];
    if (read_equity(r, db) != 0 ||
        count_rows(db,
                   "SELECT count(*) FROM executions WHERE type = 'fill' AND run = " LAST_RUN_NUMBER,
                   &r->fills) != 0 ||
        read_fills(db, FILL_COLUMNS " WHERE run_id = " LAST_RUN " ORDER BY seq LIMIT 50", r->first,
                   &r->first_count) != 0)
        return -1;
    uint64_t rest = r->fills > ATS_REPORT_FILLS ? r->fills - ATS_REPORT_FILLS : 0;
    if (rest > ATS_REPORT_FILLS)
        rest = ATS_REPORT_FILLS;
    snprintf(last, sizeof last,
             "SELECT * FROM (" FILL_COLUMNS " WHERE run_id = " LAST_RUN
             " ORDER BY seq DESC LIMIT %u) ORDER BY seq",
             (unsigned)rest);
    return rest ? read_fills(db, last, r->last, &r->last_count) : 0;
}

/* ---- what the analysis left ------------------------------------------------------------------ */

#define TRADE_COLUMNS                                                                              \
    "SELECT entry_at, symbol, strategy, side, entry_reason, exit_reason, held_s, qty, "            \
    "entry_price,"                                                                                 \
    " exit_price, profit, adverse_bps, favourable_bps, trade FROM v_trades"

static int read_days(ats_report *r, sqlite3 *db)
{
    sqlite3_stmt *s;
    int rc;
    if (prepare(
            db,
            "SELECT CAST(strftime('%s', day) AS INTEGER) / 86400, equity_e9 FROM days WHERE run "
            "= " LAST_RUN_NUMBER " ORDER BY day",
            &s) != 0)
        return -1;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW && r->day_count < ATS_REPORT_DAYS) {
        int64_t day = sqlite3_column_int64(s, 0);
        if (r->day_count == 0 || day > r->days[r->day_count - 1].day)
            r->days[r->day_count++] =
                (ats_report_day){day, (double)sqlite3_column_int64(s, 1) / 1e9};
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE || rc == SQLITE_ROW
               ? 0
               : ats_error(ATS_EXIT_DATA, "%.150s", sqlite3_errmsg(db));
}

static double column_real(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? (double)NAN
                                                         : sqlite3_column_double(s, column);
}

static int read_trades(sqlite3 *db, const char *sql, ats_report_trade *trades, size_t *count)
{
    sqlite3_stmt *s;
    int rc;
    if (prepare(db, sql, &s) != 0)
        return -1;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW && *count < ATS_REPORT_TRADES) {
        ats_report_trade *t = &trades[(*count)++];
        column_text(s, 0, t->entry_at, sizeof t->entry_at);
        column_text(s, 1, t->symbol, sizeof t->symbol);
        column_text(s, 2, t->strategy, sizeof t->strategy);
        column_text(s, 3, t->side, sizeof t->side);
        column_text(s, 4, t->entry_reason, sizeof t->entry_reason);
        column_text(s, 5, t->exit_reason, sizeof t->exit_reason);
        t->held_s = column_real(s, 6);
        t->qty = column_real(s, 7);
        t->entry_price = column_real(s, 8);
        t->exit_price = column_real(s, 9);
        t->profit = column_real(s, 10);
        t->adverse_bps = column_real(s, 11);
        t->favourable_bps = column_real(s, 12);
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE || *count == ATS_REPORT_TRADES
               ? 0
               : ats_error(ATS_EXIT_DATA, "%.150s", sqlite3_errmsg(db));
}

/* What a trip came to, in basis points of its entry; of those that ended. */
#define RESULT_BPS "1e13 * profit_e9 / entry_price_e9 / qty_e9"
#define ENDED      " FROM trades WHERE exit_ns IS NOT NULL AND run = " LAST_RUN_NUMBER

static int one_result(sqlite3 *db, uint64_t place, double *bps)
{
    sqlite3_stmt *s;
    if (prepare(db, "SELECT " RESULT_BPS " AS bps" ENDED " ORDER BY bps LIMIT 1 OFFSET ?", &s) != 0)
        return -1;
    sqlite3_bind_int64(s, 1, (sqlite3_int64)place);
    int rc = sqlite3_step(s);
    *bps = rc == SQLITE_ROW ? column_real(s, 0) : (double)NAN;
    sqlite3_finalize(s);
    return rc == SQLITE_ROW ? 0 : ats_error(ATS_EXIT_DATA, "%.150s", sqlite3_errmsg(db));
}

/* Bins of one width with an edge at zero, so that none has winners and losers. */
static int read_results(ats_report *r, sqlite3 *db)
{
    ats_report_results *d = &r->results;
    sqlite3_stmt *s;
    double low, high;
    int rc;
    if (count_rows(db, "SELECT count(*)" ENDED, &d->trades) != 0)
        return -1;
    if (d->trades == 0)
        return 0;
    if (one_result(db, d->trades / 100, &low) != 0 ||
        one_result(db, d->trades - 1 - d->trades / 100, &high) != 0)
        return -1;
    low = fmin(isfinite(low) ? low : 0, 0);
    high = fmax(isfinite(high) ? high : 0, 0);
    double width = fmax((high - low) / (ATS_REPORT_BINS - 1), 1e-3);
    d->from_bps = floor(low / width) * width;
    d->to_bps = d->from_bps + width * ATS_REPORT_BINS;
    if (prepare(db, "SELECT " RESULT_BPS ENDED, &s) != 0)
        return -1;
    while ((rc = sqlite3_step(s)) == SQLITE_ROW) {
        double at = (column_real(s, 0) - d->from_bps) / width;
        if (isfinite(at))
            d->count[(size_t)fmax(0, fmin(at, ATS_REPORT_BINS - 1))]++;
    }
    sqlite3_finalize(s);
    return rc == SQLITE_DONE ? 0 : ats_error(ATS_EXIT_DATA, "%.150s", sqlite3_errmsg(db));
}

static int read_analysis(ats_report *r, sqlite3 *db)
{
    char last[640];
    uint64_t version;
    if (count_rows(db, "PRAGMA user_version", &version) != 0)
        return -1;
    if (version < 2)
        return 0; /* a run from before there was one */
    if (read_days(r, db) != 0 || read_results(r, db) != 0 ||
        count_rows(db, "SELECT count(*) FROM trades WHERE run = " LAST_RUN_NUMBER, &r->trades) !=
            0 ||
        read_trades(db, TRADE_COLUMNS " WHERE run_id = " LAST_RUN " ORDER BY trade LIMIT 50",
                    r->first_trades, &r->first_trade_count) != 0)
        return -1;
    uint64_t rest = r->trades > ATS_REPORT_TRADES ? r->trades - ATS_REPORT_TRADES : 0;
    snprintf(last, sizeof last,
             "SELECT * FROM (" TRADE_COLUMNS " WHERE run_id = " LAST_RUN
             " ORDER BY trade DESC LIMIT %u) ORDER BY trade",
             (unsigned)(rest < ATS_REPORT_TRADES ? rest : ATS_REPORT_TRADES));
    return rest ? read_trades(db, last, r->last_trades, &r->last_trade_count) : 0;
}

static void open_store(ats_report *r)
{
    char path[PATH_BYTES];
    sqlite3 *db = NULL;
    path_of(r, "store.db", path);
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK) {
        ats_error(ATS_EXIT_DATA, "%.150s", db ? sqlite3_errmsg(db) : "no memory");
        lack(r, "store.db");
    } else {
        sqlite3_busy_timeout(db, 1000);
        /* The file may come from anywhere: its views run no function with side effects. */
        sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        if (read_store(r, db) != 0 || read_analysis(r, db) != 0)
            lack(r, "store.db");
    }
    sqlite3_close(db);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void read_config(ats_report *r)
{
    char path[PATH_BYTES];
    path_of(r, "config.yaml", path);
    FILE *file = fopen(path, "re");
    if (!file)
        return;
    r->config = calloc(1, CONFIG_BYTES + 1);
    if (r->config)
        r->config[fread(r->config, 1, CONFIG_BYTES, file)] = 0;
    fclose(file);
}

int ats_report_open(ats_report *r, const char *run_dir)
{
    char path[PATH_BYTES];
    json_error_t why;
    memset(r, 0, sizeof *r);
    if (snprintf(r->run_dir, sizeof r->run_dir, "%s", run_dir) >= (int)sizeof r->run_dir)
        return ats_error(ATS_EXIT_USAGE, "%.100s...: path too long", run_dir);
    path_of(r, "run.json", path);
    FILE *file = fopen(path, "re");
    if (!file)
        return ats_error_errno(ATS_EXIT_DATA, errno, "%s: no report without it", path);
    r->run = json_loadf(file, JSON_REJECT_DUPLICATES, &why);
    fclose(file);
    if (!json_is_object(r->run)) {
        json_decref(r->run);
        return ats_error(ATS_EXIT_DATA, "%s:%d: %s", path, why.line,
                         r->run ? "is no object" : why.text);
    }
    read_latencies(r);
    open_store(r);
    read_config(r);
    return 0;
}

void ats_report_close(ats_report *r)
{
    json_decref(r->run);
    for (uint32_t hop = 0; hop < ATS_HOP_COUNT; hop++)
        free(r->hops[hop]);
    free(r->config);
}
