/* calendar_data.h: the text of the built-in calendar, [ats_calendar_us_equity, ..._end). */
#ifndef ATS_IO_CALENDAR_DATA_H
#define ATS_IO_CALENDAR_DATA_H

extern const char ats_calendar_us_equity[];
extern const char ats_calendar_us_equity_end[];

#endif
