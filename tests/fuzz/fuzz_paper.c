/* A day of a client that sends anything: each line is a request "METHOD target body" or, after '<',
 * '{' or '[', a message to a stream. Nothing crashes, and the books hold after each. */
#include "io/venue/alpaca/paper.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static ats_symbols symbols;

static void hear(void *context, const void *bytes, size_t n, bool binary)
{
    (void)context;
    (void)binary;
    if (n == 0 || !bytes)
        abort();
}

static void quote(ats_paper *b, int64_t step)
{
    int64_t now = ats_paper_now(b) + 1000000, px = (10000 + step % 50) * 10000000;
    ats_market m = {.quote = {.h = {.kind = ATS_KIND_QUOTE,
                                    .symbol_id = 1 + (uint32_t)step % 2,
                                    .recv_ns = now,
                                    .event_ns = now},
                              .bid_e9 = px,
                              .ask_e9 = px + 10000000,
                              .bid_size_e9 = 100 * ATS_E9,
                              .ask_size_e9 = 100 * ATS_E9}};
    ats_paper_foresee(b, &m);
    ats_paper_market(b, &m);
    ats_paper_flush(b);
}

static void request(ats_paper *b, char *line)
{
    char *save = NULL, *method = strtok_r(line, " ", &save), *target = strtok_r(NULL, " ", &save);
    if (!method || !target)
        return;
    ats_paper_request r = {.method = method,
                           .target = target,
                           .key = "k",
                           .secret = "s",
                           .body = save,
                           .body_bytes = strlen(save)};
    ats_paper_reply reply;
    if (ats_paper_rest(b, &r, &reply) != 0 || reply.status < 200 || reply.status > 599)
        abort();
    free(reply.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (symbols.count == 0) {
        ats_symbol stock = {.text = "A", .venue = "US", .symbol_class = ATS_CLASS_EQUITY};
        ats_symbol coin = {.text = "B", .venue = "C", .symbol_class = ATS_CLASS_CRYPTO_SPOT};
        ats_symbols_add(&symbols, &stock);
        ats_symbols_add(&symbols, &coin);
    }
    ats_paper *b = ats_paper_new(&(ats_paper_config){.symbols = &symbols,
                                                     .key = "k",
                                                     .secret = "s",
                                                     .venue = {.order_capacity = 64},
                                                     .cash_e9 = 1000000 * ATS_E9,
                                                     .start_ns = 1704205800ll * ATS_E9});
    ats_paper_stream *streams[4];
    for (int i = 0; i < 4; i++)
        streams[i] = ats_paper_stream_open(
            b, &(ats_paper_stream_config){.kind = i & 1 ? ATS_PAPER_STREAM_UPDATES
                                                        : ATS_PAPER_STREAM_DATA,
                                          .msgpack = i & 2,
                                          .send = hear});
    char *text = malloc(size + 1), *save = NULL;
    memcpy(text, data, size);
    text[size] = '\0';
    int64_t step = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        quote(b, step++);
        if (strchr("<[{", line[0]))
            ats_paper_stream_message(streams[step % 4], line[0] == '<' ? line + 1 : line,
                                     strlen(line) - (line[0] == '<'));
        else
            request(b, line);
        ats_paper_advance(b, ats_paper_now(b) + 1);
        if (!ats_portfolio_check(ats_paper_portfolio(b)))
            abort();
    }
    free(text);
    ats_paper_free(b);
    return 0;
}
