/* symbols.h: the symbol table that every capture, tape and journal segment carries.
 *
 * symbol_id is dense and local to a run or a file; ids start at 1, 0 means none. The instrument key
 * (xxh3 of "venue:class:text") names an instrument for ever and is what digests use.
 */
#ifndef ATS_CORE_SYMBOLS_H
#define ATS_CORE_SYMBOLS_H

#include <stdint.h>

#define ATS_SYMBOL_TEXT 24
#define ATS_SYMBOLS_MAX 65536u

typedef enum ats_symbol_class {
    ATS_CLASS_NONE = 0,
    ATS_CLASS_EQUITY = 1,
    ATS_CLASS_CRYPTO_SPOT = 2,
    ATS_CLASS_CRYPTO_FUTURE = 3,
    ATS_CLASS_FX = 4,
    ATS_CLASS_INDEX = 5,
    ATS_CLASS_CRYPTO_INVERSE =
        6, /* contracts of a fixed value in the quote currency: not tradable yet */
    ATS_CLASS_COUNT
} ats_symbol_class;

typedef struct ats_symbol {
    char text[ATS_SYMBOL_TEXT]; /* upper case, NUL-padded, e.g. "AAPL", "BTCUSDT" */
    char venue[8];              /* market it trades on, e.g. "US", "BINANCE", "BINUSDM" */
    char currency[8];
    int64_t tick_e9;       /* smallest price step; 0 = not known */
    int64_t lot_e9;        /* smallest quantity step */
    int64_t round_lot_e9;  /* unit of quoted sizes, e.g. 100 shares */
    uint32_t symbol_class; /* ats_symbol_class */
    uint32_t reserved;
    uint64_t key; /* instrument key; filled in by ats_symbols_add */
} ats_symbol;

typedef struct ats_symbols {
    ats_symbol *entry; /* entry[id]; entry[0] is unused */
    uint32_t count;    /* highest id in use */
    uint32_t capacity;
} ats_symbols;

/* Price step at a price: the symbol's own; where it has none, that of US equities (Rule 612: a
 * cent, a hundredth of one below a dollar). */
static inline int64_t ats_symbol_tick_e9(const ats_symbol *symbol, int64_t px_e9)
{
    if (symbol->tick_e9 > 0)
        return symbol->tick_e9;
    return px_e9 >= 1000000000 ? 10000000 : 100000;
}

/* Quantity step: the symbol's own; where it has none, one unit. */
static inline int64_t ats_symbol_lot_e9(const ats_symbol *symbol)
{
    return symbol->lot_e9 > 0 ? symbol->lot_e9 : 1000000000;
}

/* Frees what the table holds; an all-zero table is empty and needs no init. */
void ats_symbols_free(ats_symbols *symbols);

/* Finds the instrument (venue, class, text) or adds it; its id, or 0 with an error pushed. */
uint32_t ats_symbols_add(ats_symbols *symbols, const ats_symbol *symbol);

/* id of the first entry with this text (any venue when venue is NULL), or 0. */
uint32_t ats_symbols_find(const ats_symbols *symbols, const char *text, const char *venue);

#endif
