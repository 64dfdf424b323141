#include "io/codec/live/tiingo.h"

#include "decoder_fixture.h"

static ats_line_reason decode(const char *text, ats_decoded *out)
{
    ats_decoder d = fixture_decoder();
    uint32_t n = fixture_decode(&d, ats_tiingo_next, text, strlen(text), out, 1);
    return n                             ? ATS_LINE_OK
           : d.refused[ATS_LINE_IGNORED] ? ATS_LINE_IGNORED
                                         : (ats_line_reason)d.fault.reason;
}

#define IEX "{\"service\":\"iex\",\"messageType\":\"A\",\"data\":"

Test(tiingo, takes_the_three_levels)
{
    ats_decoded m;
    cr_assert_eq(decode(IEX "[\"T\",\"2026-08-25T14:30:00.000000001Z\",1787668200000000001,\"spy\","
                            "null,null,null,null,null,647.25,100,0,0,1,0,1]}",
                        &m),
                 ATS_LINE_OK);
    cr_assert(m.h.kind == ATS_KIND_TRADE && m.h.symbol_id == fixture_id("SPY"));
    cr_assert(m.trade.px_e9 == 647250000000 && m.trade.qty_e9 == 100 * ATS_E9);
    cr_assert(m.h.event_ns == 1787668200000000001 && m.trade.venue == 'V');
    cr_assert(memcmp(m.trade.condition, "F   ", 4) == 0);

    cr_assert_eq(decode(IEX "[\"Q\",\"2026-08-25T14:30:00.000000002Z\",1787668200000000002,\"spy\","
                            "200,647.20,647.225,647.25,300,null,null,1,0,0,null,null]}",
                        &m),
                 ATS_LINE_OK);
    cr_assert(m.h.kind == ATS_KIND_QUOTE && m.quote.bid_e9 == 647200000000 &&
              m.quote.bid_size_e9 == 200 * ATS_E9 && m.quote.ask_size_e9 == 300 * ATS_E9);
    cr_assert(m.quote.quote_flags == ATS_QUOTE_HALTED && m.quote.venue == 'V');

    cr_assert_eq(decode(IEX "[\"B\",\"2026-08-25T14:30:00.000000003Z\",1787668200000000003,\"spy\","
                            "null,null,null,null,null,647.10,50,0,1,0,null,null]}",
                        &m),
                 ATS_LINE_OK);
    cr_assert(m.h.kind == ATS_DECODED_CANCEL && m.cancel.action == 'B' &&
              m.cancel.qty_e9 == 50 * ATS_E9 && m.cancel.trade_id == 0);

    cr_assert_eq(decode(IEX "[\"2026-08-25T14:30:00.123456789Z\",\"spy\",647.25]}", &m),
                 ATS_LINE_OK);
    cr_assert(m.h.kind == ATS_DECODED_REFERENCE && m.reference.px_e9 == 647250000000 &&
              m.h.event_ns == 1787668200123456789);

    cr_assert_eq(decode("{\"service\":\"cons\",\"messageType\":\"A\",\"data\":["
                        "\"2026-08-25T14:30:00Z\",\"spy\",0.0004,120,647.10,647.25,647.40,180]}",
                        &m),
                 ATS_LINE_OK);
    cr_assert(m.h.kind == ATS_KIND_QUOTE && m.quote.bid_e9 == 647100000000 &&
              m.quote.ask_size_e9 == 180 * ATS_E9 && m.quote.quote_flags == ATS_QUOTE_NATIONAL);
}

Test(tiingo, tells_the_session)
{
    ats_decoded m;
    cr_assert_eq(decode("{\"data\":{\"subscriptionId\":61},\"response\":{\"message\":\"Success\","
                        "\"code\":200},\"messageType\":\"I\"}",
                        &m),
                 ATS_LINE_OK);
    cr_assert(m.control.message == ATS_MESSAGE_SUBSCRIPTION && m.control.subscription_id == 61);
    cr_assert_eq(decode("{\"messageType\":\"I\",\"data\":{\"subscriptionId\":\"62\"},"
                        "\"response\":{\"code\":200}}",
                        &m),
                 ATS_LINE_OK);
    cr_assert_eq(m.control.subscription_id, 62);
    cr_assert_eq(decode("{\"response\":{\"message\":\"HeartBeat\",\"code\":200},"
                        "\"messageType\":\"H\"}",
                        &m),
                 ATS_LINE_OK);
    cr_assert_eq(m.control.message, ATS_MESSAGE_HEARTBEAT);
    cr_assert_eq(decode("{\"data\":{},\"response\":{\"message\":\"no\",\"code\":401},"
                        "\"messageType\":\"I\"}",
                        &m),
                 ATS_LINE_OK);
    cr_assert(m.control.message == ATS_MESSAGE_ERROR && m.control.code == 401,
              "an I message may be an error");
    cr_assert_eq(decode("{\"response\":{\"message\":\"no\"},\"messageType\":\"E\"}", &m),
                 ATS_LINE_OK);
    cr_assert_eq(m.control.message, ATS_MESSAGE_ERROR);
}

Test(tiingo, refuses_by_reason)
{
    static const struct {
        const char *text;
        ats_line_reason reason;
    } cases[] = {
        {IEX "[\"T\",\"2026-08-25T14:30:00Z\",1787668200000000001,\"spy\",null,null,null,null,null,"
             "647.25,100,0,0,1,0]}",
         ATS_LINE_FIELD},
        {IEX "[\"T\",\"2026-08-25T14:30:00Z\",1787668200000000001,\"spy\",null,null,null,null,null,"
             "647.25,100,0,0,1,0,1,1]}",
         ATS_LINE_FIELD},
        {IEX "[\"T\",\"2026-08-25T14:30:00Z\",1787668200000000001,\"spy\",null,null,null,null,null,"
             "null,100,0,0,1,0,1]}",
         ATS_LINE_FIELD},
        {IEX "[\"T\",\"2026-08-25T14:30:00Z\",17876682000,\"spy\",null,null,null,null,null,"
             "1,100,0,0,1,0,1]}",
         ATS_LINE_TIME},
        {IEX "[\"T\",\"2026-08-25T14:30:00Z\",null,\"spy\",null,null,null,null,null,"
             "1,100,0,0,7,0,1]}",
         ATS_LINE_RANGE},
        {IEX "[\"X\",\"2026-08-25T14:30:00Z\",null,\"spy\",null,null,null,null,null,"
             "1,100,0,0,1,0,1]}",
         ATS_LINE_IGNORED},
        {IEX "[\"2026-08-25T14:30:00Z\",\"spy\",0]}", ATS_LINE_ZERO},
        {IEX "[\"2026-08-25T14:30:00Z\",\"spy\",null]}", ATS_LINE_FIELD},
        {IEX "[\"2026-08-25\",\"spy\",1]}", ATS_LINE_TIME},
        {IEX "[\"2026-08-25T14:30:00Z\",\"\",1]}", ATS_LINE_SYMBOL},
        {IEX "[\"2026-08-25T14:30:00Z\",\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\",1]}", ATS_LINE_SYMBOL},
        {IEX "{}}", ATS_LINE_FIELD},
        {"{\"service\":\"crypto_data\",\"messageType\":\"A\",\"data\":[]}", ATS_LINE_IGNORED},
        {"{\"service\":\"iex\",\"messageType\":\"U\",\"data\":[]}", ATS_LINE_IGNORED},
        {"{\"service\":\"iex\"}", ATS_LINE_FIELD},
        {IEX "[1,2", ATS_LINE_SYNTAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ats_decoded m;
        cr_assert_eq(decode(cases[i].text, &m), cases[i].reason, "%s", cases[i].text);
    }
}
