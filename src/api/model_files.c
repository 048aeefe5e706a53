/* Models as files: what they hold, whether they are sound, and written anew. */
#include "api/settings.h"
#include "models/convert.h"
#include "models/inspect.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)DIFFEDIT_PART_TEXT_ENCODER == (int)DE_PART_TEXT &&
                   (int)DIFFEDIT_PART_UNET == (int)DE_PART_UNET &&
                   (int)DIFFEDIT_PART_VAE == (int)DE_PART_VAE,
               "the parts have one order");

/* What diffedit_model_describe() hands out, in one block. */
typedef struct described {
    diffedit_model_description shown; /* first */
    diffedit_model_info info;
    diffedit_part_info parts[DE_PART_COUNT];
    size_t lora_count;
    diffedit_lora_info loras[]; /* [lora_count], their paths behind them */
} described;

/* A description with room for the LoRAs, which are copied. */
static described *new_description(const diffedit_model *model)
{
    const de_model_parts *parts = &model->parts;
    size_t count = parts->lora_count,
           bytes = sizeof(described) + count * sizeof(diffedit_lora_info);
    for (size_t i = 0; i < count; i++)
        bytes += strlen(parts->loras[i].path) + 1;
    described *new = malloc(bytes);
    if (!new)
        return NULL;
    char *path = (char *)(new->loras + count);
    new->lora_count = count;
    for (size_t i = 0; i < count; i++) {
        const de_lora_facts *facts = &parts->loras[i];
        size_t size = strlen(facts->path) + 1;
        new->loras[i] = (diffedit_lora_info){.path = memcpy(path, facts->path, size),
                                             .weight = facts->weight,
                                             .text_encoder_layers = facts->layers[DE_PART_TEXT],
                                             .unet_layers = facts->layers[DE_PART_UNET],
                                             .least_rank = facts->least_rank,
                                             .most_rank = facts->most_rank};
        path += size;
    }
    return new;
}

static diffedit_status describe(described *new, const diffedit_model *model, de_problems *problems,
                                diffedit_error *error)
{
    bool inpaints = model->parts.described[DE_PART_UNET] && model->parts.described[DE_PART_VAE] &&
                    de_parts_inpaint(&model->parts);
    new->shown = (diffedit_model_description){.layout = model->parts.layout,
                                              .kind = de_parts_kind(&model->parts),
                                              .inpaints = inpaints,
                                              .info = &new->info};
    de_model_info(model, &new->info);
    new->info.parameters = 0;
    diffedit_status status = DIFFEDIT_OK;
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++) {
        status = de_part_describe(&new->parts[part], model, part, problems, error);
        new->info.parameters += new->parts[part].parameters;
    }
    return status;
}

/* de_model_read() for the settings of any program. */
static diffedit_status read_model(diffedit_model **model, const char *path,
                                  const diffedit_model_settings *settings, de_problems *problems,
                                  diffedit_error *error)
{
    diffedit_model_settings known;
    diffedit_error sentence; /* problems are reported from one, whether the caller has one or not */
    diffedit_status status = de_settings_read(&known, settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_model_read(model, path, &known, problems, error ? error : &sentence);
    de_settings_free(&known);
    return status;
}

diffedit_status diffedit_model_describe(diffedit_model_description **description, const char *path,
                                        const diffedit_model_settings *settings,
                                        diffedit_problem_fn report, void *user,
                                        diffedit_error *error)
{
    de_problems problems = {.report = report, .user = user};
    diffedit_model *model;
    diffedit_status status = read_model(&model, path, settings, &problems, error);
    if (status != DIFFEDIT_OK)
        return status;
    described *new = new_description(model);
    status = new ? describe(new, model, &problems, error)
                 : de_fail_memory(error, sizeof *new, "a description");
    de_model_close(model);
    if (status == DIFFEDIT_OK)
        *description = &new->shown;
    else
        free(new);
    return status;
}

const diffedit_part_info *
diffedit_model_description_part(const diffedit_model_description *description,
                                diffedit_part_id part)
{
    const described *whole = (const described *)description; /* whose beginning it is */
    return (unsigned)part < DE_PART_COUNT ? &whole->parts[part] : NULL;
}

const diffedit_lora_info *
diffedit_model_description_lora(const diffedit_model_description *description, size_t index)
{
    const described *whole = (const described *)description;
    return index < whole->lora_count ? &whole->loras[index] : NULL;
}

diffedit_status diffedit_model_check(int64_t *count, const char *path,
                                     const diffedit_model_settings *settings,
                                     diffedit_problem_fn report, void *user, diffedit_error *error)
{
    de_problems problems = {.report = report, .user = user};
    diffedit_model *model;
    diffedit_status status = read_model(&model, path, settings, &problems, error);
    if (status != DIFFEDIT_OK)
        return status;
    for (de_part part = 0; part < DE_PART_COUNT && status == DIFFEDIT_OK; part++)
        status = de_part_check(model, part, &problems, error);
    de_model_close(model);
    *count = problems.count;
    return status;
}

diffedit_status diffedit_model_convert(const char *path, const diffedit_model_settings *settings,
                                       const char *output, diffedit_precision precision,
                                       diffedit_bytes_fn progress, void *user,
                                       diffedit_error *error)
{
    if ((unsigned)precision > DIFFEDIT_PRECISION_F32)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: unknown precision %d", path,
                       (int)precision);
    diffedit_model *model;
    diffedit_status status = read_model(&model, path, settings, NULL, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_model_pack(model, output, precision, progress, user, error);
    de_model_close(model);
    return status;
}
