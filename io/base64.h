/* base64.h: Base64 (RFC 4648 section 4, with padding), for cold code. */
#ifndef ATS_IO_BASE64_H
#define ATS_IO_BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Characters that n bytes become, without a NUL. */
#define ATS_BASE64_LENGTH(n) (((size_t)(n) + 2) / 3 * 4)

/* Encodes n bytes into ATS_BASE64_LENGTH(n) characters, no NUL added. Returns that length. */
size_t ats_base64_encode(const uint8_t *bytes, size_t n, char *text);

/* Decodes `length` characters into at most length / 4 * 3 bytes. Returns how many, or -1 when the
 * text is not Base64 in its one canonical form: length a multiple of 4, padding only at the end,
 * unused bits 0, no blanks. */
ssize_t ats_base64_decode(const char *text, size_t length, uint8_t *bytes);

#endif
