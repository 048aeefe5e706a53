/* What the server remembers, in SQLite: pictures, masks, jobs, results. Every call may come from
 * any thread and takes moments. Files are named by their ids (files.h). */
#ifndef SERVER_STORE_H
#define SERVER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"
#include "files.h"

enum { STORE_ID = 65, STORE_FORMAT = 8 };

struct store;

/* Opens or makes the database at `path`. Errors: FILE (also: of a later version), MEMORY. */
diffedit_status store_open(struct store **opened, const char *path, diffedit_error *error);
void store_close(struct store *store);

/* Changes between the two happen together or not at all, and last once store_end() returned OK.
 * Other threads wait meanwhile. store_end() takes the status so far, and undoes all unless it is
 * OK; after a store_begin() that failed it is not called. Errors: FILE. */
diffedit_status store_begin(struct store *store, diffedit_error *error);
diffedit_status store_end(struct store *store, diffedit_status status, diffedit_error *error);

/* ---- files ---- */

diffedit_status store_add_file(struct store *store, const char *id, int64_t bytes,
                               diffedit_error *error);
diffedit_status store_remove_file(struct store *store, const char *id, diffedit_error *error);
bool store_has_file(struct store *store, const char *id);
int64_t store_file_bytes(struct store *store); /* of all files */
/* Calls `each` with every file's id, or (`unneeded`) with those that no other row needs. */
typedef void (*store_file_fn)(void *user, const char *id);
diffedit_status store_each_file(struct store *store, bool unneeded, store_file_fn each, void *user,
                                diffedit_error *error);

/* ---- pictures and masks ---- */

typedef struct store_picture {
    char id[FILES_ID];         /* its file's */
    char format[STORE_FORMAT]; /* ".jpg", of the file */
    char *name;                /* as the client named it */
    char *warning, *record;    /* NULL: none */
    int width, height;
    int64_t bytes;
    double created; /* seconds since 1970, as all times */
} store_picture;

void store_picture_free(store_picture *picture);
/* One that is there is as if it were new, so that it stays for a while, and is else left as it is.
 * Errors: FILE. */
diffedit_status store_add_picture(struct store *store, const store_picture *picture,
                                  diffedit_error *error);
/* False: there is no such picture. What *picture holds is freed by the caller. */
bool store_get_picture(store_picture *picture, struct store *store, const char *id);

typedef struct store_mask {
    char id[FILES_ID];
    char format[STORE_FORMAT];
    int width, height;
    double created;
} store_mask;

/* Likewise. */
diffedit_status store_add_mask(struct store *store, const store_mask *mask, diffedit_error *error);
bool store_get_mask(store_mask *mask, struct store *store, const char *id);

/* Removes a picture or a mask unless a job or a result needs it: `removed` says so. The file and
 * its row stay. Errors: FILE. */
diffedit_status store_remove_picture(bool *removed, struct store *store, const char *id,
                                     diffedit_error *error);
diffedit_status store_remove_mask(bool *removed, struct store *store, const char *id,
                                  diffedit_error *error);

/* Removes all pictures, but `except` (NULL: none), and all masks that nothing needs. Errors: FILE.
 */
diffedit_status store_remove_unused(struct store *store, const char *except, diffedit_error *error);

/* ---- jobs ---- */

typedef enum store_state {
    STORE_QUEUED,
    STORE_RUNNING,
    STORE_DONE,
    STORE_FAILED,
    STORE_STOPPED
} store_state;

extern const char *const store_state_names[];

typedef struct store_job {
    char id[STORE_ID];
    int64_t serial; /* order of the queue */
    store_state state;
    json_t *request; /* {kind, picture, model, preset, from, to, negative, options, mask,
                        correction, group}, all there, null where not given */
    double created, started, ended; /* 0: not yet */
    char error[16];                 /* kind of the error, of a failed one */
    char *message;                  /* likewise; or NULL */
    json_t *warnings;               /* [text] */
    char map[FILES_ID];             /* files; "": none */
    int map_width, map_height;
    char found[FILES_ID]; /* the mask that it used or found */
    double share;         /* of the picture that the mask covers */
    bool has_result;      /* whose id is the job's */
} store_job;

/* A field of such a request; NULL: not given. */
const char *store_text_of(const json_t *request, const char *name);
void store_job_free(store_job *job);
/* Puts a job into the queue; sets serial. Errors: FILE. */
diffedit_status store_add_job(struct store *store, store_job *job, diffedit_error *error);
bool store_get_job(store_job *job, struct store *store, const char *id);
/* The job that was queued first, which is running from now on; false: there is none. */
bool store_take_job(store_job *job, struct store *store, double now);
/* Records how a running job ended, with its files. `ended` is false if it is not running any more:
 * stopped, forgotten, or queued again. Errors: FILE. */
diffedit_status store_end_job(bool *ended, struct store *store, const store_job *job,
                              diffedit_error *error);
/* Stops a job that waits; false: it does not. */
bool store_stop_queued(struct store *store, const char *id, double now);
/* Running jobs wait again: the server ends or begins. */
diffedit_status store_requeue(struct store *store, diffedit_error *error);
diffedit_status store_forget_job(struct store *store, const char *id, diffedit_error *error);
/* Jobs that ended without a result, beyond the newest `keep`, are forgotten. */
diffedit_status store_forget_old_jobs(struct store *store, int keep, diffedit_error *error);
/* Jobs that ended, of a picture, or of all where it is NULL. */
diffedit_status store_forget_ended_jobs(struct store *store, const char *picture,
                                        diffedit_error *error);
/* Jobs that wait, before the serial; INT64_MAX: all. */
int64_t store_count_queued(struct store *store, int64_t before);
int64_t store_count_running(struct store *store);
/* Calls `each` with every job in this state, or in any (-1): at most `limit`, in the order of the
 * queue; in any state the newest first. */
typedef void (*store_job_fn)(void *user, const store_job *job);
diffedit_status store_each_job(struct store *store, int state, int limit, store_job_fn each,
                               void *user, diffedit_error *error);

/* ---- results ---- */

typedef struct store_result {
    char id[STORE_ID]; /* its job's */
    int64_t serial;
    json_t *request; /* its job's */
    char *name;      /* of the picture, or of what was generated */
    char seed[24];
    char file[FILES_ID]; /* the master, a PNG */
    char found[FILES_ID];
    char format[STORE_FORMAT]; /* in which it is downloaded */
    double share, created, seconds;
    int width, height;
    bool kept;
} store_result;

void store_result_free(store_result *result);
diffedit_status store_add_result(struct store *store, const store_result *result,
                                 diffedit_error *error);
bool store_get_result(store_result *result, struct store *store, const char *id);
/* False: there is no such result. */
bool store_keep_result(struct store *store, const char *id, bool kept);
/* The result and its job. */
diffedit_status store_remove_result(struct store *store, const char *id, diffedit_error *error);

/* What is looked for; zeros: everything. */
typedef struct store_search {
    const char *words;   /* all of them occur in the texts and the names; NULL: any */
    const char *picture; /* NULL: any */
    int kept;            /* 1, 0, or -1: either */
    int64_t before;      /* serials below; 0: any */
    int limit;
} store_search;

typedef void (*store_result_fn)(void *user, const store_result *result);
/* Newest first. Errors: FILE, MEMORY. */
diffedit_status store_each_result(struct store *store, const store_search *search,
                                  store_result_fn each, void *user, diffedit_error *error);

/* ---- what to remove when there is too much ---- */

typedef enum store_oldest_kind {
    STORE_OLDEST_RESULT,
    STORE_OLDEST_JOB,
    STORE_OLDEST_PICTURE,
    STORE_OLDEST_MASK
} store_oldest_kind;

/* The oldest thing that may go and takes room: an unkept result or an ended job without one, but
 * not the last, a picture or mask that nothing needs and that came before `before`. False: there is
 * none. */
bool store_oldest(store_oldest_kind *kind, char id[STORE_ID], struct store *store, double before);

/* ---- how fast this machine is ---- */

/* What a stage takes, in seconds for each unit of its cost, under a key (model and size). */
double store_get_rate(struct store *store, const char *key, int stage); /* 0: not known */
diffedit_status store_set_rate(struct store *store, const char *key, int stage, double seconds,
                               diffedit_error *error);

#endif
