/* A depot in a folder that machines share, over NFS and the like. */
#define _GNU_SOURCE /* renameat2 */
#include "depot_inside.h"

#include "folder_walk.h"

#include "common/error.h"
#include "common/join_path.h"
#include "common/new_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    struct depot depot;
    char *root; /* its path, without links. It is opened for each call: a share may be unmounted and
                   mounted again while a worker runs. */
};

static struct walk walk_to(struct depot *depot, const char *name, bool *out, diffedit_error *error)
{
    return (struct walk){.root = ((struct folder *)depot)->root,
                         .name = name,
                         .out = out,
                         .error = error,
                         .folder = -1};
}

/* ---- reading ---- */

/* Opens a plain file. What it is, is asked before it is opened, because opening a device may do
 * something already, and again after it, because it may have changed. */
static diffedit_status open_file(int *descriptor, struct stat *found, struct walk *walk)
{
    bool there;
    diffedit_status status = walk_look(&there, found, walk);
    if (status != DIFFEDIT_OK)
        return status;
    walk->missing = !there; /* opening says so */
    *descriptor = openat(walk->folder, walk->last,
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (*descriptor < 0)
        return walk_fail(walk, "opened");
    if (fstat(*descriptor, found) == 0 && S_ISREG(found->st_mode))
        return DIFFEDIT_OK;
    close(*descriptor);
    return walk_refuse_kind(walk, found->st_mode);
}

/* Reads `size` bytes. */
static diffedit_status read_bytes(char *bytes, size_t size, int descriptor,
                                  const struct depot *depot, const struct walk *walk)
{
    for (size_t at = 0; at < size;) {
        ssize_t count = web_stops(&depot->stop) ? -2 : read(descriptor, bytes + at, size - at);
        if (count == -2)
            return de_fail(walk->error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
        if (count == 0)
            return walk_refuse(walk, "became shorter while it was read");
        if (count < 0 && errno != EINTR)
            return walk_fail(walk, "read");
        at += count > 0 ? (size_t)count : 0;
    }
    return DIFFEDIT_OK;
}

static diffedit_status read_open(void **bytes, size_t *size, int descriptor,
                                 const struct stat *found, size_t limit, const struct depot *depot,
                                 const struct walk *walk)
{
    if (found->st_size < 0 || (uintmax_t)found->st_size > limit)
        return de_fail(walk->error, DIFFEDIT_ERROR_FILE,
                       WALK_NAMED ": has %jd bytes; at most %zu are taken", walk->root, walk->name,
                       (intmax_t)found->st_size, limit);
    size_t count = (size_t)found->st_size;
    char *buffer = malloc(count ? count : 1);
    if (!buffer)
        return de_fail_memory(walk->error, count, walk->name);
    diffedit_status status = read_bytes(buffer, count, descriptor, depot, walk);
    if (status != DIFFEDIT_OK) {
        free(buffer);
        return status;
    }
    *bytes = buffer;
    *size = count;
    return DIFFEDIT_OK;
}

/* Whether nothing at all is in a folder: that is a place where nothing is mounted. */
static bool is_empty(const char *path)
{
    DIR *listed = opendir(path);
    const struct dirent *entry;
    bool empty = listed;
    while (empty && (entry = readdir(listed)) != NULL)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    if (listed)
        closedir(listed);
    return empty;
}

static diffedit_status folder_read(void **bytes, size_t *size, struct depot *depot,
                                   const char *name, size_t limit, bool *out, diffedit_error *error)
{
    struct walk walk = walk_to(depot, name, out, error);
    struct stat found;
    int descriptor = -1;
    diffedit_status status = walk_start(&walk);
    if (status == DIFFEDIT_OK)
        status = open_file(&descriptor, &found, &walk);
    if (status == DIFFEDIT_OK) {
        status = read_open(bytes, size, descriptor, &found, limit, depot, &walk);
        close(descriptor);
    } else if (walk.missing && is_empty(walk.root)) {
        *out = true;
        status = de_fail(error, DIFFEDIT_ERROR_FILE,
                         "%.300s: is empty: what the machines share is not mounted there",
                         walk.root);
    }
    return walk_finish(&walk, status);
}

static diffedit_status folder_has(bool *there, struct depot *depot, const char *name, bool *out,
                                  diffedit_error *error)
{
    struct walk walk = walk_to(depot, name, out, error);
    struct stat found;
    diffedit_status status = walk_start(&walk);
    if (status == DIFFEDIT_OK)
        status = walk_look(there, &found, &walk);
    else if (walk.missing)
        status = DIFFEDIT_OK;
    return walk_finish(&walk, status);
}

/* ---- adding ---- */

/* Makes a file of a name that no other process on any machine takes; -1 and errno on failure. */
static int make_draft(char name[48], int folder)
{
    uint64_t number;
    for (;;) {
        if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
            return -1;
        snprintf(name, 48, ".diffedit-%016" PRIx64 ".part", number);
        int descriptor = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (descriptor >= 0 || errno != EEXIST)
            return descriptor;
    }
}

/* Writes the draft, and makes it last. False and errno on failure. */
static bool write_draft(int descriptor, const void *bytes, size_t size)
{
    bool written = de_write_all(descriptor, bytes, size) && fsync(descriptor) == 0;
    int number = errno;
    bool closed = close(descriptor) == 0;
    if (!written)
        errno = number;
    return written && closed;
}

/* Gives the draft its name, if that is free. A file server whose answer was lost hears a second
 * time of a link that it has made, and says that there is one: the draft's number of links tells.
 * Where there are no links (FAT, some FUSE), the draft is renamed. */
static diffedit_status publish(bool *added, const struct walk *walk, const char *draft)
{
    struct stat found;
    *added = linkat(walk->folder, draft, walk->folder, walk->last, 0) == 0;
    if (*added)
        return DIFFEDIT_OK;
    if (errno == EEXIST) {
        *added = fstatat(walk->folder, draft, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
                 found.st_nlink == 2;
        return DIFFEDIT_OK;
    }
    if (errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP)
        return walk_fail(walk, "written");
    *added = renameat2(walk->folder, draft, walk->folder, walk->last, RENAME_NOREPLACE) == 0;
    if (*added || errno == EEXIST)
        return DIFFEDIT_OK;
    if (errno != EINVAL && errno != ENOSYS)
        return walk_fail(walk, "written");
    *walk->out = true;
    return walk_refuse(walk,
                       "cannot be written: this file system has no hard links, nor can it rename "
                       "a file without replacing another");
}

static diffedit_status add_file(bool *added, const struct walk *walk, const void *bytes,
                                size_t size)
{
    char draft[48];
    int descriptor = make_draft(draft, walk->folder);
    if (descriptor < 0)
        return walk_fail(walk, "written");
    diffedit_status status = write_draft(descriptor, bytes, size) ? publish(added, walk, draft)
                                                                  : walk_fail(walk, "written");
    unlinkat(walk->folder, draft, 0);
    if (status == DIFFEDIT_OK && *added && !de_sync_folder(walk->folder, "."))
        status = walk_fail(walk, "written");
    return status;
}

static diffedit_status folder_add(bool *added, struct depot *depot, const char *name,
                                  const void *bytes, size_t size, bool *out, diffedit_error *error)
{
    struct walk walk = walk_to(depot, name, out, error);
    struct stat found;
    bool there = false;
    walk.adds = true;
    diffedit_status status = walk_start(&walk);
    if (status == DIFFEDIT_OK)
        status = walk_look(&there, &found, &walk);
    if (status == DIFFEDIT_OK && !there)
        status = add_file(added, &walk, bytes, size);
    if (status == DIFFEDIT_OK && !there && !*added)
        status = walk_look(&there, &found, &walk); /* what was faster is a file, too */
    return walk_finish(&walk, status);
}

/* ---- the depot ---- */

/* A path without links, of a file that need not be there; freed by the caller. NULL and errno on
 * failure. */
static char *resolve(const char *path)
{
    char *whole = realpath(path, NULL);
    if (whole || errno != ENOENT)
        return whole;
    const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
    char *before = slash ? strndup(path, (size_t)(last - path)) : strdup(".");
    char *folder = before ? realpath(before, NULL) : NULL;
    free(before);
    if (!folder)
        return NULL;
    whole = de_join_path(folder, last);
    free(folder);
    return whole;
}

static diffedit_status folder_name_of(char **name, const struct depot *depot, const char *path,
                                      diffedit_error *error)
{
    const char *root = ((const struct folder *)depot)->root;
    size_t length = strcmp(root, "/") == 0 ? 0 : strlen(root);
    char *whole = resolve(path);
    if (!whole)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.400s: cannot be opened: %s", path,
                       strerror(errno));
    bool inside = strncmp(whole, root, length) == 0 && (whole[length] == '/' || !whole[length]);
    const char *below = whole + length + (whole[length] == '/');
    diffedit_status status = DIFFEDIT_OK;
    if (!inside)
        status = de_fail(error, DIFFEDIT_ERROR_FILE,
                         "%.200s: does not lie below %.200s, the folder that all machines share",
                         path, root);
    else if (below[0])
        status = depot_check_name(below, error);
    if (status == DIFFEDIT_OK && !(*name = strdup(below)))
        status = de_fail_memory(error, strlen(whole), "a name");
    free(whole);
    return status;
}

static void folder_close(struct depot *depot)
{
    free(((struct folder *)depot)->root);
    free(depot);
}

diffedit_status depot_open_folder(struct depot **depot, const char *path, diffedit_error *error)
{
    static const struct depot_kind kind = {folder_close, folder_name_of, folder_read, folder_add,
                                           folder_has};
    struct stat found;
    char *root = realpath(path, NULL);
    bool there = root && stat(root, &found) == 0;
    if (!there || !S_ISDIR(found.st_mode)) {
        free(root);
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be opened as a folder: %s", path,
                       strerror(there ? ENOTDIR : errno));
    }
    struct folder *new = calloc(1, sizeof *new);
    if (!new) {
        free(root);
        return de_fail_memory(error, sizeof *new, "a depot");
    }
    new->depot.kind = &kind;
    new->root = root;
    *depot = &new->depot;
    return DIFFEDIT_OK;
}
