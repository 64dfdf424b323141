/* simulated.h: a device made of a thread, with faults on demand.
 *
 * It polls the same mailbox and runs the same functions (kernel.h) as a card, block after block and
 * thread after thread, so that the protocol and its failures can be tested anywhere. Slow, and it
 * yields: it is for tests, not for scoring.
 */
#ifndef ATS_GPU_SIMULATED_H
#define ATS_GPU_SIMULATED_H

#include "gpu/device.h"

typedef enum ats_gpu_trouble {
    ATS_GPU_TROUBLE_NONE = 0,
    ATS_GPU_TROUBLE_HANG = 1,  /* answers nothing */
    ATS_GPU_TROUBLE_ERROR = 2, /* answers each request with a fault */
    ATS_GPU_TROUBLE_WRONG = 3, /* flips a bit in every result */
    ATS_GPU_TROUBLE_SPOIL = 4, /* flips a bit in the results of the first row of each request */
    ATS_GPU_TROUBLE_LATE = 5,  /* answers a request only when the next one has come, then that */
    ATS_GPU_TROUBLE_SLOW = 6,  /* answers after 2 ms */
    ATS_GPU_TROUBLE_DEAD = 7,  /* the driver reports an error and it cannot be started */
    ATS_GPU_TROUBLE_COUNT
} ats_gpu_trouble;

/* What the simulated devices of this process do from the next request on. Any thread. */
void ats_gpu_simulate(ats_gpu_trouble trouble);

#endif
