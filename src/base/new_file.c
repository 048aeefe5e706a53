#include "base/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static diffedit_status fail(const char *path, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be written: %s", path, strerror(errno));
}

diffedit_status de_new_file_create(de_new_file *file, const char *path, diffedit_error *error)
{
    size_t length = strlen(path) + 32;
    *file = (de_new_file){.path = path, .temporary = malloc(length)};
    if (!file->temporary)
        return de_fail_memory(error, length, "a path");
    snprintf(file->temporary, length, "%s.%ld.part", path, (long)getpid());
    file->descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file->descriptor >= 0)
        return DIFFEDIT_OK;
    diffedit_status status = fail(path, error);
    free(file->temporary);
    return status;
}

diffedit_status de_new_file_write(de_new_file *file, const void *bytes, size_t size,
                                  diffedit_error *error)
{
    for (size_t at = 0; at < size;) {
        ssize_t step = write(file->descriptor, (const char *)bytes + at, size - at);
        if (step < 0 && errno == EINTR)
            continue;
        if (step <= 0)
            return fail(file->path, error);
        at += (size_t)step;
    }
    return DIFFEDIT_OK;
}

diffedit_status de_new_file_commit(de_new_file *file, diffedit_error *error)
{
    int failed = close(file->descriptor);
    file->descriptor = -1;
    if (failed || rename(file->temporary, file->path) != 0) {
        diffedit_status status = fail(file->path, error);
        de_new_file_discard(file);
        return status;
    }
    free(file->temporary);
    return DIFFEDIT_OK;
}

void de_new_file_discard(de_new_file *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    unlink(file->temporary);
    free(file->temporary);
}
