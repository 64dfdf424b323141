#include "stages/risk/covariance.h"

#include "core/memory.h"

#define E18_PER_E12 1000000
#define E9_PER_CENT 10000000
#define BPS         10000

/* Cells of a line each; one more symbol than there are, since ids start at 1. */
static uint32_t cells(uint32_t symbol_count)
{
    return symbol_count <= ATS_COVARIANCE_SYMBOLS ? symbol_count + 1 : 0;
}

size_t ats_covariance_footprint(uint32_t symbol_count)
{
    size_t n = cells(symbol_count);
    return ats_whole_lines(sizeof(ats_covariance)) + n * sizeof(ats_covariance_symbol) +
           ats_whole_lines(n * sizeof(uint32_t)) + ats_whole_lines(n * sizeof(int64_t)) +
           2 * ats_whole_lines(n * n * sizeof(int64_t)) + ats_whole_lines(n * n * sizeof(uint32_t));
}

static void *take(uint8_t **at, size_t bytes)
{
    void *here = *at;
    *at += ats_whole_lines(bytes);
    return here;
}

ats_covariance *ats_covariance_new(void *memory, uint32_t symbol_count)
{
    uint8_t *at = memory;
    size_t n = cells(symbol_count);
    ats_covariance *c = take(&at, sizeof *c);
    c->symbol_count = symbol_count;
    c->capacity = (uint32_t)n;
    c->symbol = take(&at, n * sizeof(ats_covariance_symbol));
    c->held = take(&at, n * sizeof(uint32_t));
    c->slot_exposure = take(&at, n * sizeof(int64_t));
    c->value = take(&at, n * n * sizeof(int64_t));
    c->next = take(&at, n * n * sizeof(int64_t));
    c->stamp = take(&at, n * n * sizeof(uint32_t));
    c->close_bps = BPS;
    return c;
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* Half to even. */
static int64_t to_e12(int64_t e18)
{
    int64_t q = e18 / E18_PER_E12, r = e18 % E18_PER_E12;
    if (r < 0) {
        r += E18_PER_E12;
        q--;
    }
    return q + (2 * r > E18_PER_E12 || (2 * r == E18_PER_E12 && (q & 1)));
}

static uint64_t root_of(unsigned __int128 square)
{
    unsigned __int128 root = 0;
    for (int bit = 63; bit >= 0; bit--) {
        unsigned __int128 next = root | (unsigned __int128)1 << bit;
        if (next * next <= square)
            root = next;
    }
    return (uint64_t)root;
}

static void fill_slot(ats_covariance *c, uint32_t slot);
static ats_variance_e16 recount(const ats_covariance *c);
static __int128 recount_open(const ats_covariance *c);

static void put_to_use(ats_covariance *c)
{
    int64_t *old = c->value;
    c->value = c->next;
    c->next = old;
    c->version = c->coming;
    for (uint32_t i = 1; i < c->capacity; i++) {
        ats_covariance_symbol *k = &c->symbol[i];
        k->variance = k->told == c->version ? c->value[(size_t)i * c->capacity + i] : 0;
        k->deviation = k->variance ? (int64_t)root_of((unsigned __int128)k->variance) + 1 : 0;
    }
    for (uint32_t slot = 0; slot < c->held_count; slot++)
        fill_slot(c, slot);
    c->coming = 0;
    c->variance = recount(c);
    c->open_e8 = recount_open(c);
}

ats_covariance_answer ats_covariance_take(ats_covariance *c, const ats_control *entry)
{
    uint32_t version = entry->covariance.version;
    uint32_t a = entry->covariance.symbol_a, b = entry->covariance.symbol_b;
    int64_t value = entry->covariance.value_e18;
    if (a > b) {
        uint32_t swap = a;
        a = b;
        b = swap;
    }
    bool ok = a >= 1 && b < c->capacity && version > c->version && version >= c->coming &&
              value >= (a == b ? 1 : -ATS_COVARIANCE_MAX_E18) && value <= ATS_COVARIANCE_MAX_E18;
    if (!ok)
        return ATS_COVARIANCE_REFUSED;
    if (version > c->coming) {
        c->coming = version;
        c->coming_entries = c->coming_variances = 0;
    }
    uint32_t *stamp = &c->stamp[(size_t)a * c->capacity + b];
    if (*stamp == version)
        return ATS_COVARIANCE_REFUSED; /* told twice */
    *stamp = version;
    int64_t value_e12 = to_e12(value);
    if (a == b && value_e12 == 0)
        value_e12 = 1; /* 0 stands for a symbol that is not in the matrix */
    c->next[(size_t)a * c->capacity + b] = c->next[(size_t)b * c->capacity + a] = value_e12;
    c->coming_entries++;
    if (a == b) {
        c->symbol[a].told = version;
        c->coming_variances++;
    }
    if (c->coming_entries < entry->covariance.entries)
        return ATS_COVARIANCE_TAKEN;
    uint64_t n = c->coming_variances;
    if (c->coming_entries != n * (n + 1) / 2 || n == 0) {
        c->coming = 0;
        return ATS_COVARIANCE_REFUSED;
    }
    put_to_use(c);
    return ATS_COVARIANCE_WHOLE;
}

/* ---- exposures ------------------------------------------------------------------------------ */

/* Is c_kj / sqrt(c_kk c_jj) above the limit? Entries are at most 2^40, so all fits 128 bits. */
static bool is_above(int64_t pair, int64_t a, int64_t b, uint64_t limit_square)
{
    return (__int128)pair * pair * (BPS * BPS) > (__int128)a * b * (int64_t)limit_square;
}

/* Sets or clears a slot's bit. */
static void set_bit(uint64_t *bits, uint32_t slot, bool on)
{
    *bits = (*bits & ~(1ull << slot)) | (uint64_t)on << slot;
}

/* The column of what a slot holds: rare, since it changes with what is held, not with prices. */
static void load_column(ats_covariance *c, uint32_t slot)
{
    uint32_t id = c->held[slot];
    const int64_t *column = &c->value[(size_t)id * c->capacity]; /* the matrix is symmetric */
    const uint64_t limit_square = (uint64_t)c->close_bps * c->close_bps;
    for (uint32_t k = 1; k < c->capacity; k++) {
        ats_covariance_symbol *s = &c->symbol[k];
        int64_t pair = column[k];
        bool near = k != id && c->close_bps < BPS && pair > 0 &&
                    is_above(pair, s->variance, c->symbol[id].variance, limit_square);
        s->near[slot] = pair;
        set_bit(&s->close, slot, near);
    }
}

/* What the loops over positions read lies together. */
static void load_slot(ats_covariance *c, uint32_t slot)
{
    uint32_t id = c->held[slot];
    bool known = ats_covariance_knows(c, id);
    int64_t exposure = known ? c->symbol[id].exposure : 0;
    c->slot_exposure[slot] = exposure;
    if (slot >= ATS_COVARIANCE_SLOTS)
        return;
    set_bit(&c->long_slots, slot, exposure > 0);
    set_bit(&c->short_slots, slot, exposure < 0);
}

/* A slot holds another symbol than before. */
static void fill_slot(ats_covariance *c, uint32_t slot)
{
    load_slot(c, slot);
    if (slot < ATS_COVARIANCE_SLOTS)
        load_column(c, slot);
}

void ats_covariance_limit(ats_covariance *c, uint32_t limit_bps)
{
    if (limit_bps == c->close_bps)
        return;
    c->close_bps = limit_bps;
    for (uint32_t slot = 0; slot < c->held_count; slot++)
        fill_slot(c, slot);
}

/* sum_j c_kj w_j over what is held. */
static ats_variance_e16 row_sum(const ats_covariance *c, uint32_t symbol_id)
{
    const int64_t *row = &c->value[(size_t)symbol_id * c->capacity];
    ats_variance_e16 sum = 0;
    for (uint32_t i = 0; i < c->held_count; i++)
        sum += (ats_variance_e16)row[c->held[i]] * c->slot_exposure[i];
    return sum;
}

/* What the variance becomes when a symbol's exposure grows by `change`. */
static ats_variance_e16 grown(const ats_covariance *c, uint32_t symbol_id, ats_variance_e16 row,
                              int64_t change)
{
    int64_t own = c->symbol[symbol_id].variance;
    return c->variance + 2 * row * change + (ats_variance_e16)change * change * own;
}

static int64_t clamp(int64_t exposure_e2)
{
    return exposure_e2 > ATS_EXPOSURE_MAX_E2    ? ATS_EXPOSURE_MAX_E2
           : exposure_e2 < -ATS_EXPOSURE_MAX_E2 ? -ATS_EXPOSURE_MAX_E2
                                                : exposure_e2;
}

static void move_exposure(ats_covariance *c, uint32_t symbol_id, int64_t exposure_e2)
{
    ats_covariance_symbol *s = &c->symbol[symbol_id];
    if (ats_covariance_knows(c, symbol_id))
        c->variance = grown(c, symbol_id, row_sum(c, symbol_id), exposure_e2 - s->exposure);
    s->exposure = exposure_e2;
    if (exposure_e2 != 0 && s->place == 0) {
        c->held[c->held_count] = symbol_id;
        s->place = ++c->held_count;
        fill_slot(c, c->held_count - 1);
    } else if (exposure_e2 == 0) {
        uint32_t at = s->place, last = c->held[--c->held_count];
        c->held[at - 1] = last;
        c->symbol[last].place = at;
        s->place = 0;
        fill_slot(c, at - 1);
        if (c->held_count < ATS_COVARIANCE_SLOTS) { /* the slot that is free now holds nothing */
            set_bit(&c->long_slots, c->held_count, false);
            set_bit(&c->short_slots, c->held_count, false);
        }
    } else {
        load_slot(c, s->place - 1);
    }
}

void ats_covariance_hold(ats_covariance *c, uint32_t symbol_id, int64_t exposure_e2,
                         int64_t open_e2)
{
    if (symbol_id >= c->capacity)
        return;
    exposure_e2 = clamp(exposure_e2);
    open_e2 = clamp(open_e2);
    ats_covariance_symbol *s = &c->symbol[symbol_id];
    c->open_e8 += (__int128)(open_e2 - s->open) * s->deviation;
    s->open = open_e2;
    if (exposure_e2 != s->exposure)
        move_exposure(c, symbol_id, exposure_e2);
}

static uint32_t correlation_bps(int64_t pair, int64_t a, int64_t b)
{
    __int128 square = (__int128)pair * pair * BPS * BPS, one = (__int128)a * b;
    int64_t bps = 0;
    for (int64_t step = 8192; step; step /= 2)
        if (bps + step <= BPS && square >= one * ((bps + step) * (bps + step)))
            bps += step;
    return (uint32_t)bps;
}

/* With more positions than there are slots: from the matrix itself. */
static ats_variance_e16 look_far(const ats_covariance *c, uint32_t symbol_id, bool is_long,
                                 ats_covariance_look *look)
{
    const int64_t *row = &c->value[(size_t)symbol_id * c->capacity];
    const uint64_t limit_square = (uint64_t)c->close_bps * c->close_bps;
    ats_variance_e16 sum = 0;
    for (uint32_t i = 0; i < c->held_count; i++) {
        uint32_t j = c->held[i];
        int64_t w = c->slot_exposure[i], pair = row[j];
        sum += (ats_variance_e16)pair * w;
        if (c->close_bps < BPS && look->correlated_with == 0 && j != symbol_id && w != 0 &&
            (w > 0) == is_long && pair > 0 &&
            is_above(pair, row[symbol_id], c->symbol[j].variance, limit_square))
            look->correlated_with = j;
    }
    return sum;
}

static ats_variance_e16 look_near(const ats_covariance *c, uint32_t symbol_id, bool is_long,
                                  ats_covariance_look *look)
{
    const ats_covariance_symbol *s = &c->symbol[symbol_id];
    uint64_t close = s->close & (is_long ? c->long_slots : c->short_slots);
    ats_variance_e16 sum = 0;
    for (uint32_t i = 0; i < c->held_count; i++)
        sum += (ats_variance_e16)s->near[i] * c->slot_exposure[i];
    if (__builtin_expect(close != 0, 0))
        look->correlated_with = c->held[__builtin_ctzll(close)];
    return sum;
}

ats_covariance_look ats_covariance_at(const ats_covariance *c, uint32_t symbol_id,
                                      int64_t exposure_e2)
{
    ats_covariance_look look = {0};
    exposure_e2 = clamp(exposure_e2);
    ats_variance_e16 sum = c->held_count <= ATS_COVARIANCE_SLOTS
                               ? look_near(c, symbol_id, exposure_e2 >= 0, &look)
                               : look_far(c, symbol_id, exposure_e2 >= 0, &look);
    const ats_covariance_symbol *s = &c->symbol[symbol_id];
    uint32_t other = look.correlated_with;
    if (other != 0)
        look.correlation_bps = correlation_bps(c->value[(size_t)symbol_id * c->capacity + other],
                                               s->variance, c->symbol[other].variance);
    look.variance = grown(c, symbol_id, sum, exposure_e2 - s->exposure);
    look.open_e8 = c->open_e8 - (__int128)s->open * s->deviation;
    return look;
}

static ats_variance_e16 recount(const ats_covariance *c)
{
    ats_variance_e16 sum = 0;
    for (uint32_t i = 0; i < c->held_count; i++)
        if (ats_covariance_knows(c, c->held[i]))
            sum += row_sum(c, c->held[i]) * c->symbol[c->held[i]].exposure;
    return sum;
}

static __int128 recount_open(const ats_covariance *c)
{
    __int128 sum = 0;
    for (uint32_t i = 1; i < c->capacity; i++)
        sum += (__int128)c->symbol[i].open * c->symbol[i].deviation;
    return sum;
}

/* Do the columns that lie together agree with the matrix? */
static bool columns_agree(const ats_covariance *c)
{
    uint32_t slots = c->held_count < ATS_COVARIANCE_SLOTS ? c->held_count : ATS_COVARIANCE_SLOTS;
    uint64_t used = slots == ATS_COVARIANCE_SLOTS ? ~0ull : (1ull << slots) - 1;
    for (uint32_t slot = 0; slot < slots; slot++)
        for (uint32_t k = 1; k < c->capacity; k++)
            if (c->symbol[k].near[slot] !=
                c->value[(size_t)k * c->capacity + c->held[slot]])
                return false;
    return ((c->long_slots | c->short_slots) & ~used) == 0;
}

bool ats_covariance_check(const ats_covariance *c)
{
    return c->variance == recount(c) && c->open_e8 == recount_open(c) && columns_agree(c);
}

/* ---- limits -----------------------------------------------------------------------------------
 */

bool ats_covariance_exceeds(const ats_covariance_look *look, int64_t equity_e9, uint32_t bps)
{
    /* In 1e-8 currency: cents times 1e-6, as a root of the variance is. Below 1e19, so that the
     * square fits: 1e11 units of currency. */
    const __int128 most = (__int128)ATS_COVARIANCE_MAX_E18 * 10;
    if (look->variance <= 0 && look->open_e8 <= 0)
        return false;
    if (equity_e9 <= 0)
        return true;
    __int128 room = (__int128)(equity_e9 / E9_PER_CENT) * bps * 100 - look->open_e8;
    room = room > most ? most : room;
    return room < 0 || look->variance > room * room;
}

int64_t ats_covariance_deviation_e9(const ats_covariance_look *look)
{
    __int128 sum = look->open_e8;
    if (look->variance > 0)
        sum += root_of((unsigned __int128)look->variance);
    return sum > INT64_MAX / 10 ? INT64_MAX : (int64_t)sum * 10;
}
