#include "core/error.h"
#include "io/journal.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[] = "/tmp/ats-journal-XXXXXX";

static void make_directory(void)
{
    cr_assert_not_null(mkdtemp(directory));
}

static void remove_directory(void)
{
    rmdir(directory);
}

TestSuite(journal, .init = make_directory, .fini = remove_directory);

Test(journal, appends_and_drains_in_order_around_the_ring)
{
    ats_journal j;
    cr_assert_eq(ats_journal_create(&j, directory, "a", 8), 0, "%s", ats_error_line(0));
    uint64_t appended = 0, drained = 0;
    for (int round = 0; round < 50; round++) {
        while (ats_journal_room(&j, 1)) {
            ats_journal_entry e = {.order_id = ++appended};
            ats_journal_append(&j, &e);
        }
        cr_assert_eq(appended - drained, 8);
        const ats_journal_entry *first;
        uint64_t n = ats_journal_waiting(&j, &first);
        cr_assert_gt(n, 0);
        n = n > 3 ? 3 : n;
        for (uint64_t i = 0; i < n; i++) {
            drained++;
            cr_assert_eq(first[i].order_id, drained);
            cr_assert(ats_journal_entry_is_whole(&first[i], drained));
            cr_assert_not(ats_journal_entry_is_whole(&first[i], drained + 1));
        }
        ats_journal_drained(&j, n);
    }
    ats_journal_close(&j, true);
}

Test(journal, a_second_of_the_same_name_is_refused)
{
    ats_journal j, k;
    cr_assert_eq(ats_journal_create(&j, directory, "b", 8), 0);
    cr_assert_neq(ats_journal_create(&k, directory, "b", 8), 0);
    ats_journal_close(&j, true);
}

/* A process that is killed while it appends: every entry that counts is whole. */
Test(journal, survives_kill_at_any_instruction)
{
    char path[64];
    snprintf(path, sizeof path, "%s/ats-k.journal", directory);
    for (int i = 0; i < 20; i++) {
        int created[2];
        cr_assert_eq(pipe(created), 0);
        pid_t child = fork();
        if (child == 0) {
            close(created[0]);
            ats_journal j;
            if (ats_journal_create(&j, directory, "k", 1024) != 0)
                _exit(1);
            close(created[1]);
            for (uint64_t id = 1;; id++) {
                const ats_journal_entry *first;
                ats_journal_entry e = {.order_id = id};
                if (!ats_journal_room(&j, 1))
                    ats_journal_drained(&j, ats_journal_waiting(&j, &first));
                ats_journal_append(&j, &e);
            }
        }
        close(created[1]);
        char end;
        cr_assert_eq(read(created[0], &end, 1), 0);
        close(created[0]);
        usleep(3000 + 700 * (unsigned)i);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        FILE *f = fopen(path, "rb");
        cr_assert_not_null(f);
        static uint8_t bytes[ATS_JOURNAL_HEADER + 1024 * sizeof(ats_journal_entry)];
        cr_assert_eq(fread(bytes, 1, sizeof bytes, f), sizeof bytes);
        fclose(f);
        unlink(path);
        const ats_journal_header *h = (const ats_journal_header *)bytes;
        const ats_journal_entry *e = (const ats_journal_entry *)(bytes + ATS_JOURNAL_HEADER);
        for (uint64_t n = h->tail + 1; n <= h->head; n++)
            cr_assert(ats_journal_entry_is_whole(&e[(n - 1) & 1023], n), "entry %lu of %lu", n,
                      h->head);
        cr_assert_leq(h->head - h->tail, 1024);
    }
}
