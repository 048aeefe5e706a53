#include "sampling/schedule.h"

#include <math.h>

static int last_timestep(const de_schedule *schedule, int steps)
{
    return (steps - 1) * (schedule->train_timesteps / steps) + schedule->steps_offset;
}

diffedit_status de_ddim_grid_new(de_ddim_grid *grid, const de_schedule *schedule, int steps,
                                 diffedit_error *error)
{
    int total = schedule->train_timesteps;
    if (steps > total || last_timestep(schedule, steps) >= total) {
        int largest = total;
        while (largest > 0 && last_timestep(schedule, largest) >= total)
            largest--;
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "%d steps do not fit the model's %d training timesteps; the largest number "
                       "that fits is %d",
                       steps, total, largest);
    }
    *grid = (de_ddim_grid){.schedule = schedule, .steps = steps};
    return DIFFEDIT_OK;
}

int de_ddim_timestep(const de_ddim_grid *grid, int i)
{
    return i * (grid->schedule->train_timesteps / grid->steps) + grid->schedule->steps_offset;
}

double de_ddim_level(const de_ddim_grid *grid, int i)
{
    const de_schedule *schedule = grid->schedule;
    return i == 0 ? schedule->final_alpha : schedule->alphas_cumprod[de_ddim_timestep(grid, i - 1)];
}

void de_ddim_move(const float *x, const float *eps, double from, double to, int64_t count, float *y)
{
    /* sqrt(to) (x - sqrt(1 - from) eps) / sqrt(from) + sqrt(1 - to) eps */
    float signal = (float)sqrt(to / from);
    float noise = (float)(sqrt(1 - to) - sqrt(to / from) * sqrt(1 - from));
    for (int64_t i = 0; i < count; i++)
        y[i] = signal * x[i] + noise * eps[i];
}

void de_add_noise(const float *x, const float *noise, double level, int64_t count, float *y)
{
    float signal_share = (float)sqrt(level), noise_share = (float)sqrt(1 - level);
    for (int64_t i = 0; i < count; i++)
        y[i] = signal_share * x[i] + noise_share * noise[i];
}

void de_v_to_eps(float *v, const float *x, double level, int64_t count)
{
    float v_share = (float)sqrt(level), x_share = (float)sqrt(1 - level);
    for (int64_t i = 0; i < count; i++)
        v[i] = v_share * v[i] + x_share * x[i];
}
