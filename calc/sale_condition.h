/* sale_condition.h: which prints form the last price, the high and low, the volume.
 *
 * The rules of the consolidated tape (CTA: Consolidated Tape System Output Specification, "Trade
 * Processing / Sale Condition Matrix"; UTP: UTP Data Feed Services Specification, "Trade
 * Conditions"), for prints of the regular session. A print carries up to four conditions; it may
 * update only what all of them let it. Outside the regular session every print is marked T or U and
 * the tape's consolidated prices stand still; extended-hours bars take T as an ordinary print, as
 * vendors do, and keep U (out of sequence) as volume only.
 */
#ifndef ATS_CALC_SALE_CONDITION_H
#define ATS_CALC_SALE_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#define ATS_SALE_LAST     0x1u /* becomes the last price */
#define ATS_SALE_HIGH_LOW 0x2u /* may widen high and low */
#define ATS_SALE_VOLUME   0x4u /* counts in volume */
/* With LAST absent: becomes the last price when the session has none yet. */
#define ATS_SALE_LAST_IF_FIRST 0x8u
/* Traded at its price in its turn, so it says who pressed the market: odd lots do, though they set
 * no price; late, averaged and contingent prints do not. */
#define ATS_SALE_FLOW 0x10u

typedef struct ats_sale_condition {
    char code;
    uint8_t updates; /* ATS_SALE_* */
    const char *meaning;
} ats_sale_condition;

/* The table, ended by code 0. A code that is not in it counts in volume only: a print of an unknown
 * kind must not set a price. */
extern const ats_sale_condition ats_sale_conditions[];

/* What a print with these conditions (blanks as ' ' or 0) updates. Hot: a table by byte. */
uint32_t ats_sale_updates(const uint8_t condition[4], bool regular_session);

/* ---- corrections (TAQ and CTA correction indicator) ----------------------------------------- */

typedef enum ats_correction {
    ATS_CORRECTION_PRINT = 0,   /* 0 good; 1 corrected later; 7, 8 found bad later: as seen live */
    ATS_CORRECTION_REVERSE = 1, /* 10 cancel, 11 error: takes an earlier print back */
    ATS_CORRECTION_IGNORE = 2   /* 12 what a correction says (1 holds it); anything else */
} ats_correction;

static inline ats_correction ats_correction_of(uint8_t indicator)
{
    switch (indicator) {
    case 0:
    case 1:
    case 7:
    case 8:
        return ATS_CORRECTION_PRINT;
    case 10:
    case 11:
        return ATS_CORRECTION_REVERSE;
    default:
        return ATS_CORRECTION_IGNORE;
    }
}

#endif
