#include "core/clock.h"
#include "core/memory.h"
#include "io/calendar_file.h"
#include "io/net/local_ca.h"
#include "io/venue/alpaca/server.h"
#include "tools/commands.h"
#include "tools/venue_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECEIVE_BYTES   16384u
#define RECEIVE_BUFFERS 256u
#define LONGEST_WAIT_NS 20000000ull /* how late Ctrl-C is seen */
#define RECORDS_A_TURN  4096u       /* between two looks at the sockets */

typedef struct options {
    const char *speed, *tls, *key, *secret, *hard_to_borrow;
    int64_t port, stream_port, cash_e9, seed, latency_ns, fee_per_unit_e9;
    const char *faults;
    bool hold, exit_at_end, epoll;
} options;

static const ats_option OPTIONS[] = {
    {0, "port", ATS_OPTION_INTEGER, offsetof(options, port), "8780", "PORT",
     "REST, on 127.0.0.1; 0: any that is free", 0, 65535, false},
    {0, "stream-port", ATS_OPTION_INTEGER, offsetof(options, stream_port), "8781", "PORT",
     "WebSocket streams, on 127.0.0.1; 0: any that is free", 0, 65535, false},
    {0, "speed", ATS_OPTION_TEXT, offsetof(options, speed), "1x", "SPEED",
     "of the venue's time: 1x as recorded, 60x sixty times faster", 0, 0, false},
    {0, "hold", ATS_OPTION_FLAG, offsetof(options, hold), NULL, NULL,
     "time stands still until a client has opened a stream", 0, 0, false},
    {0, "exit-at-end", ATS_OPTION_FLAG, offsetof(options, exit_at_end), NULL, NULL,
     "stop with the last record; otherwise time goes on without a market", 0, 0, false},
    {0, "cash", ATS_OPTION_DECIMAL, offsetof(options, cash_e9), "100000", "USD",
     "of the account at the start", 1, INT64_MAX, false},
    {0, "key", ATS_OPTION_TEXT, offsetof(options, key), "PKVENUE", "ID",
     "APCA-API-KEY-ID that clients must show", 0, 0, false},
    {0, "secret", ATS_OPTION_TEXT, offsetof(options, secret), "venue", "TEXT",
     "APCA-API-SECRET-KEY that clients must show", 0, 0, false},
    {0, "tls", ATS_OPTION_TEXT, offsetof(options, tls), NULL, "DIR",
     "serve TLS, with a certificate of a local authority that is made in DIR where there is none; "
     "clients trust DIR/ca.pem",
     0, 0, false},
    {0, "latency", ATS_OPTION_DURATION, offsetof(options, latency_ns), "0s", "TIME",
     "each way between broker and exchange, in the venue's time", 0, 60 * ATS_E9, false},
    {0, "fee-per-share", ATS_OPTION_DECIMAL, offsetof(options, fee_per_unit_e9), "0", "USD",
     "taken with each fill", 0, ATS_E9, false},
    {0, "hard-to-borrow", ATS_OPTION_TEXT, offsetof(options, hard_to_borrow), NULL, "SYMBOLS",
     "between blanks: sales beyond what is held are rejected", 0, 0, false},
    {0, "faults", ATS_OPTION_TEXT, offsetof(options, faults), NULL, "FILE",
     "what is to go wrong: answers, updates and market data that fail, come late, twice or never; "
     "docs/venue.md has the words",
     0, 0, false},
    {0, "seed", ATS_OPTION_INTEGER, offsetof(options, seed), "1", "N",
     "of order ids: equal seeds and requests give equal ids", 0, INT64_MAX, false},
    {0, "epoll", ATS_OPTION_FLAG, offsetof(options, epoll), NULL, NULL,
     "sockets without io_uring, as where the kernel forbids it", 0, 0, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

typedef struct venue {
    const options *options;
    double speed;
    venue_feed feed;
    ats_calendar_table calendar;
    ats_paper *broker;
    ats_loop *loop;
    void *loop_memory;
    ats_tls *tls;
    ats_local_ca ca;
    ats_venue_server *server;
    ats_venue_faults faults;
    int64_t first_ns;
    uint64_t start_ns; /* monotonic, when time began; 0: it is held */
} venue;

/* ---- setting up ----------------------------------------------------------------------------- */

static int parse_speed(const char *text, double *speed)
{
    char *end;
    *speed = strtod(text, &end);
    if (end == text || (strcmp(end, "x") != 0 && *end) || !(*speed >= 1e-3 && *speed <= 1e6))
        return ats_error(ATS_EXIT_USAGE, "--speed %s: give a factor from 0.001x to 1000000x", text);
    return 0;
}

static int make_broker(venue *v)
{
    const options *o = v->options;
    v->first_ns = v->feed.next.h.recv_ns;
    ats_paper_config config = {.symbols = &v->feed.source.symbols,
                               .calendar = &v->calendar.calendar,
                               .key = o->key,
                               .secret = o->secret,
                               .venue = {.order_capacity = 8192,
                                         .out_base_ns = o->latency_ns,
                                         .back_base_ns = o->latency_ns,
                                         .fee_per_unit_e9 = o->fee_per_unit_e9,
                                         .book_levels = 5,
                                         .queue = true},
                               .cash_e9 = o->cash_e9,
                               .seed = (uint64_t)o->seed,
                               .start_ns = v->first_ns,
                               .history = venue_feed_history,
                               .history_context = &v->feed};
    const char *list = o->hard_to_borrow ? o->hard_to_borrow : "";
    if (strlen(list) >= sizeof config.venue.hard_to_borrow)
        return ats_error(ATS_EXIT_USAGE, "--hard-to-borrow: at most %zu characters",
                         sizeof config.venue.hard_to_borrow - 1);
    snprintf(config.venue.hard_to_borrow, sizeof config.venue.hard_to_borrow, "%s", list);
    if (ats_calendar_load(&v->calendar, "") != 0)
        return -1;
    v->broker = ats_paper_new(&config);
    return v->broker ? 0 : -1;
}

static int make_loop(venue *v)
{
    const ats_loop_options o = {.backend = v->options->epoll ? ATS_LOOP_EPOLL : ATS_LOOP_AUTO,
                                .connections = ATS_VENUE_CONNECTIONS + 2,
                                .timers = ATS_VENUE_TIMERS,
                                .receive_bytes = RECEIVE_BYTES,
                                .receive_buffers = RECEIVE_BUFFERS,
                                .send_bytes = ATS_VENUE_SEND_BYTES};
    size_t bytes = (ats_loop_footprint(&o) + 4095) & ~(size_t)4095;
    v->loop_memory = bytes ? aligned_alloc(4096, bytes) : NULL;
    if (!v->loop_memory)
        return ats_error(ATS_EXIT_FAILED, "venue: out of memory");
    memset(v->loop_memory, 0, bytes);
    return ats_loop_open(&v->loop, v->loop_memory, &o);
}

static int make_server(venue *v)
{
    const options *o = v->options;
    if (o->tls) {
        if (ats_local_ca_open(&v->ca, o->tls) != 0)
            return -1;
        const ats_tls_options tls = {.certificate_file = v->ca.certificate_file,
                                     .key_file = v->ca.key_file};
        if (ats_tls_server(&v->tls, &tls) != 0)
            return -1;
    }
    return ats_venue_server_open(
        &v->server, &(ats_venue_server_config){.broker = v->broker,
                                               .loop = v->loop,
                                               .tls = v->tls,
                                               .faults = o->faults ? &v->faults : NULL,
                                               .rest_port = (uint16_t)o->port,
                                               .stream_port = (uint16_t)o->stream_port});
}

static void tear_down(venue *v)
{
    ats_venue_server_close(v->server);
    ats_loop_close(v->loop);
    free(v->loop_memory);
    ats_tls_free(v->tls);
    ats_paper_free(v->broker);
    ats_calendar_free(&v->calendar);
    venue_feed_close(&v->feed);
}

/* ---- running -------------------------------------------------------------------------------- */

static uint64_t monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int64_t venue_now(const venue *v, uint64_t now_ns)
{
    return v->start_ns ? v->first_ns + (int64_t)((double)(now_ns - v->start_ns) * v->speed)
                       : v->first_ns - 1;
}

/* Plays what is due; 0, or -1. *more: there is more that is due already. */
static int play(venue *v, int64_t until_ns, bool *more)
{
    uint32_t n = 0;
    for (; v->feed.has_next && v->feed.next.h.recv_ns <= until_ns && n < RECORDS_A_TURN; n++) {
        ats_paper_market(v->broker, &v->feed.next);
        if (venue_feed_step(&v->feed) != 0)
            return -1;
        if (v->feed.has_next)
            ats_paper_foresee(v->broker, &v->feed.next);
    }
    *more = n == RECORDS_A_TURN;
    if (!*more && v->start_ns)
        ats_paper_advance(v->broker, until_ns);
    ats_paper_flush(v->broker);
    return 0;
}

/* Until the next record, but so that a signal is seen. */
static uint64_t wait_for(const venue *v, int64_t now_ns)
{
    if (!v->start_ns || !v->feed.has_next)
        return LONGEST_WAIT_NS;
    double wait = (double)(v->feed.next.h.recv_ns - now_ns) / v->speed;
    return wait < 0 ? 0 : wait < (double)LONGEST_WAIT_NS ? (uint64_t)wait : LONGEST_WAIT_NS;
}

static int run_venue(venue *v, ats_progress *progress)
{
    bool more = false;
    v->start_ns = v->options->hold ? 0 : monotonic_ns();
    ats_paper_foresee(v->broker, &v->feed.next);
    while (!ats_progress_tell(progress, v->feed.fed, v->feed.source.total, v->feed.fed)) {
        uint64_t now_ns = monotonic_ns();
        if (!v->start_ns && ats_venue_server_counted(v->server)->streams)
            v->start_ns = now_ns;
        if (play(v, venue_now(v, now_ns), &more) != 0)
            return -1;
        if (v->options->exit_at_end && !v->feed.has_next)
            return 0;
        now_ns = monotonic_ns();
        if (more)
            ats_loop_work(v->loop, now_ns);
        else
            ats_loop_wait(v->loop, wait_for(v, venue_now(v, now_ns)));
    }
    return 0;
}

/* ---- what it says --------------------------------------------------------------------------- */

static int say_ready(const ats_cli *cli, const venue *v)
{
    const char *rest = v->tls ? "https" : "http", *stream = v->tls ? "wss" : "ws";
    const char *host = v->tls ? "localhost" : "127.0.0.1";
    char urls[2][64], start[ATS_CLOCK_TEXT_BYTES];
    snprintf(urls[0], sizeof urls[0], "%s://%s:%u", rest, host,
             ats_venue_server_rest_port(v->server));
    snprintf(urls[1], sizeof urls[1], "%s://%s:%u", stream, host,
             ats_venue_server_stream_port(v->server));
    ats_clock_utc_text(v->first_ns, start);
    if (cli->common.json) {
        json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:i}", "rest", urls[0], "stream", urls[1],
                              "start", start, "sockets", ats_loop_backend_text(v->loop), "symbols",
                              (int)v->feed.source.symbols.count);
        if (v->tls)
            json_object_set_new(j, "ca", json_string(v->ca.ca_file));
        return ats_cli_print_json(j);
    }
    if (cli->common.quiet)
        return 0;
    printf("rest     %s\nstream   %s/stream, %s/v2/iex, /v2/sip, /v2/test\n", urls[0], urls[1],
           urls[1]);
    printf("key      %s, secret %s\n", v->options->key, v->options->secret);
    if (v->tls)
        printf("trust    %s\n", v->ca.ca_file);
    printf("market   %u symbols from %s at %gx%s\nsockets  %s\n", v->feed.source.symbols.count,
           start, v->speed, v->options->hold ? ", held until a stream is opened" : "",
           ats_loop_backend_text(v->loop));
    return ats_cli_flush();
}

static int say_end(const ats_cli *cli, const venue *v)
{
    const ats_venue_counters *c = ats_venue_server_counted(v->server);
    const ats_portfolio *p = ats_paper_portfolio(v->broker);
    double equity = (double)ats_money_round_e9(ats_portfolio_equity(p)) / 1e9;
    if (cli->common.quiet || cli->common.json) /* its one document told where it is */
        return 0;
    printf("played   %llu records\nserved   %llu requests, %llu messages on %llu streams\n",
           (unsigned long long)v->feed.fed, (unsigned long long)c->requests,
           (unsigned long long)c->messages, (unsigned long long)c->streams);
    if (c->streams_slow)
        printf("streams  %llu let go for being slow\n", (unsigned long long)c->streams_slow);
    if (v->options->faults)
        printf("faults   %llu made\n", (unsigned long long)v->faults.made);
    printf("account  %llu orders, %llu open, %llu fills; equity %.2f\n",
           (unsigned long long)ats_paper_order_count(v->broker),
           (unsigned long long)ats_paper_open_count(v->broker), (unsigned long long)p->fills,
           equity);
    return ats_cli_flush();
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    ats_progress progress;
    int parsed = ats_cli_parse(&cli, &ats_command_venue, &o, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    venue v = {.options = &o};
    int status = parse_speed(o.speed, &v.speed);
    if (status == 0 && o.faults)
        status = ats_venue_faults_load(&v.faults, o.faults);
    if (status == 0)
        status = venue_feed_open(&v.feed, (const char *const *)cli.argument, cli.argument_count);
    if (status == 0)
        status = make_broker(&v);
    if (status == 0)
        status = make_loop(&v);
    if (status == 0)
        status = make_server(&v);
    if (status == 0)
        status = say_ready(&cli, &v);
    if (status == 0) {
        ats_progress_start(&progress, &cli, "records");
        status = run_venue(&v, &progress);
        ats_progress_stop(&progress);
    }
    if (status == 0)
        status = say_end(&cli, &v);
    tear_down(&v);
    return status == 0 ? ATS_EXIT_OK : ats_cli_fail();
}

const ats_command ats_command_venue = {
    .name = "venue",
    .purpose = "serve recorded data as a broker that speaks Alpaca's protocols",
    .synopsis = "[OPTION...] CAPTURE...",
    .detail =
        "A paper account on this machine: Alpaca's REST calls for trading and history, its stream\n"
        "of order updates and its market data stream (JSON and MessagePack), over the matching\n"
        "that backtests use. Alpaca's own SDKs work with it when their URLs point here. The\n"
        "venue's time is that of the captures; all clients share one account.",
    .example = "ats synth -o day.cap && ats venue --speed 60x day.cap",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 1000,
    .run = run,
};
