/* wire.h: messages as JSON text or MessagePack, written field by field into a growing buffer.
 *
 *     broker_wire_map(w, 2);
 *     broker_wire_key(w, "T");
 *     broker_wire_text(w, "t", 1);
 *     broker_wire_key(w, "p");
 *     broker_wire_e9(w, px_e9);
 *     broker_wire_end(w);
 *
 * A map says before how many fields follow. JSON numbers are exact; MessagePack's are the nearest
 * double. When memory is short `failed` is set and stays.
 */
#ifndef ATS_IO_VENUE_ALPACA_WIRE_H
#define ATS_IO_VENUE_ALPACA_WIRE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct broker_wire {
    char *bytes;
    size_t length, capacity;
    bool msgpack;
    bool failed;
    bool fields; /* JSON: the map at hand has some already */
} broker_wire;

void broker_wire_free(broker_wire *w);
void broker_wire_bytes(broker_wire *w, const void *bytes, size_t n);

void broker_wire_map(broker_wire *w, uint32_t fields);
void broker_wire_key(broker_wire *w, const char *key);
void broker_wire_end(broker_wire *w);

void broker_wire_text(broker_wire *w, const char *text, size_t n);
void broker_wire_e9(broker_wire *w, int64_t value_e9);
void broker_wire_u64(broker_wire *w, uint64_t value);
void broker_wire_time(broker_wire *w, int64_t ns); /* UTC */
/* An array of one-letter strings; 0 bytes are left out. */
void broker_wire_letters(broker_wire *w, const uint8_t *letters, size_t n);
/* MessagePack: the head of an array; JSON has none. */
void broker_wire_array_head(broker_wire *w, uint32_t n);

/* A value of jansson's. MessagePack: integers, doubles, strings, maps and arrays as they are. */
void broker_wire_json(broker_wire *w, const json_t *value);

/* A message of a client, JSON text or MessagePack, as jansson's; NULL: malformed, or deeper than
 * 16. Binary and extension values are refused. */
json_t *broker_wire_read(const void *bytes, size_t length, bool msgpack);

#endif
