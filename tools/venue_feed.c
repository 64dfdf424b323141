#include "tools/venue_feed.h"

#include "calc/calendar.h"
#include "core/error.h"

#include <stdlib.h>
#include <string.h>

/* What an exchange said yesterday is no quote of today's, but where markets never close. */
static bool consolidate(ats_nbbo *book, int64_t *day, bool continuous, ats_quote *q)
{
    int64_t today = q->h.recv_ns / ATS_DAY_NS;
    if (*day != today && !continuous)
        memset(book, 0, sizeof *book);
    *day = today;
    return ats_nbbo_take(book, q);
}

static bool is_continuous(const ats_symbols *symbols, uint32_t id)
{
    uint32_t class = symbols->entry[id].symbol_class;
    return class != ATS_CLASS_EQUITY && class != ATS_CLASS_INDEX;
}

int venue_feed_step(venue_feed *f)
{
    const ats_market *m;
    int got;
    f->has_next = false;
    while ((got = ats_market_source_peek(&f->source, &m)) == 1) {
        uint32_t id = m->h.symbol_id;
        f->next = *m;
        ats_market_source_pop(&f->source);
        if (f->next.h.kind == ATS_KIND_END || f->next.h.kind == ATS_KIND_CLOCK)
            continue;
        if (f->next.h.kind == ATS_KIND_QUOTE && !f->source.tape &&
            !consolidate(&f->books[id], &f->days[id], is_continuous(&f->source.symbols, id),
                         &f->next.quote))
            continue;
        f->has_next = true;
        f->fed++;
        return 0;
    }
    return got < 0 ? ats_error(ATS_EXIT_DATA, "%s", ats_market_source_reason(&f->source)) : 0;
}

int venue_feed_open(venue_feed *f, const char *const *captures, uint32_t count)
{
    memset(f, 0, sizeof *f);
    if (ats_market_source_open(&f->source, captures, count) != 0 ||
        ats_market_source_open(&f->past, captures, count) != 0)
        return -1;
    f->books = calloc(f->source.symbols.count + 1ull, sizeof *f->books);
    f->days = calloc(f->source.symbols.count + 1ull, sizeof *f->days);
    if (!f->books || !f->days)
        return ats_error(ATS_EXIT_FAILED, "venue: out of memory");
    if (venue_feed_step(f) != 0)
        return -1;
    return f->has_next ? 0 : ats_error(ATS_EXIT_DATA, "%s: no market data in it", captures[0]);
}

void venue_feed_close(venue_feed *f)
{
    ats_market_source_close(&f->source);
    ats_market_source_close(&f->past);
    free(f->books);
    free(f->days);
}

/* From the beginning each time: a book is only right when it has seen all before. */
int venue_feed_history(void *feed, uint32_t symbol_id, int64_t from_ns, int64_t to_ns,
                       bool (*visit)(void *visitor, const ats_market *m), void *visitor)
{
    venue_feed *f = feed;
    bool continuous = is_continuous(&f->past.symbols, symbol_id);
    const ats_market *m;
    ats_nbbo book = {0};
    int64_t day = 0;
    int got;
    ats_market_source_rewind(&f->past);
    for (; (got = ats_market_source_peek(&f->past, &m)) == 1 && m->h.recv_ns <= to_ns;
         ats_market_source_pop(&f->past)) {
        if (m->h.symbol_id != symbol_id)
            continue;
        ats_market record = *m;
        if (record.h.kind == ATS_KIND_QUOTE && !f->past.tape &&
            !consolidate(&book, &day, continuous, &record.quote))
            continue;
        if (record.h.recv_ns >= from_ns && !visit(visitor, &record))
            return 0;
    }
    return got < 0 ? ats_error(ATS_EXIT_DATA, "%s", ats_market_source_reason(&f->past)) : 0;
}
