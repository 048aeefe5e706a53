/* The folder of a batch's results. One process at a time works in it, or on a shard of it. */
#ifndef BATCH_OUTDIR_H
#define BATCH_OUTDIR_H

#include "common/error.h"

#include <stdbool.h>
#include <stdio.h>

struct outdir;

/* Opens the folder, which is made where it is missing, for the batch `name` ("batch", or
 * "batch-1-of-4"), and keeps other processes from that name. Errors: FILE (also: another works on
 * it), MEMORY. */
diffedit_status outdir_open(struct outdir **opened, const char *folder, const char *name,
                            diffedit_error *error);
/* Takes NULL. */
void outdir_close(struct outdir *outdir);
const char *outdir_folder(const struct outdir *outdir);
/* "FOLDER/file", freed by the caller; NULL: memory. */
char *outdir_path(const struct outdir *outdir, const char *file);
bool outdir_has(const struct outdir *outdir, const char *file);
/* Writes a file whole: it is there after a crash, or not at all. One thread at a time. Errors:
 * FILE. */
diffedit_status outdir_write(struct outdir *outdir, const char *file, const void *bytes,
                             size_t size, diffedit_error *error);

/* The same of a file that is written piece by piece: begins it, and ends it with the status so far,
 * OK: it appears. Nothing else is written between the two. Errors: FILE. */
diffedit_status outdir_begin(FILE **stream, struct outdir *outdir, diffedit_error *error);
diffedit_status outdir_end(struct outdir *outdir, FILE *stream, const char *file,
                           diffedit_status status, diffedit_error *error);

#endif
