#include "fail.h"

#include <stdarg.h>
#include <stdio.h>

diffedit_status cli_fail(diffedit_error *error, diffedit_status code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    error->code = code;
    return code;
}

diffedit_status cli_fail_memory(diffedit_error *error)
{
    return cli_fail(error, DIFFEDIT_ERROR_MEMORY, "out of memory");
}
