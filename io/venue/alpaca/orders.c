/* Orders as they are asked for: read, looked at, entered. */
#include "calc/order_legs.h"
#include "core/error.h"
#include "io/codec/decimal.h"
#include "io/venue/alpaca/parts.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define CODE_INPUT     40010001 /* of a field that is missing or of a bad form */
#define CODE_INVALID   42210000 /* of a price, or a state, that does not allow it */
#define CODE_FORBIDDEN 40310000 /* of money, positions and other orders */

void broker_refuse(broker_refusal *r, int status, int code, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    r->status = status;
    r->code = code;
    vsnprintf(r->message, sizeof r->message, format, list);
    va_end(list);
}

/* ---- finding -------------------------------------------------------------------------------- */

broker_order *broker_order_at(const ats_paper *b, uint64_t order_id)
{
    bool there = order_id < b->order_capacity && b->order[order_id].order_id != 0;
    return there ? &b->order[order_id] : NULL;
}

static uint64_t *client_place(const ats_paper *b, const char *client_id)
{
    uint64_t at = XXH3_64bits(client_id, strlen(client_id));
    for (;; at++) {
        uint64_t *place = &b->by_client[at & (b->client_capacity - 1)];
        if (*place == 0 || strcmp(b->order[*place].client_id, client_id) == 0)
            return place;
    }
}

broker_order *broker_order_by_client(const ats_paper *b, const char *client_id)
{
    return b->client_capacity ? broker_order_at(b, *client_place(b, client_id)) : NULL;
}

uint32_t broker_symbol_by_text(const ats_paper *b, const char *text)
{
    char upper[ATS_SYMBOL_TEXT];
    size_t n = 0;
    uint64_t number = broker_uuid_number(b, BROKER_ID_ASSET, text);
    if (number >= 1 && number <= b->config.symbols->count)
        return (uint32_t)number;
    for (; text[n] && n < sizeof upper - 1; n++)
        upper[n] = (char)toupper((unsigned char)text[n]);
    upper[n] = '\0';
    return text[n] ? 0 : ats_symbols_find(b->config.symbols, upper, NULL);
}

/* Room for one more order and its legs. */
static bool reserve(ats_paper *b)
{
    if (b->order_count + ATS_LEG_IDS > b->order_capacity) {
        uint64_t capacity = b->order_capacity ? b->order_capacity * 2 : 1024;
        broker_order *order = realloc(b->order, capacity * sizeof *order);
        if (!order)
            return false;
        memset(order + b->order_capacity, 0, (capacity - b->order_capacity) * sizeof *order);
        b->order = order;
        b->order_capacity = capacity;
    }
    if ((b->client_count + ATS_LEG_IDS) * 2 <= b->client_capacity)
        return true;
    uint64_t *old = b->by_client, old_capacity = b->client_capacity;
    uint64_t capacity = old_capacity ? old_capacity * 2 : 1024;
    uint64_t *by_client = calloc(capacity, sizeof *by_client);
    if (!by_client)
        return false;
    b->by_client = by_client;
    b->client_capacity = capacity;
    for (uint64_t i = 0; i < old_capacity; i++)
        if (old[i])
            *client_place(b, b->order[old[i]].client_id) = old[i];
    free(old);
    return true;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* A decimal, as a string or a number; 0 where there is none. False: refused. */
static bool read_e9(json_t *from, const char *key, int64_t *out, broker_refusal *why)
{
    char text[64];
    json_t *value = json_object_get(from, key);
    *out = 0;
    if (!value || json_is_null(value))
        return true;
    if (json_is_string(value))
        snprintf(text, sizeof text, "%s", json_string_value(value));
    else if (json_is_integer(value))
        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, sizeof text, "%.12g", json_real_value(value));
    else
        text[0] = '\0';
    if (ats_decimal_e9(text, strlen(text), out) == ATS_DECIMAL_OK && *out > 0)
        return true;
    broker_refuse(why, 422, CODE_INVALID, "invalid %s", key);
    return false;
}

typedef struct word {
    const char *text;
    uint8_t value;
} word;

/* One of a list; the first of it where there is none and may be none. False: refused. */
static bool read_word(json_t *from, const char *key, const word *words, bool may_lack, uint8_t *out,
                      broker_refusal *why)
{
    const char *text = json_string_value(json_object_get(from, key));
    if (!text && may_lack) {
        *out = words[0].value;
        return true;
    }
    if (!text) {
        broker_refuse(why, 422, CODE_INPUT, "%s is required", key);
        return false;
    }
    for (const word *w = words; w->text; w++)
        if (strcmp(w->text, text) == 0) {
            *out = w->value;
            return true;
        }
    broker_refuse(why, 422, CODE_INPUT, "invalid %s: %.40s", key, text);
    return false;
}

static const word SIDES[] = {{"buy", ATS_SIDE_BUY}, {"sell", ATS_SIDE_SELL}, {NULL, 0}};
static const word TYPES[] = {{"market", ATS_ORDER_MARKET},
                             {"limit", ATS_ORDER_LIMIT},
                             {"stop", ATS_ORDER_STOP},
                             {"stop_limit", ATS_ORDER_STOP_LIMIT},
                             {"trailing_stop", ATS_ORDER_TRAILING_STOP},
                             {NULL, 0}};
static const word TIFS[] = {{"day", ATS_TIF_DAY},
                            {"gtc", ATS_TIF_GTC},
                            {"ioc", ATS_TIF_IOC},
                            {"fok", ATS_TIF_FOK},
                            {"opg", ATS_TIF_OPG},
                            {"cls", ATS_TIF_CLS},
                            {NULL, 0}};
static const word CLASSES[] = {{"simple", ATS_ORDER_CLASS_SIMPLE},   {"", ATS_ORDER_CLASS_SIMPLE},
                               {"bracket", ATS_ORDER_CLASS_BRACKET}, {"oco", ATS_ORDER_CLASS_OCO},
                               {"oto", ATS_ORDER_CLASS_OTO},         {NULL, 0}};

static bool read_client_id(const ats_paper *b, json_t *body, broker_order *o, broker_refusal *why)
{
    const char *text = json_string_value(json_object_get(body, "client_order_id"));
    if (!text || !*text)
        return true;
    if (strlen(text) >= sizeof o->client_id) {
        broker_refuse(why, 422, CODE_INPUT, "client_order_id must be no more than 128 characters");
        return false;
    }
    if (broker_order_by_client(b, text)) {
        broker_refuse(why, 422, CODE_INPUT, "client_order_id must be unique");
        return false;
    }
    snprintf(o->client_id, sizeof o->client_id, "%s", text);
    return true;
}

/* What an order would trade at now; 0 = not known. */
static int64_t market_price(const ats_paper *b, const broker_order *o)
{
    const broker_symbol *s = &b->symbol[o->symbol_id];
    int64_t quote = o->side == ATS_SIDE_BUY ? s->quote.ask_e9 : s->quote.bid_e9;
    return quote > 0 ? quote : s->last_e9;
}

static bool read_trail(const ats_paper *b, json_t *body, broker_order *o, broker_refusal *why)
{
    if (!read_e9(body, "trail_price", &o->trail_e9, why) ||
        !read_e9(body, "trail_percent", &o->trail_percent_e9, why))
        return false;
    if (o->trail_percent_e9 && !o->trail_e9) {
        int64_t px = market_price(b, o), tick = 0;
        int64_t trail = (int64_t)((__int128)px * o->trail_percent_e9 / (100 * ATS_E9));
        tick = ats_symbol_tick_e9(&b->config.symbols->entry[o->symbol_id], px);
        o->trail_e9 = trail < tick ? tick : trail - trail % tick;
    } else if (o->trail_percent_e9 || (o->type == ATS_ORDER_TRAILING_STOP && !o->trail_e9)) {
        broker_refuse(why, 422, CODE_INPUT, "one of trail_price and trail_percent is required");
        return false;
    }
    return true;
}

static bool read_qty(const ats_paper *b, json_t *body, broker_order *o, broker_refusal *why)
{
    if (!read_e9(body, "qty", &o->qty_e9, why) || !read_e9(body, "notional", &o->notional_e9, why))
        return false;
    if ((o->qty_e9 != 0) == (o->notional_e9 != 0)) {
        broker_refuse(why, 422, CODE_INPUT,
                      o->qty_e9 ? "only one of qty or notional is accepted" : "qty is required");
        return false;
    }
    int64_t px = o->limit_e9 ? o->limit_e9 : market_price(b, o);
    if (o->notional_e9 && px > 0)
        o->qty_e9 = (int64_t)((__int128)o->notional_e9 * ATS_E9 / px);
    if (o->qty_e9 == 0) {
        broker_refuse(why, 422, CODE_INVALID, "no price to make a quantity of the notional with");
        return false;
    }
    bool fraction = o->qty_e9 % ATS_E9 != 0 && !broker_is_crypto(b, o->symbol_id);
    if (fraction && (o->tif != ATS_TIF_DAY || o->order_class != ATS_ORDER_CLASS_SIMPLE)) {
        broker_refuse(why, 422, CODE_INVALID, "fractional orders must be simple DAY orders");
        return false;
    }
    return true;
}

/* The prices that the type wants, and no others. */
static bool check_prices(const broker_order *o, broker_refusal *why)
{
    bool limit = o->type == ATS_ORDER_LIMIT || o->type == ATS_ORDER_STOP_LIMIT;
    bool stop = o->type == ATS_ORDER_STOP || o->type == ATS_ORDER_STOP_LIMIT;
    if (limit && !o->limit_e9)
        broker_refuse(why, 422, CODE_INPUT, "limit orders require a limit price");
    else if (!limit && o->limit_e9)
        broker_refuse(why, 422, CODE_INPUT, "limit_price is not for this type of order");
    else if (stop && !o->stop_e9)
        broker_refuse(why, 422, CODE_INPUT, "stop orders require a stop price");
    else if (!stop && o->stop_e9)
        broker_refuse(why, 422, CODE_INPUT, "stop_price is not for this type of order");
    else if (o->type != ATS_ORDER_TRAILING_STOP && o->trail_e9)
        broker_refuse(why, 422, CODE_INPUT, "a trail is for trailing stops");
    return why->status == 0;
}

static bool read_legs(json_t *body, broker_order *o, broker_refusal *why)
{
    json_t *target = json_object_get(body, "take_profit"),
           *stop = json_object_get(body, "stop_loss");
    if (!read_e9(target, "limit_price", &o->target_e9, why) ||
        !read_e9(stop, "stop_price", &o->stop_leg_e9, why) ||
        !read_e9(stop, "limit_price", &o->stop_leg_limit_e9, why))
        return false;
    bool both = o->target_e9 && o->stop_leg_e9, any = o->target_e9 || o->stop_leg_e9;
    if (o->order_class == ATS_ORDER_CLASS_SIMPLE && any)
        broker_refuse(why, 422, CODE_INPUT, "simple orders take no take_profit and no stop_loss");
    else if (o->order_class == ATS_ORDER_CLASS_BRACKET && !both)
        broker_refuse(why, 422, CODE_INPUT,
                      "bracket orders require take_profit.limit_price and stop_loss.stop_price");
    else if (o->order_class == ATS_ORDER_CLASS_OTO && both == any)
        broker_refuse(why, 422, CODE_INPUT, "oto orders require either take_profit or stop_loss");
    else if (o->order_class == ATS_ORDER_CLASS_OCO && o->type != ATS_ORDER_LIMIT)
        broker_refuse(why, 422, CODE_INPUT, "oco orders must be limit orders");
    else if (o->order_class == ATS_ORDER_CLASS_OCO && !both)
        broker_refuse(why, 422, CODE_INPUT,
                      "oco orders require take_profit.limit_price and stop_loss.stop_price");
    if (o->order_class == ATS_ORDER_CLASS_OCO && both) { /* the head is the target */
        o->limit_e9 = o->target_e9;
        o->target_e9 = 0;
    }
    return why->status == 0;
}

static bool read_order(const ats_paper *b, json_t *body, broker_order *o, broker_refusal *why)
{
    const char *symbol = json_string_value(json_object_get(body, "symbol"));
    *o = (broker_order){.submitted_ns = b->now_ns, .updated_ns = b->now_ns};
    if (!symbol) {
        broker_refuse(why, 422, CODE_INPUT, "symbol is required");
        return false;
    }
    o->symbol_id = broker_symbol_by_text(b, symbol);
    if (o->symbol_id == 0) {
        broker_refuse(why, 422, CODE_INVALID, "asset \"%.40s\" not found", symbol);
        return false;
    }
    o->extended = json_is_true(json_object_get(body, "extended_hours"));
    return read_word(body, "side", SIDES, false, &o->side, why) &&
           read_word(body, "type", TYPES, false, &o->type, why) &&
           read_word(body, "time_in_force", TIFS, false, &o->tif, why) &&
           read_word(body, "order_class", CLASSES, true, &o->order_class, why) &&
           read_e9(body, "limit_price", &o->limit_e9, why) &&
           read_e9(body, "stop_price", &o->stop_e9, why) && read_trail(b, body, o, why) &&
           read_legs(body, o, why) && check_prices(o, why) && read_qty(b, body, o, why) &&
           read_client_id(b, body, o, why);
}

/* ---- looking -------------------------------------------------------------------------------- */

static bool is_on_tick(const ats_paper *b, uint32_t symbol_id, int64_t px_e9)
{
    return px_e9 % ats_symbol_tick_e9(&b->config.symbols->entry[symbol_id], px_e9) == 0;
}

static bool check_ticks(const ats_paper *b, const broker_order *o, broker_refusal *why)
{
    const struct {
        const char *name;
        int64_t px_e9;
    } prices[] = {{"limit_price", o->limit_e9},
                  {"stop_price", o->stop_e9},
                  {"take_profit.limit_price", o->target_e9},
                  {"stop_loss.stop_price", o->stop_leg_e9},
                  {"stop_loss.limit_price", o->stop_leg_limit_e9}};
    for (size_t i = 0; i < sizeof prices / sizeof prices[0]; i++)
        if (prices[i].px_e9 && !is_on_tick(b, o->symbol_id, prices[i].px_e9)) {
            char text[ATS_DECIMAL_BYTES];
            ats_decimal_print(prices[i].px_e9, text);
            broker_refuse(why, 422, CODE_INVALID,
                          "invalid %s %s. sub-penny increment does not fulfill minimum pricing "
                          "criteria",
                          prices[i].name, text);
            return false;
        }
    return true;
}

static bool check_session(const broker_order *o, broker_refusal *why)
{
    bool auction = o->tif == ATS_TIF_OPG || o->tif == ATS_TIF_CLS;
    bool complex = o->order_class != ATS_ORDER_CLASS_SIMPLE;
    if (o->extended &&
        (o->type != ATS_ORDER_LIMIT || complex || (o->tif != ATS_TIF_DAY && o->tif != ATS_TIF_GTC)))
        broker_refuse(why, 422, CODE_INVALID, "extended hours order must be DAY limit orders");
    else if (auction && o->type != ATS_ORDER_MARKET && o->type != ATS_ORDER_LIMIT)
        broker_refuse(why, 422, CODE_INVALID, "opg and cls orders must be market or limit orders");
    else if (complex && o->tif != ATS_TIF_DAY && o->tif != ATS_TIF_GTC)
        broker_refuse(why, 422, CODE_INVALID, "complex orders must be DAY or GTC");
    else if (o->type == ATS_ORDER_TRAILING_STOP && o->tif != ATS_TIF_DAY && o->tif != ATS_TIF_GTC)
        broker_refuse(why, 422, CODE_INVALID, "trailing stop orders must be DAY or GTC");
    return why->status == 0;
}

/* A market or stop order of ours on the other side might meet it. */
static bool check_wash(const ats_paper *b, const broker_order *o, broker_refusal *why)
{
    const ats_order_table *open = ats_venue_sim_orders(b->sim);
    const ats_order_entry *e = ats_order_table_first(open, o->symbol_id);
    for (; e; e = ats_order_table_next(open, e)) {
        const broker_order *other = broker_order_at(b, e->order_id);
        if (!other || e->side == o->side || e->type == ATS_ORDER_LIMIT ||
            broker_is_over(other->status) || other->status == BROKER_HELD)
            continue;
        broker_refuse(why, 403, CODE_FORBIDDEN,
                      "potential wash trade detected. use complex orders");
        why->more = json_pack("{s:o, s:s}", "existing_order_id",
                              broker_uuid_json(b, BROKER_ID_ORDER, e->order_id), "reject_reason",
                              "opposite side market/stop order exists");
        return false;
    }
    return true;
}

int64_t broker_free_qty_e9(const ats_paper *b, uint32_t symbol_id)
{
    int64_t held = b->portfolio->holdings[symbol_id].qty_e9, asked = 0;
    const ats_order_table *open = ats_venue_sim_orders(b->sim);
    const ats_order_entry *e = ats_order_table_first(open, symbol_id);
    for (; e; e = ats_order_table_next(open, e)) {
        const broker_order *o = broker_order_at(b, e->order_id);
        bool reduces = held > 0 ? e->side == ATS_SIDE_SELL : e->side == ATS_SIDE_BUY;
        /* Of a pair only the target counts: the other can fill instead, not too. */
        bool second = e->leg == ATS_LEG_STOP && o && broker_order_at(b, e->head_id) &&
                      broker_order_at(b, e->head_id)->order_class != ATS_ORDER_CLASS_OTO;
        if (o && reduces && !second && o->status != BROKER_HELD && !broker_is_over(o->status))
            asked += e->qty_e9 - e->filled_e9;
    }
    return (held < 0 ? -held : held) - asked;
}

static bool check_held(const ats_paper *b, const broker_order *o, broker_refusal *why)
{
    int64_t held = b->portfolio->holdings[o->symbol_id].qty_e9;
    int64_t free_e9 = broker_free_qty_e9(b, o->symbol_id);
    const char *name = b->config.symbols->entry[o->symbol_id].text;
    if (o->side == ATS_SIDE_SELL && held > 0 && o->qty_e9 > free_e9) {
        char asked[ATS_DECIMAL_BYTES], left[ATS_DECIMAL_BYTES];
        ats_decimal_print(o->qty_e9, asked);
        ats_decimal_print(free_e9 < 0 ? 0 : free_e9, left);
        broker_refuse(why, 403, CODE_FORBIDDEN,
                      "insufficient qty available for order (requested: %s, available: %s)", asked,
                      left);
        why->more = json_pack("{s:s, s:o, s:o, s:s}", "available", left, "existing_qty",
                              broker_text_e9(held), "held_for_orders",
                              broker_text_e9(held - free_e9), "symbol", name);
        return false;
    }
    if (o->side == ATS_SIDE_SELL && held <= 0 && broker_is_crypto(b, o->symbol_id)) {
        broker_refuse(why, 403, CODE_FORBIDDEN, "insufficient balance for %s", name);
        return false;
    }
    if (o->side == ATS_SIDE_SELL && held <= 0 && o->qty_e9 % ATS_E9 != 0) {
        broker_refuse(why, 403, CODE_FORBIDDEN, "fractional orders cannot be sold short");
        return false;
    }
    return true;
}

static bool check_power(const ats_paper *b, const broker_order *o, broker_refusal *why)
{
    int64_t held = b->portfolio->holdings[o->symbol_id].qty_e9;
    bool reduces = o->side == ATS_SIDE_BUY ? held < 0 : held > 0;
    int64_t px = o->limit_e9 ? o->limit_e9 : o->stop_e9 ? o->stop_e9 : market_price(b, o);
    ats_money_e18 cost = ats_money_product(px, o->qty_e9);
    int64_t power_e9 = broker_buying_power_e9(b);
    if (reduces || cost <= ats_money_from_e9(power_e9))
        return true;
    broker_refuse(why, 403, CODE_FORBIDDEN, "insufficient buying power");
    why->more = json_pack("{s:o, s:o}", "buying_power", broker_text_e9(power_e9), "cost_basis",
                          broker_text_e18(cost));
    return false;
}

static bool check_order(const ats_paper *b, const broker_order *o, broker_refusal *why)
{
    return check_ticks(b, o, why) && check_session(o, why) && check_wash(b, o, why) &&
           check_held(b, o, why) && check_power(b, o, why);
}

/* ---- entering ------------------------------------------------------------------------------- */

static ats_order request_of(const ats_paper *b, const broker_order *o)
{
    return (ats_order){
        .h = {.kind = ATS_KIND_ORDER, .symbol_id = o->symbol_id, .recv_ns = b->now_ns},
        .order_id = o->order_id,
        .qty_e9 = o->qty_e9,
        .limit_e9 = o->limit_e9,
        .stop_e9 = o->stop_e9,
        .trail_e9 = o->trail_e9,
        .target_e9 = o->target_e9,
        .stop_leg_e9 = o->stop_leg_e9,
        .stop_leg_limit_e9 = o->stop_leg_limit_e9,
        .action = ATS_INTENT_NEW,
        .side = o->side,
        .type = o->type,
        .tif = o->tif,
        .order_class = o->order_class,
        .intent_flags = o->extended ? ATS_INTENT_EXTENDED : 0};
}

/* Gives it an id, a client id if it has none, and a place. Room is there. */
static broker_order *enter(ats_paper *b, broker_order *draft, uint64_t order_id)
{
    draft->order_id = order_id;
    if (!draft->client_id[0])
        broker_uuid(b, BROKER_ID_CLIENT, order_id, draft->client_id);
    b->order[order_id] = *draft;
    *client_place(b, draft->client_id) = order_id;
    b->client_count++;
    b->open_count++;
    return &b->order[order_id];
}

static void enter_legs(ats_paper *b, const broker_order *head, const ats_order *request)
{
    ats_order legs[ATS_LEGS_MAX];
    uint32_t n = ats_order_legs(request, legs);
    for (uint32_t i = 0; i < n; i++) {
        broker_order leg = {.head_id = head->order_id,
                            .symbol_id = head->symbol_id,
                            .side = legs[i].side,
                            .type = legs[i].type,
                            .tif = legs[i].tif,
                            .status = BROKER_HELD,
                            .qty_e9 = legs[i].qty_e9,
                            .limit_e9 = legs[i].limit_e9,
                            .stop_e9 = legs[i].stop_e9,
                            .submitted_ns = b->now_ns,
                            .updated_ns = b->now_ns};
        enter(b, &leg, legs[i].order_id);
    }
}

/* Is there a session for it now? */
static bool may_work(const ats_paper *b, const broker_order *o)
{
    if (broker_is_crypto(b, o->symbol_id) || !b->config.calendar)
        return true;
    return b->segment.phase == ATS_PHASE_REGULAR ||
           (o->extended && b->segment.phase != ATS_PHASE_CLOSED);
}

static bool has_room(ats_paper *b, broker_refusal *why)
{
    if (b->order_count / ATS_LEG_IDS >= ATS_PAPER_ORDERS_MAX || !ats_venue_sim_room(b->sim))
        broker_refuse(why, 403, CODE_FORBIDDEN, "this venue takes no more orders");
    else if (!reserve(b))
        broker_refuse(why, 500, 50010000, "internal server error occurred");
    return why->status == 0;
}

static broker_order *enter_and_send(ats_paper *b, broker_order *draft, const broker_order *old)
{
    uint64_t order_id = b->order_count;
    b->order_count += ATS_LEG_IDS;
    draft->status = may_work(b, draft) ? BROKER_PENDING_NEW : BROKER_ACCEPTED;
    broker_order *o = enter(b, draft, order_id);
    ats_order request = request_of(b, o);
    if (old) {
        request.action = ATS_INTENT_REPLACE;
        request.target_order_id = old->order_id;
        request.target_cum_qty_e9 = old->filled_e9;
    }
    enter_legs(b, o, &request);
    ats_venue_sim_send(b->sim, &request);
    return o;
}

broker_order *broker_submit(ats_paper *b, json_t *body, broker_refusal *why)
{
    broker_order draft;
    if (!has_room(b, why) || !read_order(b, body, &draft, why) || !check_order(b, &draft, why))
        return NULL;
    return enter_and_send(b, &draft, NULL);
}

/* ---- changing ------------------------------------------------------------------------------- */

static bool may_change(const broker_order *o, const char *what, broker_refusal *why)
{
    if (o->status == BROKER_NEW || o->status == BROKER_PARTIALLY_FILLED || o->status == BROKER_HELD)
        return true;
    if (broker_is_over(o->status))
        broker_refuse(why, 422, CODE_INVALID, "order is already in \"%s\" state",
                      broker_status_text[o->status]);
    else
        broker_refuse(why, 422, CODE_INVALID, "unable to %s order in \"%s\" state", what,
                      broker_status_text[o->status]);
    return false;
}

broker_order *broker_replace(ats_paper *b, broker_order *o, json_t *body, broker_refusal *why)
{
    int64_t qty, limit, stop, trail;
    uint64_t old_id = o->order_id;
    if (!may_change(o, "replace", why) || !has_room(b, why))
        return NULL;
    o = broker_order_at(b, old_id);
    broker_order draft = *o;
    draft.replaces = o->order_id;
    draft.qty_e9 = o->qty_e9 - o->filled_e9;
    draft.notional_e9 = draft.filled_e9 = draft.cancel_asked_ns = 0;
    draft.filled_value_e18 = 0;
    draft.submitted_ns = draft.updated_ns = b->now_ns;
    draft.client_id[0] = '\0';
    if (!read_e9(body, "qty", &qty, why) || !read_e9(body, "limit_price", &limit, why) ||
        !read_e9(body, "stop_price", &stop, why) || !read_e9(body, "trail", &trail, why) ||
        !read_client_id(b, body, &draft, why))
        return NULL;
    if (json_object_get(body, "time_in_force") &&
        !read_word(body, "time_in_force", TIFS, false, &draft.tif, why))
        return NULL;
    draft.qty_e9 = qty ? qty : draft.qty_e9;
    draft.limit_e9 = limit ? limit : draft.limit_e9;
    draft.stop_e9 = stop ? stop : draft.stop_e9;
    draft.trail_e9 = trail ? trail : draft.trail_e9;
    if (draft.qty_e9 % ATS_E9 != 0 && !broker_is_crypto(b, o->symbol_id)) {
        broker_refuse(why, 422, CODE_INVALID, "qty must be integer");
        return NULL;
    }
    if (!check_prices(&draft, why) || !check_ticks(b, &draft, why) || !check_session(&draft, why))
        return NULL;
    o->status = BROKER_PENDING_REPLACE;
    o->updated_ns = b->now_ns;
    return enter_and_send(b, &draft, o);
}

broker_order *broker_cancel(ats_paper *b, broker_order *o, broker_refusal *why)
{
    if (o->status != BROKER_ACCEPTED && o->status != BROKER_PENDING_NEW &&
        o->status != BROKER_PENDING_CANCEL && !may_change(o, "cancel", why))
        return NULL;
    if (!ats_venue_sim_room(b->sim)) {
        broker_refuse(why, 500, 50010000, "internal server error occurred");
        return NULL;
    }
    o->status = BROKER_PENDING_CANCEL;
    o->cancel_asked_ns = o->updated_ns = b->now_ns;
    ats_order request = {
        .h = {.kind = ATS_KIND_ORDER, .symbol_id = o->symbol_id, .recv_ns = b->now_ns},
        .order_id = o->order_id,
        .target_order_id = o->order_id,
        .action = ATS_INTENT_CANCEL};
    ats_venue_sim_send(b->sim, &request);
    return o;
}

broker_order *broker_close(ats_paper *b, uint32_t symbol_id, int64_t qty_e9, broker_refusal *why)
{
    int64_t held = b->portfolio->holdings[symbol_id].qty_e9;
    if (held == 0) {
        broker_refuse(why, 404, 40410000, "position does not exist");
        return NULL;
    }
    broker_order draft = {.symbol_id = symbol_id,
                          .side = held > 0 ? ATS_SIDE_SELL : ATS_SIDE_BUY,
                          .type = ATS_ORDER_MARKET,
                          .tif = broker_is_crypto(b, symbol_id) ? ATS_TIF_GTC : ATS_TIF_DAY,
                          .qty_e9 = qty_e9     ? qty_e9
                                    : held > 0 ? held
                                               : -held,
                          .submitted_ns = b->now_ns,
                          .updated_ns = b->now_ns};
    if (!has_room(b, why) || !check_wash(b, &draft, why) || !check_held(b, &draft, why))
        return NULL;
    return enter_and_send(b, &draft, NULL);
}
