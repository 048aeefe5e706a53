#include "picture/text_chunks.h"

#include "picture/jpeg_segments.h"

#include <limits.h>
#include <string.h>

static const char RAW_PROFILE[] = "Raw profile type ", COMMENT[] = "Comment";

bool de_bytes_append(GByteArray *array, const void *bytes, size_t size)
{
    if (size > (size_t)INT_MAX - array->len)
        return false;
    g_byte_array_append(array, bytes, (guint)size);
    return true;
}

/* ---- PNG ---- */

/* The length of the string at the start of the bytes; false where no zero ends it. */
static bool measure_string(const uint8_t *bytes, size_t size, size_t *length)
{
    const uint8_t *end = memchr(bytes, 0, size);
    if (end)
        *length = (size_t)(end - bytes);
    return end != NULL;
}

bool de_png_plain_text(const de_png_chunk *chunk, const uint8_t **text, size_t *size)
{
    size_t at, length;
    if (!measure_string(chunk->data, chunk->size, &at))
        return false;
    at++;
    if (de_png_has_type(chunk, "iTXt")) { /* compressed?, method, language and keyword again */
        if (chunk->size - at < 2 || chunk->data[at] != 0)
            return false;
        at += 2;
        for (int i = 0; i < 2; i++, at += length + 1)
            if (!measure_string(chunk->data + at, chunk->size - at, &length))
                return false;
    } else if (!de_png_has_type(chunk, "tEXt")) {
        return false;
    }
    *text = chunk->data + at;
    *size = chunk->size - at;
    return true;
}

const char *de_image_text(const VipsImage *image, const char *keyword)
{
    static const char field[] = "png-comment-"; /* and a number, and the keyword */
    const char *text = NULL;
    char **names = vips_image_get_fields((VipsImage *)image);
    for (char **name = names; name && *name && !text; name++)
        if (strncmp(*name, field, sizeof field - 1) == 0) {
            const char *found = strchr(*name + sizeof field - 1, '-');
            if (found && strcmp(found + 1, keyword) == 0 &&
                vips_image_get_string(image, *name, &text))
                text = NULL;
        }
    g_strfreev(names);
    return text;
}

/* A chunk's text in UTF-8, or NULL; freed by g_free(). */
static char *utf8_text(const VipsImage *image, const de_png_chunk *chunk)
{
    const uint8_t *plain;
    size_t size;
    const char *text;
    if (de_png_plain_text(chunk, &plain, &size))
        text = (const char *)plain;
    else if (measure_string(chunk->data, chunk->size, &size) &&
             (text = de_image_text(image, (const char *)chunk->data)))
        size = strlen(text);
    else
        return NULL;
    if (size > INT_MAX)
        return NULL;
    if (!de_png_has_type(chunk, "iTXt"))
        return g_convert(text, (gssize)size, "UTF-8", "ISO-8859-1", NULL, NULL, NULL);
    return g_utf8_validate(text, (gssize)size, NULL) ? g_strndup(text, size) : NULL;
}

void de_png_append(GByteArray *chunks, const char *type, const void *data, size_t size)
{
    size_t at = chunks->len;
    uint8_t frame[DE_PNG_FRAME] = {0};
    if (de_bytes_append(chunks, frame, DE_PNG_FRAME)) {
        if (de_bytes_append(chunks, data, size))
            de_png_write(chunks->data + at, type, data, size);
        else
            g_byte_array_set_size(chunks, (guint)at);
    }
}

/* ---- profiles as text ---- */

GByteArray *de_png_raw_profile(const VipsImage *image, const de_png_chunk *chunk, const char **kind)
{
    size_t length;
    if (!measure_string(chunk->data, chunk->size, &length) ||
        strncmp((const char *)chunk->data, RAW_PROFILE, sizeof RAW_PROFILE - 1) != 0)
        return NULL;
    *kind = (const char *)chunk->data + sizeof RAW_PROFILE - 1;
    char *text = utf8_text(image, chunk);
    GByteArray *profile = g_byte_array_new();
    /* a line with the name, one with the length, then digits */
    const char *at = text ? strchr(*text == '\n' ? text + 1 : text, '\n') : NULL;
    at = at ? strchr(at + 1, '\n') : NULL;
    for (int half = -1; at && *at; at++) {
        int digit = g_ascii_xdigit_value(*at);
        if (digit < 0)
            continue;
        if (half >= 0) {
            uint8_t byte = (uint8_t)(half << 4 | digit);
            de_bytes_append(profile, &byte, 1);
        }
        half = half >= 0 ? -1 : digit;
    }
    g_free(text);
    return profile;
}

void de_png_append_raw_profile(GByteArray *chunks, const char *kind, const uint8_t *profile,
                               size_t size)
{
    enum { PER_LINE = 36 };
    GString *text = g_string_new(RAW_PROFILE);
    g_string_append(text, kind);
    g_string_append_c(text, 0);
    g_string_append_printf(text, "\n%s\n%8zu", kind, size);
    for (size_t i = 0; i < size; i++)
        g_string_append_printf(text, "%s%02x", i % PER_LINE ? "" : "\n", profile[i]);
    g_string_append_c(text, '\n');
    de_png_append(chunks, "tEXt", text->str, text->len);
    g_string_free(text, TRUE);
}

/* ---- comments ---- */

void de_jpeg_append_comment(GByteArray *segments, const void *text, size_t size)
{
    enum { MOST = 65533 };
    const uint8_t *at = text;
    do {
        size_t part = size < MOST ? size : MOST;
        uint8_t head[4] = {0xff, DE_JPEG_COMMENT, (uint8_t)((part + 2) >> 8), (uint8_t)(part + 2)};
        if (!de_bytes_append(segments, head, sizeof head) || !de_bytes_append(segments, at, part))
            return;
        at += part;
        size -= part;
    } while (size > 0);
}

void de_png_append_comment(GByteArray *chunks, const uint8_t *text, size_t size)
{
    static const char latin[] = "Comment\0", utf8[] = "Comment\0\0\0\0"; /* and a zero each */
    while (size > 0 && text[size - 1] == 0) /* some end it by zeros; none may stand in a text */
        size--;
    if (memchr(text, 0, size))
        return;
    bool is_ascii = true;
    for (size_t i = 0; i < size; i++)
        is_ascii &= text[i] < 0x80;
    bool is_utf8 = !is_ascii && g_utf8_validate((const char *)text, (gssize)size, NULL);
    GByteArray *data = g_byte_array_new();
    de_bytes_append(data, is_utf8 ? utf8 : latin, is_utf8 ? sizeof utf8 : sizeof latin - 1);
    de_bytes_append(data, text, size);
    de_png_append(chunks, is_utf8 ? "iTXt" : "tEXt", data->data, data->len);
    g_byte_array_unref(data);
}

void de_jpeg_append_png_text(GByteArray *segments, const VipsImage *image,
                             const de_png_chunk *chunk)
{
    char *text = utf8_text(image, chunk);
    if (!text)
        return;
    const char *keyword = (const char *)chunk->data; /* a text has one, so it is terminated */
    char *both = strcmp(keyword, COMMENT) == 0 ? g_strdup(text)
                                               : g_strconcat(keyword, ": ", text, NULL);
    de_jpeg_append_comment(segments, both, strlen(both));
    g_free(both);
    g_free(text);
}
