/* Model signal: holds what a model expects to move, for as long as it expects it.
 *
 * Enters long when the model's margin is at least entry_margin, short at or below its negative,
 * where the signal's confidence is at least min_confidence; leaves when the margin has turned
 * against the position by exit_margin. Margins are what the trees sum to, before any transform, so
 * no exp is computed. Stop and longest time are its own; what else ends a position is configured
 * for all strategies.
 */
#include "stages/strategy/builtin/builtin.h"

#include <stdbool.h>

enum {
    ENTRY_MARGIN,
    EXIT_MARGIN,
    MIN_CONFIDENCE,
    STOP_BPS,
    MAX_HOLD_S,
    URGENCY,
    OVERNIGHT,
    PARAMETER_COUNT
};

static const ats_strategy_parameter PARAMETERS[] = {
    [ENTRY_MARGIN] = {"entry_margin", 0.5, 1e-9, 100, "margin of the model that opens a position"},
    [EXIT_MARGIN] = {"exit_margin", 0.25, 0, 100, "margin against the position that closes it"},
    [MIN_CONFIDENCE] = {"min_confidence", 0, 0, 1, "least confidence of a signal that opens one"},
    [STOP_BPS] = {"stop_bps", 30, 0, 5000,
                  "stop, basis points from the entry; 0: as configured for all (exits)"},
    [MAX_HOLD_S] = {"max_hold_s", 600, 0, 2592000,
                    "longest time in a position, seconds; 0: as configured for all"},
    [URGENCY] = {"urgency", 1, 0, 1, "0 waits for a better price, 1 pays the spread"},
    [OVERNIGHT] = {"overnight", 0, 0, 1,
                   "1: positions may stay overnight; models of daily bars need it"},
};

typedef struct model_signal {
    float entry_margin, exit_margin, min_confidence;
    int64_t stop_bps, hold_ns;
    double urgency;
    uint32_t overnight;
} model_signal;

static size_t state_bytes(const ats_strategy_setup *setup)
{
    (void)setup;
    return sizeof(model_signal);
}

static int init(void *state, const ats_strategy_setup *setup, char *why, size_t why_bytes)
{
    (void)why;
    (void)why_bytes;
    const double *p = setup->parameters;
    *(model_signal *)state = (model_signal){.entry_margin = (float)p[ENTRY_MARGIN],
                                            .exit_margin = (float)p[EXIT_MARGIN],
                                            .min_confidence = (float)p[MIN_CONFIDENCE],
                                            .stop_bps = (int64_t)p[STOP_BPS],
                                            .hold_ns = (int64_t)p[MAX_HOLD_S] * ATS_VIEW_E9,
                                            .urgency = p[URGENCY],
                                            .overnight = p[OVERNIGHT] >= 0.5};
    return 0;
}

static void enter(const model_signal *m, const ats_strategy_host *host, const ats_signal_view *s)
{
    int64_t px = s->score > 0 ? s->ask_e9 : s->bid_e9;
    ats_entry entry = {.symbol = s->symbol,
                       .side = s->score > 0 ? ATS_VIEW_BUY : ATS_VIEW_SELL,
                       .stop_distance_e9 = (int64_t)((__int128)px * m->stop_bps / 10000),
                       .hold_ns = m->hold_ns,
                       .score = s->score > 0 ? (double)s->score : -(double)s->score,
                       .confidence = (double)s->confidence,
                       .urgency = m->urgency,
                       .why = "model signal",
                       .keep_overnight = m->overnight};
    host->enter(host, &entry);
}

static void on_signal(void *state, const ats_strategy_host *host, const ats_signal_view *s)
{
    const model_signal *m = state;
    ats_position_view p;
    host->explain(host, s->symbol, "score", (double)s->score);
    host->explain(host, s->symbol, "confidence", (double)s->confidence);
    host->position(host, s->symbol, &p);
    if (p.qty_e9 != 0) {
        if (p.qty_e9 > 0 ? s->score <= -m->exit_margin : s->score >= m->exit_margin)
            host->leave(host, s->symbol, m->urgency, "model turned");
        return;
    }
    if (!(s->confidence >= m->min_confidence) || p.entering)
        return;
    if (s->score >= m->entry_margin || s->score <= -m->entry_margin)
        enter(m, host, s);
}

const ats_strategy_plugin ats_strategy_model_signal = {
    .abi = ATS_STRATEGY_ABI,
    .bytes = sizeof(ats_strategy_plugin),
    .name = "model_signal",
    .help = "holds what the model expects to move, for as long as it expects it",
    .wants = ATS_WANTS_SIGNALS,
    .parameter_count = PARAMETER_COUNT,
    .parameters = PARAMETERS,
    .state_bytes = state_bytes,
    .init = init,
    .on_signal = on_signal,
};
