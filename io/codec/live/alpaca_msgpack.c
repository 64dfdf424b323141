#include "io/codec/live/alpaca.h"

#include "io/codec/msgpack.h"

/* The pairs of a map, whose head was read. False: malformed. */
static bool scan_fields(ats_msgpack *m, uint32_t pairs, ats_alpaca_fields *f)
{
    f->seen = 0;
    while (pairs--) {
        ats_msgpack_token token = ats_msgpack_next(m);
        ats_alpaca_field field = ATS_ALPACA_NONE;
        if (token == ATS_MSGPACK_STRING)
            field = ats_alpaca_field_of(m->text, m->length);
        else if (!ats_msgpack_skip_rest(m, token))
            return false;
        if (!ats_value_scan_msgpack(m, &f->value[field]))
            return false;
        f->seen |= 1ull << field;
    }
    return true;
}

/* The frame's head: how many messages it has. */
static void open_frame(ats_decoder *d)
{
    ats_msgpack m;
    ats_msgpack_open(&m, d->at, (size_t)(d->end - d->at));
    ats_msgpack_token token = ats_msgpack_next(&m);
    d->state = ATS_FRAME_NEXT;
    d->left = 1;
    if (token == ATS_MSGPACK_ARRAY) {
        d->left = m.length;
        d->at = (const char *)m.at;
    } else if (token != ATS_MSGPACK_MAP) {
        ats_decoder_abandon(d, d->at);
    }
}

/* The message at d->at. True: given out. */
static bool take_message(ats_decoder *d, ats_decoded *out)
{
    ats_msgpack m;
    ats_alpaca_fields fields;
    const char *at = d->at;
    ats_line_reason reason = ATS_LINE_FIELD; /* an element that is no map */
    ats_msgpack_open(&m, at, (size_t)(d->end - at));
    ats_msgpack_token token = ats_msgpack_next(&m);
    bool map = token == ATS_MSGPACK_MAP;
    if (map ? !scan_fields(&m, m.length, &fields) : !ats_msgpack_skip_rest(&m, token)) {
        ats_decoder_abandon(d, at);
        return false;
    }
    d->at = (const char *)m.at;
    d->left--;
    d->messages++;
    if (map)
        reason = ats_alpaca_build(d, &fields, out);
    if (reason == ATS_LINE_OK) {
        d->taken++;
        return true;
    }
    if (reason != ATS_LINE_BLANK)
        ats_decoder_refuse(d, reason, at);
    return false;
}

bool ats_alpaca_msgpack_next(ats_decoder *d, ats_decoded *out)
{
    if (d->state == ATS_FRAME_FIRST)
        open_frame(d);
    while (d->state != ATS_FRAME_DONE) {
        if (d->left == 0) {
            d->state = ATS_FRAME_DONE;
            if (d->at != d->end)
                ats_decoder_abandon(d, d->at);
            continue;
        }
        const char *behind =
            d->options.general_only ? NULL : ats_alpaca_msgpack_fast(d, d->at, out);
        if (behind && behind <= d->end) {
            d->at = behind;
            d->left--;
            d->messages++;
            d->taken++;
            return true;
        }
        if (take_message(d, out))
            return true;
    }
    return false;
}
