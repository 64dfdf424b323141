/* reference_file.h: what is known of the symbols beside their market, from a CSV file. Cold.
 *
 * First line: symbol,adv,sector,easy_to_borrow,marginable,borrow_rate_bps,restricted. One line a
 * symbol, in any order:
 *   symbol          as in the market data, e.g. AAPL
 *   adv             average daily volume in units, a decimal number; empty = not known
 *   sector          a name of up to 31 bytes, of at most 63 different ones; empty = not known
 *   easy_to_borrow, marginable, restricted   yes or no
 *   borrow_rate_bps what a short position costs a year, in basis points, 0 to 1000000
 * Lines of symbols that a run does not have are checked and passed over.
 */
#ifndef ATS_IO_REFERENCE_FILE_H
#define ATS_IO_REFERENCE_FILE_H

#include "calc/reference.h"
#include "core/symbols.h"

#define ATS_BORROW_RATE_MAX_BPS 1000000u

/* The table and the memory it points into. */
typedef struct ats_reference_file {
    ats_reference_table table;
} ats_reference_file;

/* Reads the file for these symbols; "" is no table (entry NULL). 0, or -1 with an error pushed that
 * names file and line (ATS_EXIT_DATA; ATS_EXIT_CONFIG when the file cannot be opened). */
int ats_reference_load(ats_reference_file *file, const char *path, const ats_symbols *symbols);

/* An all-zero file is empty. */
void ats_reference_free(ats_reference_file *file);

#endif
