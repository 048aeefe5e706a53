/* Where the nodes of a grid lie. */
#include "sampling/sampler.h"

#include <math.h>

const char *const de_spacing_names[] = {
    [DIFFEDIT_SPACING_AUTO] = "auto",         [DIFFEDIT_SPACING_LEADING] = "leading",
    [DIFFEDIT_SPACING_TRAILING] = "trailing", [DIFFEDIT_SPACING_KARRAS] = "karras",
    [DIFFEDIT_SPACING_LINSPACE] = "linspace", NULL,
};

void de_grid_set_node(de_grid *grid, const de_schedule *schedule, int i, int timestep)
{
    grid->timesteps[i] = timestep;
    grid->levels[i] = schedule->alphas_cumprod[timestep];
    grid->sigmas[i] = de_level_sigma(grid->levels[i]);
}

static void set_first_node(de_grid *grid, const de_schedule *schedule)
{
    grid->timesteps[0] = 0;
    grid->levels[0] = schedule->final_alpha;
    grid->sigmas[0] = de_level_sigma(grid->levels[0]);
}

void de_grid_end_clean(de_grid *grid)
{
    grid->timesteps[0] = grid->sigmas[0] = 0;
    grid->levels[0] = 1;
}

/* ---- leading: t_i = i (T // steps) + offset, i = 0 .. steps - 1 ---- */

static int leading_timestep(const de_schedule *schedule, int steps, int i)
{
    return i * (schedule->train_timesteps / steps) + schedule->steps_offset;
}

static diffedit_status fail_steps(int steps, int total, int largest, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                   "%d steps do not fit the model's %d training timesteps; the largest number that "
                   "fits is %d",
                   steps, total, largest);
}

static diffedit_status check_leading(const de_schedule *schedule, int steps, diffedit_error *error)
{
    int total = schedule->train_timesteps, largest = total;
    if (steps <= total && leading_timestep(schedule, steps, steps - 1) < total)
        return DIFFEDIT_OK;
    while (largest > 0 && leading_timestep(schedule, largest, largest - 1) >= total)
        largest--;
    return fail_steps(steps, total, largest, error);
}

static void lead(de_grid *grid, const de_schedule *schedule)
{
    set_first_node(grid, schedule);
    for (int i = 1; i <= grid->steps; i++)
        de_grid_set_node(grid, schedule, i, leading_timestep(schedule, grid->steps, i - 1));
}

/* ---- trailing: numpy.round(numpy.arange(T, 0, -T / steps)) - 1, the last timestep among them ----
 */

static void trail(de_grid *grid, const de_schedule *schedule)
{
    int steps = grid->steps;
    double total = schedule->train_timesteps, stride = total - (total - total / steps);
    set_first_node(grid, schedule);
    for (int i = 1; i <= steps; i++) {
        int timestep = (int)rint(total - (steps - i) * stride) - 1;
        de_grid_set_node(grid, schedule, i, timestep < 0 ? 0 : timestep);
    }
}

/* ---- Karras et al. 2022, equation 5: sigma^(1 / rho) evenly spaced, rho = 7 ---- */

static const double RHO = 7;

/* The training timestep whose sigma is nearest in logarithm. */
static double timestep_of(const de_schedule *schedule, double sigma)
{
    int last = schedule->train_timesteps - 1, below = 0;
    const float *alphas = schedule->alphas_cumprod;
    if (last == 0)
        return 0;
    while (below < last - 1 && de_level_sigma(alphas[below + 1]) <= sigma)
        below++;
    double low = log(de_level_sigma(alphas[below])), high = log(de_level_sigma(alphas[below + 1]));
    return rint(below + (log(sigma) - low) / (high - low));
}

static void space_karras(de_grid *grid, const de_schedule *schedule)
{
    int steps = grid->steps, last = schedule->train_timesteps - 1;
    double low = pow(de_level_sigma(schedule->alphas_cumprod[0]), 1 / RHO);
    double high = pow(de_level_sigma(schedule->alphas_cumprod[last]), 1 / RHO);
    grid->ends_apart = false;
    for (int i = 0; i <= steps; i++) {
        double sigma = pow(low + (high - low) * i / steps, RHO);
        grid->sigmas[i] = sigma;
        grid->levels[i] = 1 / (sigma * sigma + 1);
        grid->timesteps[i] = i == 0 ? 0 : i == steps ? last : timestep_of(schedule, sigma);
    }
}

/* ---- linspace: numpy.linspace(0, T - 1, steps), fractional (k-diffusion, the notebook) ---- */

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

static void space_evenly(de_grid *grid, const de_schedule *schedule)
{
    int steps = grid->steps;
    double last = schedule->train_timesteps - 1;
    de_grid_end_clean(grid);
    for (int i = 1; i <= steps; i++) {
        /* rounded to float32 as there */
        double timestep = steps == 1 ? 0 : i == steps ? last : (i - 1) * (last / (steps - 1));
        grid->timesteps[i] = (float)timestep;
        grid->sigmas[i] = sigma_at(schedule, grid->timesteps[i]);
        grid->levels[i] = 1 / (grid->sigmas[i] * grid->sigmas[i] + 1);
    }
}

diffedit_status de_grid_space(de_grid *grid, const de_schedule *schedule, int spacing, int steps,
                              diffedit_error *error)
{
    int total = schedule->train_timesteps;
    diffedit_status status = DIFFEDIT_OK;
    if (spacing == DIFFEDIT_SPACING_LEADING)
        status = check_leading(schedule, steps, error);
    else if (spacing == DIFFEDIT_SPACING_TRAILING && steps > total)
        status = fail_steps(steps, total, total, error);
    if (status == DIFFEDIT_OK)
        status = de_grid_new(grid, steps, error);
    if (status != DIFFEDIT_OK)
        return status;
    switch (spacing) {
    case DIFFEDIT_SPACING_LEADING: lead(grid, schedule); break;
    case DIFFEDIT_SPACING_TRAILING: trail(grid, schedule); break;
    case DIFFEDIT_SPACING_KARRAS: space_karras(grid, schedule); break;
    default: space_evenly(grid, schedule);
    }
    return DIFFEDIT_OK;
}
