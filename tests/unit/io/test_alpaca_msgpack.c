#include "io/codec/live/alpaca.h"

#include "alpaca_messages.h"
#include "msgpack_packer.h"

/* Numbers of more digits than a double holds are others as doubles. */
static bool has_long_numbers(const char *text)
{
    for (; *text; text += *text != 0) {
        size_t n = strspn(text, "0123456789.");
        if (n > 16 && memchr(text, '.', n) && text[-1] == ':')
            return true;
        text += n;
    }
    return false;
}

/* False: numbers that jansson or a double does not hold. */
static bool pack_frame(packer *k, const char *text)
{
    json_t *frame = has_long_numbers(text) ? NULL : json_loads(text, 0, NULL);
    k->used = 0;
    if (frame)
        put_json(k, frame);
    json_decref(frame);
    return frame != NULL;
}

static uint32_t decode(ats_decoder *d, const packer *k, ats_decoded *out, uint32_t most)
{
    return fixture_decode(d, ats_alpaca_msgpack_next, (const char *)k->bytes, k->used, out, most);
}

/* ---- tests ----------------------------------------------------------------------------------- */

Test(alpaca_msgpack, a_message_means_what_it_means_as_json)
{
    static packer k;
    static char text[FRAME_BYTES];
    ats_random r;
    ats_random_seed(&r, 99);
    uint32_t taken = 0, frames = 0;
    for (uint32_t round = 0; round < 10000; round++) {
        uint32_t messages;
        ats_decoded a[24], b[24], c[24];
        int length = frame_text(&r, text, &messages);
        k.random = round % 2 ? &r : NULL;
        if (!pack_frame(&k, text))
            continue;
        ats_decoder json = fixture_decoder(), fast = json, general = json;
        general.options.general_only = true;
        uint32_t n = fixture_decode(&json, ats_alpaca_json_next, text, (size_t)length, a, 24);
        cr_assert_eq(decode(&fast, &k, b, 24), n, "%s", text);
        cr_assert_eq(decode(&general, &k, c, 24), n, "%s", text);
        for (uint32_t i = 0; i < n; i++)
            cr_assert(memcmp(&a[i], &b[i], sizeof *a) == 0 && memcmp(&a[i], &c[i], sizeof *a) == 0,
                      "%s: record %u", text, i);
        cr_assert(memcmp(json.refused, fast.refused, sizeof json.refused) == 0, "%s", text);
        cr_assert(memcmp(json.refused, general.refused, sizeof json.refused) == 0, "%s", text);
        cr_assert_eq(json.unknown_symbols, fast.unknown_symbols);
        taken += n;
        frames++;
    }
    cr_assert(frames > 1000 && taken > 4000, "%u messages in %u frames", taken, frames);
}

Test(alpaca_msgpack, breaks_are_met_alike_on_both_paths)
{
    static packer k;
    static char text[FRAME_BYTES];
    ats_random r;
    ats_random_seed(&r, 100);
    uint32_t broken = 0;
    for (uint32_t round = 0; round < 20000; round++) {
        uint32_t messages;
        ats_decoded a[24], b[24];
        frame_text(&r, text, &messages);
        if (!pack_frame(&k, text))
            continue;
        if (round % 4 == 0)
            k.used = below(&r, (uint32_t)k.used);
        else
            k.bytes[below(&r, (uint32_t)k.used)] = (uint8_t)ats_random_next(&r);
        ats_decoder fast = fixture_decoder(), general = fixture_decoder();
        general.options.general_only = true;
        uint32_t n = decode(&fast, &k, a, 24);
        cr_assert_eq(decode(&general, &k, b, 24), n);
        for (uint32_t i = 0; i < n; i++)
            cr_assert(memcmp(&a[i], &b[i], sizeof *a) == 0);
        cr_assert(memcmp(fast.refused, general.refused, sizeof fast.refused) == 0);
        cr_assert(memcmp(&fast.fault, &general.fault, sizeof fast.fault) == 0);
        cr_assert(fast.messages == general.messages);
        broken += fast.refused[ATS_LINE_SYNTAX] != 0;
    }
    cr_assert_gt(broken, 2000, "%u", broken);
}

Test(alpaca_msgpack, the_session_and_what_no_json_has)
{
    static packer k;
    ats_decoded m;
    ats_list list;
    ats_value element;
    ats_decoder d = fixture_decoder();
    cr_assert(pack_frame(&k, "[{\"T\":\"subscription\",\"trades\":[\"AAPL\"],\"quotes\":[\"AMD\","
                             "\"CLDR\"],\"bars\":[\"*\"],\"dailyBars\":null}]"));
    char *frame = fixture_frame((char *)k.bytes, k.used);
    ats_decoder_open(&d, frame, k.used);
    cr_assert(ats_alpaca_msgpack_next(&d, &m) && m.control.message == ATS_MESSAGE_SUBSCRIPTION);
    cr_assert(ats_list_open(&list, &d.list[ATS_CHANNEL_QUOTES]));
    cr_assert(ats_list_next(&list, &element) && ats_value_is(&element, "AMD"));
    cr_assert(ats_list_next(&list, &element) && ats_value_is(&element, "CLDR"));
    cr_assert_not(ats_list_next(&list, &element));
    free(frame);
    cr_assert(pack_frame(&k, "[{\"T\":\"error\",\"code\":412,\"msg\":\"x\"}]"));
    cr_assert_eq(decode(&d, &k, &m, 1), 1);
    cr_assert_eq(m.control.code, 412);

    /* A single map; keys that are no text; a price as a float; T last; a received-at behind. */
    static const char odd[] = "\x88\x05\xc0\xa1S\xa3"
                              "AMD\xa1i\xd3\0\0\0\0\0\0\0\x07\xa1p\xca\x3f\xc0\0\0\xa1s\xca\x3d\xcc"
                              "\xcc\xcd\xa1t\xd6\xff\x60\x40\xf9\xc1\xa1r\x81\x01\x93\x01\x02\xc3"
                              "\xa1T\xa1t";
    cr_assert_eq(fixture_decode(&d, ats_alpaca_msgpack_next, odd, sizeof odd - 1, &m, 1), 1);
    cr_assert(m.h.kind == ATS_KIND_TRADE && m.trade.px_e9 == 1500000000 && m.trade.trade_id == 7);
    cr_assert_eq(m.trade.qty_e9, 100000000, "0.1 among floats");
    cr_assert_eq(m.h.event_ns, 1614870977 * ATS_E9);
}
