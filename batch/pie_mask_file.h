/* A mask that is run lengths as a file, for an edit that is to use it. */
#ifndef BATCH_PIE_MASK_FILE_H
#define BATCH_PIE_MASK_FILE_H

#include "outdir.h"
#include "task.h"

/* Writes the mask as a PNG into the folder, named by its content, unless it is there. *path is
 * absolute and freed by the caller. Without a folder (NULL) only the hash is found, and *path is
 * the name. Errors: ARGUMENT (no run lengths), FILE, MEMORY. */
diffedit_status pie_mask_file(char **path, char hash[TASK_HASH], struct outdir *outdir,
                              const char *runs, diffedit_error *error);

#endif
