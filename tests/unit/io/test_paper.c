/* The broker in Alpaca's words: requests as a client would send them, and what its streams hear. */
#include "io/calendar_file.h"
#include "io/venue/alpaca/paper.h"
#include "io/venue/alpaca/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START (1704205800ll * ATS_E9) /* 2024-01-02 09:30 in New York */
#define CENT  10000000ll

static ats_symbols symbols;
static ats_calendar_table calendar;
static ats_paper *broker;
static int64_t now_ns;

/* Messages of the one stream that a test opens, as JSON. */
static json_t *heard;
static bool heard_msgpack;

static void hear(void *context, const void *bytes, size_t n, bool binary)
{
    (void)context;
    (void)binary;
    json_t *message = broker_wire_read(bytes, n, heard_msgpack);
    cr_assert_not_null(message, "%.*s", (int)n, (const char *)bytes);
    json_array_append_new(heard, message);
}

/* What was fed, for history. */
static ats_market fed[4096];
static uint32_t fed_count;

static int remember(void *context, uint32_t symbol_id, int64_t from_ns, int64_t to_ns,
                    bool (*visit)(void *visitor, const ats_market *m), void *visitor)
{
    (void)context;
    for (uint32_t i = 0; i < fed_count; i++)
        if (fed[i].h.symbol_id == symbol_id && fed[i].h.recv_ns >= from_ns &&
            fed[i].h.recv_ns <= to_ns && !visit(visitor, &fed[i]))
            break;
    return 0;
}

static void feed(const ats_market *m)
{
    fed[fed_count++] = *m;
    ats_paper_foresee(broker, m);
    ats_paper_market(broker, m);
}

static void open_broker(void)
{
    static const char *const NAMES[] = {"AAPL", "MSFT"};
    for (size_t i = 0; i < 2; i++) {
        ats_symbol s = {.venue = "US", .symbol_class = ATS_CLASS_EQUITY, .lot_e9 = ATS_E9};
        snprintf(s.text, sizeof s.text, "%s", NAMES[i]);
        cr_assert(ats_symbols_add(&symbols, &s));
    }
    ats_symbol coin = {.text = "BTCUSD", .venue = "CRYPTO", .symbol_class = ATS_CLASS_CRYPTO_SPOT};
    cr_assert(ats_symbols_add(&symbols, &coin));
    cr_assert_eq(ats_calendar_load(&calendar, ""), 0);
    now_ns = START;
    broker = ats_paper_new(&(ats_paper_config){.symbols = &symbols,
                                               .calendar = &calendar.calendar,
                                               .key = "PK",
                                               .secret = "SK",
                                               .venue = {.order_capacity = 1024},
                                               .cash_e9 = 100000 * ATS_E9,
                                               .seed = 7,
                                               .start_ns = START,
                                               .history = remember});
    cr_assert_not_null(broker);
    heard = json_array();
}

static void close_broker(void)
{
    ats_paper_free(broker);
    ats_symbols_free(&symbols);
    ats_calendar_free(&calendar);
    json_decref(heard);
}

TestSuite(paper, .init = open_broker, .fini = close_broker);

static void quote(uint32_t symbol, int64_t bid_cents, int64_t ask_cents)
{
    now_ns += 1000000;
    ats_market m = {.quote = {.h = {.kind = ATS_KIND_QUOTE,
                                    .symbol_id = symbol,
                                    .recv_ns = now_ns,
                                    .event_ns = now_ns},
                              .bid_e9 = bid_cents * CENT,
                              .ask_e9 = ask_cents * CENT,
                              .bid_size_e9 = 300 * ATS_E9,
                              .ask_size_e9 = 300 * ATS_E9,
                              .venue = 'Q'}};
    feed(&m);
}

static void trade(uint32_t symbol, int64_t after_ms, int64_t cents, int64_t qty)
{
    now_ns += after_ms * 1000000;
    ats_market m = {.trade = {.h = {.kind = ATS_KIND_TRADE,
                                    .symbol_id = symbol,
                                    .recv_ns = now_ns,
                                    .event_ns = now_ns},
                              .px_e9 = cents * CENT,
                              .qty_e9 = qty * ATS_E9,
                              .trade_id = fed_count,
                              .venue = 'V',
                              .condition = {'@', ' ', ' ', ' '}}};
    feed(&m);
}

static json_t *call(int status, const char *method, const char *target, const char *body)
{
    ats_paper_request r = {.method = method,
                           .target = target,
                           .key = "PK",
                           .secret = "SK",
                           .body = body,
                           .body_bytes = body ? strlen(body) : 0};
    ats_paper_reply reply;
    cr_assert_eq(ats_paper_rest(broker, &r, &reply), 0);
    cr_assert_eq(reply.status, status, "%s %s: %d %.*s", method, target, reply.status,
                 (int)reply.body_bytes, reply.body ? reply.body : "");
    json_t *j = reply.body ? json_loadb(reply.body, reply.body_bytes, 0, NULL) : NULL;
    cr_assert(!reply.body || j);
    free(reply.body);
    return j;
}

static void wait_a_moment(void)
{
    now_ns += 1000;
    ats_paper_advance(broker, now_ns);
}

static const char *text(const json_t *j, const char *key)
{
    const char *value = json_string_value(json_object_get(j, key));
    return value ? value : "(none)";
}

#define expect_text(j, key, value)                                                                 \
    cr_assert_str_eq(text(j, key), value, "%s is %s", key, text(j, key))

static json_t *post(int status, const char *body)
{
    return call(status, "POST", "/v2/orders", body);
}

/* Posts, waits, and gives the order as it is then. */
static json_t *placed(const char *body)
{
    char target[128];
    json_t *j = post(200, body);
    snprintf(target, sizeof target, "/v2/orders/%s?nested=true", text(j, "id"));
    json_decref(j);
    wait_a_moment();
    return call(200, "GET", target, NULL);
}

static json_t *again(const json_t *order)
{
    char target[128];
    snprintf(target, sizeof target, "/v2/orders/%s?nested=true", text(order, "id"));
    return call(200, "GET", target, NULL);
}

static json_t *change(int status, const json_t *order, const char *method, const char *body)
{
    char target[128];
    snprintf(target, sizeof target, "/v2/orders/%s", text(order, "id"));
    return call(status, method, target, body);
}

/* ---- orders --------------------------------------------------------------------------------- */

#define MARKET_BUY                                                                                 \
    "{\"symbol\":\"AAPL\",\"qty\":\"10\",\"side\":\"buy\",\"type\":\"market\","                    \
    "\"time_in_force\":\"day\"}"
#define LIMIT_BUY(price)                                                                           \
    "{\"symbol\":\"AAPL\",\"qty\":\"10\",\"side\":\"buy\",\"type\":\"limit\",\"limit_price\":"     \
    "\"" price "\",\"time_in_force\":\"gtc\"}"

Test(paper, a_market_order_is_taken_then_filled)
{
    quote(1, 10000, 10010);
    json_t *j = post(200, MARKET_BUY);
    expect_text(j, "status", "pending_new");
    expect_text(j, "qty", "10");
    wait_a_moment();
    json_t *k = again(j);
    expect_text(k, "status", "filled");
    expect_text(k, "filled_avg_price", "100.1");
    expect_text(k, "filled_at", "2024-01-02T14:30:00.001001000Z");
    json_t *p = call(200, "GET", "/v2/positions/AAPL", NULL);
    expect_text(p, "qty", "10");
    expect_text(p, "avg_entry_price", "100.1");
    expect_text(p, "side", "long");
    json_t *a = call(200, "GET", "/v2/account", NULL);
    expect_text(a, "cash", "98999");
    expect_text(a, "equity", "99999.5"); /* ten at the mid of 100.05 */
    expect_text(a, "last_equity", "100000");
    json_decref(j);
    json_decref(k);
    json_decref(p);
    json_decref(a);
}

Test(paper, a_limit_order_rests_is_replaced_and_cancelled)
{
    quote(1, 10000, 10010);
    json_t *j = placed(LIMIT_BUY("99.50"));
    expect_text(j, "status", "new");
    json_t *by = change(200, j, "PATCH", "{\"qty\":\"4\",\"limit_price\":99.6}");
    expect_text(by, "replaces", text(j, "id"));
    wait_a_moment();
    json_t *old = again(j), *new = again(by);
    expect_text(old, "status", "replaced");
    expect_text(old, "replaced_by", text(by, "id"));
    expect_text(new, "status", "new");
    expect_text(new, "limit_price", "99.6");
    expect_text(new, "qty", "4");
    cr_assert_null(change(204, by, "DELETE", NULL));
    wait_a_moment();
    json_t *gone = again(by);
    expect_text(gone, "status", "canceled");
    json_t *refused = change(422, by, "DELETE", NULL);
    cr_assert_eq(json_integer_value(json_object_get(refused, "code")), 42210000);
    cr_assert_eq(ats_paper_open_count(broker), 0);
    json_t *all[] = {j, by, old, new, gone, refused};
    for (size_t i = 0; i < 6; i++)
        json_decref(all[i]);
}

Test(paper, a_bracket_holds_its_legs_until_it_is_filled)
{
    quote(1, 10000, 10010);
    json_t *j = placed("{\"symbol\":\"AAPL\",\"qty\":10,\"side\":\"buy\",\"type\":\"limit\","
                       "\"limit_price\":99.9,\"time_in_force\":\"day\",\"order_class\":\"bracket\","
                       "\"take_profit\":{\"limit_price\":102},\"stop_loss\":{\"stop_price\":98}}");
    json_t *legs = json_object_get(j, "legs");
    cr_assert_eq(json_array_size(legs), 2);
    expect_text(json_array_get(legs, 0), "status", "held");
    expect_text(json_array_get(legs, 0), "type", "limit");
    expect_text(json_array_get(legs, 1), "type", "stop");
    quote(1, 9980, 9985);
    json_t *k = again(j);
    expect_text(k, "status", "filled");
    expect_text(json_array_get(json_object_get(k, "legs"), 1), "status", "new");
    json_t *refused = post(403, "{\"symbol\":\"AAPL\",\"qty\":1,\"side\":\"sell\",\"type\":"
                                "\"market\",\"time_in_force\":\"day\"}");
    cr_assert(strstr(text(refused, "message"), "insufficient qty available"));
    expect_text(refused, "held_for_orders", "10");
    quote(1, 10201, 10210);
    json_t *l = again(j);
    legs = json_object_get(l, "legs");
    expect_text(json_array_get(legs, 0), "status", "filled");
    expect_text(json_array_get(legs, 1), "status", "canceled");
    json_t *none = call(404, "GET", "/v2/positions/AAPL", NULL);
    json_t *all[] = {j, k, l, refused, none};
    for (size_t i = 0; i < 5; i++)
        json_decref(all[i]);
}

Test(paper, what_is_wrong_is_refused_with_alpacas_codes)
{
    static const struct {
        int status, code;
        const char *says, *body;
    } CASES[] = {
        {422, 40010001, "symbol is required", "{}"},
        {422, 42210000, "not found", "{\"symbol\":\"NONE\"}"},
        {422, 40010001, "side is required", "{\"symbol\":\"AAPL\"}"},
        {422, 40010001, "invalid type",
         "{\"symbol\":\"AAPL\",\"side\":\"buy\",\"type\":\"magic\"}"},
        {422, 40010001, "qty is required",
         "{\"symbol\":\"AAPL\",\"side\":\"buy\",\"type\":\"market\",\"time_in_force\":\"day\"}"},
        {422, 40010001, "limit price",
         "{\"symbol\":\"AAPL\",\"qty\":1,\"side\":\"buy\",\"type\":\"limit\","
         "\"time_in_force\":\"day\"}"},
        {422, 42210000, "sub-penny", LIMIT_BUY("99.505")},
        {422, 42210000, "invalid limit_price", LIMIT_BUY("-1")},
        {422, 42210000, "extended hours",
         "{\"symbol\":\"AAPL\",\"qty\":1,\"side\":\"buy\",\"type\":\"market\","
         "\"time_in_force\":\"day\",\"extended_hours\":true}"},
        {422, 40010001, "oco orders",
         "{\"symbol\":\"AAPL\",\"qty\":1,\"side\":\"sell\",\"type\":\"limit\",\"limit_price\":101,"
         "\"time_in_force\":\"day\",\"order_class\":\"oco\"}"},
        {403, 40310000, "insufficient buying power",
         "{\"symbol\":\"AAPL\",\"qty\":100000,\"side\":\"buy\",\"type\":\"limit\","
         "\"limit_price\":100,\"time_in_force\":\"day\"}"},
    };
    quote(1, 10000, 10010);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        json_t *j = post(CASES[i].status, CASES[i].body);
        cr_assert_eq(json_integer_value(json_object_get(j, "code")), CASES[i].code, "%s",
                     CASES[i].body);
        cr_assert(strstr(text(j, "message"), CASES[i].says), "%s", text(j, "message"));
        json_decref(j);
    }
    json_decref(call(400, "POST", "/v2/orders", "{\"symbol\":"));
    json_decref(call(404, "GET", "/v2/nothing", NULL));
    json_decref(call(404, "GET", "/v2/orders/00000000-0000-4000-8000-000000000000", NULL));
    ats_paper_request r = {.method = "GET", .target = "/v2/account", .key = "PK", .secret = "no"};
    ats_paper_reply reply;
    cr_assert_eq(ats_paper_rest(broker, &r, &reply), 0);
    cr_assert_eq(reply.status, 401);
    free(reply.body);
    cr_assert_eq(ats_paper_order_count(broker), 0);
}

Test(paper, a_client_order_id_is_used_once_for_ever)
{
    quote(1, 10000, 10010);
    static const char BODY[] =
        "{\"symbol\":\"AAPL\",\"qty\":1,\"side\":\"buy\",\"type\":\"market\","
        "\"time_in_force\":\"day\",\"client_order_id\":\"a b&c\"}";
    json_t *j = placed(BODY), *k = post(422, BODY);
    expect_text(j, "status", "filled");
    expect_text(k, "message", "client_order_id must be unique");
    cr_assert_eq(json_integer_value(json_object_get(k, "code")), 40010001);
    json_t *l = call(200, "GET", "/v2/orders:by_client_order_id?client_order_id=a+b%26c", NULL);
    expect_text(l, "id", text(j, "id"));
    json_decref(call(404, "GET", "/v2/orders:by_client_order_id?client_order_id=other", NULL));
    json_decref(j);
    json_decref(k);
    json_decref(l);
}

Test(paper, an_order_that_might_meet_our_own_is_refused)
{
    quote(1, 10000, 10010);
    json_t *j = placed("{\"symbol\":\"AAPL\",\"qty\":1,\"side\":\"sell\",\"type\":\"stop\","
                       "\"stop_price\":90,\"time_in_force\":\"gtc\"}");
    json_t *k = post(403, MARKET_BUY);
    cr_assert(strstr(text(k, "message"), "wash trade"));
    expect_text(k, "existing_order_id", text(j, "id"));
    json_decref(j);
    json_decref(k);
}

Test(paper, lists_are_filtered_and_cut)
{
    quote(1, 10000, 10010);
    json_t *first = placed(MARKET_BUY);
    for (int i = 0; i < 5; i++)
        json_decref(placed(LIMIT_BUY("99.50")));
    static const struct {
        const char *target;
        size_t n;
    } CASES[] = {{"/v2/orders", 5},
                 {"/v2/orders?status=closed", 1},
                 {"/v2/orders?status=all", 6},
                 {"/v2/orders?status=all&limit=4", 4},
                 {"/v2/orders?status=all&symbols=MSFT,BTCUSD", 0},
                 {"/v2/orders?status=all&symbols=MSFT,AAPL&side=sell", 0},
                 {"/v2/orders?status=all&until=2024-01-02T14:30:00Z", 0},
                 {"/v2/account/activities?activity_types=FILL", 1},
                 {"/v2/account/activities/FILL", 1},
                 {"/v2/account/activities/DIV", 0},
                 {"/v2/assets?asset_class=crypto", 1},
                 {"/v2/assets", 3},
                 {"/v2/calendar?start=2024-01-02&end=2024-01-05", 4}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        json_t *j = call(200, "GET", CASES[i].target, NULL);
        cr_assert_eq(json_array_size(j), CASES[i].n, "%s gives %zu", CASES[i].target,
                     json_array_size(j));
        json_decref(j);
    }
    char target[128]; /* a page after the other, each once */
    snprintf(target, sizeof target, "/v2/orders?status=all&direction=asc&after_order_id=%s&limit=2",
             text(first, "id"));
    json_t *page = call(200, "GET", target, NULL);
    cr_assert_eq(json_array_size(page), 2);
    json_decref(page);
    json_decref(first);
    json_decref(call(422, "GET", "/v2/orders?limit=501", NULL));
    json_decref(call(422, "GET", "/v2/orders?after=yesterday", NULL));
}

Test(paper, positions_are_left_whole_in_part_and_with_their_orders)
{
    quote(1, 10000, 10010);
    quote(3, 4000000, 4000100);
    json_decref(placed(MARKET_BUY));
    json_decref(placed("{\"symbol\":\"BTCUSD\",\"notional\":\"1000\",\"side\":\"buy\",\"type\":"
                       "\"market\",\"time_in_force\":\"gtc\"}"));
    json_t *coin = call(200, "GET", "/v2/positions/BTCUSD", NULL);
    expect_text(coin, "qty", "0.024999375");
    json_decref(coin);
    json_decref(call(200, "DELETE", "/v2/positions/AAPL?percentage=40", NULL));
    wait_a_moment();
    json_t *p = call(200, "GET", "/v2/positions/AAPL", NULL);
    expect_text(p, "qty", "6");
    json_decref(p);
    json_decref(placed("{\"symbol\":\"AAPL\",\"qty\":6,\"side\":\"sell\",\"type\":\"limit\","
                       "\"limit_price\":120,\"time_in_force\":\"day\"}"));
    json_decref(call(403, "DELETE", "/v2/positions/AAPL", NULL));
    json_decref(call(422, "DELETE", "/v2/positions/AAPL?qty=1&percentage=2", NULL));
    json_t *all = call(207, "DELETE", "/v2/positions?cancel_orders=true", NULL);
    cr_assert_eq(json_array_size(all), 2);
    json_decref(all);
    wait_a_moment();
    json_t *none = call(200, "GET", "/v2/positions", NULL);
    cr_assert_eq(json_array_size(none), 0);
    json_decref(none);
    cr_assert_eq(ats_paper_open_count(broker), 0);
    cr_assert(ats_portfolio_check(ats_paper_portfolio(broker)));
}

Test(paper, the_clock_is_new_yorks)
{
    json_t *j = call(200, "GET", "/v2/clock", NULL);
    expect_text(j, "timestamp", "2024-01-02T09:30:00-05:00");
    cr_assert(json_is_true(json_object_get(j, "is_open")));
    expect_text(j, "next_open", "2024-01-03T09:30:00-05:00");
    expect_text(j, "next_close", "2024-01-02T16:00:00-05:00");
    json_decref(j);
    now_ns = START + 7 * 3600 * ATS_E9;
    ats_paper_advance(broker, now_ns);
    j = call(200, "GET", "/v2/clock", NULL);
    cr_assert(json_is_false(json_object_get(j, "is_open")));
    expect_text(j, "next_open", "2024-01-03T09:30:00-05:00");
    expect_text(j, "next_close", "2024-01-03T16:00:00-05:00");
    json_decref(j);
    j = post(200, LIMIT_BUY("99.50"));
    expect_text(j, "status", "accepted");
    json_decref(j);
}

/* ---- history -------------------------------------------------------------------------------- */

/* All pages of a call, joined: symbol to rows. */
static json_t *all_pages(const char *what, const char *query, int limit, int *pages)
{
    char target[512], token[128] = "";
    json_t *all = json_object();
    for (*pages = 0; *pages < 1000; ++*pages) {
        const char *symbol;
        json_t *rows;
        snprintf(target, sizeof target, "/v2/stocks/%s?%s&limit=%d%s%s", what, query, limit,
                 token[0] ? "&page_token=" : "", token);
        json_t *page = call(200, "GET", target, NULL);
        size_t n = 0;
        json_object_foreach(json_object_get(page, what), symbol, rows)
        {
            if (!json_object_get(all, symbol))
                json_object_set_new(all, symbol, json_array());
            json_array_extend(json_object_get(all, symbol), rows);
            n += json_array_size(rows);
        }
        cr_assert_leq(n, (size_t)limit);
        const char *next = json_string_value(json_object_get(page, "next_page_token"));
        snprintf(token, sizeof token, "%s", next ? next : "");
        json_decref(page);
        if (!token[0])
            break;
    }
    return all;
}

Test(paper, pages_of_history_join_to_the_whole)
{
    int pages, one;
    for (int i = 0; i < 300; i++) /* many at one moment, so that pages are cut within */
        trade(1 + i % 2, i % 7 == 0 ? 1500 : 0, 10000 + i % 11, 1 + i % 3);
    static const char *const CALLS[][2] = {{"trades", "symbols=MSFT,AAPL,NONE"},
                                           {"bars", "symbols=AAPL,MSFT&timeframe=1Min"}};
    for (size_t i = 0; i < 2; i++) {
        json_t *whole = all_pages(CALLS[i][0], CALLS[i][1], 10000, &one);
        cr_assert_eq(one, 0);
        size_t aapl = json_array_size(json_object_get(whole, "AAPL"));
        cr_assert_eq(aapl, i ? 2 : 150, "%zu", aapl);
        static const int LIMITS[] = {1, 2, 3, 7, 50, 149, 150, 151};
        for (size_t k = 0; k < sizeof LIMITS / sizeof LIMITS[0]; k++) {
            json_t *parts = all_pages(CALLS[i][0], CALLS[i][1], LIMITS[k], &pages);
            cr_assert(json_equal(parts, whole), "%s by %d", CALLS[i][0], LIMITS[k]);
            json_decref(parts);
        }
        json_decref(whole);
    }
}

Test(paper, bars_are_of_trades)
{
    trade(1, 1000, 10000, 5);
    trade(1, 1000, 10020, 5);
    trade(1, 57999, 9990, 10);
    trade(1, 1, 10010, 1); /* the next minute's */
    json_t *j = call(200, "GET", "/v2/stocks/bars?symbols=AAPL&timeframe=1Min", NULL);
    json_t *wanted = json_loads(
        "{\"bars\":{\"AAPL\":[{\"o\":100,\"h\":100.2,\"l\":99.9,\"c\":99.9,\"v\":20,\"n\":3,"
        "\"vw\":100,\"t\":\"2024-01-02T14:30:00Z\"},{\"o\":100.1,\"h\":100.1,\"l\":100.1,"
        "\"c\":100.1,\"v\":1,\"n\":1,\"vw\":100.1,\"t\":\"2024-01-02T14:31:00Z\"}]},"
        "\"next_page_token\":null}",
        0, NULL);
    char *shown = json_dumps(j, JSON_COMPACT);
    cr_assert(json_equal(j, wanted), "%s", shown);
    free(shown);
    json_decref(j);
    json_decref(wanted);
    j = call(200, "GET", "/v2/stocks/bars?symbols=AAPL&timeframe=1Day", NULL);
    json_t *day = json_array_get(json_object_get(json_object_get(j, "bars"), "AAPL"), 0);
    expect_text(day, "t", "2024-01-02T05:00:00Z");
    cr_assert_eq(json_integer_value(json_object_get(day, "v")), 21);
    json_decref(j);
    j = call(200, "GET", "/v2/stocks/snapshots?symbols=AAPL", NULL);
    json_t *s = json_object_get(j, "AAPL");
    expect_text(json_object_get(s, "minuteBar"), "t", "2024-01-02T14:30:00Z");
    expect_text(json_object_get(s, "latestTrade"), "t", "2024-01-02T14:31:00Z");
    cr_assert_null(json_object_get(s, "latestQuote"));
    json_decref(j);
    json_decref(call(200, "GET", "/v2/stocks/quotes/latest?symbols=AAPL", NULL));
    json_decref(call(400, "GET", "/v2/stocks/bars?symbols=AAPL&timeframe=7Parsec", NULL));
    json_decref(call(400, "GET", "/v2/stocks/bars?timeframe=1Min", NULL));
    json_decref(call(400, "GET", "/v2/stocks/trades?symbols=AAPL&page_token=!", NULL));
    json_decref(call(400, "GET", "/v2/stocks/trades?symbols=AAPL&sort=desc", NULL));
}

/* ---- streams -------------------------------------------------------------------------------- */

static ats_paper_stream *listen_as(ats_paper_stream_kind kind, bool msgpack)
{
    heard_msgpack = msgpack;
    ats_paper_stream *s = ats_paper_stream_open(
        broker, &(ats_paper_stream_config){.kind = kind, .msgpack = msgpack, .send = hear});
    cr_assert_not_null(s);
    return s;
}

static bool say(ats_paper_stream *s, const char *json)
{
    json_t *message = json_loads(json, 0, NULL);
    broker_wire w = {.msgpack = heard_msgpack};
    broker_wire_json(&w, message);
    bool stays = ats_paper_stream_message(s, w.bytes, w.length);
    broker_wire_free(&w);
    json_decref(message);
    return stays;
}

static void expect_heard(const char *json)
{
    json_t *wanted = json_loads(json, 0, NULL);
    cr_assert_not_null(wanted);
    json_t *got = json_array_get(heard, 0);
    char *shown = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    cr_assert(json_equal(got, wanted), "%s, not %s", shown ? shown : "nothing", json);
    free(shown);
    json_decref(wanted);
    json_array_remove(heard, 0);
}

static void trade_data(bool msgpack)
{
    ats_paper_stream *s = listen_as(ATS_PAPER_STREAM_DATA, msgpack);
    expect_heard("[{\"T\":\"success\",\"msg\":\"connected\"}]");
    say(s, "{\"action\":\"subscribe\",\"quotes\":[\"*\"]}");
    expect_heard("[{\"T\":\"error\",\"code\":401,\"msg\":\"not authenticated\"}]");
    say(s, "{\"action\":\"auth\",\"key\":\"PK\",\"secret\":\"x\"}");
    expect_heard("[{\"T\":\"error\",\"code\":402,\"msg\":\"auth failed\"}]");
    say(s, "{\"action\":\"auth\",\"key\":\"PK\",\"secret\":\"SK\"}");
    expect_heard("[{\"T\":\"success\",\"msg\":\"authenticated\"}]");
    say(s, "{\"action\":\"subscribe\",\"quotes\":[\"*\"],\"trades\":[\"AAPL\"]}");
    expect_heard("[{\"T\":\"subscription\",\"trades\":[\"AAPL\"],\"quotes\":[\"*\"],\"bars\":[],"
                 "\"updatedBars\":[],\"dailyBars\":[],\"statuses\":[],\"lulds\":[],"
                 "\"corrections\":[\"AAPL\"],\"cancelErrors\":[\"AAPL\"]}]");
    quote(1, 10000, 10010);
    ats_market m = {.trade = {.h = {.kind = ATS_KIND_TRADE,
                                    .symbol_id = 1,
                                    .recv_ns = now_ns,
                                    .event_ns = now_ns + 500},
                              .px_e9 = 10005 * CENT,
                              .qty_e9 = 7 * ATS_E9,
                              .trade_id = 12345678901ull,
                              .venue = 'V',
                              .condition = {'@', 0, 'I', 0}}};
    ats_paper_market(broker, &m);
    m.h.symbol_id = 2; /* not asked for */
    ats_paper_market(broker, &m);
    cr_assert_eq(json_array_size(heard), 0, "gathered until the flush");
    ats_paper_flush(broker);
    if (!msgpack) {
        expect_heard("[{\"T\":\"q\",\"S\":\"AAPL\",\"bx\":\"Q\",\"bp\":100,\"bs\":300,\"ax\":\"Q\","
                     "\"ap\":100.1,\"as\":300,\"c\":[\"R\"],\"z\":\"C\","
                     "\"t\":\"2024-01-02T14:30:00.001Z\"},"
                     "{\"T\":\"t\",\"S\":\"AAPL\",\"i\":12345678901,\"x\":\"V\",\"p\":100.05,"
                     "\"s\":7,\"c\":[\"@\",\"I\"],\"z\":\"C\","
                     "\"t\":\"2024-01-02T14:30:00.0010005Z\"}]");
    }
    say(s, "{\"action\":\"unsubscribe\",\"trades\":[\"AAPL\"]}");
    expect_heard("[{\"T\":\"subscription\",\"trades\":[],\"quotes\":[\"*\"],\"bars\":[],"
                 "\"updatedBars\":[],\"dailyBars\":[],\"statuses\":[],\"lulds\":[],"
                 "\"corrections\":[],\"cancelErrors\":[]}]");
    ats_paper_stream_close(s);
}

Test(paper, market_data_as_json)
{
    trade_data(false);
}

/* MessagePack says the same, but for times, which are extensions there (tests/python look at them).
 */
Test(paper, bars_on_the_stream)
{
    ats_paper_stream *s = listen_as(ATS_PAPER_STREAM_DATA, false);
    say(s, "{\"action\":\"auth\",\"key\":\"PK\",\"secret\":\"SK\"}");
    say(s, "{\"action\":\"subscribe\",\"bars\":[\"AAPL\"],\"dailyBars\":[\"*\"]}");
    json_array_clear(heard);
    trade(1, 1000, 10000, 5);
    trade(2, 1000, 20000, 5);
    ats_paper_flush(broker);
    cr_assert_eq(json_array_size(heard), 0);
    now_ns = START + 60 * ATS_E9;
    ats_paper_advance(broker, now_ns);
    ats_paper_flush(broker);
    json_t *all = json_array_get(heard, 0);
    cr_assert_eq(json_array_size(all), 3); /* a minute of one, the day of both */
    expect_text(json_array_get(all, 0), "T", "b");
    expect_text(json_array_get(all, 0), "t", "2024-01-02T14:30:00Z");
    expect_text(json_array_get(all, 1), "T", "d");
    expect_text(json_array_get(all, 2), "S", "MSFT");
    json_array_clear(heard);
    ats_paper_advance(broker, now_ns + 60 * ATS_E9);
    ats_paper_flush(broker);
    cr_assert_eq(json_array_size(heard), 0, "a minute without a trade has no bar");
}

Test(paper, one_data_stream_at_a_time)
{
    ats_paper_stream *s = listen_as(ATS_PAPER_STREAM_DATA, false);
    say(s, "{\"action\":\"auth\",\"key\":\"PK\",\"secret\":\"SK\"}");
    ats_paper_stream *t = listen_as(ATS_PAPER_STREAM_DATA, false);
    json_array_clear(heard);
    say(t, "{\"action\":\"auth\",\"key\":\"PK\",\"secret\":\"SK\"}");
    expect_heard("[{\"T\":\"error\",\"code\":406,\"msg\":\"connection limit exceeded\"}]");
    ats_paper_stream_close(s);
    say(t, "{\"action\":\"auth\",\"key\":\"PK\",\"secret\":\"SK\"}");
    expect_heard("[{\"T\":\"success\",\"msg\":\"authenticated\"}]");
}

static void expect_update(const char *event, const char *status)
{
    json_t *data = json_object_get(json_array_get(heard, 0), "data");
    expect_text(data, "event", event);
    expect_text(json_object_get(data, "order"), "status", status);
    json_array_remove(heard, 0);
}

static void hear_updates(bool msgpack)
{
    ats_paper_stream *s = listen_as(ATS_PAPER_STREAM_UPDATES, msgpack);
    say(s, "{\"action\":\"authenticate\",\"data\":{\"key_id\":\"PK\",\"secret_key\":\"SK\"}}");
    expect_heard("{\"stream\":\"authorization\",\"data\":{\"status\":\"authorized\",\"action\":"
                 "\"authenticate\"}}");
    say(s, "{\"action\":\"listen\",\"data\":{\"streams\":[\"trade_updates\",\"other\"]}}");
    expect_heard("{\"stream\":\"listening\",\"data\":{\"streams\":[\"trade_updates\"]}}");
    quote(1, 10000, 10010);
    json_decref(placed("{\"symbol\":\"AAPL\",\"qty\":400,\"side\":\"buy\",\"type\":\"limit\","
                       "\"limit_price\":100.1,\"time_in_force\":\"day\"}"));
    expect_update("new", "new");
    json_t *data = json_object_get(json_array_get(heard, 0), "data");
    expect_text(data, "qty", "300"); /* what was displayed */
    expect_text(data, "price", "100.1");
    expect_text(data, "position_qty", "300");
    expect_update("partial_fill", "partially_filled");
    json_decref(call(207, "DELETE", "/v2/orders", NULL));
    wait_a_moment();
    expect_update("canceled", "canceled");
    cr_assert_eq(json_array_size(heard), 0);
}

Test(paper, updates_as_json)
{
    hear_updates(false);
}

Test(paper, updates_as_messagepack)
{
    hear_updates(true);
}

Test(paper, a_wrong_key_hears_nothing)
{
    ats_paper_stream *s = listen_as(ATS_PAPER_STREAM_UPDATES, false);
    cr_assert_not(say(s, "{\"action\":\"listen\",\"data\":{\"streams\":[\"trade_updates\"]}}"));
    expect_heard("{\"stream\":\"authorization\",\"data\":{\"status\":\"unauthorized\",\"action\":"
                 "\"listen\"}}");
}
