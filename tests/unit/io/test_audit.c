#include "core/error.h"
#include "io/audit.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define FIRST_BLOCK (sizeof(ats_audit_file_header) + 2 * sizeof(ats_symbol))
#define BLOCK_OF(n) (sizeof(ats_audit_block) + (size_t)(n)*ATS_RECORD_DERIVED)

static char path[64];

static void fresh_path(void)
{
    snprintf(path, sizeof path, "/tmp/ats_audit_XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
    unlink(path);
}

static ats_symbols two_symbols(void)
{
    ats_symbols symbols = {0};
    ats_symbol s = {.text = "AAPL", .venue = "US", .currency = "USD", .symbol_class = 1};
    cr_assert_eq(ats_symbols_add(&symbols, &s), 1);
    strcpy(s.text, "MSFT");
    cr_assert_eq(ats_symbols_add(&symbols, &s), 2);
    return symbols;
}

static ats_intent numbered(uint64_t i)
{
    ats_intent r = {.h = {.kind = ATS_KIND_INTENT, .event_seq = i, .symbol_id = 1 + i % 2},
                    .intent_id = i * 3};
    return r;
}

static void append(ats_audit_writer *w, uint64_t first, uint32_t n)
{
    static ats_intent batch[ATS_AUDIT_BLOCK_RECORDS];
    for (uint32_t i = 0; i < n; i++)
        batch[i] = numbered(first + i);
    cr_assert_eq(ats_audit_append(w, batch, n), 0, "%s", ats_error_line(0));
}

/* A file of three blocks: 3, 256 and 2 records. */
static void write_sample(void)
{
    fresh_path();
    ats_symbols symbols = two_symbols();
    ats_audit_writer w;
    cr_assert_eq(ats_audit_create(&w, path, &symbols, 1700000000000000000), 0);
    append(&w, 0, 3);
    cr_assert_eq(ats_audit_flush(&w), 0);
    append(&w, 3, 100);
    append(&w, 103, 156);
    append(&w, 259, 2);
    cr_assert_eq(ats_audit_close(&w), 0);
    ats_symbols_free(&symbols);
}

/* Reads to the end or to an error; checks each record; the last result. */
static int read_all(uint64_t *seen)
{
    ats_audit_reader r;
    *seen = 0;
    if (ats_audit_open(&r, path) != 0)
        return -2;
    const void *records;
    uint32_t count;
    int result;
    while ((result = ats_audit_next(&r, &records, &count)) == 1)
        for (uint32_t i = 0; i < count; i++) {
            ats_intent expected = numbered((*seen)++);
            cr_assert_eq(memcmp((const char *)records + i * 256u, &expected, 256), 0);
        }
    ats_audit_reader_close(&r);
    return result;
}

static void poke(size_t offset, uint8_t flip)
{
    int fd = open(path, O_RDWR);
    uint8_t byte;
    cr_assert_eq(pread(fd, &byte, 1, (off_t)offset), 1);
    byte ^= flip;
    cr_assert_eq(pwrite(fd, &byte, 1, (off_t)offset), 1);
    close(fd);
}

Test(audit, what_was_appended_is_read_with_its_symbols)
{
    write_sample();
    struct stat st;
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq((size_t)st.st_size, FIRST_BLOCK + BLOCK_OF(3) + BLOCK_OF(256) + BLOCK_OF(2));
    uint64_t seen;
    cr_assert_eq(read_all(&seen), 0);
    cr_assert_eq(seen, 261);
    ats_audit_reader r;
    cr_assert_eq(ats_audit_open(&r, path), 0);
    cr_assert_eq(r.symbols.count, 2);
    cr_assert_str_eq(r.symbols.entry[2].text, "MSFT");
    cr_assert_neq(r.symbols.entry[2].key, 0);
    cr_assert_eq(r.created_ns, 1700000000000000000);
    ats_audit_reader_close(&r);
    unlink(path);
}

Test(audit, a_file_cut_anywhere_gives_its_whole_blocks_and_no_error)
{
    const size_t ends[] = {FIRST_BLOCK, FIRST_BLOCK + BLOCK_OF(3),
                           FIRST_BLOCK + BLOCK_OF(3) + BLOCK_OF(256),
                           FIRST_BLOCK + BLOCK_OF(3) + BLOCK_OF(256) + BLOCK_OF(2)};
    const uint64_t records[] = {0, 3, 259, 261};
    write_sample();
    for (size_t size = ends[3]; size >= FIRST_BLOCK; size -= size % 7 ? 1 : 37) {
        cr_assert_eq(truncate(path, (off_t)size), 0);
        uint64_t seen;
        int whole = 3;
        while (ends[whole] > size)
            whole--;
        cr_assert_eq(read_all(&seen), 0, "cut at %zu: %s", size, ats_error_line(0));
        cr_assert_eq(seen, records[whole], "cut at %zu", size);
    }
    for (size_t size = 0; size < FIRST_BLOCK; size++) {
        write_sample();
        cr_assert_eq(truncate(path, (off_t)size), 0);
        uint64_t seen;
        cr_assert_eq(read_all(&seen), -2, "a header cut at %zu", size);
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
        ats_error_clear();
        unlink(path);
    }
}

Test(audit, every_flipped_bit_is_found)
{
    write_sample();
    size_t end = FIRST_BLOCK + BLOCK_OF(3) + BLOCK_OF(256) + BLOCK_OF(2);
    for (size_t at = 0; at < end; at += at < FIRST_BLOCK + 1200 || at > end - 700 ? 1 : 101) {
        uint8_t flip = (uint8_t)(1u << (at % 8));
        poke(at, flip);
        uint64_t seen;
        ats_error_clear();
        int result = read_all(&seen);
        cr_assert_eq(result, at < FIRST_BLOCK ? -2 : -1, "byte %zu", at);
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
        cr_assert_eq(seen, at < FIRST_BLOCK + BLOCK_OF(3)                   ? 0
                           : at < FIRST_BLOCK + BLOCK_OF(3) + BLOCK_OF(256) ? 3
                                                                            : 259);
        poke(at, flip);
    }
    uint64_t seen;
    cr_assert_eq(read_all(&seen), 0, "all flips undone");
    unlink(path);
}

Test(audit, a_tail_of_zeros_is_torn_and_zeros_in_the_middle_are_damage)
{
    write_sample();
    size_t end = FIRST_BLOCK + BLOCK_OF(3) + BLOCK_OF(256) + BLOCK_OF(2);
    uint64_t seen;
    cr_assert_eq(truncate(path, (off_t)(end + 4096)), 0);
    cr_assert_eq(read_all(&seen), 0);
    cr_assert_eq(seen, 261);
    cr_assert_eq(truncate(path, (off_t)(end + BLOCK_OF(256))), 0);
    cr_assert_eq(read_all(&seen), 0);
    poke(end + 100, 1);
    cr_assert_eq(read_all(&seen), -1);
    poke(end + 100, 1);
    cr_assert_eq(truncate(path, (off_t)(end + BLOCK_OF(256) + 1)), 0);
    cr_assert_eq(read_all(&seen), -1, "more zeros than one write");
    unlink(path);
}

Test(audit, a_reader_follows_a_file_that_grows)
{
    fresh_path();
    ats_symbols symbols = two_symbols();
    ats_audit_writer w;
    ats_audit_reader r;
    const void *records;
    uint32_t count;
    cr_assert_eq(ats_audit_create(&w, path, &symbols, 1), 0);
    cr_assert_eq(ats_audit_open(&r, path), 0);
    cr_assert_eq(ats_audit_next(&r, &records, &count), 0);
    append(&w, 0, 5);
    cr_assert_eq(ats_audit_next(&r, &records, &count), 0, "buffered is not written");
    cr_assert_eq(ats_audit_sync(&w), 0);
    cr_assert_eq(ats_audit_next(&r, &records, &count), 1);
    cr_assert_eq(count, 5);
    /* A block that arrives in two pieces. */
    append(&w, 5, 2);
    cr_assert_eq(ats_audit_sync(&w), 0);
    int fd = open(path, O_RDWR);
    uint8_t half[200];
    off_t end = (off_t)(FIRST_BLOCK + BLOCK_OF(5) + BLOCK_OF(2));
    cr_assert_eq(pread(fd, half, sizeof half, end - 200), 200);
    cr_assert_eq(ftruncate(fd, end - 200), 0);
    cr_assert_eq(ats_audit_next(&r, &records, &count), 0);
    cr_assert_eq(r.tail_bytes, BLOCK_OF(2) - 200);
    cr_assert_eq(pwrite(fd, half, sizeof half, end - 200), 200);
    cr_assert_eq(ats_audit_next(&r, &records, &count), 1);
    cr_assert_eq(count, 2);
    cr_assert_eq(r.tail_bytes, 0);
    close(fd);
    ats_audit_reader_close(&r);
    cr_assert_eq(ats_audit_close(&w), 0);
    ats_symbols_free(&symbols);
    unlink(path);
}

Test(audit, a_doubled_and_a_missing_block_are_found)
{
    write_sample();
    static uint8_t bytes[FIRST_BLOCK + BLOCK_OF(3) + BLOCK_OF(256) + BLOCK_OF(2)];
    int fd = open(path, O_RDWR);
    cr_assert_eq(read(fd, bytes, sizeof bytes), (ssize_t)sizeof bytes);
    uint64_t seen;
    /* The first block again. */
    cr_assert_eq(pwrite(fd, bytes + FIRST_BLOCK, BLOCK_OF(3), (off_t)(FIRST_BLOCK + BLOCK_OF(3))),
                 (ssize_t)BLOCK_OF(3));
    cr_assert_eq(read_all(&seen), -1);
    cr_assert_eq(seen, 3);
    /* The last block where the first was. */
    cr_assert_eq(ftruncate(fd, (off_t)(FIRST_BLOCK + BLOCK_OF(2))), 0);
    cr_assert_eq(pwrite(fd, bytes + sizeof bytes - BLOCK_OF(2), BLOCK_OF(2), (off_t)FIRST_BLOCK),
                 (ssize_t)BLOCK_OF(2));
    cr_assert_eq(read_all(&seen), -1);
    cr_assert_eq(seen, 0);
    close(fd);
    unlink(path);
}

Test(audit, a_full_disk_is_an_error_loses_nothing_and_passes)
{
    /* A limit on the file's size gives what a full disk gives: a short write, then an error. */
    signal(SIGXFSZ, SIG_IGN);
    fresh_path();
    ats_symbols symbols = two_symbols();
    ats_audit_writer w;
    cr_assert_eq(ats_audit_create(&w, path, &symbols, 1), 0);
    append(&w, 0, 256);
    cr_assert_eq(ats_audit_flush(&w), 0);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = FIRST_BLOCK + BLOCK_OF(256) + 10000;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    append(&w, 256, 256);
    ats_intent next = numbered(512);
    for (int tries = 0; tries < 3; tries++) {
        ats_error_clear();
        cr_assert_eq(ats_audit_append(&w, &next, 1), -1);
        cr_assert_eq(ats_error_code(), ATS_EXIT_FAILED);
        struct stat st;
        cr_assert_eq(stat(path, &st), 0);
        cr_assert_eq((size_t)st.st_size, FIRST_BLOCK + BLOCK_OF(256), "ends after a whole block");
        uint64_t seen;
        cr_assert_eq(read_all(&seen), 0);
        cr_assert_eq(seen, 256);
    }
    limit.rlim_cur = before;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    append(&w, 512, 1);
    cr_assert_eq(ats_audit_close(&w), 0);
    uint64_t seen;
    cr_assert_eq(read_all(&seen), 0);
    cr_assert_eq(seen, 513);
    ats_symbols_free(&symbols);
    unlink(path);
}

Test(audit, a_failed_sync_latches)
{
    fresh_path();
    ats_symbols symbols = two_symbols();
    ats_audit_writer w;
    cr_assert_eq(ats_audit_create(&w, path, &symbols, 1), 0);
    /* A pipe cannot be synced, and it cannot be written at an offset either. */
    int pipes[2];
    cr_assert_eq(pipe(pipes), 0);
    cr_assert_eq(dup2(pipes[1], w.fd), w.fd);
    cr_assert_eq(ats_audit_sync(&w), -1);
    ats_intent r = numbered(0);
    cr_assert_eq(ats_audit_append(&w, &r, 1), -1);
    cr_assert_eq(ats_audit_flush(&w), -1);
    cr_assert_eq(ats_audit_close(&w), -1);
    ats_symbols_free(&symbols);
    unlink(path);
}

Test(audit, what_does_not_belong_is_refused)
{
    fresh_path();
    ats_symbols symbols = two_symbols();
    ats_audit_writer w;
    cr_assert_eq(ats_audit_create(&w, path, &symbols, 1), 0);
    ats_audit_writer second;
    cr_assert_eq(ats_audit_create(&second, path, &symbols, 1), -1, "never over an old one");
    ats_intent r = numbered(0);
    r.h.kind = ATS_KIND_QUOTE;
    cr_assert_eq(ats_audit_append(&w, &r, 1), -1);
    r = numbered(0);
    r.h.symbol_id = 3;
    cr_assert_eq(ats_audit_append(&w, &r, 1), -1);
    cr_assert_eq(ats_audit_append(&w, &r, ATS_AUDIT_BLOCK_RECORDS + 1), -1);
    cr_assert_eq(ats_audit_close(&w), 0);
    uint64_t seen;
    cr_assert_eq(read_all(&seen), 0);
    cr_assert_eq(seen, 0);
    ats_audit_reader reader;
    cr_assert_eq(ats_audit_open(&reader, "/nonexistent/audit"), -1);
    unlink(path);
    cr_assert_eq(ats_audit_create(&w, "/nonexistent/audit", &symbols, 1), -1);
    ats_symbols_free(&symbols);
}

Test(audit, a_file_of_another_version_is_refused_by_name)
{
    write_sample();
    int fd = open(path, O_RDWR);
    ats_audit_file_header header;
    cr_assert_eq(pread(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
    header.version = 2;
    header.header_xxh3 = XXH3_64bits(&header, offsetof(ats_audit_file_header, header_xxh3));
    cr_assert_eq(pwrite(fd, &header, sizeof header, 0), (ssize_t)sizeof header);
    close(fd);
    ats_audit_reader r;
    cr_assert_eq(ats_audit_open(&r, path), -1);
    cr_assert(strstr(ats_error_line(0), "version 2"));
    unlink(path);
}
