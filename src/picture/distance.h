#ifndef DE_DISTANCE_H
#define DE_DISTANCE_H

#include "picture/work.h"

/* squared[height, width]: the squared Euclidean distance of each pixel to the nearest one where
 * mask is `value`, in time linear in the pixels (Felzenszwalb and Huttenlocher 2012); INFINITY
 * where there is none. Exact up to `reach`; what is further away only comes out as further. Two
 * loops of work. Errors: MEMORY, of the step. */
diffedit_status de_squared_distance(const uint8_t *mask, uint8_t value, int height, int width,
                                    double reach, float *squared, de_work *work,
                                    diffedit_error *error);

#endif
