/* quality.h: what the checks of the market data found, as JSON, and the same for captures before
 * they are used. Cold; owner: the thread that runs the command.
 */
#ifndef ATS_STAGES_KEEPER_QUALITY_H
#define ATS_STAGES_KEEPER_QUALITY_H

#include "io/market_source.h"
#include "stages/feed/quality.h"

#include <jansson.h>
#include <stdio.h>

#define ATS_QUALITY_SYMBOLS 100u /* shown: those with most quarantines and faults */

/* The object {checked, mode, faults[{fault, what, action, count, symbols, first_at, last_at,
 * examples[{symbol, venue, at, value, reference, unit, ratio}]}], symbols[{symbol, venue, records,
 * quarantines, quarantined_s, crossed_s, locked_s, longest_crossed_s, longest_silence_s,
 * faults{}}], symbols_omitted}. Faults that did not occur and symbols without any are left out.
 * `checked` false: the input is a tape, or checks are off. NULL with an error pushed when memory is
 * short. */
json_t *ats_quality_json(const ats_quality *quality, bool tape);

/* Runs the feed over a whole source (calendar: of US equities; NULL: none) and returns the object
 * data_quality of run.json, to which `input` {files, records, symbols, first_at, last_at} is added.
 * *quarantined: how many symbols were in quarantine at some time. NULL with an error pushed. */
json_t *ats_quality_check(ats_market_source *source, const ats_quality_config *config,
                          const ats_calendar *calendar, const char *const *files,
                          uint32_t file_count, uint32_t *quarantined);

/* A page of its own of what ats_quality_check returned. -1 with an error pushed when `out` fails.
 */
int ats_quality_html(FILE *out, const json_t *data_quality);

#endif
