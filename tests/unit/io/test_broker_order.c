#include "io/codec/live/broker_order.h"

#include "core/record.h"
#include "msgpack_packer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static const char ORDER[] =
    "{\"id\":\"7b08df51-c1ac-453c-99f9-323a5f075f0d\",\"client_order_id\":\"ats-1-2-3\","
    "\"created_at\":\"2023-12-12T22:31:24.668464435Z\",\"updated_at\":\"2023-12-12T18:31:24.5-04:"
    "00\","
    "\"submitted_at\":\"2023-12-12T22:31:24.577215743Z\",\"filled_at\":null,\"expired_at\":null,"
    "\"canceled_at\":null,\"failed_at\":null,\"replaced_at\":null,\"replaced_by\":null,"
    "\"replaces\":null,\"asset_id\":\"b0b6dd9d\",\"symbol\":\"AAPL\",\"asset_class\":\"us_equity\","
    "\"notional\":null,\"qty\":\"2\",\"filled_qty\":\"0\",\"filled_avg_price\":null,"
    "\"order_class\":\"\",\"order_type\":\"limit\",\"type\":\"limit\",\"side\":\"buy\","
    "\"time_in_force\":\"gtc\",\"limit_price\":\"150.25\",\"stop_price\":null,"
    "\"status\":\"accepted\",\"extended_hours\":true,\"legs\":null,\"trail_percent\":null,"
    "\"trail_price\":null,\"hwm\":null,\"subtag\":null,\"source\":null}";

static const char FILL[] =
    "{\"stream\":\"trade_updates\",\"data\":{\"event\":\"partial_fill\","
    "\"execution_id\":\"2f63ea93\",\"order\":{\"client_order_id\":\"ats-7\","
    "\"created_at\":\"2022-04-19T13:45:04.981350886-04:00\",\"filled_avg_price\":\"105."
    "89884755555\","
    "\"filled_qty\":\"1790.86\",\"id\":\"a5be8f5e\",\"legs\":[{\"id\":\"leg1\",\"status\":\"held\"}"
    ","
    "{\"id\":\"leg2\",\"status\":\"new\",\"stop_price\":\"99\"}],\"limit_price\":null,"
    "\"order_class\":\"bracket\",\"qty\":\"1790.86\",\"side\":\"sell\","
    "\"status\":\"partially_filled\",\"symbol\":\"SOLUSD\",\"time_in_force\":\"ioc\","
    "\"type\":\"trailing_stop\",\"trail_percent\":\"1.5\",\"hwm\":\"110.5\"},"
    "\"position_qty\":\"-12.5\",\"price\":\"105.8988475\",\"qty\":\"90.86\","
    "\"timestamp\":\"2022-04-19T17:45:05.024916716Z\"}}";

/* In a block of exactly its size: a sanitizer sees what goes further. The last one stays. */
static const char *exact(const char *text, size_t length)
{
    static char *copy;
    free(copy);
    copy = malloc(length ? length : 1);
    return memcpy(copy, text, length);
}

static ats_line_reason update_of(const char *text, ats_broker_update *out)
{
    uint32_t offset;
    return ats_broker_update_json(exact(text, strlen(text)), strlen(text), out, &offset);
}

Test(broker_order, reads_an_order_of_a_reply)
{
    ats_broker_order o;
    uint32_t offset;
    cr_assert_eq(
        ats_broker_order_json(exact(ORDER, sizeof ORDER - 1), sizeof ORDER - 1, &o, &offset),
        ATS_LINE_OK);
    cr_assert(ats_text_is(&o.id, "7b08df51-c1ac-453c-99f9-323a5f075f0d"));
    cr_assert(ats_text_is(&o.client_order_id, "ats-1-2-3") && ats_text_is(&o.symbol, "AAPL"));
    cr_assert(o.status == ATS_BROKER_STATUS_ACCEPTED && o.side == ATS_SIDE_BUY);
    cr_assert(o.type == ATS_ORDER_LIMIT && o.tif == ATS_TIF_GTC && o.extended_hours);
    cr_assert(o.order_class == ATS_ORDER_CLASS_SIMPLE && o.class_is_known);
    cr_assert_eq(o.has, ATS_BROKER_HAS_QTY | ATS_BROKER_HAS_FILLED_QTY | ATS_BROKER_HAS_LIMIT_PX);
    cr_assert(o.qty_e9 == 2 * ATS_E9 && o.filled_qty_e9 == 0 && o.limit_px_e9 == 150250000000);
    cr_assert_eq(o.created_ns, 1702420284668464435);
    cr_assert_eq(o.updated_ns, 1702420284500000000);
    cr_assert(o.filled_ns == 0 && o.replaces.at == NULL && o.replaced_by.at == NULL);
    cr_assert_eq(o.legs.type, ATS_VALUE_NULL);
}

static void expect_fill(const ats_broker_update *u)
{
    cr_assert(u->message == ATS_BROKER_MESSAGE_UPDATE && u->event == ATS_BROKER_EVENT_PARTIAL_FILL);
    cr_assert(ats_text_is(&u->execution_id, "2f63ea93"));
    cr_assert_eq(u->has, ATS_BROKER_HAS_QTY | ATS_BROKER_HAS_PX | ATS_BROKER_HAS_POSITION);
    cr_assert(u->px_e9 == 105898847500 && u->qty_e9 == 90860000000);
    cr_assert_eq(u->position_qty_e9, -12500000000);
    cr_assert_eq(u->time_ns, 1650390305024916716);
    const ats_broker_order *o = &u->order;
    cr_assert(ats_text_is(&o->id, "a5be8f5e") && ats_text_is(&o->client_order_id, "ats-7"));
    cr_assert(o->status == ATS_BROKER_STATUS_PARTIALLY_FILLED && o->side == ATS_SIDE_SELL);
    cr_assert(o->type == ATS_ORDER_TRAILING_STOP && o->tif == ATS_TIF_IOC);
    cr_assert(o->order_class == ATS_ORDER_CLASS_BRACKET && !o->extended_hours);
    cr_assert_eq(o->filled_px_e9, 105898847556, "an average is rounded");
    cr_assert(o->filled_qty_e9 == 1790860000000 && o->trail_percent_e9 == 1500000000);
    cr_assert(o->high_water_e9 == 110500000000 && o->created_ns == 1650390304981350886);
    ats_list legs;
    ats_value value;
    ats_broker_order leg;
    cr_assert(ats_list_open(&legs, &o->legs));
    cr_assert(ats_list_next(&legs, &value));
    cr_assert_eq(ats_broker_order_read(&value, &leg), ATS_LINE_OK);
    cr_assert(ats_text_is(&leg.id, "leg1") && leg.status == ATS_BROKER_STATUS_HELD);
    cr_assert(ats_list_next(&legs, &value));
    cr_assert_eq(ats_broker_order_read(&value, &leg), ATS_LINE_OK);
    cr_assert(ats_text_is(&leg.id, "leg2") && leg.stop_px_e9 == 99 * ATS_E9);
    cr_assert_not(ats_list_next(&legs, &value));
}

Test(broker_order, reads_a_fill_of_the_stream_in_both_formats)
{
    ats_broker_update u;
    cr_assert_eq(update_of(FILL, &u), ATS_LINE_OK);
    expect_fill(&u);
    static packer k;
    ats_random r;
    ats_random_seed(&r, 5);
    for (int round = 0; round < 50; round++) {
        uint32_t offset;
        json_t *frame = json_loads(FILL, 0, NULL);
        k.random = round ? &r : NULL;
        k.used = 0;
        put_json(&k, frame);
        json_decref(frame);
        cr_assert_eq(ats_broker_update_msgpack(exact((char *)k.bytes, k.used), k.used, &u, &offset),
                     ATS_LINE_OK);
        expect_fill(&u);
    }
}

Test(broker_order, reads_the_session_and_the_sse_form)
{
    ats_broker_update u;
    ats_list list;
    ats_value value;
    cr_assert_eq(update_of("{\"stream\":\"authorization\",\"data\":{\"status\":\"authorized\","
                           "\"action\":\"authenticate\"}}",
                           &u),
                 ATS_LINE_OK);
    cr_assert_eq(u.message, ATS_BROKER_MESSAGE_AUTHORIZED);
    cr_assert_eq(update_of("{\"data\":{\"status\":\"unauthorized\",\"action\":\"listen\"},"
                           "\"stream\":\"authorization\"}",
                           &u),
                 ATS_LINE_OK);
    cr_assert_eq(u.message, ATS_BROKER_MESSAGE_UNAUTHORIZED);
    cr_assert_eq(
        update_of("{\"stream\":\"listening\",\"data\":{\"streams\":[\"trade_updates\"]}}", &u),
        ATS_LINE_OK);
    cr_assert_eq(u.message, ATS_BROKER_MESSAGE_LISTENING);
    cr_assert(ats_list_open(&list, &u.streams) && ats_list_next(&list, &value) &&
              ats_value_is(&value, "trade_updates"));
    cr_assert_eq(update_of("{\"at\":\"2023-10-13T13:30:00.664778Z\",\"event_id\":\"01HCMKN\","
                           "\"event\":\"fill\",\"timestamp\":\"2023-10-13T13:30:00.658443088Z\","
                           "\"order\":{\"id\":\"x\",\"status\":\"filled\"},\"price\":\"181.36\","
                           "\"qty\":\"0.05513895\",\"position_qty\":\"0.05513895\","
                           "\"execution_id\":\"a958\"}",
                           &u),
                 ATS_LINE_OK);
    cr_assert(u.message == ATS_BROKER_MESSAGE_UPDATE && u.event == ATS_BROKER_EVENT_FILL &&
              u.qty_e9 == 55138950 && u.at_ns == 1697203800664778000 &&
              ats_text_is(&u.event_id, "01HCMKN") && ats_broker_status_is_final(u.order.status));
    cr_assert_eq(update_of("{\"stream\":\"other\",\"data\":{\"x\":[1,{}]}}", &u), ATS_LINE_OK);
    cr_assert_eq(u.message, ATS_BROKER_MESSAGE_OTHER);
}

Test(broker_order, words_that_are_not_known_stand)
{
    ats_broker_update u;
    cr_assert_eq(update_of("{\"stream\":\"trade_updates\",\"data\":{\"event\":\"mystery\","
                           "\"timestamp\":\"2022-04-19T17:45:05Z\",\"order\":{\"id\":\"x\","
                           "\"status\":\"limbo\",\"type\":\"psychic\",\"order_class\":\"mleg\","
                           "\"side\":\"buy_minus\",\"time_in_force\":\"never\"}}}",
                           &u),
                 ATS_LINE_OK);
    cr_assert(u.event == ATS_BROKER_EVENT_OTHER && ats_text_is(&u.event_text, "mystery"));
    cr_assert(u.order.status == ATS_BROKER_STATUS_OTHER &&
              ats_text_is(&u.order.status_text, "limbo"));
    cr_assert(u.order.type == 0 && u.order.side == 0 && u.order.tif == 0);
    cr_assert_not(u.order.class_is_known);
    /* Each word that is known reads back as itself. */
    for (uint32_t e = 1; e < ATS_BROKER_EVENT_COUNT; e++) {
        char text[300];
        snprintf(text, sizeof text,
                 "{\"event\":\"%s\",\"timestamp\":\"2022-04-19T17:45:05Z\",\"price\":\"1\","
                 "\"qty\":1,\"order\":{\"id\":\"x\",\"status\":\"%s\"}}",
                 ats_broker_event_label(e), ats_broker_status_label(e % ATS_BROKER_STATUS_COUNT));
        cr_assert_eq(update_of(text, &u), ATS_LINE_OK, "%s", text);
        cr_assert(u.event == e && u.order.status == e % ATS_BROKER_STATUS_COUNT, "%s", text);
    }
}

Test(broker_order, a_value_that_cannot_be_read_refuses_the_message)
{
    static const struct {
        const char *member;
        ats_line_reason reason;
    } cases[] = {
        {"\"qty\":\"1x\"", ATS_LINE_NUMBER},
        {"\"qty\":\"\"", ATS_LINE_NUMBER},
        {"\"qty\":\"+1\"", ATS_LINE_NUMBER},
        {"\"qty\":true", ATS_LINE_NUMBER},
        {"\"qty\":\"1.0000000001\"", ATS_LINE_PRECISION},
        {"\"qty\":\"-1\"", ATS_LINE_NEGATIVE},
        {"\"filled_qty\":\"10000000000\"", ATS_LINE_RANGE},
        {"\"created_at\":\"yesterday\"", ATS_LINE_TIME},
        {"\"created_at\":7", ATS_LINE_TIME},
        {"\"id\":7", ATS_LINE_FIELD},
        {"\"id\":null", ATS_LINE_FIELD},
        {"\"id\":\"\"", ATS_LINE_FIELD},
        {"\"status\":null", ATS_LINE_FIELD},
        {"\"legs\":{}", ATS_LINE_FIELD},
        {"\"limit_price\":null", ATS_LINE_OK},
        {"\"qty\":5", ATS_LINE_OK},
        {"\"unknown\":{\"id\":[null]}", ATS_LINE_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[300];
        ats_broker_order o;
        uint32_t offset;
        snprintf(text, sizeof text, "{\"id\":\"x\",\"status\":\"new\",%s}", cases[i].member);
        cr_assert_eq(ats_broker_order_json(exact(text, strlen(text)), strlen(text), &o, &offset),
                     cases[i].reason, "%s", text);
    }
    ats_broker_update u;
    cr_assert_eq(
        update_of("{\"event\":\"fill\",\"timestamp\":\"2022-04-19T17:45:05Z\",\"qty\":\"1\","
                  "\"order\":{\"id\":\"x\",\"status\":\"filled\"}}",
                  &u),
        ATS_LINE_FIELD, "a fill has a price");
    cr_assert_eq(update_of("{\"event\":\"new\",\"order\":{\"id\":\"x\",\"status\":\"new\"}}", &u),
                 ATS_LINE_FIELD, "and everything a time");
    cr_assert_eq(update_of("{\"stream\":\"trade_updates\",\"data\":7}", &u), ATS_LINE_FIELD);
    cr_assert_eq(update_of("[]", &u), ATS_LINE_FIELD);
    cr_assert_eq(update_of("", &u), ATS_LINE_SYNTAX);
    cr_assert_eq(update_of("{} {}", &u), ATS_LINE_SYNTAX);
}

Test(broker_order, what_is_cut_off_is_malformed)
{
    static packer k;
    json_t *frame = json_loads(FILL, 0, NULL);
    put_json(&k, frame);
    json_decref(frame);
    for (size_t length = 0; length < sizeof FILL - 1; length++) {
        ats_broker_update u;
        uint32_t offset;
        cr_assert_eq(ats_broker_update_json(exact(FILL, length), length, &u, &offset),
                     ATS_LINE_SYNTAX);
        cr_assert_leq(offset, length);
    }
    for (size_t length = 0; length < k.used; length++) {
        ats_broker_update u;
        uint32_t offset;
        cr_assert_eq(ats_broker_update_msgpack(exact((char *)k.bytes, length), length, &u, &offset),
                     ATS_LINE_SYNTAX);
    }
}

Test(broker_order, reads_a_list_of_orders)
{
    char text[2 * sizeof ORDER + 40];
    ats_list list;
    ats_value value;
    ats_broker_order o;
    uint32_t offset, count = 0;
    snprintf(text, sizeof text, " [ %s , %s ] ", ORDER, ORDER);
    const char *body = exact(text, strlen(text));
    cr_assert_eq(ats_broker_orders_json(body, strlen(text), &list, &offset), ATS_LINE_OK);
    for (; ats_list_next(&list, &value); count++) {
        cr_assert_eq(ats_broker_order_read(&value, &o), ATS_LINE_OK);
        cr_assert_eq(o.limit_px_e9, 150250000000);
    }
    cr_assert_eq(count, 2);
    cr_assert_eq(ats_broker_orders_json("[]", 2, &list, &offset), ATS_LINE_OK);
    cr_assert_not(ats_list_next(&list, &value));
    cr_assert_eq(ats_broker_orders_json("{}", 2, &list, &offset), ATS_LINE_FIELD);
    cr_assert_eq(ats_broker_orders_json("[", 1, &list, &offset), ATS_LINE_SYNTAX);
}
