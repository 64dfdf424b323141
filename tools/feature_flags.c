#include "tools/feature_flags.h"

#include "core/error.h"
#include "stages/feature/benchmarks.h"

#include <string.h>

static int copy(char *to, size_t bytes, const char *from, const char *option)
{
    if (!from)
        return 0;
    if (strlen(from) >= bytes)
        return ats_error(ATS_EXIT_USAGE, "--%s: longer than %zu characters", option, bytes - 1);
    strcpy(to, from);
    return 0;
}

int ats_feature_flags_read(const ats_feature_flags *flags, ats_catalogue *catalogue)
{
    ats_feature_options options = ats_feature_options_default();
    if ((flags->timeframes && ats_timeframes_parse(flags->timeframes, &options) != 0) ||
        copy(options.index, sizeof options.index, flags->index, "index") != 0 ||
        copy(options.sectors, sizeof options.sectors, flags->sectors, "sectors") != 0)
        return -1;
    const char *wrong = ats_sectors_check(options.sectors);
    if (wrong)
        return ats_error(ATS_EXIT_USAGE,
                         "--sectors: \"%.40s\" %s; give a list such as XLK: AAPL MSFT; XLF: JPM",
                         options.sectors, wrong);
    return ats_catalogue_make(catalogue, &options);
}
