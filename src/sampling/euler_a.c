#include "sampling/sampler.h"

#include <math.h>

static diffedit_status make_grid(de_grid *grid, const de_schedule *schedule, int spacing, int steps,
                                 diffedit_error *error)
{
    diffedit_status status = de_grid_space(grid, schedule, spacing, steps, error);
    if (status == DIFFEDIT_OK)
        de_grid_end_clean(grid);
    return status;
}

/* Down to less noise than the next node has, and up to it with fresh noise. */
static void decode_step(de_walk *walk, int i, const float *eps, float *x)
{
    double from = walk->grid->sigmas[i], to = walk->grid->sigmas[i - 1];
    double up = to * sqrt((from * from - to * to) / (from * from));
    float move = (float)(sqrt(to * to - up * up) - from), fresh = (float)up;
    for (int64_t j = 0; j < walk->count; j++) {
        x[j] += move * eps[j];
        if (i > 1)
            x[j] += fresh * walk->noise[j];
    }
}

const de_sampler de_euler_a = {
    .name = "euler-a",
    .spacing = DIFFEDIT_SPACING_TRAILING,
    .spacings = 1u << DIFFEDIT_SPACING_TRAILING | 1u << DIFFEDIT_SPACING_KARRAS |
                1u << DIFFEDIT_SPACING_LINSPACE,
    .make_grid = make_grid,
    .kind = DE_VARIANCE_EXPLODING,
    .draws = true,
    .decode_step = decode_step,
};
