/* data_fault.h: what can be wrong with market data, and what is done about it: one row a fault.
 *
 * DROP keeps the record from the chain. QUARANTINE marks the symbol's quotes ATS_QUOTE_HALTED, so
 * that strategy and risk refuse entries, until the symbol has been good for a configured time. PASS
 * counts only. The thresholds are in stages/feed/quality.h.
 */
#ifndef ATS_CORE_DATA_FAULT_H
#define ATS_CORE_DATA_FAULT_H

#include <stdint.h>

#define ATS_DATA_PASS       0u
#define ATS_DATA_DROP       1u
#define ATS_DATA_QUARANTINE 2u

/* X(name, label, what it means, action when lenient, action when strict) */
/* clang-format off */
#define ATS_DATA_FAULTS(X)                                                                         \
    X(BAD_PRICE, "bad_price", "a price outside 0 to 1e9, or a bar upside down",                    \
      ATS_DATA_DROP, ATS_DATA_DROP | ATS_DATA_QUARANTINE)                                          \
    X(BAD_SIZE, "bad_size", "a size outside 0 to 1e9",                                             \
      ATS_DATA_DROP, ATS_DATA_DROP | ATS_DATA_QUARANTINE)                                          \
    X(BAD_TIME, "bad_time", "a time outside 1980 to 2199",                                         \
      ATS_DATA_DROP, ATS_DATA_DROP)                                                                \
    X(BAD_ACTION, "bad_action", "a split or dividend whose ratio or amount cannot be",             \
      ATS_DATA_DROP, ATS_DATA_DROP | ATS_DATA_QUARANTINE)                                          \
    X(OUT_OF_ORDER, "out_of_order", "older than a record before it; its time is moved up",         \
      ATS_DATA_PASS, ATS_DATA_PASS)                                                                \
    X(DUPLICATE, "duplicate",                                                                      \
      "the same number and content as one of the venue's last eight, or an action told twice",     \
      ATS_DATA_DROP, ATS_DATA_DROP)                                                                \
    X(RENUMBERED, "renumbered", "a number of the venue's last eight again, with other content",    \
      ATS_DATA_PASS, ATS_DATA_PASS)                                                                \
    X(REPEATED, "repeated", "no number, and equal in time and content to the one before",          \
      ATS_DATA_PASS, ATS_DATA_PASS)                                                                \
    X(LOST_TRADES, "lost_trades", "trade ids of a venue that counts by one have a hole",           \
      ATS_DATA_PASS, ATS_DATA_QUARANTINE)                                                          \
    X(GAP, "gap", "silence of the symbol in a regular session, longer than gap_after",             \
      ATS_DATA_PASS, ATS_DATA_QUARANTINE)                                                          \
    X(TRADE_OUTLIER, "trade_outlier", "a trade far from the median of the last price changes",     \
      ATS_DATA_PASS, ATS_DATA_QUARANTINE)                                                          \
    X(QUOTE_OUTLIER, "quote_outlier", "a mid far from the median of the last changes of the mid",  \
      ATS_DATA_PASS, ATS_DATA_QUARANTINE)                                                          \
    X(CROSSED, "crossed", "a best quote whose bid is above its ask",                               \
      ATS_DATA_PASS, ATS_DATA_PASS)                                                                \
    X(LOCKED, "locked", "a best quote whose bid equals its ask",                                   \
      ATS_DATA_PASS, ATS_DATA_PASS)                                                                \
    X(CROSSED_LONG, "crossed_long", "crossed in a regular session for longer than crossed_after",  \
      ATS_DATA_PASS, ATS_DATA_QUARANTINE)                                                          \
    X(STALE_SIDE, "stale_side", "trades go on beyond a side of the quote that does not move",      \
      ATS_DATA_PASS, ATS_DATA_QUARANTINE)                                                          \
    X(STALE_QUOTE, "stale_quote", "trades in a regular session and no quote for stale_after",      \
      ATS_DATA_PASS, ATS_DATA_QUARANTINE)                                                          \
    X(HALT, "halt", "the venue halted the symbol",                                                 \
      ATS_DATA_PASS, ATS_DATA_PASS)                                                                \
    X(JUMP, "jump", "opens at a split's ratio to the last close, and no split was told",           \
      ATS_DATA_PASS, ATS_DATA_QUARANTINE)
/* clang-format on */

typedef enum ats_data_fault {
#define ATS_DATA_FAULT_NAME(name, label, what, lenient, strict) ATS_DATA_##name,
    ATS_DATA_FAULTS(ATS_DATA_FAULT_NAME)
#undef ATS_DATA_FAULT_NAME
        ATS_DATA_FAULT_COUNT
} ats_data_fault;

typedef enum ats_data_mode {
    ATS_DATA_OFF = 0, /* nothing beyond what no stage may see is checked */
    ATS_DATA_LENIENT = 1,
    ATS_DATA_STRICT = 2,
    ATS_DATA_MODE_COUNT
} ats_data_mode;

/* Label of a fault ("?" for a value that is none), what it means, and what a mode does about it:
 * ATS_DATA_PASS or bits of DROP and QUARANTINE. fault < ATS_DATA_FAULT_COUNT. */
const char *ats_data_fault_label(uint32_t fault);
const char *ats_data_fault_what(uint32_t fault);
uint32_t ats_data_fault_action(uint32_t fault, ats_data_mode mode);

const char *ats_data_mode_label(uint32_t mode);

/* "drop", "pass", "quarantine" or "drop, quarantine". */
const char *ats_data_action_label(uint32_t action);

#endif
