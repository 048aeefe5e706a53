/* JSON lines: an object for each edit. */
#include "lines_inside.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* An array, too, which is then refused as what it is. */
bool lines_json_recognises(const char *head, size_t size)
{
    size_t at = 0;
    while (at < size && head[at] && strchr(" \t\r\n", head[at]))
        at++;
    return at < size && (head[at] == '{' || head[at] == '[');
}

/* Sets a field from a value: a text as it is, a number as JSON writes it. */
static diffedit_status set_value(batch_line *line, const char *name, const json_t *value,
                                 diffedit_error *error)
{
    int field = line_field(name);
    if (name[0] == '_' || json_is_null(value))
        return DIFFEDIT_OK;
    if (field < 0)
        return line_fail_unknown(name, error);
    if (json_is_string(value))
        return line_set(line, field, json_string_value(value), json_string_length(value), error);
    if (!json_is_number(value))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`%s`: expected a text or a number",
                       line_field_name(field));
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    if (!text)
        return de_fail_memory(error, 1, "a line");
    diffedit_status status = line_set(line, field, text, strlen(text), error);
    free(text);
    return status;
}

static diffedit_status set_values(batch_line *line, json_t *object, diffedit_error *error)
{
    const char *name;
    json_t *value;
    json_object_foreach (object, name, value) {
        diffedit_status status = set_value(line, name, value, error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    return DIFFEDIT_OK;
}

static bool is_blank(const char *text, size_t size)
{
    while (size > 0 && strchr(" \t\r", text[size - 1]) && text[size - 1])
        size--;
    return size == 0;
}

/* One line of the file, without its end. */
static diffedit_status read_line(lines_source *source, int64_t number, const char *text,
                                 size_t size, diffedit_error *error)
{
    json_error_t wrong;
    batch_line line = {.number = number};
    if (is_blank(text, size))
        return DIFFEDIT_OK;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &wrong);
    diffedit_status status = DIFFEDIT_OK;
    if (!object)
        status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                         "expected an object of JSON in one line: %.120s (column %d)", wrong.text,
                         wrong.column);
    else if (!json_is_object(object))
        status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "expected an object of JSON, found %s",
                         json_is_array(object) ? "an array" : "another value");
    if (status == DIFFEDIT_OK)
        status = set_values(&line, object, error);
    json_decref(object);
    if (status == DIFFEDIT_OK)
        return lines_give(source, &line, error);
    line_clear(&line);
    return lines_fail(source, number, status, error);
}

/* The beginning of a line whose end has not been read yet. */
typedef struct pending {
    char *bytes; /* [size], of room for LINES_LONGEST */
    size_t size;
} pending;

/* Appends to it. Errors: FILE (too long). */
static diffedit_status append(pending *to, const char *bytes, size_t size, lines_source *source,
                              int64_t number, diffedit_error *error)
{
    if (size > LINES_LONGEST - to->size)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: line %jd: is longer than %d bytes",
                       source->path, (intmax_t)number, LINES_LONGEST);
    if (size)
        memcpy(to->bytes + to->size, bytes, size);
    to->size += size;
    return DIFFEDIT_OK;
}

/* Takes the lines that end among `size` bytes, and keeps the rest. */
static diffedit_status take_lines(pending *rest, int64_t *number, lines_source *source,
                                  const char *bytes, size_t size, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    while (size > 0 && status == DIFFEDIT_OK) {
        const char *end = memchr(bytes, '\n', size);
        size_t length = end ? (size_t)(end - bytes) : size;
        status = append(rest, bytes, length, source, *number, error);
        if (end && status == DIFFEDIT_OK) {
            status = read_line(source, (*number)++, rest->bytes, rest->size, error);
            rest->size = 0;
            length++;
        }
        bytes += length;
        size -= length;
    }
    return status;
}

diffedit_status lines_json_read(lines_source *source, diffedit_error *error)
{
    char bytes[LINES_HEAD];
    size_t got = 1;
    int64_t number = 1;
    pending rest = {.bytes = malloc(LINES_LONGEST)};
    if (!rest.bytes)
        return de_fail_memory(error, LINES_LONGEST, "a line");
    diffedit_status status = DIFFEDIT_OK;
    while (got > 0 && status == DIFFEDIT_OK) {
        status = lines_source_read(&got, bytes, sizeof bytes, source, error);
        if (status == DIFFEDIT_OK)
            status = take_lines(&rest, &number, source, bytes, got, error);
    }
    if (status == DIFFEDIT_OK)
        status = read_line(source, number, rest.bytes, rest.size, error);
    free(rest.bytes);
    return status;
}
