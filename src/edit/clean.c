/* The map as the threshold sees it. A map of few noises is uneven where the thing is even: it is
 * filtered, and may be brought to the picture's edges. */
#include "edit/stage.h"

#include <math.h>
#include <stdlib.h>

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

/* What the map has at each cell: one at working size is looked at where the cell begins. */
static void take_cells(float *values, const de_map *map, int h, int w)
{
    int step_y = map->h / h, step_x = map->w / w;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            values[y * w + x] = map->values[(int64_t)y * step_y * map->w + x * step_x];
}

/* *values [h, w], to be freed: the map in cells, filtered. */
static diffedit_status filter(float **values, const de_clean_params *params, const de_map *map,
                              diffedit_error *error)
{
    int h = params->cells.h, w = params->cells.w;
    float *raw = NULL;
    diffedit_status status = de_allocate_floats(&raw, (int64_t)h * w, "the map", error);
    if (status != DIFFEDIT_OK)
        return status;
    take_cells(raw, map, h, w);
    if (params->filter == DIFFEDIT_MASK_FILTER_NONE) {
        *values = raw;
        return DIFFEDIT_OK;
    }
    status = de_allocate_floats(values, (int64_t)h * w, "the map", error);
    if (status == DIFFEDIT_OK)
        de_map_bilateral(*values, raw, h, w);
    free(raw);
    return status;
}

void de_cleaned_free(de_cleaned *cleaned)
{
    free(cleaned->cells);
    free(cleaned->refined);
    *cleaned = (de_cleaned){0};
}

diffedit_status de_clean_run(de_cleaned *cleaned, const de_clean_params *params, const de_map *map,
                             const diffedit_picture *picture, de_stage_context *context,
                             diffedit_error *error)
{
    *cleaned = (de_cleaned){.width = params->width,
                            .height = params->height,
                            .h = params->cells.h,
                            .w = params->cells.w};
    diffedit_status status = filter(&cleaned->cells, params, map, error);
    if (status == DIFFEDIT_OK && params->refine)
        status = de_allocate_floats(&cleaned->refined, (int64_t)params->width * params->height,
                                    "the map", error);
    if (status == DIFFEDIT_OK && params->refine)
        status = de_map_refine(cleaned->refined, cleaned->cells, params->cells, picture, context,
                               error);
    if (status != DIFFEDIT_OK)
        de_cleaned_free(cleaned);
    return status;
}
