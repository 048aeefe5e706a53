#include "base.h"

#include <stdarg.h>
#include <stdio.h>

/* Names from files stand in sentences: no control character of theirs reaches a terminal. */
static void make_plain(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

diffedit_status de_fail(diffedit_error *error, diffedit_status code, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        make_plain(error->message);
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
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    log.write(log.user, level, line);
}
