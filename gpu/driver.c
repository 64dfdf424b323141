#if ATS_HAVE_NVCC
#include "gpu/driver.h"

#include "core/error.h"

#include <assert.h>
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

#define LIBRARY "libcuda.so.1"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static ats_gpu_driver functions;
static CUresult result_of_init;
static char missing[ATS_ERROR_BYTES]; /* "" when all is there */

/* Runs once a process; what it finds is told to every caller. */
static void load_driver(void)
{
    static const char *const names[] = {
#define NAME(member, name, parameters) name,
        ATS_GPU_DRIVER(NAME)};
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        strncpy(missing, "no CUDA driver: " LIBRARY " is not on this machine", sizeof missing - 1);
        return;
    }
    /* A struct of function pointers, filled as an array: each member is one pointer. */
    static_assert(sizeof functions == sizeof names / sizeof names[0] * sizeof(void *), "one each");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        void *at = dlsym(library, names[i]);
        if (!at) {
            strcpy(missing, LIBRARY " is too old: it has no ");
            strncat(missing, names[i], sizeof missing - strlen(missing) - 1);
            return;
        }
        memcpy((char *)&functions + i * sizeof at, &at, sizeof at);
    }
    result_of_init = functions.init(0);
}

int ats_gpu_driver_error(CUresult result, const char *what)
{
    const char *name = NULL;
    if (functions.error_name)
        functions.error_name(result, &name);
    return ats_error(ATS_EXIT_UNREACHABLE, "gpu: %s: %s (%d)", what, name ? name : "error",
                     (int)result);
}

const ats_gpu_driver *ats_gpu_driver_get(void)
{
    pthread_once(&once, load_driver);
    if (missing[0]) {
        ats_error(ATS_EXIT_UNREACHABLE, "gpu: %s", missing);
        return NULL;
    }
    if (result_of_init != CUDA_SUCCESS) {
        ats_gpu_driver_error(result_of_init, "the CUDA driver does not start");
        return NULL;
    }
    return &functions;
}
#else
typedef int ats_gpu_no_driver; /* a file of C is never empty */
#endif
