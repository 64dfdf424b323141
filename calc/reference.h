/* reference.h: what is known of an instrument beside its market: volume, sector, the broker's
 * flags. Data by symbol_id, made before the run (io/reference_file.h) and not changed in it.
 */
#ifndef ATS_CALC_REFERENCE_H
#define ATS_CALC_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

/* Sectors are numbered in the order in which the table names them; 0 = none. */
#define ATS_SECTORS_MAX       64u
#define ATS_SECTOR_NAME_BYTES 32u

typedef struct ats_reference {
    int64_t adv_e9;           /* average daily volume, in units; 0 = not known */
    uint32_t borrow_rate_bps; /* of a short position, a year */
    uint8_t sector;
    bool listed;         /* the table has the symbol; all else is false or 0 where it has not */
    bool easy_to_borrow; /* may be sold short */
    bool marginable;     /* may be bought on credit */
    bool restricted;     /* is not to be entered */
} ats_reference;

typedef struct ats_reference_table {
    ats_reference *entry;  /* [symbol_count + 1], by symbol_id; NULL: there is no table */
    uint32_t symbol_count; /* of the run */
    uint32_t sector_count; /* numbers 1..sector_count */
    char sector[ATS_SECTORS_MAX][ATS_SECTOR_NAME_BYTES];
} ats_reference_table;

#endif
