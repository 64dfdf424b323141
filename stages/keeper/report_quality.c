/* The report's part on the market data: what was wrong with it, how often, when, and of which
 * symbols. */
#include "core/error.h"
#include "stages/keeper/quality.h"
#include "stages/keeper/report_page.h"

#include <math.h>
#include <string.h>

/* An example's value: prices with four places, times with their unit. */
static void write_value(FILE *out, const json_t *example, const char *key)
{
    const char *unit = ats_page_string(example, "unit");
    double value = ats_page_number(example, key);
    if (!strcmp(unit, "s"))
        ats_page_text(out, ats_format_ns(value * 1e9).text);
    else if (!strcmp(unit, "price"))
        ats_page_text(out, ats_format_decimal(value, 2).text);
    else if (!strcmp(unit, "time"))
        ats_page_text(out, ats_page_string(example, key));
    else
        ats_page_text(out, ats_format_count(value).text);
}

static void example_row(FILE *out, const json_t *fault, const json_t *example)
{
    const char *name = ats_page_string(fault, "fault"), *ratio = ats_page_string(example, "ratio");
    fputs("<tr><td>", out);
    ats_page_words(out, name, strlen(name));
    fputs("</td><td class=\"l\">", out);
    ats_page_text(out, ats_page_string(example, "at"));
    fputs("</td><td class=\"l\">", out);
    ats_page_text(out, ats_page_string(example, "symbol"));
    fputs("</td><td>", out);
    write_value(out, example, "value");
    fputs("</td><td>", out);
    write_value(out, example, "reference");
    fputs("</td><td class=\"l\">", out);
    if (*ratio) {
        fputs("likely ", out);
        ats_page_text(out, ratio);
    }
    fputs("</td></tr>", out);
}

static void examples(FILE *out, const json_t *faults)
{
    const json_t *fault, *example;
    size_t i, k;
    fputs("<details><summary>Examples: the first of each</summary><div class=\"scroll\"><table>"
          "<thead><tr><th>fault</th><th class=\"l\">at (UTC)</th><th class=\"l\">symbol</th>"
          "<th>seen</th><th>against</th><th class=\"l\"></th></tr></thead><tbody>",
          out);
    json_array_foreach((json_t *)faults, i, fault)
    {
        json_array_foreach((json_t *)ats_page_member(fault, "examples"), k, example)
            example_row(out, fault, example);
    }
    fputs("</tbody></table></div></details>", out);
}

/* To the second; the examples have all of it. */
static void short_time(FILE *out, const char *text)
{
    char shown[20];
    snprintf(shown, sizeof shown, "%s", text);
    if (strlen(shown) > 10)
        shown[10] = ' ';
    ats_page_text(out, shown);
}

static void fault_row(FILE *out, const json_t *fault)
{
    const char *name = ats_page_string(fault, "fault");
    fputs("<tr><td>", out);
    ats_page_words(out, name, strlen(name));
    fprintf(out, "</td><td>%s</td><td>%s</td><td class=\"l\">",
            ats_format_count(ats_page_number(fault, "count")).text,
            ats_format_count(ats_page_number(fault, "symbols")).text);
    ats_page_text(out, ats_page_string(fault, "action"));
    fputs("</td><td class=\"l\">", out);
    short_time(out, ats_page_string(fault, "first_at"));
    fputs("</td><td class=\"l\">", out);
    short_time(out, ats_page_string(fault, "last_at"));
    fputs("</td><td class=\"l wrap few\">", out);
    ats_page_text(out, ats_page_string(fault, "what"));
    fputs("</td></tr>", out);
}

static void symbol_row(FILE *out, const json_t *s)
{
    const json_t *count;
    const char *fault, *comma = "";
    double quarantines = ats_page_number(s, "quarantines");
    fputs("<tr><td>", out);
    ats_page_text(out, ats_page_string(s, "symbol"));
    fprintf(out, "</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td><td>%s</td>",
            ats_format_count(ats_page_number(s, "records")).text,
            ats_format_count(quarantines).text,
            ats_format_ns(quarantines > 0 ? ats_page_number(s, "quarantined_s") * 1e9 : (double)NAN)
                .text,
            ats_format_ns(ats_page_number(s, "crossed_s") * 1e9).text,
            ats_format_ns(ats_page_number(s, "locked_s") * 1e9).text,
            ats_format_ns(ats_page_number(s, "longest_silence_s") * 1e9).text);
    fputs("<td class=\"l wrap\">", out);
    json_object_foreach((json_t *)ats_page_member(s, "faults"), fault, count)
    {
        fputs(comma, out);
        ats_page_words(out, fault, strlen(fault));
        fprintf(out, " %s", ats_format_count(json_number_value(count)).text);
        comma = ", ";
    }
    fputs("</td></tr>", out);
}

static void symbols(FILE *out, const json_t *quality)
{
    const json_t *list = ats_page_member(quality, "symbols"), *s;
    double omitted = ats_page_number(quality, "symbols_omitted");
    size_t i;
    fputs("<h3>By symbol</h3><div class=\"scroll\"><table><thead><tr><th>symbol</th>"
          "<th>records</th><th>quarantines</th><th>in them</th><th>crossed</th><th>locked</th>"
          "<th>longest silence</th><th class=\"l\">faults</th></tr></thead><tbody>",
          out);
    json_array_foreach((json_t *)list, i, s) symbol_row(out, s);
    fputs("</tbody></table></div>", out);
    if (omitted > 0)
        fprintf(out, "<p class=\"none\">and %s symbols with fewer</p>",
                ats_format_count(omitted).text);
}

void ats_report_quality(FILE *out, const json_t *quality)
{
    const json_t *faults = ats_page_member(quality, "faults"), *fault;
    size_t i;
    if (!json_is_object(quality))
        return;
    fputs("<section class=\"card\"><h2>Market data quality</h2>", out);
    if (!json_is_true(ats_page_member(quality, "checked"))) {
        fputs("<p class=\"none\">Not checked: a tape was checked when it was recorded.</p>", out);
    } else if (json_array_size(faults) == 0) {
        fputs("<p class=\"none\">Nothing is wrong with it.</p>", out);
    } else {
        fputs("<p class=\"none\">Checked in mode ", out);
        ats_page_text(out, ats_page_string(quality, "mode"));
        fputs(".</p><div class=\"scroll\"><table><thead><tr><th>fault</th><th>count</th>"
              "<th>symbols</th><th class=\"l\">action</th><th class=\"l\">first (UTC)</th>"
              "<th class=\"l\">last (UTC)</th><th class=\"l\">meaning</th></tr></thead><tbody>",
              out);
        json_array_foreach((json_t *)faults, i, fault) fault_row(out, fault);
        fputs("</tbody></table></div>", out);
        symbols(out, quality);
        examples(out, faults);
    }
    fputs("</section>\n", out);
}

static void input_line(FILE *out, const json_t *input)
{
    const json_t *file;
    size_t i;
    fputs("<p class=\"sub\">", out);
    json_array_foreach((json_t *)ats_page_member(input, "files"), i, file)
    {
        fputs(i ? ", " : "", out);
        ats_page_text(out, json_string_value(file));
    }
    double symbol_count = ats_page_number(input, "symbols");
    fprintf(out, " \xc2\xb7 %s records of %s symbol%s \xc2\xb7 ",
            ats_format_count(ats_page_number(input, "records")).text,
            ats_format_count(symbol_count).text, symbol_count == 1 ? "" : "s");
    ats_page_text(out, ats_page_string(input, "first_at"));
    fputs(" to ", out);
    ats_page_text(out, ats_page_string(input, "last_at"));
    fputs("</p>\n", out);
}

int ats_quality_html(FILE *out, const json_t *data_quality)
{
    double held = ats_page_number(data_quality, "quarantined.symbols");
    ats_page_begin(out, "market data");
    fputs("<header><h1>Market data</h1>", out);
    if (held > 0)
        fprintf(out, "<span class=\"pill bad\">symbols in quarantine: %s</span>",
                ats_format_count(held).text);
    else
        fputs("<span class=\"pill good\">none in quarantine</span>", out);
    fputs("</header>", out);
    input_line(out, ats_page_member(data_quality, "input"));
    ats_report_quality(out, data_quality);
    fputs("<footer>Made by <code>ats capture check</code>.</footer>\n", out);
    ats_page_end(out);
    if (fflush(out) != 0 || ferror(out))
        return ats_error(ATS_EXIT_FAILED, "report: cannot be written");
    return 0;
}
