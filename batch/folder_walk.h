/* A name's way below the root of a folder depot.
 *
 * Names are walked one component at a time, none of which may be a symbolic link. The kernel's own
 * way, openat2() with RESOLVE_BENEATH, allows links that stay below the root, but is not there
 * before Linux 5.6 nor under the seccomp filters of many containers, and so would need this walk
 * beside it. Links are not missed: names are made by depot_name_of(), which resolves them. */
#ifndef BATCH_FOLDER_WALK_H
#define BATCH_FOLDER_WALK_H

#include <stdbool.h>
#include <sys/stat.h>

#include <diffedit/diffedit.h>

/* What messages say of a file: its path, shortened; from `root` and `name`. */
#define WALK_NAMED "%.160s/%.200s"

struct walk {
    const char *root, *name; /* the name was checked; both are borrowed */
    bool *out;               /* becomes true for a failure that is the depot's own */
    diffedit_error *error;
    bool adds;        /* a file; else one is read or looked for */
    bool missing;     /* a folder on the way, or what is read, is not there */
    int folder;       /* in which the file lies; -1: none */
    const char *last; /* the file's name there: the end of `name` */
};

/* Opens the folder that a file lies in, and makes those that are missing for a file that is added.
 * To be ended by walk_finish(), after a failure too. Errors: FILE. */
diffedit_status walk_start(struct walk *walk);
/* Returns `status`. */
diffedit_status walk_finish(struct walk *walk, diffedit_status status);
/* What stands at the end. *there: a plain file does. Errors: FILE (something else does). */
diffedit_status walk_look(bool *there, struct stat *found, const struct walk *walk);

/* The file's path, and this. */
diffedit_status walk_refuse(const struct walk *walk, const char *why);
/* What stands there, where a file was expected. */
diffedit_status walk_refuse_kind(const struct walk *walk, mode_t mode);
/* "cannot be WHAT", by errno: a fault of the depot, unless it is one of the name or the file. */
diffedit_status walk_fail(const struct walk *walk, const char *what);

#endif
