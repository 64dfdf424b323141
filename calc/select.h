/* select.h: choosing a value without a branch.
 *
 * Of what depends on the last price, as often one thing as the other, a branch is guessed wrong
 * about every second time and costs more than the work beside it. Compilers make a branch of
 * condition ? x : 0.0, and of x * condition too.
 */
#ifndef ATS_CALC_SELECT_H
#define ATS_CALC_SELECT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* x where the condition holds, else 0.0 (also where x is NaN or infinite). */
static inline double ats_where(bool condition, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= 0 - (uint64_t)condition;
    memcpy(&x, &bits, sizeof x);
    return x;
}

#endif
