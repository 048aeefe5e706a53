#define _GNU_SOURCE /* strcasestr */
#include "models/parts.h"

#include <stdlib.h>
#include <string.h>

void de_parts_free(de_model_parts *parts)
{
    for (de_part part = 0; part < DE_PART_COUNT; part++)
        de_weights_close(parts->weights[part]);
    de_weight_file_release(parts->packed);
    for (size_t i = 0; i < parts->lora_count; i++)
        free(parts->loras[i].path);
    free(parts->loras);
    free(parts->folder);
    de_schedule_config_free(&parts->schedule);
    de_model_hints_free(&parts->hints);
    *parts = (de_model_parts){0};
}

void de_parts_replace(de_model_parts *parts, de_part part, de_model_parts *from)
{
    de_weights_close(parts->weights[part]);
    parts->weights[part] = from->weights[part];
    from->weights[part] = NULL;
    parts->described[part] = from->described[part];
    parts->absent[part] = from->absent[part];
    switch (part) {
    case DE_PART_TEXT: parts->text = from->text; break;
    case DE_PART_UNET: parts->unet = from->unet; break;
    default: parts->vae = from->vae; break;
    }
}

bool de_parts_may_be_distilled(const de_model_parts *parts, const char *path)
{
    static const char *const words[] = {"lcm", "turbo", "hyper-sd", "hypersd", "lightning"};
    bool found = parts->merged || parts->schedule.of_distilled;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        found |= strcasestr(path, words[i]) != NULL;
    return found;
}

const char *de_parts_kind(const de_model_parts *parts)
{
    enum { SD1_TEXT = 768, SD2_TEXT = 1024, SD_CHANNELS = 320 };
    const de_unet_config *unet = &parts->unet;
    bool published = parts->described[DE_PART_UNET] && unet->channels[0] == SD_CHANNELS;
    if (published && unet->cross_attention_dim == SD1_TEXT)
        return "Stable Diffusion 1";
    if (published && unet->cross_attention_dim == SD2_TEXT)
        return "Stable Diffusion 2";
    return parts->described[DE_PART_UNET] ? "Stable Diffusion, of its own size" : "unknown";
}

bool de_parts_inpaint(const de_model_parts *parts)
{
    return parts->unet.in_channels == 2 * parts->vae.latent_channels + 1;
}

diffedit_status de_parts_read_config(de_model_parts *parts, de_part part, const de_documents *from,
                                     const char *name, diffedit_error *error)
{
    diffedit_status status;
    switch (part) {
    case DE_PART_TEXT: status = de_text_config_read(&parts->text, from, name, error); break;
    case DE_PART_UNET: status = de_unet_config_read(&parts->unet, from, name, error); break;
    default: status = de_vae_config_read(&parts->vae, from, name, error); break;
    }
    parts->described[part] = status == DIFFEDIT_OK;
    return status;
}

diffedit_status de_parts_read_documents(de_model_parts *parts, de_problems *problems,
                                        diffedit_error *error)
{
    const de_documents *from = &parts->documents;
    diffedit_status status = de_report_or_fail(
        problems, de_model_index_check(from, DE_LAYOUT_INDEX, error), error);
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        if (!parts->absent[part])
            status = de_report_or_fail(
                problems,
                de_parts_read_config(parts, part, from, de_layout_parts[part].config, error),
                error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(
            problems, de_schedule_config_read(&parts->schedule, from, DE_LAYOUT_SCHEDULE, error),
            error);
    if (status == DIFFEDIT_OK)
        status = de_report_or_fail(
            problems, de_model_hints_read(&parts->hints, from, DE_LAYOUT_HINTS, error), error);
    return status;
}
