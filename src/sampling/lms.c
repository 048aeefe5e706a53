#include "sampling/sampler.h"

#include <math.h>

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

static diffedit_status make_grid(de_grid *grid, const de_schedule *schedule, int steps,
                                 diffedit_error *error)
{
    diffedit_status status = de_grid_new(grid, steps, error);
    if (status != DIFFEDIT_OK)
        return status;
    double last = schedule->train_timesteps - 1;
    grid->timesteps[0] = grid->sigmas[0] = 0;
    for (int i = 1; i <= steps; i++) {
        /* numpy.linspace(0, last, steps)[i - 1], rounded to float32 */
        double timestep = steps == 1 ? 0 : i == steps ? last : (i - 1) * (last / (steps - 1));
        grid->timesteps[i] = (float)timestep;
        grid->sigmas[i] = sigma_at(schedule, grid->timesteps[i]);
    }
    for (int i = 0; i <= steps; i++)
        grid->levels[i] = 1 / (grid->sigmas[i] * grid->sigmas[i] + 1);
    return DIFFEDIT_OK;
}

double de_lms_coefficient(const de_grid *grid, int order, int i, int j)
{
    /* Two-point Gauss-Legendre quadrature is exact for the polynomial's degree, at most 3. */
    const double *sigmas = grid->sigmas + i; /* sigmas[k]: the node k steps ago */
    double begin = sigmas[0], end = sigmas[-1];
    double middle = (begin + end) / 2, half = (end - begin) / 2, sum = 0;
    for (int side = -1; side <= 1; side += 2) {
        double sigma = middle + side * half / sqrt(3.0), product = 1;
        for (int k = 0; k < order; k++)
            if (k != j)
                product *= (sigma - sigmas[k]) / (sigmas[j] - sigmas[k]);
        sum += product;
    }
    return half * sum;
}

/* Coefficients are of order min(steps - i + 1, DE_HISTORY) even where a walk that began later
 * remembers fewer derivatives: only those there are are summed, as the notebook does. */
static void decode_step(de_walk *walk, int i, const float *eps, float *x)
{
    int behind = walk->grid->steps - i + 1;
    int order = behind < DE_HISTORY ? behind : DE_HISTORY;
    de_walk_remember(walk, eps);
    for (int j = 0; j < order && j < walk->filled; j++) {
        float coefficient = (float)de_lms_coefficient(walk->grid, order, i, j);
        for (int64_t p = 0; p < walk->count; p++)
            x[p] += coefficient * walk->history[j][p];
    }
}

const de_sampler de_lms = {
    .name = "lms",
    .make_grid = make_grid,
    .kind = DE_VARIANCE_EXPLODING,
    .history = DE_HISTORY,
    .decode_step = decode_step,
    .edit_skips = 1,
    .backgrounds = 1u << DIFFEDIT_BACKGROUND_START,
};
