/* The two streams: market data, and updates of orders. */
#include "core/error.h"
#include "io/codec/decimal.h"
#include "io/venue/alpaca/messages.h"
#include "io/venue/alpaca/parts.h"

#include <stdlib.h>
#include <string.h>

/* Gathered market messages go out at this size at the latest. */
#define FLUSH_BYTES 32768u

/* Above the ids of executions, and within the 48 bits of a UUID's number. */
#define UPDATE_IDS (1ull << 47)

typedef enum channel {
    TRADES = 0,
    QUOTES,
    BARS,
    UPDATED_BARS,
    DAILY_BARS,
    STATUSES,
    LULDS,
    CORRECTIONS, /* these two come with trades */
    CANCEL_ERRORS,
    CHANNELS
} channel;

static const char *const CHANNEL_NAMES[CHANNELS] = {"trades",      "quotes",      "bars",
                                                    "updatedBars", "dailyBars",   "statuses",
                                                    "lulds",       "corrections", "cancelErrors"};

struct ats_paper_stream {
    ats_paper *broker;
    ats_paper_stream *next, *previous;
    ats_paper_stream_config config;
    bool authorized;
    bool listening;        /* UPDATES */
    json_t *set[CHANNELS]; /* DATA: objects whose keys are symbols, or "*" */
    uint16_t all;          /* channels of every symbol, a bit each */
    uint16_t *wants;       /* the same by symbol */
    broker_wire gathered;  /* messages, without the array's head */
    uint32_t gathered_count;
};

/* ---- sending -------------------------------------------------------------------------------- */

/* UPDATES come in binary frames whatever is in them, as on paper accounts. */
static void send_wire(ats_paper_stream *s, broker_wire *w)
{
    bool binary = s->config.msgpack || s->config.kind == ATS_PAPER_STREAM_UPDATES;
    if (!w->failed)
        s->config.send(s->config.context, w->bytes, w->length, binary);
    broker_wire_free(w);
}

static void send_json(ats_paper_stream *s, json_t *message)
{
    broker_wire w = {.msgpack = s->config.msgpack};
    if (message)
        broker_wire_json(&w, message);
    json_decref(message);
    send_wire(s, &w);
}

static void flush(ats_paper_stream *s)
{
    broker_wire w = {.msgpack = s->config.msgpack};
    if (s->gathered_count == 0)
        return;
    if (s->config.msgpack)
        broker_wire_array_head(&w, s->gathered_count);
    else
        broker_wire_bytes(&w, "[", 1);
    broker_wire_bytes(&w, s->gathered.bytes, s->gathered.length);
    if (!s->config.msgpack)
        broker_wire_bytes(&w, "]", 1);
    w.failed |= s->gathered.failed;
    s->gathered.length = 0;
    s->gathered.failed = false;
    s->gathered_count = 0;
    send_wire(s, &w);
}

static void send_success(ats_paper_stream *s, const char *message)
{
    send_json(s, json_pack("[{s:s, s:s}]", "T", "success", "msg", message));
}

static void send_error(ats_paper_stream *s, int code, const char *message)
{
    send_json(s, json_pack("[{s:s, s:i, s:s}]", "T", "error", "code", code, "msg", message));
}

/* ---- market data: the session --------------------------------------------------------------- */

static bool has_credentials(const ats_paper *b, const char *key, const char *secret)
{
    return key && secret && strcmp(key, b->config.key) == 0 &&
           strcmp(secret, b->config.secret) == 0;
}

/* The broker allows one at a time. */
static bool another_is_authorized(const ats_paper_stream *s)
{
    for (const ats_paper_stream *o = s->broker->streams; o; o = o->next)
        if (o != s && o->config.kind == s->config.kind && o->authorized)
            return true;
    return false;
}

static void authorize_data(ats_paper_stream *s, const char *key, const char *secret)
{
    if (s->authorized)
        send_error(s, 403, "already authenticated");
    else if (!has_credentials(s->broker, key, secret))
        send_error(s, 402, "auth failed");
    else if (another_is_authorized(s))
        send_error(s, 406, "connection limit exceeded");
    else {
        s->authorized = true;
        send_success(s, "authenticated");
    }
}

static void send_subscription(ats_paper_stream *s)
{
    json_t *o = json_pack("{s:s}", "T", "subscription");
    for (channel c = 0; c < CHANNELS; c++) {
        const char *symbol;
        json_t *value, *list = json_array();
        json_object_foreach(s->set[c], symbol, value)
            json_array_append_new(list, json_string(symbol));
        json_object_set_new(o, CHANNEL_NAMES[c], list);
    }
    send_json(s, json_pack("[o]", o));
}

static void set_wants(ats_paper_stream *s, channel c)
{
    const ats_symbols *symbols = s->broker->config.symbols;
    uint16_t bit = (uint16_t)(1u << c);
    s->all = (uint16_t)(json_object_get(s->set[c], "*") ? s->all | bit : s->all & ~bit);
    for (uint32_t id = 1; id <= symbols->count; id++) {
        bool on = json_object_get(s->set[c], symbols->entry[id].text) != NULL;
        s->wants[id] = (uint16_t)(on ? s->wants[id] | bit : s->wants[id] & ~bit);
    }
}

static bool are_symbols(const json_t *list)
{
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item)
    {
        size_t n = json_string_length(item);
        if (n == 0 || n >= ATS_SYMBOL_TEXT)
            return false;
    }
    return !list || json_is_array(list);
}

static void subscribe(ats_paper_stream *s, const json_t *message, bool on)
{
    for (channel c = 0; c < CORRECTIONS; c++)
        if (!are_symbols(json_object_get(message, CHANNEL_NAMES[c]))) {
            send_error(s, 400, "invalid syntax");
            return;
        }
    for (channel c = 0; c < CORRECTIONS; c++) {
        size_t i;
        json_t *item;
        json_array_foreach(json_object_get(message, CHANNEL_NAMES[c]), i, item)
        {
            for (channel with = c; with < CHANNELS; with++) {
                if (with != c && (c != TRADES || with < CORRECTIONS))
                    continue;
                if (on)
                    json_object_set_new(s->set[with], json_string_value(item), json_true());
                else
                    json_object_del(s->set[with], json_string_value(item));
            }
        }
    }
    for (channel c = 0; c < CHANNELS; c++)
        set_wants(s, c);
    send_subscription(s);
}

static bool on_data_message(ats_paper_stream *s, const json_t *message)
{
    const char *action = json_string_value(json_object_get(message, "action"));
    if (!action)
        send_error(s, 400, "invalid syntax");
    else if (strcmp(action, "auth") == 0)
        authorize_data(s, json_string_value(json_object_get(message, "key")),
                       json_string_value(json_object_get(message, "secret")));
    else if (!s->authorized)
        send_error(s, 401, "not authenticated");
    else if (strcmp(action, "subscribe") == 0 || strcmp(action, "unsubscribe") == 0)
        subscribe(s, message, *action == 's');
    else
        send_error(s, 400, "invalid syntax");
    return true;
}

/* ---- market data: messages ------------------------------------------------------------------ */

/* Which channel a record goes out on; CHANNELS: none. */
static channel channel_of(const ats_market *m)
{
    switch (m->h.kind) {
    case ATS_KIND_TRADE:
        return TRADES;
    case ATS_KIND_QUOTE:
        return QUOTES;
    case ATS_KIND_BAR:
        return m->bar.period_s >= 86400 ? DAILY_BARS : m->bar.period_s == 60 ? BARS : CHANNELS;
    case ATS_KIND_STATUS:
        return m->status.code == ATS_STATUS_HALT || m->status.code == ATS_STATUS_RESUME ? STATUSES
               : m->status.band_high_e9 > 0                                             ? LULDS
                                                                                        : CHANNELS;
    default:
        return CHANNELS;
    }
}

static void gather(ats_paper_stream *s, const ats_market *m, channel c)
{
    const char *symbol = s->broker->config.symbols->entry[m->h.symbol_id].text;
    broker_wire *w = &s->gathered;
    w->msgpack = s->config.msgpack;
    if (s->gathered_count++ && !w->msgpack)
        broker_wire_bytes(w, ",", 1);
    if (c == TRADES)
        broker_put_trade(w, symbol, &m->trade);
    else if (c == QUOTES)
        broker_put_quote(w, symbol, &m->quote);
    else if (c == STATUSES)
        broker_put_status(w, symbol, &m->status);
    else if (c == LULDS)
        broker_put_band(w, symbol, &m->status);
    else
        broker_put_bar(w, symbol, &m->bar);
    if (w->length >= FLUSH_BYTES)
        flush(s);
}

void broker_tell_market(ats_paper *b, const ats_market *m)
{
    channel c = channel_of(m);
    for (ats_paper_stream *s = b->streams; s && c != CHANNELS; s = s->next)
        if (s->config.kind == ATS_PAPER_STREAM_DATA && s->authorized &&
            ((s->all | s->wants[m->h.symbol_id]) & 1u << c))
            gather(s, m, c);
}

void ats_paper_flush(ats_paper *b)
{
    for (ats_paper_stream *s = b->streams; s; s = s->next)
        flush(s);
}

/* ---- updates -------------------------------------------------------------------------------- */

static void send_authorization(ats_paper_stream *s, const char *action)
{
    const char *status = s->authorized ? "authorized" : "unauthorized";
    send_json(s, json_pack("{s:s, s:{s:s, s:s}}", "stream", "authorization", "data", "status",
                           status, "action", action));
}

static void listen_to(ats_paper_stream *s, const json_t *streams)
{
    size_t i;
    json_t *item, *list = json_array();
    s->listening = false;
    json_array_foreach(streams, i, item)
    {
        const char *name = json_string_value(item);
        s->listening |= name && strcmp(name, "trade_updates") == 0;
    }
    if (s->listening)
        json_array_append_new(list, json_string("trade_updates"));
    send_json(s, json_pack("{s:s, s:{s:o}}", "stream", "listening", "data", "streams", list));
}

static bool on_updates_message(ats_paper_stream *s, const json_t *message)
{
    const char *action = json_string_value(json_object_get(message, "action"));
    const json_t *data = json_object_get(message, "data");
    if (action && strcmp(action, "authenticate") == 0) {
        s->authorized =
            has_credentials(s->broker, json_string_value(json_object_get(data, "key_id")),
                            json_string_value(json_object_get(data, "secret_key")));
        send_authorization(s, action);
        return s->authorized;
    }
    if (!s->authorized) {
        send_authorization(s, "listen");
        return false;
    }
    if (action && strcmp(action, "listen") == 0)
        listen_to(s, json_object_get(data, "streams"));
    return true;
}

static json_t *update_json(const ats_paper *b, const char *event, const broker_order *o,
                           const broker_fill *fill, uint64_t number)
{
    json_t *data = json_object();
    json_object_set_new(data, "event", json_string(event));
    json_object_set_new(data, "execution_id", broker_uuid_json(b, BROKER_ID_EXECUTION, number));
    json_object_set_new(data, "order", broker_order_json(b, o, true));
    json_object_set_new(data, "timestamp", broker_time_json(b->now_ns));
    if (fill) {
        json_object_set_new(data, "price", broker_text_e9(fill->px_e9));
        json_object_set_new(data, "qty", broker_text_e9(fill->qty_e9));
        json_object_set_new(data, "position_qty",
                            broker_text_e9(b->portfolio->holdings[o->symbol_id].qty_e9));
    }
    return json_pack("{s:s, s:o}", "stream", "trade_updates", "data", data);
}

void broker_tell_update(ats_paper *b, const char *event, const broker_order *o,
                        const broker_fill *fill)
{
    /* Every event has an id; fills share theirs with the activities. */
    uint64_t number = fill ? fill->exec_id : UPDATE_IDS | ++b->event_count;
    for (ats_paper_stream *s = b->streams; s; s = s->next)
        if (s->config.kind == ATS_PAPER_STREAM_UPDATES && s->listening)
            send_json(s, update_json(b, event, o, fill, number));
}

/* ---- opening and closing -------------------------------------------------------------------- */

ats_paper_stream *ats_paper_stream_open(ats_paper *b, const ats_paper_stream_config *config)
{
    ats_paper_stream *s = calloc(1, sizeof *s);
    uint16_t *wants = calloc(b->config.symbols->count + 1ull, sizeof *wants);
    if (!s || !wants) {
        free(s);
        free(wants);
        ats_error(ATS_EXIT_FAILED, "venue: out of memory");
        return NULL;
    }
    s->broker = b;
    s->config = *config;
    s->wants = wants;
    for (channel c = 0; c < CHANNELS; c++)
        s->set[c] = json_object();
    s->next = b->streams;
    if (s->next)
        s->next->previous = s;
    b->streams = s;
    if (config->kind == ATS_PAPER_STREAM_DATA) {
        send_success(s, "connected");
        if (config->key)
            authorize_data(s, config->key, config->secret);
    }
    s->config.key = s->config.secret = NULL; /* not kept */
    return s;
}

bool ats_paper_stream_message(ats_paper_stream *s, const void *bytes, size_t length)
{
    json_t *message = broker_wire_read(bytes, length, s->config.msgpack);
    bool data = s->config.kind == ATS_PAPER_STREAM_DATA, stays = true;
    if (!message && s->config.msgpack) /* some clients send JSON all the same */
        message = broker_wire_read(bytes, length, false);
    if (message)
        stays = data ? on_data_message(s, message) : on_updates_message(s, message);
    else if (data)
        send_error(s, 400, "invalid syntax");
    json_decref(message);
    return stays;
}

void ats_paper_stream_close(ats_paper_stream *s)
{
    if (s->previous)
        s->previous->next = s->next;
    else
        s->broker->streams = s->next;
    if (s->next)
        s->next->previous = s->previous;
    for (channel c = 0; c < CHANNELS; c++)
        json_decref(s->set[c]);
    broker_wire_free(&s->gathered);
    free(s->wants);
    free(s);
}
