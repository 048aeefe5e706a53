/* PIE-Bench's mapping file: an object with an object for each edit, read one at a time. Its lines
 * are the entries, in their order. */
#include "lines_inside.h"

#include "pie_mask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

/* Beside the mapping file: the folder that its pictures are in. */
#define PICTURES "annotation_images/"

/* What the benchmark's README calls the types of edits, by editing_type_id. */
static const char *const types[] = {
    "0. random editing",     "1. change object",         "2. add object",
    "3. delete object",      "4. change sth's content",  "5. change sth's pose",
    "6. change sth's color", "7. change sth's material", "8. change image background",
    "9. change image style"};
enum { TYPES = sizeof types / sizeof *types };

static size_t skip_space(const char *text, size_t at, size_t size)
{
    while (at < size && text[at] && strchr(" \t\r\n", text[at]))
        at++;
    return at;
}

/* {"KEY": {: a list of JSON lines has texts and numbers alone. */
bool lines_pie_recognises(const char *head, size_t size)
{
    size_t at = skip_space(head, 0, size);
    if (at == size || head[at] != '{')
        return false;
    at = skip_space(head, at + 1, size);
    if (at == size || head[at] != '"')
        return false;
    for (at++; at < size && head[at] != '"'; at++)
        at += head[at] == '\\';
    at = skip_space(head, at + 1, size);
    if (at >= size || head[at] != ':')
        return false;
    at = skip_space(head, at + 1, size);
    return at < size && head[at] == '{';
}

/* ---- bytes ---- */

typedef struct stream {
    lines_source *source;
    char bytes[1 << 14]; /* [size], of which `used` were taken */
    size_t size, used;
    size_t left; /* bytes that the value being read may still have */
    int64_t number;
    diffedit_status status; /* of reading the file */
    diffedit_error *error;
} stream;

/* The next byte, which stays; -1: there is none, or reading failed. */
static int peek(stream *in)
{
    if (in->used == in->size && in->status == DIFFEDIT_OK) {
        in->used = in->size = 0;
        in->status = lines_source_read(&in->size, in->bytes, sizeof in->bytes, in->source,
                                       in->error);
    }
    return in->used < in->size ? (unsigned char)in->bytes[in->used] : -1;
}

/* Gives jansson one byte, so that it takes none behind the value. */
static size_t give_byte(void *buffer, size_t size, void *user)
{
    stream *in = user;
    int next = size && in->left ? peek(in) : -1;
    if (next < 0)
        return 0;
    in->used++;
    in->left--;
    *(char *)buffer = (char)next;
    return 1;
}

static void skip_blank(stream *in)
{
    for (int next = peek(in); next == ' ' || next == '\t' || next == '\r' || next == '\n';
         next = peek(in))
        in->used++;
}

/* ---- values ---- */

static diffedit_status fail(const stream *in, const char *what)
{
    if (in->status != DIFFEDIT_OK)
        return in->status;
    diffedit_status status = de_fail(in->error, DIFFEDIT_ERROR_ARGUMENT, "%s", what);
    return lines_fail(in->source, in->number, status, in->error);
}

/* The next value of JSON; NULL: it is none, or longer than an entry may be. */
static json_t *read_value(stream *in)
{
    json_error_t wrong;
    in->left = LINES_LONGEST;
    return json_load_callback(
        give_byte, in, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &wrong);
}

/* Takes this character, in front of which there may be blanks. */
static bool take(stream *in, char wanted)
{
    skip_blank(in);
    if (peek(in) != wanted)
        return false;
    in->used++;
    return true;
}

/* ---- an entry ---- */

/* Sets a text, without the brackets that mark what two prompts differ in. */
static diffedit_status set_text(batch_line *line, int field, const char *before,
                                const json_t *entry, const char *name, diffedit_error *error)
{
    const char *text = json_string_value(json_object_get(entry, name));
    if (!text)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "expected a text \"%s\"", name);
    size_t length = strlen(before), size = length + strlen(text) + 1;
    bool is_prompt = field != LINE_PICTURE;
    char *made = malloc(size);
    if (!made)
        return de_fail_memory(error, size, "a line");
    memcpy(made, before, length);
    for (const char *at = text; *at; at++)
        if (!is_prompt || (*at != '[' && *at != ']'))
            made[length++] = *at;
    diffedit_status status = line_set(line, field, made, length, error);
    free(made);
    return status;
}

/* A text "3" in the published file; a number will do. */
static diffedit_status set_category(batch_line *line, const json_t *entry, diffedit_error *error)
{
    const json_t *id = json_object_get(entry, "editing_type_id");
    const char *text = json_string_value(id);
    json_int_t type = json_is_integer(id)           ? json_integer_value(id)
                      : text && text[0] && !text[1] ? text[0] - '0'
                                                    : -1;
    if (!id)
        return DIFFEDIT_OK;
    if (type < 0 || type >= TYPES)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "expected an \"editing_type_id\" from \"0\" to \"%d\"", TYPES - 1);
    return line_set(line, LINE_CATEGORY, types[type], strlen(types[type]), error);
}

static diffedit_status set_mask(batch_line *line, const json_t *entry, diffedit_error *error)
{
    const json_t *runs = json_object_get(entry, "mask");
    if (!runs)
        return DIFFEDIT_OK;
    uint8_t *mask = malloc(PIE_SIDE * PIE_SIDE);
    char *text = json_dumps(runs, JSON_COMPACT | JSON_ENCODE_ANY);
    diffedit_error wrong;
    diffedit_status status = DIFFEDIT_OK;
    if (!mask || !text)
        status = de_fail_memory(error, PIE_SIDE * PIE_SIDE, "a mask");
    else if (pie_mask_decode(mask, runs, &wrong) != DIFFEDIT_OK)
        status = de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "\"mask\": %.200s", wrong.message);
    else
        status = line_set(line, LINE_TRUE_MASK, text, strlen(text), error);
    free(mask);
    free(text);
    return status;
}

static diffedit_status set_line(batch_line *line, const json_t *entry, diffedit_error *error)
{
    diffedit_status status = set_text(line, LINE_PICTURE, PICTURES, entry, "image_path", error);
    if (status == DIFFEDIT_OK)
        status = set_text(line, line_field("from"), "", entry, "original_prompt", error);
    if (status == DIFFEDIT_OK)
        status = set_text(line, line_field("to"), "", entry, "editing_prompt", error);
    if (status == DIFFEDIT_OK)
        status = set_category(line, entry, error);
    return status == DIFFEDIT_OK ? set_mask(line, entry, error) : status;
}

static diffedit_status give_entry(stream *in, const char *key, const json_t *entry)
{
    batch_line line = {.number = in->number};
    diffedit_error wrong;
    diffedit_status status = set_line(&line, entry, &wrong);
    if (status == DIFFEDIT_OK)
        return lines_give(in->source, &line, in->error);
    line_clear(&line);
    status = de_fail(in->error, status, "\"%.80s\": %.300s", key, wrong.message);
    return lines_fail(in->source, in->number, status, in->error);
}

/* "KEY": {...} */
static diffedit_status read_entry(stream *in)
{
    skip_blank(in);
    json_t *key = peek(in) == '"' ? read_value(in) : NULL, *entry = NULL;
    diffedit_status status = DIFFEDIT_OK;
    if (!key || !take(in, ':'))
        status = fail(in, "expected a name in quotes and a colon");
    skip_blank(in);
    if (status == DIFFEDIT_OK)
        entry = peek(in) == '{' ? read_value(in) : NULL;
    if (status == DIFFEDIT_OK && !entry)
        status = fail(in, in->left ? "expected an object of JSON, as PIE-Bench's mapping file has"
                                   : "is longer than 1048576 bytes");
    if (status == DIFFEDIT_OK)
        status = give_entry(in, json_string_value(key), entry);
    json_decref(key);
    json_decref(entry);
    return status;
}

static diffedit_status read_entries(stream *in)
{
    diffedit_status status = DIFFEDIT_OK;
    take(in, '{');
    do {
        in->number++;
        status = read_entry(in);
    } while (status == DIFFEDIT_OK && take(in, ','));
    if (status == DIFFEDIT_OK && !take(in, '}'))
        status = fail(in, "expected a comma or the end of the object behind it");
    skip_blank(in);
    if (status == DIFFEDIT_OK && peek(in) >= 0)
        status = fail(in, "something stands behind the end of the object");
    return status == DIFFEDIT_OK ? in->status : status;
}

diffedit_status lines_pie_read(lines_source *source, diffedit_error *error)
{
    stream *in = malloc(sizeof *in);
    if (!in)
        return de_fail_memory(error, sizeof *in, "a list");
    *in = (stream){.source = source, .error = error};
    diffedit_status status = read_entries(in);
    free(in);
    return status;
}
