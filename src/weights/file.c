#include "weights/file.h"

#include "weights/checkpoint.h"
#include "weights/safetensors.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct de_weight_file {
    char *path;
    int descriptor;       /* -1: none */
    unsigned char *bytes; /* the mapped file, [size] */
    size_t size;
    de_table table;
    int holders;
};

static diffedit_status fail_file(diffedit_error *error, const char *path, const char *what)
{
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: %s: %s", path, what, strerror(errno));
}

static diffedit_status map(de_weight_file *file, diffedit_error *error)
{
    struct stat info;
    file->descriptor = open(file->path, O_RDONLY | O_CLOEXEC);
    if (file->descriptor < 0)
        return fail_file(error, file->path, "cannot be opened");
    if (fstat(file->descriptor, &info) != 0)
        return fail_file(error, file->path, "cannot be read");
    if (S_ISDIR(info.st_mode))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: expected a file, found a folder",
                       file->path);
    if (!S_ISREG(info.st_mode))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: not a regular file", file->path);
    if (info.st_size == 0)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: the file is empty", file->path);
    if ((uintmax_t)info.st_size > SIZE_MAX)
        return de_fail(error, DIFFEDIT_ERROR_MODEL, "%s: the file is too large for this machine",
                       file->path);
    void *bytes = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_PRIVATE, file->descriptor, 0);
    if (bytes == MAP_FAILED)
        return fail_file(error, file->path, "cannot be mapped");
    file->bytes = bytes;
    file->size = (size_t)info.st_size;
    return DIFFEDIT_OK;
}

/* ---- names ---- */

static diffedit_status rename_entry(de_table *table, de_table_entry *entry, const char *name,
                                    diffedit_error *error)
{
    size_t size = strlen(entry->name) + 1;
    char *copy = strdup(name), *kept = entry->in_file ? NULL : de_table_allocate(table, size);
    if (!copy || (!kept && !entry->in_file)) {
        free(copy);
        return de_fail_memory(error, size, "a tensor's name");
    }
    if (kept)
        entry->in_file = memcpy(kept, entry->name, size);
    free(entry->name);
    entry->name = copy;
    return DIFFEDIT_OK;
}

diffedit_status de_weight_file_rename(de_weight_file *file, de_rename_fn rename, const void *user,
                                      diffedit_error *error)
{
    de_table *table = &file->table;
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < table->count && status == DIFFEDIT_OK; i++) {
        char name[DE_TENSOR_NAME];
        if (rename(user, table->entries[i].name, name))
            status = rename_entry(table, &table->entries[i], name, error);
    }
    return status == DIFFEDIT_OK ? de_table_sort(table, file->path, error) : status;
}

static bool is_wrapper(const char *part, size_t length)
{
    static const char *const wrappers[] = {"module",
                                           "_orig_mod",
                                           "state_dict",
                                           "_forward_module",
                                           "_fsdp_wrapped_module",
                                           "_checkpoint_wrapped_module"};
    for (size_t i = 0; i < sizeof wrappers / sizeof *wrappers; i++)
        if (length == strlen(wrappers[i]) && memcmp(part, wrappers[i], length) == 0)
            return true;
    return false;
}

/* torch's modules for several devices, compiled ones and others keep the network as a part of
 * theirs, which then stands in all names: `module.conv_in.weight`. */
static bool without_wrappers(const void *user, const char *name, char plain[DE_TENSOR_NAME])
{
    size_t length = 0;
    bool found = false;
    (void)user;
    if (strlen(name) >= DE_TENSOR_NAME)
        return false;
    for (const char *dot; (dot = strchr(name, '.')); name = dot + 1) {
        size_t part = (size_t)(dot - name) + 1;
        if (is_wrapper(name, part - 1)) {
            found = true;
            continue;
        }
        memcpy(plain + length, name, part);
        length += part;
    }
    memcpy(plain + length, name, strlen(name) + 1);
    return found;
}

/* ---- the whole ---- */

diffedit_status de_weight_file_open(de_weight_file **file, const char *path, diffedit_error *error)
{
    de_weight_file *new = calloc(1, sizeof *new);
    if (!new || !(new->path = strdup(path))) {
        free(new);
        return de_fail_memory(error, sizeof *new + strlen(path), "a weight file");
    }
    new->holders = 1;
    new->descriptor = -1;
    diffedit_status status = map(new, error);
    if (status == DIFFEDIT_OK)
        status = de_checkpoint_begins(new->bytes, new->size)
                     ? de_checkpoint_read(&new->table, path, new->bytes, new->size, error)
                     : de_safetensors_read(&new->table, path, new->bytes, new->size, error);
    if (status == DIFFEDIT_OK)
        status = de_weight_file_rename(new, without_wrappers, NULL, error);
    if (status != DIFFEDIT_OK) {
        de_weight_file_release(new);
        return status;
    }
    *file = new;
    return DIFFEDIT_OK;
}

de_weight_file *de_weight_file_hold(de_weight_file *file)
{
    file->holders++;
    return file;
}

void de_weight_file_release(de_weight_file *file)
{
    if (!file || --file->holders > 0)
        return;
    de_table_free(&file->table);
    if (file->bytes)
        munmap(file->bytes, file->size);
    if (file->descriptor >= 0)
        close(file->descriptor);
    free(file->path);
    free(file);
}

const char *de_weight_file_path(const de_weight_file *file)
{
    return file->path;
}

const de_table *de_weight_file_table(const de_weight_file *file)
{
    return &file->table;
}

diffedit_status de_weight_file_check_size(const de_weight_file *file, diffedit_error *error)
{
    struct stat info;
    if (fstat(file->descriptor, &info) != 0)
        return fail_file(error, file->path, "cannot be read");
    if ((uintmax_t)info.st_size < file->size)
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "%s: the file had %zu bytes when it was opened, and now has %jd", file->path,
                       file->size, (intmax_t)info.st_size);
    return DIFFEDIT_OK;
}
