/* A depot: where the pictures and results of many machines lie, by relative names. It is a folder
 * that the machines share, or a bucket of an S3-compatible store. What lies there never changes:
 * whoever adds a name first wins, and a file is there whole or not at all.
 *
 * Names come from a queue, files from whoever writes into the depot: both are hostile. A name can
 * lead nowhere but below the depot's root, and nothing is allocated before its size is checked.
 *
 * All functions but depot_open(), depot_stop_when() and depot_close() may be called by any number
 * of threads at the same time. */
#ifndef BATCH_DEPOT_H
#define BATCH_DEPOT_H

#include <stdbool.h>
#include <stddef.h>

#include <diffedit/diffedit.h>

struct depot;

enum {
    DEPOT_NAME = 512,    /* bytes of the longest name */
    DEPOT_FILE = 1 << 29 /* bytes of the largest file that a batch or a worker reads */
};

/* `where` is the path of a folder that is there, or "s3://BUCKET" or "s3://BUCKET/PREFIX", whose
 * endpoint, region and keys stand in the environment (AWS_...; docs/SCALING.md). A store is not
 * asked anything yet. The depot is closed by the caller. Errors: ARGUMENT (`where` or the
 * environment), FILE, MEMORY. */
diffedit_status depot_open(struct depot **depot, const char *where, diffedit_error *error);
void depot_close(struct depot *depot);
/* From now on, waiting and transfers end within a second when `stop` returns true: CANCELLED. To be
 * called before any other thread uses the depot; `stop` is called by all of them. */
typedef bool depot_stop_fn(void *user);
void depot_stop_when(struct depot *depot, depot_stop_fn *stop, void *user);
/* Asks a store something, so that keys which it refuses are told of before there is work. One that
 * cannot be asked now may be there later. Errors: FILE (it refuses them). */
diffedit_status depot_try(struct depot *depot, diffedit_error *error);

/* Whether a name is one: relative, UTF-8, up to DEPOT_NAME bytes, components that are not empty,
 * "." or "..", no backslash, no control character. The functions below check it themselves.
 * Errors: FILE. */
diffedit_status depot_check_name(const char *name, diffedit_error *error);
/* The name under which a folder depot has the file at `path`, which may not be there yet (its
 * folder must be), "" for its root; freed by the caller. NULL: no file of this machine is in the
 * depot, because it is a store. Errors: FILE (the path does not lie below the root), MEMORY. */
diffedit_status depot_name_of(char **name, const struct depot *depot, const char *path,
                              diffedit_error *error);

/* All bytes of a file; freed by the caller. Errors: FILE (there is none, or it has more than
 * `limit` bytes, or it is no plain file), MEMORY, CANCELLED. */
diffedit_status depot_read(void **bytes, size_t *size, struct depot *depot, const char *name,
                           size_t limit, diffedit_error *error);
/* Adds a file, with the folders that lead there, and makes it last. *added is false where there was
 * one of this name, which stays as it is; after a broken connection that one may be this call's
 * own. A store that ignores If-None-Match replaces what is there and says true. Errors: FILE,
 * MEMORY, CANCELLED. */
diffedit_status depot_add(bool *added, struct depot *depot, const char *name, const void *bytes,
                          size_t size, diffedit_error *error);
/* Errors: FILE, MEMORY, CANCELLED. */
diffedit_status depot_has(bool *there, struct depot *depot, const char *name,
                          diffedit_error *error);
/* Whether the last call that ended failed for the depot itself: a folder that is gone, full or
 * (for reading) empty, a store that cannot be reached or denies access. Later, or from elsewhere,
 * the same call may succeed. False where it succeeded, or what was asked for is what failed. */
bool depot_is_out(const struct depot *depot);

#endif
