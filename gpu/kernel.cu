/* kernel.cu: the two kernels. What they do with a request is in kernel.h, for the CPU to run too. */
#include "gpu/kernel.h"

/* Stays on the device until it is told to stop: each block waits at the doorbell by itself. */
extern "C" __global__ void __launch_bounds__(ATS_GPU_THREADS, 1)
    ats_gpu_persistent(const ats_gpu_parameters parameters)
{
    extern __shared__ uint64_t memory[];
    ats_gpu_shared *shared = (ats_gpu_shared *)memory;
    uint64_t last = (uint64_t)parameters.sequence;
    if (threadIdx.x == 0)
        shared->asked_load = shared->staged_load = shared->staged_bytes = 0;
    for (;;) {
        if (threadIdx.x == 0) {
            uint64_t bell;
            while (ats_gpu_bell_sequence(
                       bell = ats_gpu_load_acquire(&parameters.mailbox->doorbell)) == last)
                if (parameters.idle_ns)
                    __nanosleep(parameters.idle_ns);
            shared->bell = bell;
        }
        __syncthreads();
        uint64_t bell = shared->bell;
        last = ats_gpu_bell_sequence(bell);
        if (ats_gpu_bell_rows(bell) == 0)
            return;
        ats_gpu_answer(&parameters, shared, blockIdx.x, gridDim.x, blockDim.x, bell);
        /* The bell is written again only when all have read it. */
        __syncthreads();
    }
}

/* Answers the request at the doorbell once; launched after it has been rung. */
extern "C" __global__ void __launch_bounds__(ATS_GPU_THREADS, 1)
    ats_gpu_once(const ats_gpu_parameters parameters)
{
    extern __shared__ uint64_t memory[];
    ats_gpu_shared *shared = (ats_gpu_shared *)memory;
    if (threadIdx.x == 0) {
        shared->asked_load = shared->staged_load = shared->staged_bytes = 0;
        shared->bell = ats_gpu_load_acquire(&parameters.mailbox->doorbell);
    }
    __syncthreads();
    ats_gpu_answer(&parameters, shared, blockIdx.x, gridDim.x, blockDim.x, shared->bell);
}
