#include "sampling/sampler.h"

#include <math.h>

/* The length of a step: what it adds to half the logarithm of the signal-to-noise ratio. */
static double length(const de_grid *grid, int from, int to)
{
    return log(grid->sigmas[from] / grid->sigmas[to]);
}

/* 1 / (2 r), r the ratio of the last step's length to this one's: the share by which a prediction
 * is carried on from the one before it. 0 is a step of first order. */
static double extrapolation(double last, double now)
{
    return last == 0 ? 0 : now / (2 * last);
}

/* `newest` carried on by this share; it takes the place of the one before. */
static float carry_on(float *before, float share, float newest)
{
    float carried = share == 0 ? newest : newest + share * (newest - *before);
    *before = newest;
    return carried;
}

/* Along predictions of x_0; of first order at the noisy end, and to a node that stands apart. */
static void decode_step(de_walk *walk, int i, const float *eps, float *x)
{
    const de_grid *grid = walk->grid;
    double from = grid->levels[i], to = grid->levels[i - 1], h = length(grid, i, i - 1);
    float signal = (float)sqrt(from), noise = (float)sqrt(1 - from), share = 0;
    float keep = (float)(sqrt(1 - to) / sqrt(1 - from)), move = (float)(-sqrt(to) * expm1(-h));
    if (walk->filled && !(i == 1 && grid->ends_apart))
        share = (float)extrapolation(length(grid, i + 1, i), h);
    for (int64_t j = 0; j < walk->count; j++) {
        float x_0 = (x[j] - noise * eps[j]) / signal;
        x[j] = keep * x[j] + move * carry_on(walk->history[0] + j, share, x_0);
    }
    walk->filled = 1;
}

/* Along predictions of noise. */
static void encode_step(de_walk *walk, int i, const float *eps, const float *x, float *next)
{
    const de_grid *grid = walk->grid;
    double from = grid->levels[i], to = grid->levels[i + 1], h = length(grid, i, i + 1);
    float keep = (float)sqrt(to / from), move = (float)(-sqrt(1 - to) * expm1(h)), share = 0;
    if (walk->filled)
        share = (float)extrapolation(length(grid, i - 1, i), h);
    for (int64_t j = 0; j < walk->count; j++)
        next[j] = keep * x[j] + move * carry_on(walk->history[0] + j, share, eps[j]);
    walk->filled = 1;
}

const de_sampler de_dpmpp_2m = {
    .name = "dpm++2m",
    .spacing = DIFFEDIT_SPACING_KARRAS,
    .spacings = DE_EVERY_SPACING,
    .make_grid = de_grid_space,
    .kind = DE_VARIANCE_PRESERVING,
    .history = 1,
    .decode_step = decode_step,
    .encode_step = encode_step,
};
