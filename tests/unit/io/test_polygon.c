#include "io/codec/live/polygon.h"

#include "decoder_fixture.h"

static uint32_t decode(ats_decoder *d, const char *text, ats_decoded *out, uint32_t most)
{
    return fixture_decode(d, ats_polygon_next, text, strlen(text), out, most);
}

static ats_decoded one(const char *text)
{
    ats_decoder d = fixture_decoder();
    ats_decoded out[2];
    cr_assert_eq(decode(&d, text, out, 2), 1, "%s: reason %u", text, d.fault.reason);
    return out[0];
}

Test(polygon, takes_trades_and_quotes)
{
    ats_decoded m =
        one("[{\"ev\":\"T\",\"sym\":\"MSFT\",\"x\":4,\"i\":\"12345\",\"z\":3,\"p\":114.125,"
            "\"s\":100,\"c\":[0,12],\"t\":1536036818784,\"q\":3681328}]");
    cr_assert(m.h.kind == ATS_KIND_TRADE && m.h.symbol_id == fixture_id("MSFT"));
    cr_assert_eq(m.h.event_ns, 1536036818784000000);
    cr_assert(m.trade.px_e9 == 114125000000 && m.trade.qty_e9 == 100 * ATS_E9);
    cr_assert(m.trade.trade_id == 12345 && m.trade.venue_seq == 3681328 && m.trade.venue == 'D');
    cr_assert(memcmp(m.trade.condition, "@T  ", 4) == 0 && m.trade.source == ATS_SOURCE_POLYGON);

    m = one("[{\"ev\":\"T\",\"sym\":\"MSFT\",\"i\":\"ab-1\",\"p\":1,\"s\":1,\"ds\":\"0.25\","
            "\"c\":[37,41,99],\"t\":1536036818784}]");
    cr_assert(m.trade.trade_id == 0 && m.trade.qty_e9 == 250000000);
    cr_assert(memcmp(m.trade.condition, "I?  ", 4) == 0, "99 is none that we know");

    m = one("[{\"ev\":\"Q\",\"sym\":\"MSFT\",\"bx\":4,\"bp\":114.125,\"bs\":100,\"ax\":7,"
            "\"ap\":114.128,\"as\":160,\"c\":0,\"i\":[604],\"t\":1536036818784,\"q\":50385480,"
            "\"z\":3}]");
    cr_assert(m.h.kind == ATS_KIND_QUOTE && m.quote.bid_e9 == 114125000000 &&
              m.quote.ask_e9 == 114128000000 && m.quote.ask_size_e9 == 160 * ATS_E9);
    cr_assert(m.quote.bid_venue == 'D' && m.quote.ask_venue == 'J' &&
              m.quote.venue_seq == 50385480 && m.quote.quote_flags == ATS_QUOTE_NATIONAL);

    m = one("[{\"ev\":\"Q\",\"sym\":\"MSFT\",\"bx\":15,\"bp\":114.125,\"bs\":100,"
            "\"t\":1536036818784}]");
    cr_assert(m.quote.ask_e9 == 0 && m.quote.ask_size_e9 == 0 && m.quote.ask_venue == 0 &&
              m.quote.bid_venue == 'V');
    cr_assert_eq(m.quote.quote_flags, ATS_QUOTE_ONE_SIDED | ATS_QUOTE_NATIONAL);
}

Test(polygon, takes_bars_and_the_rest)
{
    ats_decoded m = one("[{\"ev\":\"A\",\"sym\":\"SPCE\",\"v\":200,\"av\":8642007,\"op\":25.66,"
                        "\"vw\":25.3981,\"o\":25.39,\"c\":25.39,\"h\":25.39,\"l\":25.39,"
                        "\"a\":25.3714,\"z\":50,\"s\":1610144868000,\"e\":1610144869000}]");
    cr_assert(m.h.kind == ATS_KIND_BAR && m.bar.period_s == 1 && m.bar.vwap_e9 == 25398100000 &&
              m.bar.volume_e9 == 200 * ATS_E9 && m.h.event_ns == 1610144868000000000);
    m = one("[{\"ev\":\"AM\",\"sym\":\"GTE\",\"v\":4110,\"o\":0.4488,\"c\":0.4486,\"h\":0.4489,"
            "\"l\":0.4486,\"s\":1610144640000,\"e\":1610144700000}]");
    cr_assert(m.bar.period_s == 60 && m.bar.low_e9 == 448600000);
    m = one("[{\"ev\":\"LULD\",\"T\":\"MSFT\",\"h\":218.96,\"l\":198.11,\"i\":[21],\"z\":3,"
            "\"t\":1601316752683746,\"q\":290317}]");
    cr_assert(m.h.kind == ATS_DECODED_BAND && m.band.high_e9 == 218960000000 &&
              m.band.venue_seq == 290317 && m.band.tape == 'C');
    cr_assert_eq(m.h.event_ns, 1601316752683746000, "microseconds");
    m = one("[{\"ev\":\"NOI\",\"T\":\"NTEST.Q\",\"t\":1601318039223013600,\"at\":930,\"a\":\"M\","
            "\"i\":44,\"x\":10,\"o\":480,\"p\":440,\"b\":25.03}]");
    cr_assert(m.h.kind == ATS_DECODED_IMBALANCE && m.imbalance.imbalance_e9 == 480 * ATS_E9 &&
              m.imbalance.paired_e9 == 440 * ATS_E9 && m.imbalance.px_e9 == 25030000000 &&
              m.imbalance.auction_hhmm == 930 && m.imbalance.auction == 'M');
    cr_assert_eq(m.h.event_ns, 1601318039223013600, "nanoseconds");
    m = one("[{\"ev\":\"FMV\",\"fmv\":189.22,\"sym\":\"AAPL\",\"t\":1678220098130}]");
    cr_assert(m.h.kind == ATS_DECODED_REFERENCE && m.reference.px_e9 == 189220000000);
}

Test(polygon, status_and_data_share_a_frame)
{
    static const struct {
        const char *status;
        uint32_t message;
    } cases[] = {
        {"connected", ATS_MESSAGE_CONNECTED},     {"auth_success", ATS_MESSAGE_AUTHENTICATED},
        {"auth_failed", ATS_MESSAGE_AUTH_FAILED}, {"max_connections", ATS_MESSAGE_ERROR},
        {"success", ATS_MESSAGE_OTHER},           {"error", ATS_MESSAGE_ERROR}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[300];
        ats_decoder d = fixture_decoder();
        ats_decoded out[3];
        snprintf(text, sizeof text,
                 "[{\"ev\":\"status\",\"status\":\"%s\",\"message\":\"words\"},{\"ev\":\"XX\"},"
                 "{\"ev\":\"FMV\",\"fmv\":1,\"sym\":\"AAPL\",\"t\":1678220098130}]",
                 cases[i].status);
        cr_assert_eq(decode(&d, text, out, 3), 2);
        cr_assert(out[0].h.kind == ATS_DECODED_CONTROL &&
                  out[0].control.message == cases[i].message);
        cr_assert(out[1].h.kind == ATS_DECODED_REFERENCE && d.refused[ATS_LINE_IGNORED] == 1);
    }
}

Test(polygon, refuses_by_reason)
{
    static const struct {
        const char *text;
        uint32_t reason;
    } cases[] = {
        {"[{\"ev\":\"FMV\",\"fmv\":1,\"sym\":\"AAPL\",\"t\":16782200981}]", ATS_LINE_TIME},
        {"[{\"ev\":\"FMV\",\"fmv\":1,\"sym\":\"AAPL\",\"t\":16782200981300}]", ATS_LINE_TIME},
        {"[{\"ev\":\"FMV\",\"fmv\":1,\"sym\":\"AAPL\",\"t\":9223372036854775808}]", ATS_LINE_TIME},
        {"[{\"ev\":\"FMV\",\"fmv\":1,\"sym\":\"AAPL\",\"t\":9767623400123}]", ATS_LINE_TIME},
        {"[{\"ev\":\"FMV\",\"fmv\":1,\"sym\":\"AAPL\",\"t\":9767623400123456}]", ATS_LINE_TIME},
        {"[{\"ev\":\"FMV\",\"fmv\":1,\"sym\":\"AAPL\",\"t\":\"x\"}]", ATS_LINE_TIME},
        {"[{\"ev\":\"FMV\",\"fmv\":1,\"sym\":\"AAPL\"}]", ATS_LINE_FIELD},
        {"[{\"ev\":\"T\",\"sym\":\"AAPL\",\"s\":1,\"t\":1678220098130}]", ATS_LINE_ZERO},
        {"[{\"ev\":\"T\",\"sym\":\"AAPL\",\"p\":1,\"t\":1678220098130}]", ATS_LINE_ZERO},
        {"[{\"ev\":\"T\",\"sym\":\"AAPL\",\"p\":1,\"s\":1,\"c\":[1,2,4,5,7],\"t\":1678220098130}]",
         ATS_LINE_FIELD},
        {"[{\"ev\":\"T\",\"p\":1,\"s\":1,\"t\":1678220098130}]", ATS_LINE_SYMBOL},
        {"[{\"ev\":\"AM\",\"sym\":\"GTE\",\"s\":1610144640000,\"e\":1610144640000}]",
         ATS_LINE_TIME},
        {"[{\"sym\":\"GTE\"}]", ATS_LINE_FIELD},
        {"[{\"ev\":\"T\"", ATS_LINE_SYNTAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ats_decoder d = fixture_decoder();
        ats_decoded m;
        cr_assert_eq(decode(&d, cases[i].text, &m, 1), 0, "%s", cases[i].text);
        cr_assert_eq(d.refused[cases[i].reason], 1, "%s: %u", cases[i].text, d.fault.reason);
    }
}
