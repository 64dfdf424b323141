/* feature_info.h: what the catalogue says of the columns of a dataset: the one place where this
 * layer asks for names and ranges. Any thread.
 */
#ifndef ATS_LEARN_FEATURE_INFO_H
#define ATS_LEARN_FEATURE_INFO_H

#include <stdint.h>

/* How many features the chain computes. */
uint32_t ats_feature_info_count(void);

/* Name of column i; i < ats_feature_info_count(). */
const char *ats_feature_info_name(uint32_t i);

/* Declared range of column i, both ends included; -INFINITY and INFINITY where it has none. */
void ats_feature_info_range(uint32_t i, double *low, double *high);

#endif
