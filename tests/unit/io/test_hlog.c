#include "core/error.h"
#include "io/base64.h"
#include "io/hlog.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char VECTOR_A[] =
    "HISTFAAAAC94nJNpmSzMwMAgwAABzFCaEURcm7yEwf4DVICJhek4P9NaAaa//Ez765gAtwYIhA==";
static const char VECTOR_B[] = "HISTFAAAAB94nJNpmSzMwMDAyAABzFAazL82eQmD/QeoAABVhASJ";
static const char VECTOR_C[] =
    "HISTFAAAAEV42pNpmSzMwMCgyAABTBDKT4GBgdnNYMcCBvsPEBEJISEuATEZMQ4uASkhIR4nrxg9v2lMaxhvMekILGZk"
    "KmcCAEf2CsI=";
static const uint64_t VALUES_A[] = {1, 2, 2, 3, 1000, 2048, 4097, 1000000};

static ats_histogram *make(void)
{
    return ats_histogram_new(aligned_alloc(64, ats_histogram_footprint()));
}

static ats_histogram *make_layout(uint64_t lowest, uint64_t highest, uint32_t digits)
{
    ats_histogram_layout l;
    cr_assert(ats_histogram_layout_of(&l, lowest, highest, digits));
    size_t bytes = (ats_histogram_layout_footprint(&l) + 63) & ~(size_t)63;
    return ats_histogram_layout_new(aligned_alloc(64, bytes), &l);
}

static ats_histogram *decode_text(const char *text)
{
    uint8_t bytes[512];
    ats_histogram *h = NULL;
    ssize_t n = ats_base64_decode(text, strlen(text), bytes);
    cr_assert_gt(n, 0);
    cr_assert_eq(ats_hlog_decode(bytes, (size_t)n, &h), 0, "%s", ats_error_line(0));
    return h;
}

Test(hlog, vector_a_decodes_to_its_counts)
{
    ats_histogram *h = decode_text(VECTOR_A), *expected = make_layout(1, 3600000000ull, 3);
    for (int i = 0; i < 8; i++)
        ats_histogram_record_n(expected, VALUES_A[i], 1);
    cr_assert_eq(memcmp(&h->layout, &expected->layout, sizeof h->layout), 0);
    cr_assert_eq(memcmp(h->count, expected->count, h->layout.cells * sizeof(uint64_t)), 0);
    cr_assert_eq(ats_histogram_max(h), 1000447);
    free(h);
    free(expected);
}

Test(hlog, vector_b_is_empty)
{
    ats_histogram *h = decode_text(VECTOR_B);
    cr_assert_eq(h->layout.cells, 23552);
    cr_assert_eq(ats_histogram_total(h), 0);
    free(h);
}

Test(hlog, vector_c_gives_the_statistics_of_the_java_library)
{
    ats_histogram *h = decode_text(VECTOR_C);
    cr_assert_eq(ats_histogram_total(h), 741);
    cr_assert_eq(ats_histogram_max(h), 2768895);
    cr_assert_eq(ats_histogram_value_at(h, 50), 344063);
    cr_assert_eq(ats_histogram_value_at(h, 99), 409599);
    cr_assert_float_eq(ats_histogram_mean(h), 301998.466937, 1e-6);
    cr_assert_float_eq(ats_histogram_stddev(h), 141377.577254, 1e-6);
    free(h);
}

Test(hlog, the_encoding_of_vector_a_is_the_java_form)
{
    /* The published payload, with Java's 00 for a single zero where C writes 01. */
    static const uint8_t expected[] = {
        0x1c, 0x84, 0x93, 0x13, 0,    0,    0,    0x10, 0,    0,    0,    0,    0,    0,
        0,    3,    0,    0,    0,    0,    0,    0,    0,    1,    0,    0,    0,    0,
        0xd6, 0x93, 0xa4, 0,    0x3f, 0xf0, 0,    0,    0,    0,    0,    0,    0x00, 0x02,
        0x04, 0x02, 0xc7, 0x0f, 0x02, 0xad, 0x10, 0x02, 0xfd, 0x0f, 0x02, 0xbf, 0x7e, 0x02};
    ats_histogram *h = make_layout(1, 3600000000ull, 3);
    for (int i = 0; i < 8; i++)
        ats_histogram_record_n(h, VALUES_A[i], 1);
    uint8_t *bytes = malloc(ats_hlog_plain_bound(&h->layout));
    cr_assert_eq(ats_hlog_encode(h, bytes), sizeof expected);
    cr_assert_eq(memcmp(bytes, expected, sizeof expected), 0);
    free(bytes);
    free(h);
}

Test(hlog, every_count_survives_the_round_trip)
{
    /* Counts around each length of the 64b9B form, up to the largest total there may be. */
    ats_histogram *h = make();
    uint8_t *bytes = malloc(ats_hlog_plain_bound(&h->layout));
    for (int bits = 0; bits < 62; bits++) {
        ats_histogram_reset(h);
        h->count[0] = 1ull << bits;
        h->count[1] = (1ull << bits) - 1;
        h->count[3] = bits % 7 + 1;
        h->count[ATS_HISTOGRAM_CELLS - 1] = 1;
        ats_histogram *back;
        size_t n = ats_hlog_encode(h, bytes);
        cr_assert_eq(ats_hlog_decode(bytes, n, &back), 0, "%d bits", bits);
        cr_assert_eq(memcmp(h->count, back->count, ATS_HISTOGRAM_CELLS * sizeof(uint64_t)), 0);
        free(back);
    }
    /* The largest encoding there is fits the bound. */
    for (uint32_t i = 0; i < ATS_HISTOGRAM_CELLS; i++)
        h->count[i] = INT64_MAX;
    cr_assert_eq(ats_hlog_encode(h, bytes), ats_hlog_plain_bound(&h->layout));
    free(bytes);
    free(h);
}

/* A plain encoding with this payload, layout of vector A. */
static size_t plain_with(uint8_t *bytes, const uint8_t *payload, size_t n)
{
    ats_histogram *h = make_layout(1, 3600000000ull, 3);
    ats_hlog_encode(h, bytes);
    free(h);
    memcpy(bytes + 40, payload, n);
    bytes[6] = (uint8_t)(n >> 8);
    bytes[7] = (uint8_t)n;
    return 40 + n;
}

static int decode_payload(const uint8_t *payload, size_t n)
{
    uint8_t bytes[256];
    ats_histogram *h = NULL;
    ats_error_clear();
    int result = ats_hlog_decode(bytes, plain_with(bytes, payload, n), &h);
    if (result != 0)
        cr_assert(h == NULL && ats_error_code() == ATS_EXIT_DATA);
    free(h);
    return result;
}

Test(hlog, hostile_payloads_are_errors)
{
    const uint8_t truncated[] = {0x80},
                  longest[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    cr_assert_eq(decode_payload(truncated, 1), -1);
    cr_assert_eq(decode_payload(longest, 8), -1);
    /* INT64_MIN zeros. */
    const uint8_t least[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    cr_assert_eq(decode_payload(least, 9), -1);
    /* 23552 zeros fill the layout, 23553 do not fit: zigzag 47103 and 47105. */
    const uint8_t fills[] = {0xff, 0xef, 0x02}, overruns[] = {0x81, 0xf0, 0x02};
    cr_assert_eq(decode_payload(fills, 3), 0);
    cr_assert_eq(decode_payload(overruns, 3), -1);
    const uint8_t one_more[] = {0xff, 0xef, 0x02, 0x02}, zero_more[] = {0xff, 0xef, 0x02, 0x00};
    cr_assert_eq(decode_payload(one_more, 4), -1);
    cr_assert_eq(decode_payload(zero_more, 4), -1);
    /* INT64_MAX once is a count; twice overflows. */
    const uint8_t most[] = {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                            0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    cr_assert_eq(decode_payload(most, 9), 0);
    cr_assert_eq(decode_payload(most, 18), -1);
    const uint8_t single_zeros[] = {0x00, 0x01, 0x02};
    cr_assert_eq(decode_payload(single_zeros, 3), 0, "both forms of a single zero");
}

Test(hlog, hostile_headers_are_errors)
{
    uint8_t good[64], bytes[64];
    const uint8_t payload[] = {0x02};
    size_t n = plain_with(good, payload, 1);
    ats_histogram *h;
    cr_assert_eq(ats_hlog_decode(good, n, &h), 0);
    free(h);
    const struct {
        size_t at;
        uint8_t value;
    } cases[] = {{0, 0x1d}, {3, 0x11},  {3, 0x18},  {4, 0x7f},  {7, 0},     {7, 2},
                 {8, 0x80}, {11, 1},    {15, 0},    {15, 6},    {12, 0x80}, {16, 0x80},
                 {23, 0},   {24, 0x80}, {32, 0x40}, {33, 0xf1}, {39, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memcpy(bytes, good, n);
        bytes[cases[i].at] = cases[i].value;
        ats_error_clear();
        cr_assert_eq(ats_hlog_decode(bytes, n, &h), -1, "byte %zu", cases[i].at);
        cr_assert_null(h);
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA);
    }
    for (size_t cut = 0; cut < n; cut++)
        cr_assert_eq(ats_hlog_decode(good, cut, &h), -1, "cut at %zu", cut);
}

Test(hlog, compressed_bytes_that_are_damaged_in_any_place_are_errors)
{
    uint8_t good[512], bytes[512];
    ats_histogram *h;
    size_t n = (size_t)ats_base64_decode(VECTOR_C, strlen(VECTOR_C), good);
    for (size_t cut = 0; cut < n; cut++)
        cr_assert_eq(ats_hlog_decode(good, cut, &h), -1, "cut at %zu", cut);
    memcpy(bytes, good, n);
    bytes[n] = 0;
    cr_assert_eq(ats_hlog_decode(bytes, n + 1, &h), -1, "a byte more");
    for (size_t at = 0; at < n; at++) {
        memcpy(bytes, good, n);
        bytes[at] ^= 0xff;
        ats_histogram *got = NULL;
        int result = ats_hlog_decode(bytes, n, &got);
        cr_assert(result == -1 && got == NULL, "byte %zu", at);
    }
}

Test(hlog, a_compressed_bomb_is_refused_before_it_is_unpacked)
{
    /* 64 MiB of zeros as the payload of a layout that can use 212,008 bytes. */
    size_t size = 64u << 20, packed;
    uint8_t *plain = calloc(1, size), *bytes = malloc(1u << 20);
    ats_histogram *h = make_layout(1, 3600000000ull, 3);
    ats_hlog_encode(h, plain);
    cr_assert_eq(ats_hlog_compress(plain, size, bytes, 1u << 20, &packed), 0);
    free(h);
    cr_assert_eq(ats_hlog_decode(bytes, packed, &h), -1);
    plain[4] = 0x03;
    cr_assert_eq(ats_hlog_compress(plain, size, bytes, 1u << 20, &packed), 0);
    cr_assert_eq(ats_hlog_decode(bytes, packed, &h), -1);
    free(plain);
    free(bytes);
}

static char path[64];

static void fresh_path(void)
{
    snprintf(path, sizeof path, "/tmp/ats_hlog_XXXXXX");
    int fd = mkstemp(path);
    cr_assert_geq(fd, 0);
    close(fd);
}

#define SECOND  1000000000ll
#define START   (1441812279ll * SECOND + 474999999)
#define BASE_MS (1441812279ll * SECOND + 474000000)

Test(hlog, a_log_that_was_written_is_read)
{
    fresh_path();
    ats_hlog_writer w;
    ats_histogram *h = make();
    cr_assert_eq(ats_hlog_create(&w, path, "ats test", START), 0);
    for (int i = 0; i < 8; i++)
        ats_histogram_record(h, VALUES_A[i]);
    cr_assert_eq(ats_hlog_append(&w, "event_to_order", BASE_MS + 127000000,
                                 BASE_MS + 127000000 + 1007 * 1000000ll, h),
                 0);
    ats_histogram_reset(h);
    cr_assert_eq(ats_hlog_append(&w, NULL, BASE_MS + 2 * SECOND, BASE_MS + SECOND, h), 0);
    cr_assert_eq(ats_hlog_append(&w, "a,b", 0, 0, h), -1);
    cr_assert_eq(ats_hlog_append(&w, "a b", 0, 0, h), -1);
    cr_assert_eq(ats_hlog_append(&w, "a\nb", 0, 0, h), -1);
    ats_histogram *other = make_layout(1, 1000, 2);
    cr_assert_eq(ats_hlog_append(&w, NULL, 0, 0, other), -1);
    cr_assert_eq(ats_hlog_close(&w), 0);

    char text[4096] = {0};
    FILE *file = fopen(path, "r");
    cr_assert_gt(fread(text, 1, sizeof text - 1, file), 0);
    fclose(file);
    const char *header =
        "#[Logged with ats test]\n"
        "#[Histogram log format version 1.3]\n"
        "#[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 15:24:39 UTC 2015]\n"
        "#[BaseTime: 1441812279.474 (seconds since epoch)]\n"
        "\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_"
        "Histogram\"\n"
        "Tag=event_to_order,0.127,1.007,1.000,HISTFAAAA";
    cr_assert_eq(strncmp(text, header, strlen(header)), 0, "%s", text);

    ats_hlog_reader r;
    ats_hlog_interval interval;
    cr_assert_eq(ats_hlog_open(&r, path), 0);
    cr_assert_eq(ats_hlog_next(&r, &interval), 1);
    cr_assert_str_eq(interval.tag, "event_to_order");
    cr_assert_eq(interval.start_ns, BASE_MS + 127000000);
    cr_assert_eq(interval.length_ns, 1007000000);
    cr_assert_eq(ats_histogram_total(interval.histogram), 8);
    cr_assert_eq(ats_histogram_max(interval.histogram), 1000447);
    cr_assert_eq(ats_hlog_next(&r, &interval), 1);
    cr_assert_str_eq(interval.tag, "");
    cr_assert_eq(interval.length_ns, 0, "a clock set back gives no negative length");
    cr_assert_eq(ats_histogram_total(interval.histogram), 0);
    cr_assert_eq(ats_hlog_next(&r, &interval), 0);
    ats_hlog_reader_close(&r);
    free(h);
    free(other);
    unlink(path);
}

/* The result of reading this text to its end or first error; the last interval's start. */
static int read_text(const char *text, int *count, int64_t *start_ns)
{
    ats_hlog_reader r;
    ats_hlog_interval interval;
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    cr_assert_eq(ats_hlog_open_stream(&r, file, "text"), 0);
    int result;
    *count = 0;
    ats_error_clear();
    while ((result = ats_hlog_next(&r, &interval)) == 1) {
        (*count)++;
        *start_ns = interval.start_ns;
    }
    ats_hlog_reader_close(&r);
    return result;
}

#define LINE_B "1.0,0.000,HISTFAAAAB94nJNpmSzMwMDAyAABzFAazL82eQmD/QeoAABVhASJ"

Test(hlog, the_time_base_follows_the_java_rules)
{
    int count;
    int64_t start;
    cr_assert_eq(read_text("#[StartTime: 1441812279.474 (seconds since epoch)]\n0.127," LINE_B "\n",
                           &count, &start),
                 0);
    cr_assert_eq(start, BASE_MS + 127000000, "relative to StartTime");
    cr_assert_eq(
        read_text("#[StartTime: 1441812279.474 (x)]\n1441812280.000," LINE_B "\n", &count, &start),
        0);
    cr_assert_eq(start, 1441812280 * SECOND, "absolute");
    cr_assert_eq(read_text("#[StartTime: 1441812279.474 (x)]\n#[BaseTime: 100.5 (x)]\n1," LINE_B
                           "\r\n",
                           &count, &start),
                 0);
    cr_assert_eq(start, 101500000000, "BaseTime rules");
    cr_assert_eq(read_text("5.25 " LINE_B "\n", &count, &start), 0);
    cr_assert_eq(start, 5250000000, "neither: absolute");
    cr_assert_eq(count, 1);
}

Test(hlog, lines_of_others_are_read_and_hostile_ones_name_their_place)
{
    int count;
    int64_t start;
    cr_assert_eq(
        read_text("#[Histogram log format version 1.2]\n#[Logged with x]\n#\n\n"
                  "\"StartTimestamp\",\"EndTimestamp\",\"Interval_Max\"\n"
                  "Tag=A,0.5,1.0,7.0,HISTFAAAAB94nJNpmSzMwMDAyAABzFAazL82eQmD/QeoAABVhASJ\n"
                  "0.5," LINE_B "\n0.5,1.0,0",
                  &count, &start),
        0);
    cr_assert_eq(count, 2, "a line without an end is still being written");
    const char *wrong[] = {"x," LINE_B "\n",
                           "nan," LINE_B "\n",
                           "1e300," LINE_B "\n",
                           "1," LINE_B ",more\n",
                           "1,-1,0,HISTFAAAAB94nJNpmSzMwMDAyAABzFAazL82eQmD/QeoAABVhASJ\n",
                           "1,1,1\n",
                           "1,1,1,####\n",
                           "1,1,1,AAAA\n",
                           "Tag=A\n",
                           "Tag=\033[2J,1," LINE_B "\n",
                           "Tag=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,1," LINE_B
                           "\n",
                           "#[StartTime: soon]\n",
                           "#[BaseTime: ]\n",
                           "#[Histogram log format version 2.0]\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(read_text(wrong[i], &count, &start), -1, "%s", wrong[i]);
        cr_assert_eq(ats_error_code(), ATS_EXIT_DATA, "%s", wrong[i]);
        cr_assert(strstr(ats_error_line(0), "text:1:"), "%s", ats_error_line(0));
    }
}

Test(hlog, a_line_without_end_uses_bounded_memory)
{
    size_t size = ATS_HLOG_LINE_MAX + 10;
    char *text = malloc(size + 1);
    memset(text, '1', size);
    text[size] = 0;
    int count;
    int64_t start;
    cr_assert_eq(read_text(text, &count, &start), -1);
    free(text);
}

Test(hlog, a_full_disk_leaves_whole_lines)
{
    signal(SIGXFSZ, SIG_IGN);
    fresh_path();
    ats_hlog_writer w;
    ats_histogram *h = make();
    ats_histogram_record(h, 12345);
    cr_assert_eq(ats_hlog_create(&w, path, "ats", START), 0);
    cr_assert_eq(ats_hlog_append(&w, "feed", START, START + SECOND, h), 0);
    struct stat whole, st;
    cr_assert_eq(stat(path, &whole), 0);
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = (rlim_t)whole.st_size + 20;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(ats_hlog_append(&w, "feed", START, START + SECOND, h), -1);
    limit.rlim_cur = before;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    cr_assert_eq(stat(path, &st), 0);
    cr_assert_eq(st.st_size, whole.st_size);
    cr_assert_eq(ats_hlog_close(&w), 0);
    cr_assert_eq(ats_hlog_create(&w, "/nonexistent/latency.hlog", "ats", START), -1);
    free(h);
    unlink(path);
}

Test(hlog, the_percentile_text_of_vector_a_is_the_published_one)
{
    const struct {
        double value, level;
        unsigned seen;
    } rows[] = {{1, 0, 1},       {1, .1, 1},         {2, .2, 3},    {2, .3, 3},      {3, .4, 4},
                {3, .5, 4},      {1000, .55, 5},     {1000, .6, 5}, {2049, .65, 6},  {2049, .7, 6},
                {2049, .75, 6},  {4099, .775, 7},    {4099, .8, 7}, {4099, .825, 7}, {4099, .85, 7},
                {4099, .875, 7}, {1000447, .8875, 8}};
    char *expected = NULL, *text = NULL;
    size_t bytes;
    FILE *out = open_memstream(&expected, &bytes);
    fprintf(out, "       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(out, "%12.3f %2.12f %10u %14.2f\n", rows[i].value, rows[i].level, rows[i].seen,
                1 / (1 - rows[i].level));
    fprintf(out, " 1000447.000 1.000000000000          8\n"
                 "#[Mean    =   125918.375, StdDeviation   =   330447.146]\n"
                 "#[Max     =  1000447.000, Total count    =            8]\n"
                 "#[Buckets =           22, SubBuckets     =         2048]\n");
    fclose(out);
    ats_histogram *h = decode_text(VECTOR_A);
    out = open_memstream(&text, &bytes);
    cr_assert_eq(ats_hgrm_print(out, h, 5, 1), 0);
    fclose(out);
    cr_assert_str_eq(text, expected);
    free(text);
    free(expected);
    free(h);
}

Test(hlog, the_percentile_text_ends_for_empty_and_for_huge_counts)
{
    char *text = NULL;
    size_t bytes;
    ats_histogram *h = make();
    FILE *out = open_memstream(&text, &bytes);
    cr_assert_eq(ats_hgrm_print(out, h, 5, 1e6), 0);
    fclose(out);
    cr_assert(strstr(text, "#[Mean    =        0.000, StdDeviation   =        0.000]"));
    cr_assert_null(strstr(text, "nan"));
    free(text);
    ats_histogram_record_n(h, 10, INT64_MAX / 2);
    ats_histogram_record_n(h, 1000000, 1);
    out = open_memstream(&text, &bytes);
    cr_assert_eq(ats_hgrm_print(out, h, 100, 1), 0);
    fclose(out);
    cr_assert(strstr(text, "1.000000000000"));
    cr_assert_lt(bytes, 1u << 20);
    free(text);
    FILE *full = fopen("/dev/full", "w");
    cr_assert_eq(ats_hgrm_print(full, h, 5, 1), -1);
    fclose(full);
    cr_assert_eq(ats_hgrm_write("/nonexistent/x.hgrm", h, 5, 1), -1);
    free(h);
}
