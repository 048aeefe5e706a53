#include "base/base.h"

void de_log_write(de_log log, diffedit_log_level level, const char *format, ...)
{
    if (!log.write)
        return;
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    de_sentence_list(line, sizeof line, format, arguments);
    va_end(arguments);
    log.write(log.user, level, line);
}
