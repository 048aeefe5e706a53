/* Failing in one sentence, in the library and in the command alike. */
#ifndef DE_ERROR_H
#define DE_ERROR_H

#include <stdarg.h>
#include <stddef.h>

#include <diffedit/diffedit.h>

/* Formats one line of UTF-8 without control characters: what goes to a terminal or into JSON may
 * contain names that came from a file or a server. A line that does not fit ends in "...". */
void de_sentence(char *text, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void de_sentence_list(char *text, size_t size, const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/* Writes one such line to `error` (may be NULL) and returns `code`:
 *     return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: %s", path, strerror(errno)); */
diffedit_status de_fail(diffedit_error *error, diffedit_status code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
diffedit_status de_fail_list(diffedit_error *error, diffedit_status code, const char *format,
                             va_list arguments) __attribute__((format(printf, 3, 0)));
diffedit_status de_fail_memory(diffedit_error *error, size_t bytes, const char *what);

#endif
