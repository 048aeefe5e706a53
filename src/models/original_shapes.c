#include "models/original_shapes.h"

#include "models/original_names.h"

#define UNET DE_ORIGINAL_UNET

/* A size of an array; 0 where there is none, which no later check accepts. */
static int size_of(const de_table_entry *entry, int dimension)
{
    return entry && dimension < entry->rank && entry->shape[dimension] <= 1 << 20
               ? (int)entry->shape[dimension]
               : 0;
}

/* ---- UNet ---- */

bool de_original_is_second(const de_table *table)
{
    const de_table_entry *projection = de_table_find(table, UNET "middle_block.1.proj_in.weight");
    return projection && projection->rank == 2;
}

/* Heads: 8 at every level in SD 1, of 64 channels each in SD 2 (`second`); no array shows it. */
enum { SD1_TEXT_WIDTH = 768, SD1_HEADS = 8, SD2_HEAD_WIDTH = 64, TEXT_HEAD_WIDTH = 64 };

static bool read_unet_level(de_unet_config *config, const de_table *table, int level, bool second)
{
    int block = 1 + level * (config->down_layers[0] + 1);
    int up_block = (config->levels - 1 - level) * (config->down_layers[0] + 1);
    config->channels[level] = size_of(
        de_table_find_format(table, UNET "input_blocks.%d.0.out_layers.3.weight", block), 0);
    config->down_attention[level] = de_table_find_format(
        table, UNET "input_blocks.%d.1.norm.weight", block);
    config->up_attention[level] = de_table_find_format(table, UNET "output_blocks.%d.1.norm.weight",
                                                       up_block);
    config->down_layers[level] = config->down_layers[0];
    config->heads[level] = second ? config->channels[level] / SD2_HEAD_WIDTH : SD1_HEADS;
    config->transformer_layers[level] = 0;
    while (de_table_find_format(table, UNET "input_blocks.%d.1.transformer_blocks.%d.norm1.weight",
                                block, config->transformer_layers[level]))
        config->transformer_layers[level]++;
    if (!config->down_attention[level])
        config->transformer_layers[level] = 1;
    return config->channels[level] > 0 && config->heads[level] > 0 &&
           config->channels[level] % config->norm_groups == 0 &&
           config->channels[level] % config->heads[level] == 0;
}

diffedit_status de_original_unet_config(de_unet_config *config, const de_table *table,
                                        const char *path, bool second, diffedit_error *error)
{
    const de_table_entry *first = de_table_find_format(table, UNET "input_blocks.0.0.weight");
    *config = (de_unet_config){
        .in_channels = size_of(first, 1),
        .out_channels = size_of(de_table_find_format(table, UNET "out.2.weight"), 0),
        .sample_height = 64,
        .sample_width = 64,
        .norm_groups = 32,
        .norm_eps = 1e-5f,
        .cross_attention_dim = size_of(
            de_table_find_format(table,
                                 UNET "middle_block.1.transformer_blocks.0.attn2.to_k.weight"),
            1)};
    int step = 1;
    while (step < 16 &&
           de_table_find_format(table, UNET "input_blocks.%d.0.in_layers.0.weight", step))
        step++;
    config->down_layers[0] = step - 1;
    config->levels = 1;
    while (config->levels < DE_MAX_LEVELS && config->down_layers[0] > 0 &&
           de_table_find_format(table, UNET "input_blocks.%d.0.op.weight", config->levels * step))
        config->levels++;
    bool known = config->in_channels > 0 && config->out_channels > 0 &&
                 config->cross_attention_dim > 0 && config->down_layers[0] > 0;
    for (int level = 0; level < config->levels && known; level++)
        known = read_unet_level(config, table, level, second);
    return known ? DIFFEDIT_OK
                 : de_fail(error, DIFFEDIT_ERROR_MODEL,
                           "%s: not a UNet of Stable Diffusion 1 or 2: the shapes of `" UNET
                           "input_blocks` do not match",
                           path);
}

/* ---- autoencoder ---- */

diffedit_status de_original_vae_config(de_vae_config *config, const de_table *table,
                                       const char *prefix, const char *path, diffedit_error *error)
{
    *config = (de_vae_config){
        .in_channels = size_of(de_table_find_format(table, "%sencoder.conv_in.weight", prefix), 1),
        .out_channels = size_of(de_table_find_format(table, "%sdecoder.conv_out.weight", prefix),
                                0),
        .latent_channels = size_of(de_table_find_format(table, "%sdecoder.conv_in.weight", prefix),
                                   1),
        .norm_groups = 32,
        .mid_attention = de_table_find_format(table, "%sencoder.mid.attn_1.q.weight", prefix),
        .quant_conv = de_table_find_format(table, "%squant_conv.weight", prefix),
        .post_quant_conv = de_table_find_format(table, "%spost_quant_conv.weight", prefix),
        .scaling_factor = 0.18215};
    while (config->layers_per_block < 12 &&
           de_table_find_format(table, "%sencoder.down.0.block.%d.conv1.weight", prefix,
                                config->layers_per_block))
        config->layers_per_block++;
    while (config->levels < DE_MAX_LEVELS) {
        const de_table_entry *level = de_table_find_format(
            table, "%sencoder.down.%d.block.0.conv1.weight", prefix, config->levels);
        if (!level || size_of(level, 0) == 0 || size_of(level, 0) % config->norm_groups)
            break;
        config->channels[config->levels++] = size_of(level, 0);
    }
    if (config->levels > 0 && config->layers_per_block > 0 && config->latent_channels > 0 &&
        config->in_channels > 0 && config->out_channels > 0)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_MODEL,
                   "%s: the shapes of the autoencoder's tensors do not match", path);
}

/* ---- text encoders ---- */

diffedit_status de_clip_text_config(de_text_config *config, const de_table *table, const char *path,
                                    bool open_clip, diffedit_error *error)
{
    const de_table_entry *tokens = de_table_find_format(
        table, "text_model.embeddings.token_embedding.weight");
    const de_table_entry *positions = de_table_find_format(
        table, "text_model.embeddings.position_embedding.weight");
    const de_table_entry *wide = de_table_find_format(table,
                                                      "text_model.encoder.layers.0.mlp.fc1.weight");
    *config = (de_text_config){.vocab_size = size_of(tokens, 0),
                               .width = size_of(tokens, 1),
                               .intermediate = size_of(wide, 0),
                               .positions = size_of(positions, 0),
                               .heads = size_of(tokens, 1) / TEXT_HEAD_WIDTH,
                               .norm_eps = 1e-5f,
                               .quick_gelu = !open_clip && size_of(tokens, 1) <= SD1_TEXT_WIDTH};
    while (config->layers < 256 &&
           de_table_find_format(table, "text_model.encoder.layers.%d.layer_norm1.weight",
                                config->layers))
        config->layers++;
    if (config->vocab_size > 0 && config->heads > 0 && config->width % TEXT_HEAD_WIDTH == 0 &&
        config->intermediate > 0 && config->positions > 0 && config->layers > 0)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_MODEL,
                   "%s: the shapes of the text encoder's tensors do not match", path);
}

/* The last of OpenCLIP's 24 layers is not used: Stable Diffusion 2 takes what stands before it, and
 * files that were converted from diffusers' have only that. */
int de_open_clip_layers(const de_table *table)
{
    enum { USED = 23 };
    int layers = 0;
    while (layers < 256 &&
           de_table_find_format(table, DE_ORIGINAL_OPEN_CLIP "transformer.resblocks.%d.ln_1.weight",
                                layers))
        layers++;
    return layers == USED ? layers : layers - 1;
}
