#include "files.h"

#include "fail.h"
#include "interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool cli_is_standard(const char *path)
{
    return strcmp(path, "-") == 0;
}

char *cli_join_path(const char *folder, const char *name)
{
    size_t size = strlen(folder) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", folder, name);
    return path;
}

bool cli_same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;
    return stat(a, &of_a) == 0 && stat(b, &of_b) == 0 && of_a.st_dev == of_b.st_dev &&
           of_a.st_ino == of_b.st_ino;
}

/* ---- writing ---- */

static diffedit_status fail_to_write(const char *path, diffedit_error *error)
{
    return cli_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be written: %s", path, strerror(errno));
}

diffedit_status cli_check_folder(const char *path, diffedit_error *error)
{
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
    if (!folder)
        return cli_fail_memory(error);
    diffedit_status status = DIFFEDIT_OK;
    struct stat found;
    if (access(folder, W_OK | X_OK) != 0)
        status = fail_to_write(path, error);
    else if (stat(path, &found) == 0 && S_ISDIR(found.st_mode)) {
        errno = EISDIR;
        status = fail_to_write(path, error);
    }
    free(folder);
    return status;
}

diffedit_status cli_file_create(de_new_file *file, const char *path, diffedit_error *error)
{
    if (!cli_is_standard(path))
        return de_new_file_create(file, path, error);
    fflush(stdout); /* what was printed stands before it */
    *file = de_new_file_around(STDOUT_FILENO, "standard output");
    return DIFFEDIT_OK;
}

/* ---- reading ---- */

diffedit_status cli_read_standard_input(void **bytes, size_t *size, diffedit_error *error)
{
    size_t capacity = 1 << 20, used = 0;
    char *buffer = malloc(capacity);
    while (buffer) {
        ssize_t count = read(STDIN_FILENO, buffer + used, capacity - used);
        if (count == 0) {
            *bytes = buffer;
            *size = used;
            return DIFFEDIT_OK;
        }
        if (count < 0) {
            free(buffer);
            return cli_interrupted() ? cli_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted")
                                     : cli_fail(error, DIFFEDIT_ERROR_FILE, "standard input: %s",
                                                strerror(errno));
        }
        used += (size_t)count;
        if (used == capacity) {
            char *larger = realloc(buffer, capacity *= 2);
            if (!larger)
                free(buffer);
            buffer = larger;
        }
    }
    return cli_fail_memory(error);
}
