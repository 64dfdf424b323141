/* metrics.h: every metric of the chain, defined once.
 *
 * One table (ATS_METRICS_<STAGE>) gives the C field, the Prometheus name, its help text and its row
 * in the documentation. Each stage has a block of its own on lines of its own; the stage's thread
 * alone writes it, with ats_count() or ats_store_relaxed(), and any thread may read it with
 * ats_metric_value(). All values are unsigned 64-bit integers in the unit of the field's name;
 * Prometheus sees base units (seconds, bytes).
 *
 * To add a metric, add a line to the stage's list; nothing else.
 */
#ifndef ATS_CORE_METRICS_H
#define ATS_CORE_METRICS_H

#include "core/atomic.h"
#include "core/data_fault.h"
#include "core/record.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum ats_metric_stage {
    ATS_METRIC_FEED,
    ATS_METRIC_FEATURE,
    ATS_METRIC_INFER,
    ATS_METRIC_STRATEGY,
    ATS_METRIC_RISK,
    ATS_METRIC_ROUTE,
    ATS_METRIC_DRAIN,
    ATS_METRIC_SHADOW,
    ATS_METRIC_STAGE_COUNT
} ats_metric_stage;
const char *ats_metric_stage_label(uint32_t stage);

/* Batches by their rows: bucket i holds 2^i rows and more, below 2^(i+1); the last one 256. */
#define ATS_BATCH_BUCKETS 9u
const char *ats_batch_bucket_label(uint32_t bucket);

/* What became of an entry that a strategy asked for: ats_answer of stages/strategy/ats_strategy.h,
 * which stands alone and so is not included here. */
#define ATS_ENTRY_ANSWERS 15u
const char *ats_entry_answer_label(uint32_t answer);

typedef enum ats_metric_kind { ATS_METRIC_COUNTER, ATS_METRIC_GAUGE } ats_metric_kind;

typedef enum ats_metric_unit {
    ATS_METRIC_COUNT, /* things: no suffix */
    ATS_METRIC_NS,    /* field ends in _ns, Prometheus name in _seconds */
    ATS_METRIC_BYTES  /* field and name end in _bytes */
} ats_metric_unit;

/* X(stage, name, unit, kind, help) for a number, V(stage, name, length, label, label_of, help) for
 * a counter with one label, whose values are 0..length-1 and whose text is label_of(value). */
#define ATS_METRICS_COMMON(X, V, S)                                                                \
    X(S, events_in, COUNT, COUNTER, "Records taken from the stage's inputs.")                      \
    X(S, events_out, COUNT, COUNTER, "Records published to the stage's outputs.")                  \
    X(S, batches, COUNT, COUNTER, "Work calls that found something to do.")                        \
    X(S, stalls, COUNT, COUNTER, "Times the stage had to wait for room downstream.")               \
    X(S, stall, NS, COUNTER, "Time spent waiting for room downstream.")                            \
    X(S, tap_dropped, COUNT, COUNTER, "Records that a full tap of the stage lost.")

#define ATS_METRICS_FEED(X, V)                                                                     \
    ATS_METRICS_COMMON(X, V, feed)                                                                 \
    X(feed, quotes, COUNT, COUNTER, "Quotes accepted.")                                            \
    X(feed, trades, COUNT, COUNTER, "Trades accepted.")                                            \
    X(feed, bars, COUNT, COUNTER, "Bars accepted.")                                                \
    X(feed, out_of_order, COUNT, COUNTER, "Market records older than one already passed.")         \
    X(feed, crossed, COUNT, COUNTER, "Quotes whose bid is above their ask.")                       \
    X(feed, locked, COUNT, COUNTER, "Quotes whose bid equals their ask.")                          \
    X(feed, bad_price, COUNT, COUNTER, "Market records refused for a price out of range.")         \
    X(feed, bad_size, COUNT, COUNTER, "Market records refused for a size out of range.")           \
    X(feed, bad_time, COUNT, COUNTER, "Market records refused for a time out of range.")           \
    X(feed, bad_action, COUNT, COUNTER, "Corporate actions refused for a ratio or cash.")          \
    X(feed, commands, COUNT, COUNTER, "Commands released into the chain.")                         \
    X(feed, unchanged, COUNT, COUNTER, "Quotes equal to the one before; not passed on.")           \
    X(feed, quarantined, COUNT, COUNTER, "Market records of symbols in quarantine.")               \
    X(feed, symbols_quarantined, COUNT, GAUGE, "Symbols in quarantine now.")                       \
    X(feed, conflated, COUNT, COUNTER, "Quotes replaced by a newer one while room was missing.")   \
    V(feed, data_faults, ATS_DATA_FAULT_COUNT, fault, ats_data_fault_label,                        \
      "Faults of the market data by what is wrong.")

#define ATS_METRICS_FEATURE(X, V)                                                                  \
    ATS_METRICS_COMMON(X, V, feature)                                                              \
    X(feature, rows, COUNT, COUNTER, "Feature vectors published.")                                 \
    X(feature, not_ready, COUNT, COUNTER, "Quotes without a vector: one side is missing.")         \
    X(feature, late, COUNT, COUNTER, "Trades reported late: only their volume counts.")            \
    X(feature, volume_only, COUNT, COUNTER, "Trades whose sale conditions form no price.")         \
    X(feature, reversed, COUNT, COUNTER, "Records that took an earlier trade back.")               \
    X(feature, ignored, COUNT, COUNTER, "Corrections, bars and actions that change nothing.")

#define ATS_METRICS_INFER(X, V)                                                                    \
    ATS_METRICS_COMMON(X, V, infer)                                                                \
    X(infer, rows, COUNT, COUNTER, "Rows scored.")                                                 \
    X(infer, signals, COUNT, COUNTER, "Signals published, one a row.")                             \
    V(infer, batch_rows, ATS_BATCH_BUCKETS, rows, ats_batch_bucket_label,                          \
      "Batches by their rows: at least so many, below twice that.")                                \
    X(infer, swaps, COUNT, COUNTER, "Commands that changed the model.")                            \
    X(infer, swaps_refused, COUNT, COUNTER, "Commands that named a model which is not loaded.")

#define ATS_METRICS_STRATEGY(X, V)                                                                 \
    ATS_METRICS_COMMON(X, V, strategy)                                                             \
    X(strategy, signals, COUNT, COUNTER, "Signals seen.")                                          \
    X(strategy, intents, COUNT, COUNTER, "Intents published, cancels included.")                   \
    V(strategy, wishes, ATS_ENTRY_ANSWERS, answer, ats_entry_answer_label,                         \
      "Entries that strategies asked for, by what became of them.")                                \
    X(strategy, positions, COUNT, GAUGE, "Positions of all strategies.")                           \
    X(strategy, unprotected, COUNT, GAUGE, "Positions that no stop guards at the broker.")         \
    X(strategy, overruns, COUNT, COUNTER, "Calls of a strategy that took longer than its budget.") \
    X(strategy, suspended, COUNT, COUNTER, "Strategies suspended for their overruns.")

#define ATS_METRICS_RISK(X, V)                                                                     \
    ATS_METRICS_COMMON(X, V, risk)                                                                 \
    X(risk, intents, COUNT, COUNTER, "Intents examined.")                                          \
    X(risk, cancels, COUNT, COUNTER, "Cancels passed on.")                                         \
    X(risk, orders_open, COUNT, GAUGE, "Orders that are reserved.")                                \
    X(risk, latch, COUNT, GAUGE, "0 none, 1 HALT, 2 FREEZE.")                                      \
    X(risk, without_covariance, COUNT, COUNTER, "Entries in symbols that no matrix knows.")        \
    X(risk, fills_unknown, COUNT, COUNTER, "Fills of orders that did not pass the gate.")          \
    X(risk, busts, COUNT, COUNTER, "Fills taken back or corrected.")                               \
    X(risk, busts_refused, COUNT, COUNTER, "Busts and corrections of fills that are not known.")   \
    X(risk, actions_refused, COUNT, COUNTER, "Corporate actions that no position can follow.")     \
    X(risk, lots_joined, COUNT, COUNTER, "Lots that a full pool made one with the lot before.")    \
    V(risk, environment, ATS_ENV_COUNT, code, ats_env_label, "Latches, trips and commands taken.") \
    V(risk, verdicts, ATS_CHECK_COUNT, check, ats_check_label,                                     \
      "Verdicts by their first refusing check; pass = sent on.")

#define ATS_METRICS_ROUTE(X, V)                                                                    \
    ATS_METRICS_COMMON(X, V, route)                                                                \
    X(route, orders, COUNT, COUNTER, "Orders sent to the broker.")                                 \
    X(route, orders_open, COUNT, GAUGE, "Orders that are not in a final state.")                   \
    X(route, cancels, COUNT, COUNTER, "Cancel requests sent to the broker.")                       \
    X(route, rejects, COUNT, COUNTER, "Orders that the broker rejected.")                          \
    X(route, replaces, COUNT, COUNTER, "Replace requests sent to the broker.")                     \
    X(route, timeouts, COUNT, COUNTER, "Requests that were not answered in time.")                 \
    X(route, questions, COUNT, COUNTER, "Times the broker was asked what became of an order.")     \
    X(route, kill_cancels, COUNT, COUNTER, "Orders that a kill asked to cancel.")                  \
    X(route, busts, COUNT, COUNTER, "Fills that the broker took back or corrected.")               \
    X(route, fills, COUNT, COUNTER, "Executions that filled an order in part or whole.")           \
    X(route, executions_unknown, COUNT, COUNTER, "Broker events of orders that are not ours.")     \
    X(route, executions_duplicate, COUNT, COUNTER, "Broker events that had been seen before.")     \
    X(route, journal, BYTES, COUNTER, "Bytes appended to the order journal.")

#define ATS_METRICS_DRAIN(X, V)                                                                    \
    ATS_METRICS_COMMON(X, V, drain)                                                                \
    X(drain, audit, BYTES, COUNTER, "Bytes appended to the audit file.")                           \
    X(drain, syncs, COUNT, COUNTER, "File synchronisations.")                                      \
    X(drain, sync, NS, COUNTER, "Time spent in file synchronisations.")                            \
    X(drain, write_errors, COUNT, COUNTER, "Writes and synchronisations that failed.")

#define ATS_METRICS_SHADOW(X, V)                                                                   \
    ATS_METRICS_COMMON(X, V, shadow)                                                               \
    X(shadow, rows, COUNT, COUNTER, "Rows scored by the model on trial.")

#define ATS_METRICS(X, V)                                                                          \
    ATS_METRICS_FEED(X, V)                                                                         \
    ATS_METRICS_FEATURE(X, V)                                                                      \
    ATS_METRICS_INFER(X, V)                                                                        \
    ATS_METRICS_STRATEGY(X, V)                                                                     \
    ATS_METRICS_RISK(X, V)                                                                         \
    ATS_METRICS_ROUTE(X, V)                                                                        \
    ATS_METRICS_DRAIN(X, V)                                                                        \
    ATS_METRICS_SHADOW(X, V)

#define ATS_METRIC_FIELD_COUNT(name) name
#define ATS_METRIC_FIELD_NS(name)    name##_ns
#define ATS_METRIC_FIELD_BYTES(name) name##_bytes
/* clang-format off */
#define ATS_METRIC_MEMBER(stage, name, unit, kind, help) uint64_t ATS_METRIC_FIELD_##unit(name);
/* clang-format on */
#define ATS_METRIC_MEMBERS(stage, name, length, label, label_of, help) uint64_t name[length];

/* Two lines of alignment: the adjacent-line prefetcher pairs lines, and neighbours have other
 * writers. */
#define ATS_METRIC_BLOCK(type, LIST)                                                               \
    typedef struct type {                                                                          \
        alignas(128) LIST(ATS_METRIC_MEMBER, ATS_METRIC_MEMBERS)                                   \
    } type;

ATS_METRIC_BLOCK(ats_metrics_feed, ATS_METRICS_FEED)
ATS_METRIC_BLOCK(ats_metrics_feature, ATS_METRICS_FEATURE)
ATS_METRIC_BLOCK(ats_metrics_infer, ATS_METRICS_INFER)
ATS_METRIC_BLOCK(ats_metrics_strategy, ATS_METRICS_STRATEGY)
ATS_METRIC_BLOCK(ats_metrics_risk, ATS_METRICS_RISK)
ATS_METRIC_BLOCK(ats_metrics_route, ATS_METRICS_ROUTE)
ATS_METRIC_BLOCK(ats_metrics_drain, ATS_METRICS_DRAIN)
ATS_METRIC_BLOCK(ats_metrics_shadow, ATS_METRICS_SHADOW)

/* The counters of one engine; zeroed memory is a fresh one. Aligned to 128. */
typedef struct ats_metrics {
    ats_metrics_feed feed;
    ats_metrics_feature feature;
    ats_metrics_infer infer;
    ats_metrics_strategy strategy;
    ats_metrics_risk risk;
    ats_metrics_route route;
    ats_metrics_drain drain;
    ats_metrics_shadow shadow;
} ats_metrics;

/* A row of the table. */
typedef struct ats_metric {
    const char *field;      /* C field, e.g. "stall_ns" */
    const char *prometheus; /* e.g. "ats_feed_stall_seconds_total" */
    const char *help;
    const char *label;                       /* label key, or NULL for a single number */
    const char *(*label_of)(uint32_t value); /* label text of value 0..length-1, or NULL */
    ats_metric_stage stage;                  /* owner: the stage that writes it */
    ats_metric_unit unit;
    ats_metric_kind kind;
    uint32_t length; /* numbers: 1 without a label */
    size_t offset;   /* of the first number, in ats_metrics */
} ats_metric;

/* Rows of the table, in its order: stages in the order of the chain. i < ats_metric_count(). */
size_t ats_metric_count(void);
const ats_metric *ats_metric_at(size_t i);

/* Current value in the field's own unit. i < metric->length. Any thread. */
uint64_t ats_metric_value(const ats_metrics *metrics, const ats_metric *metric, uint32_t i);

/* What one unit of the field is in Prometheus' base unit: 1e-9 for _ns, else 1. */
double ats_metric_scale(const ats_metric *metric);

/* Writes the table as a Markdown table. -1 with an error pushed when `out` fails. */
int ats_metrics_describe(FILE *out);

#endif
