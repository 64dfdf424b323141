/* The page around the sections: style, escaping, order. */
#include "core/error.h"
#include "core/file.h"
#include "stages/keeper/report_page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char STYLE[] =
    ":root{color-scheme:light dark;--bg:#f6f7f9;--card:#fff;--ink:#15202b;--soft:#5b6875;"
    "--line:#e1e5ea;--accent:#1f5fbf;--good:#157347;--bad:#b3261e;--warn-bg:#fff6e0;"
    "--warn-line:#e0a100;--bad-bg:#fdecea;"
    "--c0:#1f5fbf;--c1:#d9730d;--c2:#157347;--c3:#8d3fb5;--c4:#b3261e;--c5:#0b7a8a;--c6:#7a6a2b}"
    "@media(prefers-color-scheme:dark){:root{--bg:#0f1419;--card:#171e26;--ink:#e4e9ee;"
    "--soft:#93a0ad;--line:#2a343f;--accent:#6aa5ff;--good:#5ac38a;--bad:#ff8a80;"
    "--warn-bg:#2d2410;--warn-line:#c99a1c;--bad-bg:#331a1a;"
    "--c0:#6aa5ff;--c1:#ffa552;--c2:#5ac38a;--c3:#cf8ff0;--c4:#ff8a80;--c5:#4fc7d6;"
    "--c6:#d3bf6a}}"
    "*{box-sizing:border-box}body{margin:0;background:var(--bg);color:var(--ink);"
    "font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}"
    "main{max-width:1180px;margin:0 auto;padding:24px 20px 48px}"
    "h1{font-size:1.45rem;margin:0;letter-spacing:-.01em}h2{font-size:1.06rem;margin:0 0 12px}"
    "h3{font-size:.9rem;margin:18px 0 6px;color:var(--soft);font-weight:600}"
    "header{display:flex;flex-wrap:wrap;gap:6px 14px;align-items:baseline;margin-bottom:4px}"
    ".sub{color:var(--soft);margin:0 0 18px;overflow-wrap:anywhere}"
    ".pill{font-size:.8rem;font-weight:600;padding:1px 10px;border-radius:99px;border:1px solid}"
    ".pill.good{color:var(--good)}.pill.bad{color:var(--bad)}"
    ".card{background:var(--card);border:1px solid var(--line);border-radius:8px;"
    "padding:18px 20px;margin:0 0 16px}"
    ".notes{border-left:4px solid var(--warn-line);background:var(--warn-bg)}"
    ".notes.bad{border-left-color:var(--bad);background:var(--bad-bg)}"
    ".notes ul{margin:0;padding-left:18px}.notes li{margin:2px 0;overflow-wrap:anywhere}"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;"
    "margin:0 0 16px}.tile{background:var(--card);border:1px solid var(--line);"
    "border-radius:8px;padding:12px 16px}.tile b{display:block;font-size:1.45rem;"
    "letter-spacing:-.02em;font-variant-numeric:tabular-nums;white-space:nowrap}"
    ".tile span{color:var(--soft);font-size:.82rem}.tile.head{border-color:var(--accent)}"
    ".up{color:var(--good)}.down{color:var(--bad)}.few{color:var(--soft);opacity:.75}"
    ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;"
    "font-variant-numeric:tabular-nums;font-size:.9rem}"
    "th,td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--line);"
    "white-space:nowrap}th{color:var(--soft);font-weight:600;font-size:.8rem}"
    "th:first-child,td:first-child,.l{text-align:left}td.wrap{white-space:normal;"
    "overflow-wrap:anywhere}tr:last-child td{border-bottom:0}tr.head td{font-weight:650}"
    ".grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));"
    "gap:8px 28px}figure{margin:0 0 8px;min-width:0}figcaption b{display:block;font-size:.92rem}"
    "figcaption small{color:var(--soft)}svg{display:block;width:100%;height:auto}"
    "svg text{font-size:11.5px;fill:var(--soft)}.grid{stroke:var(--line);stroke-width:1}"
    ".line{fill:none;stroke-width:1.8;stroke-linejoin:round}.area{stroke:none;opacity:.18}"
    ".line.c0{stroke:var(--c0)}.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}"
    ".line.c3{stroke:var(--c3)}.line.c4{stroke:var(--c4)}.line.c5{stroke:var(--c5)}"
    ".line.c6{stroke:var(--c6)}.area.c0,.dot.c0,.legend .c0{fill:var(--c0);background:var(--c0)}"
    ".area.c1,.dot.c1,.legend .c1{fill:var(--c1);background:var(--c1)}"
    ".area.c2,.dot.c2,.legend .c2{fill:var(--c2);background:var(--c2)}"
    ".area.c3,.dot.c3,.legend .c3{fill:var(--c3);background:var(--c3)}"
    ".area.c4,.dot.c4,.legend .c4{fill:var(--c4);background:var(--c4)}"
    ".area.c5,.dot.c5,.legend .c5{fill:var(--c5);background:var(--c5)}"
    ".area.c6,.dot.c6,.legend .c6{fill:var(--c6);background:var(--c6)}"
    ".legend{display:flex;flex-wrap:wrap;gap:2px 14px;margin:2px 0 8px;font-size:.82rem;"
    "color:var(--soft)}.legend i{display:inline-block;width:14px;height:3px;margin-right:6px;"
    "vertical-align:middle;border-radius:2px}.none{color:var(--soft)}"
    ".bar{display:inline-block;height:8px;border-radius:2px;background:var(--c0);"
    "vertical-align:middle}.track{display:inline-block;width:90px;"
    "background:var(--line);border-radius:2px;line-height:0;text-align:left}"
    ".lanes{display:flex;flex-wrap:wrap;gap:10px;margin:0 0 8px}.lane{border:1px solid "
    "var(--line);border-radius:8px;padding:8px 12px;min-width:0}.lane small{color:var(--soft);"
    "display:block}.chips{display:flex;flex-wrap:wrap;gap:6px;margin-top:6px}.chips span{"
    "border:1px solid var(--accent);border-radius:5px;padding:1px 9px;font-size:.85rem}"
    "details{margin-top:10px}summary{cursor:pointer;color:var(--accent)}"
    "pre{overflow-x:auto;font-size:.82rem;line-height:1.45;background:var(--bg);padding:12px;"
    "border-radius:6px}code{font-size:.85em;overflow-wrap:anywhere}"
    "footer{color:var(--soft);font-size:.82rem}"
    "@media(max-width:560px){main{padding:16px 10px 32px}.card{padding:14px 12px}"
    "th,td{padding:5px 7px}.tile b{font-size:1.2rem}svg text{font-size:13.5px}}"
    "@media print{body{background:#fff}.card,.tile{break-inside:avoid}}";

/* ---- escaping ------------------------------------------------------------------------------ */

/* Length of the UTF-8 sequence at s, 0 when it is none: overlong forms, surrogates and values past
 * U+10FFFF are none (RFC 3629). */
static size_t utf8_length(const unsigned char *s)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 0;
    if (s[0] >= 0xf0 && s[0] < 0xf5)
        n = 4;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
    return n > 1 && (overlong || outside) ? 0 : n;
}

void ats_page_text(FILE *out, const char *text)
{
    for (const unsigned char *s = (const unsigned char *)text; s && *s;) {
        size_t n = utf8_length(s);
        if (*s == '&')
            fputs("&amp;", out);
        else if (*s == '<')
            fputs("&lt;", out);
        else if (*s == '>')
            fputs("&gt;", out);
        else if (*s == '"')
            fputs("&quot;", out);
        else if (*s == '\'')
            fputs("&#39;", out);
        else if (n == 0 || *s == 0x7f || (*s < 0x20 && *s != '\n' && *s != '\t'))
            fputs("\xef\xbf\xbd", out);
        else
            fwrite(s, 1, n, out);
        s += n ? n : 1;
    }
}

void ats_page_words(FILE *out, const char *label, size_t n)
{
    char words[64];
    snprintf(words, sizeof words, "%.*s", (int)(n < sizeof words ? n : sizeof words - 1), label);
    for (char *c = words; *c; c++)
        if (*c == '_')
            *c = ' ';
    ats_page_text(out, words);
}

void ats_page_bar(FILE *out, double share)
{
    double width = isfinite(share) ? 100 * fmax(0, fmin(share, 1)) : 0;
    fprintf(out, "<span class=\"bar\" style=\"width:%.1f%%\"></span>", width);
}

/* ---- looking into run.json ----------------------------------------------------------------- */

const json_t *ats_page_member(const json_t *object, const char *path)
{
    while (object && *path) {
        char key[64];
        size_t n = strcspn(path, ".");
        if (n >= sizeof key)
            return NULL;
        memcpy(key, path, n);
        key[n] = 0;
        object = json_object_get(object, key);
        path += n + (path[n] == '.');
    }
    return object;
}

double ats_page_number(const json_t *object, const char *path)
{
    const json_t *value = ats_page_member(object, path);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

const char *ats_page_string(const json_t *object, const char *path)
{
    const char *value = json_string_value(ats_page_member(object, path));
    return value ? value : "";
}

/* ---- the page ------------------------------------------------------------------------------ */

void ats_page_begin(FILE *out, const char *title)
{
    fputs("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
          "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
          "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
          "style-src 'unsafe-inline'\"><title>",
          out);
    ats_page_text(out, title);
    fprintf(out, " \xc2\xb7 ATS</title><style>%s</style></head><body><main>\n", STYLE);
}

void ats_page_end(FILE *out)
{
    fputs("</main></body></html>\n", out);
}

int ats_report_html(FILE *out, const ats_report *r)
{
    const char *name = strrchr(r->run_dir, '/');
    name = name && name[1] ? name + 1 : r->run_dir;
    ats_page_begin(out, name);
    ats_report_headline(out, r);
    ats_report_money(out, r);
    ats_report_trades(out, r);
    ats_report_execution(out, r);
    ats_report_decisions(out, r);
    ats_report_latency(out, r);
    ats_report_topology(out, r);
    ats_report_quality(out, ats_page_member(r->run, "data_quality"));
    ats_report_origin(out, r);
    fputs("<footer>Made from run.json, store.db and latency.hlog of this directory; "
          "<code>ats report</code> makes it again.</footer>\n",
          out);
    ats_page_end(out);
    if (fflush(out) != 0 || ferror(out))
        return ats_error(ATS_EXIT_FAILED, "report: cannot be written");
    return 0;
}

int ats_report_write(const char *run_dir)
{
    char path[4352], *page = NULL;
    size_t bytes = 0;
    ats_report *r = malloc(sizeof *r);
    if (!r)
        return ats_error(ATS_EXIT_FAILED, "report: no memory");
    if (ats_report_open(r, run_dir) != 0) {
        free(r);
        return -1;
    }
    FILE *out = open_memstream(&page, &bytes);
    int failed = !out ? ats_error(ATS_EXIT_FAILED, "report: no memory") : ats_report_html(out, r);
    if (out && fclose(out) != 0 && !failed)
        failed = ats_error(ATS_EXIT_FAILED, "report: no memory");
    snprintf(path, sizeof path, "%s/report.html", run_dir);
    if (!failed)
        failed = ats_file_replace(path, page, bytes);
    free(page);
    ats_report_close(r);
    free(r);
    return failed ? -1 : 0;
}
