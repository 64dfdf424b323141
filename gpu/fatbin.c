/* The kernels as nvcc compiled them, for every architecture, byte for byte. */
#include "gpu/fatbin.h"

#if ATS_HAVE_NVCC
/* The driver reads it as 64-bit words. */
__asm__(".section .rodata\n"
        ".balign 64\n"
        ".global ats_gpu_fatbin\n"
        "ats_gpu_fatbin:\n"
        ".incbin \"" ATS_GPU_FATBIN_FILE "\"\n"
        ".global ats_gpu_fatbin_end\n"
        "ats_gpu_fatbin_end:\n"
        ".byte 0\n"
        ".previous\n");
#else
const unsigned char ats_gpu_fatbin[1] = {0};
#endif
