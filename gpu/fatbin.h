/* fatbin.h: the embedded kernels, as cuModuleLoadData takes them. */
#ifndef ATS_GPU_FATBIN_H
#define ATS_GPU_FATBIN_H

extern const unsigned char ats_gpu_fatbin[];

#endif
