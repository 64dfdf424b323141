#include "io/codec/live/alpaca.h"

#include "io/codec/json.h"

static ats_line_reason read_message(ats_decoder *d, ats_json *j, ats_decoded *out)
{
    ats_alpaca_fields fields;
    ats_json_token token;
    fields.seen = 0;
    while ((token = ats_json_next(j)) == ATS_JSON_KEY) {
        ats_alpaca_field field = ats_alpaca_field_of(j->text, j->length);
        if (!ats_value_scan_json(j, &fields.value[field]))
            return ATS_LINE_SYNTAX;
        fields.seen |= 1ull << field;
    }
    return token == ATS_JSON_OBJECT_END ? ats_alpaca_build(d, &fields, out) : ATS_LINE_SYNTAX;
}

bool ats_alpaca_json_next(ats_decoder *d, ats_decoded *out)
{
    return ats_decoder_next_json(d, out, read_message,
                                 d->options.general_only ? NULL : ats_alpaca_fast);
}
