/* The two ways to a card, by the CUDA driver API: a kernel that stays, and a graph that is launched
 * once a batch. Both read the same mailbox. */
#include "gpu/backend.h"

#include "core/error.h"

#include <stdio.h>
#include <string.h>

#if ATS_HAVE_NVCC
#include "gpu/driver.h"
#include "gpu/fatbin.h"

#include <stdlib.h>

#define BOUNCE_BYTES        (1u << 20) /* a table is copied in such pieces, through pinned memory */
#define STOP_NS             200000000u /* a block ends its request within microseconds */
#define MULTIPROCESSORS_MIN 16u        /* below, the blocks of a kernel that stays leave nothing */

typedef struct cuda {
    const ats_gpu_driver *driver;
    CUcontext context;
    uint64_t generation; /* numbers contexts of the process: addresses come again */
    CUstream work, copy;
    CUdeviceptr tables;
    void *bounce;
    ats_gpu_mailbox *mailbox; /* registered; NULL = not */
    CUgraphExec graph;        /* NULL: the kernel stays */
    uint64_t slot_bytes;
} cuda;

/* Runs a call and returns -1 from the function around it, with an error pushed, when it fails. */
#define TRY(what, call)                                                                            \
    do {                                                                                           \
        CUresult result_ = (call);                                                                 \
        if (result_ != CUDA_SUCCESS)                                                               \
            return ats_gpu_driver_error(result_, (what));                                          \
    } while (0)

static int attribute(const ats_gpu_driver *d, CUdevice device, CUdevice_attribute which)
{
    int value = 0;
    return d->device_attribute(&value, which, device) == CUDA_SUCCESS ? value : 0;
}

static int find(uint32_t index, ats_gpu_info *info)
{
    const ats_gpu_driver *d = ats_gpu_driver_get();
    int count = 0, version = 0;
    size_t memory = 0;
    CUdevice device;
    if (!d)
        return -1;
    TRY("device count", d->device_count(&count));
    if (index >= (uint32_t)count)
        return ats_error(ATS_EXIT_UNREACHABLE, "gpu: no CUDA device %u; there are %d", index,
                         count);
    TRY("device", d->device_get(&device, (int)index));
    TRY("device name", d->device_name(info->name, sizeof info->name, device));
    TRY("device memory", d->device_memory(&memory, device));
    TRY("driver version", d->driver_version(&version));
    info->major = (uint32_t)attribute(d, device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
    info->minor = (uint32_t)attribute(d, device, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    info->driver = (uint32_t)version;
    info->multiprocessors =
        (uint32_t)attribute(d, device, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
    info->memory_bytes = memory;
    info->shared_bytes =
        (uint32_t)attribute(d, device, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
    info->watchdog = attribute(d, device, CU_DEVICE_ATTRIBUTE_KERNEL_EXEC_TIMEOUT) != 0;
    info->present = true;
    return 0;
}

static int make_memory(cuda *c, const ats_gpu_config *config, ats_gpu_mailbox *mailbox,
                       ats_gpu_parameters *parameters)
{
    const ats_gpu_driver *d = c->driver;
    size_t bytes = config->slot_count * config->slot_bytes;
    CUdeviceptr at;
    TRY("memory for models", d->memory_alloc(&c->tables, bytes));
    TRY("memory for models", d->memory_set(c->tables, 0, bytes));
    TRY("memory for models", d->stream_wait(NULL)); /* the streams below do not wait for it */
    TRY("pinned memory", d->host_alloc(&c->bounce, BOUNCE_BYTES, CU_MEMHOSTALLOC_PORTABLE));
    TRY("the mailbox",
        d->host_register(mailbox, sizeof *mailbox,
                         CU_MEMHOSTREGISTER_PORTABLE | CU_MEMHOSTREGISTER_DEVICEMAP));
    c->mailbox = mailbox;
    TRY("the mailbox", d->host_pointer(&at, mailbox, 0));
    c->slot_bytes = config->slot_bytes;
    parameters->mailbox = (ats_gpu_mailbox *)(uintptr_t)at;
    parameters->tables = (const unsigned char *)(uintptr_t)c->tables;
    parameters->slot_bytes = config->slot_bytes;
    parameters->slot_count = config->slot_count;
    parameters->idle_ns = config->idle_ns;
    return 0;
}

static int capture(cuda *c, CUfunction kernel, uint32_t blocks, uint32_t shared_bytes,
                   void **arguments)
{
    const ats_gpu_driver *d = c->driver;
    CUgraph graph;
    TRY("graph", d->capture_begin(c->work, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL));
    CUresult launched = d->kernel_launch(kernel, blocks, 1, 1, ATS_GPU_THREADS, 1, 1, shared_bytes,
                                         c->work, arguments, NULL);
    TRY("graph", d->capture_end(c->work, &graph));
    TRY("graph", launched);
    CUresult made = d->graph_instantiate(&c->graph, graph, 0);
    d->graph_destroy(graph);
    TRY("graph", made);
    TRY("graph", d->graph_upload(c->graph, c->work));
    TRY("graph", d->stream_wait(c->work));
    return 0;
}

/* Everything is allocated before the kernel is started: a call that waits for the whole device
 * would wait for a kernel that stays for ever. */
static int start_context(cuda *c, const ats_gpu_config *config, ats_gpu_mailbox *mailbox,
                         uint32_t sequence, bool stays)
{
    const ats_gpu_driver *d = c->driver;
    ats_gpu_info info = {0};
    ats_gpu_parameters parameters = {.sequence = sequence};
    void *arguments[] = {&parameters};
    CUmodule module;
    CUfunction kernel;
    if (find(config->device, &info) != 0 || make_memory(c, config, mailbox, &parameters) != 0)
        return -1;
    TRY("the kernels", d->module_load(&module, ats_gpu_fatbin));
    TRY("the kernels",
        d->module_function(&kernel, module, stays ? "ats_gpu_persistent" : "ats_gpu_once"));
    uint32_t fixed = sizeof(ats_gpu_shared), blocks = config->blocks;
    if (info.shared_bytes < fixed)
        return ats_error(ATS_EXIT_UNREACHABLE, "gpu: %s has %u bytes of shared memory, %u needed",
                         info.name, info.shared_bytes, fixed);
    /* A launch a batch has no time to bring trees into shared memory. */
    uint32_t room = stays ? info.shared_bytes - fixed : 0;
    parameters.stage_bytes = (config->stage_bytes < room ? config->stage_bytes : room) / 8 * 8;
    blocks = blocks < info.multiprocessors ? blocks : info.multiprocessors;
    TRY("shared memory", d->function_set(kernel, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES,
                                         (int)(fixed + parameters.stage_bytes)));
    TRY("stream", d->stream_create(&c->work, CU_STREAM_NON_BLOCKING, 0));
    TRY("stream", d->stream_create(&c->copy, CU_STREAM_NON_BLOCKING, 0));
    if (!stays)
        return capture(c, kernel, blocks, fixed, arguments);
    TRY("launch", d->kernel_launch(kernel, blocks, 1, 1, ATS_GPU_THREADS, 1, 1,
                                   fixed + parameters.stage_bytes, c->work, arguments, NULL));
    return 0;
}

/* Destroying the context ends what runs in it and frees all it had; a driver that hangs may not
 * return from it, which holds up the watch and nobody else. To give the mailbox back by itself
 * would wait for what runs, so that is done only where nothing does. */
static int end_context(cuda *c, bool at_rest)
{
    const ats_gpu_driver *d = c->driver;
    if (c->mailbox && at_rest)
        (void)d->host_unregister(c->mailbox); /* goes with the context when this fails */
    CUresult destroyed = c->context ? d->context_destroy(c->context) : CUDA_SUCCESS;
    memset(c, 0, sizeof *c);
    TRY("end", destroyed);
    return 0;
}

static int start(cuda *c, const ats_gpu_config *config, ats_gpu_mailbox *mailbox, uint32_t sequence,
                 bool stays)
{
    static uint64_t generations; /* under the device's lock, or before its watch runs */
    const char *blocking = getenv("CUDA_LAUNCH_BLOCKING");
    CUdevice device;
    c->driver = ats_gpu_driver_get();
    if (!c->driver)
        return -1;
    if (stays && blocking && strcmp(blocking, "0") != 0)
        return ats_error(ATS_EXIT_CONFIG,
                         "gpu: with CUDA_LAUNCH_BLOCKING set a kernel that stays never starts; "
                         "unset it, or choose kind graph");
    TRY("device", c->driver->device_get(&device, (int)config->device));
    TRY("context",
        c->driver->context_create(&c->context, CU_CTX_SCHED_SPIN | CU_CTX_MAP_HOST, device));
    c->generation = __atomic_add_fetch(&generations, 1, __ATOMIC_RELAXED);
    if (start_context(c, config, mailbox, sequence, stays) != 0) {
        (void)end_context(c, true);
        return -1;
    }
    return 0;
}

static int start_persistent(void *state, const ats_gpu_config *config, ats_gpu_mailbox *mailbox,
                            uint32_t sequence)
{
    return start(state, config, mailbox, sequence, true);
}

static int start_graph(void *state, const ats_gpu_config *config, ats_gpu_mailbox *mailbox,
                       uint32_t sequence)
{
    return start(state, config, mailbox, sequence, false);
}

static int stop(void *state)
{
    cuda *c = state;
    uint64_t until_ns = ats_clock_monotonic_ns() + STOP_NS;
    struct timespec pause = {0, 1000000};
    (void)c->driver->context_set(c->context);
    while (c->driver->stream_query(c->work) == CUDA_ERROR_NOT_READY) {
        if (ats_clock_monotonic_ns() > until_ns)
            return end_context(c, false);
        nanosleep(&pause, NULL);
    }
    return end_context(c, true);
}

static int upload(void *state, uint32_t slot, const void *table, size_t bytes)
{
    cuda *c = state;
    const ats_gpu_driver *d = c->driver;
    TRY("context", d->context_set(c->context));
    for (size_t at = 0; at < bytes; at += BOUNCE_BYTES) {
        size_t piece = bytes - at < BOUNCE_BYTES ? bytes - at : BOUNCE_BYTES;
        memcpy(c->bounce, (const char *)table + at, piece);
        TRY("upload of a model",
            d->copy_to_device(c->tables + slot * c->slot_bytes + at, c->bounce, piece, c->copy));
        TRY("upload of a model", d->stream_wait(c->copy));
    }
    return 0;
}

/* A context is bound to a thread once, not once a batch. */
static int launch(void *state)
{
    static _Thread_local uint64_t bound;
    cuda *c = state;
    if (bound != c->generation) {
        if (c->driver->context_set(c->context) != CUDA_SUCCESS)
            return -1;
        bound = c->generation;
    }
    return c->driver->graph_launch(c->graph, c->work) == CUDA_SUCCESS ? 0 : -1;
}

static int health_persistent(void *state)
{
    cuda *c = state;
    TRY("context", c->driver->context_set(c->context));
    CUresult now = c->driver->stream_query(c->work);
    if (now == CUDA_ERROR_NOT_READY)
        return 0;
    return ats_gpu_driver_error(now, "the kernel that should stay has ended");
}

static int health_graph(void *state)
{
    cuda *c = state;
    TRY("context", c->driver->context_set(c->context));
    CUresult now = c->driver->stream_query(c->work);
    if (now != CUDA_ERROR_NOT_READY)
        TRY("a batch", now);
    return 0;
}

/* All of its blocks have answered probes. */
static bool quiet_persistent(void *state)
{
    (void)state;
    return true;
}

static bool quiet_graph(void *state)
{
    cuda *c = state;
    return c->driver->stream_query(c->work) == CUDA_SUCCESS;
}

static const ats_gpu_backend PERSISTENT = {.state_bytes = sizeof(cuda),
                                           .start = start_persistent,
                                           .stop = stop,
                                           .upload = upload,
                                           .health = health_persistent,
                                           .quiet = quiet_persistent};

static const ats_gpu_backend GRAPH = {.state_bytes = sizeof(cuda),
                                      .start = start_graph,
                                      .stop = stop,
                                      .upload = upload,
                                      .launch = launch,
                                      .health = health_graph,
                                      .quiet = quiet_graph};

const ats_gpu_backend *ats_gpu_backend_cuda(ats_gpu_kind *kind, uint32_t device)
{
    ats_gpu_info info = {0};
    if (find(device, &info) != 0)
        return NULL;
    bool may_stay = !info.watchdog && info.multiprocessors >= MULTIPROCESSORS_MIN;
    if (*kind == ATS_GPU_AUTO)
        *kind = may_stay ? ATS_GPU_PERSISTENT : ATS_GPU_GRAPH;
    if (*kind == ATS_GPU_PERSISTENT && info.watchdog) {
        ats_error(ATS_EXIT_CONFIG,
                  "gpu: %s drives a display, whose watchdog ends a kernel that stays; choose graph",
                  info.name);
        return NULL;
    }
    return *kind == ATS_GPU_GRAPH ? &GRAPH : &PERSISTENT;
}

#else

static int find(uint32_t index, ats_gpu_info *info)
{
    (void)index;
    (void)info;
    return ats_error(ATS_EXIT_UNREACHABLE,
                     "gpu: not in this build: nvcc was not found when it was configured");
}

const ats_gpu_backend *ats_gpu_backend_cuda(ats_gpu_kind *kind, uint32_t device)
{
    ats_gpu_info info;
    (void)kind;
    (void)find(device, &info);
    return NULL;
}

#endif

void ats_gpu_find(uint32_t device, ats_gpu_info *info)
{
    memset(info, 0, sizeof *info);
    if (find(device, info) == 0)
        return;
    /* The outermost line says it, less the "gpu: " in front of it. */
    const char *why = ats_error_line(0);
    snprintf(info->name, sizeof info->name, "%.*s", (int)sizeof info->name - 1,
             strncmp(why, "gpu: ", 5) == 0 ? why + 5 : why);
    info->present = false;
    ats_error_clear();
}
