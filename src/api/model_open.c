/* Models opened, and what is said of an open one. */
#include "api/settings.h"
#include "base/sized.h"
#include "models/random_model.h"

#include <stdlib.h>

/* The LoRAs of any program as this library's own: rows and the pointers to them in one block. */
static diffedit_status read_loras(diffedit_model_settings *known, diffedit_error *error)
{
    size_t count = known->lora_count, bytes;
    const diffedit_lora *const *given = known->lora, **rows;
    known->lora = NULL;
    if (count == 0)
        return DIFFEDIT_OK;
    if (!given)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`settings.lora` is NULL");
    bool fits = de_multiply_size(count, sizeof **rows + sizeof *rows, &bytes);
    rows = fits ? malloc(bytes) : NULL;
    if (!rows)
        return de_fail_memory(error, fits ? bytes : SIZE_MAX, "a list of LoRAs");
    diffedit_lora *loras = (diffedit_lora *)(void *)(rows + count);
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < count && status == DIFFEDIT_OK; i++) {
        rows[i] = &loras[i];
        loras[i] = (diffedit_lora){.struct_size = sizeof *loras};
        status = given[i]
                     ? de_sized_read(&loras[i], sizeof *loras, given[i], "diffedit_lora", error)
                     : de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`settings.lora` holds NULL");
        if (status == DIFFEDIT_OK && !loras[i].path)
            status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "a diffedit_lora without a path");
    }
    if (status == DIFFEDIT_OK)
        known->lora = rows;
    else
        free(rows);
    return status;
}

diffedit_status de_settings_read(diffedit_model_settings *known,
                                 const diffedit_model_settings *given, diffedit_error *error)
{
    *known = (diffedit_model_settings){.struct_size = sizeof *known};
    if (!given)
        return DIFFEDIT_OK;
    diffedit_status status = de_sized_read(known, sizeof *known, given, "diffedit_model_settings",
                                           error);
    return status == DIFFEDIT_OK ? read_loras(known, error) : status;
}

void de_settings_free(diffedit_model_settings *known)
{
    free((void *)known->lora);
    known->lora = NULL;
}

diffedit_status diffedit_model_open(diffedit_model **model, const char *path,
                                    const diffedit_model_settings *settings, diffedit_error *error)
{
    diffedit_model_settings known;
    diffedit_status status = de_settings_read(&known, settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_model_open(model, path, &known, error);
    de_settings_free(&known);
    return status;
}

diffedit_status diffedit_model_new_random(diffedit_model **model, const char *shape,
                                          diffedit_error *error)
{
    return diffedit_model_open_random(model, shape, NULL, error);
}

diffedit_status diffedit_model_open_random(diffedit_model **model, const char *shape,
                                           const diffedit_model_settings *settings,
                                           diffedit_error *error)
{
    diffedit_model_settings known;
    diffedit_status status = de_settings_read(&known, settings, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_model_open_random(model, shape, &known, error);
    de_settings_free(&known);
    return status;
}

const char *const *diffedit_random_shapes(void)
{
    return de_random_shapes;
}

void diffedit_model_close(diffedit_model *model)
{
    de_model_close(model);
}

typedef struct weights_fault {
    const char *(*find)(const de_weights *weights, int *count);
    const char *says, *of_more;
} weights_fault;

static bool warn_of(const diffedit_model *model, const weights_fault *fault, char *text,
                    size_t size)
{
    const char *path = NULL, *first = NULL;
    int count = 0;
    for (de_part part = 0; part < DE_PART_COUNT; part++) {
        const char *name = fault->find(model->parts.weights[part], &count);
        if (name && !first) {
            first = name;
            path = de_weights_path(model->parts.weights[part]);
        }
    }
    if (!first || size == 0)
        return first != NULL;
    if (count > 1)
        de_sentence(text, size, "%s: tensor %s %s, %s %d more", path, first, fault->says,
                    fault->of_more, count - 1);
    else
        de_sentence(text, size, "%s: tensor %s %s", path, first, fault->says);
    return true;
}

int diffedit_model_get_warning(char *text, size_t size, const diffedit_model *model)
{
    static const weights_fault faults[] = {
        {de_weights_damaged, "holds values that are not finite numbers", "and so do"},
        {de_weights_unused, "has no place in the network that the config describes", "nor have"}};
    if (size > 0)
        text[0] = '\0';
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (warn_of(model, &faults[i], text, size))
            return 1;
    return de_model_lacks_average(model, text, size);
}

int diffedit_model_get_device_reason(char *text, size_t size, const diffedit_model *model)
{
    if (size > 0)
        de_sentence(text, size, "%s", model->device_reason);
    return model->device_reason[0] != '\0';
}

int diffedit_model_is_lost(const diffedit_model *model)
{
    return de_model_is_lost(model);
}

void diffedit_model_get_info(diffedit_model_info *info, const diffedit_model *model)
{
    diffedit_model_info known;
    de_model_info(model, &known);
    de_sized_write(info, &known, sizeof known);
}
