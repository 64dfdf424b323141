/* feature_flags.h: the options with which commands say which features a vector holds. */
#ifndef ATS_TOOLS_FEATURE_FLAGS_H
#define ATS_TOOLS_FEATURE_FLAGS_H

#include "stages/feature/catalogue.h"
#include "tools/cli.h"

typedef struct ats_feature_flags {
    const char *timeframes, *index, *sectors;
    const char *calendar; /* file; NULL: the built-in one */
} ats_feature_flags;

/* Rows for a command's table of options; its options struct holds an ats_feature_flags as `flags`.
 * No braces around the list: it stands among other rows. */
#define ATS_FEATURE_FLAG_ROWS(options)                                                             \
    {0,                                                                                            \
     "timeframes",                                                                                 \
     ATS_OPTION_TEXT,                                                                              \
     offsetof(options, flags.timeframes),                                                          \
     "1m,5m,15m,1h",                                                                               \
     "LIST",                                                                                       \
     "bars that features are made of",                                                             \
     0,                                                                                            \
     0,                                                                                            \
     false},                                                                                       \
        {0,                                                                                        \
         "index",                                                                                  \
         ATS_OPTION_TEXT,                                                                          \
         offsetof(options, flags.index),                                                           \
         NULL,                                                                                     \
         "SYMBOL",                                                                                 \
         "symbol that the index features are measured against",                                    \
         0,                                                                                        \
         0,                                                                                        \
         false},                                                                                   \
        {0,                                                                                        \
         "calendar",                                                                               \
         ATS_OPTION_TEXT,                                                                          \
         offsetof(options, flags.calendar),                                                        \
         NULL,                                                                                     \
         "FILE",                                                                                   \
         "market calendar instead of the built-in one; a run must have the same",                  \
         0,                                                                                        \
         0,                                                                                        \
         false},                                                                                   \
    {                                                                                              \
        0, "sectors", ATS_OPTION_TEXT, offsetof(options, flags.sectors), NULL, "LIST",             \
            "sector symbols and their members: \"XLK: AAPL MSFT; XLF: JPM\"", 0, 0, false          \
    }

/* 0, or -1 with an error pushed. */
int ats_feature_flags_read(const ats_feature_flags *flags, ats_catalogue *catalogue);

#endif
