/* fast.h: pieces of JSON text read with one wide load each, for paths that know what comes next.
 *
 * Each reads at most 16 letters at p, moves by at most 16, and gives NULL when it is not sure: the
 * text is longer, or not of the plain form. What it does take, the general readers of value.h take
 * with the same result. p may lie up to 16 bytes behind the frame's end (ATS_DECODER_PADDING): a
 * caller looks once, at the end of a message, whether it has left the frame. With SSE 4.1 no branch
 * depends on how many digits or letters there are; elsewhere, and with ATS_CODEC_SCALAR, plain
 * loops give the same.
 */
#ifndef ATS_IO_CODEC_LIVE_FAST_H
#define ATS_IO_CODEC_LIVE_FAST_H

#include "core/record.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE4_1__) && !defined(ATS_CODEC_SCALAR)
#define ATS_FAST_SSE 1
#include <smmintrin.h>
#else
#define ATS_FAST_SSE 0
#endif

#define ATS_UNLIKELY(x) __builtin_expect(!!(x), 0)

static inline uint64_t ats_fast_load(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Is it this literal, of up to eight letters? */
static inline bool ats_fast_is(const char *p, const char *literal, uint32_t length)
{
    uint64_t want = 0, mask = length == 8 ? ~0ull : (1ull << 8 * length) - 1;
    memcpy(&want, literal, length);
    return (ats_fast_load(p) & mask) == want;
}
#define ATS_FAST_IS(p, literal) ats_fast_is((p), "" literal, sizeof(literal) - 1)

/* A letter of a JSON string that stands for itself and prints. */
static inline bool ats_fast_letter(char c)
{
    return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

#if ATS_FAST_SSE

/* 16 bytes from here on keep the first n lanes: ATS_FAST_LANES + 16 - n. */
static const uint8_t ATS_FAST_LANES[32] = {255, 255, 255, 255, 255, 255, 255, 255,
                                           255, 255, 255, 255, 255, 255, 255, 255};

static inline __m128i ats_fast_first_lanes(uint32_t n)
{
    return _mm_loadu_si128((const __m128i *)(ATS_FAST_LANES + 16 - n));
}

/* 16 digits, most significant first, as a number. */
static inline uint64_t ats_fast_sum(__m128i digits)
{
    const __m128i tens = _mm_set1_epi16(0x010a), hundreds = _mm_set1_epi32(0x00010064);
    const __m128i myriads = _mm_set1_epi32(0x00012710);
    __m128i v = _mm_maddubs_epi16(digits, tens);
    v = _mm_madd_epi16(v, hundreds);
    v = _mm_packus_epi32(v, v);
    v = _mm_madd_epi16(v, myriads);
    uint64_t halves = (uint64_t)_mm_cvtsi128_si64(v);
    return (halves & 0xffffffff) * 100000000u + (halves >> 32);
}

/* Digits of 16 letters as 0..9; *other gets a bit for each lane that is none, and bit 16. */
static inline __m128i ats_fast_digits(__m128i text, uint32_t *other)
{
    __m128i d = _mm_sub_epi8(text, _mm_set1_epi8('0'));
    __m128i is = _mm_cmpeq_epi8(_mm_min_epu8(d, _mm_set1_epi8(9)), d);
    *other = (uint32_t)_mm_movemask_epi8(is) ^ 0x1ffff;
    return d;
}

/* A price or size below a million with at most nine fraction digits, in 1e-9 units. */
static inline const char *ats_fast_e9(const char *p, int64_t *out)
{
    /* Lane j of seven whole and nine fraction digits comes from lane j - 7 + whole, behind the
     * point one lane later; what would come from before the text is 0. */
    const __m128i from = _mm_setr_epi8(-7, -6, -5, -4, -3, -2, -1, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    __m128i text = _mm_loadu_si128((const __m128i *)p);
    uint32_t other, points;
    __m128i digits = ats_fast_digits(text, &other);
    points = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('.')));
    uint32_t whole = (uint32_t)__builtin_ctz(other);
    uint32_t length = (uint32_t)__builtin_ctz(other & ~(other & -other & points));
    uint32_t behind = length - whole; /* 0, or the fraction's digits and the point */
    if (ATS_UNLIKELY((whole - 1 > 5) | (length == 16) | (behind == 1) | (behind > 10) |
                     ((*p == '0') & (whole != 1))))
        return NULL;
    digits = _mm_and_si128(digits, ats_fast_first_lanes(length));
    digits = _mm_shuffle_epi8(digits, _mm_add_epi8(from, _mm_set1_epi8((char)whole)));
    *out = (int64_t)ats_fast_sum(digits);
    return p + length;
}

/* A whole number of up to 15 digits. */
static inline const char *ats_fast_u64(const char *p, uint64_t *out)
{
    const __m128i from =
        _mm_setr_epi8(-16, -15, -14, -13, -12, -11, -10, -9, -8, -7, -6, -5, -4, -3, -2, -1);
    uint32_t other;
    __m128i digits = ats_fast_digits(_mm_loadu_si128((const __m128i *)p), &other);
    uint32_t length = (uint32_t)__builtin_ctz(other);
    if (ATS_UNLIKELY((length - 1 > 14) | ((*p == '0') & (length != 1))))
        return NULL;
    digits = _mm_shuffle_epi8(digits, _mm_add_epi8(from, _mm_set1_epi8((char)length)));
    *out = ats_fast_sum(digits);
    return p + length;
}

/* A string of 1 to 15 letters up to its closing quote, as two words. A NUL at its end would be
 * taken for their padding. */
static inline const char *ats_fast_words(const char *p, uint64_t word[2])
{
    __m128i text = _mm_loadu_si128((const __m128i *)p);
    uint32_t quotes =
        (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('"'))) | 0x10000;
    uint32_t length = (uint32_t)__builtin_ctz(quotes);
    if (ATS_UNLIKELY((length - 1 > 14) || p[length - 1] == 0))
        return NULL;
    text = _mm_and_si128(text, ats_fast_first_lanes(length));
    word[0] = (uint64_t)_mm_cvtsi128_si64(text);
    word[1] = (uint64_t)_mm_extract_epi64(text, 1);
    return p + length;
}

/* One to four one-letter strings from the letter of the first up to the list's bracket. */
static inline const char *ats_fast_conditions(const char *p, uint8_t out[4])
{
    const __m128i layout =
        _mm_setr_epi8(0, '"', ',', '"', 0, '"', ',', '"', 0, '"', ',', '"', 0, '"', ',', '"');
    __m128i text = _mm_loadu_si128((const __m128i *)p);
    uint32_t brackets =
        (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8(']'))) | 0x10000;
    uint32_t end = (uint32_t)__builtin_ctz(brackets), inside = (1u << end) - 1;
    uint32_t laid = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, layout)) | 0x1111;
    __m128i odd = _mm_or_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8('"')),
                               _mm_cmpeq_epi8(text, _mm_set1_epi8('\\')));
    odd = _mm_or_si128(odd, _mm_cmplt_epi8(text, _mm_set1_epi8(' ')));
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(text, _mm_set1_epi8(0x7f)));
    uint32_t bad = (~laid | ((uint32_t)_mm_movemask_epi8(odd) & 0x1111)) & inside;
    if (ATS_UNLIKELY(((end & 3) != 2) | (bad != 0)))
        return NULL;
    /* Lanes 0, 4, 8 and 12; those behind the list become blanks. */
    text = _mm_or_si128(_mm_and_si128(text, ats_fast_first_lanes(end)),
                        _mm_andnot_si128(ats_fast_first_lanes(end), _mm_set1_epi8(' ')));
    text = _mm_shuffle_epi8(
        text, _mm_setr_epi8(0, 4, 8, 12, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1));
    uint32_t four = (uint32_t)_mm_cvtsi128_si32(text);
    memcpy(out, &four, sizeof four);
    return p + end;
}

/* ":SS[.fraction]Z" as ns within its minute, up to behind the Z. */
static inline const char *ats_fast_seconds(const char *p, int64_t *ns)
{
    const __m128i from = _mm_setr_epi8(-1, -1, -1, -1, -1, 1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12);
    __m128i text = _mm_loadu_si128((const __m128i *)p);
    uint32_t other;
    __m128i digits = ats_fast_digits(text, &other);
    other = (other & (other - 1)) | 0x20000; /* without the colon */
    uint32_t end = (uint32_t)__builtin_ctz(p[3] == '.' ? other & (other - 1) : other);
    if (ATS_UNLIKELY((*p != ':') | ((other & 0xf) != 0x8) | (p[1] > '5') | (end == 4) | (end > 13) |
                     (p[end & 15] != 'Z')))
        return NULL;
    digits = _mm_and_si128(digits, ats_fast_first_lanes(end));
    *ns = (int64_t)ats_fast_sum(_mm_shuffle_epi8(digits, from));
    return p + end + 1;
}

static inline bool ats_fast_same16(const char *a, const char *b)
{
    __m128i x = _mm_loadu_si128((const __m128i *)a), y = _mm_loadu_si128((const __m128i *)b);
    return _mm_movemask_epi8(_mm_cmpeq_epi8(x, y)) == 0xffff;
}

#else

static inline uint32_t ats_fast_digit_run(const char *p, uint32_t most, uint64_t *value)
{
    uint32_t n = 0;
    while (n < most && (unsigned char)(p[n] - '0') < 10)
        *value = *value * 10 + (uint64_t)(p[n++] - '0');
    return n;
}

static inline const char *ats_fast_e9(const char *p, int64_t *out)
{
    static const int64_t scale[10] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                      10000,      1000,      100,      10,      1};
    uint64_t value = 0;
    uint32_t whole = ats_fast_digit_run(p, 7, &value), fraction = 0, length = whole;
    if (whole - 1 > 5 || (*p == '0' && whole != 1))
        return NULL;
    if (p[whole] == '.') {
        fraction = ats_fast_digit_run(p + whole + 1, 10, &value);
        length += fraction + 1;
        if (fraction == 0 || fraction > 9)
            return NULL;
    }
    if (length == 16)
        return NULL;
    *out = (int64_t)value * scale[fraction];
    return p + length;
}

static inline const char *ats_fast_u64(const char *p, uint64_t *out)
{
    uint64_t value = 0;
    uint32_t length = ats_fast_digit_run(p, 16, &value);
    if (length - 1 > 14 || (*p == '0' && length != 1))
        return NULL;
    *out = value;
    return p + length;
}

static inline const char *ats_fast_words(const char *p, uint64_t word[2])
{
    const char *quote = memchr(p, '"', 16);
    if (!quote || quote == p || quote[-1] == 0)
        return NULL;
    word[0] = word[1] = 0;
    memcpy(word, p, (size_t)(quote - p));
    return quote;
}

static inline const char *ats_fast_conditions(const char *p, uint8_t out[4])
{
    uint8_t found[4] = {' ', ' ', ' ', ' '};
    for (uint32_t i = 0; i < 4; i++, p += 4) {
        if (!ats_fast_letter(*p) || *p == ']' || p[1] != '"')
            return NULL;
        found[i] = (uint8_t)*p;
        if (p[2] == ']') {
            memcpy(out, found, sizeof found);
            return p + 2;
        }
        if (p[2] != ',' || p[3] != '"')
            return NULL;
    }
    return NULL;
}

static inline const char *ats_fast_seconds(const char *p, int64_t *ns)
{
    static const int64_t scale[10] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                      10000,      1000,      100,      10,      1};
    uint64_t value = 0;
    uint32_t fraction = 0, length = 3;
    if (*p != ':' || p[1] > '5' || ats_fast_digit_run(p + 1, 2, &value) != 2)
        return NULL;
    if (p[3] == '.') {
        fraction = ats_fast_digit_run(p + 4, 10, &value);
        length += fraction + 1;
        if (fraction == 0 || fraction > 9)
            return NULL;
    }
    if (p[length] != 'Z')
        return NULL;
    *ns = (int64_t)value * scale[fraction];
    return p + length + 1;
}

static inline bool ats_fast_same16(const char *a, const char *b)
{
    return memcmp(a, b, 16) == 0;
}

#endif
#endif
