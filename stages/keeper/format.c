#include "stages/keeper/format.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DASH "\xe2\x80\x93" /* en dash */

static ats_formatted dash(void)
{
    return (ats_formatted){DASH};
}

/* Three significant digits of a value of 1..999.5, and what follows. */
static ats_formatted scaled(double value, const char *unit)
{
    ats_formatted f;
    int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    snprintf(f.text, sizeof f.text, "%.*f %s", decimals, value, unit);
    return f;
}

ats_formatted ats_format_ns(double ns)
{
    ats_formatted f;
    if (!isfinite(ns) || ns < 0)
        return dash();
    if (ns < 999.5) {
        snprintf(f.text, sizeof f.text, "%.0f ns", ns);
        return f;
    }
    if (ns < 999.5e3)
        return scaled(ns / 1e3, "\xc2\xb5s");
    if (ns < 999.5e6)
        return scaled(ns / 1e6, "ms");
    if (ns < 120e9)
        return scaled(ns / 1e9, "s");
    double minutes = floor(ns / 60e9);
    if (minutes < 60)
        snprintf(f.text, sizeof f.text, "%.0f min %.0f s", minutes, fmod(floor(ns / 1e9), 60));
    else
        snprintf(f.text, sizeof f.text, "%.0f h %.0f min", floor(minutes / 60), fmod(minutes, 60));
    return f;
}

/* Copies digits with a comma after each group of three; `whole` is how many stand before the point.
 */
static void group(const char *digits, size_t whole, char out[ATS_FORMAT_BYTES])
{
    size_t at = 0;
    for (size_t i = 0; digits[i] && at + 2 < ATS_FORMAT_BYTES; i++) {
        if (i > 0 && i < whole && (whole - i) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = 0;
}

static ats_formatted grouped(double value, int decimals, int sign, const char *unit)
{
    if (!isfinite(value) || fabs(value) >= 1e18)
        return dash();
    char digits[40], body[ATS_FORMAT_BYTES];
    snprintf(digits, sizeof digits, "%.*f", decimals, fabs(value));
    group(digits, strcspn(digits, "."), body);
    /* What rounds to zero has no sign. */
    int zero = strspn(digits, "0.") == strlen(digits);
    ats_formatted f;
    snprintf(f.text, sizeof f.text, "%s%.40s%s",
             zero        ? ""
             : value < 0 ? "\xe2\x88\x92" /* minus sign */
             : sign      ? "+"
                         : "",
             body, unit);
    return f;
}

ats_formatted ats_format_count(double n)
{
    return grouped(n, 0, 0, "");
}

ats_formatted ats_format_rate(double per_second)
{
    if (!isfinite(per_second) || per_second < 0)
        return dash();
    if (per_second < 999.5)
        return grouped(per_second, 0, 0, "");
    return per_second < 999.5e3   ? scaled(per_second / 1e3, "k")
           : per_second < 999.5e6 ? scaled(per_second / 1e6, "M")
                                  : scaled(per_second / 1e9, "G");
}

ats_formatted ats_format_money(double amount, int sign)
{
    return grouped(amount, 2, sign, "");
}

ats_formatted ats_format_decimal(double value, int least_decimals)
{
    ats_formatted f = grouped(value, 9, 0, "");
    char *point = strchr(f.text, '.');
    if (!point)
        return f;
    char *last = f.text + strlen(f.text) - 1;
    while (*last == '0' && last > point + least_decimals)
        *last-- = 0;
    if (last == point)
        *last = 0;
    return f;
}

ats_formatted ats_format_percent(double share, int sign)
{
    return grouped(share * 100.0, 2, sign, " %");
}

ats_formatted ats_format_ratio(double ratio)
{
    return grouped(ratio, 2, 0, "");
}
