#include "learn/model_file.h"

#include "core/error.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODEL_BYTES_MAX ((off_t)1 << 31) /* 2,000 trees of depth 12 are about 1 GiB of JSON */

static int hash(ats_forest *forest, const void *bytes, size_t count)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    if (!EVP_Digest(bytes, count, digest, &n, EVP_sha256(), NULL) || n != 32)
        return ats_error(ATS_EXIT_FAILED, "model: SHA-256 failed");
    for (unsigned i = 0; i < n; i++)
        snprintf(forest->sha256 + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

int ats_model_load(ats_forest *forest, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return ats_error_errno(ATS_EXIT_DATA, errno, "model %s", path);
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0 ||
        st.st_size > MODEL_BYTES_MAX) {
        close(fd);
        return ats_error(ATS_EXIT_DATA, "model %s: not a file of 1 byte to 2 GiB", path);
    }
    size_t bytes = (size_t)st.st_size;
    void *map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return ats_error_errno(ATS_EXIT_FAILED, errno, "model %s", path);
    int result = ats_forest_parse_xgboost(forest, map, bytes);
    if (result == 0 && hash(forest, map, bytes) != 0) {
        ats_forest_free(forest);
        result = -1;
    }
    munmap(map, bytes);
    return result == 0 ? 0 : ats_error(ATS_EXIT_DATA, "model %s cannot be used", path);
}
