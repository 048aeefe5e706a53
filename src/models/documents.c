#include "models/documents.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void de_document_path(char path[DE_DOCUMENT_PATH], const de_documents *from, const char *name)
{
    int length = snprintf(path, DE_DOCUMENT_PATH, from->notes ? "%s: %s" : "%s/%s", from->path,
                          name);
    if (length >= DE_DOCUMENT_PATH)
        path[0] = '\0'; /* too long a path is not found */
}

bool de_document_exists(const de_documents *from, const char *name)
{
    char path[DE_DOCUMENT_PATH];
    if (from->notes)
        return de_table_note(from->notes, name) != NULL;
    de_document_path(path, from, name);
    return access(path, F_OK) == 0;
}

/* All of a stream, as long as it is no larger than such a text can be. */
static diffedit_status read_stream(char **text, size_t *size, FILE *file, const char *path,
                                   diffedit_error *error)
{
    enum { MOST_BYTES = 64 << 20, STEP = 1 << 20 };
    char *bytes = NULL;
    size_t used = 0, capacity = 0;
    do {
        char *grown = capacity < MOST_BYTES ? realloc(bytes, (capacity += STEP) + 1) : NULL;
        if (!grown) {
            free(bytes);
            return capacity < MOST_BYTES
                       ? de_fail_memory(error, capacity, path)
                       : de_fail(error, DIFFEDIT_ERROR_MODEL,
                                 "%s: expected at most %d bytes, found more", path, MOST_BYTES);
        }
        bytes = grown;
        used += fread(bytes + used, 1, capacity - used, file);
    } while (used == capacity);
    if (ferror(file)) {
        free(bytes);
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be read: %s", path, strerror(errno));
    }
    bytes[used] = '\0';
    *text = bytes;
    *size = used;
    return DIFFEDIT_OK;
}

static diffedit_status read_file(char **text, size_t *size, const char *path, diffedit_error *error)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be opened: %s", path,
                       strerror(errno));
    diffedit_status status = read_stream(text, size, file, path, error);
    fclose(file);
    return status;
}

diffedit_status de_document_read(char **text, size_t *size, const de_documents *from,
                                 const char *name, diffedit_error *error)
{
    char path[DE_DOCUMENT_PATH];
    de_document_path(path, from, name);
    if (!from->notes)
        return read_file(text, size, path, error);
    const char *note = de_table_note(from->notes, name);
    if (!note)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s is missing", path);
    *text = strdup(note);
    *size = strlen(note);
    return *text ? DIFFEDIT_OK : de_fail_memory(error, *size, path);
}

diffedit_status de_document_read_json(json_t **json, const de_documents *from, const char *name,
                                      diffedit_error *error)
{
    char *text, path[DE_DOCUMENT_PATH];
    size_t size;
    diffedit_status status = de_document_read(&text, &size, from, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    json_error_t reason;
    json_t *read = json_loadb(text, size, JSON_REJECT_DUPLICATES, &reason);
    free(text);
    if (json_is_object(read)) {
        *json = read;
        return DIFFEDIT_OK;
    }
    de_document_path(path, from, name);
    status = de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: expected a JSON object: %.200s", path,
                     read ? "found another type" : reason.text);
    json_decref(read);
    return status;
}
