#include "edit/stage.h"

#include <stdlib.h>

/* Whether a pixel at working size lies in what is to be changed, which has the picture's size. */
static bool is_masked(const de_region *region, const de_latent_params *working, int y, int x)
{
    int64_t width = region->width, height = region->height;
    int64_t row = (2 * y + 1) * height / (2 * working->height);
    int64_t column = (2 * x + 1) * width / (2 * working->width);
    return de_region_reach(region)[row * width + column];
}

/* floats [height, width, 3] in -1..1: the picture, grey (0) where it is to be changed */
static void mask_picture(float *floats, const de_condition_params *params, const uint8_t *pixels,
                         const de_region *region)
{
    int width = params->latent.width, height = params->latent.height;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            bool masked = !params->mask || is_masked(region, &params->latent, y, x);
            for (int c = 0; c < 3; c++) {
                int64_t i = ((int64_t)y * width + x) * 3 + c;
                floats[i] = masked ? 0 : (float)pixels[i] / 127.5f - 1.0f;
            }
        }
}

diffedit_status de_condition_run(float *condition, const de_condition_params *params,
                                 const uint8_t *pixels, const de_region *region,
                                 const de_network_set *networks, diffedit_error *error)
{
    de_cells size = de_latent_cells(&params->latent, networks);
    int64_t cells = (int64_t)size.h * size.w;
    float *floats = NULL, *moments = NULL;
    diffedit_status status = de_allocate_floats(
        &floats, (int64_t)params->latent.width * params->latent.height * 3, "the masked picture",
        error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&moments, 2 * networks->channels * cells, "a latent", error);
    if (status == DIFFEDIT_OK) {
        for (int64_t i = 0; i < cells; i++)
            condition[i] = params->mask ? region->cells[i] : 1;
        mask_picture(floats, params, pixels, region);
        status = networks->encode_pixels(networks->self, floats, size.h, size.w, moments, error);
    }
    if (status == DIFFEDIT_OK)
        status = de_posterior_take(condition + cells, &params->latent, moments, networks, error);
    free(floats);
    free(moments);
    return status;
}
