/* peak.h: has a move come to its end? A mark for a top and one for a bottom, 0..1 each.
 *
 * Of a top (a bottom is the same of everything upside down):
 *     momentum 0.4  half: (RSI - 50) / 20 within 0..1, so whole at 70 (30 for a bottom; Wilder
 *                   1978); half: over how many of 5, 10 and 20 bars the price has risen, and less
 *                   than at the bar before: rates of change that fall while the price still rises
 *     volume   0.3  over how many of the three the price has risen while volume fell: a move that
 *                   fewer follow (mean volume of the last n bars against the n before)
 *     pattern  0.3  what a candlestick pattern says against the move, 0..1; told by the caller
 * It is a peak when the mark reaches 1 - sensitivity; sensitivity 0.7 unless there is a reason.
 *
 * O(1) a bar but for volumes, which are summed over 40. Zeroed memory is empty; ready after 41
 * bars.
 */
#ifndef ATS_CALC_PEAK_H
#define ATS_CALC_PEAK_H

#include <stdbool.h>
#include <stdint.h>

#define ATS_PEAK_BARS 64u /* a power of two > 2 x 20 */

typedef struct ats_peak {
    uint64_t count;
    double close[ATS_PEAK_BARS], volume[ATS_PEAK_BARS];
} ats_peak;

typedef struct ats_peak_marks {
    double top, bottom; /* NaN: not ready */
} ats_peak_marks;

/* A bar has closed. rsi 0..100; pattern -1 (bearish) .. 1, 0 when there is none. */
ats_peak_marks ats_peak_update(ats_peak *peak, double close, double volume, double rsi,
                               double pattern);

/* A split changes the unit of prices, and the other way round that of volume. */
void ats_peak_rescale(ats_peak *peak, double factor);

static inline bool ats_peak_is(double mark, double sensitivity)
{
    return mark >= 1.0 - sensitivity;
}

#endif
