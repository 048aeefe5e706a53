#include "sampling/sampler.h"

#include <math.h>

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
    .spacing = DIFFEDIT_SPACING_LEADING,
    .spacings = DE_EVERY_SPACING,
    .make_grid = de_grid_space,
    .kind = DE_VARIANCE_PRESERVING,
    .decode_step = decode_step,
    .encode_step = encode_step,
    .encode_ahead = 1,
};
