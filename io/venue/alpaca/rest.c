/* Alpaca's REST calls on trading: one table, a function each. */
#include "core/error.h"
#include "io/codec/decimal.h"
#include "io/codec/rfc3339.h"
#include "io/venue/alpaca/rest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX     500u
#define LIST_DEFAULT 50u

/* ---- requests ------------------------------------------------------------------------------- */

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Copies text[0..n) with its escapes undone; returns the length, or -1: it does not fit. */
static int unescape(const char *text, size_t n, bool plus, char *out, size_t room)
{
    size_t length = 0;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        if (c == '%' && i + 2 < n && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
            c = (char)(hex(text[i + 1]) << 4 | hex(text[i + 2]));
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (length + 1 >= room)
            return -1;
        out[length++] = c;
    }
    out[length] = '\0';
    return (int)length;
}

static bool read_pair(rest_call *call, const char *pair, size_t n, size_t *used)
{
    const char *equals = memchr(pair, '=', n);
    size_t name_length = equals ? (size_t)(equals - pair) : n;
    const char *value = equals ? equals + 1 : "";
    size_t value_length = equals ? n - name_length - 1 : 0;
    if (call->count == REST_QUERY_MAX)
        return false;
    char *at = call->query + *used;
    int length = unescape(pair, name_length, true, at, REST_QUERY_BYTES - *used);
    if (length < 0)
        return false;
    call->name[call->count] = at;
    *used += (size_t)length + 1;
    at = call->query + *used;
    length = unescape(value, value_length, true, at, REST_QUERY_BYTES - *used);
    if (length < 0)
        return false;
    call->value[call->count++] = at;
    *used += (size_t)length + 1;
    return true;
}

static bool read_target(rest_call *call, const char *target)
{
    size_t path_length = strcspn(target, "?"), used = 0;
    if (unescape(target, path_length, false, call->path, sizeof call->path) < 0)
        return false;
    const char *at = target + path_length + (target[path_length] == '?');
    while (*at) {
        size_t n = strcspn(at, "&");
        if (n && !read_pair(call, at, n, &used))
            return false;
        at += n + (at[n] == '&');
    }
    return true;
}

const char *rest_query(const rest_call *call, const char *name)
{
    for (uint32_t i = 0; i < call->count; i++)
        if (strcmp(call->name[i], name) == 0 && *call->value[i])
            return call->value[i];
    return NULL;
}

bool rest_query_is(const rest_call *call, const char *name, const char *value)
{
    const char *text = rest_query(call, name);
    return text && strcasecmp(text, value) == 0;
}

/* A time or a date; `fallback` where there is none. */
int64_t rest_query_time(rest_call *call, const char *name, int64_t fallback)
{
    const char *text = rest_query(call, name);
    int64_t ns;
    unsigned y, m, d;
    if (!text)
        return fallback;
    if (ats_rfc3339_ns(text, strlen(text), &ns))
        return ns;
    if (strlen(text) == 10 && sscanf(text, "%4u-%2u-%2u", &y, &m, &d) == 3 &&
        ats_date_is_valid(y * 10000 + m * 100 + d))
        return ats_date_ns(y * 10000 + m * 100 + d);
    broker_refuse(&call->why, 422, REST_CODE_BAD_PARAMS, "invalid %s: %.40s", name, text);
    return fallback;
}

uint64_t rest_query_count(rest_call *call, const char *name, uint64_t fallback, uint64_t most)
{
    const char *text = rest_query(call, name);
    uint64_t n;
    if (!text)
        return fallback;
    if (ats_decimal_u64(text, strlen(text), &n) == ATS_DECIMAL_OK && n >= 1 && n <= most)
        return n;
    broker_refuse(&call->why, 422, REST_CODE_BAD_PARAMS, "invalid %s: %.40s", name, text);
    return fallback;
}

/* Is it one of a list between commas? Without the list: yes. */
bool rest_lists(const rest_call *call, const char *name, const char *word)
{
    const char *at = rest_query(call, name);
    size_t length = strlen(word);
    if (!at)
        return true;
    for (; *at; at += at[strcspn(at, ",")] == ',' ? strcspn(at, ",") + 1 : strcspn(at, ","))
        if (strcspn(at, ",") == length && strncasecmp(at, word, length) == 0)
            return true;
    return false;
}

json_t *rest_not_found(rest_call *call, const char *what)
{
    broker_refuse(&call->why, 404, REST_CODE_NOT_FOUND, "%s", what);
    return NULL;
}

/* ---- account, clock, assets ----------------------------------------------------------------- */

static json_t *get_account(ats_paper *b, rest_call *call)
{
    (void)call;
    return broker_account_json(b);
}

static json_t *get_configurations(ats_paper *b, rest_call *call)
{
    (void)b;
    (void)call;
    return json_pack("{s:s, s:b, s:s, s:b, s:b, s:s, s:b}", "dtbp_check", "entry",
                     "fractional_trading", 1, "max_margin_multiplier", "4", "no_shorting", 0,
                     "suspend_trade", 0, "trade_confirm_email", "none", "ptp_no_exception_entry",
                     0);
}

static json_t *get_clock(ats_paper *b, rest_call *call)
{
    (void)call;
    return broker_clock_json(b);
}

static json_t *get_calendar(ats_paper *b, rest_call *call)
{
    const ats_calendar *c = b->config.calendar ? b->config.calendar : &ats_calendar_continuous;
    uint32_t today = ats_date_of_ns(b->now_ns);
    uint32_t from = ats_date_of_ns(rest_query_time(call, "start", ats_date_ns(today)));
    uint32_t to =
        ats_date_of_ns(rest_query_time(call, "end", ats_date_ns(ats_date_add(today, 30))));
    json_t *list = json_array();
    ats_session session;
    bool found = ats_calendar_on(c, from, &session) || ats_calendar_next(c, from, &session);
    while (found && session.date <= to) {
        json_array_append_new(list, broker_session_json(b, &session));
        found = ats_calendar_next(c, session.date, &session);
    }
    return list;
}

static json_t *get_assets(ats_paper *b, rest_call *call)
{
    json_t *list = json_array();
    bool crypto_too = !rest_query_is(call, "asset_class", "us_equity");
    bool equity_too = !rest_query_is(call, "asset_class", "crypto");
    if (rest_query_is(call, "status", "inactive"))
        return list;
    for (uint32_t id = 1; id <= b->config.symbols->count; id++)
        if (broker_is_crypto(b, id) ? crypto_too : equity_too)
            json_array_append_new(list, broker_asset_json(b, id));
    return list;
}

static json_t *get_asset(ats_paper *b, rest_call *call)
{
    uint32_t id = broker_symbol_by_text(b, call->arg);
    if (id == 0) {
        broker_refuse(&call->why, 404, REST_CODE_NOT_FOUND, "asset not found for %.40s", call->arg);
        return NULL;
    }
    return broker_asset_json(b, id);
}

/* ---- activities ----------------------------------------------------------------------------- */

/* Fills, the latest first unless asked otherwise; a page goes on behind the activity whose id is
 * page_token. */
static json_t *get_activities(ats_paper *b, rest_call *call)
{
    const char *token = rest_query(call, "page_token"), *dash = token ? strstr(token, "::") : NULL;
    uint64_t last = dash ? broker_uuid_number(b, BROKER_ID_EXECUTION, dash + 2) : 0;
    uint64_t size = rest_query_count(call, "page_size", 100, 100);
    int64_t after = rest_query_time(call, "after", INT64_MIN),
            until = rest_query_time(call, "until", INT64_MAX);
    bool up = rest_query_is(call, "direction", "asc");
    json_t *list = json_array();
    bool fills =
        *call->arg ? strcmp(call->arg, "FILL") == 0 : rest_lists(call, "activity_types", "FILL");
    for (uint64_t i = 0; fills && i < b->fill_count && json_array_size(list) < size; i++) {
        const broker_fill *f = &b->fill[up ? i : b->fill_count - 1 - i];
        if (last) {
            if (f->exec_id == last)
                last = 0;
            continue;
        }
        if (f->at_ns > after && f->at_ns < until)
            json_array_append_new(list, broker_fill_json(b, f));
    }
    return list;
}

/* ---- orders --------------------------------------------------------------------------------- */

static broker_order *order_of(ats_paper *b, rest_call *call)
{
    broker_order *o = broker_order_at(b, broker_uuid_number(b, BROKER_ID_ORDER, call->arg));
    if (!o)
        broker_refuse(&call->why, 404, REST_CODE_NOT_FOUND, "order not found for %.40s", call->arg);
    return o;
}

static json_t *post_order(ats_paper *b, rest_call *call)
{
    broker_order *o = broker_submit(b, call->body, &call->why);
    return o ? broker_order_json(b, o, true) : NULL;
}

typedef struct order_filter {
    int64_t after_ns, until_ns;
    uint64_t after_id, before_id;
    bool open, closed, nested;
} order_filter;

static bool passes(const ats_paper *b, const rest_call *call, const order_filter *f,
                   const broker_order *o)
{
    bool over = broker_is_over(o->status);
    const char *side = o->side == ATS_SIDE_BUY ? "buy" : "sell";
    return (over ? f->closed : f->open) && o->submitted_ns > f->after_ns &&
           o->submitted_ns < f->until_ns && o->order_id > f->after_id &&
           o->order_id < f->before_id && !(f->nested && o->head_id) &&
           rest_lists(call, "symbols", b->config.symbols->entry[o->symbol_id].text) &&
           (!rest_query(call, "side") || rest_query_is(call, "side", side));
}

static uint64_t id_from(const ats_paper *b, rest_call *call, const char *name, uint64_t fallback)
{
    const char *text = rest_query(call, name);
    uint64_t id = text ? broker_uuid_number(b, BROKER_ID_ORDER, text) : fallback;
    if (text && id == 0)
        broker_refuse(&call->why, 422, REST_CODE_BAD_PARAMS, "invalid %s", name);
    return id;
}

static json_t *get_orders(ats_paper *b, rest_call *call)
{
    uint64_t most = rest_query_count(call, "limit", LIST_DEFAULT, LIST_MAX);
    bool all = rest_query_is(call, "status", "all"),
         closed = rest_query_is(call, "status", "closed");
    order_filter f = {.after_ns = rest_query_time(call, "after", INT64_MIN),
                      .until_ns = rest_query_time(call, "until", INT64_MAX),
                      .after_id = id_from(b, call, "after_order_id", 0),
                      .before_id = id_from(b, call, "before_order_id", UINT64_MAX),
                      .open = all || !closed,
                      .closed = all || closed,
                      .nested = rest_query_is(call, "nested", "true")};
    bool up = rest_query_is(call, "direction", "asc");
    json_t *list = json_array();
    for (uint64_t i = 1; i < b->order_count && json_array_size(list) < most; i++) {
        const broker_order *o = broker_order_at(b, up ? i : b->order_count - i);
        if (o && passes(b, call, &f, o))
            json_array_append_new(list, broker_order_json(b, o, f.nested));
    }
    return list;
}

static json_t *get_order(ats_paper *b, rest_call *call)
{
    const broker_order *o = order_of(b, call);
    return o ? broker_order_json(b, o, rest_query_is(call, "nested", "true")) : NULL;
}

static json_t *get_order_by_client(ats_paper *b, rest_call *call)
{
    const char *id = rest_query(call, "client_order_id");
    const broker_order *o = id ? broker_order_by_client(b, id) : NULL;
    return o ? broker_order_json(b, o, true) : rest_not_found(call, "order not found");
}

static json_t *patch_order(ats_paper *b, rest_call *call)
{
    broker_order *o = order_of(b, call);
    o = o ? broker_replace(b, o, call->body, &call->why) : NULL;
    return o ? broker_order_json(b, o, false) : NULL;
}

static json_t *delete_order(ats_paper *b, rest_call *call)
{
    broker_order *o = order_of(b, call);
    if (o && broker_cancel(b, o, &call->why))
        call->status = 204;
    return NULL;
}

static int cancel_or_tell(ats_paper *b, broker_order *o)
{
    broker_refusal why = {0};
    broker_cancel(b, o, &why);
    json_decref(why.more);
    return why.status ? why.status : 200;
}

static json_t *delete_orders(ats_paper *b, rest_call *call)
{
    json_t *list = json_array();
    for (uint64_t id = 1; id < b->order_count; id++) {
        broker_order *o = broker_order_at(b, id);
        if (!o || broker_is_over(o->status) || o->status == BROKER_PENDING_CANCEL)
            continue;
        json_t *uuid = broker_uuid_json(b, BROKER_ID_ORDER, id);
        json_array_append_new(list,
                              json_pack("{s:o, s:i}", "id", uuid, "status", cancel_or_tell(b, o)));
    }
    call->status = 207;
    return list;
}

/* ---- positions ------------------------------------------------------------------------------ */

static json_t *get_positions(ats_paper *b, rest_call *call)
{
    (void)call;
    json_t *list = json_array();
    for (uint32_t id = 1; id <= b->config.symbols->count; id++)
        if (b->portfolio->holdings[id].qty_e9 != 0)
            json_array_append_new(list, broker_position_json(b, id));
    return list;
}

static uint32_t position_of(const ats_paper *b, rest_call *call)
{
    uint32_t id = broker_symbol_by_text(b, call->arg);
    if (id && b->portfolio->holdings[id].qty_e9 != 0)
        return id;
    rest_not_found(call, "position does not exist");
    return 0;
}

static json_t *get_position(ats_paper *b, rest_call *call)
{
    uint32_t id = position_of(b, call);
    return id ? broker_position_json(b, id) : NULL;
}

static json_t *delete_position(ats_paper *b, rest_call *call)
{
    uint32_t id = position_of(b, call);
    const char *qty = rest_query(call, "qty"), *percent = rest_query(call, "percentage");
    int64_t qty_e9 = 0, percent_e9 = 0, held;
    if (!id)
        return NULL;
    held = b->portfolio->holdings[id].qty_e9;
    held = held < 0 ? -held : held;
    bool bad = (qty && ats_decimal_e9(qty, strlen(qty), &qty_e9) != ATS_DECIMAL_OK) ||
               (percent && ats_decimal_e9(percent, strlen(percent), &percent_e9) != ATS_DECIMAL_OK);
    if (percent)
        qty_e9 = (int64_t)((__int128)held * percent_e9 / (100 * ATS_E9));
    if (bad || (qty && percent) || qty_e9 < 0 || qty_e9 > held ||
        ((qty || percent) && qty_e9 == 0)) {
        broker_refuse(&call->why, 422, REST_CODE_BAD_PARAMS, "invalid qty or percentage");
        return NULL;
    }
    broker_order *o = broker_close(b, id, qty_e9, &call->why);
    return o ? broker_order_json(b, o, false) : NULL;
}

/* With cancel_orders, orders that hold shares go first: the position is left when they are gone. */
static json_t *delete_positions(ats_paper *b, rest_call *call)
{
    json_t *list = json_array();
    if (rest_query_is(call, "cancel_orders", "true")) {
        json_decref(delete_orders(b, call));
        broker_run_due(b);
    }
    for (uint32_t id = 1; id <= b->config.symbols->count; id++) {
        broker_refusal why = {0};
        if (b->portfolio->holdings[id].qty_e9 == 0)
            continue;
        broker_order *o = broker_close(b, id, 0, &why);
        json_t *body = o ? broker_order_json(b, o, false) : broker_refusal_json(&why);
        json_array_append_new(list, json_pack("{s:s, s:i, s:o}", "symbol",
                                              b->config.symbols->entry[id].text, "status",
                                              o ? 200 : why.status, "body", body));
    }
    call->status = 207;
    return list;
}

/* ---- the table ------------------------------------------------------------------------------ */

typedef struct rest_route {
    const char *method, *path; /* a * at the end stands for one segment */
    rest_function *run;
} rest_route;

static const rest_route ROUTES[] = {
    {"GET", "/v2/account", get_account},
    {"GET", "/v2/account/configurations", get_configurations},
    {"GET", "/v2/account/activities", get_activities},
    {"GET", "/v2/account/activities/*", get_activities},
    {"GET", "/v2/clock", get_clock},
    {"GET", "/v2/calendar", get_calendar},
    {"GET", "/v2/assets", get_assets},
    {"GET", "/v2/assets/*", get_asset},
    {"POST", "/v2/orders", post_order},
    {"GET", "/v2/orders", get_orders},
    {"DELETE", "/v2/orders", delete_orders},
    {"GET", "/v2/orders:by_client_order_id", get_order_by_client},
    {"GET", "/v2/orders/*", get_order},
    {"PATCH", "/v2/orders/*", patch_order},
    {"DELETE", "/v2/orders/*", delete_order},
    {"GET", "/v2/positions", get_positions},
    {"DELETE", "/v2/positions", delete_positions},
    {"GET", "/v2/positions/*", get_position},
    {"DELETE", "/v2/positions/*", delete_position},
    {"GET", "/v2/stocks/bars", rest_history},
    {"GET", "/v2/stocks/trades", rest_history},
    {"GET", "/v2/stocks/quotes", rest_history},
    {"GET", "/v2/stocks/bars/latest", rest_latest},
    {"GET", "/v2/stocks/trades/latest", rest_latest},
    {"GET", "/v2/stocks/quotes/latest", rest_latest},
    {"GET", "/v2/stocks/snapshots", rest_snapshots},
};

static bool matches(const rest_route *route, const char *method, rest_call *call)
{
    size_t n = strlen(route->path);
    bool star = route->path[n - 1] == '*';
    call->arg = call->path + strlen(call->path);
    if (strcmp(route->method, method) != 0)
        return false;
    if (!star)
        return strcmp(route->path, call->path) == 0;
    if (strncmp(route->path, call->path, n - 1) != 0 || strchr(call->path + n - 1, '/') ||
        call->path[n - 1] == '\0')
        return false;
    call->arg = call->path + n - 1;
    return true;
}

static json_t *dispatch(ats_paper *b, const ats_paper_request *r, rest_call *call)
{
    const char *key = r->key ? r->key : "", *secret = r->secret ? r->secret : "";
    if (strcmp(key, b->config.key) != 0 || strcmp(secret, b->config.secret) != 0) {
        broker_refuse(&call->why, 401, 40110000, "unauthorized.");
        return NULL;
    }
    if (!read_target(call, r->target)) {
        broker_refuse(&call->why, 414, 41410000, "the target is too long");
        return NULL;
    }
    if (r->body_bytes) {
        json_error_t error;
        call->body = json_loadb(r->body, r->body_bytes, JSON_REJECT_DUPLICATES, &error);
        if (!json_is_object(call->body)) {
            broker_refuse(&call->why, 400, 40010000, "request body format is invalid");
            return NULL;
        }
    }
    for (size_t i = 0; i < sizeof ROUTES / sizeof ROUTES[0]; i++)
        if (matches(&ROUTES[i], r->method, call))
            return ROUTES[i].run(b, call);
    return rest_not_found(call, "endpoint not found.");
}

int ats_paper_rest(ats_paper *b, const ats_paper_request *request, ats_paper_reply *reply)
{
    rest_call *call = calloc(1, sizeof *call);
    *reply = (ats_paper_reply){.status = 500};
    if (!call)
        return ats_error(ATS_EXIT_FAILED, "venue: out of memory");
    call->status = 200;
    broker_run_due(b);
    json_t *j = dispatch(b, request, call);
    reply->status = call->status;
    if (call->why.status) { /* of what was made so far nothing is told */
        json_decref(j);
        reply->status = call->why.status;
        j = broker_refusal_json(&call->why);
    }
    int failed = 0;
    if (!j && !call->raw.length) {
        failed = 0;
    } else if (j) {
        reply->body = json_dumps(j, JSON_COMPACT);
        reply->body_bytes = reply->body ? strlen(reply->body) : 0;
        failed = !reply->body;
    } else {
        reply->body = call->raw.bytes;
        reply->body_bytes = call->raw.length;
        failed = call->raw.failed;
        call->raw = (broker_wire){0};
    }
    if (failed)
        ats_error(ATS_EXIT_FAILED, "venue: out of memory");
    broker_wire_free(&call->raw);
    json_decref(j);
    json_decref(call->body);
    free(call);
    return failed ? -1 : 0;
}
