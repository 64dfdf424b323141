/* A libcuda.so.1 for tests of gpu/cuda.c on machines without a card: the driver's functions that it
 * uses, with the rules that matter. It is strict where the driver would hang or corrupt:
 *
 *   - a call that waits for the whole device while a kernel stays on it (allocate, register, wait
 *     for the default stream) ends the process with a message, because the real one never returns;
 *   - a call without the right context current on its thread is CUDA_ERROR_INVALID_CONTEXT;
 *   - a launch whose shared memory was not granted is CUDA_ERROR_INVALID_VALUE;
 *   - memory set on the default stream is set as late as possible: when somebody waits for it, or
 * else over what other streams have copied there meanwhile;
 *   - after a kernel's fault every call in its context fails until the context is destroyed.
 *
 * Kernels run as plain C (gpu/kernel.h), block after block on one thread. It is one device, one
 * context at a time. */
#include "gpu/kernel.h"

#include <cuda.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS    32u
#define SHARED_MAX 101376 /* of a consumer card: 99 KiB */

enum { FAULT_NONE, FAULT_KERNEL_DIES, FAULT_LAUNCH, FAULT_GONE };

typedef struct kernel_call {
    ats_gpu_parameters parameters;
    unsigned blocks, shared_bytes;
    int stays;
} kernel_call;

static struct {
    pthread_mutex_t lock;
    uint64_t fault; /* relaxed: takes effect some time */
    uint64_t generation;
    CUcontext live;
    CUresult sticky;
    int granted_shared;
    void *memory[8]; /* of the context */
    int memory_count;
    struct {
        void *at;
        unsigned char value;
        size_t bytes;
    } unset; /* a memset that is still to come; bytes 0 = none */
    int registered;
    int capturing;
    kernel_call captured;
    uint64_t running, ended, stop;
    pthread_t thread;
    kernel_call stays;
    char *shared;
} fake = {.lock = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local CUcontext current;

/* For the test: what goes wrong from now on. */
void fake_cuda_fault(int fault);
int fake_cuda_contexts(void);
/* Of an older version, which the header does not declare. */
CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device);

void fake_cuda_fault(int fault)
{
    ats_store_relaxed(&fake.fault, (uint64_t)fault);
}

int fake_cuda_contexts(void)
{
    return fake.live != NULL;
}

static uint64_t fault(void)
{
    return ats_load_relaxed(&fake.fault);
}

static void never_returns(const char *what)
{
    fprintf(stderr, "fake driver: %s waits for a kernel that stays: the real one never returns\n",
            what);
    abort();
}

static CUresult enter(const char *what, int waits_for_device)
{
    if (!current || current != fake.live)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (waits_for_device && ats_load_acquire(&fake.running) && !ats_load_acquire(&fake.ended))
        never_returns(what);
    return fake.sticky;
}

#define ENTER(waits)                                                                               \
    do {                                                                                           \
        CUresult entered_ = enter(__func__, (waits));                                              \
        if (entered_ != CUDA_SUCCESS)                                                              \
            return entered_;                                                                       \
    } while (0)

CUresult cuInit(unsigned flags)
{
    return flags ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version)
{
    *version = 12040;
    return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult result, const char **name)
{
    *name = result == CUDA_ERROR_ILLEGAL_ADDRESS ? "CUDA_ERROR_ILLEGAL_ADDRESS"
            : result == CUDA_ERROR_NO_DEVICE     ? "CUDA_ERROR_NO_DEVICE"
                                                 : "CUDA_ERROR_OF_FAKE";
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *count)
{
    *count = 1;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *device, int index)
{
    *device = index;
    return index == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetName(char *name, int bytes, CUdevice device)
{
    snprintf(name, (size_t)bytes, "Fake card %d", device);
    return CUDA_SUCCESS;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device)
{
    *bytes = device == 0 ? 1u << 30 : 0;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device)
{
    const char *watchdog = getenv("FAKE_CUDA_WATCHDOG");
    (void)device;
    *value = attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR            ? 8
             : attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR          ? 6
             : attribute == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT              ? 28
             : attribute == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN ? SHARED_MAX
             : attribute == CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT ? watchdog && *watchdog
                                                                    : 0;
    return CUDA_SUCCESS;
}

CUresult cuCtxCreate_v2(CUcontext *context, unsigned flags, CUdevice device)
{
    (void)flags;
    (void)device;
    if (fault() == FAULT_GONE)
        return CUDA_ERROR_NO_DEVICE;
    if (fake.live)
        return CUDA_ERROR_INVALID_VALUE; /* one at a time: the one before was not destroyed */
    fake.live = current = *context = (CUcontext)(uintptr_t)(0x1000 + ++fake.generation);
    fake.sticky = CUDA_SUCCESS;
    fake.granted_shared = 49152;
    return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext context)
{
    if (context != fake.live)
        return CUDA_ERROR_INVALID_CONTEXT;
    current = context;
    return CUDA_SUCCESS;
}

/* Ends what runs, as a context's end does. */
CUresult cuCtxDestroy_v2(CUcontext context)
{
    if (context != fake.live)
        return CUDA_ERROR_INVALID_CONTEXT;
    if (ats_load_acquire(&fake.running)) {
        ats_store_release(&fake.stop, 1);
        pthread_join(fake.thread, NULL);
    }
    fake.running = fake.ended = fake.stop = 0;
    for (int i = 0; i < fake.memory_count; i++)
        free(fake.memory[i]);
    free(fake.shared);
    fake.shared = NULL;
    fake.memory_count = 0;
    fake.unset.bytes = 0;
    fake.live = NULL;
    fake.sticky = CUDA_SUCCESS;
    /* What was not unregistered before is given back now. */
    fake.registered = 0;
    return CUDA_SUCCESS;
}

CUresult cuModuleLoadData(CUmodule *module, const void *image)
{
    ENTER(1);
    uint32_t magic;
    memcpy(&magic, image, sizeof magic);
    *module = (CUmodule)(uintptr_t)1;
    return magic == 0xba55ed50u && (uintptr_t)image % 8 == 0 ? CUDA_SUCCESS
                                                             : CUDA_ERROR_INVALID_IMAGE;
}

CUresult cuModuleGetFunction(CUfunction *function, CUmodule module, const char *name)
{
    ENTER(0);
    (void)module;
    *function = (CUfunction)(uintptr_t)(strcmp(name, "ats_gpu_persistent") == 0 ? 1
                                        : strcmp(name, "ats_gpu_once") == 0     ? 2
                                                                                : 0);
    return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

CUresult cuFuncSetAttribute(CUfunction function, CUfunction_attribute attribute, int value)
{
    ENTER(0);
    (void)function;
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value > SHARED_MAX)
        return CUDA_ERROR_INVALID_VALUE;
    fake.granted_shared = value;
    return CUDA_SUCCESS;
}

static void *keep(size_t bytes)
{
    void *at = aligned_alloc(256, (bytes + 255) & ~(size_t)255);
    if (!at || fake.memory_count == 8)
        abort();
    return fake.memory[fake.memory_count++] = at;
}

CUresult cuMemAlloc_v2(CUdeviceptr *at, size_t bytes)
{
    ENTER(1);
    *at = (CUdeviceptr)(uintptr_t)keep(bytes);
    return CUDA_SUCCESS;
}

CUresult cuMemsetD8_v2(CUdeviceptr at, unsigned char value, size_t bytes)
{
    ENTER(1);
    fake.unset.at = (void *)(uintptr_t)at;
    fake.unset.value = value;
    fake.unset.bytes = bytes;
    return CUDA_SUCCESS;
}

static void set_at_last(void)
{
    if (fake.unset.bytes)
        memset(fake.unset.at, fake.unset.value, fake.unset.bytes);
    fake.unset.bytes = 0;
}

CUresult cuMemHostAlloc(void **at, size_t bytes, unsigned flags)
{
    ENTER(1);
    (void)flags;
    *at = keep(bytes);
    return CUDA_SUCCESS;
}

CUresult cuMemHostRegister_v2(void *at, size_t bytes, unsigned flags)
{
    ENTER(1);
    (void)bytes;
    if ((uintptr_t)at % 4096 || !(flags & CU_MEMHOSTREGISTER_DEVICEMAP))
        return CUDA_ERROR_INVALID_VALUE;
    fake.registered = 1;
    return CUDA_SUCCESS;
}

CUresult cuMemHostUnregister(void *at)
{
    ENTER(1);
    (void)at;
    CUresult result = fake.registered ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    fake.registered = 0;
    return result;
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *at, void *host, unsigned flags)
{
    ENTER(0);
    (void)flags;
    *at = (CUdeviceptr)(uintptr_t)host;
    return fake.registered ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t bytes, CUstream stream)
{
    ENTER(stream == NULL);
    memcpy((void *)(uintptr_t)to, from, bytes);
    set_at_last();
    return CUDA_SUCCESS;
}

/* Streams are numbered; which is which does not matter but for the default one. */
CUresult cuStreamCreateWithPriority(CUstream *stream, unsigned flags, int priority)
{
    static uint64_t count;
    ENTER(0);
    (void)priority;
    *stream = (CUstream)(uintptr_t)(0x100 + ++count);
    return flags == CU_STREAM_NON_BLOCKING ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuStreamQuery(CUstream stream)
{
    (void)stream;
    if (ats_load_acquire(&fake.ended) && fault() == FAULT_KERNEL_DIES)
        fake.sticky = CUDA_ERROR_ILLEGAL_ADDRESS;
    ENTER(0);
    return ats_load_acquire(&fake.running) && !ats_load_acquire(&fake.ended) ? CUDA_ERROR_NOT_READY
                                                                             : CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream stream)
{
    ENTER(stream == NULL);
    if (!stream)
        set_at_last();
    return CUDA_SUCCESS;
}

CUresult cuStreamBeginCapture_v2(CUstream stream, CUstreamCaptureMode mode)
{
    ENTER(0);
    (void)stream;
    (void)mode;
    fake.capturing = 1;
    return CUDA_SUCCESS;
}

CUresult cuStreamEndCapture(CUstream stream, CUgraph *graph)
{
    ENTER(0);
    (void)stream;
    fake.capturing = 0;
    *graph = (CUgraph)&fake.captured;
    return CUDA_SUCCESS;
}

static void run_request(const kernel_call *call, uint64_t bell)
{
    size_t stride = (call->shared_bytes + 63u) & ~63u;
    for (unsigned block = 0; block < call->blocks; block++)
        ats_gpu_answer(&call->parameters, (ats_gpu_shared *)(void *)(fake.shared + block * stride),
                       block, call->blocks, THREADS, bell);
}

/* gpu/kernel.cu's loop. */
static void *persistent(void *unused)
{
    const kernel_call *call = &fake.stays;
    uint32_t last = call->parameters.sequence;
    (void)unused;
    while (!ats_load_acquire(&fake.stop) && fault() != FAULT_KERNEL_DIES) {
        uint64_t bell = ats_gpu_load_acquire(&call->parameters.mailbox->doorbell);
        if (ats_gpu_bell_sequence(bell) == last) {
            sched_yield();
            continue;
        }
        last = ats_gpu_bell_sequence(bell);
        if (ats_gpu_bell_rows(bell) == 0)
            break;
        run_request(call, bell);
    }
    ats_store_release(&fake.ended, 1);
    return NULL;
}

CUresult cuLaunchKernel(CUfunction function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                        unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes,
                        CUstream stream, void **parameters, void **extra)
{
    ENTER(0);
    kernel_call call = {.blocks = grid_x,
                        .shared_bytes = shared_bytes,
                        .stays = function == (CUfunction)(uintptr_t)1};
    memcpy(&call.parameters, parameters[0], sizeof call.parameters);
    if (grid_x > 28 || grid_y != 1 || grid_z != 1 || block_x != ATS_GPU_THREADS || block_y != 1 ||
        block_z != 1 || !stream || extra || (int)shared_bytes > fake.granted_shared ||
        shared_bytes < sizeof(ats_gpu_shared) + call.parameters.stage_bytes)
        return CUDA_ERROR_INVALID_VALUE;
    size_t bytes = grid_x * ((shared_bytes + 63u) & ~(size_t)63);
    fake.shared = aligned_alloc(64, bytes);
    memset(fake.shared, 0, bytes);
    if (fake.capturing) {
        fake.captured = call;
        return CUDA_SUCCESS;
    }
    fake.stays = call;
    ats_store_release(&fake.running, 1);
    return pthread_create(&fake.thread, NULL, persistent, NULL) ? CUDA_ERROR_UNKNOWN : CUDA_SUCCESS;
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *executable, CUgraph graph,
                                     unsigned long long flags)
{
    ENTER(0);
    *executable = (CUgraphExec)(void *)graph;
    return flags ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
}

CUresult cuGraphDestroy(CUgraph graph)
{
    ENTER(0);
    return graph ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphUpload(CUgraphExec executable, CUstream stream)
{
    ENTER(0);
    return executable && stream ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGraphLaunch(CUgraphExec executable, CUstream stream)
{
    if (fault() == FAULT_LAUNCH)
        fake.sticky = CUDA_ERROR_LAUNCH_FAILED;
    ENTER(0);
    if (!executable || !stream)
        return CUDA_ERROR_INVALID_VALUE;
    /* A block's shared memory is not kept from launch to launch. */
    kernel_call *call = (kernel_call *)(void *)executable;
    memset(fake.shared, 0, call->blocks * ((call->shared_bytes + 63u) & ~(size_t)63));
    run_request(call, ats_gpu_load_acquire(&call->parameters.mailbox->doorbell));
    return CUDA_SUCCESS;
}
