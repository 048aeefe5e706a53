#include "models/model.h"

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
    if (!first || size == 0)
        return first != NULL;
    if (count > 1)
        de_sentence(text, size, "%s: tensor `%s` holds values that are not finite numbers, and so do %d more",
                    de_weights_path(from), first, count - 1);
    else
        de_sentence(text, size, "%s: tensor `%s` holds values that are not finite numbers", de_weights_path(from), first);
    return 1;
}

void diffedit_model_get_info(const diffedit_model *model, diffedit_model_info *info)
{
    de_model_info(model, info);
}
