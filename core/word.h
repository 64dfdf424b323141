/* word.h: how near two words are, for the "did you mean" of messages. Cold. */
#ifndef ATS_CORE_WORD_H
#define ATS_CORE_WORD_H

#include <stddef.h>

#define ATS_WORD_BYTES 64 /* a name is shorter; what is longer is no slip of one */

/* Edits (a byte more, less or other) from one word to the other (Levenshtein 1966); SIZE_MAX when
 * one is of ATS_WORD_BYTES or more. */
size_t ats_word_distance(const char *a, const char *b);

#endif
