/* symbol.h: what the feature stage knows of one symbol, and its vector.
 *
 * All updates cost O(1), allocate nothing, and see time only as the recv_ns of the record in hand.
 *
 * Time. A bar closes when the first record of the symbol at or after its end arrives. A print
 * belongs to the bar its recv_ns lies in, so what training computes is what live saw. A print whose
 * venue time is more than ATS_LATE_NS before the start of that bar was reported late: its volume
 * counts in the session, its price nowhere.
 *
 * Corporate actions. Prices and sizes are kept on the scale of the symbol's first record: a split
 * or dividend changes only the factor by which later prices come in. So at the ex-date nothing
 * jumps and no state is touched.
 *
 * Vector. The part that bars make is recomputed when one closes, the part that ticks make with
 * each vector asked for. Owner: the feature stage; training calls the same through the same stage.
 */
#ifndef ATS_STAGES_FEATURE_SYMBOL_H
#define ATS_STAGES_FEATURE_SYMBOL_H

#include "core/record.h"
#include "stages/feature/frame.h"

/* FINRA Rule 6380A: a trade is to be reported within 10 s, and is marked late after. */
#define ATS_LATE_NS (10ll * ATS_E9)

typedef struct ats_symbol_state ats_symbol_state;
struct ats_symbol_state {
    /* Looked at by every record; what lies in rings is behind the counters in each part. */
    int64_t next_ns;                /* when a bar or the segment ends: nothing to do before */
    double price_scale, size_scale; /* from a record's units to the state's */
    double price;                   /* mid of the last two-sided quote, or last close; 0 = none */
    uint32_t frame_count;
    uint32_t vector_ready; /* values of `vector` past the tick families that are not NaN */
    uint32_t bar_period_s; /* of the ready-made bars this symbol gets; 0 = none came */
    uint64_t bars_told;    /* bars of the fastest frame that a vector has been made of */
    bool traded;           /* trades have come: bars are built from them, ready-made ones ignored */
    ats_book book;
    ats_tape tape;
    ats_session_family session;
    ats_segment segment;
    const ats_calendar *calendar;
    ats_symbol_state *index, *sector; /* NULL = none */
    ats_across across;
    float *vector;      /* of the catalogue's count */
    ats_frame frames[]; /* frame_count, fastest first */
};

/* What became of a record, for the stage's counters. */
typedef enum ats_symbol_result {
    ATS_SYMBOL_TAKEN = 0,
    ATS_SYMBOL_LATE = 1,     /* volume only: reported late */
    ATS_SYMBOL_NO_PRICE = 2, /* volume only: its conditions or correction let it form no price */
    ATS_SYMBOL_REVERSED = 3, /* took a print back */
    ATS_SYMBOL_IGNORED = 4   /* means nothing here: see the functions */
} ats_symbol_result;

/* Bytes of one symbol's state and vector, a multiple of 64. */
size_t ats_symbol_bytes(const ats_catalogue *catalogue);

/* Zeroed memory of ats_symbol_bytes. Benchmarks must be other symbols of the same catalogue. */
void ats_symbol_init(ats_symbol_state *s, const ats_catalogue *catalogue,
                     const ats_calendar *calendar, ats_symbol_state *index,
                     ats_symbol_state *sector);

void ats_symbol_quote(ats_symbol_state *s, const ats_quote *q);

/* IGNORED: a correction that repeats what another record says. */
ats_symbol_result ats_symbol_trade(ats_symbol_state *s, const ats_trade *t);

/* A ready-made bar, which counts when it has come (recv_ns). IGNORED: the symbol has trades, or
 * bars of another period came first. */
ats_symbol_result ats_symbol_bar(ats_symbol_state *s, const ats_bar *b);

/* IGNORED: an action of an unknown kind, or a dividend of the whole price. */
ats_symbol_result ats_symbol_action(ats_symbol_state *s, const ats_corporate_action *a);

/* Closes what time has ended. The updates do it themselves; benchmarks are passed by others. */
void ats_symbol_pass(ats_symbol_state *s, int64_t now_ns);

/* Brings the vector up to time now_ns (of the last record) and returns how many are not NaN; the
 * vector is s->vector. */
uint32_t ats_symbol_vector(ats_symbol_state *s, int64_t now_ns);

/* The same values in double, for tests of formulas; catalogue->count of them. */
void ats_symbol_values(const ats_symbol_state *s, int64_t now_ns, double *out);

/* Asks for the lines from one place of the state up to another. */
static inline void ats_symbol_prefetch_part(const ats_symbol_state *s, size_t from, size_t to)
{
    for (size_t line = from / 64; line * 64 < to; line++)
        __builtin_prefetch((const char *)s + line * 64, 1);
}

/* Asks for the lines that every record of the symbol touches: a dozen; not the rings. Hot. */
static inline void ats_symbol_prefetch(const ats_symbol_state *s)
{
    ats_symbol_prefetch_part(s, 0, offsetof(ats_symbol_state, book.seconds.mid));
    ats_symbol_prefetch_part(s, offsetof(ats_symbol_state, tape),
                             offsetof(ats_symbol_state, tape.vpin.imbalance));
    ats_symbol_prefetch_part(s, offsetof(ats_symbol_state, tape.realised),
                             offsetof(ats_symbol_state, tape.realised.waiting));
    ats_symbol_prefetch_part(s, offsetof(ats_symbol_state, session),
                             offsetof(ats_symbol_state, frames));
}

/* Has it what a vector needs: a two-sided quote, or (where no quotes come) a bar? */
static inline bool ats_symbol_has_price(const ats_symbol_state *s)
{
    return s->book.quotes ? s->book.two_sided : s->frames[0].history.count > 0;
}

#endif
