#include "core/word.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

Test(word, distances)
{
    cr_expect_eq(ats_word_distance("kitten", "sitting"), 3); /* the textbook's */
    cr_expect_eq(ats_word_distance("sitting", "kitten"), 3);
    cr_expect_eq(ats_word_distance("", "abc"), 3);
    cr_expect_eq(ats_word_distance("abc", ""), 3);
    cr_expect_eq(ats_word_distance("", ""), 0);
    cr_expect_eq(ats_word_distance("same", "same"), 0);
    cr_expect_eq(ats_word_distance("stop_pbs", "stop_bps"), 2);
}

Test(word, long_words_are_no_slips)
{
    char word[ATS_WORD_BYTES + 1];
    memset(word, 'a', sizeof word);
    word[ATS_WORD_BYTES] = 0;
    cr_expect_eq(ats_word_distance(word, "a"), SIZE_MAX);
    cr_expect_eq(ats_word_distance("a", word), SIZE_MAX);
    word[ATS_WORD_BYTES - 1] = 0;
    cr_expect_eq(ats_word_distance(word, "a"), ATS_WORD_BYTES - 2);
}
