#include "files.h"

#include "fail.h"
#include "interrupt.h"

#include <errno.h>
#include <fcntl.h>
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

diffedit_status cli_file_create(cli_file *file, const char *path, diffedit_error *error)
{
    *file = (cli_file){.path = path, .stream = stdout};
    if (cli_is_standard(path))
        return DIFFEDIT_OK;
    size_t size = strlen(path) + sizeof ".XXXXXX";
    file->temporary = malloc(size);
    if (!file->temporary)
        return cli_fail_memory(error);
    snprintf(file->temporary, size, "%s.XXXXXX", path);
    int descriptor = mkstemp(file->temporary);
    file->stream = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (file->stream) {
        /* mkstemp makes private files; a result has the rights of any other new file */
        mode_t mask = umask(0);
        umask(mask);
        fchmod(descriptor, 0666 & ~mask);
        cli_interrupt_remove(file->temporary);
        return DIFFEDIT_OK;
    }
    diffedit_status status = fail_to_write(path, error);
    if (descriptor >= 0) {
        close(descriptor);
        unlink(file->temporary);
    }
    free(file->temporary);
    return status;
}

diffedit_status cli_file_commit(cli_file *file, diffedit_error *error)
{
    bool written = !ferror(file->stream) && fflush(file->stream) == 0;
    if (!file->temporary)
        return written ? DIFFEDIT_OK : fail_to_write("standard output", error);
    written = fclose(file->stream) == 0 && written && rename(file->temporary, file->path) == 0;
    diffedit_status status = DIFFEDIT_OK;
    if (!written) {
        status = fail_to_write(file->path, error);
        unlink(file->temporary);
    }
    cli_interrupt_remove(NULL);
    free(file->temporary);
    return status;
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
