#include "io/codec/live/alpaca.h"

/* The fast path once more, without SSE. */
#define ATS_CODEC_SCALAR 1
#define ats_alpaca_fast  scalar_fast
const char *scalar_fast(ats_decoder *decoder, const char *p, ats_decoded *out);
#include "io/codec/live/alpaca_fast.c"
#undef ats_alpaca_fast

#include "alpaca_messages.h"

static uint32_t decode(ats_decoder *d, const char *text, ats_decoded *out, uint32_t most)
{
    return fixture_decode(d, ats_alpaca_json_next, text, strlen(text), out, most);
}

static ats_decoded one(const char *text)
{
    ats_decoder d = fixture_decoder();
    ats_decoded out[2];
    cr_assert_eq(decode(&d, text, out, 2), 1, "%s: reason %u at %u", text, d.fault.reason,
                 d.fault.offset);
    cr_assert_eq(d.fault.reason, ATS_LINE_OK);
    return out[0];
}

#define T0 1614008704ll /* 2021-02-22T15:45:04Z */

Test(alpaca_json, takes_the_documented_messages)
{
    ats_decoded m = one("[{\"T\":\"t\",\"i\":96921,\"S\":\"AAPL\",\"x\":\"D\",\"p\":126.55,\"s\":1,"
                        "\"t\":\"2021-02-22T15:51:44.208Z\",\"c\":[\"@\",\"I\"],\"z\":\"C\"}]");
    cr_assert_eq(m.h.kind, ATS_KIND_TRADE);
    cr_assert_eq(m.h.symbol_id, fixture_id("AAPL"));
    cr_assert_eq(m.h.event_ns, (T0 + 400) * ATS_E9 + 208000000);
    cr_assert_eq(m.trade.trade_id, 96921);
    cr_assert_eq(m.trade.px_e9, 126550000000);
    cr_assert_eq(m.trade.qty_e9, ATS_E9);
    cr_assert_eq(m.trade.venue, 'D');
    cr_assert(memcmp(m.trade.condition, "@I  ", 4) == 0);
    cr_assert_eq(m.trade.source, ATS_SOURCE_ALPACA);

    m = one("[{\"T\":\"q\",\"S\":\"AMD\",\"bx\":\"U\",\"bp\":87.66,\"bs\":1,\"ax\":\"Q\","
            "\"ap\":87.68,\"as\":4,\"t\":\"2021-02-22T15:51:45.335689322Z\",\"c\":[\"R\"],"
            "\"z\":\"C\"}]");
    cr_assert_eq(m.h.kind, ATS_KIND_QUOTE);
    cr_assert_eq(m.h.event_ns, (T0 + 401) * ATS_E9 + 335689322);
    cr_assert(m.quote.bid_e9 == 87660000000 && m.quote.ask_e9 == 87680000000);
    cr_assert(m.quote.bid_size_e9 == ATS_E9 && m.quote.ask_size_e9 == 4 * ATS_E9);
    cr_assert(m.quote.bid_venue == 'U' && m.quote.ask_venue == 'Q' && m.quote.venue == 0);
    cr_assert(m.quote.condition == 'R' && m.quote.quote_flags == ATS_QUOTE_NATIONAL);

    m = one("[{\"T\":\"b\",\"S\":\"SPY\",\"o\":388.985,\"h\":389.13,\"l\":388.975,\"c\":389.12,"
            "\"v\":49378,\"n\":461,\"vw\":389.062639,\"t\":\"2021-02-22T19:15:00Z\"}]");
    cr_assert_eq(m.h.kind, ATS_KIND_BAR);
    cr_assert_eq(m.h.event_ns, (T0 + 12596) * ATS_E9);
    cr_assert(m.bar.open_e9 == 388985000000 && m.bar.high_e9 == 389130000000);
    cr_assert(m.bar.low_e9 == 388975000000 && m.bar.close_e9 == 389120000000);
    cr_assert(m.bar.volume_e9 == 49378 * ATS_E9 && m.bar.vwap_e9 == 389062639000);
    cr_assert(m.bar.trade_count == 461 && m.bar.period_s == 60);

    m = one("[{\"T\":\"d\",\"S\":\"SPY\",\"o\":388.985,\"h\":389.13,\"l\":388.975,\"c\":389.12,"
            "\"v\":749378,\"t\":\"2021-02-16T05:00:00Z\"}]");
    cr_assert(m.h.kind == ATS_DECODED_BAR_DAILY && m.bar.period_s == 86400 && m.bar.vwap_e9 == 0);
    m = one("[{\"T\":\"u\",\"S\":\"SPY\",\"o\":1,\"h\":2,\"l\":1,\"c\":2,\"v\":5000000000,"
            "\"t\":\"2021-02-16T05:00:00Z\"}]");
    cr_assert(m.h.kind == ATS_DECODED_BAR_UPDATED && m.bar.volume_e9 == 5000000000 * ATS_E9);
}

Test(alpaca_json, takes_the_rare_messages)
{
    ats_decoded m = one("[{\"T\":\"l\",\"S\":\"IONM\",\"u\":3.24,\"d\":2.65,\"i\":\"B\","
                        "\"t\":\"2023-04-06T13:34:45.565004401Z\",\"z\":\"C\"}]");
    cr_assert(m.h.kind == ATS_DECODED_BAND && m.band.high_e9 == 3240000000 &&
              m.band.low_e9 == 2650000000 && m.band.indicator == 'B' && m.band.tape == 'C');
    m = one("[{\"T\":\"i\",\"S\":\"INAQU\",\"p\":9.12,\"z\":\"C\","
            "\"t\":\"2024-12-13T19:58:09.242138635Z\"}]");
    cr_assert(m.h.kind == ATS_DECODED_IMBALANCE && m.imbalance.px_e9 == 9120000000);
    m = one("[{\"T\":\"x\",\"S\":\"GOOGL\",\"i\":465,\"x\":\"D\",\"p\":105.31,\"s\":300,"
            "\"a\":\"C\",\"z\":\"C\",\"t\":\"2023-04-06T13:15:42.83540958Z\"}]");
    cr_assert(m.h.kind == ATS_DECODED_CANCEL && m.cancel.trade_id == 465 &&
              m.cancel.px_e9 == 105310000000 && m.cancel.qty_e9 == 300 * ATS_E9 &&
              m.cancel.action == 'C' && m.cancel.venue == 'D');
    m = one("[{\"T\":\"c\",\"S\":\"EEM\",\"x\":\"M\",\"oi\":52983525033527,\"op\":39.1582,"
            "\"os\":440000,\"oc\":[\" \",\"7\"],\"ci\":52983525034326,\"cp\":39.1809,\"cs\":440000,"
            "\"cc\":[\" \",\"7\"],\"z\":\"B\",\"t\":\"2023-04-06T14:25:06.542305024Z\"}]");
    cr_assert(m.h.kind == ATS_DECODED_CORRECTION && m.correction.original_id == 52983525033527 &&
              m.correction.original_px_e9 == 39158200000 &&
              m.correction.corrected_id == 52983525034326 &&
              m.correction.corrected_px_e9 == 39180900000 &&
              m.correction.corrected_qty_e9 == 440000 * ATS_E9 && m.correction.tape == 'B' &&
              memcmp(m.correction.original_condition, " 7  ", 4) == 0);
}

Test(alpaca_json, tells_halts_from_other_statuses)
{
    static const struct {
        const char *code;
        uint32_t kind, status;
    } cases[] = {{"H", ATS_KIND_STATUS, ATS_STATUS_HALT},
                 {"2", ATS_KIND_STATUS, ATS_STATUS_HALT},
                 {"P", ATS_KIND_STATUS, ATS_STATUS_HALT},
                 {"T", ATS_KIND_STATUS, ATS_STATUS_RESUME},
                 {"3", ATS_KIND_STATUS, ATS_STATUS_RESUME},
                 {"E", ATS_KIND_STATUS, ATS_STATUS_SHORT_RESTRICTED},
                 {"Q", ATS_DECODED_STATUS, ATS_STATUS_NONE},
                 {"", ATS_DECODED_STATUS, ATS_STATUS_NONE},
                 {"HH", ATS_DECODED_STATUS, ATS_STATUS_NONE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[300];
        snprintf(
            text, sizeof text,
            "[{\"T\":\"s\",\"S\":\"AAPL\",\"sc\":\"%s\",\"sm\":\"Trading Halt\",\"rc\":\"T12\","
            "\"rm\":\"Trading Halted\",\"t\":\"2021-02-22T19:15:00Z\",\"z\":\"C\"}]",
            cases[i].code);
        ats_decoder d = fixture_decoder();
        ats_decoded m;
        char *frame = fixture_frame(text, strlen(text));
        ats_decoder_open(&d, frame, strlen(text));
        cr_assert(ats_alpaca_json_next(&d, &m));
        cr_assert_eq(m.h.kind, cases[i].kind, "%s", cases[i].code);
        cr_assert_eq(m.status.code, cases[i].status);
        cr_assert(ats_value_is(&d.note[2], "T12") && ats_value_is(&d.note[1], "Trading Halt"));
        cr_assert_not(ats_alpaca_json_next(&d, &m));
        free(frame);
    }
}

Test(alpaca_json, tells_the_session)
{
    ats_decoded m = one("[{\"T\":\"success\",\"msg\":\"connected\"}]");
    cr_assert(m.h.kind == ATS_DECODED_CONTROL && m.control.message == ATS_MESSAGE_CONNECTED);
    m = one("[{\"T\":\"success\",\"msg\":\"authenticated\"}]");
    cr_assert_eq(m.control.message, ATS_MESSAGE_AUTHENTICATED);
    m = one("[{\"T\":\"error\",\"code\":406,\"msg\":\"connection limit exceeded\"}]");
    cr_assert(m.control.message == ATS_MESSAGE_ERROR && m.control.code == 406);

    static const char text[] =
        "[{\"T\":\"subscription\",\"trades\":[\"AAPL\"],\"quotes\":[\"AMD\",\"CLDR\"],"
        "\"bars\":[\"*\"],\"updatedBars\":[],\"dailyBars\":null,\"cancelErrors\":[\"AAPL\"]}]";
    ats_decoder d = fixture_decoder();
    char *frame = fixture_frame(text, sizeof text - 1);
    ats_list list;
    ats_value element;
    ats_decoder_open(&d, frame, sizeof text - 1);
    cr_assert(ats_alpaca_json_next(&d, &m) && m.control.message == ATS_MESSAGE_SUBSCRIPTION);
    cr_assert(ats_list_open(&list, &d.list[ATS_CHANNEL_QUOTES]));
    cr_assert(ats_list_next(&list, &element) && ats_value_is(&element, "AMD"));
    cr_assert(ats_list_next(&list, &element) && ats_value_is(&element, "CLDR"));
    cr_assert_not(ats_list_next(&list, &element));
    cr_assert(ats_list_open(&list, &d.list[ATS_CHANNEL_BARS]));
    cr_assert(ats_list_next(&list, &element) && ats_value_is(&element, "*"));
    /* Older servers leave channels out. */
    cr_assert_eq(d.list[ATS_CHANNEL_IMBALANCES].type, ATS_VALUE_ABSENT);
    cr_assert(ats_list_open(&list, &d.list[ATS_CHANNEL_DAILY_BARS]));
    cr_assert_not(ats_list_next(&list, &element));
    free(frame);
}

Test(alpaca_json, a_side_without_a_quote_is_none)
{
    ats_decoded m = one("[{\"T\":\"q\",\"S\":\"AAPL\",\"bx\":\"Q\",\"bp\":177.92,\"bs\":4,"
                        "\"ax\":\" \",\"ap\":0,\"as\":7,\"c\":[\"Y\"],\"z\":\"C\","
                        "\"t\":\"2022-01-03T09:00:00.028160898Z\"}]");
    cr_assert(m.quote.ask_e9 == 0 && m.quote.ask_size_e9 == 0 && m.quote.ask_venue == 0);
    cr_assert_eq(m.quote.quote_flags, ATS_QUOTE_ONE_SIDED | ATS_QUOTE_NATIONAL);
    cr_assert_eq(m.quote.condition, 'Y');
    m = one("[{\"T\":\"q\",\"S\":\"AAPL\",\"bx\":\"Q\",\"bp\":1,\"bs\":4,\"ax\":\"Q\",\"ap\":1,"
            "\"as\":7,\"c\":[\"R\",\"H\"],\"z\":\"C\",\"t\":\"2022-01-03T09:00:00.028160898Z\"}]");
    cr_assert_eq(m.quote.quote_flags, ATS_QUOTE_LOCKED | ATS_QUOTE_NATIONAL);
    cr_assert_eq(m.quote.condition, 'H');
}

Test(alpaca_json, sizes_are_shares_or_round_lots)
{
    ats_decoder_options options = {.symbols = &fixture_get()->map, .quote_lot = 100};
    ats_decoder d;
    ats_decoded m;
    static const char text[] =
        "[{\"T\":\"q\",\"S\":\"AMD\",\"bx\":\"V\",\"bp\":87.66,\"bs\":1,\"ax\":\"V\",\"ap\":87.68,"
        "\"as\":4,\"c\":[\"R\"],\"z\":\"C\",\"t\":\"2021-02-22T15:51:45.335689322Z\"}]";
    for (int general = 0; general < 2; general++) {
        options.general_only = general;
        ats_decoder_init(&d, &options);
        cr_assert_eq(decode(&d, text, &m, 1), 1);
        cr_assert(m.quote.bid_size_e9 == 100 * ATS_E9 && m.quote.ask_size_e9 == 400 * ATS_E9);
        cr_assert(m.quote.venue == 'V' && m.quote.quote_flags == 0, "IEX: one venue's quote");
    }
    const char *bad = "[{\"T\":\"q\",\"S\":\"AMD\",\"bp\":1,\"bs\":20000000,\"ap\":2,\"as\":4,"
                      "\"t\":\"2021-02-22T15:51:45Z\"}]";
    cr_assert_eq(decode(&d, bad, &m, 1), 0);
    cr_assert_eq(d.refused[ATS_LINE_RANGE], 1, "2e9 shares");
}

/* Whatever is wrong with one message, the next one stands. */
Test(alpaca_json, refuses_by_reason_and_goes_on)
{
    static const struct {
        const char *text;
        uint32_t reason;
    } cases[] = {
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":1.0000000001,\"s\":1,\"t\":\"2021-02-22T15:51:"
         "45Z\"}",
         ATS_LINE_PRECISION},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":-1,\"s\":1,\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_NEGATIVE},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":0,\"s\":1,\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_ZERO},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":1,\"s\":0.0,\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_ZERO},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":1000000001,\"s\":1,\"t\":\"2021-02-22T15:51:"
         "45Z\"}",
         ATS_LINE_RANGE},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":1e400,\"s\":1,\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_RANGE},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":\"1\",\"s\":1,\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_NUMBER},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":null,\"s\":1,\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_FIELD},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1.5,\"p\":1,\"s\":1,\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_NUMBER},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":1,\"s\":1,\"t\":\"2021-02-30T15:51:45Z\"}",
         ATS_LINE_TIME},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":1,\"s\":1,\"t\":1614009105}", ATS_LINE_TIME},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":1,\"s\":1}", ATS_LINE_FIELD},
        {"{\"T\":\"t\",\"S\":\"A D\",\"i\":1,\"p\":1,\"s\":1,\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_SYMBOL},
        {"{\"T\":\"t\",\"S\":\"\",\"i\":1,\"p\":1,\"s\":1,\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_SYMBOL},
        {"{\"T\":\"t\",\"i\":1,\"p\":1,\"s\":1,\"t\":\"2021-02-22T15:51:45Z\"}", ATS_LINE_SYMBOL},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":1,\"s\":1,\"c\":[\"@\",\"F\",\"T\",\"I\",\"X\"],"
         "\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_FIELD},
        {"{\"T\":\"t\",\"S\":\"AMD\",\"i\":1,\"p\":1,\"s\":1,\"c\":\"@\","
         "\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_FIELD},
        {"{\"T\":\"o\",\"S\":\"BTC/USD\",\"b\":[{\"p\":1,\"s\":2}],\"t\":\"2021-02-22T15:51:45Z\"}",
         ATS_LINE_IGNORED},
        {"{\"T\":5}", ATS_LINE_FIELD},
        {"{}", ATS_LINE_FIELD},
        {"[{\"T\":\"t\"}]", ATS_LINE_FIELD},
        {"3", ATS_LINE_FIELD},
        {"null", ATS_LINE_FIELD},
    };
    static const char good[] =
        "{\"T\":\"t\",\"S\":\"AMD\",\"i\":7,\"x\":\"V\",\"p\":1.5,\"s\":2,\"c\":[\"@\"],"
        "\"z\":\"C\",\"t\":\"2021-02-22T15:51:45Z\"}";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[700];
        ats_decoder d = fixture_decoder();
        ats_decoded out[3];
        snprintf(text, sizeof text, "[%s,%s,%s]", good, cases[i].text, good);
        cr_assert_eq(decode(&d, text, out, 3), 2, "%s", cases[i].text);
        cr_assert_eq(d.refused[cases[i].reason], 1, "%s: %s", cases[i].text,
                     ats_line_reason_label(d.fault.reason));
        cr_assert(out[1].trade.trade_id == 7 && d.messages == 3 && d.taken == 2);
        if (cases[i].reason != ATS_LINE_IGNORED)
            cr_assert_eq(d.fault.offset, sizeof good + 1, "at its brace");
    }
}

Test(alpaca_json, unknown_symbols_are_counted_or_given_out)
{
    static const char text[] =
        "[{\"T\":\"t\",\"S\":\"ZZZZ\",\"i\":7,\"x\":\"V\",\"p\":1.5,\"s\":2,\"c\":[\"@\"],"
        "\"z\":\"C\",\"t\":\"2021-02-22T15:51:45Z\"}]";
    ats_decoder d = fixture_decoder();
    ats_decoded m;
    cr_assert_eq(decode(&d, text, &m, 1), 0);
    cr_assert(d.unknown_symbols == 1 && d.fault.reason == ATS_LINE_OK && d.taken == 0);
    d.options.keep_unknown = true;
    cr_assert_eq(decode(&d, text, &m, 1), 1);
    cr_assert(m.h.symbol_id == 0 && m.trade.px_e9 == 1500000000);
}

/* ---- broken frames --------------------------------------------------------------------------- */

static const char MIXED[] =
    "[{\"T\":\"q\",\"S\":\"AMD\",\"bx\":\"U\",\"bp\":87.66,\"bs\":1,\"ax\":\"Q\",\"ap\":87.68,"
    "\"as\":4,\"c\":[\"R\"],\"z\":\"C\",\"t\":\"2021-02-22T15:51:45.335689322Z\"},"
    "{\"T\":\"t\",\"S\":\"AAPL\",\"i\":628,\"x\":\"K\",\"p\":162.92,\"s\":3,"
    "\"c\":[\"@\",\"F\",\"T\",\"I\"],\"z\":\"C\",\"t\":\"2023-04-06T11:54:26.838232225Z\"},"
    "{\"T\":\"b\",\"S\":\"SPY\",\"o\":388.985,\"h\":389.13,\"l\":388.975,\"c\":389.12,"
    "\"v\":49378,\"n\":461,\"vw\":389.062639,\"t\":\"2021-02-22T19:15:00Z\"}]";

Test(alpaca_json, a_frame_that_is_cut_off_gives_what_was_whole)
{
    for (size_t length = 0; length < sizeof MIXED - 1; length++) {
        ats_decoder d = fixture_decoder();
        ats_decoded out[4];
        uint32_t n = fixture_decode(&d, ats_alpaca_json_next, MIXED, length, out, 4);
        const char *second = strchr(MIXED + 2, '{'), *third = strchr(second + 1, '{');
        uint32_t whole = (MIXED + length >= second - 1) + (MIXED + length >= third - 1) +
                         (length >= sizeof MIXED - 2);
        cr_assert_eq(n, whole, "cut at %zu", length);
        cr_assert_eq(d.refused[ATS_LINE_SYNTAX], 1, "cut at %zu", length);
        cr_assert(d.fault.reason == ATS_LINE_SYNTAX && d.fault.offset <= length);
    }
}

Test(alpaca_json, refuses_what_is_not_a_frame)
{
    static const char *const bad[] = {
        "",
        " ",
        "[",
        "]",
        "{",
        "[{]",
        "[{}",
        "[{},]",
        "[,{}]",
        "[{}{}]",
        "[{}]x",
        "[{}] []",
        "[{\"T\"}]",
        "[{\"T\":}]",
        "[{\"T\":\"t\",}]",
        "[{'T':\"t\"}]",
        "[{\"T\":\"t\" \"S\":1}]",
        "[{\"T\":\"\x01\"}]",
        "[{\"T\":\"\xff\"}]",
        "[{\"T\":01}]",
        "[{\"T\":1.}]",
        "[{\"T\":.5}]",
        "[{\"T\":+1}]",
        "[{\"T\":nul}]",
        "[{\"T\":NaN}]",
        "[{\"T\":\"\\x\"}]",
        "\xef\xbb\xbf[]",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
        "nul",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ats_decoder d = fixture_decoder();
        ats_decoded m;
        cr_assert_eq(decode(&d, bad[i], &m, 1), 0, "%s", bad[i]);
        cr_assert_eq(d.refused[ATS_LINE_SYNTAX], 1, "%s", bad[i]);
        cr_assert_not(ats_alpaca_json_next(&d, &m), "and stays done");
    }
    ats_decoder d = fixture_decoder();
    ats_decoded m;
    cr_assert_eq(decode(&d, " [ ] ", &m, 1), 0);
    cr_assert_eq(d.fault.reason, ATS_LINE_OK, "an empty frame is no fault");
    ats_decoder_open(&d, MIXED, ATS_DECODER_FRAME_MAX + 1ull);
    cr_assert_not(ats_alpaca_json_next(&d, &m));
    cr_assert_eq(d.refused[ATS_LINE_TOO_LONG], 1);
}

/* A NUL behind a symbol pads the words of the table: it must not pass for the symbol. */
Test(alpaca_json, a_symbol_ends_where_its_text_does)
{
    static const char text[] =
        "[{\"T\":\"t\",\"S\":\"AMD\0\",\"i\":7,\"x\":\"V\",\"p\":1.5,\"s\":2,\"c\":[\"@\"],"
        "\"z\":\"C\",\"t\":\"2021-02-22T15:51:45Z\"}]";
    ats_decoder d = fixture_decoder();
    ats_decoded m;
    cr_assert_eq(fixture_decode(&d, ats_alpaca_json_next, text, sizeof text - 1, &m, 1), 0);
    cr_assert_eq(d.refused[ATS_LINE_SYNTAX], 1);
    cr_assert_eq(scalar_fast(&d, text + 1, &m), NULL);
    cr_assert_eq(ats_alpaca_fast(&d, text + 1, &m), NULL);
}

/* ---- both paths are one ---------------------------------------------------------------------- */

/* The frame through both paths: equal records, counts and faults. */
static uint32_t expect_equal(const char *text, size_t length)
{
    ats_decoder fast = fixture_decoder(), general = fixture_decoder();
    ats_decoded a[24], b[24];
    general.options.general_only = true;
    uint32_t n = fixture_decode(&fast, ats_alpaca_json_next, text, length, a, 24);
    cr_assert_eq(fixture_decode(&general, ats_alpaca_json_next, text, length, b, 24), n, "%.*s",
                 (int)length, text);
    for (uint32_t i = 0; i < n; i++)
        cr_assert(memcmp(&a[i], &b[i], sizeof a[i]) == 0, "%.*s: record %u", (int)length, text, i);
    cr_assert(memcmp(fast.refused, general.refused, sizeof fast.refused) == 0, "%.*s", (int)length,
              text);
    cr_assert(memcmp(&fast.fault, &general.fault, sizeof fast.fault) == 0);
    cr_assert(fast.messages == general.messages && fast.taken == general.taken &&
              fast.unknown_symbols == general.unknown_symbols);
    return n;
}

/* One message of its own through the fast path with and without SSE. */
static uint32_t expect_same_without_sse(const char *text, size_t length)
{
    ats_decoder with = fixture_decoder(), without = fixture_decoder();
    ats_decoded a, b;
    char *frame = fixture_frame(text, length);
    ats_decoder_open(&with, frame, length);
    ats_decoder_open(&without, frame, length);
    const char *p = ats_alpaca_fast(&with, frame, &a), *q = scalar_fast(&without, frame, &b);
    cr_assert_eq(p, q, "%.*s", (int)length, text);
    if (p)
        cr_assert(memcmp(&a, &b, sizeof a) == 0, "%.*s", (int)length, text);
    free(frame);
    return p != NULL;
}

Test(alpaca_json, both_paths_give_the_same)
{
    ats_random r;
    ats_random_seed(&r, 20260901);
    uint32_t taken = 0, fast = 0, broken = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        static char text[21 * MESSAGE_BYTES];
        uint32_t messages = 1 + below(&r, 20);
        int n = sprintf(text, "[");
        for (uint32_t i = 0; i < messages; i++) {
            char message[MESSAGE_BYTES];
            int bytes = message_text(&r, message);
            fast += expect_same_without_sse(message, (size_t)bytes);
            n += sprintf(text + n, "%s%s", i ? "," : "", message);
        }
        n += sprintf(text + n, "]");
        taken += expect_equal(text, (size_t)n);
        if (round % 2) {
            text[below(&r, (uint32_t)n)] = (char)ats_random_next(&r);
            broken += expect_equal(text, (size_t)n) < messages;
        }
    }
    /* The test must not starve: most messages are taken, on both paths, and most breaks show. */
    cr_assert_gt(taken, 80000, "%u", taken);
    cr_assert_gt(fast, 30000, "%u", fast);
    cr_assert_gt(broken, 5000, "%u", broken);
}
