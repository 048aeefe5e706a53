/* A target reads any bytes at all, and aborts where a parser believed a lie. libFuzzer drives it
 * (./run fuzz), or replay.c with the files of the corpus and those that once did harm (./run test).
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "models/documents.h"
#include "weights/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The bytes as a file, for readers that open one: a document without a folder of its own. The same
 * file every time. */
de_documents fuzz_folder(void);
const char *fuzz_document(int number, const uint8_t *bytes, size_t size);
typedef diffedit_status fuzz_reader(de_table *table, const char *path, const unsigned char *bytes,
                                    size_t size, diffedit_error *error);
/* Reads a file of arrays. Aborts unless they lie in the file, or in the table's memory where they
 * say so. */
void fuzz_read_table(fuzz_reader *read, const uint8_t *bytes, size_t size);
/* Aborts unless a failure came with a sentence. */
void fuzz_check_error(diffedit_status status, const diffedit_error *error);

#endif
