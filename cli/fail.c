#include "fail.h"

#include "common/error.h"

diffedit_status cli_fail(diffedit_error *error, diffedit_status code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    de_fail_list(error, code, format, arguments);
    va_end(arguments);
    return code;
}

diffedit_status cli_fail_memory(diffedit_error *error)
{
    return cli_fail(error, DIFFEDIT_ERROR_MEMORY, "out of memory");
}
