#include "io/net/ws_upgrade.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input as a server's answer and as a client's request. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char KEY[ATS_UPGRADE_KEY_BYTES] = "dGhlIHNhbXBsZSBub25jZQ==";
    char path[ATS_UPGRADE_PATH_BYTES], key[ATS_UPGRADE_KEY_BYTES], out[512];
    char *text = malloc(size + 1); /* of its exact size, so that ASan sees a byte too far */
    char *exact = NULL;
    memcpy(text, data, size);
    size_t head = ats_upgrade_head(text, size);
    if (head > size || (head && memcmp(text + head - 4, "\r\n\r\n", 4) != 0))
        abort();
    if (head) {
        uint16_t status = 0;
        exact = malloc(head);
        memcpy(exact, text, head);
        const char *why = ats_upgrade_check_answer(exact, head, "", KEY, &status);
        if (!why && (status != 101 || !memmem(exact, head, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 28)))
            abort();
        why = ats_upgrade_check_request(exact, head, path, key, &status);
        if (why ? status < 400 || status > 499 : status != 101 || path[0] != '/')
            abort();
        size_t n = why ? ats_upgrade_refusal(out, sizeof out, status)
                       : ats_upgrade_answer(out, sizeof out, key);
        if (n == 0 || n >= sizeof out || ats_upgrade_head(out, n) != n)
            abort();
    }
    free(exact);
    free(text);
    return 0;
}
