/* Errors of the program itself, in the library's form, so that one path reports both. */
#ifndef CLI_FAIL_H
#define CLI_FAIL_H

#include <diffedit/diffedit.h>

/* Writes one sentence, cleaned as the library's are (common/error.h), and returns `code`. */
diffedit_status cli_fail(diffedit_error *error, diffedit_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
diffedit_status cli_fail_memory(diffedit_error *error);

#endif
