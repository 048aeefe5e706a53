/* How a model's arithmetic is named, and which one a preset proposes. */
#include "api/options.h"

const diffedit_option *diffedit_arithmetic_option(void)
{
    return &de_arithmetic_row.shown;
}

const char *diffedit_arithmetic_name(diffedit_arithmetic arithmetic)
{
    const char *const *names = de_arithmetic_row.shown.choices;
    for (int i = 0; names[i]; i++)
        if (i == (int)arithmetic)
            return names[i];
    return NULL;
}

diffedit_status diffedit_arithmetic_read(diffedit_arithmetic *arithmetic, const char *name,
                                         diffedit_error *error)
{
    int choice;
    diffedit_status status = de_choice_read(&de_arithmetic_row.shown, &choice, name, error);
    if (status == DIFFEDIT_OK)
        *arithmetic = (diffedit_arithmetic)choice;
    return status;
}

diffedit_arithmetic diffedit_preset_arithmetic(const char *preset)
{
    diffedit_arithmetic proposed = DIFFEDIT_ARITHMETIC_EXACT;
    const char *name = diffedit_option_default(&de_arithmetic_row.shown, preset);
    if (name)
        diffedit_arithmetic_read(&proposed, name, NULL);
    return proposed;
}
