#include "calc/nbbo.h"

/* Is a better than b? `sign` is 1 for bids, -1 for asks. */
static bool better(const ats_nbbo_side *a, const ats_nbbo_side *b, int sign)
{
    if (a->px_e9 != b->px_e9)
        return sign > 0 ? a->px_e9 > b->px_e9 : a->px_e9 < b->px_e9;
    if (a->size_e9 != b->size_e9)
        return a->size_e9 > b->size_e9;
    return a->since < b->since;
}

static uint8_t search(const ats_nbbo_side *sides, uint32_t live, int sign)
{
    uint8_t best = 0;
    for (uint32_t rest = live; rest; rest &= rest - 1) {
        uint8_t slot = (uint8_t)__builtin_ctz(rest);
        if (!best || better(&sides[slot], &sides[best], sign))
            best = slot;
    }
    return best;
}

/* Replaces one side of one exchange; true when the best side changed. */
static bool replace(ats_nbbo_side *sides, uint32_t *live, uint8_t *best, uint32_t slot,
                    int64_t px_e9, int64_t size_e9, uint64_t arrival, int sign)
{
    ats_nbbo_side *side = &sides[slot];
    if (px_e9 == 0 || size_e9 == 0)
        px_e9 = size_e9 = 0;
    if (side->px_e9 == px_e9 && side->size_e9 == size_e9)
        return false;
    bool was_best = *best == slot;
    *side = (ats_nbbo_side){px_e9, size_e9, arrival};
    if (px_e9)
        *live |= 1u << slot;
    else
        *live &= ~(1u << slot);
    if (was_best) {
        *best = search(sides, *live, sign);
        return true;
    }
    if (px_e9 && (!*best || better(side, &sides[*best], sign))) {
        *best = (uint8_t)slot;
        return true;
    }
    return false;
}

bool ats_nbbo_update(ats_nbbo *book, uint32_t slot, int64_t bid_e9, int64_t bid_size_e9,
                     int64_t ask_e9, int64_t ask_size_e9)
{
    uint64_t arrival = ++book->arrivals;
    bool bid = replace(book->bid, &book->bids_live, &book->best_bid, slot, bid_e9, bid_size_e9,
                       arrival, 1);
    bool ask = replace(book->ask, &book->asks_live, &book->best_ask, slot, ask_e9, ask_size_e9,
                       arrival, -1);
    return bid || ask;
}

bool ats_nbbo_take(ats_nbbo *book, ats_quote *q)
{
    uint32_t slot = ats_nbbo_slot(q->venue);
    if (slot == 0)
        return true;
    if (!ats_nbbo_update(book, slot, q->bid_e9, q->bid_size_e9, q->ask_e9, q->ask_size_e9))
        return false;
    const ats_nbbo_side *bid = &book->bid[book->best_bid], *ask = &book->ask[book->best_ask];
    q->bid_e9 = bid->px_e9;
    q->bid_size_e9 = bid->size_e9;
    q->ask_e9 = ask->px_e9;
    q->ask_size_e9 = ask->size_e9;
    q->bid_venue = ats_nbbo_letter(book->best_bid);
    q->ask_venue = ats_nbbo_letter(book->best_ask);
    q->quote_flags |= ATS_QUOTE_NATIONAL;
    return true;
}
