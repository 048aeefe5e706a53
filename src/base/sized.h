/* Structs that a program allocates begin with their size, so that a program may be older or newer
 * than the library: it has the first fields of the library's struct, or all and more. Fields are
 * only ever added at the end, and no struct ends in padding, which would hide the first of them. */
#ifndef DE_SIZED_H
#define DE_SIZED_H

#include "common/error.h"

/* Whether `given` has a size at all. Errors: ARGUMENT. */
diffedit_status de_sized_check(const void *given, const char *type, diffedit_error *error);
/* Copies the fields of `given` over those of `known`, the library's own struct of `size` bytes;
 * those that `given` is too short for stay as they are. `type` is what messages call it. Errors:
 * ARGUMENT (no size; a newer program uses a field that is not known here). */
diffedit_status de_sized_read(void *known, size_t size, const void *given, const char *type,
                              diffedit_error *error);
/* Copies as many fields of `known` into `given` as it has room for, but for its size. */
void de_sized_write(void *given, const void *known, size_t size);

#endif
