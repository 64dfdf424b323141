#include "io/base64.h"

static const char ALPHABET[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t ats_base64_encode(const uint8_t *bytes, size_t n, char *text)
{
    char *out = text;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t group = (uint32_t)bytes[i] << 16;
        if (left > 1)
            group |= (uint32_t)bytes[i + 1] << 8;
        if (left > 2)
            group |= bytes[i + 2];
        *out++ = ALPHABET[group >> 18];
        *out++ = ALPHABET[(group >> 12) & 63];
        *out++ = left > 1 ? ALPHABET[(group >> 6) & 63] : '=';
        *out++ = left > 2 ? ALPHABET[group & 63] : '=';
    }
    return (size_t)(out - text);
}

/* 0..63, or -1 for a character that is none of the alphabet. */
static int digit_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t ats_base64_decode(const char *text, size_t length, uint8_t *bytes)
{
    if (length % 4 != 0)
        return -1;
    uint8_t *out = bytes;
    for (size_t i = 0; i < length; i += 4) {
        int last = i + 4 == length;
        int padding = last && text[i + 3] == '=' ? (text[i + 2] == '=' ? 2 : 1) : 0;
        uint32_t group = 0;
        for (int k = 0; k < 4 - padding; k++) {
            int digit = digit_of(text[i + (size_t)k]);
            if (digit < 0)
                return -1;
            group |= (uint32_t)digit << (18 - 6 * k);
        }
        /* Bits below the last whole byte must be 0, or two texts would mean the same bytes. */
        if (padding && (group & ((1u << (8 * padding)) - 1)))
            return -1;
        *out++ = (uint8_t)(group >> 16);
        if (padding < 2)
            *out++ = (uint8_t)(group >> 8);
        if (padding < 1)
            *out++ = (uint8_t)group;
    }
    return out - bytes;
}
