/* The public functions on options: filling, setting, reading and checking by the table. */
#include "api/options.h"

#include "base/sized.h"
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
    char names[80];
    *column = de_preset_find(preset);
    if (*column >= 0)
        return DIFFEDIT_OK;
    de_names_list(diffedit_presets(), names, sizeof names);
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`preset`: expected one of %s, found \"%.80s\"",
                   names, preset);
}

/* Lays what the model's diffedit.json says for this preset over it. */
static diffedit_status lay_model(diffedit_options *options, int column, const diffedit_model *model,
                                 diffedit_error *error)
{
    const de_model_hints *hints = &model->parts.hints;
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

bool de_option_has_field(const de_option *row, size_t size)
{
    static const size_t sizes[] = {
        [DIFFEDIT_TYPE_TEXT] = sizeof(const char *), [DIFFEDIT_TYPE_INT] = sizeof(int),
        [DIFFEDIT_TYPE_SEED] = sizeof(uint64_t),     [DIFFEDIT_TYPE_REAL] = sizeof(double),
        [DIFFEDIT_TYPE_CHOICE] = sizeof(int),        [DIFFEDIT_TYPE_SIZE] = 2 * sizeof(int)};
    return row->offset + sizes[row->shown.type] <= size;
}

diffedit_status de_fail_no_field(const de_option *row, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                   "`%s`: the program was built against an older diffedit, whose options have no "
                   "such field",
                   row->shown.name);
}

/* Defaults of a preset for the fields that a struct of `size` bytes has not. */
static diffedit_status fill_from(size_t size, diffedit_options *options, const char *preset,
                                 diffedit_error *error)
{
    int column;
    diffedit_status status = find_preset(&column, preset, error);
    for (const de_option *row = de_options_table; row->shown.name && status == DIFFEDIT_OK; row++)
        if (!de_option_has_field(row, size) && row->defaults[column])
            status = de_option_parse(row, options, row->defaults[column], error);
    return status;
}

diffedit_status de_options_read(diffedit_options *known, const diffedit_options *given,
                                diffedit_error *error)
{
    *known = (diffedit_options){.struct_size = sizeof *known};
    diffedit_status status = de_sized_read(known, sizeof *known, given, "diffedit_options", error);
    return status == DIFFEDIT_OK ? fill_from(given->struct_size, known, known->preset, error)
                                 : status;
}

diffedit_status diffedit_options_init(diffedit_options *options, size_t size, const char *preset,
                                      const diffedit_model *model, diffedit_error *error)
{
    int column;
    diffedit_options known = {.struct_size = sizeof known};
    diffedit_status status = find_preset(&column, preset, error);
    if (status == DIFFEDIT_OK && size < sizeof options->struct_size)
        status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "options of %zu bytes", size);
    if (status != DIFFEDIT_OK)
        return status;
    known.preset = diffedit_presets()[column];
    status = fill_from(0, &known, preset, error);
    if (status == DIFFEDIT_OK && model)
        status = lay_model(&known, column, model, error);
    if (status == DIFFEDIT_OK) {
        memset(options, 0, size);
        options->struct_size = size;
        de_sized_write(options, &known, sizeof known);
    }
    return status;
}

diffedit_status diffedit_options_set(diffedit_options *options, const char *name, const char *value,
                                     diffedit_error *error)
{
    diffedit_options known;
    const de_option *row = de_option_find(name);
    diffedit_status status = de_options_read(&known, options, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (!row)
        return fail_unknown(name, error);
    if (!de_option_has_field(row, options->struct_size))
        return de_fail_no_field(row, error);
    return de_option_parse(row, options, value, error);
}

size_t diffedit_options_get(char *text, size_t size, const diffedit_options *options,
                            const char *name)
{
    diffedit_options known;
    const de_option *row = de_option_find(name);
    if (!row || de_options_read(&known, options, NULL) != DIFFEDIT_OK)
        return (size_t)snprintf(text, size, "%s", "");
    return de_option_format(row, &known, text, size);
}

/* A value is in range where its text is. */
static diffedit_status check_ranges(const diffedit_options *known, diffedit_error *error)
{
    diffedit_options scratch = *known;
    diffedit_status status = DIFFEDIT_OK;
    for (const de_option *row = de_options_table; row->shown.name && status == DIFFEDIT_OK; row++) {
        char value[DE_VALUE_SIZE];
        if (row->shown.type == DIFFEDIT_TYPE_TEXT)
            continue;
        de_option_format(row, known, value, sizeof value);
        status = de_option_parse(row, &scratch, value, error);
    }
    return status;
}

enum { LIST = 64 };

/* "a or b" grows by a name. */
static void add_choice(char list[LIST], const char *name)
{
    size_t length = strlen(list);
    snprintf(list + length, LIST - length, "%s%s", length ? " or " : "", name);
}

/* Whether the sampler can have this choice of the option `name`. */
static diffedit_status check_choice(const de_sampler *sampler, const char *name, unsigned can,
                                    int choice, diffedit_error *error)
{
    const char *const *names = de_option_find(name)->shown.choices;
    if (can >> choice & 1)
        return DIFFEDIT_OK;
    char allowed[LIST] = "";
    for (int i = 0; names[i]; i++)
        if (can >> i & 1)
            add_choice(allowed, names[i]);
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`scheduler` %s needs `%s` %s, found \"%s\"",
                   sampler->name, name, allowed, names[choice]);
}

static diffedit_status fail_inversion(const de_sampler *sampler, diffedit_error *error)
{
    char able[LIST] = "";
    for (int i = 0; de_sampler_at(i); i++)
        if (de_sampler_at(i)->encode_step)
            add_choice(able, de_sampler_at(i)->name);
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                   "`scheduler` %s inverts nothing; `encode` inversion needs %s", sampler->name,
                   able);
}

/* Whether the sampler can edit from what it is to decode from. */
static diffedit_status check_encode(const diffedit_options *options, diffedit_error *error)
{
    const de_sampler *sampler = de_sampler_at(options->scheduler);
    if (options->encode == DIFFEDIT_ENCODE_INVERSION && !sampler->encode_step)
        return fail_inversion(sampler, error);
    return DIFFEDIT_OK;
}

static diffedit_status check_spacing(const diffedit_options *options, diffedit_error *error)
{
    const de_sampler *sampler = de_sampler_at(options->scheduler);
    return check_choice(sampler, "spacing", sampler->spacings | 1u << DIFFEDIT_SPACING_AUTO,
                        (int)options->spacing, error);
}

diffedit_status de_options_read_run(diffedit_options *known, const diffedit_options *given,
                                    unsigned needs, diffedit_error *error)
{
    diffedit_status status = de_options_read(known, given, error);
    if (status == DIFFEDIT_OK)
        status = check_ranges(known, error);
    if (status == DIFFEDIT_OK)
        status = check_spacing(known, error);
    if (status != DIFFEDIT_OK)
        return status;
    bool needs_to = needs & DE_NEED_TO ||
                    (needs & DE_NEED_MAP && known->mask_method == DIFFEDIT_MASK_CONTRAST);
    if (needs_to && !known->to)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`to` is required; it may be empty");
    if (needs & DE_NEED_MAP && known->mask_method == DIFFEDIT_MASK_PLUS_MINUS &&
        !(known->from && known->from[0]))
        return de_fail(
            error, DIFFEDIT_ERROR_ARGUMENT,
            "`from` is empty: `mask-method` plus-minus finds the region from that text alone");
    return needs & DE_NEED_START ? check_encode(known, error) : DIFFEDIT_OK;
}

diffedit_status diffedit_options_check(const diffedit_options *options, diffedit_error *error)
{
    diffedit_options known;
    return de_options_read_run(&known, options, 0, error);
}
