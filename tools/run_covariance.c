#include "tools/run_covariance.h"

#include "core/error.h"
#include "io/lines.h"
#include "stages/risk/covariance.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define E18     1e18
#define HEADING "symbol_a,symbol_b,covariance"

/* A matrix under construction: which pairs are there. */
typedef struct matrix {
    const char *path;
    const ats_symbols *symbols;
    uint8_t *seen; /* [(symbol_count + 1)^2], both orders */
    uint32_t size; /* symbol_count + 1 */
    ats_control_due *due;
    uint32_t count, capacity;
} matrix;

static int refuse(const matrix *m, uint64_t line, const char *what)
{
    return ats_error(ATS_EXIT_DATA, "%s, line %llu: %s", m->path, (unsigned long long)line, what);
}

static int add(matrix *m, uint32_t a, uint32_t b, double value)
{
    if (m->count == m->capacity) {
        uint32_t capacity = m->capacity ? 2 * m->capacity : 256;
        ats_control_due *grown = realloc(m->due, capacity * sizeof *grown);
        if (!grown)
            return ats_error(ATS_EXIT_FAILED, "risk.covariance: out of memory");
        m->due = grown;
        m->capacity = capacity;
    }
    m->due[m->count++] =
        (ats_control_due){.command = {.code = ATS_CONTROL_COVARIANCE,
                                      .covariance = {.value_e18 = (int64_t)llround(value * E18),
                                                     .symbol_a = a,
                                                     .symbol_b = b,
                                                     .version = 1}}};
    m->seen[(size_t)a * m->size + b] = m->seen[(size_t)b * m->size + a] = 1;
    return 0;
}

static int add_line(matrix *m, uint64_t line, char *text)
{
    char *second = strchr(text, ','), *third = second ? strchr(second + 1, ',') : NULL, *end;
    if (!third)
        return refuse(m, line, "want two symbols and a number: AAPL,MSFT,0.00012");
    *second = *third = 0;
    double value = strtod(third + 1, &end);
    if (end == third + 1 || *end || !(value >= -1 && value <= 1))
        return refuse(m, line, "the covariance is no number from -1 to 1");
    uint32_t a = ats_symbols_find(m->symbols, text, NULL);
    uint32_t b = ats_symbols_find(m->symbols, second + 1, NULL);
    if (strcmp(text, second + 1) == 0 && !(value > 0))
        return refuse(m, line, "a variance must be above zero");
    if (a == 0 || b == 0)
        return 0;
    if (m->seen[(size_t)a * m->size + b])
        return refuse(m, line, "the pair is there twice");
    return add(m, a, b, value);
}

/* A matrix with a hole would never come into use, and nobody would know. */
static int check_whole(const matrix *m)
{
    for (uint32_t a = 1; a < m->size; a++)
        for (uint32_t b = a + 1; b < m->size; b++)
            if (m->seen[(size_t)a * m->size + a] && m->seen[(size_t)b * m->size + b] &&
                !m->seen[(size_t)a * m->size + b])
                return ats_error(ATS_EXIT_DATA, "%s: the pair %s,%s is missing", m->path,
                                 m->symbols->entry[a].text, m->symbols->entry[b].text);
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t a = m->due[i].command.covariance.symbol_a;
        uint32_t b = m->due[i].command.covariance.symbol_b;
        m->due[i].command.covariance.entries = m->count;
        if (!m->seen[(size_t)a * m->size + a] || !m->seen[(size_t)b * m->size + b])
            return ats_error(ATS_EXIT_DATA, "%s: the variance of %s or %s is missing", m->path,
                             m->symbols->entry[a].text, m->symbols->entry[b].text);
    }
    return 0;
}

static int read_lines(matrix *m, ats_lines *lines)
{
    char *text;
    size_t length;
    bool too_long;
    int got, status = 0;
    bool heading = true;
    while (status == 0 && (got = ats_lines_next(lines, &text, &length, &too_long)) == 1) {
        text[length] = 0;
        if (too_long)
            status = refuse(m, ats_lines_number(lines), "the line is too long");
        else if (heading && strcmp(text, HEADING) != 0)
            status = refuse(m, ats_lines_number(lines), "the first line must be " HEADING);
        else if (!heading && length)
            status = add_line(m, ats_lines_number(lines), text);
        heading = false;
    }
    return status == 0 && got < 0 ? -1 : status;
}

int ats_run_covariance_load(const char *path, const ats_symbols *symbols, ats_control_due **due,
                            uint32_t *count)
{
    ats_lines *lines;
    matrix m = {.path = path, .symbols = symbols, .size = symbols->count + 1};
    *due = NULL;
    *count = 0;
    if (!*path)
        return 0;
    if (symbols->count > ATS_COVARIANCE_SYMBOLS)
        return ats_error(ATS_EXIT_DATA,
                         "risk.covariance: a matrix holds %u symbols, this run has %u",
                         ATS_COVARIANCE_SYMBOLS, symbols->count);
    if (ats_lines_open(&lines, path) != 0)
        return ats_error(ATS_EXIT_DATA, "risk.covariance: %s cannot be read", path);
    m.seen = calloc((size_t)m.size * m.size, 1);
    int status = m.seen ? read_lines(&m, lines)
                        : ats_error(ATS_EXIT_FAILED, "risk.covariance: out of memory");
    ats_lines_close(lines);
    if (status == 0)
        status = check_whole(&m);
    free(m.seen);
    *due = m.due;
    *count = m.count;
    return status;
}
