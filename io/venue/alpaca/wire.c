#include "io/venue/alpaca/wire.h"

#include "core/clock.h"
#include "core/record.h"
#include "io/codec/decimal.h"

#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH 16

void broker_wire_free(broker_wire *w)
{
    free(w->bytes);
    w->bytes = NULL;
    w->length = w->capacity = 0;
}

void broker_wire_bytes(broker_wire *w, const void *bytes, size_t n)
{
    if (w->length + n > w->capacity) {
        size_t capacity = w->capacity ? w->capacity : 4096;
        while (capacity < w->length + n)
            capacity *= 2;
        char *grown = realloc(w->bytes, capacity);
        if (!grown) {
            w->failed = true;
            return;
        }
        w->bytes = grown;
        w->capacity = capacity;
    }
    memcpy(w->bytes + w->length, bytes, n);
    w->length += n;
}

static int pack_write(void *data, const char *bytes, size_t n)
{
    broker_wire_bytes(data, bytes, n);
    return 0;
}

static msgpack_packer packer_of(broker_wire *w)
{
    msgpack_packer p;
    msgpack_packer_init(&p, w, pack_write);
    return p;
}

/* ---- fields --------------------------------------------------------------------------------- */

void broker_wire_map(broker_wire *w, uint32_t fields)
{
    msgpack_packer p = packer_of(w);
    w->fields = false;
    if (w->msgpack)
        msgpack_pack_map(&p, fields);
    else
        broker_wire_bytes(w, "{", 1);
}

void broker_wire_key(broker_wire *w, const char *key)
{
    if (!w->msgpack && w->fields)
        broker_wire_bytes(w, ",", 1);
    w->fields = true;
    broker_wire_text(w, key, strlen(key));
    if (!w->msgpack)
        broker_wire_bytes(w, ":", 1);
}

void broker_wire_end(broker_wire *w)
{
    if (!w->msgpack)
        broker_wire_bytes(w, "}", 1);
}

void broker_wire_text(broker_wire *w, const char *text, size_t n)
{
    msgpack_packer p = packer_of(w);
    if (w->msgpack) {
        msgpack_pack_str(&p, n);
        msgpack_pack_str_body(&p, text, n);
        return;
    }
    broker_wire_bytes(w, "\"", 1);
    for (size_t i = 0; i < n; i++) {
        char escaped[8];
        bool plain = text[i] != '"' && text[i] != '\\' && (unsigned char)text[i] >= 0x20;
        snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned char)text[i]);
        broker_wire_bytes(w, plain ? &text[i] : escaped, plain ? 1 : 6);
    }
    broker_wire_bytes(w, "\"", 1);
}

void broker_wire_e9(broker_wire *w, int64_t value_e9)
{
    char text[ATS_DECIMAL_BYTES];
    msgpack_packer p = packer_of(w);
    if (!w->msgpack)
        broker_wire_bytes(w, text, ats_decimal_print(value_e9, text));
    else if (value_e9 % ATS_E9 == 0)
        msgpack_pack_int64(&p, value_e9 / ATS_E9);
    else
        msgpack_pack_double(&p, (double)value_e9 / 1e9);
}

void broker_wire_u64(broker_wire *w, uint64_t value)
{
    char text[24];
    msgpack_packer p = packer_of(w);
    if (w->msgpack)
        msgpack_pack_uint64(&p, value);
    else
        broker_wire_bytes(w, text,
                          (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)value));
}

void broker_wire_time(broker_wire *w, int64_t ns)
{
    char text[ATS_CLOCK_TEXT_BYTES];
    msgpack_packer p = packer_of(w);
    if (w->msgpack) {
        msgpack_timestamp t = {.tv_sec = ns / 1000000000, .tv_nsec = (uint32_t)(ns % 1000000000)};
        msgpack_pack_timestamp(&p, &t);
        return;
    }
    ats_clock_utc_text(ns, text);
    size_t n = strlen(text) - 1; /* without the Z: zeros at its end are not written */
    while (text[n - 1] == '0')
        n--;
    n -= text[n - 1] == '.';
    text[n++] = 'Z';
    broker_wire_text(w, text, n);
}

void broker_wire_array_head(broker_wire *w, uint32_t n)
{
    msgpack_packer p = packer_of(w);
    if (w->msgpack)
        msgpack_pack_array(&p, n);
}

void broker_wire_letters(broker_wire *w, const uint8_t *letters, size_t n)
{
    uint32_t count = 0, done = 0;
    for (size_t i = 0; i < n; i++)
        count += letters[i] != 0;
    broker_wire_array_head(w, count);
    if (!w->msgpack)
        broker_wire_bytes(w, "[", 1);
    for (size_t i = 0; i < n; i++) {
        if (letters[i] == 0)
            continue;
        if (!w->msgpack && done++)
            broker_wire_bytes(w, ",", 1);
        broker_wire_text(w, (const char *)&letters[i], 1);
    }
    if (!w->msgpack)
        broker_wire_bytes(w, "]", 1);
}

/* ---- jansson's values ----------------------------------------------------------------------- */

static void pack_json(msgpack_packer *p, const json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        msgpack_pack_map(p, json_object_size(value));
        json_object_foreach((json_t *)value, key, item)
        {
            msgpack_pack_str_with_body(p, key, strlen(key));
            pack_json(p, item);
        }
        break;
    case JSON_ARRAY:
        msgpack_pack_array(p, json_array_size(value));
        json_array_foreach(value, i, item) pack_json(p, item);
        break;
    case JSON_STRING:
        msgpack_pack_str_with_body(p, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER:
        msgpack_pack_int64(p, json_integer_value(value));
        break;
    case JSON_REAL:
        msgpack_pack_double(p, json_real_value(value));
        break;
    case JSON_TRUE:
        msgpack_pack_true(p);
        break;
    case JSON_FALSE:
        msgpack_pack_false(p);
        break;
    case JSON_NULL:
        msgpack_pack_nil(p);
        break;
    }
}

static int dump_write(const char *bytes, size_t n, void *data)
{
    broker_wire_bytes(data, bytes, n);
    return 0;
}

void broker_wire_json(broker_wire *w, const json_t *value)
{
    msgpack_packer p = packer_of(w);
    if (w->msgpack)
        pack_json(&p, value);
    else if (json_dump_callback(value, dump_write, w, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        w->failed = true;
}

static json_t *unpack(const msgpack_object *o, int depth)
{
    if (depth == DEPTH)
        return NULL;
    switch (o->type) {
    case MSGPACK_OBJECT_NIL:
        return json_null();
    case MSGPACK_OBJECT_BOOLEAN:
        return json_boolean(o->via.boolean);
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        return json_integer((json_int_t)o->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64:
        return json_real(o->via.f64);
    case MSGPACK_OBJECT_STR:
        return json_stringn(o->via.str.ptr, o->via.str.size);
    default:
        break;
    }
    bool map = o->type == MSGPACK_OBJECT_MAP;
    json_t *value = map ? json_object() : o->type == MSGPACK_OBJECT_ARRAY ? json_array() : NULL;
    uint32_t n = map ? o->via.map.size : value ? o->via.array.size : 0;
    for (uint32_t i = 0; value && i < n; i++) {
        const msgpack_object *key = map ? &o->via.map.ptr[i].key : NULL;
        json_t *item = unpack(map ? &o->via.map.ptr[i].val : &o->via.array.ptr[i], depth + 1);
        int failed;
        if (!map)
            failed = json_array_append_new(value, item);
        else if (key->type == MSGPACK_OBJECT_STR)
            failed = json_object_setn_new(value, key->via.str.ptr, key->via.str.size, item);
        else {
            json_decref(item);
            failed = -1;
        }
        if (failed) {
            json_decref(value);
            return NULL;
        }
    }
    return value;
}

json_t *broker_wire_read(const void *bytes, size_t length, bool msgpack)
{
    json_error_t error;
    if (!msgpack)
        return json_loadb(bytes, length, JSON_REJECT_DUPLICATES, &error);
    msgpack_unpacked result;
    size_t at = 0;
    json_t *value = NULL;
    msgpack_unpacked_init(&result);
    if (msgpack_unpack_next(&result, bytes, length, &at) == MSGPACK_UNPACK_SUCCESS && at == length)
        value = unpack(&result.data, 0);
    msgpack_unpacked_destroy(&result);
    return value;
}
