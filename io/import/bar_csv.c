/* Files of bars with named columns: one format that takes options, and presets of it. */
#include "io/import/bar_file.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

static int bar_csv_open(ats_import_file *file, const ats_import_options *options)
{
    static const ats_bar_preset preset = {.header = true};
    return ats_bar_file_open(file, options, &preset);
}

const ats_import_format ats_import_bar_csv = {
    .name = "bar-csv",
    .purpose = "bars of any vendor: --columns or a header line, --time-format, --zone, --bar-time, "
               "--period, --class",
    .input = "delimited text, plain, .zst or .zip; a header line unless --no-header; any order",
    .sorted = true,
    .open = bar_csv_open,
    .close = ats_bar_file_close,
    .entry = ats_bar_file_entry,
    .line = ats_bar_file_line,
};

/* ---- wiki-daily ------------------------------------------------------------------------------ */

/* "WIKI-AAPL.csv.zst", "WIKI-AAPL-2011-quandl.csv": the second part. Files whose rows name the
 * symbol may be called anything. */
static void wiki_symbol(ats_bar_file *b, const char *name)
{
    if (b->symbol_given)
        return;
    memset(b->symbol, 0, sizeof b->symbol);
    if (strncmp(name, "WIKI-", 5) == 0)
        ats_bar_symbol_text(name + 5, strcspn(name + 5, "-."), b->symbol);
}

static int wiki_open(ats_import_file *file, const ats_import_options *options)
{
    static const ats_bar_preset preset = {.time_format = "%Y-%m-%d",
                                          .zone = "America/New_York",
                                          .bar_time = "start",
                                          .symbol_class = "equity",
                                          .period_ns = ATS_DAY_NS,
                                          .header = true};
    if (ats_bar_file_open(file, options, &preset) != 0)
        return -1;
    wiki_symbol(file->state, ats_bar_base_name(file->path));
    return 0;
}

static int wiki_entry(ats_import_file *file, const char *name)
{
    ats_bar_file *b = file->state;
    wiki_symbol(b, ats_bar_base_name(name));
    return ats_bar_file_entry(file, name);
}

const ats_import_format ats_import_wiki_daily = {
    .name = "wiki-daily",
    .purpose = "US equity days of the Quandl WIKI set: raw bars, splits and dividends",
    .input = "CSV with a header, plain, .zst or .zip; symbol from a column or from WIKI-SYMBOL.csv",
    .sorted = true,
    .open = wiki_open,
    .close = ats_bar_file_close,
    .entry = wiki_entry,
    .line = ats_bar_file_line,
};

/* ---- snowguru -------------------------------------------------------------------------------- */

static const char *snowguru_class(const char *symbol)
{
    static const char *const coins[] = {"ADA",  "BTC", "DOGE",  "ETC", "ETH",
                                        "LINK", "LTC", "MATIC", "SOL", "UNI"};
    size_t n = strlen(symbol);
    for (size_t i = 0; i < sizeof coins / sizeof coins[0]; i++)
        if (strncmp(symbol, coins[i], strlen(coins[i])) == 0 && n > 3 &&
            strstr(symbol + strlen(coins[i]), "USD") == symbol + strlen(coins[i]))
            return "crypto";
    if (strstr(symbol, "IDX"))
        return "index";
    return n > 5 && strcmp(symbol + n - 5, "USUSD") == 0 ? "equity" : "fx";
}

static int snowguru_open(ats_import_file *file, const ats_import_options *options)
{
    static const struct {
        const char *name;
        int64_t minutes;
    } periods[] = {{"M1", 1},  {"M5", 5},   {"M15", 15}, {"M30", 30},
                   {"H1", 60}, {"H4", 240}, {"D1", 1440}};
    const char *name = ats_bar_base_name(file->path), *mark = strchr(name, '_');
    ats_bar_preset preset = {.time_format = "%Y-%m-%d %H:%M:%S",
                             .zone = "UTC",
                             .bar_time = "start",
                             .delimiter = "tab",
                             .venue = "CFD",
                             .header = true};
    char symbol[ATS_SYMBOL_TEXT] = "";
    size_t length = mark ? strcspn(mark + 1, ".") : 0;
    for (size_t i = 0; mark && i < sizeof periods / sizeof periods[0]; i++)
        if (strlen(periods[i].name) == length && !strncmp(mark + 1, periods[i].name, length))
            preset.period_ns = periods[i].minutes * 60 * ATS_SECOND_NS;
    if (!preset.period_ns || !ats_bar_symbol_text(name, (size_t)(mark - name), symbol))
        return ats_error(ATS_EXIT_USAGE, "%s: the name is not SYMBOL_PERIOD.csv (M1 to D1)",
                         file->path);
    ats_import_options named = *options;
    preset.symbol_class = snowguru_class(symbol);
    if (!named.bars.symbol)
        named.bars.symbol = symbol;
    return ats_bar_file_open(file, &named, &preset);
}

const ats_import_format ats_import_snowguru = {
    .name = "snowguru",
    .purpose = "CFD bars of the SnowGuru set: stocks, indices, metals, crypto, fx",
    .input = "tab-separated, GMT, bar start; symbol and period from the name SYMBOL_M15.csv[.zst]",
    .sorted = true,
    .open = snowguru_open,
    .close = ats_bar_file_close,
    .line = ats_bar_file_line,
};

/* ---- ninjatrader ----------------------------------------------------------------------------- */

static int ninjatrader_open(ats_import_file *file, const ats_import_options *options)
{
    static const ats_bar_preset preset = {.columns = "time,open,high,low,close,volume",
                                          .time_format = "%Y%m%d %H%M%S",
                                          .zone = "UTC",
                                          .bar_time = "end",
                                          .delimiter = ";",
                                          .symbol_class = "equity",
                                          .period_ns = 60 * ATS_SECOND_NS};
    return ats_bar_file_open(file, options, &preset);
}

const ats_import_format ats_import_ninjatrader = {
    .name = "ninjatrader",
    .purpose = "minute bars as NinjaTrader exports them; needs --symbol",
    .input = "`yyyymmdd hhmmss;open;high;low;close;volume`, no header, UTC, bar end; --period 1m",
    .sorted = true,
    .open = ninjatrader_open,
    .close = ats_bar_file_close,
    .line = ats_bar_file_line,
};
