/* The zip format (PKWARE's APPNOTE), as far as torch writes it: uncompressed entries (others are
 * recognised, not read), 64-bit sizes and offsets, data descriptors, padding before the data. Every
 * number is checked against the file before it is used. */
#ifndef DE_ZIP_H
#define DE_ZIP_H

#include "base/base.h"

typedef struct de_zip_entry {
    const char *name; /* [name_length], not terminated, borrowed from the file */
    size_t name_length;
    const unsigned char *data; /* [size], compressed unless `stored` */
    size_t size;
    bool stored;
    size_t begin; /* of its header in the file */
} de_zip_entry;

typedef struct de_zip {
    de_zip_entry *entries; /* [count], owned, sorted by name */
    size_t count;
} de_zip;

/* Whether a file begins like a zip archive. */
bool de_zip_begins(const unsigned char *bytes, size_t size);
/* Reads the directory of a file's `size` bytes, which `zip` then borrows: every entry lies in the
 * file, and no two overlap or have one name. Errors: MODEL, MEMORY; `zip` is then empty. */
diffedit_status de_zip_read(de_zip *zip, const char *path, const unsigned char *bytes, size_t size,
                            diffedit_error *error);
void de_zip_free(de_zip *zip);
/* NULL: no such entry */
const de_zip_entry *de_zip_find(const de_zip *zip, const char *name, size_t length);

#endif
