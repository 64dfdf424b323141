/* JSON as MessagePack, for tests: in the widths that servers use, or in any that hold the value. */
#ifndef ATS_TESTS_MSGPACK_PACKER_H
#define ATS_TESTS_MSGPACK_PACKER_H

#include "core/random.h"
#include "core/record.h"
#include "io/codec/rfc3339.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

typedef struct packer {
    ats_random *random; /* NULL: the widths that the server uses */
    uint8_t bytes[65536];
    size_t used;
} packer;

static void put(packer *k, uint64_t value, uint32_t bytes)
{
    while (bytes--)
        k->bytes[k->used++] = (uint8_t)(value >> 8 * bytes);
}

static bool wide(packer *k)
{
    return k->random && ats_random_below(k->random, 4) == 0;
}

static void put_text(packer *k, const char *text)
{
    size_t n = strlen(text);
    if (n < 32 && !wide(k))
        put(k, 0xa0 | n, 1);
    else if (n < 256)
        put(k, 0xd900 | n, 2);
    else
        put(k, 0xda0000 | n, 3);
    memcpy(k->bytes + k->used, text, n);
    k->used += n;
}

static void put_string(packer *k, const char *text)
{
    int64_t ns;
    if (!ats_rfc3339_ns(text, strlen(text), &ns) ||
        (k->random && ats_random_below(k->random, 8) == 0)) {
        put_text(k, text);
        return;
    }
    uint64_t seconds = (uint64_t)(ns / ATS_E9), fraction = (uint64_t)(ns % ATS_E9);
    if (wide(k)) {
        put(k, 0xc70cff, 3);
        put(k, fraction, 4);
        put(k, seconds, 8);
    } else if (fraction == 0) {
        put(k, 0xd6ff, 2);
        put(k, seconds, 4);
    } else {
        put(k, 0xd7ff, 2);
        put(k, fraction << 34 | seconds, 8);
    }
}

static void put_integer(packer *k, int64_t value)
{
    uint32_t log = value < 0x100 ? 0 : value < 0x10000 ? 1 : value < 0x100000000 ? 2 : 3;
    if (value < 128 && !wide(k)) {
        put(k, (uint64_t)value, 1);
        return;
    }
    if (wide(k) && log < 3)
        log++;
    bool with_sign = wide(k) && value >> (8 * (1u << log) - 1) == 0;
    put(k, (with_sign ? 0xd0 : 0xcc) + log, 1);
    put(k, (uint64_t)value, 1u << log);
}

static void put_json(packer *k, const json_t *value)
{
    double real = json_real_value(value);
    uint64_t bits;
    const char *key;
    json_t *member;
    size_t i;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        if (json_object_size(value) < 16 && !wide(k))
            put(k, 0x80 | json_object_size(value), 1);
        else
            put(k, 0xde0000 | json_object_size(value), 3);
        json_object_foreach((json_t *)value, key, member)
        {
            put_text(k, key);
            put_json(k, member);
        }
        break;
    case JSON_ARRAY:
        put(k, 0xdc0000 | json_array_size(value), 3);
        json_array_foreach(value, i, member) put_json(k, member);
        break;
    case JSON_STRING:
        put_string(k, json_string_value(value));
        break;
    case JSON_INTEGER:
        put_integer(k, json_integer_value(value));
        break;
    case JSON_REAL:
        memcpy(&bits, &real, sizeof bits);
        put(k, 0xcb, 1);
        put(k, bits, 8);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        put(k, json_is_true(value) ? 0xc3 : 0xc2, 1);
        break;
    default:
        put(k, 0xc0, 1);
    }
}

#endif
