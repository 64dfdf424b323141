#include "io/net/http.h"

#include "core/clock.h"
#include "core/error.h"
#include "io/net/ws_upgrade.h"

#include <curl/curl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Kept connections are good for this long without use; servers end theirs earlier, and curl
 * notices. */
#define KEPT_S 3600l

typedef struct exchange {
    ats_http *http;
    ats_http_user *user;
    CURL *easy;
    struct curl_slist *fields;
    uint32_t id;
    uint32_t next; /* free list */
    uint64_t sent_ns;
    size_t head_bytes, body_bytes, head_room, body_room;
    uint8_t *head, *body;
    bool too_large;
} exchange;

struct ats_http {
    ats_loop_user loop_user;
    ats_loop *loop;
    ats_http_options options;
    CURLM *multi;
    ats_loop_timer timer;
    exchange *exchanges; /* options.requests of them */
    uint32_t free_first, last_id;
};

#define NO_EXCHANGE UINT32_MAX

/* ---- libcurl on the loop -------------------------------------------------------------------- */

static void give_answers(ats_http *http);

static void act(ats_http *http, curl_socket_t fd, int events)
{
    int running;
    curl_multi_socket_action(http->multi, fd, events, &running);
    give_answers(http);
}

/* A watch's handle lies with libcurl's socket as a pointer. */
static ats_conn watch_of(void *assigned)
{
    return (ats_conn)(uintptr_t)assigned;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *assigned)
{
    ats_http *http = argument;
    ats_conn conn = watch_of(assigned);
    uint32_t events = (what & CURL_POLL_IN ? POLLIN : 0) | (what & CURL_POLL_OUT ? POLLOUT : 0);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        ats_loop_drop(http->loop, conn);
        curl_multi_assign(http->multi, fd, NULL);
    } else if (conn != ATS_CONN_NONE) {
        ats_loop_watch_change(http->loop, conn, events);
    } else {
        conn = ats_loop_watch(http->loop, &http->loop_user, fd, events);
        if (conn == ATS_CONN_NONE)
            return -1; /* no slot: the request fails */
        curl_multi_assign(http->multi, fd, (void *)(uintptr_t)conn);
    }
    return 0;
}

static void on_ready(ats_loop_user *user, ats_conn conn, uint32_t events)
{
    ats_http *http = (ats_http *)user;
    int bits = (events & POLLIN ? CURL_CSELECT_IN : 0) | (events & POLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & (POLLERR | POLLHUP) ? CURL_CSELECT_ERR : 0);
    act(http, ats_loop_watched(http->loop, conn), bits);
}

static const ats_loop_callbacks CALLBACKS = {.ready = on_ready};

static int on_timer(CURLM *multi, long timeout_ms, void *argument)
{
    ats_http *http = argument;
    (void)multi;
    if (timeout_ms < 0)
        ats_loop_timer_unset(http->loop, &http->timer);
    else
        ats_loop_timer_set(http->loop, &http->timer,
                           ats_clock_monotonic_ns() + (uint64_t)timeout_ms * 1000000u);
    return 0;
}

static void on_due(ats_loop_timer *timer, uint64_t now_ns)
{
    (void)now_ns;
    act((ats_http *)((char *)timer - offsetof(ats_http, timer)), CURL_SOCKET_TIMEOUT, 0);
}

/* ---- what comes back ------------------------------------------------------------------------ */

/* Appends, with room for a NUL behind; 0: it would be too large. */
static size_t keep(exchange *e, uint8_t **to, size_t *have, size_t *room, const char *bytes,
                   size_t n)
{
    if (n > e->http->options.response_bytes - *have) {
        e->too_large = true;
        return 0;
    }
    if (*have + n + 1 > *room) {
        size_t want = *have + n + 1 > 2 * *room ? *have + n + 1 : 2 * *room;
        uint8_t *larger = realloc(*to, want);
        if (!larger)
            return 0;
        *to = larger;
        *room = want;
    }
    memcpy(*to + *have, bytes, n);
    *have += n;
    (*to)[*have] = 0;
    return n;
}

static size_t on_head(char *bytes, size_t one, size_t n, void *argument)
{
    exchange *e = argument;
    (void)one;
    /* A status line begins a head; an interim one (100 Continue) is forgotten then. */
    if (n >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        e->head_bytes = 0;
    return keep(e, &e->head, &e->head_bytes, &e->head_room, bytes, n);
}

static size_t on_body(char *bytes, size_t one, size_t n, void *argument)
{
    exchange *e = argument;
    (void)one;
    return keep(e, &e->body, &e->body_bytes, &e->body_room, bytes, n);
}

static void give_back(ats_http *http, exchange *e)
{
    curl_multi_remove_handle(http->multi, e->easy);
    curl_slist_free_all(e->fields);
    e->fields = NULL;
    e->id = 0;
    e->next = http->free_first;
    http->free_first = (uint32_t)(e - http->exchanges);
}

static void give_answer(ats_http *http, exchange *e, CURLcode result)
{
    long status = 0, connects = 0, request_bytes = 0;
    curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(e->easy, CURLINFO_NUM_CONNECTS, &connects);
    curl_easy_getinfo(e->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    ats_http_answer answer = {.id = e->id,
                              .status = result == CURLE_OK ? (uint16_t)status : 0,
                              .why = result == CURLE_OK ? NULL
                                     : e->too_large     ? "an answer larger than allowed"
                                                        : curl_easy_strerror(result),
                              .sent = request_bytes > 0,
                              .reused = connects == 0,
                              .head = e->head_bytes ? (const char *)e->head : "",
                              .head_bytes = e->head_bytes,
                              .body = e->body_bytes ? e->body : (const uint8_t *)"",
                              .body_bytes = e->body_bytes,
                              .took_ns = ats_clock_monotonic_ns() - e->sent_ns};
    e->user->answered(e->user, &answer);
    give_back(http, e);
}

static void give_answers(ats_http *http)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(http->multi, &left))) {
        exchange *e = NULL;
        CURLcode result = message->data.result; /* gone with the handle */
        if (message->msg == CURLMSG_DONE &&
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &e) == CURLE_OK && e)
            give_answer(http, e, result);
    }
}

/* ---- requests ------------------------------------------------------------------------------- */

/* What is the same for every request. libcurl fails these only when it was built without. */
static CURLcode set_rules(CURL *easy, const ats_http_options *o)
{
    CURLcode e = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    e = e ? e : curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1l);
    e = e ? e : curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2l);
    e = e ? e : curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    e = e ? e : curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    e = e ? e : curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0l);
    e = e ? e : curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1l);
    e = e ? e : curl_easy_setopt(easy, CURLOPT_PROXY, "");
    e = e ? e : curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1l);
    e = e ? e : curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, KEPT_S);
    e = e ? e
          : curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                             (long)(o->connect_within_ns / 1000000u));
    e = e ? e : curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(o->answer_within_ns / 1000000u));
    e = e ? e : curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
    e = e ? e : curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    if (!e && o->ca_file) {
        e = curl_easy_setopt(easy, CURLOPT_CAINFO, o->ca_file);
        e = e ? e : curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    return e;
}

static CURLcode set_request(exchange *e, const ats_http_request *r)
{
    CURL *easy = e->easy;
    bool head = strcmp(r->method, "HEAD") == 0;
    CURLcode failed = curl_easy_setopt(easy, CURLOPT_URL, r->url);
    if (!failed && r->body) {
        failed = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_bytes);
        failed = failed ? failed : curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, r->body);
    }
    failed = failed ? failed : curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
    failed = failed || !head ? failed : curl_easy_setopt(easy, CURLOPT_NOBODY, 1l);
    for (const char *const *f = r->fields; f && *f && !failed; f++) {
        struct curl_slist *longer = curl_slist_append(e->fields, *f);
        failed = longer && !strpbrk(*f, "\r\n") ? CURLE_OK : CURLE_BAD_FUNCTION_ARGUMENT;
        e->fields = longer ? longer : e->fields;
    }
    failed = failed ? failed : curl_easy_setopt(easy, CURLOPT_HTTPHEADER, e->fields);
    failed = failed ? failed : curl_easy_setopt(easy, CURLOPT_HEADERDATA, e);
    failed = failed ? failed : curl_easy_setopt(easy, CURLOPT_WRITEDATA, e);
    return failed ? failed : curl_easy_setopt(easy, CURLOPT_PRIVATE, e);
}

uint32_t ats_http_send(ats_http *http, ats_http_user *user, const ats_http_request *request)
{
    if (http->free_first == NO_EXCHANGE) {
        ats_error(ATS_EXIT_FAILED, "HTTP: %u requests are under way", http->options.requests);
        return 0;
    }
    exchange *e = &http->exchanges[http->free_first];
    http->free_first = e->next;
    e->user = user;
    e->head_bytes = e->body_bytes = 0;
    e->too_large = false;
    e->sent_ns = ats_clock_monotonic_ns();
    e->id = ++http->last_id ? http->last_id : ++http->last_id;
    curl_easy_reset(e->easy); /* keeps its connections, sessions and names */
    CURLcode failed = set_rules(e->easy, &http->options);
    failed = failed ? failed : set_request(e, request);
    if (!failed && curl_multi_add_handle(http->multi, e->easy) == CURLM_OK)
        return e->id;
    give_back(http, e);
    ats_error(ATS_EXIT_FAILED, "HTTP: %s: %s", request->url,
              failed ? curl_easy_strerror(failed) : "cannot be sent");
    return 0;
}

int ats_http_warm(ats_http *http, ats_http_user *user, const char *url, uint32_t count)
{
    ats_http_request request = {.method = "HEAD", .url = url};
    for (uint32_t i = 0; i < count; i++)
        if (!ats_http_send(http, user, &request))
            return -1;
    return 0;
}

const char *ats_http_field(const ats_http_answer *answer, const char *name, size_t *length)
{
    return ats_upgrade_field(answer->head, answer->head_bytes, name, length);
}

bool ats_http_field_number(const ats_http_answer *answer, const char *name, uint64_t *number)
{
    size_t n;
    const char *text = ats_http_field(answer, name, &n);
    if (!text || n == 0 || n > 18) /* below 2^63 */
        return false;
    *number = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *number = *number * 10 + (uint64_t)(text[i] - '0');
    }
    return true;
}

/* ---- opening and closing -------------------------------------------------------------------- */

static int set_up(ats_http *http)
{
    const ats_http_options *o = &http->options;
    http->exchanges = calloc(o->requests, sizeof *http->exchanges);
    http->multi = curl_multi_init();
    if (!http->exchanges || !http->multi)
        return ats_error(ATS_EXIT_FAILED, "HTTP: out of memory");
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
    curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)o->requests);
    for (uint32_t i = o->requests; i-- > 0;) {
        exchange *e = &http->exchanges[i];
        e->http = http;
        if (!(e->easy = curl_easy_init()))
            return ats_error(ATS_EXIT_FAILED, "HTTP: out of memory");
        if (set_rules(e->easy, o) != CURLE_OK)
            return ats_error(ATS_EXIT_FAILED, "HTTP: this libcurl cannot do what is asked of it");
        e->next = http->free_first;
        http->free_first = i;
    }
    return 0;
}

int ats_http_open(ats_http **out, ats_loop *loop, const ats_http_options *options)
{
    *out = NULL;
    if (options->requests < 1 || options->requests > 1024 || options->response_bytes < 1 ||
        options->connect_within_ns < 1000000 || options->answer_within_ns < 1000000)
        return ats_error(ATS_EXIT_FAILED, "HTTP: its options are out of range");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ats_error(ATS_EXIT_FAILED, "HTTP: libcurl does not start");
    ats_http *http = calloc(1, sizeof *http);
    if (!http) {
        curl_global_cleanup();
        return ats_error(ATS_EXIT_FAILED, "HTTP: out of memory");
    }
    http->loop_user.on = &CALLBACKS;
    http->loop = loop;
    http->options = *options;
    http->timer.fire = on_due;
    http->free_first = NO_EXCHANGE;
    if (set_up(http) != 0) {
        ats_http_close(http);
        return -1;
    }
    *out = http;
    return 0;
}

void ats_http_close(ats_http *http)
{
    if (!http)
        return;
    for (uint32_t i = 0; http->exchanges && i < http->options.requests; i++) {
        exchange *e = &http->exchanges[i];
        if (e->id)
            give_back(http, e);
        curl_easy_cleanup(e->easy);
        free(e->head);
        free(e->body);
    }
    curl_multi_cleanup(http->multi);
    ats_loop_timer_unset(http->loop, &http->timer);
    free(http->exchanges);
    free(http);
    curl_global_cleanup();
}
