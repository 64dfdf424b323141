/* The configuration on any bytes: no crash; what loads is written and loads back to the same. The
 * input follows a set of risk limits when its first byte is odd, so that it gets past them. */
#include "core/error.h"
#include "stages/config.h"

#include <stdlib.h>
#include <string.h>

static const char LIMITS[] =
    "risk: {collar_bps: 20, max_data_age: 2s, max_order_qty: 1000, max_order_notional: 5000,\n"
    "  duplicate_window: 100ms, max_orders_per_s: 50, order_burst: 10, max_position: 5%,\n"
    "  max_gross: 50%, max_short: 25%, max_positions: 30, max_risk_per_trade: 0.4%,\n"
    "  max_drawdown: 2%, max_loss_streak: 20, max_day_trades: 10000}\n";

static void load_back(const ats_run_config *config, ats_config_report *report)
{
    static ats_run_config again;
    char *text = NULL;
    size_t length = 0;
    FILE *f = open_memstream(&text, &length);
    if (!f || ats_config_write(config, f) != 0 || fclose(f) != 0)
        abort();
    if (ats_config_load_text(&again, "fuzz.yaml", text, length, report) != 0 ||
        memcmp(&again, config, sizeof again) != 0)
        abort();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static ats_run_config config;
    static ats_config_report report;
    if (size < 1 || size > ATS_CONFIG_FILE_BYTES)
        return 0;
    size_t limits = data[0] & 1 ? sizeof LIMITS - 1 : 0;
    char *text = malloc(limits + size);
    if (!text)
        abort();
    memcpy(text, LIMITS, limits);
    memcpy(text + limits, data + 1, size - 1);
    ats_error_clear();
    memset(&config, 0, sizeof config);
    if (ats_config_load_text(&config, "fuzz.yaml", text, limits + size - 1, &report) == 0)
        load_back(&config, &report);
    else if (ats_error_count() == 0 || ats_error_code() != ATS_EXIT_CONFIG)
        abort();
    free(text);
    return 0;
}
