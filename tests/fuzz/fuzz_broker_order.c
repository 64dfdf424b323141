/* Any bytes as a message of the order stream, in both formats, and as a reply with orders: it ends,
 * and what is taken is sound. The first byte chooses. */
#include "core/record.h"
#include "io/codec/live/broker_order.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect_text(const ats_text *text, const char *from, size_t size)
{
    if (text->at && (text->at < from || text->at + text->length > from + size))
        abort();
}

static void expect_order(const ats_broker_order *o, const char *from, size_t size)
{
    const ats_text *const texts[] = {&o->id,          &o->client_order_id, &o->replaces,
                                     &o->replaced_by, &o->symbol,          &o->asset_id,
                                     &o->status_text};
    const int64_t values[] = {o->qty_e9,      o->notional_e9, o->filled_qty_e9, o->filled_px_e9,
                              o->limit_px_e9, o->stop_px_e9,  o->trail_px_e9,   o->high_water_e9};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        expect_text(texts[i], from, size);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        if (values[i] < 0 || values[i] > ATS_VALUE_MAX_E9)
            abort();
    if (o->id.length == 0 || (o->created_ns && !ats_time_is_sane(o->created_ns)) ||
        o->status >= ATS_BROKER_STATUS_COUNT)
        abort();
}

static void expect_legs(const ats_value *legs, const char *from, size_t size)
{
    ats_list list;
    ats_value value;
    if (!ats_list_open(&list, legs))
        abort();
    while (ats_list_next(&list, &value)) {
        ats_broker_order leg;
        if (ats_broker_order_read(&value, &leg) == ATS_LINE_OK)
            expect_order(&leg, from, size);
    }
}

static void one_update(const char *copy, size_t size, bool packed)
{
    ats_broker_update u;
    uint32_t offset;
    ats_line_reason reason = packed ? ats_broker_update_msgpack(copy, size, &u, &offset)
                                    : ats_broker_update_json(copy, size, &u, &offset);
    if (reason >= ATS_LINE_REASON_COUNT || offset > size)
        abort();
    if (reason != ATS_LINE_OK || u.message != ATS_BROKER_MESSAGE_UPDATE)
        return;
    expect_text(&u.execution_id, copy, size);
    expect_order(&u.order, copy, size);
    expect_legs(&u.order.legs, copy, size);
}

static void replies(const char *copy, size_t size)
{
    ats_broker_order o;
    ats_list list;
    uint32_t offset;
    if (ats_broker_order_json(copy, size, &o, &offset) == ATS_LINE_OK)
        expect_order(&o, copy, size);
    if (ats_broker_orders_json(copy, size, &list, &offset) == ATS_LINE_OK) {
        ats_value value;
        while (ats_list_next(&list, &value))
            if (ats_broker_order_read(&value, &o) == ATS_LINE_OK)
                expect_order(&o, copy, size);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t how = *data % 3;
    char *copy = malloc(size);
    memcpy(copy, data + 1, size - 1);
    if (how == 2)
        replies(copy, size - 1);
    else
        one_update(copy, size - 1, how == 1);
    free(copy);
    return 0;
}
