#include "tools/template_data.h"

#define EMBED(name, file)                                                                          \
    __asm__(".section .rodata\n"                                                                   \
            ".global " #name "\n" #name ":\n"                                                      \
            ".incbin \"" ATS_SOURCE_ROOT "/" file "\"\n"                                           \
            ".global " #name "_end\n" #name "_end:\n"                                              \
            ".byte 0\n"                                                                            \
            ".previous\n")

EMBED(ats_template_source, "tools/template/strategy.c.in");
EMBED(ats_template_makefile, "tools/template/Makefile.in");
EMBED(ats_template_strategies, "tools/template/strategies.yaml.in");
EMBED(ats_template_header, "stages/strategy/ats_strategy.h");
EMBED(ats_template_config, "configs/demo.yaml");
