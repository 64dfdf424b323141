/* The configuration on any bytes: no crash; what loads is written and loads back to the same. The
 * input follows a set of risk limits when its first byte is odd, so that it gets past them. */
#include "core/error.h"
#include "stages/config.h"

#include <stdlib.h>
#include <string.h>

static const char LIMITS[] =
    "risk: { account_type: margin, collar_bps: 20, max_drift_bps: 500, drift_window: 5m,\n"
    "  max_data_age: 2s, min_order_qty: 0, max_order_qty: 1000, min_order_notional: 1,\n"
    "  max_order_notional: 5000, max_volume_share: 1%, duplicate_window: 100ms, max_repeats:\n"
    "  60, repeat_window: 1m, max_orders_per_s: 50, max_strategy_orders_per_s: 50,\n"
    "  max_symbol_orders_per_s: 20, order_burst: 10, max_position: 5%, max_gross: 50%, max_net:\n"
    "  50%, max_short: 50%, max_sector: 20%, max_positions: 30, buying_power: 200%,\n"
    "  maintenance_long: 25%, maintenance_short: 30%, pattern_day_trades: 3,\n"
    "  pattern_day_equity: 25000, max_risk_per_trade: 0.4%, max_portfolio_risk: 5%,\n"
    "  max_correlation: 70%, max_drawdown: 2%, safe_drawdown: 1%, max_loss_streak: 20,\n"
    "  max_day_trades: 10000,}\n";

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
