#include "io/reference_file.h"

#include "core/error.h"
#include "io/codec/csv.h"
#include "io/codec/decimal.h"
#include "io/lines.h"

#include <stdlib.h>

enum { SYMBOL, ADV, SECTOR, EASY_TO_BORROW, MARGINABLE, BORROW_RATE, RESTRICTED, FIELDS };
static const char *const NAMES[FIELDS] = {
    "symbol", "adv", "sector", "easy_to_borrow", "marginable", "borrow_rate_bps", "restricted"};

static bool read_flag(const ats_csv_field *field, bool *out)
{
    *out = ats_csv_is(field, "yes");
    return *out || ats_csv_is(field, "no");
}

/* Number of a sector, made when it is new; 0: no room for it. */
static uint8_t sector_of(ats_reference_table *table, const ats_csv_field *field)
{
    for (uint32_t i = 0; i < table->sector_count; i++)
        if (ats_csv_is(field, table->sector[i]))
            return (uint8_t)(i + 1);
    if (field->length >= ATS_SECTOR_NAME_BYTES || table->sector_count + 1 == ATS_SECTORS_MAX)
        return 0;
    memcpy(table->sector[table->sector_count], field->text, field->length);
    return (uint8_t)++table->sector_count;
}

static bool read_adv(const ats_csv_field *field, int64_t *out)
{
    return field->length == 0 ||
           (ats_decimal_e9(field->text, field->length, out) == ATS_DECIMAL_OK && *out >= 0);
}

/* What is wrong with a line: number of the field + 1; 0 = nothing. */
static int read_entry(ats_reference_table *table, const ats_csv_field *field, ats_reference *out)
{
    uint64_t rate;
    *out = (ats_reference){.listed = true};
    if (field[SYMBOL].length == 0 || field[SYMBOL].length >= ATS_SYMBOL_TEXT)
        return SYMBOL + 1;
    if (!read_adv(&field[ADV], &out->adv_e9))
        return ADV + 1;
    if (field[SECTOR].length && !(out->sector = sector_of(table, &field[SECTOR])))
        return SECTOR + 1;
    if (!read_flag(&field[EASY_TO_BORROW], &out->easy_to_borrow))
        return EASY_TO_BORROW + 1;
    if (!read_flag(&field[MARGINABLE], &out->marginable))
        return MARGINABLE + 1;
    if (ats_decimal_u64(field[BORROW_RATE].text, field[BORROW_RATE].length, &rate) !=
            ATS_DECIMAL_OK ||
        rate > ATS_BORROW_RATE_MAX_BPS)
        return BORROW_RATE + 1;
    out->borrow_rate_bps = (uint32_t)rate;
    return read_flag(&field[RESTRICTED], &out->restricted) ? 0 : RESTRICTED + 1;
}

/* A text may be listed on several venues: it is the same instrument here. */
static int enter(ats_reference_table *table, const ats_symbols *symbols, const char *text,
                 const ats_reference *entry, const char *path, uint64_t line)
{
    for (uint32_t id = 1; id <= symbols->count; id++) {
        if (strncmp(symbols->entry[id].text, text, ATS_SYMBOL_TEXT) != 0)
            continue;
        if (table->entry[id].listed)
            return ats_error(ATS_EXIT_DATA, "%s:%llu: %s is given twice", path,
                             (unsigned long long)line, text);
        table->entry[id] = *entry;
    }
    return 0;
}

static int read_line(ats_reference_table *table, const ats_symbols *symbols, char *text,
                     size_t length, const char *path, uint64_t line)
{
    ats_csv_field field[FIELDS];
    ats_reference entry;
    char symbol[ATS_SYMBOL_TEXT] = {0};
    int count = ats_csv_split(text, length, field, FIELDS);
    if (count != FIELDS)
        return ats_error(ATS_EXIT_DATA, "%s:%llu: wants %d fields: %s", path,
                         (unsigned long long)line, FIELDS,
                         "symbol,adv,sector,easy_to_borrow,marginable,borrow_rate_bps,restricted");
    if (line == 1) {
        for (int i = 0; i < FIELDS; i++)
            if (!ats_csv_is(&field[i], NAMES[i]))
                return ats_error(ATS_EXIT_DATA, "%s:1: field %d must be called %s", path, i + 1,
                                 NAMES[i]);
        return 0;
    }
    int wrong = read_entry(table, field, &entry);
    if (wrong)
        return ats_error(ATS_EXIT_DATA, "%s:%llu: %s: %.*s is not allowed", path,
                         (unsigned long long)line, NAMES[wrong - 1],
                         (int)(field[wrong - 1].length < 40 ? field[wrong - 1].length : 40),
                         field[wrong - 1].text);
    memcpy(symbol, field[SYMBOL].text, field[SYMBOL].length);
    return enter(table, symbols, symbol, &entry, path, line);
}

int ats_reference_load(ats_reference_file *file, const char *path, const ats_symbols *symbols)
{
    ats_lines *lines;
    char *text;
    size_t length;
    bool too_long;
    int got;
    *file = (ats_reference_file){0};
    if (!path[0])
        return 0;
    ats_reference_table *table = &file->table;
    table->symbol_count = symbols->count;
    table->entry = calloc(symbols->count + 1ull, sizeof *table->entry);
    if (!table->entry)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", path);
    if (ats_lines_open(&lines, path) != 0) {
        ats_reference_free(file);
        return ats_error(ATS_EXIT_CONFIG, "risk.reference: %s cannot be read", path);
    }
    int result = 0;
    bool any = false;
    while (result == 0 && (got = ats_lines_next(lines, &text, &length, &too_long)) == 1) {
        uint64_t line = ats_lines_number(lines);
        any = true;
        result = too_long ? ats_error(ATS_EXIT_DATA, "%s:%llu: a line of more than %u bytes", path,
                                      (unsigned long long)line, ATS_LINE_MAX_BYTES)
                          : read_line(table, symbols, text, length, path, line);
    }
    if (result == 0 && (got != 0 || !any))
        result = got ? -1 : ats_error(ATS_EXIT_DATA, "%s: is empty", path);
    ats_lines_close(lines);
    if (result != 0)
        ats_reference_free(file);
    return result;
}

void ats_reference_free(ats_reference_file *file)
{
    free(file->table.entry);
    *file = (ats_reference_file){0};
}
