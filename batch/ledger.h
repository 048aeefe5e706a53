/* What a batch remembers, in the SQLite file of its folder: the present list, and every task that
 * was ever in it. Any thread may call; each call takes moments. */
#ifndef BATCH_LEDGER_H
#define BATCH_LEDGER_H

#include "task.h"

struct ledger;

/* Opens or makes one. Errors: FILE (also: it is of a later version, or no ledger), MEMORY. */
diffedit_status ledger_open(struct ledger **opened, const char *path, diffedit_error *error);
/* Opens one that is there, only to read: what is below "looking". Errors: as above. */
diffedit_status ledger_open_to_read(struct ledger **opened, const char *path,
                                    diffedit_error *error);
/* Takes NULL. */
void ledger_close(struct ledger *ledger);

/* Changes between the two happen together or not at all. As sql_begin(), sql_end(). */
diffedit_status ledger_begin(struct ledger *ledger, diffedit_error *error);
diffedit_status ledger_end(struct ledger *ledger, diffedit_status status, diffedit_error *error);

/* ---- what holds of the whole ---- */

/* The value of a key, freed by the caller; NULL: it has none, or memory. */
char *ledger_get(struct ledger *ledger, const char *key);
diffedit_status ledger_set(struct ledger *ledger, const char *key, const char *value,
                           diffedit_error *error);

/* Whether any task is done, or may be at any moment, because lines were put into a queue. */
bool ledger_has_results(struct ledger *ledger);

/* ---- the present list ---- */

/* A line of it. Texts are borrowed; NULL: none. Paths are absolute or relative to where the program
 * runs. */
typedef struct ledger_line {
    int64_t number;
    const char *task_id;
    const char *name; /* the picture's path as it was written */
    const char *picture_path, *mask_path, *correction_path;
    const char *true_mask; /* path, or run lengths as JSON */
    const char *category;
} ledger_line;

/* Begins a new list, beside the present one. */
diffedit_status ledger_begin_list(struct ledger *ledger, diffedit_error *error);
/* Adds a line and its task, unless that is there. `failure`: the sentence of a task that has failed
 * before it began; NULL: it is to be computed. `picture` is what lines of one picture have in
 * common. Errors: FILE. */
diffedit_status ledger_add(struct ledger *ledger, const ledger_line *line, const char *task,
                           const char *picture, const char *kin, const char *failure,
                           diffedit_error *error);
/* Makes it the present one: failed tasks wait again, but for those that ledger_add() was given a
 * failure of; tasks of no line that are not done are forgotten. In a transaction. */
diffedit_status ledger_end_list(struct ledger *ledger, diffedit_error *error);

/* Takes over which tasks are done from the ledger at `path`, for a look at what is left. Errors:
 * FILE. */
diffedit_status ledger_take_done(struct ledger *ledger, const char *path, diffedit_error *error);

/* The hash of a file that had this size and time of change (nanoseconds) when it was noted; false:
 * not known. */
bool ledger_known_file(char hash[TASK_HASH], struct ledger *ledger, const char *path, int64_t size,
                       int64_t changed);
diffedit_status ledger_note_file(struct ledger *ledger, const char *path, int64_t size,
                                 int64_t changed, const char *hash, diffedit_error *error);

/* The place of a picture's path among the different ones that this was called with since the ledger
 * was opened, from 0: for shards. -1: it failed. */
int64_t ledger_place(struct ledger *ledger, const char *path, diffedit_error *error);

/* ---- what is to be done ---- */

/* Puts the tasks that wait in the order in which they are to be computed: by picture as in the
 * list, and within a picture what shares most side by side. At most `limit` (0: all); *count is how
 * many. Errors: FILE. */
diffedit_status ledger_plan(int64_t *count, struct ledger *ledger, int64_t limit,
                            diffedit_error *error);

/* One of them. Texts are owned. */
typedef struct ledger_item {
    int64_t number; /* of its first line */
    char id[TASK_ID];
    char *task, *picture_path, *mask_path, *correction_path;
} ledger_item;

/* The one at `position`, from 0, of the plan; false: there is none, or (error->code is not OK) it
 * failed. */
bool ledger_planned(ledger_item *item, struct ledger *ledger, int64_t position,
                    diffedit_error *error);
void ledger_item_free(ledger_item *item);
/* Whether a task of the present list waits, in the plan or not. */
bool ledger_waits(struct ledger *ledger, const char *id);

/* ---- what came of it ---- */

typedef enum ledger_state { LEDGER_WAITING, LEDGER_DONE, LEDGER_FAILED } ledger_state;
extern const char *const ledger_state_names[]; /* "waiting", ... */

/* A task with what came of it. Texts are borrowed; NULL: none. */
typedef struct ledger_task {
    const char *id, *task;
    ledger_state state;
    const char *result, *mask; /* names of files in the folder */
    const char *sha256;        /* of the result's bytes, 64 hex digits */
    const char *message;       /* why it failed */
    double seconds;            /* 0: not known, nor are the evaluations */
    int64_t evaluations;
    double mask_share;
    int width, height;
    const char *warnings; /* JSON: [text] */
    const char *device;   /* that computed it, "cpu", "gpu:0"; NULL: not known */
    const char *worker;   /* who computed it; NULL: this machine */
    int tries;
    double ended; /* seconds since 1970 */
} ledger_task;

/* Records how a task ended, once: `recorded` is false if it does not wait any more. Its files are
 * there before. Errors: FILE. */
diffedit_status ledger_record(bool *recorded, struct ledger *ledger, const ledger_task *task,
                              diffedit_error *error);
/* Makes a task wait again: its files are gone. */
diffedit_status ledger_again(struct ledger *ledger, const char *id, diffedit_error *error);

/* ---- looking ---- */

/* Of the present list: lines, and the tasks of those. */
typedef struct ledger_counts {
    int64_t lines, lines_done, lines_failed, tasks, waiting, done, failed;
} ledger_counts;

diffedit_status ledger_count(ledger_counts *counts, struct ledger *ledger, diffedit_error *error);

/* Calls `each` with every line, in the order of the list, and its task; until it returns another
 * status than OK, which is returned. It calls nothing of the ledger. Errors: FILE. */
typedef diffedit_status (*ledger_line_fn)(void *user, const ledger_line *line,
                                          const ledger_task *task, diffedit_error *error);
diffedit_status ledger_each_line(struct ledger *ledger, ledger_line_fn each, void *user,
                                 diffedit_error *error);

#endif
