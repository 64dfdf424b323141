#include "core/histogram.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static_assert(sizeof(ats_histogram) == 64, "the counts start on a line of their own");
static_assert((2048ull << 31) > ATS_HISTOGRAM_HIGHEST_NS &&
                  (2048ull << 30) <= ATS_HISTOGRAM_HIGHEST_NS,
              "32 doublings reach the highest value");
static_assert(ATS_HISTOGRAM_CELLS == 33u << ATS_HISTOGRAM_HALF_MAGNITUDE, "cells of 32 buckets");

bool ats_histogram_layout_of(ats_histogram_layout *layout, uint64_t lowest, uint64_t highest,
                             uint32_t digits)
{
    if (digits < 1 || digits > 5 || lowest < 1 || lowest > INT64_MAX / 2 || highest > INT64_MAX ||
        highest < 2 * lowest)
        return false;
    uint64_t largest_single_unit = 2;
    for (uint32_t i = 0; i < digits; i++)
        largest_single_unit *= 10;
    uint32_t count_magnitude = 64u - (uint32_t)__builtin_clzll(largest_single_unit - 1);
    uint32_t unit_magnitude = 63u - (uint32_t)__builtin_clzll(lowest);
    if (count_magnitude + unit_magnitude > 62)
        return false;
    uint32_t buckets = 1;
    uint64_t reach = 1ull << (count_magnitude + unit_magnitude);
    /* reach <= 2^62 holds before each doubling, so it passes INT64_MAX without wrapping. */
    for (; reach <= highest; reach <<= 1)
        buckets++;
    uint64_t cells = (uint64_t)(buckets + 1) << (count_magnitude - 1);
    if (cells > ATS_HISTOGRAM_CELLS_MAX)
        return false;
    *layout = (ats_histogram_layout){.lowest = lowest,
                                     .highest = highest,
                                     .digits = digits,
                                     .unit_magnitude = unit_magnitude,
                                     .half_magnitude = count_magnitude - 1,
                                     .buckets = buckets,
                                     .cells = (uint32_t)cells};
    return true;
}

size_t ats_histogram_layout_footprint(const ats_histogram_layout *layout)
{
    return sizeof(ats_histogram) + layout->cells * sizeof(uint64_t);
}

ats_histogram *ats_histogram_layout_new(void *memory, const ats_histogram_layout *layout)
{
    assert(((uintptr_t)memory & 63u) == 0);
    ats_histogram *h = memory;
    memset(h, 0, ats_histogram_layout_footprint(layout));
    h->layout = *layout;
    return h;
}

size_t ats_histogram_footprint(void)
{
    return sizeof(ats_histogram) + ATS_HISTOGRAM_CELLS * sizeof(uint64_t);
}

ats_histogram *ats_histogram_new(void *memory)
{
    ats_histogram_layout layout;
    bool ok = ats_histogram_layout_of(&layout, ATS_HISTOGRAM_LOWEST_NS, ATS_HISTOGRAM_HIGHEST_NS,
                                      ATS_HISTOGRAM_DIGITS);
    /* The constants that ats_histogram_record is compiled with must be what the rule gives. */
    assert(ok && layout.cells == ATS_HISTOGRAM_CELLS &&
           layout.half_magnitude == ATS_HISTOGRAM_HALF_MAGNITUDE && layout.unit_magnitude == 0);
    (void)ok;
    return ats_histogram_layout_new(memory, &layout);
}

uint32_t ats_histogram_cell_of(const ats_histogram_layout *layout, uint64_t value)
{
    uint32_t shift = layout->unit_magnitude + layout->half_magnitude + 1;
    uint64_t mask = (1ull << shift) - 1;
    uint32_t bucket = 64u - shift - (uint32_t)__builtin_clzll(value | mask);
    uint64_t sub = value >> (bucket + layout->unit_magnitude);
    return (bucket << layout->half_magnitude) + (uint32_t)sub;
}

/* log2 of how many values share a cell. */
static uint32_t cell_magnitude(const ats_histogram_layout *layout, uint32_t cell)
{
    uint32_t half = cell >> layout->half_magnitude;
    return (half > 1 ? half - 1 : 0) + layout->unit_magnitude;
}

uint64_t ats_histogram_cell_lowest(const ats_histogram_layout *layout, uint32_t cell)
{
    uint64_t half_count = 1ull << layout->half_magnitude;
    uint64_t sub = cell < half_count ? cell : (cell & (half_count - 1)) + half_count;
    return sub << cell_magnitude(layout, cell);
}

uint64_t ats_histogram_cell_middle(const ats_histogram_layout *layout, uint32_t cell)
{
    return ats_histogram_cell_lowest(layout, cell) + ((1ull << cell_magnitude(layout, cell)) >> 1);
}

uint64_t ats_histogram_cell_highest(const ats_histogram_layout *layout, uint32_t cell)
{
    return ats_histogram_cell_lowest(layout, cell) + (1ull << cell_magnitude(layout, cell)) - 1;
}

void ats_histogram_record_n(ats_histogram *h, uint64_t value, uint64_t n)
{
    if (value > h->layout.highest) {
        value = h->layout.highest;
        ats_count(&h->saturated, n);
    }
    ats_count(&h->count[ats_histogram_cell_of(&h->layout, value)], n);
}

void ats_histogram_reset(ats_histogram *h)
{
    ats_store_relaxed(&h->saturated, 0);
    for (uint32_t i = 0; i < h->layout.cells; i++)
        ats_store_relaxed(&h->count[i], 0);
}

void ats_histogram_add(ats_histogram *into, const ats_histogram *from)
{
    bool same = into->layout.half_magnitude == from->layout.half_magnitude &&
                into->layout.unit_magnitude == from->layout.unit_magnitude &&
                into->layout.cells >= from->layout.cells;
    for (uint32_t i = 0; i < from->layout.cells; i++) {
        uint64_t n = ats_load_relaxed(&from->count[i]);
        if (n == 0)
            continue;
        if (same)
            ats_count(&into->count[i], n);
        else
            ats_histogram_record_n(into, ats_histogram_cell_lowest(&from->layout, i), n);
    }
    ats_count(&into->saturated, ats_load_relaxed(&from->saturated));
}

uint64_t ats_histogram_total(const ats_histogram *h)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < h->layout.cells; i++)
        total += ats_load_relaxed(&h->count[i]);
    return total;
}

uint64_t ats_histogram_saturated(const ats_histogram *h)
{
    return ats_load_relaxed(&h->saturated);
}

uint64_t ats_histogram_min(const ats_histogram *h)
{
    for (uint32_t i = 0; i < h->layout.cells; i++)
        if (ats_load_relaxed(&h->count[i]))
            return ats_histogram_cell_lowest(&h->layout, i);
    return 0;
}

uint64_t ats_histogram_max(const ats_histogram *h)
{
    for (uint32_t i = h->layout.cells; i-- > 0;)
        if (ats_load_relaxed(&h->count[i]))
            return ats_histogram_cell_highest(&h->layout, i);
    return 0;
}

double ats_histogram_mean(const ats_histogram *h)
{
    double sum = 0;
    uint64_t total = 0;
    for (uint32_t i = 0; i < h->layout.cells; i++) {
        uint64_t n = ats_load_relaxed(&h->count[i]);
        if (n == 0)
            continue;
        total += n;
        sum += (double)ats_histogram_cell_middle(&h->layout, i) * (double)n;
    }
    return total ? sum / (double)total : 0;
}

double ats_histogram_stddev(const ats_histogram *h)
{
    double mean = ats_histogram_mean(h), sum = 0;
    uint64_t total = 0;
    for (uint32_t i = 0; i < h->layout.cells; i++) {
        uint64_t n = ats_load_relaxed(&h->count[i]);
        if (n == 0)
            continue;
        double deviation = (double)ats_histogram_cell_middle(&h->layout, i) - mean;
        total += n;
        sum += deviation * deviation * (double)n;
    }
    return total ? sqrt(sum / (double)total) : 0;
}

uint64_t ats_histogram_value_at(const ats_histogram *h, double percentile)
{
    uint64_t total = ats_histogram_total(h);
    if (total == 0)
        return 0;
    /* fmax and fmin also turn a NaN into a bound. */
    double level = fmin(fmax(nextafter(percentile, -INFINITY), 0), 100);
    double target = fmax(ceil(level * (double)total / 100), 1);
    uint64_t seen = 0;
    for (uint32_t i = 0; i < h->layout.cells; i++) {
        seen += ats_load_relaxed(&h->count[i]);
        if (seen && (double)seen >= target)
            return percentile > 0 ? ats_histogram_cell_highest(&h->layout, i)
                                  : ats_histogram_cell_lowest(&h->layout, i);
    }
    return ats_histogram_max(h);
}

static size_t whole_guards(size_t bytes)
{
    return (bytes + 127u) & ~(size_t)127u;
}

size_t ats_recorder_footprint(void)
{
    return sizeof(ats_recorder) + 2 * whole_guards(ats_histogram_footprint());
}

ats_recorder *ats_recorder_new(void *memory)
{
    assert(((uintptr_t)memory & 127u) == 0);
    ats_recorder *r = memory;
    memset(r, 0, sizeof *r);
    uint8_t *at = (uint8_t *)memory + sizeof *r;
    r->pair[0] = ats_histogram_new(at);
    r->pair[1] = ats_histogram_new(at + whole_guards(ats_histogram_footprint()));
    r->active = r->pair[0];
    return r;
}

void ats_recorder_swap(ats_recorder *r)
{
    r->flips++;
    r->active = r->pair[r->flips & 1];
    /* Release: partner of the acquire in ats_recorder_retired; all counts of the interval are in.
     */
    ats_store_release(&r->acknowledged, r->flips);
}

bool ats_recorder_request_swap(ats_recorder *r)
{
    uint64_t asked = ats_load_relaxed(&r->asked);
    /* Acquire: partner of the release in ats_recorder_swap; the writer has left what we clear. */
    if (ats_load_acquire(&r->acknowledged) != asked)
        return false;
    ats_histogram_reset(r->pair[(asked + 1) & 1]);
    /* Release: partner of the acquire in ats_recorder_poll; the clearing is done. */
    ats_store_release(&r->asked, asked + 1);
    return true;
}

ats_histogram *ats_recorder_retired(ats_recorder *r)
{
    uint64_t asked = ats_load_relaxed(&r->asked);
    /* Acquire: partner of the release in ats_recorder_swap. */
    if (asked == 0 || ats_load_acquire(&r->acknowledged) != asked)
        return NULL;
    return r->pair[(asked - 1) & 1];
}

ats_histogram *ats_recorder_flip_now(ats_recorder *r)
{
    ats_recorder_request_swap(r);
    ats_recorder_poll(r);
    return ats_recorder_retired(r);
}
