/* Made-up messages of Alpaca's stream, most of them good, as JSON text. */
#ifndef ATS_TESTS_ALPACA_MESSAGES_H
#define ATS_TESTS_ALPACA_MESSAGES_H

#include "decoder_fixture.h"

static uint32_t below(ats_random *r, uint32_t n)
{
    return (uint32_t)ats_random_below(r, n);
}

static int number_text(ats_random *r, char *out)
{
    static const uint32_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};
    int n = sprintf(out, "%u", below(r, powers[below(r, 8)]));
    uint32_t digits = below(r, 5) == 0 ? below(r, 12) : below(r, 5);
    if (digits)
        n += sprintf(out + n, ".");
    for (uint32_t i = 0; i < digits; i++)
        n += sprintf(out + n, "%u", below(r, 10));
    if (below(r, 40) == 0)
        n += sprintf(out + n, "e%d", (int)below(r, 8) - 4);
    return n;
}

static int time_text(ats_random *r, char *out)
{
    int n = sprintf(out, "\"2024-%02u-%02uT%02u:%02u:%02u", 1 + below(r, 12), 1 + below(r, 29),
                    below(r, 24), below(r, 60), below(r, 61));
    uint32_t digits = below(r, 11);
    if (digits)
        n += sprintf(out + n, ".");
    for (uint32_t i = 0; i < digits; i++)
        n += sprintf(out + n, "%u", below(r, 10));
    return n + sprintf(out + n, below(r, 20) ? "Z\"" : "-04:00\"");
}

static int letters_text(ats_random *r, char *out)
{
    static const char letters[] = "@FTIR XOZ7]\\\"";
    int n = sprintf(out, "[");
    uint32_t count = below(r, 30) == 0 ? 5 : below(r, 5);
    for (uint32_t i = 0; i < count; i++)
        n += sprintf(out + n, "%s\"%c\"", i ? "," : "", letters[below(r, below(r, 30) ? 10 : 13)]);
    return n + sprintf(out + n, "]");
}

/* A member by its kind: '"' text of one letter, '#' number, 't' time, 'c' conditions, 'S' symbol.
 */
static int member_text(ats_random *r, const char *key, char kind, char *out)
{
    int n = sprintf(out, "\"%s\":", key);
    switch (kind) {
    case '#':
        return n + number_text(r, out + n);
    case 'i':
        return n +
               sprintf(out + n, "%llu", (unsigned long long)(ats_random_next(r) >> below(r, 64)));
    case 't':
        return n + time_text(r, out + n);
    case 'c':
        return n + letters_text(r, out + n);
    case 'S':
        return n + sprintf(out + n, "\"%s\"",
                           below(r, 40) ? FIXTURE_SYMBOLS[below(r, FIXTURE_SYMBOL_COUNT)] : "NOPE");
    default:
        return n + sprintf(out + n, "\"%c\"", "ABCQV @"[below(r, 7)]);
    }
}

typedef struct shape {
    const char *type;
    struct {
        const char *key;
        char kind;
    } member[12];
} shape;

static const shape SHAPES[] = {
    {"q",
     {{"S", 'S'},
      {"bx", '"'},
      {"bp", '#'},
      {"bs", '#'},
      {"ax", '"'},
      {"ap", '#'},
      {"as", '#'},
      {"c", 'c'},
      {"z", '"'},
      {"t", 't'}}},
    {"q",
     {{"S", 'S'},
      {"bx", '"'},
      {"bp", '#'},
      {"bs", '#'},
      {"ax", '"'},
      {"ap", '#'},
      {"as", '#'},
      {"t", 't'},
      {"c", 'c'},
      {"z", '"'}}},
    {"t",
     {{"S", 'S'},
      {"i", 'i'},
      {"x", '"'},
      {"p", '#'},
      {"s", '#'},
      {"c", 'c'},
      {"z", '"'},
      {"t", 't'}}},
    {"t",
     {{"S", 'S'},
      {"i", 'i'},
      {"x", '"'},
      {"p", '#'},
      {"s", '#'},
      {"t", 't'},
      {"c", 'c'},
      {"z", '"'}}},
    {"b",
     {{"S", 'S'},
      {"o", '#'},
      {"h", '#'},
      {"l", '#'},
      {"c", '#'},
      {"v", 'i'},
      {"n", 'i'},
      {"vw", '#'},
      {"t", 't'}}},
    {"l", {{"S", 'S'}, {"u", '#'}, {"d", '#'}, {"i", '"'}, {"t", 't'}, {"z", '"'}}},
};

/* A message; in one of four the order of its members is another, and blanks stand where they may.
 */
#define MESSAGE_BYTES 2000
static int message_text(ats_random *r, char *out)
{
    const shape *s = &SHAPES[below(r, sizeof SHAPES / sizeof SHAPES[0])];
    char member[14][80];
    int count = 0;
    snprintf(member[count++], sizeof member[0], "\"T\":\"%s\"", s->type);
    for (uint32_t i = 0; i < 12 && s->member[i].key; i++)
        member_text(r, s->member[i].key, s->member[i].kind, member[count++]);
    bool odd = below(r, 4) == 0;
    for (int i = count - 1; odd && i > 0; i--) {
        char swap[80];
        int k = (int)below(r, (uint32_t)i + 1);
        memcpy(swap, member[i], sizeof swap);
        memcpy(member[i], member[k], sizeof swap);
        memcpy(member[k], swap, sizeof swap);
    }
    int n = sprintf(out, "{");
    for (int i = 0; i < count; i++)
        n += sprintf(out + n, "%s%s%s%s", i ? "," : "", odd && below(r, 3) == 0 ? " \n" : "",
                     member[i], odd && below(r, 9) == 0 ? ",\"r\":{\"a\":[1,{}]}" : "");
    return n + sprintf(out + n, "}");
}

/* A frame of up to 20 of them; its length. */
static inline int frame_text(ats_random *r, char *out, uint32_t *messages)
{
    int n = sprintf(out, "[");
    *messages = 1 + below(r, 20);
    for (uint32_t i = 0; i < *messages; i++) {
        if (i)
            n += sprintf(out + n, ",");
        n += message_text(r, out + n);
    }
    return n + sprintf(out + n, "]");
}
#define FRAME_BYTES (21 * MESSAGE_BYTES)

#endif
