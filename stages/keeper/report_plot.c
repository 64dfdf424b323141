/* Plots as inline SVG, coloured by the page's style so that they follow light and dark. */
#include "stages/keeper/report_page.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* User units; wide enough for seven labels, small enough that text stays legible on a phone. */
#define WIDTH  520.0
#define HEIGHT 270.0
#define LEFT   70.0
#define RIGHT  10.0
#define TOP    10.0
#define BOTTOM 30.0

#define DAY_S 86400.0

typedef struct range {
    double low, high;
} range;

typedef struct canvas {
    FILE *out;
    const ats_plot *plot;
    range x, y;
} canvas;

static double place(double value, range r)
{
    return r.high > r.low ? (value - r.low) / (r.high - r.low) : 0.5;
}

/* What is drawn on an axis: decades for a log one. */
static double on_axis(ats_plot_axis axis, double value)
{
    return axis == ATS_PLOT_LOG_NS ? log10(fmax(value, 1.0)) : value;
}

static double px(const canvas *c, double x)
{
    return LEFT + place(on_axis(c->plot->x, x), c->x) * (WIDTH - LEFT - RIGHT);
}

static double py(const canvas *c, double y)
{
    return HEIGHT - BOTTOM - place(on_axis(c->plot->y, y), c->y) * (HEIGHT - TOP - BOTTOM);
}

static bool find_ranges(canvas *c)
{
    bool any = false;
    c->x = c->y = (range){INFINITY, -INFINITY};
    for (size_t s = 0; s < c->plot->count; s++) {
        const ats_plot_series *series = &c->plot->series[s];
        for (size_t i = 0; i < series->count; i++) {
            double x = on_axis(c->plot->x, series->x[i]), y = on_axis(c->plot->y, series->y[i]);
            if (!isfinite(x) || !isfinite(y))
                continue;
            any = true;
            c->x = (range){fmin(c->x.low, x), fmax(c->x.high, x)};
            c->y = (range){fmin(c->y.low, y), fmax(c->y.high, y)};
        }
    }
    return any;
}

/* Whole decades on a log axis; some air on a linear one, and 0 where areas start. */
static void widen_ranges(canvas *c)
{
    double air = (c->y.high - c->y.low) * 0.06;
    switch (c->plot->y) {
    case ATS_PLOT_LOG_NS:
        c->y.low = floor(c->y.low);
        c->y.high = fmax(ceil(c->y.high), c->y.low + 1);
        break;
    case ATS_PLOT_LINEAR_PERCENT:
        c->y.high = fmax(c->y.high, 0);
        c->y.low = fmin(c->y.low - air, -1e-6);
        break;
    case ATS_PLOT_LINEAR_SHARE:
        c->y.high = fmax(c->y.high + air, 1e-6);
        c->y.low = fmin(c->y.low - air, 0);
        break;
    case ATS_PLOT_LINEAR_COUNT:
        c->y.high = fmax(c->y.high + air, 1);
        c->y.low = 0;
        break;
    default:
        if (air == 0)
            air = fmax(fabs(c->y.high) * 0.001, 1e-9);
        c->y.low -= air;
        c->y.high += air;
    }
    if (c->plot->x == ATS_PLOT_PERCENTILE)
        c->x = (range){0, fmax(ceil(c->x.high), 2)};
}

/* ---- axes ---------------------------------------------------------------------------------- */

/* Smallest of 1, 2, 5, 10 times a power of ten that makes at most `most` steps. */
static double nice_step(range r, double most)
{
    double raw = (r.high - r.low) / most, power = pow(10, floor(log10(raw)));
    return raw <= power       ? power
           : raw <= 2 * power ? 2 * power
           : raw <= 5 * power ? 5 * power
                              : 10 * power;
}

static double time_step(range r)
{
    static const double STEPS_S[] = {
        0.01,  0.1,       1,          2,          5,           10,           30,
        60,    300,       600,        1800,       3600,        7200,         21600,
        DAY_S, 7 * DAY_S, 30 * DAY_S, 90 * DAY_S, 365 * DAY_S, 1826 * DAY_S, 3652 * DAY_S};
    double span_s = (r.high - r.low) / 1e9;
    for (size_t i = 0; i < sizeof STEPS_S / sizeof STEPS_S[0]; i++)
        if (span_s / STEPS_S[i] <= 6)
            return STEPS_S[i] * 1e9;
    return span_s / 6 * 1e9;
}

static void time_label(double ns, double step_ns, char *text, size_t bytes)
{
    time_t t = (time_t)floor(ns / 1e9);
    struct tm tm;
    gmtime_r(&t, &tm);
    if (step_ns >= DAY_S * 1e9)
        strftime(text, bytes, "%Y-%m-%d", &tm);
    else
        strftime(text, bytes, step_ns >= 60e9 ? "%H:%M" : "%H:%M:%S", &tm);
    size_t n = strlen(text);
    if (step_ns < 1e9)
        snprintf(text + n, bytes - n, ".%02d", (int)(fmod(ns, 1e9) / 1e7 + 0.5) % 100);
}

static void x_tick(const canvas *c, double x, const char *label)
{
    double at = px(c, x);
    fprintf(c->out,
            "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" y2=\"%.0f\"/>"
            "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"%s\">%s</text>",
            at, at, TOP, HEIGHT - BOTTOM, at, HEIGHT - BOTTOM + 18,
            at > WIDTH - 40 ? "end" : "middle", label);
}

static void x_axis(const canvas *c)
{
    static const char *const NINES[] = {"0",     "90",     "99",      "99.9",
                                        "99.99", "99.999", "99.9999", "99.99999"};
    if (c->plot->x == ATS_PLOT_PERCENTILE) {
        for (int i = 0; i <= c->x.high && i < (int)(sizeof NINES / sizeof NINES[0]); i++)
            x_tick(c, i, i == 5 && c->x.high > 5 ? "" : NINES[i]); /* no room beside 99.9999 */
        return;
    }
    bool linear = c->plot->x == ATS_PLOT_LINEAR_BPS;
    double step = linear ? nice_step(c->x, 7) : time_step(c->x);
    if (!(step > 0) || !isfinite(step))
        return;
    int left = 12;
    for (double x = ceil(c->x.low / step) * step; x <= c->x.high && left-- > 0; x += step) {
        char label[32];
        if (linear)
            snprintf(label, sizeof label, "%.4g", fabs(x) < 1e-9 * step ? 0 : x);
        else
            time_label(x, step, label, sizeof label);
        x_tick(c, x, label);
    }
}

static void y_tick(const canvas *c, double y, const char *label)
{
    double at = py(c, y);
    fprintf(c->out,
            "<line class=\"grid\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%s</text>",
            LEFT, WIDTH - RIGHT, at, at, LEFT - 7, at + 4, label);
}

static void y_axis(const canvas *c)
{
    if (c->plot->y == ATS_PLOT_LOG_NS) {
        double every = ceil((c->y.high - c->y.low) / 7);
        for (double e = c->y.low; e <= c->y.high + 0.01; e += every) {
            static const char *const UNITS[] = {" ns", " \xc2\xb5s", " ms", " s"};
            int decade = (int)(e + 0.5), unit = decade / 3 < 3 ? decade / 3 : 3;
            char label[24];
            snprintf(label, sizeof label, "%.0f%s", pow(10, decade - 3 * unit), UNITS[unit]);
            y_tick(c, pow(10, decade), label);
        }
        return;
    }
    double step = nice_step(c->y, 6);
    if (!(step > 0) || !isfinite(step))
        return;
    bool percent = c->plot->y == ATS_PLOT_LINEAR_PERCENT || c->plot->y == ATS_PLOT_LINEAR_SHARE;
    int decimals = (int)fmax(0, -floor(log10(step * (percent ? 100 : 1)) + 1e-9)), left = 12;
    for (double y = ceil(c->y.low / step) * step; y <= c->y.high && left-- > 0; y += step) {
        char label[48];
        double shown = percent ? y * 100 : y;
        if (percent || decimals > 0)
            snprintf(label, sizeof label, "%.*f%s", decimals, fabs(shown) < 1e-12 ? 0 : shown,
                     percent ? " %" : "");
        else
            snprintf(label, sizeof label, "%s", ats_format_count(shown).text);
        y_tick(c, y, label);
    }
}

/* ---- curves -------------------------------------------------------------------------------- */

static void path_points(const canvas *c, const ats_plot_series *s, bool close_area)
{
    bool pen = false;
    double last_y = 0, first_x = 0, last_x = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!isfinite(s->x[i]) || !isfinite(s->y[i])) {
            pen = false;
            continue;
        }
        double x = px(c, s->x[i]), y = py(c, s->y[i]);
        if (!pen) {
            fprintf(c->out, "M%.1f %.1f", x, y);
            first_x = x;
        } else if (s->steps) {
            fprintf(c->out, "L%.1f %.1fL%.1f %.1f", x, last_y, x, y);
        } else {
            fprintf(c->out, "L%.1f %.1f", x, y);
        }
        pen = true;
        last_y = y;
        last_x = x;
    }
    if (close_area)
        fprintf(c->out, "L%.1f %.1fL%.1f %.1fZ", last_x, py(c, 0), first_x, py(c, 0));
}

static void curve(const canvas *c, const ats_plot_series *s)
{
    if (s->area) {
        fprintf(c->out, "<path class=\"area c%u\" d=\"", s->color);
        path_points(c, s, true);
        fputs("\"/>", c->out);
    }
    fprintf(c->out, "<path class=\"line c%u\" d=\"", s->color);
    path_points(c, s, false);
    fputs("\"/>", c->out);
    if (s->count == 1 && isfinite(s->y[0])) /* a path of one point draws nothing */
        fprintf(c->out, "<circle class=\"dot c%u\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>", s->color,
                px(c, s->x[0]), py(c, s->y[0]));
}

static void legend(FILE *out, const ats_plot *plot)
{
    fputs("<p class=\"legend\">", out);
    for (size_t i = 0; i < plot->count; i++) {
        fprintf(out, "<span><i class=\"c%u\"></i>", plot->series[i].color);
        ats_page_text(out, plot->series[i].name);
        fputs("</span>", out);
    }
    fputs("</p>", out);
}

void ats_plot_write(FILE *out, const ats_plot *plot)
{
    canvas c = {.out = out, .plot = plot};
    fputs("<figure><figcaption><b>", out);
    ats_page_text(out, plot->title);
    fputs("</b>", out);
    if (plot->note) {
        fputs("<small>", out);
        ats_page_text(out, plot->note);
        fputs("</small>", out);
    }
    fputs("</figcaption>", out);
    if (!find_ranges(&c)) {
        fputs("<p class=\"none\">No values.</p></figure>\n", out);
        return;
    }
    widen_ranges(&c);
    fprintf(out, "<svg viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    ats_page_text(out, plot->title);
    fputs("\">", out);
    y_axis(&c);
    x_axis(&c);
    for (size_t i = 0; i < plot->count; i++)
        curve(&c, &plot->series[i]);
    fputs("</svg>", out);
    if (plot->count > 1)
        legend(out, plot);
    fputs("</figure>\n", out);
}
