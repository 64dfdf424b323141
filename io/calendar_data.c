/* The US equity calendar as it lies in configs/calendars, byte for byte. */
#include "io/calendar_data.h"

__asm__(".section .rodata\n"
        ".global ats_calendar_us_equity\n"
        "ats_calendar_us_equity:\n"
        ".incbin \"" ATS_CALENDAR_FILE "\"\n"
        ".global ats_calendar_us_equity_end\n"
        "ats_calendar_us_equity_end:\n"
        ".byte 0\n"
        ".previous\n");
