/* Two doors into the capture reader: a whole file as it comes, which mostly ends at a hash, and the
 * unpacked content of one block, which a hostile writer would have hashed correctly. */
#include "core/error.h"
#include "io/capture.h"
#include "io/capture_format.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void whole_file(const uint8_t *data, size_t size)
{
    ats_capture_reader r;
    ats_market record;
    ats_error_clear();
    if (ats_capture_open_bytes(&r, data, size, "fuzz") != 0)
        return;
    while (ats_capture_next(&r, &record) == 1)
        continue;
    ats_capture_verify(&r, NULL);
    ats_capture_close(&r);
}

static void one_block(const uint8_t *data, size_t size)
{
    static ats_capture_decoder *decoder;
    static uint8_t packed[ZSTD_COMPRESSBOUND(ATS_CAPTURE_RAW_MAX)];
    if (!decoder)
        decoder = ats_capture_decoder_new(
            aligned_alloc(64, (ats_capture_decoder_footprint() + 63) & ~(size_t)63));
    if (size < 2 || size - 2 > ATS_CAPTURE_RAW_MAX)
        return;
    uint16_t count;
    memcpy(&count, data, sizeof count);
    ats_capture_section s = {.type = ATS_CAPTURE_RECORDS, .count = count};
    s.raw_bytes = (uint32_t)(size - 2);
    s.last_recv_ns = INT64_MAX;
    s.payload_bytes = (uint32_t)ZSTD_compress(packed, sizeof packed, data + 2, size - 2, 1);
    s.payload_hash = XXH3_64bits(packed, s.payload_bytes);
    if (ats_capture_decoder_load(decoder, &s, packed, 5) != NULL)
        return;
    for (uint32_t got = 1, total = 0; got; total += got) {
        if (ats_capture_decoder_tile(decoder, &got) != NULL)
            return;
        for (uint32_t i = 0; i < got; i++)
            if (decoder->tile[i].h.symbol_id > 5 || decoder->tile[i].h.kind == 0 ||
                decoder->tile[i].h.kind > ATS_KIND_END)
                abort();
        if (total > count)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] & 1)
        one_block(data + 1, size - 1);
    else
        whole_file(data + 1, size - 1);
    return 0;
}
