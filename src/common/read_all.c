#include "common/read_all.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static diffedit_status fail(const char *name, const char *what, diffedit_error *error)
{
    if (errno == EINTR)
        return de_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be %s: %s", name, what,
                   errno == EISDIR ? "it is a folder" : strerror(errno));
}

/* read(), not before `wait` says so. */
static ssize_t read_some(int descriptor, void *to, size_t size, de_wait_fn *wait)
{
    if (!wait || wait(descriptor))
        return read(descriptor, to, size);
    errno = EINTR;
    return -1;
}

diffedit_status de_read_all(void **bytes, size_t *size, int descriptor, const char *name,
                            de_wait_fn *wait, diffedit_error *error)
{
    enum { FIRST = 1 << 16 };
    struct stat info;
    size_t used = 0, capacity = FIRST;
    /* a file is read in one piece, and one byte more shows its end */
    if (fstat(descriptor, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0 &&
        (uintmax_t)info.st_size < SIZE_MAX)
        capacity = (size_t)info.st_size + 1;
    char *buffer = malloc(capacity);
    while (buffer) {
        ssize_t count = read_some(descriptor, buffer + used, capacity - used, wait);
        if (count < 0) {
            diffedit_status status = fail(name, "read", error);
            free(buffer);
            return status;
        }
        if (count == 0) {
            *bytes = buffer;
            *size = used;
            return DIFFEDIT_OK;
        }
        used += (size_t)count;
        if (used < capacity)
            continue;
        char *larger = capacity <= SIZE_MAX / 2 ? realloc(buffer, capacity * 2) : NULL;
        if (!larger)
            free(buffer);
        buffer = larger;
        capacity *= 2;
    }
    return de_fail_memory(error, capacity, name);
}

diffedit_status de_read_file(void **bytes, size_t *size, const char *path, diffedit_error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return fail(path, "opened", error);
    diffedit_status status = de_read_all(bytes, size, descriptor, path, NULL, error);
    close(descriptor);
    return status;
}
