/* What a model is called by a folder of results, and between a batch and its workers: whatever
 * computes other results is called something else, wherever its files lie. */
#ifndef BATCH_MODEL_TEXT_H
#define BATCH_MODEL_TEXT_H

#include <stdbool.h>

#include "common/error.h"

/* "sd-v1-5.safetensors@0123456789ab, LoRA a.safetensors@ba9876543210=0.5": the last part of each
 * name or path, and a hash of the files, which are read: small ones whole, of others their size and
 * 1024 blocks of 64 KiB. A part whose files are not here may be named by such a text. `name` as it
 * was given, NULL: the pocket model; `path` where it was found, NULL: it was not. *text is freed by
 * the caller. Errors: FILE, MEMORY. */
diffedit_status model_text(char **text, const char *name, const char *path,
                           const diffedit_model_settings *settings, diffedit_error *error);
/* Whether a name is "NAME@HASH". */
bool model_text_is(const char *name);

#endif
