#include "io/base64.h"

#include <criterion/criterion.h>
#include <string.h>

Test(base64, the_vectors_of_rfc_4648)
{
    const char *pairs[][2] = {{"", ""},
                              {"f", "Zg=="},
                              {"fo", "Zm8="},
                              {"foo", "Zm9v"},
                              {"foob", "Zm9vYg=="},
                              {"fooba", "Zm9vYmE="},
                              {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[16] = {0};
        uint8_t bytes[16] = {0};
        size_t n = strlen(pairs[i][0]);
        cr_assert_eq(ats_base64_encode((const uint8_t *)pairs[i][0], n, text),
                     ATS_BASE64_LENGTH(n));
        cr_assert_str_eq(text, pairs[i][1]);
        cr_assert_eq(ats_base64_decode(text, strlen(text), bytes), (ssize_t)n);
        cr_assert_str_eq((char *)bytes, pairs[i][0]);
    }
}

Test(base64, all_bytes_at_all_lengths_come_back)
{
    uint8_t bytes[256], back[256];
    char text[ATS_BASE64_LENGTH(256)];
    for (int i = 0; i < 256; i++)
        bytes[i] = (uint8_t)(i * 197 + 13);
    for (size_t n = 0; n <= 256; n++) {
        size_t length = ats_base64_encode(bytes, n, text);
        cr_assert_eq(ats_base64_decode(text, length, back), (ssize_t)n);
        cr_assert_eq(memcmp(bytes, back, n), 0);
    }
}

Test(base64, what_is_not_canonical_is_refused)
{
    const char *wrong[] = {"Z",        "Zg=",  "Zg",     "Zh==", "Zm9=", "Z===", "====",
                           "Zg==Zg==", "Zm 9", "Zm9v\n", "Zm9-", "Zm9_", "=Zm9", "Z=m9"};
    uint8_t bytes[16];
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        cr_assert_eq(ats_base64_decode(wrong[i], strlen(wrong[i]), bytes), -1, "%s", wrong[i]);
}
