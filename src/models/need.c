#include "models/need.h"

typedef struct sum {
    diffedit_arithmetic arithmetic;
    uint64_t bytes;
} sum;

/* Quick layers have f16; exact ones keep f16 where it is stored, and all else is f32. */
static void add_tensor(void *user, const char *name, const de_weight *weight, const char *problem)
{
    sum *to = user;
    (void)name;
    if (problem)
        return;
    bool half = to->arithmetic == DIFFEDIT_ARITHMETIC_QUICK || weight->dtype == DE_F16;
    to->bytes += (uint64_t)de_weight_count(weight) * (half ? sizeof(uint16_t) : sizeof(float));
}

/* Bytes of a network's temporary arrays: of the decoder three at the picture's size, of the UNet
 * under two texts as much as 16 with the channels of its first level. (Stable Diffusion 1.4 at
 * 512x512, exact: 537 and 168 MB, of which 540 and 158 were measured.) */
static uint64_t array_bytes(const diffedit_model *model, de_part part, size_t element)
{
    const de_unet_config *unet = &model->parts.unet;
    const de_vae_config *vae = &model->parts.vae;
    uint64_t cells = (uint64_t)unet->sample_width * (uint64_t)unet->sample_height;
    uint64_t side = (uint64_t)de_vae_factor(vae), channels = 0;
    if (part == DE_PART_UNET)
        return 2 * 16 * cells * (uint64_t)unet->channels[0] * element;
    if (part == DE_PART_VAE)
        channels = 2 * (uint64_t)vae->channels[0] + (uint64_t)vae->channels[vae->levels > 1];
    return cells * side * side * channels * element;
}

diffedit_status de_model_need(de_need *need, const diffedit_model *model,
                              diffedit_arithmetic arithmetic, diffedit_error *error)
{
    const uint64_t beside = 64 << 20; /* of blocks of memory that are not full, and the driver's */
    const de_network_sources sources = de_model_sources(model);
    bool quick = arithmetic == DIFFEDIT_ARITHMETIC_QUICK;
    size_t element = quick ? sizeof(uint16_t) : sizeof(float);
    *need = (de_need){0};
    for (de_part part = 0; part < DE_PART_COUNT; part++) {
        sum weights = {arithmetic, 0};
        const de_survey survey = {add_tensor, &weights, false};
        diffedit_status status = de_network_survey(&sources, part, &survey, error);
        if (status != DIFFEDIT_OK)
            return status;
        uint64_t bytes = weights.bytes + array_bytes(model, part, element) + beside;
        need->weights = weights.bytes > need->weights ? weights.bytes : need->weights;
        need->bytes = bytes > need->bytes ? bytes : need->bytes;
    }
    return DIFFEDIT_OK;
}
