/* The report of any run.json: escaped, of bounded figures, and no crash. */
#include "stages/keeper/report.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    static ats_report report;
    char *page = NULL;
    size_t length;
    json_t *run = json_loadb((const char *)bytes, n, 0, NULL);
    if (!json_is_object(run)) {
        json_decref(run);
        return 0;
    }
    memset(&report, 0, sizeof report);
    report.run = run;
    FILE *out = open_memstream(&page, &length);
    assert(out && ats_report_html(out, &report) == 0);
    fclose(out);
    /* With the quote before it, which data cannot have. */
    assert(!strstr(page, "<script") && !strstr(page, "=\"width:nan") &&
           !strstr(page, "=\"width:inf"));
    free(page);
    out = open_memstream(&page, &length);
    assert(out && ats_report_text(out, run, false) == 0);
    fclose(out);
    assert(!strchr(page, '\033'));
    free(page);
    json_decref(run);
    return 0;
}
