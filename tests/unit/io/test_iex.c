#include "io/codec/live/iex.h"

#include "decoder_fixture.h"

/* A segment of two DEEP messages, as its specification lays them out: 100 ZIEXT at 99.05, trade
 * 429974, then 9700 to buy at 99.05. */
static const uint8_t SEGMENT[] = {
    0x01, 0x00, 0x04, 0x80, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x87, 0x42, 0x48, 0x00, 0x02, 0x00,
    0x8c, 0xa6, 0x21, 0x00, 0x00, 0x00, 0x00, 0x00, 0xca, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0xec, 0x45, 0xc2, 0x20, 0x96, 0x86, 0x6d, 0x14, 0x26, 0x00, 0x54, 0x00, 0xac, 0x63, 0xc0, 0x20,
    0x96, 0x86, 0x6d, 0x14, 0x5a, 0x49, 0x45, 0x58, 0x54, 0x20, 0x20, 0x20, 0x64, 0x00, 0x00, 0x00,
    0x24, 0x1d, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00, 0x96, 0x8f, 0x06, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x1e, 0x00, 0x38, 0x01, 0xac, 0x63, 0xc0, 0x20, 0x96, 0x86, 0x6d, 0x14, 0x5a, 0x49, 0x45, 0x58,
    0x54, 0x20, 0x20, 0x20, 0xe4, 0x25, 0x00, 0x00, 0x24, 0x1d, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00};
static const uint8_t QUOTE[] = {0x51, 0x00, 0xac, 0x63, 0xc0, 0x20, 0x96, 0x86, 0x6d, 0x14, 0x5a,
                                0x49, 0x45, 0x58, 0x54, 0x20, 0x20, 0x20, 0xe4, 0x25, 0x00, 0x00,
                                0x24, 0x1d, 0x0f, 0x00, 0x00, 0x00, 0x00, 0x00, 0xec, 0x1d, 0x0f,
                                0x00, 0x00, 0x00, 0x00, 0x00, 0xe8, 0x03, 0x00, 0x00};

static ats_iex open_feed(void)
{
    ats_iex x = {.decoder = fixture_decoder()};
    x.decoder.options.keep_unknown = true;
    return x;
}

/* A segment of TOPS with these messages, one after the other, from a number on. */
typedef struct segment {
    uint8_t bytes[512];
    size_t used;
} segment;

static void begin(segment *s, uint64_t first)
{
    memcpy(s->bytes, SEGMENT, 40);
    s->bytes[2] = 0x03;
    memset(s->bytes + 14, 0, 2);
    memcpy(s->bytes + 24, &first, 8);
    s->used = 40;
}

static void add(segment *s, const uint8_t *message, uint16_t length)
{
    memcpy(s->bytes + s->used, &length, 2);
    memcpy(s->bytes + s->used + 2, message, length);
    s->used += 2u + length;
    s->bytes[14]++;
    uint16_t payload = (uint16_t)(s->used - 40);
    memcpy(s->bytes + 12, &payload, 2);
}

/* In a block of its size; the last one stays. */
static bool open_exact(ats_iex *x, const uint8_t *bytes, size_t length)
{
    static uint8_t *copy;
    free(copy);
    copy = malloc(length ? length : 1);
    memcpy(copy, bytes, length);
    return ats_iex_open(x, copy, length);
}

Test(iex, reads_the_segment_of_the_specification)
{
    ats_iex x = open_feed();
    ats_decoded m;
    cr_assert(open_exact(&x, SEGMENT, sizeof SEGMENT));
    cr_assert(x.session == 1116143616 && x.at_seq == 970);
    cr_assert_eq(x.send_ns, 1471980632572839404);
    cr_assert(ats_iex_next(&x, &m));
    cr_assert(m.h.kind == ATS_KIND_TRADE && m.h.event_ns == 1471980632572715948);
    cr_assert(m.trade.px_e9 == 99050000000 && m.trade.qty_e9 == 100 * ATS_E9);
    cr_assert(m.trade.trade_id == 429974 && m.trade.venue_seq == 970 && m.trade.venue == 'V');
    cr_assert(memcmp(m.trade.condition, "@   ", 4) == 0);
    cr_assert(x.decoder.symbol.length == 5 && memcmp(x.decoder.symbol.text, "ZIEXT", 5) == 0);
    cr_assert(ats_iex_next(&x, &m));
    cr_assert(m.h.kind == ATS_KIND_BOOK_LEVEL && m.book_level.side == ATS_SIDE_BUY);
    cr_assert(m.book_level.px_e9 == 99050000000 && m.book_level.qty_e9 == 9700 * ATS_E9);
    cr_assert(m.h.flags == ATS_FLAG_END_OF_EVENT && m.book_level.last_update_id == 971);
    cr_assert_not(ats_iex_next(&x, &m));
    cr_assert(x.decoder.taken == 2 && x.decoder.fault.reason == ATS_LINE_OK && x.next_seq == 972);
}

Test(iex, reads_quotes_and_statuses)
{
    uint8_t halted[48], status[22] = {'H', 'H'}, restricted[19] = {'P', 1};
    ats_iex x = open_feed();
    ats_decoded m;
    segment s;
    memcpy(halted, QUOTE, sizeof QUOTE);
    halted[1] = 0x80;
    memset(halted + 22, 0, 8); /* no bid; and six bytes more than were specified */
    memcpy(status + 2, QUOTE + 2, 16);
    memcpy(status + 18, "T1  ", 4);
    memcpy(restricted + 2, QUOTE + 2, 16);
    begin(&s, 5);
    add(&s, QUOTE, sizeof QUOTE);
    add(&s, halted, sizeof halted);
    add(&s, status, sizeof status);
    add(&s, restricted, sizeof restricted);
    cr_assert(open_exact(&x, s.bytes, s.used));
    cr_assert(ats_iex_next(&x, &m) && m.h.kind == ATS_KIND_QUOTE);
    cr_assert(m.quote.bid_e9 == 99050000000 && m.quote.ask_e9 == 99070000000 &&
              m.quote.bid_size_e9 == 9700 * ATS_E9 && m.quote.ask_size_e9 == 1000 * ATS_E9 &&
              m.quote.quote_flags == 0 && m.quote.venue == 'V' && m.quote.venue_seq == 5);
    cr_assert(ats_iex_next(&x, &m));
    cr_assert(m.quote.bid_e9 == 0 && m.quote.bid_size_e9 == 0 &&
              m.quote.quote_flags == (ATS_QUOTE_HALTED | ATS_QUOTE_ONE_SIDED));
    cr_assert(ats_iex_next(&x, &m) && m.h.kind == ATS_KIND_STATUS);
    cr_assert(m.status.code == ATS_STATUS_HALT && ats_value_is(&x.decoder.note[2], "T1  "));
    cr_assert(ats_iex_next(&x, &m) && m.status.code == ATS_STATUS_SHORT_RESTRICTED);
    cr_assert_not(ats_iex_next(&x, &m));
}

Test(iex, counts_holes_and_what_comes_twice)
{
    ats_iex x = open_feed();
    ats_decoded m;
    segment s;
    static const struct {
        uint64_t first;
        uint32_t given, duplicates, gaps, lost;
    } cases[] = {{10, 2, 0, 0, 0}, {10, 0, 2, 0, 0}, {12, 2, 2, 0, 0},
                 {20, 2, 2, 1, 6}, {21, 1, 3, 1, 6}, {1, 0, 5, 1, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t given = 0;
        begin(&s, cases[i].first);
        add(&s, QUOTE, sizeof QUOTE);
        add(&s, QUOTE, sizeof QUOTE);
        cr_assert(open_exact(&x, s.bytes, s.used));
        while (ats_iex_next(&x, &m))
            given++;
        cr_assert(given == cases[i].given && x.duplicates == cases[i].duplicates &&
                      x.gaps == cases[i].gaps && x.lost == cases[i].lost,
                  "segment %zu", i);
    }
    begin(&s, 1); /* a heartbeat of another session begins to count anew */
    s.bytes[8] = 9;
    memset(s.bytes + 12, 0, 2);
    cr_assert(open_exact(&x, s.bytes, s.used));
    cr_assert_not(ats_iex_next(&x, &m));
    cr_assert(x.next_seq == 1 && x.gaps == 1 && x.decoder.fault.reason == ATS_LINE_OK);
}

Test(iex, refuses_what_is_cut_off_or_wrong)
{
    ats_decoded m;
    for (size_t length = 0; length < sizeof SEGMENT; length++) {
        uint8_t bytes[sizeof SEGMENT];
        ats_iex x = open_feed();
        memcpy(bytes, SEGMENT, sizeof bytes);
        if (length >= 40)
            bytes[12] = (uint8_t)(length - 40); /* the header agrees with what is there */
        uint32_t given = 0;
        if (open_exact(&x, bytes, length))
            while (ats_iex_next(&x, &m))
                given++;
        cr_assert_eq(given, length >= 80, "%zu bytes", length);
        cr_assert_eq(x.decoder.refused[ATS_LINE_SYNTAX], 1, "%zu bytes", length);
    }
    uint8_t bytes[sizeof SEGMENT];
    for (size_t at = 0; at < 4; at++) {
        ats_iex x = open_feed();
        memcpy(bytes, SEGMENT, sizeof bytes);
        bytes[at] = 0x7f;
        cr_assert_eq(open_exact(&x, bytes, sizeof bytes), at == 1,
                     "only the reserved byte is free");
    }
    ats_iex x = open_feed();
    memcpy(bytes, SEGMENT, sizeof bytes);
    bytes[69] = 0x80; /* the price's sign */
    bytes[71] = 0xff;
    cr_assert(open_exact(&x, bytes, sizeof bytes));
    cr_assert(ats_iex_next(&x, &m) && m.h.kind == ATS_KIND_BOOK_LEVEL, "the next one stands");
    cr_assert_eq(x.decoder.refused[ATS_LINE_NEGATIVE], 1);
}
