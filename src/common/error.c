#include "common/error.h"

#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

/* Replaces by '?' whatever is not UTF-8, such as a file's name or a character cut in two, and all
 * control characters, C0 and C1. */
static void clean(char *text)
{
    utf8proc_ssize_t length = (utf8proc_ssize_t)strlen(text), used;
    for (utf8proc_ssize_t at = 0; at < length; at += used) {
        utf8proc_int32_t codepoint;
        used = utf8proc_iterate((const utf8proc_uint8_t *)text + at, length - at, &codepoint);
        if (used >= 1 && codepoint >= ' ' && (codepoint < 0x7f || codepoint > 0x9f))
            continue;
        used = used < 1 ? 1 : used;
        memset(text + at, '?', (size_t)used);
    }
}

void de_sentence_list(char *text, size_t size, const char *format, va_list arguments)
{
    static const char cut[] = "...";
    if (vsnprintf(text, size, format, arguments) >= (int)size && size >= sizeof cut)
        memcpy(text + size - sizeof cut, cut, sizeof cut);
    clean(text);
}

void de_sentence(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    de_sentence_list(text, size, format, arguments);
    va_end(arguments);
}

diffedit_status de_fail_list(diffedit_error *error, diffedit_status code, const char *format,
                             va_list arguments)
{
    if (error) {
        de_sentence_list(error->message, sizeof error->message, format, arguments);
        error->code = code;
    }
    return code;
}

diffedit_status de_fail(diffedit_error *error, diffedit_status code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    de_fail_list(error, code, format, arguments);
    va_end(arguments);
    return code;
}

diffedit_status de_fail_memory(diffedit_error *error, size_t bytes, const char *what)
{
    return de_fail(error, DIFFEDIT_ERROR_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}
