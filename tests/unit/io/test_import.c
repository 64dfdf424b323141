#include "core/error.h"
#include "io/codec/binance.h"
#include "io/codec/taq.h"
#include "io/import/import.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define QUOTES_HEADER "ts_utc_ns,symbol,ex,bid,bidsiz_lots,ask,asksiz_lots,qu_cond,qu_seqnum\n"
#define TRADES_HEADER "ts_utc_ns,symbol,ex,price,size,tr_scond,tr_corr,tr_seqnum,tr_source,tr_rf\n"

static char folder[] = "/tmp/ats-import-XXXXXX";
static const char *names[] = {"spot_a.jsonl", "usdm_b.jsonl", "quotes.csv",
                              "trades.csv",   "out.cap",      "out.cap.tmp"};

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static unsigned turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static void make_folder(void)
{
    cr_assert(mkdtemp(folder));
    ats_error_clear();
}

static void drop_folder(void)
{
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(in_folder(names[i]));
    rmdir(folder);
}

TestSuite(import, .init = make_folder, .fini = drop_folder);

static const char *put(const char *name, const char *text)
{
    const char *path = in_folder(name);
    FILE *f = fopen(path, "w");
    cr_assert(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static int import(const char *format, uint32_t count, const char *const *path, uint32_t max_bad_ppm,
                  ats_import_counts *counts)
{
    ats_import_options options = {.max_bad_ppm = max_bad_ppm};
    ats_capture_writer *w;
    cr_assert_eq(ats_capture_create(&w, in_folder("out.cap"), 0), 0);
    int failed = ats_import_run(ats_import_find(format), path, count, &options, w, counts);
    if (failed)
        ats_capture_abandon(w);
    else
        cr_assert_eq(ats_capture_finish(w), 0);
    return failed;
}

static uint64_t accounted(const ats_import_counts *c)
{
    uint64_t sum = c->headers;
    for (uint32_t r = 0; r < ATS_LINE_REASON_COUNT; r++)
        sum += c->reason[r];
    return sum;
}

Test(import, taq_rows_become_records_in_time_order)
{
    const char *path[] = {put("trades.csv", TRADES_HEADER "2000,XXX,P,10.01,7,FTI,0,5,C,\n"
                                                          "2000,XXX,D,10,100,,8,6,C,T\n"),
                          put("quotes.csv", QUOTES_HEADER "1000,XXX,P,10,1,0,0,R,1\n\n"
                                                          "2000,XXX,Q,10,3,10,2,R,2\n"
                                                          "2001,YYY,Q,11,3,10,2,,3\r\n")};
    ats_import_counts counts[2];
    cr_assert_eq(import("taq-csv", 2, path, 0, counts), 0, "%s", ats_error_line(0));
    cr_assert_eq(counts[0].taken, 2);
    cr_assert_eq(counts[1].taken, 3);
    cr_assert_eq(counts[1].reason[ATS_LINE_BLANK], 1);
    cr_assert_eq(accounted(&counts[1]), counts[1].lines);
    ats_capture_reader r;
    ats_market m;
    cr_assert_eq(ats_capture_open(&r, in_folder("out.cap")), 0);
    cr_assert_eq(ats_capture_next(&r, &m), 1);
    cr_assert_eq(m.quote.bid_e9, 10 * ATS_E9);
    cr_assert_eq(m.quote.bid_size_e9, 100 * ATS_E9, "lots of 100");
    cr_assert_eq(m.quote.quote_flags, ATS_QUOTE_ONE_SIDED);
    cr_assert_eq(m.quote.venue, 'P');
    cr_assert_eq(m.h.flags, ATS_FLAG_END_OF_EVENT | ATS_FLAG_RECV_IS_EVENT);
    cr_assert_eq(m.h.event_ns, 1000);
    cr_assert_eq(m.h.event_seq, 0);
    cr_assert_eq(ats_capture_next(&r, &m), 1);
    cr_assert_eq(m.h.kind, ATS_KIND_QUOTE, "quotes before trades at equal times");
    cr_assert_eq(m.quote.quote_flags, ATS_QUOTE_LOCKED);
    cr_assert_eq(ats_capture_next(&r, &m), 1);
    cr_assert_eq(m.trade.px_e9, 10010000000ll);
    cr_assert_eq(m.trade.qty_e9, 7 * ATS_E9);
    cr_assert_arr_eq(m.trade.condition, "FTI ", 4);
    cr_assert_eq(m.trade.venue_seq, 5);
    cr_assert_eq(ats_capture_next(&r, &m), 1);
    cr_assert_eq(m.trade.correction, 8);
    cr_assert_eq(m.trade.trf, 'T');
    cr_assert_eq(ats_capture_next(&r, &m), 1);
    cr_assert_eq(m.quote.quote_flags, ATS_QUOTE_CROSSED);
    cr_assert_eq(m.quote.condition, 0);
    cr_assert_str_eq(r.symbols.entry[m.h.symbol_id].text, "YYY");
    cr_assert_eq(r.symbols.entry[1].round_lot_e9, 100 * ATS_E9);
    cr_assert_eq(ats_capture_next(&r, &m), 0);
    ats_capture_close(&r);
}

Test(import, every_bad_taq_row_is_counted_as_what_it_is)
{
    static const struct {
        const char *row;
        ats_line_reason reason;
    } rows[] = {{"1000,XXX,P,-10,1,11,1,R,1", ATS_LINE_NEGATIVE},
                {"1000,XXX,P,10,-1,11,1,R,1", ATS_LINE_NEGATIVE},
                {"1000,XXX,P,1O,1,11,1,R,1", ATS_LINE_NUMBER},
                {"1000,XXX,P,NaN,1,11,1,R,1", ATS_LINE_NUMBER},
                {"1000,XXX,P,,1,11,1,R,1", ATS_LINE_NUMBER},
                {"1000,XXX,P,1e10,1,11,1,R,1", ATS_LINE_RANGE},
                {"1000,XXX,P,10,99999999,11,1,R,1", ATS_LINE_RANGE},
                {"1000,XXX,P,10.0000000001,1,11,1,R,1", ATS_LINE_PRECISION},
                {"1000,XXX,P,10,1,11,1,R", ATS_LINE_SYNTAX},
                {"1000,XXX,P,10,1,11,1,R,1,9", ATS_LINE_SYNTAX},
                {"1000,\"XXX,P,10,1,11,1,R,1", ATS_LINE_SYNTAX},
                {"1000,,P,10,1,11,1,R,1", ATS_LINE_SYMBOL},
                {"1000,A B,P,10,1,11,1,R,1", ATS_LINE_SYMBOL},
                {"1000,ABCDEFGHIJKLMNOPQRSTUVWX,P,10,1,11,1,R,1", ATS_LINE_SYMBOL},
                {"-5,XXX,P,10,1,11,1,R,1", ATS_LINE_TIME},
                {"99999999999999999999,XXX,P,10,1,11,1,R,1", ATS_LINE_TIME},
                {"1000,XXX,PQ,10,1,11,1,R,1", ATS_LINE_FIELD},
                {"1000,XXX,P,10,1,11,1,R,x", ATS_LINE_NUMBER},
                {"999,XXX,P,10,1,11,1,R,1", ATS_LINE_OUT_OF_ORDER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, QUOTES_HEADER "1000,XXX,P,10,1,11,1,R,1\n%s\n", rows[i].row);
        const char *path[] = {put("quotes.csv", text)};
        ats_import_counts counts[1];
        cr_assert_eq(import("taq-csv", 1, path, 1000000, counts), 0, "%s", ats_error_line(0));
        cr_assert_eq(counts[0].reason[rows[i].reason], 1, "%s", rows[i].row);
        cr_assert_eq(counts[0].taken, 1);
        cr_assert_eq(accounted(&counts[0]), 3);
        cr_assert_eq(import("taq-csv", 1, path, 1000, counts), -1);
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
        cr_assert(strstr(ats_error_line(0), "quotes.csv:3"), "%s", ats_error_line(0));
        ats_error_clear();
    }
}

Test(import, a_file_of_something_else_is_refused)
{
    static const char *const texts[] = {"hello\n", "ts_utc_ns,symbol,bid\n", "symbol,price,size\n",
                                        "ts_utc_ns,symbol,price,size,price\n", "\"\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *path[] = {put("quotes.csv", texts[i])};
        ats_import_counts counts[1];
        cr_assert_eq(import("taq-csv", 1, path, 0, counts), -1, "%s", texts[i]);
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
        ats_error_clear();
    }
    const char *path[] = {put("quotes.csv", "{\"e\":1}\n")};
    ats_import_counts counts[1];
    cr_assert_eq(import("binance-ws", 1, path, 0, counts), -1);
    cr_assert_eq(ats_error_code(), ATS_EXIT_USAGE, "the market is not known from the name");
}

Test(import, binance_messages_become_records)
{
    const char *path[] = {
        put("spot_a.jsonl",
            "100 {\"lastUpdateId\":5,\"bids\":[],\"asks\":[]}\n"
            "200 "
            "{\"stream\":\"btcusdt@bookTicker\",\"data\":{\"u\":9,\"s\":\"BTCUSDT\",\"b\":\"10.5\","
            "\"B\":\"2\",\"a\":\"10.6\",\"A\":\"3\"}}\n"
            "300 "
            "{\"lastUpdateId\":7,\"bids\":[[\"10\",\"1\"],[\"9\",\"2\"]],\"asks\":[[\"11\",\"4\"]]}"
            "\n"
            "400 {\"result\":null,\"id\":1}\n"),
        put("usdm_b.jsonl",
            "200 "
            "{\"data\":{\"e\":\"trade\",\"E\":3,\"T\":2,\"s\":\"BTCUSDT\",\"t\":8,\"p\":\"10.5\","
            "\"q\":\"0.1\",\"X\":\"MARKET\",\"m\":true}}\n"
            "250 "
            "{\"e\":\"depthUpdate\",\"E\":4,\"s\":\"BTCUSDT\",\"U\":1,\"u\":3,\"pu\":9,\"b\":[["
            "\"10\","
            "\"0\"]],\"a\":[]}\n"
            "251 "
            "{\"e\":\"depthUpdate\",\"E\":4,\"s\":\"BTCUSDT\",\"U\":4,\"u\":6,\"pu\":3,\"b\":[],"
            "\"a\":[]}\n")};
    ats_import_counts counts[2];
    cr_assert_eq(import("binance-ws", 2, path, 500000, counts), 0, "%s", ats_error_line(0));
    cr_assert_eq(counts[0].reason[ATS_LINE_SYMBOL], 1, "a book before its symbol was named");
    cr_assert_eq(counts[0].reason[ATS_LINE_IGNORED], 1);
    cr_assert_eq(counts[0].taken, 2);
    cr_assert_eq(counts[1].taken, 3);
    ats_capture_reader r;
    ats_market m[8];
    cr_assert_eq(ats_capture_open(&r, in_folder("out.cap")), 0);
    for (int i = 0; i < 7; i++)
        cr_assert_eq(ats_capture_next(&r, &m[i]), 1);
    cr_assert_eq(ats_capture_next(&r, &m[7]), 0);
    cr_assert_eq(m[0].h.kind, ATS_KIND_QUOTE, "equal times: the file named first");
    cr_assert_eq(m[0].quote.ask_size_e9, 3 * ATS_E9);
    cr_assert_eq(m[0].quote.venue_seq, 9);
    cr_assert_eq(m[0].h.event_ns, 0);
    cr_assert_str_eq(r.symbols.entry[m[0].h.symbol_id].venue, "BINANCE");
    cr_assert_eq(m[1].trade.aggressor, ATS_SIDE_SELL, "the buyer was the maker");
    cr_assert_eq(m[1].trade.trade_id, 8);
    cr_assert_eq(m[1].h.event_ns, 3000000);
    cr_assert_str_eq(r.symbols.entry[m[1].h.symbol_id].venue, "BINUSDM");
    cr_assert_str_eq(r.symbols.entry[m[1].h.symbol_id].currency, "USDT");
    cr_assert_eq(m[2].book_level.previous_update_id, 9);
    cr_assert_eq(m[2].book_level.side, ATS_SIDE_BUY);
    cr_assert_eq(m[2].h.flags, ATS_FLAG_END_OF_EVENT);
    cr_assert_eq(m[3].book_level.side, ATS_SIDE_NONE, "no level, but a link of the chain");
    cr_assert_eq(m[3].book_level.last_update_id, 6);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(m[4 + i].h.sub, i);
        cr_assert_eq(m[4 + i].h.flags, ATS_FLAG_SNAPSHOT | (i == 2 ? ATS_FLAG_END_OF_EVENT : 0));
        cr_assert_eq(m[4 + i].book_level.side, i < 2 ? ATS_SIDE_BUY : ATS_SIDE_SELL);
        cr_assert_eq(m[4 + i].book_level.last_update_id, 7);
    }
    ats_capture_close(&r);
}

Test(import, every_bad_binance_message_is_counted_as_what_it_is)
{
    static const struct {
        const char *text;
        ats_line_reason reason;
    } cases[] = {
        {"{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"p\":\"1\",\"q\":\"1\",\"m\":true}", ATS_LINE_OK},
        {"{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"p\":\"-1\",\"q\":\"1\",\"m\":true}",
         ATS_LINE_NEGATIVE},
        {"{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"p\":\"0\",\"q\":\"1\",\"m\":true}", ATS_LINE_ZERO},
        {"{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"p\":\"x\",\"q\":\"1\",\"m\":true}",
         ATS_LINE_NUMBER},
        {"{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"p\":[1],\"q\":\"1\",\"m\":true}", ATS_LINE_NUMBER},
        {"{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"p\":\"1e12\",\"q\":\"1\",\"m\":true}",
         ATS_LINE_RANGE},
        {"{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"q\":\"1\",\"m\":true}", ATS_LINE_FIELD},
        {"{\"e\":\"trade\",\"s\":\"A\",\"t\":1,\"p\":\"1\",\"q\":\"1\",\"m\":1}", ATS_LINE_FIELD},
        {"{\"e\":\"trade\",\"s\":\"A B\",\"t\":1,\"p\":\"1\",\"q\":\"1\",\"m\":true}",
         ATS_LINE_SYMBOL},
        {"{\"e\":\"trade\",\"E\":99999999999999999,\"s\":\"A\"}", ATS_LINE_TIME},
        {"{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[]],\"a\":[]}", ATS_LINE_FIELD},
        {"{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[1],\"a\":[]}", ATS_LINE_FIELD},
        {"{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"a\":[],\"b\":[]}", ATS_LINE_FIELD},
        {"{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[[\"1\",\"2\",[3]]],\"a\":[]}",
         ATS_LINE_OK},
        {"{\"e\":\"aggTrade\",\"p\":\"x\"}", ATS_LINE_IGNORED},
        {"[[[1]]]", ATS_LINE_IGNORED},
        {"1", ATS_LINE_IGNORED},
        {"{\"e\":\"trade\"", ATS_LINE_SYNTAX},
        {"{\"e\":\"depthUpdate\",\"b\":[[", ATS_LINE_SYNTAX},
        {"{\"e\":\"depthUpdate\",\"b\":[[\"1\",", ATS_LINE_SYNTAX},
        {"", ATS_LINE_SYNTAX},
    };
    ats_binance_message *m = malloc(sizeof *m);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(ats_binance_decode(cases[i].text, strlen(cases[i].text), m), cases[i].reason,
                     "%s", cases[i].text);
    free(m);
}

Test(import, an_event_of_too_many_levels_is_bad_and_no_more)
{
    size_t bytes = (ATS_BINANCE_LEVELS + 1) * 10 + 200;
    char *text = malloc(bytes), *p = text;
    p += sprintf(p, "{\"e\":\"depthUpdate\",\"s\":\"A\",\"U\":1,\"u\":2,\"b\":[");
    for (uint32_t i = 0; i <= ATS_BINANCE_LEVELS; i++)
        p += sprintf(p, "%s[\"1\",\"1\"]", i ? "," : "");
    p += sprintf(p, "],\"a\":[]}");
    ats_binance_message *m = malloc(sizeof *m);
    cr_assert_eq(ats_binance_decode(text, (size_t)(p - text), m), ATS_LINE_EVENT_SIZE);
    free(m);
    free(text);
}

Test(import, a_compressed_file_that_is_cut_is_an_error)
{
    char text[4096] = TRADES_HEADER;
    for (int i = 0; i < 60; i++)
        sprintf(text + strlen(text), "%d,XXX,P,10.%d,%d,,0,5,C,\n", 1000 + i, i, i + 1);
    char packed[4096];
    size_t n = ZSTD_compress(packed, sizeof packed, text, strlen(text), 1);
    const char *path[] = {in_folder("trades.csv")};
    ats_import_counts counts[1];
    for (size_t cut = 8; cut <= n; cut += n - 8) {
        FILE *f = fopen(path[0], "w");
        fwrite(packed, 1, cut, f);
        fclose(f);
        cr_assert_eq(import("taq-csv", 1, path, 0, counts), cut == n ? 0 : -1);
        cr_assert_eq(ats_error_code(), cut == n ? ATS_EXIT_OK : ATS_EXIT_DATA);
        ats_error_clear();
    }
    cr_assert_eq(counts[0].taken, 60);
}

Test(import, a_line_beyond_the_limit_is_counted_and_passed_over)
{
    const char *path[] = {in_folder("trades.csv")};
    FILE *f = fopen(path[0], "w");
    fputs(TRADES_HEADER "1000,XXX,P,10,1,,0,1,C,\n", f);
    for (uint32_t i = 0; i < 3 * ATS_LINE_MAX_BYTES + 5; i++)
        putc('x', f);
    fputs("\n1001,XXX,P,10,1,,0,2,C,", f); /* and no line end at the end */
    fclose(f);
    ats_import_counts counts[1];
    cr_assert_eq(import("taq-csv", 1, path, 1000000, counts), 0, "%s", ats_error_line(0));
    cr_assert_eq(counts[0].reason[ATS_LINE_TOO_LONG], 1);
    cr_assert_eq(counts[0].taken, 2);
    cr_assert_eq(counts[0].lines, 4);
}

/* ---- the recorded sets, where they are ----------------------------------------------------------
 */

static const char *shared(const char *name)
{
    static char path[6][512];
    static unsigned turn;
    const char *data = getenv("ATS_SHARED_DATA");
    char *p = path[turn++ % 6];
    snprintf(p, sizeof path[0], "%s/%s", data ? data : ".", name);
    if (access(p, R_OK) != 0) {
        /* Criterion counts a skipped test, but does not name it. */
        printf("skipped: test_import.c: recorded data is not here: %s\n", p);
        fflush(stdout);
        cr_skip("%s is not here", name);
        return NULL;
    }
    return p;
}

Test(import, the_recorded_equity_day_is_read_whole)
{
    const char *path[] = {shared("highfrequency_taq/XXX_2018-01-02_quotes.csv.zst"),
                          shared("highfrequency_taq/XXX_2018-01-02_trades.csv.zst")};
    ats_import_counts counts[2];
    cr_assert_eq(import("taq-csv", 2, path, 0, counts), 0, "%s", ats_error_line(0));
    cr_assert_eq(counts[0].taken, 220557);
    cr_assert_eq(counts[1].taken, 39470);
    ats_capture_reader r;
    cr_assert_eq(ats_capture_open(&r, in_folder("out.cap")), 0);
    cr_assert_eq(r.totals.records, 260027);
    cr_assert_leq(r.map_bytes, 260027 * 16);
    cr_assert_eq(ats_capture_verify(&r, NULL), 0);
    ats_capture_close(&r);
}

Test(import, the_recorded_streams_are_read_whole)
{
    static const char *const files[] = {"spot_btcusdt", "spot_ethusdt", "usdm_btcusdt",
                                        "usdm_ethusdt", "cm_btcusd_perp"};
    const char *path[5];
    for (int i = 0; i < 5; i++) {
        char name[64];
        snprintf(name, sizeof name, "binance_raw_ws/%s_20240808.jsonl.zst", files[i]);
        path[i] = shared(name);
    }
    ats_import_counts counts[5];
    cr_assert_eq(import("binance-ws", 5, path, 0, counts), 0, "%s", ats_error_line(0));
    uint64_t lines = 0, taken = 0;
    for (int i = 0; i < 5; i++) {
        lines += counts[i].lines;
        taken += counts[i].taken;
        cr_assert_eq(accounted(&counts[i]), counts[i].lines);
    }
    cr_assert_eq(lines, 291746);
    cr_assert_eq(taken, 291746);
    ats_capture_reader r;
    cr_assert_eq(ats_capture_open(&r, in_folder("out.cap")), 0);
    cr_assert_eq(r.totals.kinds[ATS_KIND_QUOTE], 28040 + 24077 + 66089 + 53992 + 19136);
    cr_assert_eq(r.totals.kinds[ATS_KIND_TRADE], 9757 + 6106 + 21313 + 14076 + 2286);
    ats_capture_close(&r);
}
