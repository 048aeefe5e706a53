/* What the JSON files of a model folder say, as far as the networks honour it. A key whose value
 * the program cannot honour is named and refused; a key it does not know is ignored only at the
 * reference's neutral value. */
#ifndef DE_CONFIG_H
#define DE_CONFIG_H

#include "models/documents.h"

enum { DE_MAX_LEVELS = 8 };

/* UNet2DConditionModel; arrays go from the finest level to the coarsest */
typedef struct de_unet_config {
    int in_channels, out_channels;   /* latent channels (9 in for inpainting models) */
    int sample_height, sample_width; /* native latent size */
    int levels;
    int channels[DE_MAX_LEVELS];    /* block_out_channels */
    int down_layers[DE_MAX_LEVELS]; /* residual blocks of each down block; up blocks have one more
                                     */
    bool down_attention[DE_MAX_LEVELS];
    bool up_attention[DE_MAX_LEVELS]; /* of the up block at this level (already turned round) */
    int heads[DE_MAX_LEVELS];         /* number of attention heads at this level */
    int transformer_layers[DE_MAX_LEVELS]; /* basic blocks in each transformer */
    int norm_groups;
    float norm_eps;
    int cross_attention_dim;
} de_unet_config;

/* AutoencoderKL */
typedef struct de_vae_config {
    int in_channels, out_channels; /* 3 */
    int latent_channels;
    int levels; /* factor = 2^(levels - 1) */
    int channels[DE_MAX_LEVELS];
    int layers_per_block;
    int norm_groups;
    bool mid_attention;               /* mid_block_add_attention, default true */
    bool quant_conv, post_quant_conv; /* use_quant_conv, use_post_quant_conv, default true */
    double scaling_factor;            /* 0.18215 where missing */
} de_vae_config;

/* CLIPTextModel */
typedef struct de_text_config {
    int vocab_size, width, layers, heads, intermediate, positions;
    float norm_eps;
    bool quick_gelu; /* else erf gelu */
} de_text_config;

/* scheduler_config.json, whatever its class */
typedef struct de_schedule_config {
    int train_timesteps;
    double beta_start, beta_end;
    bool scaled_linear;   /* else linear */
    float *trained_betas; /* [train_timesteps], owned, or NULL */
    bool v_prediction;
    int steps_offset;
    bool set_alpha_to_one;
    bool of_distilled; /* its class is one that distilled models alone have */
} de_schedule_config;

/* Stable Diffusion's own, which missing keys mean too. */
extern const de_schedule_config de_sd_schedule;

/* diffedit.json, optional */
typedef struct de_model_default {
    char *preset, *name, *value; /* of an option, as text; owned */
} de_model_default;

typedef struct de_model_hints {
    char **words; /* lower-case words the model knows, NULL-terminated, owned; NULL: unknown */
    de_model_default *defaults; /* that suit it better than a preset's, owned */
    int default_count;
} de_model_hints;

/* Each reads the document `name` and checks it whole. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_unet_config_read(de_unet_config *config, const de_documents *from,
                                    const char *name, diffedit_error *error);
diffedit_status de_vae_config_read(de_vae_config *config, const de_documents *from,
                                   const char *name, diffedit_error *error);
diffedit_status de_text_config_read(de_text_config *config, const de_documents *from,
                                    const char *name, diffedit_error *error);
diffedit_status de_schedule_config_read(de_schedule_config *config, const de_documents *from,
                                        const char *name, diffedit_error *error);
void de_schedule_config_free(de_schedule_config *config);
/* A missing document is no error and gives empty hints. */
diffedit_status de_model_hints_read(de_model_hints *hints, const de_documents *from,
                                    const char *name, diffedit_error *error);
void de_model_hints_free(de_model_hints *hints);
/* model_index.json: it must say that this is a Stable Diffusion pipeline whose parts are those we
 * know. */
diffedit_status de_model_index_check(const de_documents *from, const char *name,
                                     diffedit_error *error);

#endif
