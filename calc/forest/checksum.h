/* checksum.h: the checksum of an image. Cold. */
#ifndef ATS_CALC_FOREST_CHECKSUM_H
#define ATS_CALC_FOREST_CHECKSUM_H

#include "calc/forest/image.h"

#include <xxhash.h>

/* xxh3-64 of all bytes behind the checksum's own field. */
static inline uint64_t ats_forest_image_checksum(const ats_forest_image *image)
{
    const char *from = (const char *)&image->checksum + sizeof image->checksum;
    return XXH3_64bits(from, image->bytes - (size_t)(from - (const char *)image));
}

#endif
