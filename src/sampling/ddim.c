#include "sampling/sampler.h"

#include <math.h>

static int timestep(const de_schedule *schedule, int steps, int i)
{
    return i * (schedule->train_timesteps / steps) + schedule->steps_offset;
}

static diffedit_status make_grid(de_grid *grid, const de_schedule *schedule, int steps,
                                 diffedit_error *error)
{
    int total = schedule->train_timesteps;
    if (steps > total || timestep(schedule, steps, steps - 1) >= total) {
        int largest = total;
        while (largest > 0 && timestep(schedule, largest, largest - 1) >= total)
            largest--;
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "%d steps do not fit the model's %d training timesteps; the largest number "
                       "that fits is %d",
                       steps, total, largest);
    }
    diffedit_status status = de_grid_new(grid, steps, error);
    for (int i = 0; i <= steps && status == DIFFEDIT_OK; i++) {
        int t = i == 0 ? 0 : timestep(schedule, steps, i - 1);
        grid->timesteps[i] = t;
        grid->levels[i] = i == 0 ? schedule->final_alpha : schedule->alphas_cumprod[t];
        grid->sigmas[i] = sqrt((1 - grid->levels[i]) / grid->levels[i]);
    }
    return status;
}

void de_ddim_move(const float *x, const float *eps, double from, double to, int64_t count, float *y)
{
    /* sqrt(to) (x - sqrt(1 - from) eps) / sqrt(from) + sqrt(1 - to) eps */
    float signal = (float)sqrt(to / from);
    float noise = (float)(sqrt(1 - to) - sqrt(to / from) * sqrt(1 - from));
    for (int64_t i = 0; i < count; i++)
        y[i] = signal * x[i] + noise * eps[i];
}

static void decode_step(de_walk *walk, int i, const float *eps, float *x)
{
    const double *levels = walk->grid->levels;
    de_ddim_move(x, eps, levels[i], levels[i - 1], walk->count, x);
}

static void encode_step(de_walk *walk, int i, const float *eps, const float *x, float *next)
{
    const double *levels = walk->grid->levels;
    de_ddim_move(x, eps, levels[i], levels[i + 1], walk->count, next);
}

const de_sampler de_ddim = {
    .name = "ddim",
    .make_grid = make_grid,
    .kind = DE_VARIANCE_PRESERVING,
    .decode_step = decode_step,
    .encode_step = encode_step,
    .encode_ahead = 1,
    .backgrounds = 1u << DIFFEDIT_BACKGROUND_SAME | 1u << DIFFEDIT_BACKGROUND_LAGGED |
                   1u << DIFFEDIT_BACKGROUND_START,
};
