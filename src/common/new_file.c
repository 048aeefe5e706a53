#include "common/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static diffedit_status fail(const char *path, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be written: %s", path, strerror(errno));
}

char *de_new_file_temporary(const char *path)
{
    size_t size = strlen(path) + 32;
    char *temporary = malloc(size);
    if (temporary)
        snprintf(temporary, size, "%s.%ld.part", path, (long)getpid());
    return temporary;
}

/* Whether there is something that a rename would replace by another kind of thing. */
static bool is_special(const char *path)
{
    struct stat found;
    return stat(path, &found) == 0 && !S_ISREG(found.st_mode);
}

diffedit_status de_new_file_create(de_new_file *file, const char *path, diffedit_error *error)
{
    bool special = is_special(path);
    *file = (de_new_file){.path = path};
    if (!special && !(file->temporary = de_new_file_temporary(path)))
        return de_fail_memory(error, strlen(path), "a path");
    file->descriptor = special
                           ? open(path, O_WRONLY | O_CLOEXEC)
                           : open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file->descriptor >= 0)
        return DIFFEDIT_OK;
    diffedit_status status = errno == EEXIST ? de_fail(error, DIFFEDIT_ERROR_FILE,
                                                       "%s: cannot be written: %s exists", path,
                                                       file->temporary)
                                             : fail(path, error);
    free(file->temporary);
    return status;
}

de_new_file de_new_file_around(int descriptor, const char *name)
{
    return (de_new_file){.path = name, .descriptor = descriptor, .stays_open = true};
}

bool de_write_all(int descriptor, const void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t step = write(descriptor, (const char *)bytes + at, size - at);
        if (step < 0 && errno == EINTR)
            continue;
        if (step <= 0)
            return false;
        at += (size_t)step;
    }
    return true;
}

diffedit_status de_new_file_write(de_new_file *file, const void *bytes, size_t size,
                                  diffedit_error *error)
{
    return de_write_all(file->descriptor, bytes, size) ? DIFFEDIT_OK : fail(file->path, error);
}

diffedit_status de_new_file_finish(de_new_file *file, diffedit_status status, diffedit_error *error)
{
    bool closed = file->stays_open || close(file->descriptor) == 0;
    if (status == DIFFEDIT_OK &&
        (!closed || (file->temporary && rename(file->temporary, file->path) != 0)))
        status = fail(file->path, error);
    if (status != DIFFEDIT_OK && file->temporary)
        unlink(file->temporary);
    free(file->temporary);
    return status;
}
