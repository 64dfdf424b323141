/* What the broker's things look like as JSON. */
#include "core/clock.h"
#include "io/venue/alpaca/parts.h"

#include <stdio.h>
#include <string.h>

#define MULTIPLIER      4
#define INITIAL_BPS     5000 /* Regulation T */
#define MAINTENANCE_BPS 3000

static const char *side_text(uint8_t side)
{
    return side == ATS_SIDE_BUY ? "buy" : "sell";
}

static const char *type_text(uint8_t type)
{
    static const char *const TEXT[] = {[ATS_ORDER_LIMIT] = "limit",
                                       [ATS_ORDER_MARKET] = "market",
                                       [ATS_ORDER_STOP] = "stop",
                                       [ATS_ORDER_STOP_LIMIT] = "stop_limit",
                                       [ATS_ORDER_TRAILING_STOP] = "trailing_stop"};
    return TEXT[type];
}

static const char *tif_text(uint8_t tif)
{
    static const char *const TEXT[] = {
        [ATS_TIF_DAY] = "day", [ATS_TIF_IOC] = "ioc", [ATS_TIF_FOK] = "fok",
        [ATS_TIF_GTC] = "gtc", [ATS_TIF_OPG] = "opg", [ATS_TIF_CLS] = "cls"};
    return TEXT[tif];
}

static const char *class_text(const broker_order *o)
{
    static const char *const TEXT[] = {[ATS_ORDER_CLASS_SIMPLE] = "",
                                       [ATS_ORDER_CLASS_BRACKET] = "bracket",
                                       [ATS_ORDER_CLASS_OCO] = "oco",
                                       [ATS_ORDER_CLASS_OTO] = "oto"};
    return TEXT[o->order_class];
}

static const char *asset_class(const ats_paper *b, uint32_t symbol_id)
{
    return broker_is_crypto(b, symbol_id) ? "crypto" : "us_equity";
}

static const char *symbol_text(const ats_paper *b, uint32_t symbol_id)
{
    return b->config.symbols->entry[symbol_id].text;
}

/* ---- orders --------------------------------------------------------------------------------- */

static json_t *legs_json(const ats_paper *b, const broker_order *head)
{
    json_t *legs = NULL;
    for (uint64_t id = head->order_id + 1; id < head->order_id + ATS_LEG_IDS; id++) {
        const broker_order *leg = broker_order_at(b, id);
        while (leg && leg->replaced_by) /* the one that has its place */
            leg = broker_order_at(b, leg->replaced_by);
        if (!leg || head->head_id)
            continue;
        legs = legs ? legs : json_array();
        json_array_append_new(legs, broker_order_json(b, leg, false));
    }
    return legs ? legs : json_null();
}

static void put_order_times(json_t *j, const broker_order *o)
{
    const struct {
        const char *key;
        int64_t ns;
    } times[] = {{"created_at", o->submitted_ns},
                 {"updated_at", o->updated_ns},
                 {"submitted_at", o->submitted_ns},
                 {"filled_at", o->filled_ns},
                 {"expired_at", o->expired_ns},
                 {"canceled_at", o->canceled_ns},
                 {"failed_at", o->failed_ns},
                 {"replaced_at", o->replaced_ns},
                 {"cancel_requested_at", o->cancel_asked_ns}};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        json_object_set_new(j, times[i].key, broker_time_json(times[i].ns));
}

json_t *broker_order_json(const ats_paper *b, const broker_order *o, bool nested)
{
    json_t *j = json_object();
    json_object_set_new(j, "id", broker_uuid_json(b, BROKER_ID_ORDER, o->order_id));
    json_object_set_new(j, "client_order_id", json_string(o->client_id));
    put_order_times(j, o);
    json_object_set_new(j, "replaced_by", broker_uuid_json(b, BROKER_ID_ORDER, o->replaced_by));
    json_object_set_new(j, "replaces", broker_uuid_json(b, BROKER_ID_ORDER, o->replaces));
    json_object_set_new(j, "asset_id", broker_uuid_json(b, BROKER_ID_ASSET, o->symbol_id));
    json_object_set_new(j, "symbol", json_string(symbol_text(b, o->symbol_id)));
    json_object_set_new(j, "asset_class", json_string(asset_class(b, o->symbol_id)));
    json_object_set_new(j, "notional", broker_text_or_null_e9(o->notional_e9));
    json_object_set_new(j, "qty", broker_text_e9(o->qty_e9));
    json_object_set_new(j, "filled_qty", broker_text_e9(o->filled_e9));
    json_object_set_new(j, "filled_avg_price",
                        o->filled_e9 ? broker_text_e9((int64_t)(o->filled_value_e18 / o->filled_e9))
                                     : json_null());
    json_object_set_new(j, "order_class", json_string(class_text(o)));
    json_object_set_new(j, "order_type", json_string(type_text(o->type)));
    json_object_set_new(j, "type", json_string(type_text(o->type)));
    json_object_set_new(j, "side", json_string(side_text(o->side)));
    json_object_set_new(j, "time_in_force", json_string(tif_text(o->tif)));
    json_object_set_new(j, "limit_price", broker_text_or_null_e9(o->limit_e9));
    json_object_set_new(j, "stop_price", broker_text_or_null_e9(o->stop_e9));
    json_object_set_new(j, "status", json_string(broker_status_text[o->status]));
    json_object_set_new(j, "extended_hours", json_boolean(o->extended));
    json_object_set_new(j, "legs", nested ? legs_json(b, o) : json_null());
    json_object_set_new(j, "trail_percent", broker_text_or_null_e9(o->trail_percent_e9));
    json_object_set_new(j, "trail_price",
                        broker_text_or_null_e9(o->trail_percent_e9 ? 0 : o->trail_e9));
    json_object_set_new(j, "hwm", json_null());
    json_object_set_new(j, "subtag", json_null());
    json_object_set_new(j, "source", json_null());
    return j;
}

/* ---- account -------------------------------------------------------------------------------- */

/* What open orders that add to positions would cost. */
static ats_money_e18 open_value(const ats_paper *b)
{
    const ats_order_table *open = ats_venue_sim_orders(b->sim);
    ats_money_e18 sum = 0;
    for (uint32_t id = 1; id <= b->config.venue.symbol_count; id++) {
        const ats_order_entry *e = ats_order_table_first(open, id);
        int64_t held = b->portfolio->holdings[id].qty_e9;
        for (; e; e = ats_order_table_next(open, e)) {
            const broker_order *o = broker_order_at(b, e->order_id);
            bool adds = e->side == ATS_SIDE_BUY ? held >= 0 : held <= 0;
            int64_t px = e->limit_e9  ? e->limit_e9
                         : e->stop_e9 ? e->stop_e9
                                      : b->symbol[id].last_e9;
            if (o && adds && e->head_id == 0 && !broker_is_over(o->status))
                sum += ats_money_product(px, e->qty_e9 - e->filled_e9);
        }
    }
    return sum;
}

static int64_t at_least_0(ats_money_e18 value_e18)
{
    return value_e18 > 0 ? ats_money_round_e9(value_e18) : 0;
}

int64_t broker_buying_power_e9(const ats_paper *b)
{
    const ats_portfolio *p = b->portfolio;
    return at_least_0(ats_portfolio_equity(p) * MULTIPLIER - p->gross_e18 - open_value(b));
}

json_t *broker_account_json(const ats_paper *b)
{
    const ats_portfolio *p = b->portfolio;
    ats_money_e18 equity = ats_portfolio_equity(p), initial = p->gross_e18 / 10000 * INITIAL_BPS;
    ats_money_e18 maintenance = p->gross_e18 / 10000 * MAINTENANCE_BPS;
    json_t *j = json_object();
    json_object_set_new(j, "id", broker_uuid_json(b, BROKER_ID_ACCOUNT, 1));
    json_object_set_new(j, "account_number", json_string("ATSPAPER1"));
    json_object_set_new(j, "status", json_string("ACTIVE"));
    json_object_set_new(j, "crypto_status", json_string("ACTIVE"));
    json_object_set_new(j, "currency", json_string("USD"));
    json_object_set_new(j, "buying_power", broker_text_e9(broker_buying_power_e9(b)));
    json_object_set_new(j, "regt_buying_power", broker_text_e9(at_least_0((equity - initial) * 2)));
    json_object_set_new(j, "daytrading_buying_power", broker_text_e9(broker_buying_power_e9(b)));
    json_object_set_new(j, "non_marginable_buying_power",
                        broker_text_e9(at_least_0(equity - initial)));
    json_object_set_new(j, "cash", broker_text_e18(p->cash_e18));
    json_object_set_new(j, "accrued_fees", json_string("0"));
    json_object_set_new(j, "portfolio_value", broker_text_e18(equity));
    json_object_set_new(j, "equity", broker_text_e18(equity));
    json_object_set_new(j, "last_equity", broker_text_e9(b->last_equity_e9));
    json_object_set_new(j, "long_market_value", broker_text_e18(p->gross_e18 - p->short_e18));
    json_object_set_new(j, "short_market_value", broker_text_e18(-p->short_e18));
    json_object_set_new(j, "initial_margin", broker_text_e18(initial));
    json_object_set_new(j, "maintenance_margin", broker_text_e18(maintenance));
    json_object_set_new(j, "last_maintenance_margin", broker_text_e18(maintenance));
    json_object_set_new(j, "sma", json_string("0"));
    json_object_set_new(j, "multiplier", json_string("4"));
    json_object_set_new(j, "shorting_enabled", json_true());
    json_object_set_new(j, "pattern_day_trader", json_false());
    json_object_set_new(j, "daytrade_count", json_integer(0));
    json_object_set_new(j, "trading_blocked", json_false());
    json_object_set_new(j, "transfers_blocked", json_false());
    json_object_set_new(j, "account_blocked", json_false());
    json_object_set_new(j, "trade_suspended_by_user", json_false());
    json_object_set_new(j, "created_at", broker_time_json(b->config.start_ns));
    return j;
}

/* part / whole to 1e-9; 0 of nothing. */
static json_t *share_json(ats_money_e18 part, ats_money_e18 whole)
{
    ats_money_e18 e9 = ats_money_round_e9(whole);
    return broker_text_e9(e9 ? (int64_t)(part / e9) : 0);
}

json_t *broker_position_json(const ats_paper *b, uint32_t symbol_id)
{
    const ats_holding *h = &b->portfolio->holdings[symbol_id];
    const broker_symbol *s = &b->symbol[symbol_id];
    ats_money_e18 profit = ats_holding_unrealized(h);
    int64_t before = s->day_last_e9 ? s->day_last_e9 : h->mark_e9;
    ats_money_e18 intraday = ats_money_product(h->mark_e9 - before, h->qty_e9);
    json_t *j = json_object();
    json_object_set_new(j, "asset_id", broker_uuid_json(b, BROKER_ID_ASSET, symbol_id));
    json_object_set_new(j, "symbol", json_string(symbol_text(b, symbol_id)));
    json_object_set_new(j, "exchange",
                        json_string(broker_is_crypto(b, symbol_id) ? "CRYPTO" : "NASDAQ"));
    json_object_set_new(j, "asset_class", json_string(asset_class(b, symbol_id)));
    json_object_set_new(j, "asset_marginable", json_boolean(!broker_is_crypto(b, symbol_id)));
    json_object_set_new(j, "qty", broker_text_e9(h->qty_e9));
    int64_t free_e9 = broker_free_qty_e9(b, symbol_id);
    json_object_set_new(j, "qty_available", broker_text_e9(h->qty_e9 < 0 ? -free_e9 : free_e9));
    json_object_set_new(j, "avg_entry_price",
                        broker_text_e9((int64_t)(h->cost_e18 / (h->qty_e9 ? h->qty_e9 : 1))));
    json_object_set_new(j, "side", json_string(h->qty_e9 < 0 ? "short" : "long"));
    json_object_set_new(j, "market_value", broker_text_e18(h->value_e18));
    json_object_set_new(j, "cost_basis", broker_text_e18(h->cost_e18));
    json_object_set_new(j, "unrealized_pl", broker_text_e18(profit));
    json_object_set_new(j, "unrealized_plpc",
                        share_json(profit, h->cost_e18 < 0 ? -h->cost_e18 : h->cost_e18));
    json_object_set_new(j, "unrealized_intraday_pl", broker_text_e18(intraday));
    json_object_set_new(j, "unrealized_intraday_plpc",
                        share_json(intraday, h->value_e18 < 0 ? -h->value_e18 : h->value_e18));
    json_object_set_new(j, "current_price", broker_text_e9(h->mark_e9));
    json_object_set_new(j, "lastday_price", broker_text_e9(before));
    json_object_set_new(
        j, "change_today",
        share_json(ats_money_from_e9(h->mark_e9 - before), ats_money_from_e9(before)));
    return j;
}

/* ---- assets, clock, calendar ---------------------------------------------------------------- */

json_t *broker_asset_json(const ats_paper *b, uint32_t symbol_id)
{
    bool crypto = broker_is_crypto(b, symbol_id);
    const ats_symbol *s = &b->config.symbols->entry[symbol_id];
    json_t *j = json_object();
    json_object_set_new(j, "id", broker_uuid_json(b, BROKER_ID_ASSET, symbol_id));
    json_object_set_new(j, "class", json_string(asset_class(b, symbol_id)));
    json_object_set_new(j, "exchange", json_string(crypto ? "CRYPTO" : "NASDAQ"));
    json_object_set_new(j, "symbol", json_string(s->text));
    json_object_set_new(j, "name", json_string(s->text));
    json_object_set_new(j, "status", json_string("active"));
    json_object_set_new(j, "tradable", json_true());
    json_object_set_new(j, "marginable", json_boolean(!crypto));
    json_object_set_new(j, "shortable", json_boolean(!crypto));
    json_object_set_new(j, "easy_to_borrow", json_boolean(!crypto));
    json_object_set_new(j, "fractionable", json_true());
    json_object_set_new(j, "maintenance_margin_requirement", json_integer(30));
    json_object_set_new(j, "attributes", json_array());
    return j;
}

json_t *broker_clock_json(const ats_paper *b)
{
    const ats_calendar *c = b->config.calendar ? b->config.calendar : &ats_calendar_continuous;
    ats_segment now = b->segment;
    ats_calendar_segment(c, b->now_ns, &now);
    int64_t open_ns = now.open_ns, close_ns = now.close_ns;
    ats_session next;
    if (b->now_ns >= now.open_ns && now.date != 0 && ats_calendar_next(c, now.date, &next)) {
        open_ns = next.open_ns;
        if (b->now_ns >= now.close_ns)
            close_ns = next.close_ns;
    }
    json_t *j = json_object();
    json_object_set_new(j, "timestamp", broker_local_time_json(b, b->now_ns));
    json_object_set_new(j, "is_open", json_boolean(now.phase == ATS_PHASE_REGULAR));
    json_object_set_new(j, "next_open", broker_local_time_json(b, open_ns));
    json_object_set_new(j, "next_close", broker_local_time_json(b, close_ns));
    return j;
}

static json_t *minute_json(const ats_paper *b, int64_t ns, const char *between)
{
    char utc[ATS_CLOCK_TEXT_BYTES], text[16];
    int32_t offset_s = b->config.calendar ? ats_calendar_offset_s(b->config.calendar, ns) : 0;
    ats_clock_utc_text(ns + offset_s * ATS_SECOND_NS, utc);
    snprintf(text, sizeof text, "%.2s%s%.2s", utc + 11, between, utc + 14);
    return json_string(text);
}

json_t *broker_session_json(const ats_paper *b, const ats_session *session)
{
    char date[16];
    snprintf(date, sizeof date, "%04u-%02u-%02u", session->date / 10000, session->date / 100 % 100,
             session->date % 100);
    json_t *j = json_object();
    json_object_set_new(j, "date", json_string(date));
    json_object_set_new(j, "open", minute_json(b, session->open_ns, ":"));
    json_object_set_new(j, "close", minute_json(b, session->close_ns, ":"));
    json_object_set_new(j, "session_open", minute_json(b, session->pre_ns, ""));
    json_object_set_new(j, "session_close", minute_json(b, session->post_ns, ""));
    return j;
}

/* ---- activities, refusals ------------------------------------------------------------------- */

json_t *broker_fill_json(const ats_paper *b, const broker_fill *f)
{
    const broker_order *o = broker_order_at(b, f->order_id);
    char utc[ATS_CLOCK_TEXT_BYTES], uuid[BROKER_UUID_BYTES], id[80];
    ats_clock_utc_text(f->at_ns, utc);
    broker_uuid(b, BROKER_ID_EXECUTION, f->exec_id, uuid);
    snprintf(id, sizeof id, "%.4s%.2s%.2s%.2s%.2s%.2s%.3s::%s", utc, utc + 5, utc + 8, utc + 11,
             utc + 14, utc + 17, utc + 20, uuid);
    json_t *j = json_object();
    json_object_set_new(j, "id", json_string(id));
    json_object_set_new(j, "activity_type", json_string("FILL"));
    json_object_set_new(j, "transaction_time", broker_time_json(f->at_ns));
    json_object_set_new(j, "type", json_string(f->leaves_e9 ? "partial_fill" : "fill"));
    json_object_set_new(j, "price", broker_text_e9(f->px_e9));
    json_object_set_new(j, "qty", broker_text_e9(f->qty_e9));
    json_object_set_new(j, "side", json_string(side_text(o->side)));
    json_object_set_new(j, "symbol", json_string(symbol_text(b, o->symbol_id)));
    json_object_set_new(j, "leaves_qty", broker_text_e9(f->leaves_e9));
    json_object_set_new(j, "order_id", broker_uuid_json(b, BROKER_ID_ORDER, f->order_id));
    json_object_set_new(j, "cum_qty", broker_text_e9(f->cum_e9));
    json_object_set_new(j, "order_status",
                        json_string(f->leaves_e9 ? "partially_filled" : "filled"));
    return j;
}

json_t *broker_refusal_json(broker_refusal *why)
{
    json_t *j = why->more ? why->more : json_object();
    why->more = NULL;
    json_object_set_new(j, "code", json_integer(why->code));
    json_object_set_new(j, "message", json_string(why->message));
    return j;
}
