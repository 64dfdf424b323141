#include "io/net/http.h"
#include "python_fixture.h"
#include "tls_fixture.h"

TestSuite(http, .timeout = 60, .init = make_authority, .fini = drop_authority);

static const ats_http_options HTTP = {.requests = 8,
                                      .response_bytes = 1u << 20,
                                      .connect_within_ns = 5 * SECOND_NS,
                                      .answer_within_ns = 5 * SECOND_NS};

/* ---- a user that keeps the last answer ------------------------------------------------------ */

typedef struct reader {
    ats_http_user user;
    uint32_t answers, id, reused;
    uint16_t status;
    bool sent;
    char why[256], body[256];
    size_t body_bytes;
    uint64_t limit, remaining, took_ns;
} reader;

static void keep_answer(ats_http_user *user, const ats_http_answer *answer)
{
    reader *r = (reader *)user;
    r->answers++;
    r->id = answer->id;
    r->status = answer->status;
    r->sent = answer->sent;
    r->reused += answer->reused;
    r->body_bytes = answer->body_bytes;
    r->took_ns = answer->took_ns;
    r->limit = r->remaining = 0;
    ats_http_field_number(answer, "x-ratelimit-limit", &r->limit);
    ats_http_field_number(answer, "X-Ratelimit-Remaining", &r->remaining);
    snprintf(r->why, sizeof r->why, "%s", answer->why ? answer->why : "");
    snprintf(r->body, sizeof r->body, "%s", (const char *)answer->body);
}

typedef struct desk {
    ats_loop *loop;
    ats_http *http;
    python peer;
    uint16_t port;
    const char *scheme;
    reader reader;
} desk;

static desk open_desk(ats_loop_backend backend, bool secure, ats_http_options options)
{
    desk d = {.scheme = secure ? "https" : "http", .reader.user.answered = keep_answer};
    d.peer = run_python("http_peer.py", "serve", secure ? in_folder("good.pem") : NULL,
                        secure ? in_folder("good.key") : NULL);
    d.port = python_port(&d.peer);
    d.loop = loop_with(backend, OPTIONS);
    if (secure && !options.ca_file)
        options.ca_file = in_folder("root.pem");
    cr_assert_eq(ats_http_open(&d.http, d.loop, &options), 0, "%s", ats_error_line(0));
    return d;
}

static void close_desk(desk *d)
{
    ats_http_close(d->http);
    close_loop(d->loop);
    end_python(&d->peer);
}

static const char *url(const desk *d, const char *path)
{
    static char text[256];
    snprintf(text, sizeof text, "%s://localhost:%u%s", d->scheme, d->port, path);
    return text;
}

static void ask(desk *d, const char *method, const char *path, const char *body)
{
    static const char *const fields[] = {"APCA-API-KEY-ID: key", "Content-Type: application/json",
                                         NULL};
    ats_http_request r = {.method = method,
                          .url = url(d, path),
                          .fields = fields,
                          .body = body,
                          .body_bytes = body ? strlen(body) : 0};
    uint32_t before = d->reader.answers;
    uint32_t id = ats_http_send(d->http, &d->reader.user, &r);
    cr_assert_neq(id, 0, "%s", ats_error_line(0));
    cr_assert_eq(d->reader.answers, before, "never within the call");
    TURN_UNTIL(d->loop, d->reader.answers > before);
    cr_expect_eq(d->reader.id, id);
}

/* ---- tests ---------------------------------------------------------------------------------- */

BOTH(http, methods_bodies_fields_and_statuses_go_both_ways)
{
    for (int secure = 0; secure < 2; secure++) {
        desk d = open_desk(backend, secure, HTTP);
        ask(&d, "GET", "/echo", NULL);
        cr_expect_eq(d.reader.status, 200, "%s", d.reader.why);
        cr_expect_str_eq(d.reader.body, "GET key ");
        cr_expect_eq(d.reader.limit, 200);
        cr_expect_eq(d.reader.remaining, 199);
        ask(&d, "POST", "/echo", "{\"qty\":1}");
        cr_expect_str_eq(d.reader.body, "POST key {\"qty\":1}");
        ask(&d, "PATCH", "/echo", "{}");
        cr_expect_str_eq(d.reader.body, "PATCH key {}");
        ask(&d, "DELETE", "/echo", NULL);
        cr_expect_str_eq(d.reader.body, "DELETE key ");
        ask(&d, "GET", "/status/429", NULL);
        cr_expect_eq(d.reader.status, 429);
        cr_expect_str_eq(d.reader.body, "{\"message\": \"told\"}");
        ask(&d, "GET", "/moved", NULL);
        cr_expect_eq(d.reader.status, 302, "a credential goes nowhere else");
        ask(&d, "GET", "/large/1000000", NULL);
        cr_expect_eq(d.reader.body_bytes, 1000000);
        ask(&d, "GET", "/count", NULL);
        cr_expect_str_eq(d.reader.body, "1", "all on one connection: %s", d.reader.body);
        cr_expect_eq(d.reader.reused, d.reader.answers - 1);
        close_desk(&d);
    }
}

BOTH(http, warmed_connections_serve_requests_at_once)
{
    desk d = open_desk(backend, true, HTTP);
    cr_assert_eq(ats_http_warm(d.http, &d.reader.user, url(&d, "/count"), 3), 0);
    TURN_UNTIL(d.loop, d.reader.answers == 3);
    cr_expect_eq(d.reader.reused, 0);
    ats_http_request r = {.method = "GET", .url = url(&d, "/slow")};
    for (int i = 0; i < 3; i++)
        cr_assert_neq(ats_http_send(d.http, &d.reader.user, &r), 0);
    TURN_UNTIL(d.loop, d.reader.answers == 6);
    cr_expect_eq(d.reader.reused, 3, "no handshake was waited for");
    cr_expect_lt(d.reader.took_ns, SECOND_NS, "side by side");
    ask(&d, "GET", "/count", NULL);
    cr_expect_str_eq(d.reader.body, "3");
    close_desk(&d);
}

BOTH(http, what_goes_wrong_is_told)
{
    ats_http_options options = HTTP;
    options.response_bytes = 10000;
    options.answer_within_ns = SECOND_NS / 5;
    desk d = open_desk(backend, false, options);
    ask(&d, "GET", "/large/10001", NULL);
    cr_expect_eq(d.reader.status, 0);
    cr_expect_str_eq(d.reader.why, "an answer larger than allowed");
    ask(&d, "GET", "/slow", NULL);
    cr_expect_eq(d.reader.status, 0);
    cr_expect_not_null(strstr(d.reader.why, "Timeout"), "%s", d.reader.why);
    cr_expect(d.reader.sent, "unknown is not failed");
    ask(&d, "POST", "/drop", "{}");
    cr_expect_eq(d.reader.status, 0);
    cr_expect(d.reader.sent);
    uint16_t port;
    close(peer_listen(&port));
    uint16_t served = d.port;
    d.port = port;
    ask(&d, "GET", "/echo", NULL);
    cr_expect_eq(d.reader.status, 0);
    cr_expect_not(d.reader.sent, "it cannot have arrived: %s", d.reader.why);
    d.port = served;
    ask(&d, "GET", "/echo", NULL);
    cr_expect_eq(d.reader.status, 200, "and the next one is served");
    close_desk(&d);
}

BOTH(http, a_server_that_is_not_trusted_gets_no_request)
{
    ats_http_options options = HTTP;
    options.ca_file = in_folder("foreign.pem");
    desk d = open_desk(backend, true, options);
    ask(&d, "GET", "/echo", NULL);
    cr_expect_eq(d.reader.status, 0);
    cr_expect_not(d.reader.sent);
    cr_expect_not_null(strstr(d.reader.why, "peer certificate"), "%s", d.reader.why);
    close_desk(&d);
}

BOTH(http, more_than_agreed_and_requests_that_are_none_are_refused)
{
    ats_http_options options = HTTP;
    options.requests = 2;
    desk d = open_desk(backend, false, options);
    ats_http_request r = {.method = "GET", .url = url(&d, "/slow")};
    cr_expect_neq(ats_http_send(d.http, &d.reader.user, &r), 0);
    cr_expect_neq(ats_http_send(d.http, &d.reader.user, &r), 0);
    cr_expect_eq(ats_http_send(d.http, &d.reader.user, &r), 0);
    TURN_UNTIL(d.loop, d.reader.answers == 2);
    static const char *const smuggled[] = {"A: 1\r\nEvil: 2", NULL};
    r.fields = smuggled;
    cr_expect_eq(ats_http_send(d.http, &d.reader.user, &r), 0);
    r = (ats_http_request){.method = "GET", .url = "file:///etc/passwd"};
    uint32_t id = ats_http_send(d.http, &d.reader.user, &r);
    if (id)
        TURN_UNTIL(d.loop, d.reader.answers == 3);
    cr_expect(!id || (d.reader.status == 0 && d.reader.body_bytes == 0), "%s", d.reader.body);
    r = (ats_http_request){.method = "GET", .url = url(&d, "/slow")};
    cr_expect_neq(ats_http_send(d.http, &d.reader.user, &r), 0);
    ats_loop_wait(d.loop, 0);
    close_desk(&d); /* with one under way */
    ats_http *none;
    ats_http_options bad = {.requests = 0};
    cr_expect_eq(ats_http_open(&none, d.loop, &bad), -1);
}
