#include "io/codec/live/alpaca.h"

#include "io/codec/json.h"

/* The members of an object, whose brace was read. False: malformed. */
static bool scan_fields(ats_json *j, ats_alpaca_fields *f)
{
    ats_json_token token;
    f->seen = 0;
    while ((token = ats_json_next(j)) == ATS_JSON_KEY) {
        ats_alpaca_field field = ats_alpaca_field_of(j->text, j->length);
        if (!ats_value_scan_json(j, &f->value[field]))
            return false;
        f->seen |= 1ull << field;
    }
    return token == ATS_JSON_OBJECT_END;
}

/* The message at d->at, of any layout. True: given out. */
static bool general(ats_decoder *d, ats_decoded *out)
{
    ats_json j;
    ats_alpaca_fields fields;
    const char *at = d->at;
    ats_line_reason reason = ATS_LINE_FIELD; /* an element that is no object */
    ats_json_open(&j, at, (size_t)(d->end - at));
    ats_json_token token = ats_json_next(&j);
    if (token == ATS_JSON_OBJECT ? !scan_fields(&j, &fields) : !ats_json_skip_rest(&j, token)) {
        ats_decoder_abandon(d, j.at);
        return false;
    }
    if (token == ATS_JSON_OBJECT)
        reason = ats_alpaca_build(d, &fields, out);
    d->messages++;
    ats_decoder_step_json(d, j.at);
    if (reason == ATS_LINE_OK) {
        d->taken++;
        return true;
    }
    if (reason != ATS_LINE_BLANK)
        ats_decoder_refuse(d, reason, at);
    return false;
}

bool ats_alpaca_json_next(ats_decoder *d, ats_decoded *out)
{
    if (d->state == ATS_FRAME_FIRST)
        ats_decoder_open_json(d);
    while (d->state != ATS_FRAME_DONE) {
        const char *behind = d->options.general_only ? NULL : ats_alpaca_fast(d, d->at, out);
        if (behind && behind <= d->end) {
            d->messages++;
            d->taken++;
            ats_decoder_step_json(d, behind);
            return true;
        }
        if (general(d, out))
            return true;
    }
    return false;
}
