#include "sampling/sampler.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

diffedit_status de_grid_new(de_grid *grid, int steps, diffedit_error *error)
{
    size_t nodes = (size_t)steps + 1, bytes = 3 * nodes * sizeof(double);
    double *memory = malloc(bytes);
    if (!memory)
        return de_fail_memory(error, bytes, "the time grid");
    *grid = (de_grid){.steps = steps,
                      .timesteps = memory,
                      .levels = memory + nodes,
                      .sigmas = memory + 2 * nodes,
                      .ends_apart = true};
    return DIFFEDIT_OK;
}

void de_grid_free(de_grid *grid)
{
    free(grid->timesteps);
    *grid = (de_grid){0};
}

diffedit_status de_walk_new(de_walk *walk, const de_sampler *sampler, const de_grid *grid,
                            int64_t count, diffedit_error *error)
{
    *walk = (de_walk){
        .sampler = sampler, .grid = grid, .count = count, .begins = grid ? grid->steps : 0};
    size_t bytes = (size_t)count * sizeof(float);
    for (int j = 0; j < sampler->history; j++) {
        walk->history[j] = malloc(bytes);
        if (!walk->history[j]) {
            de_walk_free(walk);
            return de_fail_memory(error, bytes, "the sampler's history");
        }
    }
    return DIFFEDIT_OK;
}

void de_walk_free(de_walk *walk)
{
    for (int j = 0; j < DE_HISTORY; j++)
        free(walk->history[j]);
    *walk = (de_walk){0};
}

void de_walk_remember(de_walk *walk, const float *values)
{
    int last = walk->sampler->history - 1;
    float *oldest = walk->history[last];
    memmove(walk->history + 1, walk->history, (size_t)last * sizeof oldest);
    walk->history[0] = oldest;
    memcpy(oldest, values, (size_t)walk->count * sizeof *values);
    if (walk->filled <= last)
        walk->filled++;
}

void de_sampler_add_noise(const de_sampler *sampler, const de_grid *grid, int i, const float *x_0,
                          const float *noise, int64_t count, float *y)
{
    bool exploding = sampler->kind == DE_VARIANCE_EXPLODING;
    if (x_0 && !exploding) {
        de_add_noise(x_0, noise, grid->levels[i], count, y);
        return;
    }
    float sigma = exploding ? (float)grid->sigmas[i] : 1.0f;
    for (int64_t j = 0; j < count; j++)
        y[j] = (x_0 ? x_0[j] : 0) + sigma * noise[j];
}

const float *de_sampler_network_input(const de_sampler *sampler, const de_grid *grid, int i,
                                      const float *x, int64_t count, float *scaled)
{
    if (sampler->kind == DE_VARIANCE_PRESERVING)
        return x;
    float scale = (float)sqrt(grid->levels[i]);
    for (int64_t j = 0; j < count; j++)
        scaled[j] = x[j] * scale;
    return scaled;
}
