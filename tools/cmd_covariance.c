#include "core/file.h"
#include "io/market_source.h"
#include "tools/commands.h"
#include "tools/output.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_NS   86400000000000ll
#define DAYS_MAX 20000u
#define DAYS_MIN 20u /* fewer returns say more of chance than of the symbols */

typedef struct options {
    const char *output;
    int64_t shrink;
} options;

static const ats_option OPTIONS[] = {
    {'o', "output", ATS_OPTION_TEXT, offsetof(options, output), NULL, "FILE",
     "the CSV file to make, for risk.covariance", 0, 0, true},
    {0, "shrink", ATS_OPTION_PERCENT, offsetof(options, shrink), "10%", "PERCENT",
     "how far covariances are drawn towards zero; a small sample overstates them", 0, 0, false},
    {0, NULL, ATS_OPTION_FLAG, 0, NULL, NULL, NULL, 0, 0, false}};

/* Last prices of days, [symbol][day]; 0 = none. */
typedef struct prices {
    ats_symbols symbols;
    int64_t first_day;
    uint32_t days;
    double *close;  /* [symbols + 1][days], of today's share: earlier splits are taken out */
    double *factor; /* [symbols + 1] shares that one of the first day has become */
} prices;

static double price_of(const ats_market *m)
{
    switch (m->h.kind) {
    case ATS_KIND_TRADE:
        return m->trade.correction == 0 ? (double)m->trade.px_e9 : 0;
    case ATS_KIND_BAR:
        return (double)m->bar.close_e9;
    case ATS_KIND_QUOTE:
        return m->quote.bid_e9 > 0 && m->quote.ask_e9 > 0
                   ? (double)(m->quote.bid_e9 + m->quote.ask_e9) / 2
                   : 0;
    default:
        return 0;
    }
}

static void take(prices *p, const ats_market *m)
{
    if (m->h.kind == ATS_KIND_CORPORATE_ACTION && m->corporate_action.action == ATS_ACTION_SPLIT)
        p->factor[m->h.symbol_id] *= (double)m->corporate_action.ratio_numerator /
                                     (double)m->corporate_action.ratio_denominator;
    double price = price_of(m);
    int64_t day = (m->h.recv_ns - 1) / DAY_NS - p->first_day; /* a bar's end is of the day before */
    if (price > 0 && day >= 0 && day < (int64_t)p->days)
        p->close[(size_t)m->h.symbol_id * p->days + (size_t)day] =
            price * p->factor[m->h.symbol_id];
}

static int read_prices(prices *p, ats_market_source *source)
{
    const ats_market *m;
    int got;
    p->first_day = source->first_ns / DAY_NS;
    int64_t days = source->last_ns / DAY_NS - p->first_day + 1;
    if (days > DAYS_MAX)
        return ats_error(ATS_EXIT_DATA, "the input spans more than %u days", DAYS_MAX);
    p->days = (uint32_t)days;
    p->symbols = source->symbols;
    p->close = calloc((p->symbols.count + 1ull) * p->days, sizeof *p->close);
    p->factor = calloc(p->symbols.count + 1ull, sizeof *p->factor);
    if (!p->close || !p->factor)
        return ats_error(ATS_EXIT_FAILED, "covariance: out of memory");
    for (uint32_t i = 0; i <= p->symbols.count; i++)
        p->factor[i] = 1;
    while ((got = ats_market_source_peek(source, &m)) == 1) {
        take(p, m);
        ats_market_source_pop(source);
    }
    return got == 0 ? 0 : ats_error(ATS_EXIT_DATA, "%s", ats_market_source_reason(source));
}

/* Returns from one day with prices to the next day on which any symbol has one. Fills r [days], NAN
 * where a side is missing; the number of returns. */
static uint32_t returns_of(const prices *p, uint32_t symbol, const uint8_t *open, double *r)
{
    const double *close = p->close + (size_t)symbol * p->days;
    double before = 0;
    uint32_t count = 0;
    for (uint32_t d = 0; d < p->days; d++) {
        r[d] = NAN;
        if (!open[d])
            continue;
        if (close[d] > 0 && before > 0) {
            r[d] = log(close[d] / before);
            count++;
        }
        before = close[d];
    }
    return count;
}

/* Sample covariance over the days that both have. NAN when they are too few. */
static double covariance(const double *a, const double *b, uint32_t days)
{
    double sum_a = 0, sum_b = 0, sum = 0;
    uint32_t n = 0;
    for (uint32_t d = 0; d < days; d++)
        if (a[d] == a[d] && b[d] == b[d]) {
            sum_a += a[d];
            sum_b += b[d];
            n++;
        }
    if (n < DAYS_MIN)
        return NAN;
    for (uint32_t d = 0; d < days; d++)
        if (a[d] == a[d] && b[d] == b[d])
            sum += (a[d] - sum_a / n) * (b[d] - sum_b / n);
    return sum / (n - 1);
}

/* Days on which some symbol has a price: weekends and holidays are none. */
static void find_open_days(const prices *p, uint8_t *open)
{
    for (uint32_t s = 1; s <= p->symbols.count; s++)
        for (uint32_t d = 0; d < p->days; d++)
            open[d] |= p->close[(size_t)s * p->days + d] > 0;
}

static int write_pairs(const prices *p, const double *r, const uint8_t *kept, double keep,
                       FILE *out, uint32_t *pairs)
{
    fputs("symbol_a,symbol_b,covariance\n", out);
    for (uint32_t a = 1; a <= p->symbols.count; a++)
        for (uint32_t b = a; b <= p->symbols.count; b++) {
            if (!kept[a] || !kept[b])
                continue;
            double c = covariance(r + (size_t)a * p->days, r + (size_t)b * p->days, p->days);
            if (a != b) /* two that hardly ever traded together: nothing is known, so none */
                c = c == c ? c * keep : 0;
            fprintf(out, "%s,%s,%.15g\n", p->symbols.entry[a].text, p->symbols.entry[b].text, c);
            ++*pairs;
        }
    return ferror(out) ? -1 : 0;
}

static int compute(const prices *p, const options *o, char **text, size_t *length,
                   uint32_t *kept_count, uint32_t *pairs)
{
    size_t symbols = p->symbols.count + 1ull;
    uint8_t *open = calloc(p->days, 1), *kept = calloc(symbols, 1);
    double *r = calloc(symbols * p->days, sizeof *r);
    FILE *out = NULL;
    int status = -1;
    if (!open || !kept || !r) {
        ats_error(ATS_EXIT_FAILED, "covariance: out of memory");
    } else if ((out = open_memstream(text, length)) == NULL) {
        ats_error(ATS_EXIT_FAILED, "covariance: out of memory");
    } else {
        find_open_days(p, open);
        for (uint32_t s = 1; s < symbols; s++) {
            double *own = r + (size_t)s * p->days;
            kept[s] = returns_of(p, s, open, own) >= DAYS_MIN && covariance(own, own, p->days) > 0;
            *kept_count += kept[s];
        }
        status = write_pairs(p, r, kept, 1 - (double)o->shrink / 1e6, out, pairs);
    }
    if (out && (fclose(out) != 0 || status != 0))
        status = ats_error(ATS_EXIT_FAILED, "covariance: out of memory");
    if (status == 0 && *kept_count == 0)
        status = ats_error(ATS_EXIT_DATA, "no symbol has %u daily returns", DAYS_MIN);
    free(open);
    free(kept);
    free(r);
    return status;
}

static int run(int argc, char **argv)
{
    ats_cli cli;
    options o = {0};
    ats_market_source source;
    prices p = {0};
    uint32_t kept = 0, pairs = 0;
    int parsed = ats_cli_parse(&cli, &ats_command_covariance, &o, argc, argv);
    if (parsed != 0)
        return parsed > 0 ? ATS_EXIT_OK : ats_cli_fail();
    if (ats_market_source_open(&source, (const char *const *)cli.argument, cli.argument_count) != 0)
        return ats_cli_fail();
    char *text = NULL;
    size_t length = 0;
    int status = ats_output_check(o.output, ATS_OUTPUT_COVARIANCE,
                                  (const char *const *)cli.argument, cli.argument_count);
    if (status == 0)
        status = read_prices(&p, &source);
    if (status == 0)
        status = compute(&p, &o, &text, &length, &kept, &pairs);
    if (status == 0)
        status = ats_file_replace(o.output, text, length);
    free(text);
    if (status == 0 && cli.common.json)
        status = ats_cli_print_json(json_pack("{s:i, s:i, s:i, s:i}", "schema", 1, "symbols",
                                              (int)kept, "left_out", (int)(p.symbols.count - kept),
                                              "pairs", (int)pairs));
    else if (status == 0 && !cli.common.quiet)
        printf("%s: %u symbols, %u pairs; %u symbols left out (fewer than %u daily returns)\n",
               o.output, kept, pairs, p.symbols.count - kept, DAYS_MIN);
    free(p.close);
    free(p.factor);
    ats_market_source_close(&source);
    return status != 0 || ats_cli_flush() != 0 ? ats_cli_fail() : ATS_EXIT_OK;
}

const ats_command ats_command_covariance = {
    .name = "covariance",
    .purpose = "how symbols move together, for the limits of portfolio risk",
    .synopsis = "-o FILE [OPTION...] CAPTURE...",
    .detail =
        "Covariances of daily log returns (last price of each UTC day, splits taken out), drawn\n"
        "towards zero by --shrink. Symbols with fewer than 20 daily returns are left out; the "
        "gate\n"
        "passes their portfolio risk and correlation, and counts that it did.",
    .example = "ats covariance -o risk.csv 2017.cap 2018.cap",
    .option = OPTIONS,
    .arguments_min = 1,
    .arguments_max = 1000,
    .run = run,
};
