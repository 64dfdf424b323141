#include "io/import/import.h"

#include "core/error.h"
#include "io/codec/taq.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct taq_file {
    ats_taq_layout layout;
    ats_import_symbols symbols;
} taq_file;

static int taq_open(ats_import_file *file, const ats_import_options *options)
{
    const char *venue = options->venue ? options->venue : "US";
    taq_file *t = calloc(1, sizeof *t);
    if (!t)
        return ats_error(ATS_EXIT_FAILED, "%s: out of memory", file->path);
    file->state = t;
    file->has_header = true;
    ats_symbol *like = &t->symbols.like;
    if (strlen(venue) >= sizeof like->venue)
        return ats_error(ATS_EXIT_USAGE, "venue %s: longer than 7 characters", venue);
    strcpy(like->venue, venue);
    strcpy(like->currency, "USD");
    like->symbol_class = ATS_CLASS_EQUITY;
    like->tick_e9 = ATS_E9 / 100; /* Reg NMS 612: a cent, from a dollar up */
    like->lot_e9 = ATS_E9;
    like->round_lot_e9 = ATS_TAQ_ROUND_LOT * ATS_E9;
    return 0;
}

static void taq_close(ats_import_file *file)
{
    free(file->state);
}

static ats_line_reason taq_line(ats_import_file *file, char *text, size_t length)
{
    taq_file *t = file->state;
    if (file->has_header) {
        if (ats_taq_layout_read(&t->layout, text, length) != 0) {
            file->fatal = true;
            return ATS_LINE_SYNTAX;
        }
        file->has_header = false;
        file->rank = t->layout.kind == ATS_TAQ_QUOTES ? 0 : 1;
        return ATS_LINE_OK;
    }
    ats_market record;
    char symbol[ATS_SYMBOL_TEXT];
    ats_line_reason reason = ats_taq_decode(&t->layout, text, length, &record, symbol);
    if (reason != ATS_LINE_OK)
        return reason;
    record.h.symbol_id = ats_import_symbol(file, &t->symbols, symbol);
    ats_market *slot = record.h.symbol_id ? ats_import_event_add(file) : NULL;
    if (!slot)
        return ATS_LINE_SYMBOL;
    *slot = record;
    return ATS_LINE_OK;
}

const ats_import_format ats_import_taq_csv = {
    .name = "taq-csv",
    .purpose = "US equity quotes and trades, TAQ columns, as CSV",
    .input = "quotes and trades files, plain or .zst, first line names the columns",
    .open = taq_open,
    .close = taq_close,
    .line = taq_line,
};
