/* The histogram decoder and the log reader on any bytes. The first byte chooses: the decoder on the
 * bytes, the decoder on them compressed, or the reader. What decodes must encode to what decodes to
 * the same counts. */
#include "core/error.h"
#include "io/hlog.h"

#include <stdlib.h>
#include <string.h>

static void use(const ats_histogram *h)
{
    uint8_t *bytes = malloc(ats_hlog_plain_bound(&h->layout));
    size_t n = ats_hlog_encode(h, bytes);
    ats_histogram *again;
    if (ats_hlog_decode(bytes, n, &again) != 0)
        abort();
    if (memcmp(&again->layout, &h->layout, sizeof h->layout) != 0 ||
        memcmp(again->count, h->count, h->layout.cells * sizeof(uint64_t)) != 0)
        abort();
    if (ats_histogram_value_at(h, 99.9) > ats_histogram_max(h) ||
        ats_histogram_mean(h) > (double)ats_histogram_max(h) * (1 + 1e-9))
        abort();
    FILE *null = fopen("/dev/null", "w");
    if (!null || ats_hgrm_print(null, h, 5, 1) != 0)
        abort();
    fclose(null);
    free(again);
    free(bytes);
}

static void decode(const uint8_t *data, size_t size)
{
    ats_histogram *h;
    if (ats_hlog_decode(data, size, &h) == 0) {
        use(h);
        free(h);
    } else if (h) {
        abort();
    }
}

static void decode_packed(const uint8_t *data, size_t size)
{
    size_t capacity = size * 2 + 1024, n;
    uint8_t *packed = malloc(capacity);
    if (!packed || ats_hlog_compress(data, size, packed, capacity, &n) != 0)
        abort();
    decode(packed, n);
    free(packed);
}

static void read_log(const uint8_t *data, size_t size)
{
    FILE *file = fmemopen((void *)(uintptr_t)data, size, "r");
    ats_hlog_reader r;
    ats_hlog_interval interval;
    if (!file || ats_hlog_open_stream(&r, file, "fuzz") != 0)
        abort();
    while (ats_hlog_next(&r, &interval) == 1)
        use(interval.histogram);
    ats_hlog_reader_close(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    ats_error_clear();
    if (data[0] % 3 == 0)
        decode(data + 1, size - 1);
    else if (data[0] % 3 == 1)
        decode_packed(data + 1, size - 1);
    else
        read_log(data + 1, size - 1);
    return 0;
}
