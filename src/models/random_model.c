#include "models/random_model.h"

#include "weights/random_weights.h"

#include <string.h>

/* The texts' side of every shape is CLIP's vocabulary, which is built in. */
enum { CLIP_VOCABULARY = 49408, CLIP_POSITIONS = 77 };

typedef struct model_shape {
    de_text_config text;
    de_unet_config unet;
    const de_vae_config *vae;
    const char *pad;
    bool v_prediction;
} model_shape;

static const de_vae_config SD_VAE = {.in_channels = 3,
                                     .out_channels = 3,
                                     .latent_channels = 4,
                                     .levels = 4,
                                     .channels = {128, 256, 512, 512},
                                     .layers_per_block = 2,
                                     .norm_groups = 32,
                                     .mid_attention = true,
                                     .quant_conv = true,
                                     .post_quant_conv = true,
                                     .scaling_factor = 0.18215};

static const de_vae_config POCKET_VAE = {.in_channels = 3,
                                         .out_channels = 3,
                                         .latent_channels = 8,
                                         .levels = 3,
                                         .channels = {24, 48, 96},
                                         .layers_per_block = 1,
                                         .norm_groups = 6,
                                         .mid_attention = true,
                                         .quant_conv = true,
                                         .post_quant_conv = true,
                                         .scaling_factor = 0.136};

const char *const de_random_shapes[] = {"sd14", "sd21", "pocket", NULL};

/* clang-format off */
static const model_shape shapes[] = {
    {.text = {CLIP_VOCABULARY, .width = 768, .layers = 12, .heads = 12, .intermediate = 3072,
              .positions = CLIP_POSITIONS, .norm_eps = 1e-5f, .quick_gelu = true},
     .unet = {.in_channels = 4, .out_channels = 4, .sample_height = 64, .sample_width = 64,
              .levels = 4,
              .channels = {320, 640, 1280, 1280}, .down_layers = {2, 2, 2, 2},
              .down_attention = {true, true, true},
              .up_attention = {true, true, true}, .heads = {8, 8, 8, 8},
              .transformer_layers = {1, 1, 1, 1},
              .norm_groups = 32, .norm_eps = 1e-5f, .cross_attention_dim = 768},
     .vae = &SD_VAE, .pad = "<|endoftext|>"},
    {.text = {CLIP_VOCABULARY, .width = 1024, .layers = 23, .heads = 16, .intermediate = 4096,
              .positions = CLIP_POSITIONS, .norm_eps = 1e-5f},
     .unet = {.in_channels = 4, .out_channels = 4, .sample_height = 96, .sample_width = 96,
              .levels = 4,
              .channels = {320, 640, 1280, 1280}, .down_layers = {2, 2, 2, 2},
              .down_attention = {true, true, true},
              .up_attention = {true, true, true}, .heads = {5, 10, 20, 20},
              .transformer_layers = {1, 1, 1, 1},
              .norm_groups = 32, .norm_eps = 1e-5f, .cross_attention_dim = 1024},
     .vae = &SD_VAE, .pad = "!", .v_prediction = true},
    {.text = {CLIP_VOCABULARY, .width = 128, .layers = 2, .heads = 4, .intermediate = 512,
              .positions = CLIP_POSITIONS, .norm_eps = 1e-5f, .quick_gelu = true},
     .unet = {.in_channels = 8, .out_channels = 8, .sample_height = 32, .sample_width = 32,
              .levels = 3,
              .channels = {64, 128, 192}, .down_layers = {1, 1, 1},
              .down_attention = {false, true, true},
              .up_attention = {false, true, true}, .heads = {4, 4, 4},
              .transformer_layers = {1, 1, 1},
              .norm_groups = 16, .norm_eps = 1e-5f, .cross_attention_dim = 128},
     .vae = &POCKET_VAE, .pad = "<|endoftext|>"},
};
/* clang-format on */

static diffedit_status find_shape(const model_shape **found, const char *name,
                                  diffedit_error *error)
{
    for (int i = 0; de_random_shapes[i]; i++)
        if (strcmp(de_random_shapes[i], name) == 0) {
            *found = &shapes[i];
            return DIFFEDIT_OK;
        }
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                   "a model's shape: expected sd14, sd21 or pocket, found \"%.80s\"", name);
}

diffedit_status de_random_model_read(de_model_parts *parts, const char *name, diffedit_error *error)
{
    const model_shape *shape = NULL;
    diffedit_status status = find_shape(&shape, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    parts->layout = "random weights";
    parts->text = shape->text;
    parts->unet = shape->unet;
    parts->vae = *shape->vae;
    parts->schedule = de_sd_schedule;
    parts->schedule.v_prediction = shape->v_prediction;
    parts->pad = shape->pad;
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++) {
        parts->described[part] = true;
        status = de_random_weights_new(&parts->weights[part], name, error);
    }
    return status;
}
