#include "io/codec/live/order_request.h"

#include "io/codec/decimal.h"

#include <stdbool.h>
#include <string.h>

static const char *const TYPES[] = {[ATS_ORDER_LIMIT] = "limit",
                                    [ATS_ORDER_MARKET] = "market",
                                    [ATS_ORDER_STOP] = "stop",
                                    [ATS_ORDER_STOP_LIMIT] = "stop_limit",
                                    [ATS_ORDER_TRAILING_STOP] = "trailing_stop"};
static const char *const TIFS[] = {
    [ATS_TIF_DAY] = "day", [ATS_TIF_IOC] = "ioc", [ATS_TIF_FOK] = "fok",
    [ATS_TIF_GTC] = "gtc", [ATS_TIF_OPG] = "opg", [ATS_TIF_CLS] = "cls"};
static const char *const CLASSES[] = {[ATS_ORDER_CLASS_SIMPLE] = "simple",
                                      [ATS_ORDER_CLASS_BRACKET] = "bracket",
                                      [ATS_ORDER_CLASS_OCO] = "oco",
                                      [ATS_ORDER_CLASS_OTO] = "oto"};

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static char *put(char *at, const char *text)
{
    size_t n = strlen(text);
    memcpy(at, text, n);
    return at + n;
}

/* "key":"value", with a comma before it unless it is the first. */
static char *put_text(char *at, const char *key, const char *value)
{
    if (at[-1] != '{')
        *at++ = ',';
    *at++ = '"';
    at = put(at, key);
    at = put(at, "\":\"");
    at = put(at, value);
    *at++ = '"';
    return at;
}

/* Nothing for 0: a price that the order does not have. */
static char *put_e9(char *at, const char *key, int64_t value_e9)
{
    char text[ATS_DECIMAL_BYTES];
    if (value_e9 == 0)
        return at;
    ats_decimal_print(value_e9, text);
    return put_text(at, key, text);
}

static char *put_legs(char *at, const ats_order *o)
{
    /* The head of an OCO is its target. */
    int64_t target = o->order_class == ATS_ORDER_CLASS_OCO ? o->limit_e9 : o->target_e9;
    at = put_text(at, "order_class", CLASSES[o->order_class]);
    if (target) {
        at = put(at, ",\"take_profit\":{");
        at = put_e9(at, "limit_price", target);
        *at++ = '}';
    }
    if (o->stop_leg_e9) {
        at = put(at, ",\"stop_loss\":{");
        at = put_e9(at, "stop_price", o->stop_leg_e9);
        at = put_e9(at, "limit_price", o->stop_leg_limit_e9);
        *at++ = '}';
    }
    return at;
}

size_t ats_order_request_json(const ats_order *o, const char *symbol, const char *client_order_id,
                              char out[ATS_ORDER_REQUEST_BYTES])
{
    bool is_new = o->action == ATS_INTENT_NEW;
    bool known = o->type >= ATS_ORDER_LIMIT && o->type < COUNT(TYPES) && o->tif >= ATS_TIF_DAY &&
                 o->tif < COUNT(TIFS) && o->order_class < COUNT(CLASSES) &&
                 (o->side == ATS_SIDE_BUY || o->side == ATS_SIDE_SELL);
    if ((!is_new && o->action != ATS_INTENT_REPLACE) || !known)
        return 0;
    char *at = out;
    *at++ = '{';
    if (is_new) {
        at = put_text(at, "symbol", symbol);
        at = put_text(at, "side", o->side == ATS_SIDE_BUY ? "buy" : "sell");
        at = put_text(at, "type", TYPES[o->type]);
    }
    at = put_e9(at, "qty", o->qty_e9);
    at = put_text(at, "time_in_force", TIFS[o->tif]);
    at = put_e9(at, "limit_price", o->limit_e9);
    at = put_e9(at, "stop_price", o->stop_e9);
    at = put_e9(at, is_new ? "trail_price" : "trail", o->trail_e9);
    if (is_new && o->intent_flags & ATS_INTENT_EXTENDED)
        at = put(at, ",\"extended_hours\":true");
    if (is_new && o->order_class != ATS_ORDER_CLASS_SIMPLE)
        at = put_legs(at, o);
    at = put_text(at, "client_order_id", client_order_id);
    *at++ = '}';
    return (size_t)(at - out);
}
