#include "outdir.h"

#include "common/join_path.h"
#include "common/new_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct outdir {
    char *folder, *draft; /* draft: what a file is called while it is written */
    int lock;
};

static diffedit_status fail(const char *path, const char *what, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be %s: %s", path, what,
                   strerror(errno));
}

char *outdir_path(const struct outdir *outdir, const char *file)
{
    return de_join_path(outdir->folder, file);
}

const char *outdir_folder(const struct outdir *outdir)
{
    return outdir->folder;
}

bool outdir_has(const struct outdir *outdir, const char *file)
{
    struct stat found;
    char *path = outdir_path(outdir, file);
    bool has = path && stat(path, &found) == 0 && S_ISREG(found.st_mode);
    free(path);
    return has;
}

/* ---- opening ---- */

/* Makes a folder and those that lead there. */
static diffedit_status make_folders(const char *folder, diffedit_error *error)
{
    char *part = strdup(folder);
    if (!part)
        return de_fail_memory(error, strlen(folder), "a path");
    bool made = true;
    for (char *at = part + strspn(part, "/"); made && (at = strchr(at, '/')); at++) {
        *at = '\0';
        made = mkdir(part, 0777) == 0 || errno == EEXIST;
        *at = '/';
    }
    free(part);
    made = made && (mkdir(folder, 0777) == 0 || errno == EEXIST);
    struct stat found;
    if (made && stat(folder, &found) == 0 && !S_ISDIR(found.st_mode))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: is not a folder", folder);
    return made ? DIFFEDIT_OK : fail(folder, "made", error);
}

/* Whether nothing is in a folder, or what a batch leaves there. */
static bool is_ours_or_empty(const char *folder)
{
    bool empty = true, ours = false;
    DIR *listed = opendir(folder);
    const struct dirent *entry;
    while (listed && (entry = readdir(listed)) != NULL) {
        const char *name = entry->d_name;
        ours = ours || strncmp(name, ".batch", 6) == 0 || strncmp(name, "batch", 5) == 0;
        empty = empty && (strcmp(name, ".") == 0 || strcmp(name, "..") == 0);
    }
    if (listed)
        closedir(listed);
    return empty || ours;
}

static diffedit_status take_lock(struct outdir *outdir, const char *name, diffedit_error *error)
{
    char file[96];
    snprintf(file, sizeof file, ".%.80s.lock", name);
    char *path = outdir_path(outdir, file);
    if (!path)
        return de_fail_memory(error, sizeof file, "a path");
    outdir->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    diffedit_status status = DIFFEDIT_OK;
    if (outdir->lock < 0)
        status = fail(path, "opened", error);
    else if (flock(outdir->lock, LOCK_EX | LOCK_NB) != 0)
        status = errno == EWOULDBLOCK
                     ? de_fail(error, DIFFEDIT_ERROR_FILE,
                               "%.300s: another `diffedit batch` works in this folder",
                               outdir->folder)
                     : fail(path, "locked", error);
    free(path);
    return status;
}

diffedit_status outdir_open(struct outdir **opened, const char *folder, const char *name,
                            diffedit_error *error)
{
    char draft[96];
    struct outdir *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a folder");
    new->lock = -1;
    diffedit_status status = make_folders(folder, error);
    snprintf(draft, sizeof draft, ".%.80s.part", name);
    if (status == DIFFEDIT_OK &&
        (!(new->folder = strdup(folder)) || !(new->draft = outdir_path(new, draft))))
        status = de_fail_memory(error, strlen(folder), "a path");
    if (status == DIFFEDIT_OK && !is_ours_or_empty(folder))
        status = de_fail(error, DIFFEDIT_ERROR_FILE,
                         "%.300s: has other things in it than a batch's; name a new or an empty "
                         "folder with `output`",
                         folder);
    if (status == DIFFEDIT_OK)
        status = take_lock(new, name, error);
    if (status == DIFFEDIT_OK) {
        unlink(new->draft);
        *opened = new;
    } else {
        outdir_close(new);
    }
    return status;
}

void outdir_close(struct outdir *outdir)
{
    if (!outdir)
        return;
    if (outdir->lock >= 0)
        close(outdir->lock);
    free(outdir->folder);
    free(outdir->draft);
    free(outdir);
}

/* ---- writing ---- */

diffedit_status outdir_begin(FILE **stream, struct outdir *outdir, diffedit_error *error)
{
    *stream = fopen(outdir->draft, "we");
    return *stream ? DIFFEDIT_OK : fail(outdir->draft, "written", error);
}

diffedit_status outdir_end(struct outdir *outdir, FILE *stream, const char *file,
                           diffedit_status status, diffedit_error *error)
{
    char *path = outdir_path(outdir, file);
    bool written = fflush(stream) == 0 && !ferror(stream) && fsync(fileno(stream)) == 0;
    int reason = errno;
    written = fclose(stream) == 0 && written;
    if (!written && reason)
        errno = reason;
    if (status == DIFFEDIT_OK && !path)
        status = de_fail_memory(error, strlen(file), "a path");
    if (status == DIFFEDIT_OK &&
        (!written || rename(outdir->draft, path) != 0 || !de_sync_folder(AT_FDCWD, outdir->folder)))
        status = fail(path, "written", error);
    if (status != DIFFEDIT_OK)
        unlink(outdir->draft);
    free(path);
    return status;
}

diffedit_status outdir_write(struct outdir *outdir, const char *file, const void *bytes,
                             size_t size, diffedit_error *error)
{
    FILE *stream;
    diffedit_status status = outdir_begin(&stream, outdir, error);
    if (status != DIFFEDIT_OK)
        return status;
    fwrite(bytes, 1, size, stream); /* what fails is seen at the end */
    return outdir_end(outdir, stream, file, DIFFEDIT_OK, error);
}
