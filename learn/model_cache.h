/* model_cache.h: compiled forests by the SHA-256 of the file they came from, so that a model is
 * parsed once: 0.3 s for 500 trees of depth 8, a tenth of that from here.
 *
 * One file a forest in $ATS_CACHE_DIR, else $XDG_CACHE_HOME/ats/forests, else
 * ~/.cache/ats/forests; ATS_CACHE_DIR set but empty: no cache. At most ATS_MODEL_CACHE_FILES, the
 * oldest leave first. It is only a cache: what is missing, damaged or of another version is made
 * anew, and a directory that cannot be written is none. Cold.
 */
#ifndef ATS_LEARN_MODEL_CACHE_H
#define ATS_LEARN_MODEL_CACHE_H

#include "calc/forest/image.h"

/* 256 forests of 500 x 8 are 1.3 GB; a walk-forward backtest of years takes fewer. */
#define ATS_MODEL_CACHE_FILES 256u

/* The compiled forest of a file with this hash: 0 with *image (the caller's) and *forest, what it
 * is without its nodes; -1, and nothing pushed, when it is not there. */
int ats_model_cache_get(const char *sha256, ats_forest *forest, ats_forest_image **image);

/* Keeps it. Failures are nobody's concern. */
void ats_model_cache_put(const ats_forest *forest, const ats_forest_image *image);

#endif
