/* A batch at a queue, as its parts see it. */
#ifndef BATCH_SUBMIT_INSIDE_H
#define BATCH_SUBMIT_INSIDE_H

#include "depot.h"
#include "streams.h"
#include "submit.h"
#include "told.h"

enum { SUBMIT_ID = 33 };

/* A task that waits for its result. */
typedef struct submit_task {
    char id[TASK_ID];
    bool queued;      /* its line is in the queue, as far as is known */
    int64_t position; /* in the ledger's plan */
    int missing;      /* how often a worker told of a result that was not there */
    double rests;     /* its line is not put again before then, clock_monotonic() */
} submit_task;

struct submit {
    course *run;
    struct streams *streams;
    struct depot *depot;
    char batch[SUBMIT_ID]; /* its id, for good */
    char number[24];       /* of this run, as text */
    char quality[16];
    char *model;              /* of model_text.h */
    char *prefix;             /* of the names of results in the depot: none of another batch's */
    bool shared;              /* the depot is a folder, and the results' own lies in it */
    submit_task *tasks;       /* [count], in the order of the plan */
    size_t count, near;       /* near: where the last one was found */
    int64_t next;             /* position of the plan from which on none is in `tasks` */
    submit_task other;        /* one that waits and is not in `tasks`, while its result is heard */
    bool out;                 /* the depot was, and nothing else, when something failed */
    char uploaded[TASK_HASH]; /* the last file that is known to be in a store */
    double heard;             /* when the last result came */
    bool said_nobody;         /* that there is no worker */
    bool said_missing;        /* that a result is not there */
    struct {
        uint64_t connections; /* when the queue was last looked through */
        double ended, took;   /* when that was, and seconds */
    } look;
};

/* Opens the depot and finds out how results are called. Errors: ARGUMENT, FILE, MEMORY. */
diffedit_status submit_open_depot(struct submit *submit, diffedit_error *error);
/* Fills a line with what a worker needs, and brings the files to where it finds them. The texts
 * belong to the line: streams_line_free(). *failure: what is wrong with this line alone, freed by
 * the caller; NULL: nothing. Errors: FILE (the depot is out), MEMORY, CANCELLED. */
diffedit_status submit_make_line(struct streams_line *line, char **failure, struct submit *submit,
                                 const ledger_item *item, diffedit_error *error);
/* Gets the files of a result, as bytes of `made`, to be freed by submit_drop_files(). *there is
 * false where they are not, or cannot be read: *reason says why then. Errors: FILE (the depot is
 * out), MEMORY, CANCELLED. */
diffedit_status submit_get_files(bool *there, diffedit_error *reason, told *what,
                                 struct submit *submit, const char *id, diffedit_error *error);
void submit_drop_files(told *what);
/* Removes what workers left in a shared folder for a task that does not wait any more. */
void submit_remove_files(const struct submit *submit, const char *id);

#endif
