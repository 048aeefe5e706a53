#include "sampling/sampler.h"

#include <math.h>

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

/* Coefficients are of order min(begins - i + 1, DE_HISTORY) even where a walk that began later
 * remembers fewer derivatives: only those there are are summed, as the notebook does. */
static void decode_step(de_walk *walk, int i, const float *eps, float *x)
{
    int behind = walk->begins - i + 1;
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
    .spacing = DIFFEDIT_SPACING_LINSPACE,
    .spacings = 1u << DIFFEDIT_SPACING_LINSPACE,
    .make_grid = de_grid_space,
    .kind = DE_VARIANCE_EXPLODING,
    .history = DE_HISTORY,
    .decode_step = decode_step,
    .edit_skips = 1,
    .map_by_steps = true,
};
