/* The audit reader on any bytes: it must end, with an error or not, and deliver only sound records.
 * The first byte chooses whether the checksums are made right, so that the fuzzer gets past them.
 */
#include "core/error.h"
#include "io/audit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xxhash.h>

static void repair(uint8_t *bytes, size_t n)
{
    ats_audit_file_header file;
    if (n < sizeof file)
        return;
    memcpy(&file, bytes, sizeof file);
    memcpy(file.magic, "ATSAUDIT", 8);
    file.version = ATS_AUDIT_VERSION;
    file.header_bytes = sizeof file;
    file.record_bytes = ATS_RECORD_DERIVED;
    file.symbol_bytes = sizeof(ats_symbol);
    size_t at = sizeof file + (size_t)file.symbol_count * sizeof(ats_symbol);
    if (at <= n)
        file.symbols_xxh3 = XXH3_64bits(bytes + sizeof file, at - sizeof file);
    file.header_xxh3 = XXH3_64bits(&file, offsetof(ats_audit_file_header, header_xxh3));
    memcpy(bytes, &file, sizeof file);
    for (ats_audit_block block; at < n && n - at >= sizeof block;) {
        memcpy(&block, bytes + at, sizeof block);
        size_t payload = (size_t)block.count * ATS_RECORD_DERIVED;
        if (payload > n - at - sizeof block)
            break;
        block.payload_xxh3 = XXH3_64bits(bytes + at + sizeof block, payload);
        block.header_xxh3 = XXH3_64bits(&block, offsetof(ats_audit_block, header_xxh3));
        memcpy(bytes + at, &block, sizeof block);
        at += sizeof block + payload;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t n = size - 1;
    int fd = memfd_create("audit", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, (off_t)n) != 0)
        abort();
    if (n) {
        uint8_t *bytes = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (bytes == MAP_FAILED)
            abort();
        memcpy(bytes, data + 1, n);
        if (data[0] & 1)
            repair(bytes, n);
        munmap(bytes, n);
    }
    ats_audit_reader r;
    ats_error_clear();
    if (ats_audit_open_fd(&r, fd, "fuzz") != 0)
        return 0;
    const void *records;
    uint32_t count;
    while (ats_audit_next(&r, &records, &count) == 1)
        for (uint32_t i = 0; i < count; i++) {
            const ats_header *h =
                (const ats_header *)((const uint8_t *)records + i * ATS_RECORD_DERIVED);
            if (h->kind < ATS_KIND_SIGNAL || h->symbol_id > r.symbols.count)
                abort();
        }
    ats_audit_reader_close(&r);
    return 0;
}
