/* The public functions on options: filling, setting, reading and checking by the table. */
#include "api/options.h"

#include "models/model.h"
#include "sampling/sampler.h"

#include <stdio.h>
#include <string.h>

static diffedit_status fail_unknown(const char *name, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "there is no option \"%.80s\"", name);
}

static diffedit_status find_preset(int *column, const char *preset, diffedit_error *error)
{
    const char *const *names = diffedit_presets();
    *column = de_preset_find(preset);
    if (*column >= 0)
        return DIFFEDIT_OK;
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                   "--preset: expected one of %s, %s, %s, found \"%.80s\"", names[0], names[1],
                   names[2], preset);
}

/* Lays what the model's diffedit.json says for this preset over it. */
static diffedit_status lay_model(diffedit_options *options, int column, const diffedit_model *model,
                                 diffedit_error *error)
{
    const de_model_hints *hints = &model->hints;
    for (int i = 0; i < hints->default_count; i++) {
        const de_model_default *given = &hints->defaults[i];
        int wanted;
        diffedit_error reason;
        diffedit_status status = find_preset(&wanted, given->preset, &reason);
        if (status == DIFFEDIT_OK && wanted == column)
            status = diffedit_options_set(options, given->name, given->value, &reason);
        if (status != DIFFEDIT_OK)
            return de_fail(error, DIFFEDIT_ERROR_MODEL, "the model's diffedit.json: %.400s",
                           reason.message);
    }
    return DIFFEDIT_OK;
}

diffedit_status diffedit_options_init(diffedit_options *options, size_t size, const char *preset,
                                      const diffedit_model *model, diffedit_error *error)
{
    if (size != sizeof *options)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "the program was built for options of %zu bytes, the library for %zu", size,
                       sizeof *options);
    int column;
    diffedit_status status = find_preset(&column, preset, error);
    if (status != DIFFEDIT_OK)
        return status;
    memset(options, 0, sizeof *options);
    options->struct_size = size;
    for (const de_option *row = de_options_table; row->shown.name && status == DIFFEDIT_OK; row++)
        if (row->defaults[column])
            status = de_option_parse(row, options, row->defaults[column], error);
    return status == DIFFEDIT_OK && model ? lay_model(options, column, model, error) : status;
}

diffedit_status diffedit_options_set(diffedit_options *options, const char *name, const char *value,
                                     diffedit_error *error)
{
    const de_option *row = de_option_find(name);
    return row ? de_option_parse(row, options, value, error) : fail_unknown(name, error);
}

size_t diffedit_options_get(char *text, size_t size, const diffedit_options *options,
                            const char *name)
{
    const de_option *row = de_option_find(name);
    return row ? de_option_format(row, options, text, size)
               : (size_t)snprintf(text, size, "%s", "");
}

diffedit_status diffedit_options_check(const diffedit_options *options, diffedit_error *error)
{
    if (options->struct_size != sizeof *options)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "the options were not filled by diffedit_options_init()");
    /* A value is in range where its text is. */
    diffedit_options scratch = *options;
    diffedit_status status = DIFFEDIT_OK;
    for (const de_option *row = de_options_table; row->shown.name && status == DIFFEDIT_OK; row++) {
        char value[DE_VALUE_SIZE];
        if (row->shown.type == DIFFEDIT_TYPE_TEXT)
            continue;
        de_option_format(row, options, value, sizeof value);
        status = de_option_parse(row, &scratch, value, error);
    }
    return status;
}

/* Whether the sampler can keep this background. */
static diffedit_status check_background(const diffedit_options *options, diffedit_error *error)
{
    const de_sampler *sampler = de_sampler_at(options->scheduler);
    const char *const *names = de_option_find("background")->shown.choices;
    if (sampler->backgrounds >> options->background & 1)
        return DIFFEDIT_OK;
    char allowed[64] = "";
    for (int i = 0; names[i]; i++)
        if (sampler->backgrounds >> i & 1)
            snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s",
                     allowed[0] ? " or " : "", names[i]);
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                   "--scheduler %s needs --background %s, found \"%s\"", sampler->name, allowed,
                   names[options->background]);
}

diffedit_status de_options_check_run(const diffedit_options *options, unsigned needs,
                                     diffedit_error *error)
{
    diffedit_status status = diffedit_options_check(options, error);
    if (status != DIFFEDIT_OK)
        return status;
    bool needs_to = needs & DE_NEED_TO ||
                    (needs & DE_NEED_MAP && options->mask_method == DIFFEDIT_MASK_CONTRAST);
    if (needs_to && !options->to)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--to is required; it may be empty");
    if (needs & DE_NEED_MAP && options->mask_method == DIFFEDIT_MASK_PLUS_MINUS &&
        !(options->from && options->from[0]))
        return de_fail(
            error, DIFFEDIT_ERROR_ARGUMENT,
            "--from is empty: --mask-method plus-minus finds the region from that text alone");
    if (needs & DE_NEED_BACKGROUND)
        return check_background(options, error);
    return DIFFEDIT_OK;
}
