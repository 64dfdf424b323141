#include "core/error.h"
#include "io/capture.h"
#include "io/capture_format.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t random_state;

static uint64_t rnd(void) /* splitmix64: S. Vigna, public domain algorithm */
{
    uint64_t z = (random_state += 0x9e3779b97f4a7c15ull);
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static const char *temp_path(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/ats-capture-%d.cap", (int)getpid());
    return path;
}

static ats_symbol symbol_named(const char *text)
{
    ats_symbol s = {.symbol_class = ATS_CLASS_EQUITY, .tick_e9 = ATS_E9 / 100};
    snprintf(s.text, sizeof s.text, "%s", text);
    strcpy(s.venue, "US");
    strcpy(s.currency, "USD");
    return s;
}

/* Any bits everywhere a market record may hold any; values in range, at its edges now and then. */
static ats_market wild_record(uint32_t symbols, int64_t recv_ns)
{
    ats_market r;
    uint64_t *word = (uint64_t *)&r;
    for (int w = 0; w < 16; w++)
        word[w] = rnd() >> (rnd() % 64);
    r.h.kind = (uint8_t)(1 + rnd() % ATS_KIND_END);
    r.h.symbol_id = (uint32_t)(rnd() % (symbols + 1));
    r.h.recv_ns = recv_ns;
    for (uint32_t m = ats_capture_value_words[r.h.kind]; m; m &= m - 1) {
        int64_t *v = (int64_t *)&word[__builtin_ctz(m)];
        uint64_t pick = rnd() % 8;
        *v = pick == 0   ? ATS_VALUE_MAX_E9
             : pick == 1 ? -ATS_VALUE_MAX_E9
                         : (int64_t)(rnd() % (2 * (uint64_t)ATS_VALUE_MAX_E9)) - ATS_VALUE_MAX_E9;
    }
    return r;
}

static ats_market stored(ats_market r)
{
    r.h.origin_ns = 0;
    memset(r.h.stamp_ns, 0, sizeof r.h.stamp_ns);
    return r;
}

static void write_file(const ats_market *record, size_t count, uint32_t symbols, uint32_t flags)
{
    ats_capture_writer *w;
    cr_assert_eq(ats_capture_create(&w, temp_path(), flags), 0);
    for (uint32_t i = 1; i <= symbols; i++) {
        char name[16];
        snprintf(name, sizeof name, "S%u", i);
        ats_symbol s = symbol_named(name);
        cr_assert_eq(ats_capture_add_symbol(w, &s), i);
    }
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(ats_capture_append(w, &record[i]), 0, "%s", ats_error_line(0));
    cr_assert_eq(ats_capture_finish(w), 0);
}

static void check_same(ats_capture_reader *r, const ats_market *record, size_t count)
{
    ats_market got;
    for (size_t i = 0; i < count; i++) {
        ats_market want = stored(record[i]);
        cr_assert_eq(ats_capture_next(r, &got), 1, "record %zu: %s", i, r->reason);
        cr_assert_arr_eq(&got, &want, sizeof got, "record %zu differs", i);
    }
    cr_assert_eq(ats_capture_next(r, &got), 0);
    cr_assert_eq(ats_capture_next(r, &got), 0, "the end stays the end");
}

static uint8_t *slurp(size_t *bytes)
{
    FILE *f = fopen(temp_path(), "rb");
    cr_assert(f);
    fseek(f, 0, SEEK_END);
    *bytes = (size_t)ftell(f);
    rewind(f);
    uint8_t *p = malloc(*bytes + 1);
    cr_assert_eq(fread(p, 1, *bytes, f), *bytes);
    fclose(f);
    return p;
}

static ats_market *wild_records(size_t count, uint32_t symbols)
{
    ats_market *record = malloc(count * sizeof *record);
    int64_t t = -1000;
    for (size_t i = 0; i < count; i++) {
        t += (int64_t)(rnd() % 3 ? rnd() % 1000000000 : 0);
        record[i] = wild_record(symbols, t);
    }
    return record;
}

static void drop_file(void)
{
    unlink(temp_path());
}

TestSuite(capture, .fini = drop_file);

Test(capture, every_kind_and_every_bit_survives)
{
    static const size_t counts[] = {1, 2, 127, 128, 129, 4095, 4096, 4097, 20000};
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        random_state = c;
        uint32_t symbols = c % 2 ? 3 : 900; /* above 256 contexts they are two bytes wide */
        ats_market *record = wild_records(counts[c], symbols);
        write_file(record, counts[c], symbols, c % 2 ? ATS_CAPTURE_TAPE : 0);
        ats_capture_reader r;
        cr_assert_eq(ats_capture_open(&r, temp_path()), 0, "%s", ats_error_line(0));
        cr_assert(r.complete);
        cr_assert_eq(r.flags, c % 2 ? ATS_CAPTURE_TAPE : 0);
        cr_assert_eq(r.symbols.count, symbols);
        cr_assert_str_eq(r.symbols.entry[2].text, "S2");
        cr_assert_eq(r.totals.records, counts[c]);
        cr_assert_eq(r.totals.first_recv_ns, record[0].h.recv_ns);
        cr_assert_eq(r.totals.last_recv_ns, record[counts[c] - 1].h.recv_ns);
        check_same(&r, record, counts[c]);
        cr_assert_eq(ats_capture_verify(&r, NULL), 0, "%s", ats_error_line(0));
        check_same(&r, record, counts[c]);
        ats_capture_close(&r);
        free(record);
    }
}

Test(capture, extreme_times_and_sequences_survive)
{
    ats_market record[4];
    memset(record, 0, sizeof record);
    for (int i = 0; i < 4; i++)
        record[i].h.kind = ATS_KIND_CLOCK;
    record[0].h.recv_ns = INT64_MIN;
    record[0].h.event_ns = INT64_MAX;
    record[1].h.recv_ns = -1;
    record[1].h.event_ns = INT64_MIN;
    record[1].h.event_seq = UINT64_MAX;
    record[2].h.recv_ns = INT64_MAX;
    record[2].h.sub = UINT16_MAX;
    record[2].h.flags = UINT8_MAX;
    record[3].h.recv_ns = INT64_MAX;
    write_file(record, 4, 0, 0);
    ats_capture_reader r;
    cr_assert_eq(ats_capture_open(&r, temp_path()), 0, "%s", ats_error_line(0));
    check_same(&r, record, 4);
    ats_capture_close(&r);
}

Test(capture, no_records_is_a_file_too)
{
    write_file(NULL, 0, 1, 0);
    ats_capture_reader r;
    cr_assert_eq(ats_capture_open(&r, temp_path()), 0, "%s", ats_error_line(0));
    check_same(&r, NULL, 0);
    cr_assert_eq(ats_capture_verify(&r, NULL), 0);
    ats_capture_close(&r);
}

Test(capture, content_hash_does_not_depend_on_blocks)
{
    random_state = 7;
    size_t n = 5000;
    ats_market *record = wild_records(n, 3);
    write_file(record, n, 3, 0);
    ats_capture_reader r;
    cr_assert_eq(ats_capture_open(&r, temp_path()), 0);
    ats_capture_hash one = r.content, found;
    ats_capture_close(&r);
    ats_capture_writer *w;
    cr_assert_eq(ats_capture_create(&w, temp_path(), 0), 0);
    for (uint32_t i = 1; i <= 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "S%u", i);
        ats_symbol s = symbol_named(name);
        ats_capture_add_symbol(w, &s);
    }
    for (size_t i = 0; i < n; i++) {
        ats_capture_append(w, &record[i]);
        if (i % 97 == 0)
            cr_assert_eq(ats_capture_flush(w), 0);
    }
    cr_assert_eq(ats_capture_finish(w), 0);
    cr_assert_eq(ats_capture_open(&r, temp_path()), 0);
    cr_assert_gt(r.block_count, 50);
    cr_assert_eq(ats_capture_verify(&r, &found), 0);
    cr_assert_eq(found.low, one.low);
    cr_assert_eq(found.high, one.high);
    ats_capture_close(&r);
    free(record);
}

Test(capture, seek_starts_at_the_block_of_that_time)
{
    ats_market r0 = {.clock = {.h = {.kind = ATS_KIND_CLOCK}}};
    size_t n = 3 * ATS_CAPTURE_BLOCK_RECORDS;
    ats_market *record = malloc(n * sizeof *record);
    for (size_t i = 0; i < n; i++) {
        record[i] = r0;
        record[i].h.recv_ns = (int64_t)i * 10;
    }
    write_file(record, n, 0, 0);
    ats_capture_reader r;
    ats_market got;
    cr_assert_eq(ats_capture_open(&r, temp_path()), 0);
    ats_capture_seek(&r, ATS_CAPTURE_BLOCK_RECORDS * 10 - 9);
    cr_assert_eq(ats_capture_next(&r, &got), 1);
    cr_assert_eq(got.h.recv_ns, ATS_CAPTURE_BLOCK_RECORDS * 10);
    ats_capture_seek(&r, INT64_MIN);
    cr_assert_eq(ats_capture_next(&r, &got), 1);
    cr_assert_eq(got.h.recv_ns, 0);
    ats_capture_seek(&r, INT64_MAX);
    cr_assert_eq(ats_capture_next(&r, &got), 0);
    ats_capture_close(&r);
    free(record);
}

Test(capture, the_writer_refuses_what_the_reader_would)
{
    ats_capture_writer *w;
    cr_assert_eq(ats_capture_create(&w, temp_path(), 0), 0);
    ats_symbol s = symbol_named("A");
    cr_assert_eq(ats_capture_add_symbol(w, &s), 1);
    ats_symbol broken = symbol_named("A\nB");
    cr_assert_eq(ats_capture_add_symbol(w, &broken), 0);
    ats_market r = {.quote = {.h = {.kind = ATS_KIND_QUOTE, .symbol_id = 1, .recv_ns = 100}}};
    cr_assert_eq(ats_capture_append(w, &r), 0);
    r.h.recv_ns = 99;
    cr_assert_eq(ats_capture_append(w, &r), -1);
    r.h.recv_ns = 100;
    r.h.symbol_id = 2;
    cr_assert_eq(ats_capture_append(w, &r), -1);
    r.h.symbol_id = 1;
    r.h.kind = ATS_KIND_SIGNAL;
    cr_assert_eq(ats_capture_append(w, &r), -1);
    r.h.kind = ATS_KIND_QUOTE;
    r.quote.ask_e9 = ATS_VALUE_MAX_E9 + 1;
    cr_assert_eq(ats_capture_append(w, &r), -1);
    r.quote.ask_e9 = -ATS_VALUE_MAX_E9;
    cr_assert_eq(ats_capture_append(w, &r), 0);
    cr_assert_eq(ats_capture_written(w)->records, 2);
    cr_assert_neq(access(temp_path(), F_OK), 0, "the name appears only with a complete file");
    ats_capture_abandon(w);
    ats_error_clear();
}

/* Reads what opens; everything that comes must be a prefix of what was written. Returns how many
 * came, or -1 for an error. */
static long read_prefix(const uint8_t *bytes, size_t count, const ats_market *record,
                        size_t written)
{
    ats_capture_reader r;
    ats_market got;
    ats_error_clear();
    if (ats_capture_open_bytes(&r, bytes, count, "bytes") != 0) {
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
        return -1;
    }
    long n = 0;
    int rc;
    while ((rc = ats_capture_next(&r, &got)) == 1) {
        cr_assert_lt((size_t)n, written);
        ats_market want = stored(record[n]);
        cr_assert_arr_eq(&got, &want, sizeof got, "record %ld differs silently", n);
        n++;
    }
    if (rc < 0)
        cr_assert(strstr(r.reason, "block") && strstr(r.reason, "offset"), "%s", r.reason);
    else if (r.complete)
        cr_assert_eq((size_t)n, written);
    ats_capture_close(&r);
    return rc < 0 ? -1 : n;
}

static ats_market *small_file(uint8_t **bytes, size_t *count, size_t n)
{
    random_state = 11;
    ats_market *record = wild_records(n, 2);
    ats_capture_writer *w;
    cr_assert_eq(ats_capture_create(&w, temp_path(), 0), 0);
    ats_symbol a = symbol_named("A"), b = symbol_named("B");
    ats_capture_add_symbol(w, &a);
    ats_capture_add_symbol(w, &b);
    for (size_t i = 0; i < n; i++) {
        cr_assert_eq(ats_capture_append(w, &record[i]), 0);
        if (i % 10 == 9)
            cr_assert_eq(ats_capture_flush(w), 0);
    }
    cr_assert_eq(ats_capture_finish(w), 0);
    *bytes = slurp(count);
    return record;
}

Test(capture, every_flip_of_a_byte_is_found_or_harmless)
{
    uint8_t *bytes;
    size_t count, n = 30;
    ats_market *record = small_file(&bytes, &count, n);
    cr_assert_eq(read_prefix(bytes, count, record, n), (long)n);
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        for (int bit = 0; bit < 9; bit++) {
            uint8_t before = bytes[i];
            bytes[i] ^= (uint8_t)(bit == 8 ? 0xff : 1 << bit);
            long got = read_prefix(bytes, count, record, n);
            /* Content may be whole (the flip hit padding or the end part), never short. */
            cr_assert(got == -1 || got == (long)n, "byte %zu: %ld records", i, got);
            found += got == -1;
            bytes[i] = before;
        }
    }
    cr_assert_gt(found, count * 9 / 2);
    free(bytes);
    free(record);
}

Test(capture, every_truncation_gives_the_whole_blocks_before_it)
{
    uint8_t *bytes;
    size_t count, n = 30;
    ats_market *record = small_file(&bytes, &count, n);
    long most = 0;
    for (size_t cut = 0; cut < count; cut++) {
        uint8_t *copy = malloc(cut + 1); /* exact size, so that a sanitizer sees a read beyond */
        memcpy(copy, bytes, cut);
        long got = read_prefix(copy, cut, record, n);
        cr_assert_eq(got < 0, cut < 64, "cut at %zu: %ld", cut, got);
        cr_assert(got < 0 || (got >= most && got % 10 == 0), "cut at %zu: %ld", cut, got);
        most = got > most ? got : most;
        free(copy);
    }
    cr_assert_eq(most, (long)n);
    free(bytes);
    free(record);
}

Test(capture, damage_in_the_middle_of_a_cut_file_is_no_torn_tail)
{
    uint8_t *bytes;
    size_t count, n = 30;
    ats_market *record = small_file(&bytes, &count, n);
    ats_capture_reader r;
    cr_assert_eq(ats_capture_open_bytes(&r, bytes, count, "bytes"), 0);
    uint64_t second = r.entry[1].offset, third = r.entry[2].offset;
    ats_capture_close(&r);
    size_t cut = count - 100; /* without a trailer, with all blocks */
    bytes[second + 20] ^= 1;
    cr_assert_eq(read_prefix(bytes, cut, record, n), -1);
    bytes[second + 20] ^= 1;
    bytes[second + 70] ^= 1;
    cr_assert_eq(read_prefix(bytes, cut, record, n), -1);
    cr_assert(strstr(ats_error_line(0), "block 1"), "%s", ats_error_line(0));
    bytes[second + 70] ^= 1;
    /* The last block damaged with nothing after it: a torn end. */
    bytes[third + 70] ^= 1;
    cr_assert_eq(read_prefix(bytes, third + 80, record, n), 20);
    free(bytes);
    free(record);
}

Test(capture, files_that_are_no_captures_say_so)
{
    ats_capture_reader r;
    ats_error_clear();
    cr_assert_eq(ats_capture_open(&r, "/nonexistent/x.cap"), -1);
    cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
    ats_error_clear();
    cr_assert_eq(ats_capture_open(&r, "/dev/null"), -1);
    cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
    ats_error_clear();
    FILE *f = fopen(temp_path(), "w");
    fclose(f);
    cr_assert_eq(ats_capture_open(&r, temp_path()), -1);
    cr_assert(strstr(ats_error_line(0), "empty"));
    ats_error_clear();
    ats_capture_file_header h = {.magic = ATS_CAPTURE_MAGIC, .version = 99};
    cr_assert_eq(ats_capture_open_bytes(&r, &h, sizeof h, "later"), -1);
    cr_assert(strstr(ats_error_line(0), "version 99"));
}
