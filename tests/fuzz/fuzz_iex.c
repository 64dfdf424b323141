/* Any bytes as a segment of IEX's, twice, as A and B send it: it ends, what is taken is sound, and
 * nothing is taken twice. */
#include "decoders.h"
#include "io/codec/live/iex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    ats_iex x = {.decoder = fuzz_decoder(false)};
    ats_decoded m;
    for (int round = 0; round < 2; round++) {
        uint64_t taken = x.decoder.taken;
        if (!ats_iex_open(&x, copy, size))
            break;
        while (ats_iex_next(&x, &m)) {
            if (m.h.kind != ATS_KIND_BOOK_LEVEL)
                fuzz_expect_sound(&m);
            else if (m.book_level.px_e9 <= 0 || m.book_level.qty_e9 < 0 || m.h.symbol_id == 0)
                abort();
        }
        if (x.decoder.state != ATS_FRAME_DONE || (round == 1 && x.decoder.taken != taken))
            abort();
    }
    free(copy);
    return 0;
}
