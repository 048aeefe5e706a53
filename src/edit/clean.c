/* A map of few noises is uneven where the thing is even. */
#include "edit/stage.h"

#include <math.h>

enum { REACH = 3 }; /* cells to each side */

static const double SIGMA = 1.5, RANGE_SIGMA = 0.2; /* in cells; in the map's values, of 0 to 1 */

static int64_t clamp(int64_t i, int64_t n)
{
    return de_max_i64(0, de_min_i64(i, n - 1));
}

void de_map_bilateral(float *smoothed, const float *values, int h, int w)
{
    for (int64_t y = 0; y < h; y++)
        for (int64_t x = 0; x < w; x++) {
            double value = values[y * w + x], sum = 0, weights = 0;
            for (int i = -REACH; i <= REACH; i++)
                for (int j = -REACH; j <= REACH; j++) {
                    double other = values[clamp(y + i, h) * w + clamp(x + j, w)];
                    double weight = exp(-(i * i + j * j) / (2 * SIGMA * SIGMA) -
                                        (other - value) * (other - value) /
                                            (2 * RANGE_SIGMA * RANGE_SIGMA));
                    sum += weight * other;
                    weights += weight;
                }
            smoothed[y * w + x] = (float)(sum / weights);
        }
}
