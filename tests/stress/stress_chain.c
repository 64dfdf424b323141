/* The whole chain on several threads: for ThreadSanitizer, and for equal digests. */
#include "tests/unit/stages/chain_run.h"

int main(void)
{
    static const char *const MAPS[] = {"000000", "000111", "012333", "010222"};
    uint64_t count;
    ats_symbols symbols = {0};
    char first[33] = "";
    int failed = 0;
    ats_market *day = fixture_day(&count, &symbols);
    if (!day)
        return 1;
    count = count < 60000 ? count : 60000;
    for (size_t i = 0; i < sizeof MAPS / sizeof MAPS[0]; i++) {
        ats_run_config config = fixture_config();
        ats_chain_spec spec = {0};
        fixture_threads(&config, MAPS[i], ATS_WAIT_YIELD);
        fixture_run run = fixture_go(&config, &spec, day, count, &symbols);
        printf("%s: %llu orders, digest %s\n", MAPS[i], (unsigned long long)run.orders, run.digest);
        if (i == 0)
            snprintf(first, sizeof first, "%s", run.digest);
        failed |= run.result != 0 || run.orders < 100 || strcmp(first, run.digest) != 0;
    }
    free(day);
    ats_symbols_free(&symbols);
    return failed;
}
