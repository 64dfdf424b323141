/* synth.h: a market day made up from a seed, for demos, tests and benchmarks. Integers only: the
 * same options give the same records on every compiler and machine.
 *
 * Each symbol has a fair price that nobody sees. It walks (daily volatility as given, more at open
 * and close, as the event rate is), and is pushed by a hidden pressure, an AR(1) of about 33
 * events' memory. The pressure shows in what is quoted: it shifts size from one side of the book to
 * the other and makes takers of its side more frequent. So size imbalance and trade flow predict
 * the next moves, within what `signal_permille` says; at 0 nothing does. Each of the exchanges
 * quotes around the fair price with its own spread; one whose quote is left behind moves first.
 * Trades print at the best displayed price.
 */
#ifndef ATS_IO_SYNTH_H
#define ATS_IO_SYNTH_H

#include "core/random.h"
#include "core/record.h"
#include "core/symbols.h"

#include <stdint.h>

#define ATS_SYNTH_SYMBOLS_MAX 4096u
#define ATS_SYNTH_VENUES_MAX  8u

typedef struct ats_synth_options {
    uint64_t seed;
    uint32_t symbols;         /* 1..ATS_SYNTH_SYMBOLS_MAX */
    uint32_t venues;          /* exchanges that quote each symbol, 1..ATS_SYNTH_VENUES_MAX */
    uint32_t rate;            /* records a second, all symbols, on average; 1..10^7 */
    int64_t start_ns;         /* of the session, UTC */
    int64_t duration_ns;      /* up to 24 h */
    uint32_t volatility_bps;  /* standard deviation of a day's move, in 1/10,000 of the price */
    uint32_t signal_permille; /* push of the full pressure in one event, in 1/1000 of its noise */
    uint32_t trade_permille;  /* share of trades among the records */
} ats_synth_options;

typedef struct ats_synth ats_synth;

/* 0 with *out set; -1 with an error pushed (ATS_EXIT_USAGE names the option out of range). */
int ats_synth_open(ats_synth **out, const ats_synth_options *options);
void ats_synth_close(ats_synth *synth); /* NULL is allowed */

/* The instruments; ids are those of the records. Owned by the synth. */
const ats_symbols *ats_synth_symbols(const ats_synth *synth);

/* The next record: 1, or 0 at the end of the session. recv_ns never goes back; each record is an
 * event of its own. */
int ats_synth_next(ats_synth *synth, ats_market *out);

#endif
