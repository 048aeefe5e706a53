/* The data folder: content-addressed files, each there whole or not at all, and copies of pictures
 * that can be made again. Which files mean what is the store's to know. */
#ifndef SERVER_FILES_H
#define SERVER_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

enum { FILES_ID = 33 }; /* the first 32 hex digits of the SHA-256 of a file's bytes */

struct files;

/* A file that is written and synced, and has no place yet. */
typedef struct files_draft {
    char id[FILES_ID];
    int64_t size;
    char *temporary; /* its path; NULL: none */
} files_draft;

/* Opens the folder, which is made where it is missing (0700), removes what a crash left half done,
 * and keeps other servers out of it. Errors: ARGUMENT (another server's, or a folder of other
 * things), FILE, MEMORY. */
diffedit_status files_open(struct files **opened, const char *folder, diffedit_error *error);
void files_close(struct files *files);
/* The path of a file of this name in the folder itself; freed by the caller, NULL: memory. */
char *files_beside(const struct files *files, const char *name);

/* Writes and syncs a file. To be followed by files_settle() or files_drop(). Errors: FILE, MEMORY.
 */
diffedit_status files_write(files_draft *draft, struct files *files, const void *bytes, size_t size,
                            diffedit_error *error);
void files_drop(files_draft *draft);

/* Whoever gives a file its place and its row, or takes both away, holds this lock meanwhile. */
void files_lock(struct files *files);
void files_unlock(struct files *files);
/* Renames a draft into its place and syncs the folder; with the lock. A file with these bytes may
 * be there. Errors: FILE, MEMORY. */
diffedit_status files_settle(struct files *files, files_draft *draft, diffedit_error *error);
/* Removes a file and its copies; with the lock. */
void files_remove(struct files *files, const char *id);

/* Opens a file for reading; the caller closes it. Errors: FILE. */
diffedit_status files_descriptor(int *descriptor, const struct files *files, const char *id,
                                 diffedit_error *error);
/* All of its bytes, freed by the caller. Errors: FILE, MEMORY. */
diffedit_status files_read(void **bytes, size_t *size, const struct files *files, const char *id,
                           diffedit_error *error);
/* Its path; freed by the caller, NULL: memory. */
char *files_path(const struct files *files, const char *id);

/* ---- copies ---- */

/* Opens the copy `kind` ("screen", "thumbnail") of a file; -1: not made yet. */
int files_copy_descriptor(const struct files *files, const char *id, const char *kind);
/* Errors: FILE (also: the file itself was removed meanwhile), MEMORY. */
diffedit_status files_copy_write(struct files *files, const char *id, const char *kind,
                                 const void *bytes, size_t size, diffedit_error *error);
/* Bytes of all copies. */
int64_t files_copy_bytes(struct files *files);

/* ---- at the start ---- */

/* Goes through all files with the lock; those that `known` does not want are removed with their
 * copies. Returns how many. */
typedef bool files_known_fn(void *user, const char *id);
int64_t files_sweep(struct files *files, files_known_fn *known, void *user);

#endif
