#include "sampling/schedule.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The training sigmas, interpolated linearly at a fractional timestep, as numpy.interp does. */
static float sigma_at(const de_schedule *schedule, double timestep)
{
    int last = schedule->train_timesteps - 1;
    int below = timestep >= last ? last : (int)timestep;
    int above = below < last ? below + 1 : last;
    float a = schedule->alphas_cumprod[below], b = schedule->alphas_cumprod[above];
    double sigma_a = sqrtf((1.0f - a) / a), sigma_b = sqrtf((1.0f - b) / b);
    return (float)(sigma_a + (sigma_b - sigma_a) * (timestep - below));
}

diffedit_status de_lms_grid_new(de_lms_grid *grid, const de_schedule *schedule, int steps,
                                diffedit_error *error)
{
    size_t bytes = ((size_t)steps + 1) * sizeof(float);
    *grid = (de_lms_grid){.steps = steps, .timesteps = malloc(bytes), .sigmas = malloc(bytes)};
    if (!grid->timesteps || !grid->sigmas) {
        de_lms_grid_free(grid);
        return de_fail_memory(error, bytes, "the time grid");
    }
    double last = schedule->train_timesteps - 1;
    for (int i = 0; i < steps; i++) {
        /* numpy.linspace(0, last, steps) read from its end, rounded to float32 */
        int from_start = steps - 1 - i;
        double timestep = steps == 1                ? 0
                          : from_start == steps - 1 ? last
                                                    : from_start * (last / (steps - 1));
        grid->timesteps[i] = (float)timestep;
        grid->sigmas[i] = sigma_at(schedule, grid->timesteps[i]);
    }
    grid->sigmas[steps] = 0;
    return DIFFEDIT_OK;
}

void de_lms_grid_free(de_lms_grid *grid)
{
    free(grid->timesteps);
    free(grid->sigmas);
    *grid = (de_lms_grid){0};
}

double de_lms_coefficient(const de_lms_grid *grid, int order, int i, int j)
{
    /* Two-point Gauss-Legendre quadrature is exact for the polynomial's degree, at most 3. */
    double begin = grid->sigmas[i], end = grid->sigmas[i + 1];
    double middle = (begin + end) / 2, half = (end - begin) / 2, sum = 0;
    for (int side = -1; side <= 1; side += 2) {
        double sigma = middle + side * half / sqrt(3.0), product = 1;
        for (int k = 0; k < order; k++)
            if (k != j)
                product *= (sigma - grid->sigmas[i - k]) /
                           ((double)grid->sigmas[i - j] - grid->sigmas[i - k]);
        sum += product;
    }
    return half * sum;
}

diffedit_status de_lms_history_new(de_lms_history *history, int64_t count, diffedit_error *error)
{
    *history = (de_lms_history){.count = count};
    for (int j = 0; j < DE_LMS_ORDER; j++) {
        history->derivatives[j] = malloc((size_t)count * sizeof(float));
        if (!history->derivatives[j]) {
            de_lms_history_free(history);
            return de_fail_memory(error, (size_t)count * sizeof(float), "the sampler's history");
        }
    }
    return DIFFEDIT_OK;
}

void de_lms_history_free(de_lms_history *history)
{
    for (int j = 0; j < DE_LMS_ORDER; j++)
        free(history->derivatives[j]);
    *history = (de_lms_history){0};
}

void de_lms_step(const de_lms_grid *grid, de_lms_history *history, int i, const float *eps,
                 float *x)
{
    int order = i + 1 < DE_LMS_ORDER ? i + 1 : DE_LMS_ORDER;
    float *oldest = history->derivatives[DE_LMS_ORDER - 1];
    memmove(history->derivatives + 1, history->derivatives, (DE_LMS_ORDER - 1) * sizeof oldest);
    history->derivatives[0] = oldest;
    memcpy(oldest, eps, (size_t)history->count * sizeof *eps);
    if (history->filled < DE_LMS_ORDER)
        history->filled++;

    for (int j = 0; j < order && j < history->filled; j++) {
        float coefficient = (float)de_lms_coefficient(grid, order, i, j);
        for (int64_t p = 0; p < history->count; p++)
            x[p] += coefficient * history->derivatives[j][p];
    }
}
