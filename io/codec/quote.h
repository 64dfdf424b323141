/* quote.h: what follows from the two prices of a quote, the same for every decoder. Hot. */
#ifndef ATS_IO_CODEC_QUOTE_H
#define ATS_IO_CODEC_QUOTE_H

#include "core/record.h"

/* ATS_QUOTE_* of a quote with these prices; 0 = no interest on that side. */
static inline uint8_t ats_quote_flags(int64_t bid_e9, int64_t ask_e9)
{
    if (bid_e9 == 0 || ask_e9 == 0)
        return ATS_QUOTE_ONE_SIDED;
    if (bid_e9 < ask_e9)
        return 0;
    return bid_e9 == ask_e9 ? ATS_QUOTE_LOCKED : ATS_QUOTE_CROSSED;
}

#endif
