/* driver.h: the CUDA driver's functions, found at run time.
 *
 * libcuda.so.1 comes with the driver, not with this program, which also runs where there is none.
 * Names are the library's own, with the version of the function that is called: the toolkit's
 * header maps cuCtxCreate and others to whatever is newest, which an older driver does not have.
 * All here are in drivers from CUDA 11.4 on.
 */
#ifndef ATS_GPU_DRIVER_H
#define ATS_GPU_DRIVER_H

#include <cuda.h>

/* X(member, name in the library, parameters) */
#define ATS_GPU_DRIVER(X)                                                                          \
    X(init, "cuInit", (unsigned flags))                                                            \
    X(driver_version, "cuDriverGetVersion", (int *version))                                        \
    X(error_name, "cuGetErrorName", (CUresult result, const char **name))                          \
    X(device_get, "cuDeviceGet", (CUdevice * device, int index))                                   \
    X(device_count, "cuDeviceGetCount", (int *count))                                              \
    X(device_name, "cuDeviceGetName", (char *name, int bytes, CUdevice device))                    \
    X(device_memory, "cuDeviceTotalMem_v2", (size_t * bytes, CUdevice device))                     \
    X(device_attribute, "cuDeviceGetAttribute",                                                    \
      (int *value, CUdevice_attribute attribute, CUdevice device))                                 \
    X(context_create, "cuCtxCreate_v2", (CUcontext * context, unsigned flags, CUdevice device))    \
    X(context_destroy, "cuCtxDestroy_v2", (CUcontext context))                                     \
    X(context_set, "cuCtxSetCurrent", (CUcontext context))                                         \
    X(module_load, "cuModuleLoadData", (CUmodule * module, const void *image))                     \
    X(module_function, "cuModuleGetFunction",                                                      \
      (CUfunction * function, CUmodule module, const char *name))                                  \
    X(function_set, "cuFuncSetAttribute",                                                          \
      (CUfunction function, CUfunction_attribute attribute, int value))                            \
    X(memory_alloc, "cuMemAlloc_v2", (CUdeviceptr * at, size_t bytes))                             \
    X(memory_set, "cuMemsetD8_v2", (CUdeviceptr at, unsigned char value, size_t bytes))            \
    X(host_alloc, "cuMemHostAlloc", (void **at, size_t bytes, unsigned flags))                     \
    X(host_register, "cuMemHostRegister_v2", (void *at, size_t bytes, unsigned flags))             \
    X(host_unregister, "cuMemHostUnregister", (void *at))                                          \
    X(host_pointer, "cuMemHostGetDevicePointer_v2",                                                \
      (CUdeviceptr * at, void *host, unsigned flags))                                              \
    X(copy_to_device, "cuMemcpyHtoDAsync_v2",                                                      \
      (CUdeviceptr to, const void *from, size_t bytes, CUstream stream))                           \
    X(stream_create, "cuStreamCreateWithPriority",                                                 \
      (CUstream * stream, unsigned flags, int priority))                                           \
    X(stream_query, "cuStreamQuery", (CUstream stream))                                            \
    X(stream_wait, "cuStreamSynchronize", (CUstream stream))                                       \
    X(capture_begin, "cuStreamBeginCapture_v2", (CUstream stream, CUstreamCaptureMode mode))       \
    X(capture_end, "cuStreamEndCapture", (CUstream stream, CUgraph * graph))                       \
    X(kernel_launch, "cuLaunchKernel",                                                             \
      (CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,   \
       unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream,                 \
       void **parameters, void **extra))                                                           \
    X(graph_instantiate, "cuGraphInstantiateWithFlags",                                            \
      (CUgraphExec * executable, CUgraph graph, unsigned long long flags))                         \
    X(graph_destroy, "cuGraphDestroy", (CUgraph graph))                                            \
    X(graph_upload, "cuGraphUpload", (CUgraphExec executable, CUstream stream))                    \
    X(graph_launch, "cuGraphLaunch", (CUgraphExec executable, CUstream stream))

/* clang-format off */
#define ATS_GPU_DRIVER_MEMBER(member, name, parameters) CUresult(CUDAAPI *member) parameters;
/* clang-format on */
typedef struct ats_gpu_driver {
    ATS_GPU_DRIVER(ATS_GPU_DRIVER_MEMBER)
} ats_gpu_driver;

/* The functions, loaded and initialised once a process. NULL with an error pushed
 * (ATS_EXIT_UNREACHABLE): no library, an old one, or no device in it. Cold; any thread. */
const ats_gpu_driver *ats_gpu_driver_get(void);

/* Pushes "what: CUDA_ERROR_..." and returns -1. */
int ats_gpu_driver_error(CUresult result, const char *what);

#endif
