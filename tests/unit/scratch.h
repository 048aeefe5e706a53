/* A folder for the files of a test. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include <stddef.h>

/* Makes the folder; main() calls it once, before any test. */
void scratch_make(void);
void scratch_remove(void);
/* Makes it the working directory, for the rest of the process. */
void scratch_enter(void);
/* How many files there are. */
int scratch_count(void);
/* FOLDER/name; static storage, overwritten by the next call */
const char *scratch_path(const char *name);
/* Writes a file and returns its path, as scratch_path(). */
const char *scratch_write(const char *name, const void *bytes, size_t size);
const char *scratch_write_text(const char *name, const char *text);

/* Writes a PNG of three channels, 8 bit, on which no two pixels of a row are equal; `record` as in
 * diffedit_save_options. Only for tests that link the whole library. */
const char *scratch_picture(const char *name, int width, int height, const char *record);

#endif
