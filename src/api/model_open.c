/* Models opened, and what is said of an open one. */
#include "api/settings.h"
#include "base/sized.h"
#include "models/random_model.h"

diffedit_status de_settings_read(diffedit_model_settings *known,
                                 const diffedit_model_settings *given, diffedit_error *error)
{
    *known = (diffedit_model_settings){.struct_size = sizeof *known};
    return given ? de_sized_read(known, sizeof *known, given, "diffedit_model_settings", error)
                 : DIFFEDIT_OK;
}

diffedit_status diffedit_model_open(diffedit_model **model, const char *path,
                                    const diffedit_model_settings *settings, diffedit_error *error)
{
    diffedit_model_settings known;
    diffedit_status status = de_settings_read(&known, settings, error);
    return status == DIFFEDIT_OK ? de_model_open(model, path, &known, error) : status;
}

diffedit_status diffedit_model_new_random(diffedit_model **model, const char *shape,
                                          diffedit_error *error)
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

void diffedit_model_get_info(diffedit_model_info *info, const diffedit_model *model)
{
    diffedit_model_info known;
    de_model_info(model, &known);
    de_sized_write(info, &known, sizeof known);
}
