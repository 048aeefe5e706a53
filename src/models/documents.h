/* The small texts of a model (configs, vocabulary, hints): files of its folder, or, where the model
 * is one packed file, the notes of that file under the same names. */
#ifndef DE_DOCUMENTS_H
#define DE_DOCUMENTS_H

#include "weights/table.h"

#include <jansson.h>

/* Borrows both. */
typedef struct de_documents {
    const char *path;      /* the folder, or the packed file */
    const de_table *notes; /* of the packed file; NULL: a folder */
} de_documents;

enum { DE_DOCUMENT_PATH = 4200 };

/* What messages call a document: its path, or the packed file's with the name behind it. */
void de_document_path(char path[DE_DOCUMENT_PATH], const de_documents *from, const char *name);
bool de_document_exists(const de_documents *from, const char *name);
/* *text is freed by the caller: `size` bytes and a zero behind them. Errors: FILE, MODEL (too
 * large), MEMORY. */
diffedit_status de_document_read(char **text, size_t *size, const de_documents *from,
                                 const char *name, diffedit_error *error);
/* A document that must be a JSON object without two values of one name. Errors: as above, MODEL. */
diffedit_status de_document_read_json(json_t **json, const de_documents *from, const char *name,
                                      diffedit_error *error);

#endif
