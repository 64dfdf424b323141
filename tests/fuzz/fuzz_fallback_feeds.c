/* Any bytes as a frame of Polygon or of Tiingo: it ends, and what is taken is sound. The first byte
 * chooses. */
#include "decoders.h"
#include "io/codec/live/polygon.h"
#include "io/codec/live/tiingo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    fuzz_both_paths(*data % 2 ? ats_polygon_next : ats_tiingo_next, data + 1, size - 1);
    return 0;
}
