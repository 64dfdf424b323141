/* report_page.h: the pieces that the sections of the HTML report are made of. */
#ifndef ATS_STAGES_KEEPER_REPORT_PAGE_H
#define ATS_STAGES_KEEPER_REPORT_PAGE_H

#include "stages/keeper/format.h"
#include "stages/keeper/report.h"

#include <stdio.h>

/* Writes text as HTML content or as a quoted attribute: & < > " ' become entities, control
 * characters and bytes that are not UTF-8 the replacement character. NULL writes nothing. */
void ats_page_text(FILE *out, const char *text);

/* The first n bytes (at most 63) of a label with its underscores as spaces: "max_notional". */
void ats_page_words(FILE *out, const char *label, size_t n);

/* Member of a document by path, "latency.feed.p50_ns"; NULL when it or a part of the way is
 * missing. */
const json_t *ats_page_member(const json_t *object, const char *path);

/* Number there (NaN: none), text there ("": none). */
double ats_page_number(const json_t *object, const char *path);
const char *ats_page_string(const json_t *object, const char *path);

/* A bar of a share of its room: 0 for what is no number, at most 100 %. */
void ats_page_bar(FILE *out, double share);

/* Everything of a page up to its content, with this title, and what follows it. */
void ats_page_begin(FILE *out, const char *title);
void ats_page_end(FILE *out);

/* ---- plots ---------------------------------------------------------------------------------- */

typedef enum ats_plot_axis {
    ATS_PLOT_LINEAR_MONEY,
    ATS_PLOT_LINEAR_PERCENT, /* values are shares, of 0 and less */
    ATS_PLOT_LINEAR_SHARE,   /* values are shares of any sign, 0 among them */
    ATS_PLOT_LINEAR_COUNT,   /* from 0 on */
    ATS_PLOT_LINEAR_BPS,     /* on the x axis: basis points */
    ATS_PLOT_LOG_NS,
    ATS_PLOT_TIME_NS,   /* UTC */
    ATS_PLOT_PERCENTILE /* values are -log10(1 - q): 0 = 0 %, 1 = 90 %, 2 = 99 %, ... */
} ats_plot_axis;

typedef struct ats_plot_series {
    const char *name;
    const double *x, *y; /* x ascending; a y that is not finite makes a gap */
    size_t count;
    uint32_t color; /* 0..6 */
    bool steps;     /* the value holds until the next point */
    bool area;      /* filled down (or up) to 0 */
} ats_plot_series;

typedef struct ats_plot {
    const char *title, *note; /* note: NULL or a line below the title */
    ats_plot_axis x, y;
    const ats_plot_series *series;
    size_t count;
} ats_plot;

/* A figure with an inline SVG and its legend. With no finite point a line says so. */
void ats_plot_write(FILE *out, const ats_plot *plot);

/* ---- the money section's course over days (report_days.c) ------------------------------------ */

/* Monthly returns as a table and the rolling Sharpe ratio as a plot, when there are days enough. */
void ats_page_months(FILE *out, const ats_report *r);
void ats_page_rolling_sharpe(FILE *out, const ats_report *r);

/* ---- sections ------------------------------------------------------------------------------- */

void ats_report_headline(FILE *out, const ats_report *r);
void ats_report_latency(FILE *out, const ats_report *r);
void ats_report_money(FILE *out, const ats_report *r);
void ats_report_trades(FILE *out, const ats_report *r);
void ats_report_execution(FILE *out, const ats_report *r);
void ats_report_decisions(FILE *out, const ats_report *r);
/* Of run.json's data_quality, or of what ats_quality_check returns. */
void ats_report_quality(FILE *out, const json_t *quality);
void ats_report_topology(FILE *out, const ats_report *r);
void ats_report_origin(FILE *out, const ats_report *r);

#endif
