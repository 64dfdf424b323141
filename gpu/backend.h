/* backend.h: what lies between device.c and a card: three ways to run gpu/kernel.h.
 *
 * All functions but `launch` are cold, may block, and are called under the device's lock or before
 * its watch runs. A backend's state is state_bytes of zeroed memory.
 */
#ifndef ATS_GPU_BACKEND_H
#define ATS_GPU_BACKEND_H

#include "gpu/device.h"
#include "gpu/kernel.h"

typedef struct ats_gpu_backend {
    size_t state_bytes;
    /* Makes the mailbox reachable and the device ready to answer requests after `sequence`. 0, or
     * -1 with an error pushed and everything undone. */
    int (*start)(void *state, const ats_gpu_config *config, ats_gpu_mailbox *mailbox,
                 uint32_t sequence);
    /* After a doorbell without rows. 0 when the device can no longer touch the mailbox, else -1
     * with an error pushed. The state is as new afterwards. */
    int (*stop)(void *state);
    /* Copies a table to a slot that no request in work names. 0, or -1 with an error pushed. */
    int (*upload)(void *state, uint32_t slot, const void *table, size_t bytes);
    /* Hot, by the thread that rang the doorbell: starts the work. NULL: the device sees it by
     * itself. 0, or -1 and nothing pushed. */
    int (*launch)(void *state);
    /* 0 while the driver knows of no error, else -1 with one pushed. */
    int (*health)(void *state);
    /* Is nothing in work but what waits at the doorbell? */
    bool (*quiet)(void *state);
} ats_gpu_backend;

extern const ats_gpu_backend ats_gpu_backend_simulated;

/* Backend of a kind on this host; AUTO is decided here, and *kind says how. NULL with an error
 * pushed when this build has none. */
const ats_gpu_backend *ats_gpu_backend_cuda(ats_gpu_kind *kind, uint32_t device);

#endif
