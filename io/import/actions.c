/* Corporate actions as a file of ours: symbol,ex_date,action,ratio,cash (docs/data.md). */
#include "io/import/bar_file.h"

#include "core/error.h"
#include "io/calendar_file.h"
#include "io/codec/decimal.h"

#include <stdlib.h>
#include <string.h>

#define HEADER "symbol,ex_date,action,ratio,cash"

typedef struct actions_file {
    ats_import_symbols symbols;
    const ats_calendar *calendar;
} actions_file;

static int actions_open(ats_import_file *file, const ats_import_options *options)
{
    actions_file *a = calloc(1, sizeof *a);
    if (!a)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", file->path);
    file->state = a;
    file->has_header = true;
    a->calendar = options->us_equity;
    if (!a->calendar)
        return ats_error(ATS_EXIT_USAGE, "%s: no calendar was given", file->path);
    return ats_bar_symbol_like(&a->symbols.like, "equity", options->venue);
}

static void actions_close(ats_import_file *file)
{
    free(file->state);
}

/* "4:1" */
static ats_line_reason read_ratio(const ats_csv_field *field, ats_corporate_action *action)
{
    const char *colon = memchr(field->text, ':', field->length);
    uint64_t part[2];
    if (!colon)
        return ATS_LINE_FIELD;
    size_t before = (size_t)(colon - field->text);
    if (ats_decimal_u64(field->text, before, &part[0]) != ATS_DECIMAL_OK ||
        ats_decimal_u64(colon + 1, field->length - before - 1, &part[1]) != ATS_DECIMAL_OK)
        return ATS_LINE_NUMBER;
    if (part[0] < 1 || part[0] > ATS_RATIO_MAX || part[1] < 1 || part[1] > ATS_RATIO_MAX)
        return ATS_LINE_RANGE;
    action->ratio_numerator = (int64_t)part[0];
    action->ratio_denominator = (int64_t)part[1];
    return ATS_LINE_OK;
}

static ats_line_reason read_action(const ats_csv_field *field, ats_corporate_action *action)
{
    *action = (ats_corporate_action){0};
    if (ats_csv_is(&field[2], "split")) {
        action->action = ATS_ACTION_SPLIT;
        return field[4].length ? ATS_LINE_FIELD : read_ratio(&field[3], action);
    }
    if (!ats_csv_is(&field[2], "dividend") || field[3].length)
        return ATS_LINE_FIELD;
    action->action = ATS_ACTION_DIVIDEND;
    switch (ats_decimal_e9(field[4].text, field[4].length, &action->cash_e9)) {
    case ATS_DECIMAL_OK:
        return action->cash_e9 < 0    ? ATS_LINE_NEGATIVE
               : action->cash_e9 == 0 ? ATS_LINE_ZERO
                                      : ATS_LINE_OK;
    case ATS_DECIMAL_RANGE:
        return ATS_LINE_RANGE;
    case ATS_DECIMAL_PRECISION:
        return ATS_LINE_PRECISION;
    default:
        return ATS_LINE_NUMBER;
    }
}

static ats_line_reason actions_line(ats_import_file *file, char *text, size_t length)
{
    actions_file *a = file->state;
    ats_csv_field field[5];
    char symbol[ATS_SYMBOL_TEXT];
    ats_corporate_action action;
    if (file->has_header) {
        if (length != strlen(HEADER) || memcmp(text, HEADER, length) != 0) {
            file->fatal = true;
            ats_error(ATS_EXIT_DATA, "%s:1: must be `" HEADER "`", file->path);
            return ATS_LINE_SYNTAX;
        }
        file->has_header = false;
        return ATS_LINE_OK;
    }
    if (text[0] == '#')
        return ATS_LINE_IGNORED;
    if (ats_csv_split(text, length, field, 5) != 5)
        return ATS_LINE_SYNTAX;
    if (!ats_bar_symbol_text(field[0].text, field[0].length, symbol))
        return ATS_LINE_SYMBOL;
    uint32_t date = ats_date_parse(field[1].text, field[1].length);
    if (!date)
        return ATS_LINE_TIME;
    ats_line_reason reason = read_action(field, &action);
    if (reason != ATS_LINE_OK)
        return reason;
    uint32_t id = ats_import_symbol(file, &a->symbols, symbol);
    return id ? ats_bar_add_action(file, a->calendar, id, date, &action) : ATS_LINE_SYMBOL;
}

const ats_import_format ats_import_actions = {
    .name = "actions",
    .purpose = "corporate actions, merged into any import by --actions",
    .input = "CSV with the header `" HEADER "`",
    .sorted = true,
    .open = actions_open,
    .close = actions_close,
    .line = actions_line,
};
