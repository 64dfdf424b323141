#include "io/venue/alpaca/faults.h"

#include "core/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX  6u
#define LINE_BYTES 256u

typedef enum argument { NOTHING, STATUS, BYTES, TIME } argument;

/* Of requests or of messages; the same word may stand in both. */
static const struct {
    const char *word;
    ats_fault_kind kind;
    argument argument;
    bool of_requests;
} FAULTS[] = {
    {"status", ATS_FAULT_STATUS, STATUS, true},     {"swallow", ATS_FAULT_SWALLOW, NOTHING, true},
    {"late", ATS_FAULT_LATE, TIME, true},           {"cut", ATS_FAULT_CUT, BYTES, true},
    {"garbage", ATS_FAULT_GARBAGE, NOTHING, true},  {"drop", ATS_FAULT_DROP, NOTHING, false},
    {"twice", ATS_FAULT_TWICE, NOTHING, false},     {"swap", ATS_FAULT_SWAP, NOTHING, false},
    {"garbage", ATS_FAULT_GARBAGE, NOTHING, false}, {"cut", ATS_FAULT_CUT, NOTHING, false},
    {"mute", ATS_FAULT_MUTE, TIME, false},          {"silent", ATS_FAULT_SILENT, NOTHING, false}};

static const char *const CHANNELS[ATS_FAULT_CHANNELS] = {"request", "orders", "updates", "data"};

static bool read_number(const char *text, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    *out = n;
    return errno == 0 && end != text && !*end && text[0] != '-' && n >= 1 && n <= most;
}

/* "250ms", "2s", "1.5m"; up to an hour. */
static bool read_time(const char *text, int64_t *ns)
{
    char *end;
    double n = strtod(text, &end), unit = 0;
    if (strcmp(end, "ms") == 0)
        unit = 1e6;
    else if (strcmp(end, "s") == 0)
        unit = 1e9;
    else if (strcmp(end, "m") == 0)
        unit = 60e9;
    *ns = (int64_t)(n * unit);
    return end != text && n >= 0 && n * unit >= 1 && n * unit <= 3600e9;
}

static bool read_argument(argument wants, const char *text, int64_t *out)
{
    uint64_t n = 0;
    if (wants == TIME)
        return read_time(text, out);
    bool good = read_number(text, wants == STATUS ? 599 : 1u << 30, &n);
    *out = (int64_t)n;
    return good && (wants == BYTES || n >= 400);
}

/* NULL, or what is wrong. */
static const char *read_fault(char **word, uint32_t words, ats_venue_fault *f)
{
    uint32_t at = 1;
    *f = (ats_venue_fault){.channel = ATS_FAULT_CHANNELS, .when = '='};
    for (uint8_t c = 0; c < ATS_FAULT_CHANNELS; c++)
        if (strcmp(word[0], CHANNELS[c]) == 0)
            f->channel = c;
    if (f->channel == ATS_FAULT_CHANNELS)
        return "a line begins with request, orders, updates or data";
    if (words > at && (strcmp(word[at], "every") == 0 || strcmp(word[at], "from") == 0))
        f->when = word[at++][0] == 'e' ? '/' : '>';
    if (words <= at || !read_number(word[at++], UINT64_MAX / 2, &f->number))
        return "then comes which: a number, every NUMBER or from NUMBER";
    bool of_requests = f->channel <= ATS_FAULT_ORDERS;
    for (size_t i = 0; words > at && i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        if (strcmp(word[at], FAULTS[i].word) != 0 || FAULTS[i].of_requests != of_requests)
            continue;
        bool wants = FAULTS[i].argument != NOTHING;
        f->kind = (uint8_t)FAULTS[i].kind;
        if (words != at + 1 + wants)
            return wants ? "this fault wants one argument" : "this fault takes no argument";
        if (wants && !read_argument(FAULTS[i].argument, word[at + 1], &f->argument))
            return "its argument is a status (400 to 599), a number of bytes or a time (250ms, 2s)";
        return NULL;
    }
    return of_requests ? "then comes status, swallow, late, cut or garbage"
                       : "then comes drop, twice, swap, garbage, cut, mute or silent";
}

int ats_venue_faults_parse(ats_venue_faults *out, const char *text, size_t bytes, const char *name)
{
    const char *at = text, *end = text + bytes;
    memset(out, 0, sizeof *out);
    for (uint32_t line = 1; at < end; line++) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        size_t n = (size_t)((next ? next : end) - at);
        char copy[LINE_BYTES], *word[WORDS_MAX], *save = NULL;
        uint32_t words = 0;
        if (n >= sizeof copy)
            return ats_error(ATS_EXIT_CONFIG, "%s:%u: the line is too long", name, line);
        memcpy(copy, at, n);
        copy[n] = '\0';
        copy[strcspn(copy, "#")] = '\0';
        char *w = strtok_r(copy, " \t\r", &save);
        for (; w && words < WORDS_MAX; w = strtok_r(NULL, " \t\r", &save))
            word[words++] = w;
        at = next ? next + 1 : end;
        if (words == 0)
            continue;
        if (out->count == ATS_VENUE_FAULTS_MAX)
            return ats_error(ATS_EXIT_CONFIG, "%s:%u: more than %u faults", name, line,
                             ATS_VENUE_FAULTS_MAX);
        const char *wrong = read_fault(word, words, &out->fault[out->count++]);
        if (wrong)
            return ats_error(ATS_EXIT_CONFIG, "%s:%u: %s", name, line, wrong);
    }
    return 0;
}

int ats_venue_faults_load(ats_venue_faults *out, const char *path)
{
    static char text[ATS_VENUE_FAULTS_MAX * LINE_BYTES];
    FILE *f = fopen(path, "re");
    if (!f)
        return ats_error(ATS_EXIT_CONFIG, "%s: %s", path, strerror(errno));
    size_t n = fread(text, 1, sizeof text, f);
    bool whole = !ferror(f) && n < sizeof text;
    fclose(f);
    if (!whole)
        return ats_error(ATS_EXIT_CONFIG, "%s: cannot be read, or has more than %zu bytes", path,
                         sizeof text - 1);
    return ats_venue_faults_parse(out, text, n, path);
}

ats_venue_fault ats_venue_faults_next(ats_venue_faults *faults, ats_fault_channel channel)
{
    uint64_t n = ++faults->seen[channel];
    for (uint32_t i = 0; i < faults->count; i++) {
        const ats_venue_fault *f = &faults->fault[i];
        bool now = f->when == '='   ? n == f->number
                   : f->when == '/' ? n % f->number == 0
                                    : n >= f->number;
        if (f->channel != channel || !now)
            continue;
        faults->made++;
        return *f;
    }
    return (ats_venue_fault){.kind = ATS_FAULT_NONE};
}
