/* A file that appears whole or not at all: it is written under another name in the same folder, and
 * renamed at the end. The library and the command write every result this way. */
#ifndef DE_NEW_FILE_H
#define DE_NEW_FILE_H

#include <stdbool.h>

#include "common/error.h"

typedef struct de_new_file {
    const char *path; /* borrowed; what messages say */
    char *target;     /* where links lead; owned, as all of these */
    char *temporary;  /* NULL: the bytes go straight to the target */
    int descriptor;
    bool stays_open; /* the descriptor is the caller's */
} de_new_file;

/* A symbolic link stays, and what it points to is written. A file that is replaced gives its mode
 * to the new one. A pipe or a device is written into; a pipe that nobody reads within 10 s fails.
 * Errors: FILE, MEMORY, CANCELLED (a signal); there is then nothing to finish. */
diffedit_status de_new_file_create(de_new_file *file, const char *path, diffedit_error *error);
/* Whether de_new_file_create() and a first byte would succeed now; leaves nothing behind. To be
 * called before long work. Errors: as above. */
diffedit_status de_new_file_check(const char *path, diffedit_error *error);
/* A stream instead of a file: the descriptor stays open, and messages use `name`. */
de_new_file de_new_file_around(int descriptor, const char *name);
/* Errors: FILE. */
diffedit_status de_new_file_write(de_new_file *file, const void *bytes, size_t size,
                                  diffedit_error *error);
/* To be called once, at the end. If `status`, that of writing the file, is OK, the file is renamed
 * into place; otherwise it is removed. Returns `status`, or FILE if renaming fails. */
diffedit_status de_new_file_finish(de_new_file *file, diffedit_status status,
                                   diffedit_error *error);

/* Whether two paths name one file, or would when it is there, under whatever spelling. */
bool de_same_file(const char *a, const char *b);
/* The name that this process gives an unfinished file first (".diffedit-PID.part" in the target's
 * folder); freed by the caller, NULL if memory is short. */
char *de_new_file_temporary(const char *path);
/* Makes last what was made or renamed in a folder: `path` from `folder`, a descriptor or AT_FDCWD.
 * False and errno on failure. */
bool de_sync_folder(int folder, const char *path);
/* Writes all bytes; false and errno on failure. */
bool de_write_all(int descriptor, const void *bytes, size_t size);

#endif
