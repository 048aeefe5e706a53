#include "base.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <utf8proc.h>

/* Whatever is no UTF-8, such as a file's name or a character cut in two, becomes '?': messages go
 * into JSON. So do control characters: messages go to terminals, and hold names from files. */
static void make_plain(char *text)
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

static void write_line(char *line, size_t size, const char *format, va_list arguments)
{
    static const char cut[] = "...";
    if (vsnprintf(line, size, format, arguments) >= (int)size && size >= sizeof cut)
        memcpy(line + size - sizeof cut, cut, sizeof cut);
    make_plain(line);
}

void de_sentence(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    write_line(text, size, format, arguments);
    va_end(arguments);
}

diffedit_status de_fail(diffedit_error *error, diffedit_status code, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        write_line(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        error->code = code;
    }
    return code;
}

diffedit_status de_fail_memory(diffedit_error *error, size_t bytes, const char *what)
{
    return de_fail(error, DIFFEDIT_ERROR_MEMORY, "out of memory: %zu bytes for %s", bytes, what);
}

void de_log_write(de_log log, diffedit_log_level level, const char *format, ...)
{
    if (!log.write)
        return;
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    write_line(line, sizeof line, format, arguments);
    va_end(arguments);
    log.write(log.user, level, line);
}
