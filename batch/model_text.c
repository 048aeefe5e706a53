#include "model_text.h"

#include "sha256.h"

#include "common/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

enum { DIGITS = 12 };

/* A hash of files as it grows. */
typedef struct hashing {
    EVP_MD_CTX *context;
    char path[PATH_MAX]; /* of the file that is read, or could not be */
    bool has_weights;
} hashing;

/* Makes FOLDER/NAME the path. */
static const char *go_to(hashing *at, const char *folder, const char *name)
{
    int length = snprintf(at->path, sizeof at->path, "%s/%s", folder, name);
    if (length < 0 || (size_t)length >= sizeof at->path)
        at->path[0] = '\0'; /* which is not found */
    return at->path;
}

/* ---- a file ---- */

/* Adds blocks from all of it: files of one kind differ in most of their bytes, or in none. */
static bool add_blocks(hashing *at, int file, off_t size)
{
    enum { BLOCK = 1 << 16, BLOCKS = 1024 };
    off_t step = size / BLOCKS > BLOCK ? size / BLOCKS : BLOCK;
    char *bytes = malloc(BLOCK);
    bool added = bytes != NULL;
    EVP_DigestUpdate(at->context, &(int64_t){size}, sizeof(int64_t));
    for (off_t begin = 0; begin < size && added; begin += step) {
        size_t wanted = size - begin < BLOCK ? (size_t)(size - begin) : BLOCK, got = 0;
        ssize_t more = 1;
        for (; got < wanted && more > 0; got += more > 0 ? (size_t)more : 0)
            more = pread(file, bytes + got, wanted - got, begin + (off_t)got);
        added = got == wanted && EVP_DigestUpdate(at->context, bytes, got) == 1;
    }
    free(bytes);
    return added;
}

/* Adds the file at the path. */
static bool add_file(hashing *at)
{
    struct stat found;
    int file = open(at->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    errno = file < 0 ? errno : EINVAL;
    bool added = file >= 0 && fstat(file, &found) == 0 && S_ISREG(found.st_mode) &&
                 add_blocks(at, file, found.st_size);
    int number = errno;
    if (file >= 0)
        close(file);
    errno = number;
    return added;
}

/* Adds a file that may be missing, with its name. */
static bool add_document(hashing *at, const char *folder, const char *name)
{
    if (access(go_to(at, folder, name), F_OK) != 0)
        return true;
    EVP_DigestUpdate(at->context, name, strlen(name) + 1);
    return add_file(at);
}

/* ---- a folder ---- */

static bool folder_has(const void *folder, const char *name)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", (const char *)folder, name);
    return length > 0 && (size_t)length < sizeof path && access(path, F_OK) == 0;
}

/* Adds the files that an index names, which is at the path. */
static bool add_shards(hashing *at, const char *folder)
{
    bool added = true;
    const char *tensor, *name;
    json_t *file, *once = json_object(), *ignored;
    json_t *index = json_load_file(at->path, 0, NULL);
    json_object_foreach (json_object_get(index, "weight_map"), tensor, file)
        if (json_is_string(file))
            json_object_set_new(once, json_string_value(file), json_null());
    json_object_foreach (once, name, ignored) {
        if (!added)
            break;
        go_to(at, folder, name);
        added = add_file(at);
    }
    json_decref(once);
    json_decref(index);
    return added;
}

/* Adds a network's weights, those that the library would choose. */
static bool add_weights(hashing *at, const char *folder, de_part part)
{
    char name[DE_LAYOUT_NAME];
    if (!de_layout_find_weights(name, part, NULL, folder_has, folder))
        return true;
    at->has_weights = true;
    go_to(at, folder, name);
    return add_file(at) && (!de_layout_is_index(name) || add_shards(at, folder));
}

/* Adds a model's folder, or that of a network alone. */
static bool add_folder(hashing *at, const char *folder)
{
    char inner[PATH_MAX];
    bool added = add_document(at, folder, DE_LAYOUT_CONFIG);
    for (const de_layout_document *d = de_layout_documents; d->name && added; d++)
        added = add_document(at, folder, d->name);
    for (de_part part = 0; part < DE_PART_COUNT && added; part++) {
        snprintf(inner, sizeof inner, "%s", go_to(at, folder, de_layout_parts[part].folder));
        added = add_weights(at, inner, part) && (part == DE_PART_UNET /* its names are the VAE's */
                                                 || add_weights(at, folder, part));
    }
    if (added && !at->has_weights) {
        go_to(at, folder, DE_LAYOUT_INDEX);
        errno = ENOENT;
    }
    return added && at->has_weights;
}

/* ---- the text ---- */

static bool add_any(hashing *at, const char *path)
{
    struct stat found;
    char snapshot[DE_LAYOUT_NAME], inner[PATH_MAX];
    snprintf(at->path, sizeof at->path, "%s", path);
    if (stat(path, &found) != 0 || !S_ISDIR(found.st_mode))
        return add_file(at);
    if (!folder_has(path, "snapshots") || !de_layout_find_snapshot(snapshot, path))
        return add_folder(at, path);
    snprintf(inner, sizeof inner, "%s", go_to(at, path, snapshot));
    return add_folder(at, inner);
}

bool model_text_is(const char *name)
{
    const char *hash = strrchr(name, '@');
    return hash && strlen(hash + 1) == DIGITS && strspn(hash + 1, "0123456789abcdef") == DIGITS;
}

/* Writes "WHAT NAME@HASH" of a part. */
static diffedit_status add_part(FILE *to, const char *what, const char *name, const char *path,
                                diffedit_error *error)
{
    char hash[SHA256_TEXT];
    size_t end = strlen(name);
    while (end > 1 && name[end - 1] == '/')
        end--;
    size_t begin = end;
    while (begin > 0 && name[begin - 1] != '/')
        begin--;
    fprintf(to, "%s%.*s", what, (int)(end - begin), name + begin);
    if (model_text_is(name) && access(path, F_OK) != 0)
        return DIFFEDIT_OK;
    hashing *at = calloc(1, sizeof *at);
    if (!at || !(at->context = sha256_begin())) {
        free(at);
        return de_fail_memory(error, sizeof *at, "a hash");
    }
    diffedit_status status = DIFFEDIT_OK;
    if (!add_any(at, path))
        status = de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be read: %s", at->path,
                         strerror(errno));
    sha256_end(hash, at->context);
    free(at);
    fprintf(to, "@%.*s", DIGITS, hash);
    return status;
}

static diffedit_status add_parts(FILE *to, const char *name, const char *path,
                                 const diffedit_model_settings *settings, diffedit_error *error)
{
    static const char *const predictions[] = {"", ", prediction epsilon", ", prediction v"};
    name = name ? name : "pocket";
    diffedit_status status = add_part(to, "", name, path ? path : name, error);
    if (status == DIFFEDIT_OK && settings->vae)
        status = add_part(to, ", VAE ", settings->vae, settings->vae, error);
    if (status == DIFFEDIT_OK && settings->text_encoder)
        status = add_part(to, ", text encoder ", settings->text_encoder, settings->text_encoder,
                          error);
    for (size_t i = 0; i < settings->lora_count && status == DIFFEDIT_OK; i++) {
        const char *lora = settings->lora[i]->path;
        status = add_part(to, ", LoRA ", lora, lora, error);
        fprintf(to, "=%.6g", (double)settings->lora[i]->weight);
    }
    size_t kind = (size_t)settings->prediction;
    if (kind < sizeof predictions / sizeof *predictions)
        fputs(predictions[kind], to);
    if (settings->flags & DIFFEDIT_MODEL_NO_EMA)
        fputs(", no EMA", to);
    return status;
}

diffedit_status model_text(char **text, const char *name, const char *path,
                           const diffedit_model_settings *settings, diffedit_error *error)
{
    char *written = NULL;
    size_t size;
    FILE *to = open_memstream(&written, &size);
    if (!to)
        return de_fail_memory(error, 1, "a model's name");
    diffedit_status status = add_parts(to, name, path, settings, error);
    bool failed = ferror(to);
    failed = fclose(to) != 0 || failed;
    if (status == DIFFEDIT_OK && failed)
        status = de_fail_memory(error, 1, "a model's name");
    if (status == DIFFEDIT_OK)
        *text = written;
    else
        free(written);
    return status;
}
