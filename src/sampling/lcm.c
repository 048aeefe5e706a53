#include "sampling/sampler.h"

#include <math.h>

/* Timesteps of the distillation: T // 50 apart, from T // 50 - 1. */
enum { ORIGINAL_STEPS = 50 };

static const double TIMESTEP_SCALING = 10, SIGMA_DATA = 0.5;

/* numpy.linspace(0, 50, steps, endpoint=False), rounded down, counted from the noisiest. */
static diffedit_status make_grid(de_grid *grid, const de_schedule *schedule, int spacing, int steps,
                                 diffedit_error *error)
{
    (void)spacing; /* there is one */
    int stride = schedule->train_timesteps / ORIGINAL_STEPS;
    if (steps > ORIGINAL_STEPS || stride == 0)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "`steps`: `scheduler` lcm has %d timesteps, found %d steps",
                       stride ? ORIGINAL_STEPS : 0, steps);
    diffedit_status status = de_grid_new(grid, steps, error);
    if (status != DIFFEDIT_OK)
        return status;
    de_grid_end_clean(grid);
    for (int i = 1; i <= steps; i++) {
        int behind = (int)((steps - i) * ((double)ORIGINAL_STEPS / steps));
        de_grid_set_node(grid, schedule, i, (ORIGINAL_STEPS - behind) * stride - 1);
    }
    return DIFFEDIT_OK;
}

static void decode_step(de_walk *walk, int i, const float *eps, float *x)
{
    double from = walk->grid->levels[i], to = walk->grid->levels[i - 1];
    double scaled = TIMESTEP_SCALING * walk->grid->timesteps[i];
    double square = scaled * scaled + SIGMA_DATA * SIGMA_DATA;
    float c_skip = (float)(SIGMA_DATA * SIGMA_DATA / square),
          c_out = (float)(scaled / sqrt(square));
    float signal = (float)sqrt(from), noise = (float)sqrt(1 - from);
    float next_signal = (float)sqrt(to), next_noise = (float)sqrt(1 - to);
    for (int64_t j = 0; j < walk->count; j++) {
        float x_0 = (x[j] - noise * eps[j]) / signal;
        x[j] = next_signal * (c_out * x_0 + c_skip * x[j]);
        if (i > 1)
            x[j] += next_noise * walk->noise[j];
    }
}

const de_sampler de_lcm = {
    .name = "lcm",
    .spacing = DIFFEDIT_SPACING_TRAILING,
    .spacings = 1u << DIFFEDIT_SPACING_TRAILING,
    .make_grid = make_grid,
    .kind = DE_VARIANCE_PRESERVING,
    .draws = true,
    .decode_step = decode_step,
};
