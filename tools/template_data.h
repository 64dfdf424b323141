/* template_data.h: the files that `ats new-strategy` writes, as they lie in the repository. Each is
 * [x, x_end); template_data.c says which file is which. */
#ifndef ATS_TOOLS_TEMPLATE_DATA_H
#define ATS_TOOLS_TEMPLATE_DATA_H

extern const char ats_template_source[], ats_template_source_end[];
extern const char ats_template_makefile[], ats_template_makefile_end[];
extern const char ats_template_strategies[], ats_template_strategies_end[];
extern const char ats_template_header[], ats_template_header_end[];
extern const char ats_template_config[], ats_template_config_end[];

#endif
