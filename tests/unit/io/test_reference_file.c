#include "core/error.h"
#include "io/reference_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER "symbol,adv,sector,easy_to_borrow,marginable,borrow_rate_bps,restricted\n"

static ats_symbols symbols;
static ats_reference_file file;

static int load(const char *text)
{
    char path[] = "/tmp/ats-reference-XXXXXX";
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    ats_error_clear();
    if (symbols.count == 0) {
        ats_symbol a = {.text = "AAA", .venue = "US", .symbol_class = 1}, b = a;
        strcpy(b.text, "BBB");
        ats_symbols_add(&symbols, &a);
        ats_symbols_add(&symbols, &b);
    }
    int result = ats_reference_load(&file, path, &symbols);
    unlink(path);
    return result;
}

Test(reference_file, a_table_by_symbol)
{
    cr_assert_eq(load(HEADER "BBB,1500000.5,Energy,yes,no,250,no\n"
                             "ZZZ,,,no,no,0,no\n"
                             "AAA,,Banks,no,yes,0,yes\n"),
                 0, "%s", ats_error_line(0));
    const ats_reference *a = &file.table.entry[1], *b = &file.table.entry[2];
    cr_assert(a->listed && !a->easy_to_borrow && a->marginable && a->restricted);
    cr_assert_eq(a->adv_e9, 0);
    cr_assert_eq(b->adv_e9, 1500000500000000ll);
    cr_assert(b->easy_to_borrow && !b->marginable && !b->restricted);
    cr_assert_eq(b->borrow_rate_bps, 250);
    cr_assert_eq(b->sector, 1);
    cr_assert_eq(a->sector, 2);
    cr_assert_str_eq(file.table.sector[1], "Banks");
    ats_reference_free(&file);
    cr_assert_null(file.table.entry);
}

Test(reference_file, no_path_is_no_table)
{
    cr_assert_eq(ats_reference_load(&file, "", &symbols), 0);
    cr_assert_null(file.table.entry);
    cr_assert_eq(ats_reference_load(&file, "/nonexistent/table.csv", &symbols), -1);
    cr_assert_neq(ats_error_code(), ATS_EXIT_OK);
}

Test(reference_file, faults_name_line_and_field)
{
    static const struct {
        const char *text, *what;
    } cases[] = {
        {"", "is empty"},
        {"symbol,adv\n", ":1: wants 7 fields"},
        {"symbol,adv,sector,easy,marginable,borrow_rate_bps,restricted\n",
         ":1: field 4 must be called easy_to_borrow"},
        {HEADER "AAA,-1,,no,no,0,no\n", ":2: adv: -1 is not allowed"},
        {HEADER "AAA,1,,maybe,no,0,no\n", ":2: easy_to_borrow: maybe is not allowed"},
        {HEADER "AAA,1,,no,no,1000001,no\n", ":2: borrow_rate_bps: 1000001 is not allowed"},
        {HEADER "AAA,1,,no,no,0,\n", ":2: restricted:  is not allowed"},
        {HEADER ",1,,no,no,0,no\n", ":2: symbol:  is not allowed"},
        {HEADER "AAA,1,,no,no,0,no\nAAA,1,,no,no,0,no\n", ":3: AAA is given twice"},
        {HEADER "AAA,1,A very long name of a sector indeed,no,no,0,no\n", ":2: sector: A very"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(load(cases[i].text), -1, "%s", cases[i].text);
        cr_expect(strstr(ats_error_line(0), cases[i].what), "%s: %s", cases[i].what,
                  ats_error_line(0));
        cr_expect_eq(ats_error_code(), ATS_EXIT_DATA);
        cr_expect_null(file.table.entry);
    }
}
