#include "models/model.h"

#include <stdio.h>

diffedit_status diffedit_model_open(diffedit_model **model, const char *path,
                                    const diffedit_model_settings *settings, diffedit_error *error)
{
    return de_model_open(model, path, settings, error);
}

diffedit_status diffedit_model_new_random(diffedit_model **model, const char *shape, diffedit_error *error)
{
    return de_model_new_random(model, shape, error);
}

const char *const *diffedit_random_shapes(void)
{
    return de_random_shapes;
}

void diffedit_model_close(diffedit_model *model)
{
    de_model_close(model);
}

int diffedit_model_get_warning(const diffedit_model *model, char *text, size_t size)
{
    const de_weights *from = NULL;
    const char *first = NULL;
    int count = 0;
    for (de_part part = 0; part < DE_PART_COUNT; part++) {
        const char *name = de_weights_damaged(model->weights[part], &count);
        if (name && !first) {
            first = name;
            from = model->weights[part];
        }
    }
    if (size > 0)
        text[0] = '\0';
    if (!first)
        return 0;
    int length = snprintf(text, size, "%s: tensor `%s` holds values that are not finite numbers", de_weights_path(from),
                          first);
    if (count > 1 && length > 0 && (size_t)length < size)
        snprintf(text + length, size - (size_t)length, ", and so do %d more", count - 1);
    return 1;
}

void diffedit_model_get_info(const diffedit_model *model, diffedit_model_info *info)
{
    de_model_info(model, info);
}
