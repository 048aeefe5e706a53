#include "models/original_names.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *de_after_prefix(const char *name, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(name, prefix, length) == 0 ? name + length : NULL;
}

/* The same where `separator` stands for each dot of the prefix. */
static const char *after(const char *name, const char *prefix, char separator)
{
    for (; *prefix; prefix++, name++)
        if (*name != (*prefix == '.' ? separator : *prefix))
            return NULL;
    return name;
}

/* "3.1.norm.weight" -> 3, 1, "norm.weight"; `numbers` of them */
static const char *read_numbers(const char *text, int *values, int numbers, char separator)
{
    for (int i = 0; i < numbers; i++) {
        if (!isdigit((unsigned char)text[0]))
            return NULL;
        values[i] = 0;
        for (int digits = 0; isdigit((unsigned char)*text) && digits < 4; digits++)
            values[i] = 10 * values[i] + (*text++ - '0');
        if (*text++ != separator)
            return NULL;
    }
    return text;
}

static bool write_name(char published[DE_TENSOR_NAME], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool write_name(char published[DE_TENSOR_NAME], const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(published, DE_TENSOR_NAME, format, arguments);
    va_end(arguments);
    return length < DE_TENSOR_NAME;
}

typedef struct name_pair {
    const char *original, *published;
} name_pair;

/* Replaces the first part of a name by what a table says, "norm1" for "in_layers.0"; else keeps it.
 */
static bool write_renamed(char published[DE_TENSOR_NAME], const char *parent, const char *rest,
                          const name_pair *pairs, char separator)
{
    for (; pairs->original; pairs++) {
        const char *end = after(rest, pairs->original, separator);
        if (end && *end == separator)
            return write_name(published, "%s.%s%s", parent, pairs->published, end);
    }
    return write_name(published, "%s.%s", parent, rest);
}

/* ---- what stands before a network's names ---- */

/* What stands before `ending` in the first name that has it behind a dot and not behind `except`,
 * where none has it behind the usual prefix. */
static void find_prefix(char prefix[DE_TENSOR_NAME], const de_table *table, const char *usual,
                        const char *ending, const char *except)
{
    prefix[0] = '\0';
    if (de_table_find_format(table, "%s%s", usual, ending))
        return;
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->entries[i].name;
        size_t length = strlen(name), tail = strlen(ending), before = length - tail;
        if (length <= tail || before >= DE_TENSOR_NAME || strcmp(name + before, ending) != 0 ||
            name[before - 1] != '.' || (except && strstr(name, except)))
            continue;
        snprintf(prefix, DE_TENSOR_NAME, "%.*s", (int)before, name);
        return;
    }
}

void de_original_find_prefixes(de_original_prefixes *prefixes, const de_table *table)
{
    static const char unet[] = "diffusion_model.input_blocks.0.0.weight", model[] = "model.";
    find_prefix(prefixes->outer, table, model, unet, NULL);
    size_t outer = strlen(prefixes->outer), inner = strlen(model);
    if (outer >= inner && strcmp(prefixes->outer + outer - inner, model) == 0)
        prefixes->outer[outer - inner] = '\0';
    find_prefix(prefixes->vae, table, DE_ORIGINAL_VAE, "decoder.up.0.block.0.conv1.weight", NULL);
    find_prefix(prefixes->clip, table, DE_ORIGINAL_CLIP,
                "text_model.embeddings.token_embedding.weight", NULL);
    find_prefix(prefixes->open_clip, table, DE_ORIGINAL_OPEN_CLIP,
                "transformer.resblocks.0.ln_1.weight", "visual.");
}

bool de_original_usual_name(const void *user, const char *name, char usual[DE_TENSOR_NAME])
{
    const de_original_prefixes *found = user;
    const struct {
        const char *prefix, *usual;
    } networks[] = {{found->vae, DE_ORIGINAL_VAE},
                    {found->clip, DE_ORIGINAL_CLIP},
                    {found->open_clip, DE_ORIGINAL_OPEN_CLIP}};
    const char *rest;
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (networks[i].prefix[0] && (rest = de_after_prefix(name, networks[i].prefix)))
            return write_name(usual, "%s%s", networks[i].usual, rest);
    if (!(rest = de_after_prefix(name, found->outer)))
        return false;
    if (de_after_prefix(rest, "diffusion_model."))
        return write_name(usual, "model.%s", rest);
    return rest != name && write_name(usual, "%s", rest);
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
static bool write_down(const de_unet_naming *naming, int block, int part, const char *rest,
                       char *published)
{
    char parent[80];
    int level = (block - 1) / (naming->layers + 1), layer = (block - 1) % (naming->layers + 1);
    const char *step = after(rest, "op.", naming->separator);
    if (step)
        return write_name(published, "down_blocks.%d.downsamplers.0.conv.%s", level, step);
    snprintf(parent, sizeof parent, "down_blocks.%d.%s.%d", level,
             part == 0 ? "resnets" : "attentions", layer);
    return write_renamed(published, parent, rest, RESBLOCK, naming->separator);
}

static bool write_up(const de_unet_naming *naming, int block, int part, const char *rest,
                     char *published)
{
    char parent[80];
    int level = block / (naming->layers + 1), layer = block % (naming->layers + 1);
    const char *step = part > 0 ? after(rest, "conv.", naming->separator) : NULL;
    if (step)
        return write_name(published, "up_blocks.%d.upsamplers.0.conv.%s", level, step);
    snprintf(parent, sizeof parent, "up_blocks.%d.%s.%d", level,
             part == 0 ? "resnets" : "attentions", layer);
    return write_renamed(published, parent, rest, RESBLOCK, naming->separator);
}

static bool write_middle(const de_unet_naming *naming, int part, const char *rest, char *published)
{
    char parent[80];
    snprintf(parent, sizeof parent, "mid_block.%s.%d", part == 1 ? "attentions" : "resnets",
             part == 2);
    return write_renamed(published, parent, rest, RESBLOCK, naming->separator);
}

bool de_original_unet_name(const de_unet_naming *naming, const char *name,
                           char published[DE_TENSOR_NAME])
{
    int at[2];
    char dot = naming->separator;
    const char *rest, *block;
    if ((block = after(name, "input_blocks.", dot)) && (rest = read_numbers(block, at, 2, dot)) &&
        at[0] > 0)
        return write_down(naming, at[0], at[1], rest, published);
    if ((block = after(name, "output_blocks.", dot)) && (rest = read_numbers(block, at, 2, dot)))
        return write_up(naming, at[0], at[1], rest, published);
    if ((block = after(name, "middle_block.", dot)) && (rest = read_numbers(block, at, 1, dot)))
        return write_middle(naming, at[0], rest, published);
    for (const name_pair *pair = UNET_ENDS; pair->original; pair++)
        if ((rest = after(name, pair->original, dot)) && *rest == dot)
            return write_name(published, "%s%s", pair->published, rest);
    return false;
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

static bool write_vae_level(int levels, const char *side, int level, const char *rest,
                            char *published)
{
    char parent[80];
    int layer;
    const char *block = de_after_prefix(rest, "block."), *step;
    bool up = strcmp(side, "decoder") == 0;
    snprintf(parent, sizeof parent, "%s.%s.%d", side, up ? "up_blocks" : "down_blocks",
             up ? levels - 1 - level : level);
    if ((step = de_after_prefix(rest, up ? "upsample." : "downsample.")))
        return write_name(published, "%s.%s.0.%s", parent, up ? "upsamplers" : "downsamplers",
                          step);
    if (!block || !(rest = read_numbers(block, &layer, 1, '.')))
        return false;
    size_t length = strlen(parent);
    snprintf(parent + length, sizeof parent - length, ".resnets.%d", layer);
    return write_renamed(published, parent, rest, VAE_RESBLOCK, '.');
}

bool de_original_vae_name(const void *user, const char *name, char published[DE_TENSOR_NAME])
{
    const int *levels = user;
    char parent[80];
    int level;
    const char *inner = de_after_prefix(name, DE_ORIGINAL_VAE), *rest = inner ? inner : name;
    if (de_after_prefix(rest, "quant_conv.") || de_after_prefix(rest, "post_quant_conv."))
        return write_name(published, "%s", rest);
    const char *side = de_after_prefix(rest, "encoder.")   ? "encoder"
                       : de_after_prefix(rest, "decoder.") ? "decoder"
                                                           : NULL;
    if (!side)
        return false;
    rest += strlen(side) + 1;
    const char *part = de_after_prefix(rest, "down.");
    if (!part)
        part = de_after_prefix(rest, "up.");
    if (part)
        return (rest = read_numbers(part, &level, 1, '.')) &&
               write_vae_level(*levels, side, level, rest, published);
    snprintf(parent, sizeof parent, "%s.mid_block.attentions.0", side);
    if ((part = de_after_prefix(rest, "mid.attn_1.")))
        return write_renamed(published, parent, part, VAE_ATTENTION, '.');
    if ((part = de_after_prefix(rest, "mid.block_")) && (part = read_numbers(part, &level, 1, '.')))
        return write_name(published, "%s.mid_block.resnets.%d.%s", side, level - 1, part);
    return write_renamed(published, side, rest, VAE_ENDS, '.');
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
    const char *inner = de_after_prefix(name, DE_ORIGINAL_CLIP), *rest = inner ? inner : name;
    if (strstr(rest, ".position_ids"))
        return false;
    if (de_after_prefix(rest, "text_model."))
        return write_name(published, "%s", rest);
    bool known = de_after_prefix(rest, "embeddings.") || de_after_prefix(rest, "encoder.layers.") ||
                 de_after_prefix(rest, "final_layer_norm.");
    return known && write_name(published, "text_model.%s", rest);
}

bool de_open_clip_text_name(de_open_clip_name *found, const char *name)
{
    char parent[80];
    const char *block = de_after_prefix(name, "transformer.resblocks."), *rest;
    *found = (de_open_clip_name){.layer = -1};
    /* what compares texts with pictures */
    if (strcmp(name, "logit_scale") == 0 || strcmp(name, "text_projection") == 0)
        return false;
    if (strcmp(name, "positional_embedding") == 0)
        return write_name(found->published, "text_model.embeddings.position_embedding.weight");
    if (!block || !(rest = read_numbers(block, &found->layer, 1, '.')))
        return write_renamed(found->published, "text_model", name, OPEN_CLIP_ENDS, '.');
    if ((found->projection = de_after_prefix(rest, "attn.in_proj_")))
        return true;
    snprintf(parent, sizeof parent, "text_model.encoder.layers.%d", found->layer);
    return write_renamed(found->published, parent, rest, OPEN_CLIP_LAYER, '.');
}

void de_open_clip_third_name(const de_open_clip_name *of, int third, char published[DE_TENSOR_NAME])
{
    static const char *const parts[] = {"q_proj", "k_proj", "v_proj"};
    write_name(published, "text_model.encoder.layers.%d.self_attn.%s.%s", of->layer, parts[third],
               of->projection);
}
