#include "io/venue/alpaca/messages.h"

#include <string.h>

static void put_text(broker_wire *w, const char *key, const char *text)
{
    broker_wire_key(w, key);
    broker_wire_text(w, text, strlen(text));
}

static void put_letter(broker_wire *w, const char *key, uint8_t letter)
{
    char text = letter ? (char)letter : ' ';
    broker_wire_key(w, key);
    broker_wire_text(w, &text, 1);
}

static void put_e9(broker_wire *w, const char *key, int64_t value_e9)
{
    broker_wire_key(w, key);
    broker_wire_e9(w, value_e9);
}

static void put_time(broker_wire *w, int64_t ns)
{
    broker_wire_key(w, "t");
    broker_wire_time(w, ns);
}

/* The map of a message; on a stream it says of what kind it is and of which symbol. */
static void begin(broker_wire *w, const char *symbol, const char *kind, uint32_t fields)
{
    broker_wire_map(w, fields + (symbol ? 2 : 0));
    if (!symbol)
        return;
    put_text(w, "T", kind);
    put_text(w, "S", symbol);
}

/* As tape C has them: the first is '@' for a regular sale; blanks behind it are none. */
static void put_conditions(broker_wire *w, const uint8_t condition[4])
{
    uint8_t letters[4];
    for (size_t i = 0; i < sizeof letters; i++)
        letters[i] = condition[i] == ' ' ? 0 : condition[i];
    if (letters[0] == 0)
        letters[0] = '@';
    broker_wire_key(w, "c");
    broker_wire_letters(w, letters, sizeof letters);
}

void broker_put_trade(broker_wire *w, const char *symbol, const ats_trade *t)
{
    begin(w, symbol, "t", 7);
    broker_wire_key(w, "i");
    broker_wire_u64(w, t->trade_id);
    put_letter(w, "x", t->venue);
    put_e9(w, "p", t->px_e9);
    put_e9(w, "s", t->qty_e9);
    put_conditions(w, t->condition);
    put_text(w, "z", "C");
    put_time(w, t->h.event_ns);
    broker_wire_end(w);
}

void broker_put_quote(broker_wire *w, const char *symbol, const ats_quote *q)
{
    const uint8_t condition = q->condition ? q->condition : 'R';
    begin(w, symbol, "q", 9);
    put_letter(w, "bx", q->bid_e9 ? q->bid_venue ? q->bid_venue : q->venue : 0);
    put_e9(w, "bp", q->bid_e9);
    put_e9(w, "bs", q->bid_size_e9);
    put_letter(w, "ax", q->ask_e9 ? q->ask_venue ? q->ask_venue : q->venue : 0);
    put_e9(w, "ap", q->ask_e9);
    put_e9(w, "as", q->ask_size_e9);
    broker_wire_key(w, "c");
    broker_wire_letters(w, &condition, 1);
    put_text(w, "z", "C");
    put_time(w, q->h.event_ns);
    broker_wire_end(w);
}

void broker_put_bar(broker_wire *w, const char *symbol, const ats_bar *bar)
{
    begin(w, symbol, bar->period_s >= 86400 ? "d" : "b", 8);
    put_e9(w, "o", bar->open_e9);
    put_e9(w, "h", bar->high_e9);
    put_e9(w, "l", bar->low_e9);
    put_e9(w, "c", bar->close_e9);
    put_e9(w, "v", bar->volume_e9);
    broker_wire_key(w, "n");
    broker_wire_u64(w, bar->trade_count);
    put_e9(w, "vw", bar->vwap_e9 ? bar->vwap_e9 : bar->close_e9);
    put_time(w, bar->h.event_ns);
    broker_wire_end(w);
}

void broker_put_status(broker_wire *w, const char *symbol, const ats_status *status)
{
    bool halt = status->code == ATS_STATUS_HALT;
    begin(w, symbol, "s", 6);
    put_text(w, "sc", halt ? "H" : "T");
    put_text(w, "sm", halt ? "Trading Halt" : "Trading Resumption");
    put_text(w, "rc", halt ? "T1" : "T3");
    put_text(w, "rm", halt ? "Halt News Pending" : "News and Resumption Times");
    put_text(w, "z", "C");
    put_time(w, status->h.event_ns);
    broker_wire_end(w);
}

void broker_put_band(broker_wire *w, const char *symbol, const ats_status *status)
{
    begin(w, symbol, "l", 5);
    put_e9(w, "u", status->band_high_e9);
    put_e9(w, "d", status->band_low_e9);
    put_text(w, "i", "B");
    put_text(w, "z", "C");
    put_time(w, status->h.event_ns);
    broker_wire_end(w);
}
