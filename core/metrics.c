#include "core/metrics.h"

#include "core/error.h"

#include <assert.h>

static const char *const STAGE_LABELS[] = {"feed", "feature", "infer", "strategy",
                                           "risk", "route",   "drain", "shadow"};
static_assert(sizeof(STAGE_LABELS) / sizeof(STAGE_LABELS[0]) == ATS_METRIC_STAGE_COUNT,
              "a label a stage");

static const char *const UNIT_LABELS[] = {"", "seconds", "bytes"};
static const char *const KIND_LABELS[] = {"counter", "gauge"};

#define STAGE_feed     ATS_METRIC_FEED
#define STAGE_feature  ATS_METRIC_FEATURE
#define STAGE_infer    ATS_METRIC_INFER
#define STAGE_strategy ATS_METRIC_STRATEGY
#define STAGE_risk     ATS_METRIC_RISK
#define STAGE_route    ATS_METRIC_ROUTE
#define STAGE_drain    ATS_METRIC_DRAIN
#define STAGE_shadow   ATS_METRIC_SHADOW

#define SUFFIX_COUNT   ""
#define SUFFIX_NS      "_seconds"
#define SUFFIX_BYTES   "_bytes"
#define SUFFIX_COUNTER "_total"
#define SUFFIX_GAUGE   ""

#define FIELD_COUNT(name) #name
#define FIELD_NS(name)    #name "_ns"
#define FIELD_BYTES(name) #name "_bytes"

#define ROW(stage_, name_, unit_, kind_, help_)                                                    \
    {.field = FIELD_##unit_(name_),                                                                \
     .prometheus = "ats_" #stage_ "_" #name_ SUFFIX_##unit_ SUFFIX_##kind_,                        \
     .help = help_,                                                                                \
     .stage = STAGE_##stage_,                                                                      \
     .unit = ATS_METRIC_##unit_,                                                                   \
     .kind = ATS_METRIC_##kind_,                                                                   \
     .length = 1,                                                                                  \
     .offset = offsetof(ats_metrics, stage_.ATS_METRIC_FIELD_##unit_(name_))},

#define VECTOR_ROW(stage_, name_, length_, label_, label_of_, help_)                               \
    {.field = #name_,                                                                              \
     .prometheus = "ats_" #stage_ "_" #name_ "_total",                                             \
     .help = help_,                                                                                \
     .label = #label_,                                                                             \
     .label_of = label_of_,                                                                        \
     .stage = STAGE_##stage_,                                                                      \
     .unit = ATS_METRIC_COUNT,                                                                     \
     .kind = ATS_METRIC_COUNTER,                                                                   \
     .length = length_,                                                                            \
     .offset = offsetof(ats_metrics, stage_.name_)},

static const ats_metric TABLE[] = {ATS_METRICS(ROW, VECTOR_ROW)};

#define STAGES_APART(a, b)                                                                         \
    static_assert(offsetof(ats_metrics, b) % 128 == 0 &&                                           \
                      offsetof(ats_metrics, b) >= offsetof(ats_metrics, a) + 128,                  \
                  "two stages share no line")
STAGES_APART(feed, feature);
STAGES_APART(feature, infer);
STAGES_APART(infer, strategy);
STAGES_APART(strategy, risk);
STAGES_APART(risk, route);
STAGES_APART(route, drain);

const char *ats_batch_bucket_label(uint32_t bucket)
{
    static const char *const LABELS[] = {"1", "2", "4", "8", "16", "32", "64", "128", "256"};
    static_assert(sizeof LABELS / sizeof LABELS[0] == ATS_BATCH_BUCKETS, "a label a bucket");
    return bucket < ATS_BATCH_BUCKETS ? LABELS[bucket] : "?";
}

const char *ats_entry_answer_label(uint32_t answer)
{
    static const char *const LABELS[] = {
        "taken",  "waits", "bad",     "held",  "rests",     "conflict", "no_market", "spread",
        "window", "size",  "capital", "short", "suspended", "full",     "outranked"};
    static_assert(sizeof LABELS / sizeof LABELS[0] == ATS_ENTRY_ANSWERS, "a label an answer");
    return answer < ATS_ENTRY_ANSWERS ? LABELS[answer] : "?";
}

const char *ats_metric_stage_label(uint32_t stage)
{
    return stage < ATS_METRIC_STAGE_COUNT ? STAGE_LABELS[stage] : "?";
}

size_t ats_metric_count(void)
{
    return sizeof TABLE / sizeof TABLE[0];
}

const ats_metric *ats_metric_at(size_t i)
{
    assert(i < ats_metric_count());
    return &TABLE[i];
}

uint64_t ats_metric_value(const ats_metrics *metrics, const ats_metric *metric, uint32_t i)
{
    assert(i < metric->length);
    const uint64_t *first = (const uint64_t *)((const char *)metrics + metric->offset);
    /* Relaxed: partner of the owner's ats_count; only the number is read. */
    return ats_load_relaxed(first + i);
}

double ats_metric_scale(const ats_metric *metric)
{
    return metric->unit == ATS_METRIC_NS ? 1e-9 : 1;
}

int ats_metrics_describe(FILE *out)
{
    fputs("| metric | kind | unit | label | written by | meaning |\n"
          "| --- | --- | --- | --- | --- | --- |\n",
          out);
    for (size_t i = 0; i < ats_metric_count(); i++) {
        const ats_metric *m = &TABLE[i];
        fprintf(out, "| `%s` | %s | %s | %s | %s | %s |\n", m->prometheus, KIND_LABELS[m->kind],
                UNIT_LABELS[m->unit], m->label ? m->label : "", STAGE_LABELS[m->stage], m->help);
    }
    if (fflush(out) != 0 || ferror(out))
        return ats_error(ATS_EXIT_FAILED, "table of metrics: cannot write");
    return 0;
}
