/* Feeds records to one or two symbols of the feature stage and writes every value as a double, for
 * tests that hold the formulas against other people's.
 *
 *     feature_values TIMEFRAMES names           one name a line
 *     feature_values TIMEFRAMES < in > out     native doubles, a row after each record of symbol 0
 *
 * Records come as 12 native doubles each: kind (1 quote, 2 trade, 3 bar, 6 action), symbol (0, or 1
 * for its index), time in s (two doubles: whole seconds, nanoseconds), then
 *     quote: bid, bid size, ask, ask size    trade: price, size, side, condition, correction
 *     bar: open, high, low, close, volume, period s      action: 1, new, old or 2, cash */
#include "core/error.h"
#include "stages/feature/symbol.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 12

static int64_t e9(double x)
{
    return (int64_t)(x < 0 ? x * 1e9 - 0.5 : x * 1e9 + 0.5);
}

static void feed(ats_symbol_state *s, const double *in, int64_t ns)
{
    const double *v = in + 4;
    ats_market m;
    memset(&m, 0, sizeof m);
    m.h.recv_ns = ns;
    switch ((int)in[0]) {
    case ATS_KIND_QUOTE:
        m.quote.bid_e9 = e9(v[0]);
        m.quote.bid_size_e9 = e9(v[1]);
        m.quote.ask_e9 = e9(v[2]);
        m.quote.ask_size_e9 = e9(v[3]);
        ats_symbol_quote(s, &m.quote);
        break;
    case ATS_KIND_TRADE:
        m.trade.px_e9 = e9(v[0]);
        m.trade.qty_e9 = e9(v[1]);
        m.trade.aggressor = (uint8_t)v[2];
        m.trade.condition[0] = (uint8_t)v[3];
        m.trade.correction = (uint8_t)v[4];
        ats_symbol_trade(s, &m.trade);
        break;
    case ATS_KIND_BAR:
        m.bar.open_e9 = e9(v[0]);
        m.bar.high_e9 = e9(v[1]);
        m.bar.low_e9 = e9(v[2]);
        m.bar.close_e9 = e9(v[3]);
        m.bar.volume_e9 = e9(v[4]);
        m.bar.period_s = (uint32_t)v[5];
        m.h.event_ns = ns - (int64_t)m.bar.period_s * ATS_E9;
        ats_symbol_bar(s, &m.bar);
        break;
    case ATS_KIND_CORPORATE_ACTION:
        m.corporate_action.action = (uint32_t)v[0];
        m.corporate_action.ratio_numerator = (int64_t)v[1];
        m.corporate_action.ratio_denominator = (int64_t)v[2];
        m.corporate_action.cash_e9 = e9(v[0] == ATS_ACTION_DIVIDEND ? v[1] : 0);
        ats_symbol_action(s, &m.corporate_action);
        break;
    default:
        fprintf(stderr, "feature_values: kind %g\n", in[0]);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    static ats_catalogue catalogue;
    static double in[FIELDS], out[ATS_FEATURES_MAX];
    ats_feature_options options = ats_feature_options_default();
    if (argc < 2 || ats_timeframes_parse(argv[1], &options) != 0 ||
        ats_catalogue_make(&catalogue, &options) != 0)
        return 2;
    if (argc > 2) {
        for (uint32_t i = 0; i < catalogue.count; i++)
            puts(catalogue.feature[i].name);
        return 0;
    }
    ats_symbol_state *symbol[2];
    for (int i = 0; i < 2; i++) {
        symbol[i] = aligned_alloc(64, ats_symbol_bytes(&catalogue));
        memset(symbol[i], 0, ats_symbol_bytes(&catalogue));
    }
    const ats_calendar *calendar = &ats_calendar_continuous;
    ats_symbol_init(symbol[1], &catalogue, calendar, NULL, NULL);
    ats_symbol_init(symbol[0], &catalogue, calendar, symbol[1], symbol[1]);
    while (fread(in, sizeof in, 1, stdin) == 1) {
        int64_t ns = (int64_t)in[2] * ATS_E9 + (int64_t)in[3];
        feed(symbol[in[1] != 0], in, ns);
        if (in[1] != 0)
            continue;
        /* What the stage publishes in float must be these values. */
        ats_symbol_values(symbol[0], ns, out);
        ats_symbol_vector(symbol[0], ns);
        for (uint32_t i = 0; i < catalogue.count; i++)
            if ((float)out[i] != symbol[0]->vector[i] && out[i] == out[i]) {
                fprintf(stderr, "feature_values: %s is %.17g, in the vector %.9g\n",
                        catalogue.feature[i].name, out[i], symbol[0]->vector[i]);
                return 1;
            }
        fwrite(out, sizeof *out, catalogue.count, stdout);
    }
    free(symbol[0]);
    free(symbol[1]);
    return fflush(stdout) != 0;
}
