#include "calc/sale_condition.h"

#define ALL    (ATS_SALE_LAST | ATS_SALE_HIGH_LOW | ATS_SALE_VOLUME | ATS_SALE_FLOW)
#define ODD    (ATS_SALE_VOLUME | ATS_SALE_FLOW)
#define FIRST  (ATS_SALE_LAST_IF_FIRST | ATS_SALE_HIGH_LOW | ATS_SALE_VOLUME)
#define VOLUME ATS_SALE_VOLUME
#define NONE   0

/* Each once: the hot table and the documentation come from it. Where the tapes differ for one
 * letter (B: average price on CTA, bunched on UTP), the stricter rule stands. */
#define CONDITIONS(X)                                                                              \
    X(' ', ALL, "regular sale")                                                                    \
    X('@', ALL, "regular sale")                                                                    \
    X('A', ALL, "acquisition")                                                                     \
    X('B', VOLUME, "average price trade (CTA), bunched trade (UTP)")                               \
    X('C', VOLUME, "cash sale: settles the same day")                                              \
    X('D', ALL, "distribution")                                                                    \
    X('E', ALL, "automatic execution")                                                             \
    X('F', ALL, "intermarket sweep")                                                               \
    X('G', FIRST, "bunched, sold late")                                                            \
    X('H', VOLUME, "price variation")                                                              \
    X('I', ODD, "odd lot")                                                                         \
    X('K', ALL, "rule 155 (NYSE American), rule 127 (NYSE)")                                       \
    X('L', FIRST, "sold last: reported late, in sequence")                                         \
    X('M', NONE, "market center's official close: repeats a print")                                \
    X('N', VOLUME, "next day: settles a day later")                                                \
    X('O', ALL, "opening print")                                                                   \
    X('P', FIRST, "prior reference price")                                                         \
    X('Q', NONE, "market center's official open: repeats a print")                                 \
    X('R', VOLUME, "seller: settles later")                                                        \
    X('S', ALL, "split trade")                                                                     \
    X('T', VOLUME, "extended hours (form T)")                                                      \
    X('U', VOLUME, "extended hours, out of sequence")                                              \
    X('V', VOLUME, "contingent trade")                                                             \
    X('W', VOLUME, "average price (UTP)")                                                          \
    X('X', ALL, "cross")                                                                           \
    X('Y', ALL, "yellow flag: regular in an unusual market")                                       \
    X('Z', FIRST, "sold, out of sequence")                                                         \
    X('1', ALL, "stopped stock, regular")                                                          \
    X('2', FIRST, "stopped stock, sold last")                                                      \
    X('3', FIRST, "stopped stock, sold")                                                           \
    X('4', FIRST, "derivatively priced")                                                           \
    X('5', ALL, "reopening print")                                                                 \
    X('6', ALL, "closing print")                                                                   \
    X('7', VOLUME, "qualified contingent trade")                                                   \
    X('8', VOLUME, "kept by the tape for prints exempt from rule 611")                             \
    X('9', ATS_SALE_LAST | ATS_SALE_HIGH_LOW, "corrected consolidated close")

#define ROW(code, updates, meaning) {code, updates, meaning},
const ats_sale_condition ats_sale_conditions[] = {CONDITIONS(ROW){0, 0, 0}};

/* Byte + 1, so that a byte that is in no row (0) can be told from one that updates nothing. */
#define BYTE(code, updates, meaning) [(unsigned char) code] = (updates) + 1,
static const uint8_t updates_plus_1[256] = {[0] = ALL + 1, CONDITIONS(BYTE)};

static uint32_t updates_of(uint8_t code, bool regular_session)
{
    if (code == 'T' && !regular_session)
        return ALL;
    return updates_plus_1[code] ? updates_plus_1[code] - 1u : VOLUME;
}

uint32_t ats_sale_updates(const uint8_t condition[4], bool regular_session)
{
    uint32_t all = ALL | ATS_SALE_LAST_IF_FIRST;
    for (int i = 0; i < 4; i++) {
        uint32_t updates = updates_of(condition[i], regular_session);
        /* What may be last may be first. */
        if (updates & ATS_SALE_LAST)
            updates |= ATS_SALE_LAST_IF_FIRST;
        all &= updates;
    }
    return all;
}
