/* Any bytes as a text frame of Alpaca's: sound records, and the same on the fast path as on the
 * general one. */
#include "decoders.h"
#include "io/codec/live/alpaca.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_both_paths(ats_alpaca_json_next, data, size);
    return 0;
}
