/* One file in the layout of the original code (CompVis' and Stability's): which model it is follows
 * from the names and shapes of its tensors; the names become those of diffusers and transformers.
 */
#include "models/model.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNET "model.diffusion_model."
#define EMA "model_ema."
#define VAE "first_stage_model."
#define CLIP_TEXT "cond_stage_model.transformer."
#define OPEN_CLIP_TEXT "cond_stage_model.model."

/* What the names depend on. */
typedef struct layout {
    const de_table *table;
    int layers; /* residual blocks of each level of the UNet */
    int vae_levels;
    bool ema;
} layout;

static const de_table_entry *find(const de_table *table, const char *format, ...)
{
    char name[DE_TENSOR_NAME];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    return de_table_find(table, name);
}

/* A size of an array; 0 where there is none, which no later check accepts. */
static int size_of(const de_table_entry *entry, int dimension)
{
    return entry && dimension < entry->rank && entry->shape[dimension] <= 1 << 20
               ? (int)entry->shape[dimension]
               : 0;
}

/* What follows `prefix` in `name`, or NULL. */
static const char *after(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

static bool write_name(char published[DE_TENSOR_NAME], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(published, DE_TENSOR_NAME, format, arguments);
    va_end(arguments);
    return length < DE_TENSOR_NAME;
}

/* Replaces the first part of a name by what a table says, "norm1" for "in_layers.0"; else keeps it.
 */
typedef struct name_pair {
    const char *original, *published;
} name_pair;

static bool write_renamed(char published[DE_TENSOR_NAME], const char *parent, const char *rest,
                          const name_pair *pairs)
{
    for (; pairs->original; pairs++) {
        const char *end = after(rest, pairs->original);
        if (end && *end == '.')
            return write_name(published, "%s.%s%s", parent, pairs->published, end);
    }
    return write_name(published, "%s.%s", parent, rest);
}

/* ---- UNet ---- */

static const name_pair RESBLOCK[] = {{"in_layers.0", "norm1"},
                                     {"in_layers.2", "conv1"},
                                     {"emb_layers.1", "time_emb_proj"},
                                     {"out_layers.0", "norm2"},
                                     {"out_layers.3", "conv2"},
                                     {"skip_connection", "conv_shortcut"},
                                     {0}};

static const name_pair UNET_ENDS[] = {{"time_embed.0", "time_embedding.linear_1"},
                                      {"time_embed.2", "time_embedding.linear_2"},
                                      {"input_blocks.0.0", "conv_in"},
                                      {"out.0", "conv_norm_out"},
                                      {"out.2", "conv_out"},
                                      {0}};

/* part `part` of block `block` going down: block 0 is conv_in, then each level's layers and its
 * step down */
static bool write_down(const layout *from, int block, int part, const char *rest, char *published)
{
    char parent[80];
    int level = (block - 1) / (from->layers + 1), layer = (block - 1) % (from->layers + 1);
    const char *step = after(rest, "op.");
    if (step)
        return write_name(published, "down_blocks.%d.downsamplers.0.conv.%s", level, step);
    snprintf(parent, sizeof parent, "down_blocks.%d.%s.%d", level,
             part == 0 ? "resnets" : "attentions", layer);
    return write_renamed(published, parent, rest, RESBLOCK);
}

static bool write_up(const layout *from, int block, int part, const char *rest, char *published)
{
    char parent[80];
    int level = block / (from->layers + 1), layer = block % (from->layers + 1);
    const char *step = part > 0 ? after(rest, "conv.") : NULL;
    if (step)
        return write_name(published, "up_blocks.%d.upsamplers.0.conv.%s", level, step);
    snprintf(parent, sizeof parent, "up_blocks.%d.%s.%d", level,
             part == 0 ? "resnets" : "attentions", layer);
    return write_renamed(published, parent, rest, RESBLOCK);
}

static bool write_middle(int part, const char *rest, char *published)
{
    char parent[80];
    snprintf(parent, sizeof parent, "mid_block.%s.%d", part == 1 ? "attentions" : "resnets",
             part == 2);
    return write_renamed(published, parent, rest, RESBLOCK);
}

/* "3.1.norm.weight" -> 3, 1, "norm.weight"; `numbers` of them */
static const char *read_numbers(const char *text, int *values, int numbers)
{
    for (int i = 0; i < numbers; i++) {
        if (!isdigit((unsigned char)text[0]))
            return NULL;
        values[i] = 0;
        for (int digits = 0; isdigit((unsigned char)*text) && digits < 4; digits++)
            values[i] = 10 * values[i] + (*text++ - '0');
        if (*text++ != '.')
            return NULL;
    }
    return text;
}

static bool name_unet(const layout *from, const char *name, char *published)
{
    int at[2];
    const char *rest, *block;
    if ((block = after(name, "input_blocks.")) && (rest = read_numbers(block, at, 2)) && at[0] > 0)
        return write_down(from, at[0], at[1], rest, published);
    if ((block = after(name, "output_blocks.")) && (rest = read_numbers(block, at, 2)))
        return write_up(from, at[0], at[1], rest, published);
    if ((block = after(name, "middle_block.")) && (rest = read_numbers(block, at, 1)))
        return write_middle(at[0], rest, published);
    for (const name_pair *pair = UNET_ENDS; pair->original; pair++)
        if ((rest = after(name, pair->original)) && *rest == '.')
            return write_name(published, "%s%s", pair->published, rest);
    return false;
}

/* An averaged weight is called as the weight is, without its dots. */
static bool ema_name(char ema[DE_TENSOR_NAME], const char *name)
{
    const char *rest = after(name, "model.");
    if (!rest || strlen(rest) + sizeof EMA > DE_TENSOR_NAME)
        return false;
    char *out = ema + snprintf(ema, DE_TENSOR_NAME, "%s", EMA);
    for (; *rest; rest++)
        if (*rest != '.')
            *out++ = *rest;
    *out = '\0';
    return true;
}

/* Whether the file holds an average of every weight of the UNet. Where it holds some of them, the
 * model remembers a weight that has none. */
static bool has_all_ema(diffedit_model *model, const de_table *table)
{
    const char *missing = NULL;
    bool some = false;
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->entries[i].name;
        char ema[DE_TENSOR_NAME];
        if (!after(name, UNET))
            continue;
        if (ema_name(ema, name) && de_table_find(table, ema))
            some = true;
        else if (!missing)
            missing = name;
    }
    if (some && missing)
        snprintf(model->no_average, sizeof model->no_average, "%s", missing);
    return some && !missing;
}

static diffedit_status add_unet(de_weights *weights, de_weight_file *file, const layout *from,
                                diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < from->table->count && status == DIFFEDIT_OK; i++) {
        const de_table_entry *entry = &from->table->entries[i];
        const char *name = after(entry->name, UNET);
        char published[DE_TENSOR_NAME], ema[DE_TENSOR_NAME];
        if (!name || !name_unet(from, name, published))
            continue;
        if (from->ema && ema_name(ema, entry->name))
            entry = de_table_find(from->table, ema);
        status = de_weights_add(weights, file, entry, published, error);
    }
    return status;
}

/* Heads: 8 at every level in SD 1, of 64 channels each in SD 2 (`second`); no array shows it. */
enum { SD1_TEXT_WIDTH = 768, SD1_HEADS = 8, SD2_HEAD_WIDTH = 64, TEXT_HEAD_WIDTH = 64 };

static bool read_unet_level(de_unet_config *config, const de_table *table, int level, bool second)
{
    int block = 1 + level * (config->down_layers[0] + 1);
    int up_block = (config->levels - 1 - level) * (config->down_layers[0] + 1);
    config->channels[level] = size_of(
        find(table, UNET "input_blocks.%d.0.out_layers.3.weight", block), 0);
    config->down_attention[level] = find(table, UNET "input_blocks.%d.1.norm.weight", block);
    config->up_attention[level] = find(table, UNET "output_blocks.%d.1.norm.weight", up_block);
    config->down_layers[level] = config->down_layers[0];
    config->heads[level] = second ? config->channels[level] / SD2_HEAD_WIDTH : SD1_HEADS;
    config->transformer_layers[level] = 0;
    while (find(table, UNET "input_blocks.%d.1.transformer_blocks.%d.norm1.weight", block,
                config->transformer_layers[level]))
        config->transformer_layers[level]++;
    if (!config->down_attention[level])
        config->transformer_layers[level] = 1;
    return config->channels[level] > 0 && config->heads[level] > 0 &&
           config->channels[level] % config->norm_groups == 0 &&
           config->channels[level] % config->heads[level] == 0;
}

static diffedit_status read_unet_config(de_unet_config *config, const de_table *table,
                                        const char *path, bool second, diffedit_error *error)
{
    const de_table_entry *first = find(table, UNET "input_blocks.0.0.weight");
    *config = (de_unet_config){
        .in_channels = size_of(first, 1),
        .out_channels = size_of(find(table, UNET "out.2.weight"), 0),
        .sample_height = 64,
        .sample_width = 64,
        .norm_groups = 32,
        .norm_eps = 1e-5f,
        .cross_attention_dim = size_of(
            find(table, UNET "middle_block.1.transformer_blocks.0.attn2.to_k.weight"), 1)};
    int step = 1;
    while (step < 16 && find(table, UNET "input_blocks.%d.0.in_layers.0.weight", step))
        step++;
    config->down_layers[0] = step - 1;
    config->levels = 1;
    while (config->levels < DE_MAX_LEVELS && config->down_layers[0] > 0 &&
           find(table, UNET "input_blocks.%d.0.op.weight", config->levels * step))
        config->levels++;
    bool known = config->in_channels > 0 && config->out_channels > 0 &&
                 config->cross_attention_dim > 0 && config->down_layers[0] > 0;
    for (int level = 0; level < config->levels && known; level++)
        known = read_unet_level(config, table, level, second);
    return known ? DIFFEDIT_OK
                 : de_fail(error, DIFFEDIT_ERROR_MODEL,
                           "%s: its UNet is none of Stable Diffusion 1 or 2: the shapes of `" UNET
                           "input_blocks` do not fit",
                           path);
}

/* ---- autoencoder ---- */

static const name_pair VAE_RESBLOCK[] = {{"nin_shortcut", "conv_shortcut"}, {0}};
static const name_pair VAE_ATTENTION[] = {{"norm", "group_norm"},
                                          {"q", "to_q"},
                                          {"k", "to_k"},
                                          {"v", "to_v"},
                                          {"proj_out", "to_out.0"},
                                          {0}};
static const name_pair VAE_ENDS[] = {{"norm_out", "conv_norm_out"}, {0}};

static bool write_vae_level(const layout *from, const char *side, int level, const char *rest,
                            char *published)
{
    char parent[80];
    int layer;
    const char *block = after(rest, "block."), *step;
    bool up = strcmp(side, "decoder") == 0;
    snprintf(parent, sizeof parent, "%s.%s.%d", side, up ? "up_blocks" : "down_blocks",
             up ? from->vae_levels - 1 - level : level);
    if ((step = after(rest, up ? "upsample." : "downsample.")))
        return write_name(published, "%s.%s.0.%s", parent, up ? "upsamplers" : "downsamplers",
                          step);
    if (!block || !(rest = read_numbers(block, &layer, 1)))
        return false;
    size_t length = strlen(parent);
    snprintf(parent + length, sizeof parent - length, ".resnets.%d", layer);
    return write_renamed(published, parent, rest, VAE_RESBLOCK);
}

static bool name_vae(const void *user, const char *name, char published[DE_TENSOR_NAME])
{
    const layout *from = user;
    char parent[80];
    int level;
    const char *inner = after(name, VAE), *rest = inner ? inner : name;
    if (after(rest, "quant_conv.") || after(rest, "post_quant_conv."))
        return write_name(published, "%s", rest);
    const char *side = after(rest, "encoder.")   ? "encoder"
                       : after(rest, "decoder.") ? "decoder"
                                                 : NULL;
    if (!side)
        return false;
    rest += strlen(side) + 1;
    const char *part = after(rest, "down.") ? after(rest, "down.") : after(rest, "up.");
    if (part)
        return (rest = read_numbers(part, &level, 1)) &&
               write_vae_level(from, side, level, rest, published);
    snprintf(parent, sizeof parent, "%s.mid_block.attentions.0", side);
    if ((part = after(rest, "mid.attn_1.")))
        return write_renamed(published, parent, part, VAE_ATTENTION);
    if ((part = after(rest, "mid.block_")) && (part = read_numbers(part, &level, 1)))
        return write_name(published, "%s.mid_block.resnets.%d.%s", side, level - 1, part);
    return write_renamed(published, side, rest, VAE_ENDS);
}

/* `prefix` is "first_stage_model." or nothing */
static diffedit_status read_vae_config(de_vae_config *config, const de_table *table,
                                       const char *prefix, const char *path, diffedit_error *error)
{
    *config = (de_vae_config){
        .in_channels = size_of(find(table, "%sencoder.conv_in.weight", prefix), 1),
        .out_channels = size_of(find(table, "%sdecoder.conv_out.weight", prefix), 0),
        .latent_channels = size_of(find(table, "%sdecoder.conv_in.weight", prefix), 1),
        .norm_groups = 32,
        .mid_attention = find(table, "%sencoder.mid.attn_1.q.weight", prefix),
        .quant_conv = find(table, "%squant_conv.weight", prefix),
        .post_quant_conv = find(table, "%spost_quant_conv.weight", prefix),
        .scaling_factor = 0.18215};
    while (config->layers_per_block < 12 &&
           find(table, "%sencoder.down.0.block.%d.conv1.weight", prefix, config->layers_per_block))
        config->layers_per_block++;
    while (config->levels < DE_MAX_LEVELS) {
        const de_table_entry *level = find(table, "%sencoder.down.%d.block.0.conv1.weight", prefix,
                                           config->levels);
        if (!level || size_of(level, 0) == 0 || size_of(level, 0) % config->norm_groups)
            break;
        config->channels[config->levels++] = size_of(level, 0);
    }
    if (config->levels > 0 && config->layers_per_block > 0 && config->latent_channels > 0 &&
        config->in_channels > 0 && config->out_channels > 0)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: the shapes of its autoencoder do not fit",
                   path);
}

/* ---- text encoders ---- */

static const name_pair OPEN_CLIP_ENDS[] = {
    {"token_embedding", "embeddings.token_embedding"}, {"ln_final", "final_layer_norm"}, {0}};
static const name_pair OPEN_CLIP_LAYER[] = {
    {"ln_1", "layer_norm1"}, {"ln_2", "layer_norm2"},   {"attn.out_proj", "self_attn.out_proj"},
    {"mlp.c_fc", "mlp.fc1"}, {"mlp.c_proj", "mlp.fc2"}, {0}};

bool de_clip_text_name(const void *user, const char *name, char published[DE_TENSOR_NAME])
{
    (void)user;
    const char *rest = after(name, CLIP_TEXT);
    if (!rest)
        rest = name;
    if (strstr(rest, ".position_ids"))
        return false;
    if (after(rest, "text_model."))
        return write_name(published, "%s", rest);
    bool inner = after(rest, "embeddings.") || after(rest, "encoder.layers.") ||
                 after(rest, "final_layer_norm.");
    return inner && write_name(published, "text_model.%s", rest);
}

/* q, k and v stand in one array [3 w, w] or [3 w]: three views of it. */
static diffedit_status add_thirds(de_weights *weights, de_weight_file *file,
                                  const de_table_entry *entry, int layer, const char *kind,
                                  diffedit_error *error)
{
    static const char *const parts[] = {"q_proj", "k_proj", "v_proj"};
    diffedit_status status = DIFFEDIT_OK;
    if (entry->rank < 1 || entry->shape[0] % 3)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor `%s`: expected three matrices in one", de_weight_file_path(file),
                       entry->name);
    for (int i = 0; i < 3 && status == DIFFEDIT_OK; i++) {
        char published[DE_TENSOR_NAME];
        de_table_entry third = *entry;
        third.shape[0] /= 3;
        third.bytes /= 3;
        third.data += (size_t)i * third.bytes;
        write_name(published, "text_model.encoder.layers.%d.self_attn.%s.%s", layer, parts[i],
                   kind);
        status = de_weights_add(weights, file, &third, published, error);
    }
    return status;
}

static diffedit_status add_open_clip_layer(de_weights *weights, de_weight_file *file,
                                           const de_table_entry *entry, int layer, const char *rest,
                                           diffedit_error *error)
{
    char parent[80], published[DE_TENSOR_NAME];
    const char *kind = after(rest, "attn.in_proj_");
    if (kind)
        return add_thirds(weights, file, entry, layer, kind, error);
    snprintf(parent, sizeof parent, "text_model.encoder.layers.%d", layer);
    return write_renamed(published, parent, rest, OPEN_CLIP_LAYER)
               ? de_weights_add(weights, file, entry, published, error)
               : DIFFEDIT_OK;
}

/* What compares texts with pictures, which Stable Diffusion does not. */
static bool is_comparison(const char *name)
{
    return strcmp(name, "logit_scale") == 0 || strcmp(name, "text_projection") == 0;
}

static diffedit_status add_open_clip(de_weights *weights, de_weight_file *file, int layers,
                                     diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < table->count && status == DIFFEDIT_OK; i++) {
        const de_table_entry *entry = &table->entries[i];
        const char *name = after(entry->name, OPEN_CLIP_TEXT),
                   *block = name ? after(name, "transformer.resblocks.") : NULL;
        char published[DE_TENSOR_NAME];
        int layer;
        if (!name || is_comparison(name))
            continue;
        if (block && (block = read_numbers(block, &layer, 1)) && layer < layers)
            status = add_open_clip_layer(weights, file, entry, layer, block, error);
        else if (strcmp(name, "positional_embedding") == 0)
            status = de_weights_add(weights, file, entry,
                                    "text_model.embeddings.position_embedding.weight", error);
        else if (!block && write_renamed(published, "text_model", name, OPEN_CLIP_ENDS))
            status = de_weights_add(weights, file, entry, published, error);
    }
    return status;
}

/* From tensors under their published names. */
static diffedit_status read_text_config(de_text_config *config, const de_weights *weights,
                                        bool quick_gelu, diffedit_error *error)
{
    const de_table *table = de_weights_table(weights);
    const de_table_entry *tokens = find(table, "text_model.embeddings.token_embedding.weight");
    const de_table_entry *positions = find(table,
                                           "text_model.embeddings.position_embedding.weight");
    const de_table_entry *wide = find(table, "text_model.encoder.layers.0.mlp.fc1.weight");
    *config = (de_text_config){.vocab_size = size_of(tokens, 0),
                               .width = size_of(tokens, 1),
                               .intermediate = size_of(wide, 0),
                               .positions = size_of(positions, 0),
                               .heads = size_of(tokens, 1) / TEXT_HEAD_WIDTH,
                               .norm_eps = 1e-5f,
                               .quick_gelu = quick_gelu};
    while (config->layers < 256 &&
           find(table, "text_model.encoder.layers.%d.layer_norm1.weight", config->layers))
        config->layers++;
    if (config->vocab_size > 0 && config->heads > 0 && config->width % TEXT_HEAD_WIDTH == 0 &&
        config->intermediate > 0 && config->positions > 0 && config->layers > 0)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: the shapes of its text encoder do not fit",
                   de_weights_path(weights));
}

/* The last of OpenCLIP's 24 layers is not used: Stable Diffusion 2 takes what stands before it, and
 * files that were converted from diffusers' have only that. */
static int open_clip_layers(const de_table *table)
{
    enum { USED = 23 };
    int layers = 0;
    while (layers < 256 &&
           find(table, OPEN_CLIP_TEXT "transformer.resblocks.%d.ln_1.weight", layers))
        layers++;
    return layers == USED ? layers : layers - 1;
}

/* ---- parts ---- */

static diffedit_status finish(de_weights *weights, diffedit_status status, de_weights **kept,
                              diffedit_error *error)
{
    if (status == DIFFEDIT_OK)
        status = de_weights_finish(weights, error);
    if (status != DIFFEDIT_OK) {
        de_weights_close(weights);
        return status;
    }
    *kept = weights;
    return DIFFEDIT_OK;
}

static diffedit_status take_unet(diffedit_model *model, de_weight_file *file, const layout *from,
                                 bool second, diffedit_error *error)
{
    const char *path = de_weight_file_path(file);
    de_weights *weights;
    layout inner = *from;
    diffedit_status status = read_unet_config(&model->unet_config, from->table, path, second,
                                              error);
    if (status == DIFFEDIT_OK)
        status = de_weights_new(&weights, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    inner.layers = model->unet_config.down_layers[0];
    model->described[DE_PART_UNET] = true;
    return finish(weights, add_unet(weights, file, &inner, error), &model->weights[DE_PART_UNET],
                  error);
}

static diffedit_status take_vae(diffedit_model *model, de_weight_file *file, diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    const char *path = de_weight_file_path(file);
    const char *prefix = find(table, VAE "decoder.conv_in.weight") ? VAE : "";
    de_weights *weights;
    model->absent[DE_PART_VAE] = !find(table, "%sdecoder.conv_in.weight", prefix);
    if (model->absent[DE_PART_VAE])
        return DIFFEDIT_OK;
    diffedit_status status = read_vae_config(&model->vae_config, table, prefix, path, error);
    if (status == DIFFEDIT_OK)
        status = de_weights_new(&weights, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    model->described[DE_PART_VAE] = true;
    layout from = {.table = table, .vae_levels = model->vae_config.levels};
    return finish(weights, de_weights_add_file(weights, file, name_vae, &from, error),
                  &model->weights[DE_PART_VAE], error);
}

static diffedit_status take_text(diffedit_model *model, de_weight_file *file, diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    int layers = open_clip_layers(table);
    bool open_clip = layers > 0;
    de_weights *weights;
    diffedit_status status = de_weights_new(&weights, de_weight_file_path(file), error);
    if (status != DIFFEDIT_OK)
        return status;
    status = open_clip ? add_open_clip(weights, file, layers, error)
                       : de_weights_add_file(weights, file, de_clip_text_name, NULL, error);
    status = finish(weights, status, &weights, error);
    if (status != DIFFEDIT_OK)
        return status;
    model->absent[DE_PART_TEXT] = de_weights_table(weights)->count == 0;
    if (model->absent[DE_PART_TEXT]) {
        de_weights_close(weights);
        return DIFFEDIT_OK;
    }
    model->weights[DE_PART_TEXT] = weights;
    const de_table_entry *tokens = find(de_weights_table(weights),
                                        "text_model.embeddings.token_embedding.weight");
    status = read_text_config(&model->text_config, weights,
                              !open_clip && size_of(tokens, 1) <= SD1_TEXT_WIDTH, error);
    model->described[DE_PART_TEXT] = status == DIFFEDIT_OK;
    return status;
}

/* Whether a file stands in a folder of the diffusers layout: what its shapes do not say is in the
 * config beside it. */
static bool is_published(const de_table *table, de_part part, const char *path)
{
    return part == DE_PART_VAE ? find(table, "encoder.down_blocks.0.resnets.0.conv1.weight") != NULL
                               : find(table, "text_model.embeddings.token_embedding.weight") &&
                                     de_folder_has_config(path);
}

diffedit_status de_original_read_part(diffedit_model *model, de_part part, de_weight_file *file,
                                      diffedit_error *error)
{
    const char *path = de_weight_file_path(file);
    diffedit_status status;
    if (is_published(de_weight_file_table(file), part, path))
        status = de_folder_read_file(model, part, path, error);
    else
        status = part == DE_PART_VAE ? take_vae(model, file, error) : take_text(model, file, error);
    if (status == DIFFEDIT_OK && !model->weights[part])
        status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: expected %s, found none of its tensors",
                         path, part == DE_PART_VAE ? "an autoencoder" : "a text encoder");
    return status;
}

/* ---- the whole ---- */

/* What is published beside the models, told by a part of a tensor's name. */
static const struct {
    const char *part, *what;
} OTHERS[] = {
    {"conditioner.embedders.0.transformer.text_model.",
     "Stable Diffusion XL, which is another network"},
    {"conditioner.embedders.1.model.", "Stable Diffusion XL, which is another network"},
    {UNET "joint_blocks.", "Stable Diffusion 3, which is another network"},
    {"double_blocks.", "Flux, which is another network"},
    {UNET "label_emb.",
     "one whose UNet knows classes too (`label_emb`), as unCLIP, upscalers and XL models have"},
    {"lora", "a LoRA, which is a change of a model and not one itself"},
    {"control_model.", "a ControlNet, which is an addition to a model and not one itself"},
    {"controlnet_", "a ControlNet, which is an addition to a model and not one itself"},
    {"motion_modules.", "a motion module, which is an addition to a model and not one itself"},
    {"ip_adapter.", "an IP-Adapter, which is an addition to a model and not one itself"},
    {"string_to_param", "a word that was learned (textual inversion), and no model"},
    {"emb_params", "a word that was learned (textual inversion), and no model"}};

static const char *what_else(const de_table *table)
{
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        for (size_t j = 0; j < table->count; j++)
            if (strstr(table->entries[j].name, OTHERS[i].part))
                return OTHERS[i].what;
    if (find(table, "conv_in.weight") || find(table, "input_blocks.0.0.weight") ||
        find(table, "encoder.conv_in.weight") ||
        find(table, "text_model.embeddings.token_embedding.weight") ||
        find(table, "decoder.conv_in.weight"))
        return "one network alone; name the folder that it belongs to";
    return "no tensor of a Stable Diffusion model";
}

/* A sentence on what the file is instead. */
static diffedit_status refuse(const de_table *table, const char *path, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_MODEL,
                   "%s: expected a Stable Diffusion 1 or 2 model, found %s", path,
                   what_else(table));
}

/* epsilon in SD 1 and in all inpainting models; SD 2 has both, and its tensors are the same. */
static diffedit_status read_prediction(diffedit_model *model, const de_table *table,
                                       const char *path, bool second, int asked,
                                       diffedit_error *error)
{
    bool inpaints = model->unet_config.in_channels > model->unet_config.out_channels;
    model->schedule_config.v_prediction = table->prediction == DE_PREDICTION_V;
    model->prediction_unknown = asked == DIFFEDIT_PREDICTION_AUTO &&
                                table->prediction == DE_PREDICTION_UNKNOWN && second && !inpaints;
    if (model->prediction_unknown)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: a Stable Diffusion 2 file does not say what its UNet predicts; give "
                       "--prediction v (the 768 "
                       "model) or epsilon (the base model)",
                       path);
    if (asked == DIFFEDIT_PREDICTION_V ||
        (asked == DIFFEDIT_PREDICTION_AUTO && model->schedule_config.v_prediction))
        model->unet_config.sample_height = model->unet_config.sample_width = second ? 96 : 64;
    return DIFFEDIT_OK;
}

diffedit_status de_original_read(diffedit_model *model, de_weight_file *file,
                                 const diffedit_model_settings *settings, diffedit_error *error)
{
    const char *path = de_weight_file_path(file);
    layout from = {.table = de_weight_file_table(file)};
    if (!find(from.table, UNET "input_blocks.0.0.weight") ||
        find(from.table, UNET "label_emb.0.0.weight") || find(from.table, UNET "label_emb.weight"))
        return refuse(from.table, path, error);
    /* Stable Diffusion 2 has matrices around a transformer, 1 has convolutions; its text encoder
     * may have any names */
    const de_table_entry *projection = find(from.table, UNET "middle_block.1.proj_in.weight");
    bool second = projection && projection->rank == 2;
    from.ema = !(settings->flags & DIFFEDIT_MODEL_NO_EMA) && has_all_ema(model, from.table);
    model->schedule_config = de_sd_schedule;
    model->layout = "one file in the original layout";
    model->pad = second ? "!" : "<|endoftext|>";
    diffedit_status status = de_model_keep(model, take_unet(model, file, &from, second, error),
                                           error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(model, take_vae(model, file, error), error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(model, take_text(model, file, error), error);
    if (status == DIFFEDIT_OK)
        status = de_model_keep(
            model, read_prediction(model, from.table, path, second, settings->prediction, error),
            error);
    if (status == DIFFEDIT_OK)
        status = de_tokenizer_open_builtin(&model->tokenizer, model->pad, error);
    return status;
}
