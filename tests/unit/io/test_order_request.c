/* Orders on their way to Alpaca: what is asked is read by the paper broker, and what that makes of
 * it is read back by the decoder of replies. Round and round the same order. */
#include "core/random.h"
#include "io/codec/live/broker_order.h"
#include "io/codec/live/client_order_id.h"
#include "io/codec/live/order_request.h"
#include "io/venue/alpaca/paper.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CENT 10000000ll

Test(client_order_id, comes_back_as_it_was)
{
    static const ats_client_order_id IDS[] = {
        {0, 0, 0, 0},
        {.run = 0x0123456789abcdefull, .order_id = 3, .account_id = 1},
        {UINT64_MAX, UINT64_MAX, UINT32_MAX, 0}};
    char text[ATS_CLIENT_ORDER_ID_BYTES];
    for (size_t i = 0; i < sizeof IDS / sizeof IDS[0]; i++) {
        ats_client_order_id back;
        size_t n = ats_client_order_id_print(&IDS[i], text);
        cr_assert_eq(strlen(text), n);
        cr_assert(ats_client_order_id_parse(text, n, &back), "%s", text);
        cr_assert_eq(memcmp(&back, &IDS[i], sizeof back), 0, "%s", text);
    }
    cr_assert_eq(strcmp(text, "ats1-4294967295-ffffffffffffffff-18446744073709551615"), 0);
}

Test(client_order_id, others_are_none_of_ours)
{
    static const char *const OTHERS[] = {"",
                                         "ats1-",
                                         "ats2-1-0123456789abcdef-3",
                                         "ats1-1-0123456789abcdef",
                                         "ats1-1-0123456789abcdef-",
                                         "ats1-1-0123456789abcde-3",
                                         "ats1-1-0123456789ABCDEF-3",
                                         "ats1-01-0123456789abcdef-3",
                                         "ats1-1-0123456789abcdef-3 ",
                                         "ats1-1-0123456789abcdef-3-4",
                                         "ats1-4294967296-0123456789abcdef-3",
                                         "ats1-1-0123456789abcdef-18446744073709551616",
                                         "5680c4bc-9ac1-4a12-a44c-df427ba53032"};
    ats_client_order_id id;
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++)
        cr_assert_not(ats_client_order_id_parse(OTHERS[i], strlen(OTHERS[i]), &id), "%s",
                      OTHERS[i]);
}

/* ---- requests ------------------------------------------------------------------------------- */

static ats_symbols symbols;
static ats_paper *paper;

static void open_paper(void)
{
    ats_symbol s = {.text = "AAPL", .venue = "US", .symbol_class = ATS_CLASS_EQUITY};
    cr_assert(ats_symbols_add(&symbols, &s));
    paper = ats_paper_new(&(ats_paper_config){.symbols = &symbols,
                                              .key = "k",
                                              .secret = "s",
                                              .venue = {.order_capacity = 16384},
                                              .cash_e9 = 1000000000 * ATS_E9,
                                              .start_ns = 1704205800ll * ATS_E9});
    ats_market m = {
        .quote = {.h = {.kind = ATS_KIND_QUOTE, .symbol_id = 1, .recv_ns = 1704205801ll * ATS_E9},
                  .bid_e9 = 100 * ATS_E9,
                  .ask_e9 = 100 * ATS_E9 + CENT,
                  .bid_size_e9 = ATS_E9,
                  .ask_size_e9 = ATS_E9}};
    ats_paper_market(paper, &m);
}

static void close_paper(void)
{
    ats_paper_free(paper);
    ats_symbols_free(&symbols);
}

TestSuite(order_request, .init = open_paper, .fini = close_paper);

static char *reply_of(int status, const char *method, const char *target, const void *body,
                      size_t n)
{
    ats_paper_request r = {.method = method,
                           .target = target,
                           .key = "k",
                           .secret = "s",
                           .body = body,
                           .body_bytes = n};
    ats_paper_reply reply;
    cr_assert_eq(ats_paper_rest(paper, &r, &reply), 0);
    cr_assert_eq(reply.status, status, "%.*s: %.*s", (int)n, (const char *)body,
                 (int)reply.body_bytes, reply.body ? reply.body : "");
    return reply.body;
}

/* Sends it, and holds what the broker has of it against it. The caller frees the reply. */
static char *sent(const ats_order *o, ats_broker_order *got)
{
    char id[ATS_CLIENT_ORDER_ID_BYTES], body[ATS_ORDER_REQUEST_BYTES];
    uint32_t offset;
    ats_client_order_id_print(&(ats_client_order_id){9, o->order_id, 1, 0}, id);
    size_t n = ats_order_request_json(o, "AAPL", id, body);
    cr_assert(n > 0 && n <= sizeof body);
    char *reply = reply_of(200, "POST", "/v2/orders", body, n);
    cr_assert_eq(ats_broker_order_json(reply, strlen(reply), got, &offset), ATS_LINE_OK);
    cr_assert(ats_text_is(&got->client_order_id, id));
    cr_assert(ats_text_is(&got->symbol, "AAPL"));
    cr_assert_eq(got->side, o->side);
    cr_assert_eq(got->type, o->type);
    cr_assert_eq(got->tif, o->tif);
    cr_assert_eq(got->order_class, o->order_class);
    cr_assert_eq(got->extended_hours, (o->intent_flags & ATS_INTENT_EXTENDED) != 0);
    cr_assert_eq(got->qty_e9, o->qty_e9);
    cr_assert_eq(got->limit_px_e9, o->limit_e9);
    cr_assert_eq(got->stop_px_e9, o->stop_e9);
    cr_assert_eq(got->trail_px_e9, o->trail_e9);
    return reply;
}

static void expect_legs(const ats_order *o, const ats_broker_order *got)
{
    ats_list list;
    ats_value value;
    ats_broker_order leg;
    int64_t target = 0, stop = 0, stop_limit = 0;
    if (o->order_class == ATS_ORDER_CLASS_SIMPLE)
        return;
    cr_assert(ats_list_open(&list, &got->legs));
    while (ats_list_next(&list, &value)) {
        cr_assert_eq(ats_broker_order_read(&value, &leg), ATS_LINE_OK);
        if (leg.type == ATS_ORDER_LIMIT)
            target = leg.limit_px_e9;
        else
            stop = leg.stop_px_e9, stop_limit = leg.limit_px_e9;
    }
    cr_assert_eq(target, o->order_class == ATS_ORDER_CLASS_OCO ? 0 : o->target_e9);
    cr_assert_eq(stop, o->stop_leg_e9);
    cr_assert_eq(stop_limit, o->stop_leg_limit_e9);
}

/* Below the market, so that it rests, on a cent. */
static int64_t price(ats_random *r, int64_t from_cents)
{
    return (from_cents + (int64_t)ats_random_below(r, 500)) * CENT;
}

static ats_order random_order(ats_random *r, uint64_t number)
{
    static const uint8_t TYPES[] = {ATS_ORDER_LIMIT, ATS_ORDER_STOP, ATS_ORDER_STOP_LIMIT,
                                    ATS_ORDER_TRAILING_STOP};
    ats_order o = {.order_id = number,
                   .action = ATS_INTENT_NEW,
                   .side = ATS_SIDE_BUY,
                   .type = TYPES[ats_random_below(r, 4)],
                   .tif = ats_random_below(r, 2) ? ATS_TIF_DAY : ATS_TIF_GTC,
                   .qty_e9 = (1 + (int64_t)ats_random_below(r, 1000)) * ATS_E9};
    bool limit = o.type == ATS_ORDER_LIMIT || o.type == ATS_ORDER_STOP_LIMIT;
    o.limit_e9 = limit ? price(r, 5000) : 0;
    o.stop_e9 = o.type == ATS_ORDER_STOP || o.type == ATS_ORDER_STOP_LIMIT ? price(r, 15000) : 0;
    o.trail_e9 = o.type == ATS_ORDER_TRAILING_STOP ? price(r, 1000) : 0;
    if (o.type != ATS_ORDER_LIMIT)
        return o;
    o.order_class = (uint8_t)ats_random_below(r, 4);
    if (o.order_class == ATS_ORDER_CLASS_SIMPLE) {
        o.intent_flags = ats_random_below(r, 2) ? ATS_INTENT_EXTENDED : 0;
        return o;
    }
    bool both = o.order_class != ATS_ORDER_CLASS_OTO, stop = both || ats_random_below(r, 2);
    o.target_e9 = o.order_class == ATS_ORDER_CLASS_OCO || (stop && !both) ? 0 : price(r, 20000);
    o.stop_leg_e9 = stop ? price(r, 3000) : 0;
    o.stop_leg_limit_e9 = stop && ats_random_below(r, 2) ? price(r, 2000) : 0;
    return o;
}

Test(order_request, the_broker_has_what_was_asked)
{
    ats_random r;
    ats_broker_order got;
    ats_random_seed(&r, 11);
    for (uint64_t i = 1; i <= 2000; i++) {
        ats_order o = random_order(&r, i);
        char *reply = sent(&o, &got);
        expect_legs(&o, &got);
        free(reply);
        free(reply_of(207, "DELETE", "/v2/orders", NULL, 0));
        ats_paper_advance(paper, ats_paper_now(paper) + 1000);
    }
    cr_assert_eq(ats_paper_open_count(paper), 0);
}

Test(order_request, a_replacement_changes_what_it_says)
{
    ats_broker_order got, by;
    char body[ATS_ORDER_REQUEST_BYTES], target[128];
    uint32_t offset;
    ats_order o = {.order_id = 1,
                   .action = ATS_INTENT_NEW,
                   .side = ATS_SIDE_BUY,
                   .type = ATS_ORDER_LIMIT,
                   .tif = ATS_TIF_DAY,
                   .qty_e9 = 10 * ATS_E9,
                   .limit_e9 = 99 * ATS_E9};
    char *first = sent(&o, &got);
    ats_paper_advance(paper, ats_paper_now(paper) + 1000);
    o.action = ATS_INTENT_REPLACE;
    o.qty_e9 = 4 * ATS_E9;
    o.limit_e9 = 9850 * CENT;
    o.tif = ATS_TIF_GTC;
    size_t n = ats_order_request_json(&o, "AAPL", "ats1-1-0000000000000009-2", body);
    snprintf(target, sizeof target, "/v2/orders/%.*s", (int)got.id.length, got.id.at);
    char *second = reply_of(200, "PATCH", target, body, n);
    cr_assert_eq(ats_broker_order_json(second, strlen(second), &by, &offset), ATS_LINE_OK);
    cr_assert_eq(by.qty_e9, 4 * ATS_E9);
    cr_assert_eq(by.limit_px_e9, 9850 * CENT);
    cr_assert_eq(by.tif, ATS_TIF_GTC);
    cr_assert(ats_text_is(&by.client_order_id, "ats1-1-0000000000000009-2"));
    cr_assert_eq(by.replaces.length, got.id.length);
    cr_assert_eq(memcmp(by.replaces.at, got.id.at, got.id.length), 0);
    free(first);
    free(second);
}

Test(order_request, what_has_no_body_has_none_and_the_longest_fits)
{
    char out[ATS_ORDER_REQUEST_BYTES];
    ats_order o = {.action = ATS_INTENT_CANCEL,
                   .side = ATS_SIDE_BUY,
                   .type = ATS_ORDER_MARKET,
                   .tif = ATS_TIF_DAY};
    cr_assert_eq(ats_order_request_json(&o, "A", "x", out), 0);
    o.action = ATS_INTENT_NEW;
    cr_assert_gt(ats_order_request_json(&o, "A", "x", out), 0);
    o.tif = 99;
    cr_assert_eq(ats_order_request_json(&o, "A", "x", out), 0);
    o = (ats_order){.action = ATS_INTENT_NEW,
                    .side = ATS_SIDE_SELL,
                    .type = ATS_ORDER_TRAILING_STOP,
                    .tif = ATS_TIF_DAY,
                    .order_class = ATS_ORDER_CLASS_BRACKET,
                    .intent_flags = ATS_INTENT_EXTENDED,
                    .qty_e9 = INT64_MIN,
                    .limit_e9 = INT64_MIN,
                    .stop_e9 = INT64_MIN,
                    .trail_e9 = INT64_MIN,
                    .target_e9 = INT64_MIN,
                    .stop_leg_e9 = INT64_MIN,
                    .stop_leg_limit_e9 = INT64_MIN};
    char id[ATS_CLIENT_ORDER_ID_BYTES];
    ats_client_order_id_print(&(ats_client_order_id){UINT64_MAX, UINT64_MAX, UINT32_MAX, 0}, id);
    size_t n = ats_order_request_json(&o, "ABCDEFGHIJKLMNOPQRSTUVWX", id, out);
    cr_assert(n > 400 && n <= sizeof out, "%zu", n);
}
