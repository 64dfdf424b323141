/* The report's course over days: monthly returns and the rolling Sharpe ratio. */
#include "calc/calendar.h"
#include "stages/keeper/report_page.h"

#include <math.h>
#include <stdlib.h>

/* Daily returns that a rolling ratio is of: a quarter of a year. Of fewer a Sharpe ratio is noise
 * (calc/performance.h), of many more it would show no change within the years that most runs have.
 */
#define WINDOW 63u

#define YEARS_OPEN 12 /* a longer table is folded: it would push all else off the page */

/* ---- monthly returns ------------------------------------------------------------------------ */

static int64_t month_of(int64_t day)
{
    uint32_t date = ats_date_of_ns(day * ATS_DAY_NS);
    return (int64_t)(date / 10000) * 12 + date / 100 % 100 - 1;
}

static void month_cell(FILE *out, double value)
{
    if (!isfinite(value))
        fputs("<td></td>", out);
    else
        fprintf(out, "<td class=\"%s\">%s</td>", value < 0 ? "down" : "up",
                ats_format_money(value * 100, 1).text);
}

static void year_row(FILE *out, int64_t year, const double month[12], double whole)
{
    fprintf(out, "<tr><td>%lld</td>", (long long)year);
    for (uint32_t m = 0; m < 12; m++)
        month_cell(out, month[m]);
    month_cell(out, whole);
    fputs("</tr>", out);
}

/* One row a year, from the equity at the end of each month; the first is against the start. */
static void year_rows(FILE *out, const ats_report *r, double start)
{
    double month[12], before = start, year_before = start;
    for (uint32_t m = 0; m < 12; m++)
        month[m] = NAN;
    for (size_t i = 0; i < r->day_count; i++) {
        int64_t this = month_of(r->days[i].day);
        bool last = i + 1 == r->day_count;
        int64_t next = last ? this + 12 : month_of(r->days[i + 1].day);
        if (this == next)
            continue;
        double equity = r->days[i].equity;
        month[this % 12] = before > 0 ? equity / before - 1 : (double)NAN;
        before = equity;
        if (this / 12 == next / 12)
            continue;
        year_row(out, this / 12, month, year_before > 0 ? equity / year_before - 1 : (double)NAN);
        year_before = equity;
        for (uint32_t m = 0; m < 12; m++)
            month[m] = NAN;
    }
}

void ats_page_months(FILE *out, const ats_report *r)
{
    static const char *const NAMES[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
                                        "Aug", "Sep", "Oct", "Nov", "Dec", "year"};
    if (r->day_count < 2 || month_of(r->days[0].day) == month_of(r->days[r->day_count - 1].day))
        return;
    int64_t years =
        month_of(r->days[r->day_count - 1].day) / 12 - month_of(r->days[0].day) / 12 + 1;
    bool fold = years > YEARS_OPEN;
    if (fold)
        fprintf(out, "<details><summary>Monthly returns, percent: %lld years</summary>",
                (long long)years);
    else
        fputs("<h3>Monthly returns, percent</h3>", out);
    fputs("<div class=\"scroll\"><table><thead><tr><th>year</th>", out);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        fprintf(out, "<th>%s</th>", NAMES[i]);
    fputs("</tr></thead><tbody>", out);
    year_rows(out, r, ats_page_number(r->run, "portfolio.start_equity"));
    fputs(fold ? "</tbody></table></div></details>" : "</tbody></table></div>", out);
}

/* ---- rolling Sharpe ratio ------------------------------------------------------------------- */

static bool is_weekend(int64_t day)
{
    int64_t weekday = ((day % 7) + 7) % 7; /* the epoch was a Thursday */
    return weekday == 2 || weekday == 3;
}

/* Daily returns as calc/performance.h has them: the first against the start, 0 for a trading day on
 * which nothing was seen. Returns how many. */
static size_t daily_returns(const ats_report *r, double start, bool weekends, size_t room,
                            double *at_ns, double *returns)
{
    size_t n = 0;
    double before = start;
    for (size_t i = 0; i < r->day_count; i++) {
        int64_t day = i ? r->days[i - 1].day + 1 : r->days[i].day;
        for (; day <= r->days[i].day && n < room; day++) {
            bool seen = day == r->days[i].day;
            if (!seen && !weekends && is_weekend(day))
                continue;
            at_ns[n] = (double)day * (double)ATS_DAY_NS;
            returns[n++] = seen && before > 0 ? r->days[i].equity / before - 1 : 0;
        }
        before = r->days[i].equity;
    }
    return n;
}

/* In place: each ratio of the WINDOW returns up to its day. */
static void rolling(double *returns, size_t n, double a_year, double *ratio)
{
    for (size_t i = WINDOW - 1; i < n; i++) {
        double mean = 0, square = 0;
        for (size_t k = i + 1 - WINDOW; k <= i; k++)
            mean += returns[k] / WINDOW;
        for (size_t k = i + 1 - WINDOW; k <= i; k++)
            square += (returns[k] - mean) * (returns[k] - mean);
        double s = sqrt(square / (WINDOW - 1));
        ratio[i] = s > 0 ? mean / s * sqrt(a_year) : (double)NAN;
    }
}

/* Every so many-th point, so that a page stays a page. */
static size_t thin(double *x, double *y, size_t from, size_t n)
{
    size_t every = (n - from) / ATS_REPORT_POINTS + 1, kept = 0;
    for (size_t i = from; i < n; i += every, kept++) {
        x[kept] = x[i];
        y[kept] = y[i];
    }
    return kept;
}

void ats_page_rolling_sharpe(FILE *out, const ats_report *r)
{
    double a_year = ats_page_number(r->run, "performance.days_a_year");
    size_t room = 2 * ATS_REPORT_DAYS;
    if (!(a_year > 0) || r->day_count < WINDOW / 2)
        return;
    double *at = malloc(3 * room * sizeof *at);
    if (!at)
        return;
    double *returns = at + room, *ratio = returns + room;
    size_t n = daily_returns(r, ats_page_number(r->run, "portfolio.start_equity"), a_year > 300,
                             room, at, returns);
    if (n >= WINDOW + WINDOW / 3) {
        rolling(returns, n, a_year, ratio);
        size_t points = thin(at, ratio, WINDOW - 1, n);
        const ats_plot_series series = {.x = at, .y = ratio, .count = points, .color = 3};
        ats_plot_write(out, &(ats_plot){.title = "Rolling Sharpe ratio",
                                        .note = "of 63 daily returns, a year",
                                        .x = ATS_PLOT_TIME_NS,
                                        .y = ATS_PLOT_LINEAR_MONEY,
                                        .series = &series,
                                        .count = 1});
    }
    free(at);
}
