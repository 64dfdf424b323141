#include "calc/calendar.h"

#include "core/record.h"
#include "core/symbols.h"

const ats_calendar ats_calendar_continuous = {.name = "continuous", .continuous = true};

const char *ats_phase_label(uint32_t phase)
{
    static const char *const labels[] = {"closed", "pre", "regular", "post"};
    static_assert(sizeof labels / sizeof labels[0] == ATS_PHASE_POST + 1, "a label a phase");
    return phase <= ATS_PHASE_POST ? labels[phase] : "?";
}

const ats_calendar *ats_calendar_for(uint32_t symbol_class, const ats_calendar *us_equity)
{
    return symbol_class == ATS_CLASS_EQUITY || symbol_class == ATS_CLASS_INDEX
               ? us_equity
               : &ats_calendar_continuous;
}

/* ---- civil dates ----------------------------------------------------------------------------- */

/* Years begin in March, so that the leap day is the last of its year; eras are 400 years. */
int64_t ats_date_days(uint32_t date)
{
    int64_t year = date / 10000, month = date / 100 % 100, day = date % 100;
    year -= month <= 2;
    int64_t era = year / 400, of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

uint32_t ats_date_of_days(int64_t days)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    int64_t month = shifted + (shifted < 10 ? 3 : -9);
    int64_t day = of_year - (153 * shifted + 2) / 5 + 1;
    year += era * 400 + (month <= 2);
    return (uint32_t)(year * 10000 + month * 100 + day);
}

/* The years keep every ns within an int64_t. */
bool ats_date_is_valid(uint32_t date)
{
    uint32_t year = date / 10000, month = date / 100 % 100, day = date % 100;
    if (year < 1700 || year > 2261 || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    return ats_date_of_days(ats_date_days(date)) == date;
}

int64_t ats_date_ns(uint32_t date)
{
    return ats_date_days(date) * ATS_DAY_NS;
}

static int64_t days_of_ns(int64_t ns)
{
    return ns / ATS_DAY_NS - (ns % ATS_DAY_NS < 0);
}

uint32_t ats_date_of_ns(int64_t ns)
{
    return ats_date_of_days(days_of_ns(ns));
}

uint32_t ats_date_weekday(uint32_t date)
{
    return (uint32_t)(((ats_date_days(date) + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

uint32_t ats_date_add(uint32_t date, int64_t count)
{
    return ats_date_of_days(ats_date_days(date) + count);
}

/* ---- sessions -------------------------------------------------------------------------------- */

static bool holds(const ats_calendar *c, uint32_t i, int64_t ns)
{
    return (i == 0 || c->session[i - 1].post_ns <= ns) &&
           (i == c->count || ns < c->session[i].post_ns);
}

/* Index of the session that ns is in or waits for: the first that has not ended. */
static uint32_t find_session(const ats_calendar *c, int64_t ns, uint32_t guess)
{
    if (guess <= c->count && holds(c, guess, ns))
        return guess;
    if (guess < c->count && holds(c, guess + 1, ns))
        return guess + 1;
    uint32_t low = 0, high = c->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->session[middle].post_ns <= ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void set_continuous(int64_t ns, ats_segment *s)
{
    int64_t day = days_of_ns(ns);
    s->start_ns = s->open_ns = day * ATS_DAY_NS;
    s->end_ns = s->close_ns = s->start_ns + ATS_DAY_NS;
    s->date = ats_date_of_days(day);
    s->phase = ATS_PHASE_REGULAR;
}

static void set_insane(int64_t ns, ats_segment *s)
{
    s->start_ns = ns < ATS_TIME_MIN_NS ? INT64_MIN : ATS_TIME_MAX_NS;
    s->end_ns = ns < ATS_TIME_MIN_NS ? ATS_TIME_MIN_NS : INT64_MAX;
}

void ats_calendar_segment(const ats_calendar *c, int64_t ns, ats_segment *out)
{
    uint32_t guess = out->session;
    *out = (ats_segment){.phase = ATS_PHASE_CLOSED};
    if (!ats_time_is_sane(ns)) {
        set_insane(ns, out);
        return;
    }
    if (c->continuous) {
        set_continuous(ns, out);
        return;
    }
    uint32_t i = find_session(c, ns, guess);
    out->session = i;
    int64_t ended_ns = i ? c->session[i - 1].post_ns : ATS_TIME_MIN_NS;
    if (i == c->count) {
        out->start_ns = ended_ns;
        out->end_ns = ATS_TIME_MAX_NS;
        return;
    }
    const ats_session *s = &c->session[i];
    const int64_t bound[] = {ended_ns, s->pre_ns, s->open_ns, s->close_ns, s->post_ns};
    uint32_t phase = ns < s->pre_ns     ? ATS_PHASE_CLOSED
                     : ns < s->open_ns  ? ATS_PHASE_PRE
                     : ns < s->close_ns ? ATS_PHASE_REGULAR
                                        : ATS_PHASE_POST;
    out->phase = (uint8_t)phase;
    out->start_ns = bound[phase];
    out->end_ns = bound[phase + 1];
    if (i == 0 && phase == ATS_PHASE_CLOSED)
        return;
    out->date = s->date;
    out->open_ns = s->open_ns;
    out->close_ns = s->close_ns;
    out->early_close = (s->flags & ATS_SESSION_EARLY_CLOSE) != 0;
}

/* Index of the first session on or after a date. */
static uint32_t first_from(const ats_calendar *c, uint32_t date)
{
    uint32_t low = 0, high = c->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->session[middle].date < date)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool continuous_session(uint32_t date, ats_session *out)
{
    if (!ats_date_is_valid(date))
        return false;
    int64_t start_ns = ats_date_ns(date), end_ns = start_ns + ATS_DAY_NS;
    *out = (ats_session){start_ns, start_ns, end_ns, end_ns, date, 0};
    return true;
}

static bool take(const ats_calendar *c, uint32_t i, ats_session *out)
{
    if (i >= c->count)
        return false;
    *out = c->session[i];
    return true;
}

bool ats_calendar_on(const ats_calendar *c, uint32_t date, ats_session *out)
{
    if (c->continuous)
        return continuous_session(date, out);
    uint32_t i = first_from(c, date);
    return i < c->count && c->session[i].date == date && take(c, i, out);
}

bool ats_calendar_next(const ats_calendar *c, uint32_t date, ats_session *out)
{
    if (c->continuous)
        return ats_date_is_valid(date) && continuous_session(ats_date_add(date, 1), out);
    return take(c, first_from(c, date + 1), out);
}

bool ats_calendar_previous(const ats_calendar *c, uint32_t date, ats_session *out)
{
    if (c->continuous)
        return ats_date_is_valid(date) && continuous_session(ats_date_add(date, -1), out);
    uint32_t i = first_from(c, date);
    return i > 0 && take(c, i - 1, out);
}

uint32_t ats_calendar_days(const ats_calendar *c, uint32_t from, uint32_t to)
{
    if (to <= from)
        return 0;
    if (c->continuous)
        return (uint32_t)(ats_date_days(to) - ats_date_days(from));
    return first_from(c, to) - first_from(c, from);
}

/* ---- local time ------------------------------------------------------------------------------ */

static uint32_t find_offset(const ats_calendar *c, int64_t ns)
{
    uint32_t low = 0, high = c->offset_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (c->offset[middle].from_ns <= ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : 0;
}

int32_t ats_calendar_offset_s(const ats_calendar *c, int64_t ns)
{
    return c->offset_count ? c->offset[find_offset(c, ns)].offset_s : 0;
}

/* Of the offset that held a day before and the one a day after, the earlier one is right up to the
 * change; in the doubled hour both are and the earlier one is the first pass, in the missing hour
 * neither is and the earlier one counts on. Changes lie months apart. */
int64_t ats_calendar_utc_ns(const ats_calendar *c, int64_t local_ns)
{
    if (!c->offset_count)
        return local_ns;
    uint32_t i = find_offset(c, local_ns - ATS_DAY_NS);
    int64_t ns = local_ns - c->offset[i].offset_s * ATS_SECOND_NS;
    if (i + 1 < c->offset_count && ns >= c->offset[i + 1].from_ns) {
        int64_t later_ns = local_ns - c->offset[i + 1].offset_s * ATS_SECOND_NS;
        return later_ns >= c->offset[i + 1].from_ns ? later_ns : ns;
    }
    return ns;
}
