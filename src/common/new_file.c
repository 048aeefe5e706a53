#include "common/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static diffedit_status fail(const char *path, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be written: %s", path, strerror(errno));
}

/* ---- where a path leads ---- */

/* The length of a path's folder with its slash; 0: the current folder. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* "FOLDER/name", the folder that of `path`; NULL if memory is short. */
static char *beside(const char *path, const char *name)
{
    size_t folder = folder_length(path), size = folder + strlen(name) + 1;
    char *joined = malloc(size);
    if (joined)
        snprintf(joined, size, "%.*s%s", (int)folder, path, name);
    return joined;
}

/* `path`, or what it points to where it is a symbolic link to a file or to nothing; freed by the
 * caller. NULL and errno on failure. */
static char *follow(const char *path)
{
    enum { MOST_LINKS = 40 };
    struct stat found;
    if (stat(path, &found) == 0 && !S_ISREG(found.st_mode))
        return strdup(path); /* a link of /proc leads to a pipe that has no path */
    char *target = strdup(path);
    for (int i = 0; target && i < MOST_LINKS; i++) {
        char to[PATH_MAX];
        ssize_t length = readlink(target, to, sizeof to - 1);
        if (length < 0)
            return target;
        to[length] = '\0';
        char *next = to[0] == '/' ? strdup(to) : beside(target, to);
        free(target);
        target = next;
    }
    free(target);
    errno = target ? ELOOP : ENOMEM;
    return NULL;
}

static bool same_stat(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether the folders of two paths are one. */
static bool same_folder(const char *a, const char *b)
{
    struct stat of_a, of_b;
    char *folder_a = beside(a, "."), *folder_b = beside(b, ".");
    bool same = folder_a && folder_b && stat(folder_a, &of_a) == 0 && stat(folder_b, &of_b) == 0 &&
                same_stat(&of_a, &of_b);
    free(folder_a);
    free(folder_b);
    return same;
}

bool de_same_file(const char *a, const char *b)
{
    struct stat of_a, of_b;
    bool there_a = stat(a, &of_a) == 0, there_b = stat(b, &of_b) == 0;
    if (there_a || there_b)
        return there_a && there_b && same_stat(&of_a, &of_b);
    char *target_a = follow(a), *target_b = follow(b);
    bool same = target_a && target_b &&
                strcmp(target_a + folder_length(target_a), target_b + folder_length(target_b)) ==
                    0 &&
                same_folder(target_a, target_b);
    free(target_a);
    free(target_b);
    return same;
}

/* ---- creating ---- */

/* As short as the shortest names that are refused nowhere, whatever the target's is. */
static char *temporary_beside(const char *target, int attempt)
{
    char name[64];
    if (attempt)
        snprintf(name, sizeof name, ".diffedit-%ld-%d.part", (long)getpid(), attempt);
    else
        snprintf(name, sizeof name, ".diffedit-%ld.part", (long)getpid());
    return beside(target, name);
}

char *de_new_file_temporary(const char *path)
{
    char *target = follow(path);
    char *temporary = target ? temporary_beside(target, 0) : NULL;
    free(target);
    return temporary;
}

/* A pipe is opened when somebody reads it, which may be a moment later than its writer is done. */
static int open_special(const char *target)
{
    enum { PAUSE_MS = 50, WAIT_MS = 10000 };
    for (int waited = 0;; waited += PAUSE_MS) {
        int descriptor = open(target, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (descriptor >= 0) {
            fcntl(descriptor, F_SETFL, O_WRONLY);
            return descriptor;
        }
        if (errno != ENXIO || waited >= WAIT_MS)
            return -1;
        const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
        if (nanosleep(&pause, NULL) != 0)
            return -1;
    }
}

static diffedit_status open_pipe(de_new_file *file, diffedit_error *error)
{
    file->descriptor = open_special(file->target);
    if (file->descriptor >= 0)
        return DIFFEDIT_OK;
    if (errno == EINTR)
        return de_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
    if (errno == ENXIO)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be written: no program reads it",
                       file->path);
    return fail(file->path, error);
}

/* A new file beside the target, with the mode that the target has if it is there. */
static diffedit_status open_temporary(de_new_file *file, const struct stat *replaced,
                                      diffedit_error *error)
{
    enum { ATTEMPTS = 1000 }; /* another thread, or a process elsewhere on the same file system */
    for (int i = 0; i < ATTEMPTS; i++) {
        free(file->temporary);
        file->temporary = temporary_beside(file->target, i);
        if (!file->temporary)
            return de_fail_memory(error, strlen(file->path), "a path");
        file->descriptor = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (file->descriptor >= 0 || errno != EEXIST)
            break;
    }
    if (file->descriptor < 0)
        return fail(file->path, error);
    if (!replaced)
        return DIFFEDIT_OK;
    /* its owner too, where this process may give files away; else it stays with whoever writes it
     */
    if (fchown(file->descriptor, replaced->st_uid, replaced->st_gid) != 0)
        errno = 0;
    if (fchmod(file->descriptor, replaced->st_mode & 07777) == 0)
        return DIFFEDIT_OK;
    diffedit_status status = fail(file->path, error);
    close(file->descriptor);
    unlink(file->temporary);
    return status;
}

/* What is there: nothing, a file to be replaced, or something to be written into. */
static diffedit_status look(const de_new_file *file, struct stat *found, bool *there,
                            diffedit_error *error)
{
    *there = stat(file->path, found) == 0;
    if (!*there && errno != ENOENT) /* a name that is too long, a folder that may not be entered */
        return fail(file->path, error);
    if (*there && S_ISDIR(found->st_mode))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%s: cannot be written: it is a folder",
                       file->path);
    return DIFFEDIT_OK;
}

static void release(de_new_file *file)
{
    free(file->target);
    free(file->temporary);
    file->target = file->temporary = NULL;
}

diffedit_status de_new_file_create(de_new_file *file, const char *path, diffedit_error *error)
{
    struct stat found;
    bool there = false;
    *file = (de_new_file){.path = path, .descriptor = -1, .target = follow(path)};
    diffedit_status status = file->target ? look(file, &found, &there, error) : fail(path, error);
    if (status == DIFFEDIT_OK)
        status = there && !S_ISREG(found.st_mode)
                     ? open_pipe(file, error)
                     : open_temporary(file, there ? &found : NULL, error);
    if (status != DIFFEDIT_OK)
        release(file);
    return status;
}

diffedit_status de_new_file_check(const char *path, diffedit_error *error)
{
    struct stat found;
    if (stat(path, &found) == 0 && !S_ISREG(found.st_mode) && !S_ISDIR(found.st_mode))
        return access(path, W_OK) == 0 ? DIFFEDIT_OK : fail(path, error);
    de_new_file file;
    diffedit_status status = de_new_file_create(&file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_new_file_write(&file, "", 1, error);
    if (close(file.descriptor) != 0 && status == DIFFEDIT_OK)
        status = fail(path, error);
    unlink(file.temporary);
    release(&file);
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
        (!closed || (file->temporary && rename(file->temporary, file->target) != 0)))
        status = fail(file->path, error);
    if (status != DIFFEDIT_OK && file->temporary)
        unlink(file->temporary);
    release(file);
    return status;
}

bool de_sync_folder(int folder, const char *path)
{
    int descriptor = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0)
        return false;
    /* some file systems cannot sync a folder, and need not */
    bool synced = fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP;
    int number = errno;
    close(descriptor);
    errno = number;
    return synced;
}
