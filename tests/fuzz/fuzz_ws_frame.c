#include "io/net/ws_frame.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says who reads and how the rest is cut; however it is cut, the same events come.
 */

typedef struct tally {
    uint64_t events, sum, fault; /* no padding: compared as bytes */
} tally;

static tally read_in(const uint8_t *data, size_t size, bool masked, size_t piece)
{
    static uint8_t memory[4096];
    tally t = {0};
    ats_ws_reader reader;
    ats_ws_event e;
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, data, size);
    ats_ws_reader_start(&reader, memory, sizeof memory, masked);
    for (size_t at = 0; at < size && !t.fault;) {
        size_t n = size - at < piece ? size - at : piece, taken;
        int result = ats_ws_read(&reader, copy + at, n, &taken, &e);
        if (taken > n || (result == 0 && taken != n))
            abort();
        at += taken;
        if (result < 0) {
            t.fault = reader.fault;
            if (!t.fault || !reader.why)
                abort();
        } else if (result == 1) {
            if (e.length > sizeof memory && e.bytes >= memory && e.bytes < memory + sizeof memory)
                abort();
            if (e.opcode == ATS_WS_TEXT && !ats_utf8_is_valid(e.bytes, e.length))
                abort();
            t.events++;
            t.sum = t.sum * 31 + e.opcode + e.code;
            for (size_t i = 0; i < e.length; i++)
                t.sum = t.sum * 31 + e.bytes[i];
        }
    }
    free(copy);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    bool masked = data[0] & 1;
    tally whole = read_in(data + 1, size - 1, masked, size);
    tally cut = read_in(data + 1, size - 1, masked, 1 + (data[0] >> 1) % 32);
    if (memcmp(&whole, &cut, sizeof whole) != 0)
        abort();
    return 0;
}
