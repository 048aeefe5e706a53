/* All bytes of a file or a pipe. */
#ifndef DE_READ_ALL_H
#define DE_READ_ALL_H

#include <stdbool.h>

#include "common/error.h"

/* Waits until there is something to read, or the end of it; false: a signal says to stop. */
typedef bool de_wait_fn(int descriptor);

/* *bytes, `size` of them, is freed by the caller. A pipe or a device is read to its end; memory
 * grows with what came. `name` is what messages say; `wait` may be NULL: then reading waits.
 * Errors: FILE, MEMORY, CANCELLED (a signal came while waiting). */
diffedit_status de_read_all(void **bytes, size_t *size, int descriptor, const char *name,
                            de_wait_fn *wait, diffedit_error *error);
/* The same of a path. Errors: as above, FILE for a folder. */
diffedit_status de_read_file(void **bytes, size_t *size, const char *path, diffedit_error *error);

#endif
