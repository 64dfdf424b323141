/* cli.h: what all commands share: options from a table, help, errors, progress.
 *
 * A command is one file with one `const ats_command`, and one line in the table of tools/ats.c. Its
 * options are a const table of ats_option whose defaults the parser fills in, so that help and
 * behaviour cannot differ.
 */
#ifndef ATS_TOOLS_CLI_H
#define ATS_TOOLS_CLI_H

#include "core/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum ats_option_type {
    ATS_OPTION_FLAG,     /* bool */
    ATS_OPTION_TEXT,     /* const char * */
    ATS_OPTION_LIST,     /* ats_option_list: given once or more */
    ATS_OPTION_INTEGER,  /* int64_t, within minimum..maximum */
    ATS_OPTION_DECIMAL,  /* int64_t in 1e-9 units, within minimum..maximum (1e-9, too) */
    ATS_OPTION_DURATION, /* int64_t ns: a number and ns, us, ms, s, m or h */
    ATS_OPTION_PERCENT   /* int64_t in millionths: "0.1" or "0.1%" is 1000 */
} ats_option_type;

/* Texts of an option that may be given again; a thousand files, as for arguments. */
#define ATS_OPTION_LIST_MAX 1000u
typedef struct ats_option_list {
    uint32_t count;
    const char *item[ATS_OPTION_LIST_MAX];
} ats_option_list;

typedef struct ats_option {
    char letter; /* 'o' for -o; 0 = none */
    const char *name;
    ats_option_type type;
    size_t offset;        /* of the value in the command's own struct */
    const char *fallback; /* default as the user would write it; NULL: none (zero) */
    const char *unit;     /* what the value is, for help: "FILE", "records/s" */
    const char *help;
    int64_t minimum, maximum; /* INTEGER, DECIMAL; both 0: any */
    bool required;
} ats_option;

/* Options of every command, in ats_cli.common. */
typedef struct ats_cli_common {
    bool json, quiet, no_color, help;
} ats_cli_common;

typedef struct ats_command {
    const char *name;
    const char *purpose;  /* one line for `ats --help` */
    const char *synopsis; /* what follows "ats NAME" */
    const char *detail;   /* a paragraph or two for `ats NAME --help`; NULL = none */
    const char *example;
    const ats_option *option; /* ended by a NULL name; NULL = only the common ones */
    uint32_t arguments_min, arguments_max;
    int (*run)(int argc, char **argv); /* argv[0] is the command; returns the exit code */
} ats_command;

typedef struct ats_cli {
    const ats_command *command;
    ats_cli_common common;
    bool color;      /* stderr is a terminal and nobody said no */
    bool progress;   /* the same, and not --quiet */
    char **argument; /* what is no option, in order */
    uint32_t argument_count;
} ats_cli;

/* Parses argv by the command's table into *values, which the caller has zeroed. 0 go on; 1 done
 * (help was printed: return ATS_EXIT_OK); -1 an error was pushed (return ats_cli_fail()). Options
 * and arguments may be mixed;
 * "--" ends options. argv is reordered. */
int ats_cli_parse(ats_cli *cli, const ats_command *command, void *values, int argc, char **argv);

/* Prints the error stack to stderr, outermost first, and returns its exit code (ATS_EXIT_FAILED
 * when the stack is empty). */
int ats_cli_fail(void);

void ats_cli_help(const ats_command *command);

/* Prints one JSON document and frees it. 0, or -1 with an error pushed. */
int ats_cli_print_json(json_t *document);

/* Flushes stdout and turns a full disk or closed pipe into an error. 0 or -1. */
int ats_cli_flush(void);

/* ---- work that may take long ----------------------------------------------------------------- */

typedef struct ats_progress {
    bool on;
    const char *what; /* "records" */
    uint64_t start_ns, shown_ns;
    bool visible;
} ats_progress;

/* Also takes SIGINT and SIGTERM: from here on they make ats_progress_tell return 1. */
void ats_progress_start(ats_progress *progress, const ats_cli *cli, const char *what);

/* Shows done of total (0 = unknown) and the rate of `units`, after two seconds, five times a
 * second. 1 when the user wants to stop, else 0. */
int ats_progress_tell(ats_progress *progress, uint64_t done, uint64_t total, uint64_t units);

/* Clears the line. Seconds since the start. */
double ats_progress_stop(ats_progress *progress);

#endif
