#define _GNU_SOURCE /* O_PATH */
#include "folder_walk.h"

#include "depot.h"

#include "common/error.h"
#include "common/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- failing ---- */

diffedit_status walk_refuse(const struct walk *walk, const char *why)
{
    return de_fail(walk->error, DIFFEDIT_ERROR_FILE, WALK_NAMED ": %s", walk->root, walk->name,
                   why);
}

diffedit_status walk_fail(const struct walk *walk, const char *what)
{
    int number = errno;
    /* what may not be written may not be written later either: whoever waits waits for a person */
    bool of_file = number == ENAMETOOLONG || number == ENOTDIR || number == EACCES ||
                   number == EPERM || number == EROFS || (number == ENOENT && !walk->adds);
    *walk->out = !of_file;
    return de_fail(walk->error, DIFFEDIT_ERROR_FILE, WALK_NAMED ": cannot be %s: %s", walk->root,
                   walk->name, what, strerror(number));
}

diffedit_status walk_refuse_kind(const struct walk *walk, mode_t mode)
{
    if (S_ISLNK(mode))
        return walk_refuse(walk, "is a symbolic link, which a depot does not follow");
    if (S_ISDIR(mode))
        return walk_refuse(walk, "is a folder, not a file");
    return walk_refuse(walk, "is a pipe, a socket or a device, not a file");
}

/* ---- walking ---- */

/* One folder deeper; -1 and errno where it cannot be. */
static int step(int folder, const char *component, bool make)
{
    const int flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int next = openat(folder, component, flags);
    if (next >= 0 || errno != ENOENT || !make)
        return next;
    if (mkdirat(folder, component, 0777) != 0 && errno != EEXIST)
        return -1;
    return de_sync_folder(folder, ".") ? openat(folder, component, flags) : -1;
}

/* A component at which no folder stands; errno says why. */
static diffedit_status refuse_component(struct walk *walk, int folder, const char *component)
{
    struct stat found;
    int number = errno;
    walk->missing = number == ENOENT;
    if (fstatat(folder, component, &found, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(found.st_mode))
        return de_fail(walk->error, DIFFEDIT_ERROR_FILE,
                       WALK_NAMED
                       ": leads through the symbolic link \"%.100s\", which a depot does "
                       "not follow",
                       walk->root, walk->name, component);
    errno = number;
    return walk_fail(walk, walk->adds ? "written" : "opened");
}

diffedit_status walk_start(struct walk *walk)
{
    char component[DEPOT_NAME + 1];
    walk->last = walk->name;
    walk->folder = open(walk->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (walk->folder < 0) {
        *walk->out = true;
        return de_fail(walk->error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be opened: %s", walk->root,
                       strerror(errno));
    }
    for (const char *slash; (slash = strchr(walk->last, '/')); walk->last = slash + 1) {
        snprintf(component, sizeof component, "%.*s", (int)(slash - walk->last), walk->last);
        int next = step(walk->folder, component, walk->adds);
        diffedit_status status = next < 0 ? refuse_component(walk, walk->folder, component)
                                          : DIFFEDIT_OK;
        close(walk->folder);
        walk->folder = next;
        if (status != DIFFEDIT_OK)
            return status;
    }
    return DIFFEDIT_OK;
}

diffedit_status walk_finish(struct walk *walk, diffedit_status status)
{
    if (walk->folder >= 0)
        close(walk->folder);
    return status;
}

/* ---- its end ---- */

diffedit_status walk_look(bool *there, struct stat *found, const struct walk *walk)
{
    *there = false;
    if (fstatat(walk->folder, walk->last, found, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? DIFFEDIT_OK : walk_fail(walk, "looked at");
    *there = S_ISREG(found->st_mode);
    return *there ? DIFFEDIT_OK : walk_refuse_kind(walk, found->st_mode);
}
