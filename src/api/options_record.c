/* The options as the JSON object that a PNG carries, and back. A record comes from a file that
 * anyone may have written: every value goes through the same reader as the command line's. */
#include "api/options.h"

#include "base/sized.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* ---- writing ---- */

/* The row's value; `digits` is raised to what its number needs. NULL: out of memory, or text that
 * is not UTF-8. */
static json_t *value_to_json(const de_option *row, const diffedit_options *options, int *digits)
{
    const char *field = (const char *)options + row->offset;
    char text[DE_VALUE_SIZE];
    if (row->shown.type == DIFFEDIT_TYPE_TEXT)
        return json_string(*(const char *const *)field);
    if (row->shown.type == DIFFEDIT_TYPE_INT)
        return json_integer(*(const int *)field);
    de_option_format(row, options, text, sizeof text);
    if (row->shown.type != DIFFEDIT_TYPE_REAL ||
        (row->shown.word && strcmp(text, row->shown.word) == 0))
        return json_string(text);
    int needed = de_real_format(*(const double *)field, text);
    *digits = needed > *digits ? needed : *digits;
    return json_real(*(const double *)field);
}

static diffedit_status add_values(json_t *record, const diffedit_options *options, int *digits,
                                  diffedit_error *error)
{
    for (const de_option *row = de_options_table; row->shown.name; row++) {
        const char *const *text = (const void *)((const char *)options + row->offset);
        bool is_text = row->shown.type == DIFFEDIT_TYPE_TEXT;
        if (is_text && !*text)
            continue;
        if (json_object_set_new(record, row->shown.name, value_to_json(row, options, digits)) != 0)
            return is_text ? de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`%s` is not valid UTF-8",
                                     row->shown.name)
                           : de_fail_memory(error, sizeof(json_t), "a record");
    }
    return DIFFEDIT_OK;
}

diffedit_status diffedit_options_record(char **json, const diffedit_options *options,
                                        diffedit_error *error)
{
    int digits = 15;
    diffedit_options known;
    diffedit_status status = de_options_read_run(&known, options, 0, error);
    if (status != DIFFEDIT_OK)
        return status;
    json_t *record = json_pack("{s:s}", "diffedit", diffedit_version());
    if (!record)
        return de_fail_memory(error, sizeof(json_t), "a record");
    status = add_values(record, &known, &digits, error);
    if (status == DIFFEDIT_OK) {
        char *text = json_dumps(record, JSON_ENSURE_ASCII | JSON_REAL_PRECISION((size_t)digits));
        if (text)
            *json = text;
        else
            status = de_fail_memory(error, sizeof(json_t), "a record");
    }
    json_decref(record);
    return status;
}

/* ---- reading ---- */

static diffedit_status json_to_text(const char **text, char number[DE_VALUE_SIZE], const char *name,
                                    const json_t *value, diffedit_error *error)
{
    *text = number;
    if (json_is_string(value))
        *text = json_string_value(value);
    else if (json_is_integer(value))
        snprintf(number, DE_VALUE_SIZE, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        de_real_format(json_real_value(value), number);
    else
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "the record's \"%s\" is neither a text nor a number", name);
    return DIFFEDIT_OK;
}

/* One block for all texts of the record, copied by add_text(). */
static char *allocate_texts(const json_t *record)
{
    size_t bytes = 1;
    for (const de_option *row = de_options_table; row->shown.name; row++)
        if (row->shown.type == DIFFEDIT_TYPE_TEXT)
            bytes += json_string_length(json_object_get(record, row->shown.name)) + 1;
    return malloc(bytes);
}

static diffedit_status read_values(diffedit_options *options, char *texts, const json_t *record,
                                   diffedit_error *error)
{
    for (const de_option *row = de_options_table; row->shown.name; row++) {
        const char *name = row->shown.name;
        const json_t *value = json_object_get(record, name);
        if (!value)
            continue;
        char number[DE_VALUE_SIZE];
        const char *text;
        diffedit_error reason = {.code = DIFFEDIT_OK};
        if (row->shown.type == DIFFEDIT_TYPE_TEXT && !json_is_string(value))
            return de_fail(error, DIFFEDIT_ERROR_FILE, "the record's \"%s\" is not a text", name);
        diffedit_status status = json_to_text(&text, number, name, value, error);
        if (status != DIFFEDIT_OK)
            return status;
        if (row->shown.type == DIFFEDIT_TYPE_TEXT) {
            size_t size = strlen(text) + 1;
            text = memcpy(texts, text, size);
            texts += size;
        }
        if (de_option_parse(row, options, text, &reason) != DIFFEDIT_OK)
            return de_fail(error, DIFFEDIT_ERROR_FILE, "the record is damaged: %.480s",
                           reason.message);
    }
    return DIFFEDIT_OK;
}

static bool is_same(const de_option *row, const diffedit_options *a, const diffedit_options *b)
{
    char of_a[DE_VALUE_SIZE], of_b[DE_VALUE_SIZE];
    if (row->shown.type != DIFFEDIT_TYPE_TEXT) {
        de_option_format(row, a, of_a, sizeof of_a);
        de_option_format(row, b, of_b, sizeof of_b);
        return strcmp(of_a, of_b) == 0;
    }
    const char *const *text_a = (const void *)((const char *)a + row->offset);
    const char *const *text_b = (const void *)((const char *)b + row->offset);
    return strcmp(*text_a ? *text_a : "", *text_b ? *text_b : "") == 0;
}

/* What was read must have a field in the program's struct, unless it is the default anyway. */
static diffedit_status check_room(const diffedit_options *read, const diffedit_options *before,
                                  size_t size, diffedit_error *error)
{
    for (const de_option *row = de_options_table; row->shown.name; row++)
        if (!de_option_has_field(row, size) && !is_same(row, read, before))
            return de_fail_no_field(row, error);
    return DIFFEDIT_OK;
}

diffedit_status diffedit_options_read_record(diffedit_options *options, void **texts,
                                             const char *json, diffedit_error *error)
{
    json_error_t reason;
    diffedit_options before, read;
    diffedit_status status = de_options_read(&before, options, error);
    if (status != DIFFEDIT_OK)
        return status;
    json_t *record = json_loads(json, 0, &reason);
    if (!record)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "the record is not JSON: %s", reason.text);
    read = before;
    char *block = allocate_texts(record);
    if (!json_is_string(json_object_get(record, "diffedit")))
        status = de_fail(error, DIFFEDIT_ERROR_FILE, "the record was not written by diffedit");
    else if (!block)
        status = de_fail_memory(error, 1, "a record's texts");
    else
        status = read_values(&read, block, record, error);
    if (status == DIFFEDIT_OK)
        status = check_room(&read, &before, options->struct_size, error);
    if (status == DIFFEDIT_OK) {
        de_sized_write(options, &read, sizeof read);
        *texts = block;
    } else {
        free(block);
    }
    json_decref(record);
    return status;
}
