#include "weights/scale.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char WEIGHT[] = "weight";
/* The last parts of names. */
static const char *const SCALES[] = {"scale_weight", "weight_scale", "weight_scale_inv"};
/* Scales of what the layer reads, for arithmetic in 8 bits, and a description in JSON. */
static const char *const OTHERS[] = {"scale_input", "input_scale", "comfy_quant"};
static const char MARK[] = "scaled_fp8"; /* of a whole network; its type says which */

static const char *last_part(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* The entry beside `name` whose last part is another; NULL: there is none */
static const de_table_entry *beside(const de_table *file, const char *name, const char *part)
{
    return de_table_find_format(file, "%.*s%s", (int)(last_part(name) - name), name, part);
}

static bool is_one_of(const char *part, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(part, names[i]) == 0)
            return true;
    return false;
}

bool de_scale_is(const de_table *file, const de_table_entry *entry)
{
    const char *part = last_part(entry->name);
    if (strcmp(part, MARK) == 0)
        return true;
    if (!is_one_of(part, SCALES, sizeof SCALES / sizeof *SCALES) &&
        !is_one_of(part, OTHERS, sizeof OTHERS / sizeof *OTHERS))
        return false;
    const de_table_entry *weight = beside(file, entry->name, WEIGHT);
    return weight && weight->readable && de_dtype_is_f8(weight->dtype);
}

diffedit_status de_scale_find(float *scale, const de_table *file, const de_table_entry *entry,
                              const char *path, diffedit_error *error)
{
    const de_table_entry *found = NULL;
    *scale = 1;
    if (!entry->readable || !de_dtype_is_f8(entry->dtype) ||
        strcmp(last_part(entry->name), WEIGHT) != 0)
        return DIFFEDIT_OK;
    for (size_t i = 0; i < sizeof SCALES / sizeof *SCALES && !found; i++)
        found = beside(file, entry->name, SCALES[i]);
    if (!found)
        return DIFFEDIT_OK;
    if (de_table_entry_count(found) != 1 || !found->readable || de_dtype_is_f8(found->dtype))
        return de_fail(error, DIFFEDIT_ERROR_MODEL,
                       "%s: tensor `%s`: expected one number, by which all of `%s` is multiplied, "
                       "found %jd of type %s; use the f16 or f32 file",
                       path, de_table_entry_in_file(found), de_table_entry_in_file(entry),
                       (intmax_t)de_table_entry_count(found), found->type);
    de_weight_to_f32(&(de_weight){.data = found->data, .dtype = found->dtype}, 0, 1, scale);
    return isfinite(*scale) && *scale > 0
               ? DIFFEDIT_OK
               : de_fail(error, DIFFEDIT_ERROR_MODEL,
                         "%s: tensor `%s`: expected a positive number, found %g", path,
                         de_table_entry_in_file(found), *scale);
}
