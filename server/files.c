#include "files.h"

#include "common/join_path.h"
#include "common/new_file.h"
#include "common/read_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

/* Folders in the data folder. */
#define KEPT "files"    /* files/ab/abcd... */
#define COPIES "copies" /* copies/ab/abcd...-screen */
#define NEW "new"       /* what is being written */
#define LOCK "lock"

struct files {
    char *folder;
    int lock_descriptor;
    pthread_mutex_t mutex;
    pthread_mutex_t counters; /* of what follows */
    int64_t copy_bytes;
    unsigned long drafts; /* made so far: their names */
};

static diffedit_status fail(const char *path, const char *what, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be %s: %s", path, what,
                   strerror(errno));
}

char *files_beside(const struct files *files, const char *name)
{
    return de_join_path(files->folder, name);
}

/* "FOLDER/files/ab/abcd", or with "-kind" in copies/ */
static char *place(const struct files *files, const char *id, const char *kind)
{
    size_t size = strlen(files->folder) + strlen(id) + (kind ? strlen(kind) : 0) + 24;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s/%.2s/%s%s%s", files->folder, kind ? COPIES : KEPT, id, id,
                 kind ? "-" : "", kind ? kind : "");
    return path;
}

char *files_path(const struct files *files, const char *id)
{
    return place(files, id, NULL);
}

/* ---- opening ---- */

/* Makes a folder and those that lead there. */
static bool make_folders(const char *path)
{
    char *part = strdup(path);
    bool made = part != NULL;
    for (char *at = part ? part + 1 : NULL; made && (at = strchr(at, '/')); at++) {
        *at = '\0';
        made = mkdir(part, 0777) == 0 || errno == EEXIST;
        *at = '/';
    }
    made = made && (mkdir(path, 0700) == 0 || errno == EEXIST);
    free(part);
    return made;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Whether nothing is in a folder, or a server's lock is. */
static bool is_ours_or_empty(const char *folder)
{
    bool empty = true, ours = false;
    DIR *listed = opendir(folder);
    const struct dirent *entry;
    while (listed && (entry = readdir(listed)) != NULL) {
        ours = ours || strcmp(entry->d_name, LOCK) == 0;
        empty = empty && is_dots(entry->d_name);
    }
    if (listed)
        closedir(listed);
    return listed && (empty || ours);
}

static diffedit_status take_lock(struct files *files, diffedit_error *error)
{
    char text[32];
    char *path = de_join_path(files->folder, LOCK);
    if (!path)
        return de_fail_memory(error, strlen(files->folder), "a path");
    files->lock_descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    diffedit_status status = DIFFEDIT_OK;
    if (files->lock_descriptor < 0)
        status = fail(path, "opened", error);
    else if (flock(files->lock_descriptor, LOCK_EX | LOCK_NB) != 0)
        status = errno == EWOULDBLOCK
                     ? de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                               "%.300s: another `diffedit serve` works in this folder; end it, or "
                               "name another folder with `data`",
                               files->folder)
                     : fail(path, "locked", error);
    free(path);
    if (status != DIFFEDIT_OK)
        return status;
    snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(files->lock_descriptor, 0) != 0 ||
        !de_write_all(files->lock_descriptor, text, strlen(text)))
        return fail(files->folder, "written to", error);
    return DIFFEDIT_OK;
}

/* Removes what was being written when the last server ended. */
static void remove_drafts(const char *folder)
{
    DIR *listed = opendir(folder);
    const struct dirent *entry;
    while (listed && (entry = readdir(listed)) != NULL)
        if (!is_dots(entry->d_name))
            unlinkat(dirfd(listed), entry->d_name, 0);
    if (listed)
        closedir(listed);
}

static diffedit_status make_inner_folders(const struct files *files, diffedit_error *error)
{
    static const char *const names[] = {KEPT, COPIES, NEW};
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == DIFFEDIT_OK; i++) {
        char *path = de_join_path(files->folder, names[i]);
        if (!path)
            return de_fail_memory(error, strlen(files->folder), "a path");
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            status = fail(path, "made", error);
        else if (strcmp(names[i], NEW) == 0)
            remove_drafts(path);
        free(path);
    }
    if (status == DIFFEDIT_OK && !de_sync_folder(AT_FDCWD, files->folder))
        status = fail(files->folder, "written to", error);
    return status;
}

diffedit_status files_open(struct files **opened, const char *folder, diffedit_error *error)
{
    struct files *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "the data folder");
    new->lock_descriptor = -1;
    pthread_mutex_init(&new->mutex, NULL);
    pthread_mutex_init(&new->counters, NULL);
    diffedit_status status = DIFFEDIT_OK;
    if (!(new->folder = strdup(folder)))
        status = de_fail_memory(error, strlen(folder), "a path");
    else if (!make_folders(folder))
        status = fail(folder, "made", error);
    else if (!is_ours_or_empty(folder))
        status = de_fail(
            error, DIFFEDIT_ERROR_ARGUMENT,
            "%.300s: has other things in it; name a new or an empty folder with `data`", folder);
    else if (chmod(folder, 0700) != 0)
        status = fail(folder, "kept from other users", error);
    if (status == DIFFEDIT_OK)
        status = take_lock(new, error);
    if (status == DIFFEDIT_OK)
        status = make_inner_folders(new, error);
    if (status == DIFFEDIT_OK)
        *opened = new;
    else
        files_close(new);
    return status;
}

void files_close(struct files *files)
{
    if (!files)
        return;
    if (files->lock_descriptor >= 0)
        close(files->lock_descriptor);
    pthread_mutex_destroy(&files->mutex);
    pthread_mutex_destroy(&files->counters);
    free(files->folder);
    free(files);
}

/* ---- writing ---- */

static bool name_by_content(char id[FILES_ID], const void *bytes, size_t size)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    if (EVP_Digest(bytes, size, digest, &length, EVP_sha256(), NULL) != 1)
        return false;
    for (int i = 0; i < (FILES_ID - 1) / 2; i++)
        snprintf(id + 2 * i, 3, "%02x", digest[i]);
    return true;
}

static char *draft_path(struct files *files)
{
    char name[64];
    pthread_mutex_lock(&files->counters);
    snprintf(name, sizeof name, NEW "/%lu", ++files->drafts);
    pthread_mutex_unlock(&files->counters);
    return de_join_path(files->folder, name);
}

/* Writes a new file; `synced`: it is to be there after a crash. */
static diffedit_status write_file(const char *path, const void *bytes, size_t size, bool synced,
                                  diffedit_error *error)
{
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0)
        return fail(path, "made", error);
    bool written = de_write_all(descriptor, bytes, size) && (!synced || fsync(descriptor) == 0);
    diffedit_status status = written ? DIFFEDIT_OK : fail(path, "written", error);
    if (close(descriptor) != 0 && status == DIFFEDIT_OK)
        status = fail(path, "written", error);
    if (status != DIFFEDIT_OK)
        unlink(path);
    return status;
}

diffedit_status files_write(files_draft *draft, struct files *files, const void *bytes, size_t size,
                            diffedit_error *error)
{
    *draft = (files_draft){.size = (int64_t)size};
    char *path = draft_path(files);
    if (!path || !name_by_content(draft->id, bytes, size)) {
        free(path);
        return de_fail_memory(error, size, "a file's name");
    }
    diffedit_status status = write_file(path, bytes, size, true, error);
    if (status == DIFFEDIT_OK)
        draft->temporary = path;
    else
        free(path);
    return status;
}

void files_drop(files_draft *draft)
{
    if (draft->temporary)
        unlink(draft->temporary);
    free(draft->temporary);
    draft->temporary = NULL;
}

void files_lock(struct files *files)
{
    pthread_mutex_lock(&files->mutex);
}

void files_unlock(struct files *files)
{
    pthread_mutex_unlock(&files->mutex);
}

/* Renames into a folder that may not be there yet. */
static bool move(const char *from, const char *to, bool synced)
{
    char *folder = strdup(to);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    if (!slash) {
        free(folder);
        return false;
    }
    *slash = '\0';
    bool made = mkdir(folder, 0700) == 0;
    bool moved = (made || errno == EEXIST) && rename(from, to) == 0 &&
                 (!synced || de_sync_folder(AT_FDCWD, folder));
    if (moved && made && synced) {
        *strrchr(folder, '/') = '\0';
        moved = de_sync_folder(AT_FDCWD, folder);
    }
    free(folder);
    return moved;
}

diffedit_status files_settle(struct files *files, files_draft *draft, diffedit_error *error)
{
    char *path = place(files, draft->id, NULL);
    if (!path)
        return de_fail_memory(error, sizeof draft->id, "a path");
    diffedit_status status = DIFFEDIT_OK;
    if (move(draft->temporary, path, true)) {
        free(draft->temporary);
        draft->temporary = NULL;
    } else {
        status = fail(path, "written", error);
    }
    free(path);
    return status;
}

static void count_copy(struct files *files, int64_t bytes)
{
    pthread_mutex_lock(&files->counters);
    files->copy_bytes += bytes;
    pthread_mutex_unlock(&files->counters);
}

/* All copies of a file, or of files that are not there. */
static void remove_copies(struct files *files, const char *id)
{
    char *path = place(files, id, "");
    char *slash = path ? strrchr(path, '/') : NULL;
    if (slash)
        *slash = '\0';
    DIR *listed = slash ? opendir(path) : NULL;
    const struct dirent *entry;
    struct stat found;
    while (listed && (entry = readdir(listed)) != NULL)
        if (strncmp(entry->d_name, id, FILES_ID - 1) == 0 &&
            fstatat(dirfd(listed), entry->d_name, &found, 0) == 0 &&
            unlinkat(dirfd(listed), entry->d_name, 0) == 0)
            count_copy(files, -found.st_size);
    if (listed)
        closedir(listed);
    free(path);
}

void files_remove(struct files *files, const char *id)
{
    char *path = place(files, id, NULL);
    if (path)
        unlink(path);
    free(path);
    remove_copies(files, id);
}

/* ---- reading ---- */

diffedit_status files_descriptor(int *descriptor, const struct files *files, const char *id,
                                 diffedit_error *error)
{
    char *path = place(files, id, NULL);
    if (!path)
        return de_fail_memory(error, FILES_ID, "a path");
    *descriptor = open(path, O_RDONLY | O_CLOEXEC);
    diffedit_status status = *descriptor >= 0 ? DIFFEDIT_OK : fail(path, "opened", error);
    free(path);
    return status;
}

diffedit_status files_read(void **bytes, size_t *size, const struct files *files, const char *id,
                           diffedit_error *error)
{
    char *path = place(files, id, NULL);
    if (!path)
        return de_fail_memory(error, FILES_ID, "a path");
    diffedit_status status = de_read_file(bytes, size, path, error);
    free(path);
    return status;
}

/* ---- copies ---- */

int files_copy_descriptor(const struct files *files, const char *id, const char *kind)
{
    char *path = place(files, id, kind);
    int descriptor = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    free(path);
    return descriptor;
}

diffedit_status files_copy_write(struct files *files, const char *id, const char *kind,
                                 const void *bytes, size_t size, diffedit_error *error)
{
    struct stat replaced;
    char *path = place(files, id, kind), *temporary = draft_path(files);
    char *original = place(files, id, NULL);
    if (!path || !temporary || !original) {
        free(path);
        free(temporary);
        free(original);
        return de_fail_memory(error, FILES_ID, "a path");
    }
    diffedit_status status = write_file(temporary, bytes, size, false, error);
    if (status == DIFFEDIT_OK) {
        files_lock(files);
        int64_t before = stat(path, &replaced) == 0 ? replaced.st_size : 0;
        if (stat(original, &replaced) != 0) /* nothing would remove the copy */
            status = fail(original, "opened", error);
        else if (move(temporary, path, false))
            count_copy(files, (int64_t)size - before);
        else
            status = fail(path, "written", error);
        files_unlock(files);
    }
    if (status != DIFFEDIT_OK)
        unlink(temporary);
    free(path);
    free(temporary);
    free(original);
    return status;
}

int64_t files_copy_bytes(struct files *files)
{
    pthread_mutex_lock(&files->counters);
    int64_t bytes = files->copy_bytes;
    pthread_mutex_unlock(&files->counters);
    return bytes;
}

/* ---- at the start ---- */

/* Calls `each` with every file in the folders of KEPT or COPIES. */
struct sweep {
    struct files *files;
    files_known_fn *known;
    void *user;
    int64_t removed;
};

static void sweep_file(struct sweep *sweep, int folder, const char *name, bool copies)
{
    char id[FILES_ID];
    struct stat found;
    snprintf(id, sizeof id, "%.32s", name);
    if (fstatat(folder, name, &found, AT_SYMLINK_NOFOLLOW) != 0)
        return;
    bool fits = strlen(name) == FILES_ID - 1 || (copies && name[strlen(id)] == '-');
    if (fits && sweep->known(sweep->user, id))
        count_copy(sweep->files, copies ? found.st_size : 0);
    else if (unlinkat(folder, name, 0) == 0)
        sweep->removed += !copies;
}

static void sweep_folder(struct sweep *sweep, const char *folder, bool copies)
{
    DIR *listed = opendir(folder);
    const struct dirent *entry;
    while (listed && (entry = readdir(listed)) != NULL)
        if (!is_dots(entry->d_name))
            sweep_file(sweep, dirfd(listed), entry->d_name, copies);
    if (listed)
        closedir(listed);
}

int64_t files_sweep(struct files *files, files_known_fn *known, void *user)
{
    enum { FOLDERS = 256 };
    struct sweep all = {files, known, user, 0};
    files_lock(files);
    for (int i = 0; i < 2 * FOLDERS; i++) {
        char name[32];
        bool copies = i >= FOLDERS;
        snprintf(name, sizeof name, "%s/%02x", copies ? COPIES : KEPT, i % FOLDERS);
        char *path = de_join_path(files->folder, name);
        if (path)
            sweep_folder(&all, path, copies);
        free(path);
    }
    files_unlock(files);
    return all.removed;
}
