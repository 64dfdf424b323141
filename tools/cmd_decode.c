#include "io/codec/live/alpaca.h"
#include "io/codec/live/broker_order.h"
#include "io/codec/live/polygon.h"
#include "io/codec/live/tiingo.h"
#include "tools/commands.h"
#include "tools/decoded_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct options {
    const char *symbols;
    int64_t quote_lot;
    bool iex, general;
} options;

static const ats_option OPTIONS[] = {
    {0, "symbols", ATS_OPTION_TEXT, offsetof(options, symbols), NULL, "A,B,...",
     "decode these as known symbols, as a feed does; others are decoded all the same", 0, 0, false},
    {0, "quote-lot", ATS_OPTION_INTEGER, offsetof(options, quote_lot), "1", "SHARES",
     "unit of quoted sizes: 100 in recordings from before 2025-11-03", 1, 1000, false},
    {0, "iex", ATS_OPTION_FLAG, offsetof(options, iex), NULL, NULL,
     "quotes are of one exchange, not the national best", 0, 0, false},
    {0, "general", ATS_OPTION_FLAG, offsetof(options, general), NULL, NULL,
     "take no fast path, to compare", 0, 0, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

typedef struct decoding {
    ats_decoder decoder;
    ats_symbols symbols;
    ats_symbol_map map;
    void *memory;
    uint64_t frames, given, refused;
} decoding;

typedef struct format {
    const char *name;
    bool (*next)(ats_decoder *, ats_decoded *); /* NULL: of orders */
    bool hex;                                   /* a line is a frame in hexadecimal digits */
    bool list;                                  /* a line is a reply with orders */
} format;

static const format FORMATS[] = {{"alpaca-json", ats_alpaca_json_next, false, false},
                                 {"alpaca-msgpack", ats_alpaca_msgpack_next, true, false},
                                 {"polygon", ats_polygon_next, false, false},
                                 {"tiingo", ats_tiingo_next, false, false},
                                 {"alpaca-updates", NULL, false, false},
                                 {"alpaca-updates-msgpack", NULL, true, false},
                                 {"alpaca-orders", NULL, false, true}};

static const format *find_format(const char *name)
{
    for (size_t i = 0; i < sizeof FORMATS / sizeof FORMATS[0]; i++)
        if (strcmp(FORMATS[i].name, name) == 0)
            return &FORMATS[i];
    return NULL;
}

static void print(decoding *d, json_t *message)
{
    json_object_set_new(message, "frame", json_integer((json_int_t)d->frames));
    json_dumpf(message, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(message);
    d->given++;
}

static void print_refusal(decoding *d, uint32_t reason, uint32_t offset)
{
    printf("{\"refused\":\"%s\",\"offset\":%u,\"frame\":%llu}\n", ats_line_reason_label(reason),
           offset, (unsigned long long)d->frames);
    d->refused++;
}

/* Refusals since the counts were `before`, by reason; the offset is that of the last one. */
static void print_refusals(decoding *d, const uint64_t before[ATS_LINE_REASON_COUNT])
{
    for (uint32_t r = 0; r < ATS_LINE_REASON_COUNT; r++)
        for (uint64_t n = before[r]; n < d->decoder.refused[r]; n++)
            print_refusal(d, r, r == d->decoder.fault.reason ? d->decoder.fault.offset : 0);
}

static void decode_frame(decoding *d, const format *f, const char *frame, size_t length)
{
    ats_decoder *decoder = &d->decoder;
    ats_decoded message;
    uint64_t before[ATS_LINE_REASON_COUNT];
    memcpy(before, decoder->refused, sizeof before);
    ats_decoder_open(decoder, frame, length);
    while (f->next(decoder, &message)) {
        print_refusals(d, before);
        memcpy(before, decoder->refused, sizeof before);
        print(d, ats_decoded_json(decoder, &message, &d->symbols));
    }
    print_refusals(d, before);
}

static void decode_orders(decoding *d, const char *body, size_t length)
{
    ats_broker_order order;
    ats_list list;
    ats_value value;
    uint32_t offset;
    ats_line_reason bad = ats_broker_orders_json(body, length, &list, &offset);
    if (bad == ATS_LINE_FIELD) { /* no list: one order */
        bad = ats_broker_order_json(body, length, &order, &offset);
        if (bad == ATS_LINE_OK)
            print(d, ats_broker_order_as_json(&order));
    } else if (bad == ATS_LINE_OK) {
        while (ats_list_next(&list, &value)) {
            ats_line_reason wrong = ats_broker_order_read(&value, &order);
            if (wrong == ATS_LINE_OK)
                print(d, ats_broker_order_as_json(&order));
            else
                print_refusal(d, wrong, 0);
        }
    }
    if (bad != ATS_LINE_OK)
        print_refusal(d, bad, offset);
}

static void decode_update(decoding *d, const format *f, const char *frame, size_t length)
{
    ats_broker_update update;
    uint32_t offset;
    ats_line_reason bad = f->hex ? ats_broker_update_msgpack(frame, length, &update, &offset)
                                 : ats_broker_update_json(frame, length, &update, &offset);
    if (bad == ATS_LINE_OK)
        print(d, ats_broker_update_as_json(&update));
    else
        print_refusal(d, bad, offset);
}

/* Hexadecimal digits where they lie to bytes; how many, or -1. */
static long from_hex(char *line, size_t length)
{
    for (size_t i = 0; i + 1 < length; i += 2) {
        unsigned value;
        char two[3] = {line[i], line[i + 1], 0};
        if (strspn(two, "0123456789abcdefABCDEF") != 2 || sscanf(two, "%x", &value) != 1)
            return -1;
        line[i / 2] = (char)value;
    }
    return length % 2 ? -1 : (long)(length / 2);
}

static int decode_line(decoding *d, const format *f, char *line, size_t length)
{
    d->frames++;
    if (f->hex) {
        long bytes = from_hex(line, length);
        if (bytes < 0)
            return ats_error(ATS_EXIT_DATA, "line %llu: not hexadecimal digits",
                             (unsigned long long)d->frames);
        length = (size_t)bytes;
    }
    if (f->next)
        decode_frame(d, f, line, length);
    else if (f->list)
        decode_orders(d, line, length);
    else
        decode_update(d, f, line, length);
    return 0;
}

static int decode_file(decoding *d, const format *f, FILE *in, const char *path)
{
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    int status = 0;
    while (status == 0 && (length = getline(&line, &capacity, in)) >= 0) {
        size_t used = (size_t)length;
        if (used && line[used - 1] == '\n')
            used--;
        if (capacity < used + ATS_DECODER_PADDING) {
            char *longer = realloc(line, used + ATS_DECODER_PADDING);
            if (!longer) {
                status = ats_error(ATS_EXIT_FAILED, "decode: out of memory");
                break;
            }
            line = longer;
            capacity = used + ATS_DECODER_PADDING;
        }
        status = decode_line(d, f, line, used);
    }
    if (status == 0 && ferror(in))
        status = ats_error(ATS_EXIT_DATA, "%s: cannot be read", path);
    free(line);
    return status;
}

/* The symbols of a list with commas. */
static int set_up(decoding *d, const options *o)
{
    for (const char *p = o->symbols; p && *p;) {
        size_t length = strcspn(p, ",");
        ats_symbol symbol = {.venue = "US", .symbol_class = ATS_CLASS_EQUITY};
        if (length == 0 || length >= sizeof symbol.text)
            return ats_error(ATS_EXIT_USAGE, "--symbols: %.*s is no symbol", (int)length, p);
        memcpy(symbol.text, p, length);
        if (ats_symbols_add(&d->symbols, &symbol) == 0)
            return -1;
        p += length + (p[length] == ',');
    }
    d->memory = malloc(ats_symbol_map_footprint(d->symbols.count));
    if (!d->memory)
        return ats_error(ATS_EXIT_FAILED, "decode: out of memory");
    if (ats_symbol_map_build(&d->map, d->memory, &d->symbols, NULL) != 0)
        return -1;
    ats_decoder_init(&d->decoder, &(ats_decoder_options){.symbols = &d->map,
                                                         .quote_lot = (uint32_t)o->quote_lot,
                                                         .national = !o->iex,
                                                         .keep_unknown = true,
                                                         .general_only = o->general});
    return 0;
}

static int decode_all(decoding *d, const ats_cli *cli, const format *f)
{
    if (cli->argument_count == 1)
        return decode_file(d, f, stdin, "standard input");
    for (uint32_t i = 1; i < cli->argument_count; i++) {
        FILE *in = fopen(cli->argument[i], "r");
        if (!in)
            return ats_error_errno(ATS_EXIT_DATA, errno, "%s", cli->argument[i]);
        int status = decode_file(d, f, in, cli->argument[i]);
        fclose(in);
        if (status != 0)
            return status;
    }
    return 0;
}

static int run(int argc, char **argv)
{
    options o = {0};
    ats_cli cli;
    int parsed = ats_cli_parse(&cli, &ats_command_decode, &o, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    static decoding d;
    const format *f = find_format(cli.argument[0]);
    int status = f ? set_up(&d, &o)
                   : ats_error(ATS_EXIT_USAGE, "no format %s; `ats decode --help` names them",
                               cli.argument[0]);
    if (status == 0)
        status = decode_all(&d, &cli, f);
    if (status == 0 && !cli.common.quiet)
        fprintf(stderr, "%llu frames: %llu messages, %llu refused\n", (unsigned long long)d.frames,
                (unsigned long long)d.given, (unsigned long long)d.refused);
    free(d.memory);
    ats_symbols_free(&d.symbols);
    return status != 0 || ats_cli_flush() != 0 ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_decode = {
    .name = "decode",
    .purpose = "show what recorded frames of live feeds mean",
    .synopsis = "FORMAT [OPTION...] [FILE...]",
    .detail =
        "Runs frames, one a line, through the decoders of the live feeds and prints each message "
        "as\n"
        "a line of JSON: integers in 1e-9 units and ns, as the chain sees them; refused ones with\n"
        "reason and offset. Reads standard input where no file is named.\n"
        "\nformats: alpaca-json, alpaca-msgpack (hexadecimal), polygon, tiingo; orders:\n"
        "alpaca-updates, alpaca-updates-msgpack (hexadecimal), alpaca-orders (replies)",
    .example = "ats decode alpaca-json --symbols AAPL,SPY frames.jsonl",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 1000,
    .run = run,
};
