#ifndef DE_DISTANCE_H
#define DE_DISTANCE_H

#include "base/base.h"

/* squared[height, width]: the squared Euclidean distance of each pixel to the nearest one where
 * mask is `value`, in time linear in the pixels (Felzenszwalb and Huttenlocher 2012); INFINITY
 * where there is none. Errors: MEMORY. */
diffedit_status de_squared_distance(const uint8_t *mask, uint8_t value, int height, int width,
                                    float *squared, diffedit_error *error);

#endif
