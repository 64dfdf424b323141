/* venue_feed.h: what `ats venue` plays: captures in time, exchanges' quotes made the market's. */
#ifndef ATS_TOOLS_VENUE_FEED_H
#define ATS_TOOLS_VENUE_FEED_H

#include "calc/nbbo.h"
#include "io/market_source.h"
#include "io/venue/alpaca/paper.h"

typedef struct venue_feed {
    ats_market_source source;
    ats_market_source past; /* the same captures, for history */
    ats_nbbo *books;        /* [symbol_count + 1] */
    int64_t *days;          /* UTC day of each book */
    ats_market next;
    bool has_next;
    uint64_t fed;
} venue_feed;

/* 0 with the first record in hand, or -1 with an error pushed. */
int venue_feed_open(venue_feed *feed, const char *const *captures, uint32_t count);
void venue_feed_close(venue_feed *feed);

/* Goes on to the next record; 0 (has_next tells whether there is one), or -1: a capture is damaged.
 */
int venue_feed_step(venue_feed *feed);

/* An ats_paper_history over a venue_feed. */
int venue_feed_history(void *feed, uint32_t symbol_id, int64_t from_ns, int64_t to_ns,
                       bool (*visit)(void *visitor, const ats_market *m), void *visitor);

#endif
