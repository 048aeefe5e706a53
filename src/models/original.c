#include "models/original.h"

#include "models/original_names.h"
#include "models/original_shapes.h"

#include <stdio.h>
#include <string.h>

#define UNET DE_ORIGINAL_UNET
#define EMA "model_ema."

/* ---- UNet ---- */

/* An averaged weight is called as the weight is, without its dots. */
static bool ema_name(char ema[DE_TENSOR_NAME], const char *name)
{
    const char *rest = de_after_prefix(name, "model.");
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
 * parts remember a weight that has none. */
static bool has_all_ema(de_model_parts *parts, const de_table *table)
{
    const char *missing = NULL;
    bool some = false;
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->entries[i].name;
        char ema[DE_TENSOR_NAME];
        if (!de_after_prefix(name, UNET))
            continue;
        if (ema_name(ema, name) && de_table_find(table, ema))
            some = true;
        else if (!missing)
            missing = de_table_entry_in_file(&table->entries[i]);
    }
    if (some && missing)
        snprintf(parts->no_average, sizeof parts->no_average, "%s", missing);
    return some && !missing;
}

static diffedit_status add_unet(de_file_set *set, de_weight_file *file, int layers, bool ema,
                                diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    const de_unet_naming naming = {layers, '.'};
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < table->count && status == DIFFEDIT_OK; i++) {
        const de_table_entry *entry = &table->entries[i];
        const char *name = de_after_prefix(entry->name, UNET);
        char published[DE_TENSOR_NAME], average[DE_TENSOR_NAME];
        if (!name || !de_original_unet_name(&naming, name, published))
            continue;
        if (ema && ema_name(average, entry->name))
            entry = de_table_find(table, average);
        status = de_file_set_add(set, file, entry, published, error);
    }
    return status;
}

static diffedit_status read_unet(de_model_parts *parts, de_weight_file *file, bool second, bool ema,
                                 diffedit_error *error)
{
    const char *path = de_weight_file_path(file);
    de_file_set *set;
    diffedit_status status = de_original_unet_config(&parts->unet, de_weight_file_table(file), path,
                                                     second, error);
    if (status == DIFFEDIT_OK)
        status = de_file_set_new(&set, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    parts->described[DE_PART_UNET] = true;
    status = add_unet(set, file, parts->unet.down_layers[0], ema, error);
    return de_file_set_keep(&parts->weights[DE_PART_UNET], NULL, set, status, error);
}

/* ---- autoencoder ---- */

static diffedit_status read_vae(de_model_parts *parts, de_weight_file *file, diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    const char *path = de_weight_file_path(file), *prefix = "";
    de_file_set *set;
    if (de_table_find(table, DE_ORIGINAL_VAE "decoder.conv_in.weight"))
        prefix = DE_ORIGINAL_VAE;
    parts->absent[DE_PART_VAE] = !de_table_find_format(table, "%sdecoder.conv_in.weight", prefix);
    if (parts->absent[DE_PART_VAE])
        return DIFFEDIT_OK;
    diffedit_status status = de_original_vae_config(&parts->vae, table, prefix, path, error);
    if (status == DIFFEDIT_OK)
        status = de_file_set_new(&set, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    parts->described[DE_PART_VAE] = true;
    status = de_file_set_add_file(set, file, de_original_vae_name, &parts->vae.levels, error);
    return de_file_set_keep(&parts->weights[DE_PART_VAE], NULL, set, status, error);
}

/* ---- text encoder ---- */

/* q, k and v stand in one array [3 w, w] or [3 w]: three views of it. */
static diffedit_status add_thirds(de_file_set *set, de_weight_file *file,
                                  const de_table_entry *entry, const de_open_clip_name *name,
                                  diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    if (entry->rank < 1 || entry->shape[0] % 3)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor `%s`: expected three matrices stacked in one",
                       de_weight_file_path(file), de_table_entry_in_file(entry));
    for (int i = 0; i < 3 && status == DIFFEDIT_OK; i++) {
        char published[DE_TENSOR_NAME];
        de_table_entry third = *entry;
        third.shape[0] /= 3;
        third.bytes /= 3;
        third.data += (size_t)i * third.bytes;
        de_open_clip_third_name(name, i, published);
        status = de_file_set_add(set, file, &third, published, error);
    }
    return status;
}

static diffedit_status add_open_clip(de_file_set *set, de_weight_file *file, int layers,
                                     diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < table->count && status == DIFFEDIT_OK; i++) {
        const de_table_entry *entry = &table->entries[i];
        const char *name = de_after_prefix(entry->name, DE_ORIGINAL_OPEN_CLIP);
        de_open_clip_name found;
        if (!name || !de_open_clip_text_name(&found, name) || found.layer >= layers)
            continue;
        status = found.projection ? add_thirds(set, file, entry, &found, error)
                                  : de_file_set_add(set, file, entry, found.published, error);
    }
    return status;
}

static diffedit_status read_text(de_model_parts *parts, de_weight_file *file, diffedit_error *error)
{
    const char *path = de_weight_file_path(file);
    int layers = de_open_clip_layers(de_weight_file_table(file));
    bool open_clip = layers > 0;
    de_file_set *set;
    diffedit_status status = de_file_set_new(&set, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = open_clip ? add_open_clip(set, file, layers, error)
                       : de_file_set_add_file(set, file, de_clip_text_name, NULL, error);
    status = de_file_set_keep(&parts->weights[DE_PART_TEXT], &parts->absent[DE_PART_TEXT], set,
                              status, error);
    if (status != DIFFEDIT_OK || parts->absent[DE_PART_TEXT])
        return status;
    status = de_clip_text_config(&parts->text, de_file_set_table(set), path, open_clip, error);
    parts->described[DE_PART_TEXT] = status == DIFFEDIT_OK;
    return status;
}

diffedit_status de_original_read_part(de_model_parts *parts, de_part part, de_weight_file *file,
                                      diffedit_error *error)
{
    diffedit_status status = part == DE_PART_VAE ? read_vae(parts, file, error)
                                                 : read_text(parts, file, error);
    if (status == DIFFEDIT_OK && !parts->weights[part])
        status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: expected %s, found none of its tensors",
                         de_weight_file_path(file),
                         part == DE_PART_VAE ? "an autoencoder" : "a text encoder");
    return status;
}

/* ---- the whole ---- */

diffedit_status de_original_use_names(de_weight_file *file, diffedit_error *error)
{
    de_original_prefixes prefixes;
    de_original_find_prefixes(&prefixes, de_weight_file_table(file));
    return de_weight_file_rename(file, de_original_usual_name, &prefixes, error);
}

#define VAE_ALONE "an autoencoder alone; give it as `settings.vae`, beside a model"
#define TEXT_ALONE "a text encoder alone; give it as `settings.text_encoder`, beside a model"

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
     "one whose UNet has class labels (`label_emb`), as unCLIP, upscalers and SDXL have"},
    {"lora", "a LoRA; give it as `settings.lora`, beside a model"},
    {"control_model.", "a ControlNet, which is an addition to a model and not one itself"},
    {"controlnet_", "a ControlNet, which is an addition to a model and not one itself"},
    {"motion_modules.", "a motion module, which is an addition to a model and not one itself"},
    {"ip_adapter.", "an IP-Adapter, which is an addition to a model and not one itself"},
    {"string_to_param", "a textual inversion, which is a learned word and not a model"},
    {"emb_params", "a textual inversion, which is a learned word and not a model"},
    {"model_ema.",
     "averaged weights alone (`model_ema.*`), whose names are incomplete; use the file "
     "that holds the weights too"}};

/* One network, told by the name of a tensor. */
static const struct {
    const char *name, *what;
} ALONE[] = {
    {"down_blocks.0.resnets.0.conv1.weight", "a UNet alone; name the folder of its model instead"},
    {"conv_in.weight", "a UNet alone; name the folder of its model instead"},
    {"input_blocks.0.0.weight", "a UNet alone; name a file of the whole model instead"},
    {DE_ORIGINAL_VAE "decoder.conv_in.weight", VAE_ALONE},
    {DE_ORIGINAL_VAE "encoder.conv_in.weight", VAE_ALONE},
    {"decoder.conv_in.weight", VAE_ALONE},
    {"encoder.conv_in.weight", VAE_ALONE},
    {DE_ORIGINAL_CLIP "text_model.embeddings.token_embedding.weight", TEXT_ALONE},
    {"text_model.embeddings.token_embedding.weight", TEXT_ALONE},
    {"embeddings.token_embedding.weight", TEXT_ALONE},
    {DE_ORIGINAL_OPEN_CLIP "token_embedding.weight", TEXT_ALONE},
    {"transformer.resblocks.0.ln_1.weight", TEXT_ALONE}};

static const char *what_else(const de_table *table)
{
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        for (size_t j = 0; j < table->count; j++)
            if (strstr(de_table_entry_in_file(&table->entries[j]), OTHERS[i].part))
                return OTHERS[i].what;
    for (size_t i = 0; i < sizeof ALONE / sizeof *ALONE; i++)
        if (de_table_find(table, ALONE[i].name))
            return ALONE[i].what;
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
static diffedit_status read_prediction(de_model_parts *parts, const de_weight_file *file,
                                       bool second, int asked, diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    bool inpaints = parts->unet.in_channels > parts->unet.out_channels;
    parts->schedule.v_prediction = table->prediction == DE_PREDICTION_V;
    parts->prediction_unknown = asked == DIFFEDIT_PREDICTION_AUTO &&
                                table->prediction == DE_PREDICTION_UNKNOWN && second && !inpaints;
    if (parts->prediction_unknown)
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: a Stable Diffusion 2 file does not say what its UNet predicts; set "
                       "`settings.prediction` to v (the 768 model) or epsilon (the base model)",
                       de_weight_file_path(file));
    if (asked == DIFFEDIT_PREDICTION_V ||
        (asked == DIFFEDIT_PREDICTION_AUTO && parts->schedule.v_prediction))
        parts->unet.sample_height = parts->unet.sample_width = second ? 96 : 64;
    return DIFFEDIT_OK;
}

diffedit_status de_original_read(de_model_parts *parts, de_weight_file *file,
                                 const diffedit_model_settings *settings, de_problems *problems,
                                 diffedit_error *error)
{
    const de_table *table = de_weight_file_table(file);
    if (!de_table_find(table, UNET "input_blocks.0.0.weight") ||
        de_table_find(table, UNET "label_emb.0.0.weight") ||
        de_table_find(table, UNET "label_emb.weight"))
        return refuse(table, de_weight_file_path(file), error);
    bool second = de_original_is_second(table); /* its text encoder may have any names */
    bool ema = !(settings->flags & DIFFEDIT_MODEL_NO_EMA) && has_all_ema(parts, table);
    parts->schedule = de_sd_schedule;
    parts->layout = "one file in the original layout";
    parts->pad = second ? "!" : "<|endoftext|>";
    diffedit_status status = de_report_or_fail(problems, read_unet(parts, file, second, ema, error),
                                               error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(problems, read_vae(parts, file, error), error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(problems, read_text(parts, file, error), error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(
            problems, read_prediction(parts, file, second, settings->prediction, error), error);
    return status;
}
