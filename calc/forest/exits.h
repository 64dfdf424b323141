/* exits.h: from the 63 decisions of a mask record to one of its 64 exits. Internal to calc/forest.
 */
#ifndef ATS_CALC_FOREST_EXITS_H
#define ATS_CALC_FOREST_EXITS_H

#include <stdint.h>

/* By the seven decisions of a field, heap order from bit 0: which of its eight exits. */
#define ATS_EXIT(m)                                                                                \
    (((m)&1)          ? ((m) >> 2 & 1) ? 6 + ((m) >> 6 & 1) : 4 + ((m) >> 5 & 1)                   \
              : ((m) >> 1 & 1) ? 2 + ((m) >> 4 & 1)                                                \
                      : 0 + ((m) >> 3 & 1))

/* A table of 128 entries from a macro of one. */
#define ATS_EXIT_4(f, m) f(m), f((m) + 1), f((m) + 2), f((m) + 3)
#define ATS_EXIT_16(f, m)                                                                          \
    ATS_EXIT_4(f, m), ATS_EXIT_4(f, (m) + 4), ATS_EXIT_4(f, (m) + 8), ATS_EXIT_4(f, (m) + 12)
#define ATS_EXIT_64(f, m)                                                                          \
    ATS_EXIT_16(f, m), ATS_EXIT_16(f, (m) + 16), ATS_EXIT_16(f, (m) + 32), ATS_EXIT_16(f, (m) + 48)
#define ATS_EXIT_128(f) ATS_EXIT_64(f, 0), ATS_EXIT_64(f, 64)

/* 7 + 7 e in the low byte: where the field under exit e begins; 8 e in the high byte. */
#define ATS_EXIT_STEP(m) (uint16_t)(7 + 7 * ATS_EXIT(m) + (8 * ATS_EXIT(m) << 8))

static const _Alignas(64) uint16_t ATS_EXIT_STEPS[128] = {ATS_EXIT_128(ATS_EXIT_STEP)};
static const _Alignas(64) uint8_t ATS_EXITS[128] = {ATS_EXIT_128(ATS_EXIT)};

/* Two look-ups, no branch. A shift takes the low six bits of its count, which are the place. */
static inline uint32_t ats_exit_of(uint64_t decisions)
{
    uint32_t step = ATS_EXIT_STEPS[decisions & 127];
    uint64_t under = decisions >> (step & 63);
    return (step >> 8) + ATS_EXITS[under & 127];
}

#endif
