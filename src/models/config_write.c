#include "models/config_write.h"

/* 17 digits give every double back. */
static char *finish(json_t *object)
{
    char *text = object ? json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(object);
    return text;
}

static json_t *numbers(const int *values, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list, json_integer(values[i]));
    return list;
}

/* names[flags[i]]; `turned`: the coarsest level first */
static json_t *blocks(const bool *flags, int count, bool turned, const char *without,
                      const char *with)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++)
        json_array_append_new(list,
                              json_string(flags[turned ? count - 1 - i : i] ? with : without));
    return list;
}

char *de_unet_config_text(const de_unet_config *config)
{
    int levels = config->levels;
    return finish(json_pack(
        "{s:s, s:i, s:i, s:[i, i], s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:f, s:i}", "_class_name",
        "UNet2DConditionModel", "in_channels", config->in_channels, "out_channels",
        config->out_channels, "sample_size", config->sample_height, config->sample_width,
        "block_out_channels", numbers(config->channels, levels), "layers_per_block",
        numbers(config->down_layers, levels), "attention_head_dim", numbers(config->heads, levels),
        "transformer_layers_per_block", numbers(config->transformer_layers, levels),
        "down_block_types",
        blocks(config->down_attention, levels, false, "DownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types",
        blocks(config->up_attention, levels, true, "UpBlock2D", "CrossAttnUpBlock2D"),
        "norm_num_groups", config->norm_groups, "norm_eps", (double)config->norm_eps,
        "cross_attention_dim", config->cross_attention_dim));
}

char *de_vae_config_text(const de_vae_config *config)
{
    static const bool all[DE_MAX_LEVELS];
    int levels = config->levels;
    return finish(json_pack(
        "{s:s, s:i, s:i, s:i, s:o, s:o, s:o, s:i, s:i, s:b, s:b, s:b, s:f}", "_class_name",
        "AutoencoderKL", "in_channels", config->in_channels, "out_channels", config->out_channels,
        "latent_channels", config->latent_channels, "block_out_channels",
        numbers(config->channels, levels), "down_block_types",
        blocks(all, levels, false, "DownEncoderBlock2D", NULL), "up_block_types",
        blocks(all, levels, false, "UpDecoderBlock2D", NULL), "layers_per_block",
        config->layers_per_block, "norm_num_groups", config->norm_groups, "mid_block_add_attention",
        config->mid_attention, "use_quant_conv", config->quant_conv, "use_post_quant_conv",
        config->post_quant_conv, "scaling_factor", config->scaling_factor));
}

char *de_text_config_text(const de_text_config *config)
{
    return finish(json_pack(
        "{s:[s], s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:s}", "architectures", "CLIPTextModel",
        "vocab_size", config->vocab_size, "hidden_size", config->width, "intermediate_size",
        config->intermediate, "num_hidden_layers", config->layers, "num_attention_heads",
        config->heads, "max_position_embeddings", config->positions, "layer_norm_eps",
        (double)config->norm_eps, "hidden_act", config->quick_gelu ? "quick_gelu" : "gelu"));
}

char *de_schedule_config_text(const de_schedule_config *config)
{
    json_t *betas = config->trained_betas ? json_array() : json_null();
    for (int t = 0; config->trained_betas && t < config->train_timesteps; t++)
        json_array_append_new(betas, json_real((double)config->trained_betas[t]));
    return finish(json_pack("{s:s, s:i, s:f, s:f, s:s, s:s, s:i, s:b, s:o}", "_class_name",
                            "DDIMScheduler", "num_train_timesteps", config->train_timesteps,
                            "beta_start", config->beta_start, "beta_end", config->beta_end,
                            "beta_schedule", config->scaled_linear ? "scaled_linear" : "linear",
                            "prediction_type", config->v_prediction ? "v_prediction" : "epsilon",
                            "steps_offset", config->steps_offset, "set_alpha_to_one",
                            config->set_alpha_to_one, "trained_betas", betas));
}

char *de_model_index_text(bool inpaints)
{
    return finish(
        json_pack("{s:s, s:[s, s], s:[s, s], s:[s, s], s:[s, s], s:[s, s]}", "_class_name",
                  inpaints ? "StableDiffusionInpaintPipeline" : "StableDiffusionPipeline", "unet",
                  "diffusers", "UNet2DConditionModel", "vae", "diffusers", "AutoencoderKL",
                  "text_encoder", "transformers", "CLIPTextModel", "tokenizer", "transformers",
                  "CLIPTokenizer", "scheduler", "diffusers", "DDIMScheduler"));
}

char *de_tokenizer_config_text(int length, const char *pad)
{
    return finish(json_pack("{s:s, s:i, s:s}", "tokenizer_class", "CLIPTokenizer",
                            "model_max_length", length, "pad_token", pad));
}
