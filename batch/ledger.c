#include "ledger.h"

#include "sql.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ledger {
    struct sql *sql;
    bool to_read;
    bool has_places; /* the table of ledger_place() */
};

/* A version that was released never changes. */
static const char *const versions[] = {
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE lines (number INTEGER PRIMARY KEY, task_id TEXT NOT NULL, name TEXT NOT NULL,"
    " picture_path TEXT NOT NULL, mask_path TEXT, correction_path TEXT, true_mask TEXT,"
    " category TEXT);"
    "CREATE INDEX lines_task ON lines (task_id, number);"
    "CREATE TABLE tasks (id TEXT PRIMARY KEY, task TEXT NOT NULL, picture TEXT NOT NULL,"
    " kin TEXT NOT NULL, state TEXT NOT NULL, result TEXT, mask TEXT, sha256 TEXT, message TEXT,"
    " seconds REAL NOT NULL DEFAULT 0, evaluations INTEGER NOT NULL DEFAULT 0,"
    " mask_share REAL NOT NULL DEFAULT 0, width INTEGER NOT NULL DEFAULT 0,"
    " height INTEGER NOT NULL DEFAULT 0, warnings TEXT, worker TEXT,"
    " tries INTEGER NOT NULL DEFAULT 0, ended REAL NOT NULL DEFAULT 0);"
    "CREATE TABLE files (path TEXT PRIMARY KEY, size INTEGER NOT NULL, changed INTEGER NOT NULL,"
    " hash TEXT NOT NULL) WITHOUT ROWID;",
    "ALTER TABLE tasks ADD COLUMN device TEXT;",
};
static const sql_schema schema = {versions, sizeof versions / sizeof *versions};

const char *const ledger_state_names[] = {"waiting", "done", "failed"};

/* What an earlier try said of a task does not hold for the next one. */
#define WAITS_AGAIN "state = 'waiting', message = NULL, warnings = NULL, device = NULL"

/* ---- opening ---- */

/* What is only read keeps its version: its tasks are seen as those of the last one. */
static diffedit_status read_as_last(struct sql *sql, diffedit_error *error)
{
    if (sql_number(sql, 0, "PRAGMA user_version", "") > 1)
        return DIFFEDIT_OK;
    return sql_script(sql, "CREATE TEMP VIEW tasks AS SELECT *, NULL AS device FROM main.tasks",
                      error);
}

static diffedit_status open_as(struct ledger **opened, const char *path, bool to_read,
                               diffedit_error *error)
{
    struct ledger *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a ledger");
    new->to_read = to_read;
    diffedit_status status = to_read ? sql_open_to_read(&new->sql, path, &schema, error)
                                     : sql_open(&new->sql, path, &schema, error);
    /* names of tasks come in no order: those of a long list are to fit */
    if (status == DIFFEDIT_OK)
        status = sql_script(new->sql, "PRAGMA cache_size = -65536", error);
    if (status == DIFFEDIT_OK && to_read)
        status = read_as_last(new->sql, error);
    if (status != DIFFEDIT_OK) {
        sql_close(new->sql);
        free(new);
        return status;
    }
    *opened = new;
    return status;
}

diffedit_status ledger_open(struct ledger **opened, const char *path, diffedit_error *error)
{
    return open_as(opened, path, false, error);
}

diffedit_status ledger_open_to_read(struct ledger **opened, const char *path, diffedit_error *error)
{
    return open_as(opened, path, true, error);
}

void ledger_close(struct ledger *ledger)
{
    if (!ledger)
        return;
    /* what is one file can be read from anywhere, and by another machine; not while it is read here
     */
    if (!ledger->to_read)
        sql_script(ledger->sql, "PRAGMA busy_timeout = 0; PRAGMA journal_mode = DELETE", NULL);
    sql_close(ledger->sql);
    free(ledger);
}

diffedit_status ledger_begin(struct ledger *ledger, diffedit_error *error)
{
    return sql_begin(ledger->sql, error);
}

diffedit_status ledger_end(struct ledger *ledger, diffedit_status status, diffedit_error *error)
{
    return sql_end(ledger->sql, status, error);
}

/* ---- what holds of the whole ---- */

char *ledger_get(struct ledger *ledger, const char *key)
{
    char *value = NULL;
    sqlite3_stmt *row = sql_ask(ledger->sql, NULL, "SELECT value FROM meta WHERE key = ?1", "t",
                                key);
    if (sql_row(row))
        value = sql_text(row, 0);
    sql_done(ledger->sql, row, NULL);
    return value;
}

diffedit_status ledger_set(struct ledger *ledger, const char *key, const char *value,
                           diffedit_error *error)
{
    return sql_do(ledger->sql, NULL, error, "INSERT OR REPLACE INTO meta VALUES (?1, ?2)", "tt",
                  key, value);
}

bool ledger_has_results(struct ledger *ledger)
{
    return sql_number(ledger->sql, 1,
                      "SELECT EXISTS (SELECT 1 FROM tasks WHERE state = 'done')"
                      " OR EXISTS (SELECT 1 FROM meta WHERE key = 'queue batch')",
                      "") != 0;
}

/* ---- the present list ---- */

diffedit_status ledger_begin_list(struct ledger *ledger, diffedit_error *error)
{
    return sql_script(ledger->sql,
                      "DROP TABLE IF EXISTS temp.listed;"
                      "CREATE TEMP TABLE listed (number INTEGER PRIMARY KEY, task_id TEXT,"
                      " name TEXT, picture_path TEXT, mask_path TEXT, correction_path TEXT,"
                      " true_mask TEXT, category TEXT);"
                      "DROP TABLE IF EXISTS temp.failures;"
                      "CREATE TEMP TABLE failures (id TEXT PRIMARY KEY, message TEXT)",
                      error);
}

diffedit_status ledger_add(struct ledger *ledger, const ledger_line *line, const char *task,
                           const char *picture, const char *kin, const char *failure,
                           diffedit_error *error)
{
    diffedit_status status = sql_do(
        ledger->sql, NULL, error, "INSERT INTO temp.listed VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        "ittttttt", line->number, line->task_id, line->name, line->picture_path, line->mask_path,
        line->correction_path, line->true_mask, line->category);
    if (status == DIFFEDIT_OK)
        status = sql_do(ledger->sql, NULL, error,
                        "INSERT INTO tasks (id, task, picture, kin, state) VALUES"
                        " (?1, ?2, ?3, ?4, 'waiting') ON CONFLICT (id) DO NOTHING",
                        "tttt", line->task_id, task, picture, kin);
    if (status == DIFFEDIT_OK && failure)
        status = sql_do(ledger->sql, NULL, error,
                        "INSERT OR REPLACE INTO temp.failures VALUES (?1, ?2)", "tt", line->task_id,
                        failure);
    return status;
}

diffedit_status ledger_end_list(struct ledger *ledger, diffedit_error *error)
{
    static const char *const steps[] = {
        "DELETE FROM lines",
        "INSERT INTO lines SELECT * FROM temp.listed",
        "DROP TABLE temp.listed",
        ("UPDATE tasks SET " WAITS_AGAIN " WHERE state = 'failed'"),
        ("UPDATE tasks SET state = 'failed',"
         " message = (SELECT message FROM temp.failures WHERE failures.id = tasks.id)"
         " WHERE state = 'waiting' AND id IN (SELECT id FROM temp.failures)"),
        ("DELETE FROM tasks WHERE state <> 'done'"
         " AND NOT EXISTS (SELECT 1 FROM lines WHERE task_id = tasks.id)"),
    };
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == DIFFEDIT_OK; i++)
        status = sql_script(ledger->sql, steps[i], error);
    return status;
}

diffedit_status ledger_take_done(struct ledger *ledger, const char *path, diffedit_error *error)
{
    struct ledger *other = NULL;
    diffedit_status status = ledger_open_to_read(&other, path, error); /* its version is known */
    if (status != DIFFEDIT_OK)
        return status;
    ledger_close(other);
    status = sql_do(ledger->sql, NULL, error, "ATTACH ?1 AS other", "t", path);
    if (status == DIFFEDIT_OK)
        status = sql_do(ledger->sql, NULL, error,
                        "UPDATE tasks SET state = 'done' WHERE state = 'waiting' AND id IN"
                        " (SELECT id FROM other.tasks WHERE state = 'done')",
                        "");
    return status;
}

bool ledger_known_file(char hash[TASK_HASH], struct ledger *ledger, const char *path, int64_t size,
                       int64_t changed)
{
    sqlite3_stmt *row = sql_ask(ledger->sql, NULL,
                                "SELECT hash FROM files WHERE path = ?1 AND size = ?2"
                                " AND changed = ?3",
                                "tii", path, size, changed);
    bool known = sql_row(row);
    if (known)
        sql_copy(hash, TASK_HASH, row, 0);
    sql_done(ledger->sql, row, NULL);
    return known;
}

diffedit_status ledger_note_file(struct ledger *ledger, const char *path, int64_t size,
                                 int64_t changed, const char *hash, diffedit_error *error)
{
    return sql_do(ledger->sql, NULL, error, "INSERT OR REPLACE INTO files VALUES (?1, ?2, ?3, ?4)",
                  "tiit", path, size, changed, hash);
}

int64_t ledger_place(struct ledger *ledger, const char *path, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    if (!ledger->has_places)
        status = sql_script(
            ledger->sql, "CREATE TEMP TABLE places (place INTEGER PRIMARY KEY, path TEXT UNIQUE)",
            error);
    ledger->has_places = status == DIFFEDIT_OK;
    if (status == DIFFEDIT_OK)
        status = sql_do(ledger->sql, NULL, error,
                        "INSERT INTO temp.places (path) VALUES (?1) ON CONFLICT (path) DO NOTHING",
                        "t", path);
    return status == DIFFEDIT_OK
               ? sql_number(ledger->sql, 0, "SELECT place FROM temp.places WHERE path = ?1", "t",
                            path) -
                     1
               : -1;
}

/* ---- what is to be done ---- */

diffedit_status ledger_plan(int64_t *count, struct ledger *ledger, int64_t limit,
                            diffedit_error *error)
{
    static const char *const steps[] = {
        "DROP TABLE IF EXISTS temp.plan",
        "CREATE TEMP TABLE plan (position INTEGER PRIMARY KEY, id TEXT, number INTEGER)",
        "DROP TABLE IF EXISTS temp.first",
        /* a picture's place is that of its first line, whether that is done or not */
        ("CREATE TEMP TABLE first AS SELECT picture, min(number) AS number FROM lines"
         " JOIN tasks ON tasks.id = task_id GROUP BY picture"),
        "CREATE UNIQUE INDEX temp.first_picture ON first (picture)",
    };
    diffedit_status status = DIFFEDIT_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == DIFFEDIT_OK; i++)
        status = sql_script(ledger->sql, steps[i], error);
    if (status == DIFFEDIT_OK)
        status = sql_do(
            ledger->sql, NULL, error,
            "INSERT INTO temp.plan (id, number) SELECT tasks.id, min(lines.number) AS own"
            " FROM lines JOIN tasks ON tasks.id = task_id JOIN temp.first USING (picture)"
            " WHERE state = 'waiting' GROUP BY tasks.id ORDER BY first.number, kin, own LIMIT ?1",
            "i", limit > 0 ? limit : (int64_t)-1);
    *count = status == DIFFEDIT_OK
                 ? sql_number(ledger->sql, 0, "SELECT count(*) FROM temp.plan", "")
                 : 0;
    return status;
}

bool ledger_planned(ledger_item *item, struct ledger *ledger, int64_t position,
                    diffedit_error *error)
{
    diffedit_error reason = {.code = DIFFEDIT_OK};
    sqlite3_stmt *row = sql_ask(ledger->sql, &reason,
                                "SELECT plan.number, plan.id, task, picture_path, mask_path,"
                                " correction_path FROM temp.plan JOIN tasks ON tasks.id = plan.id"
                                " JOIN lines ON lines.number = plan.number WHERE position = ?1",
                                "i", position + 1);
    bool there = sql_row(row);
    *item = (ledger_item){.number = 0};
    if (there) {
        *item = (ledger_item){.number = sqlite3_column_int64(row, 0),
                              .task = sql_text(row, 2),
                              .picture_path = sql_text(row, 3),
                              .mask_path = sql_text(row, 4),
                              .correction_path = sql_text(row, 5)};
        sql_copy(item->id, sizeof item->id, row, 1);
    }
    sql_done(ledger->sql, row, &reason);
    if (error)
        *error = reason;
    return there;
}

void ledger_item_free(ledger_item *item)
{
    free(item->task);
    free(item->picture_path);
    free(item->mask_path);
    free(item->correction_path);
    *item = (ledger_item){.number = 0};
}

bool ledger_waits(struct ledger *ledger, const char *id)
{
    return sql_number(ledger->sql, 0,
                      "SELECT EXISTS (SELECT 1 FROM tasks WHERE id = ?1 AND state = 'waiting')"
                      " AND EXISTS (SELECT 1 FROM lines WHERE task_id = ?1)",
                      "t", id) != 0;
}

/* ---- what came of it ---- */

diffedit_status ledger_record(bool *recorded, struct ledger *ledger, const ledger_task *task,
                              diffedit_error *error)
{
    int changes = 0;
    diffedit_status status = sql_do(
        ledger->sql, &changes, error,
        "UPDATE tasks SET state = ?2, result = ?3, mask = ?4, sha256 = ?5, message = ?6,"
        " seconds = ?7, evaluations = ?8, mask_share = ?9, width = ?10, height = ?11,"
        " warnings = ?12, worker = ?13, tries = ?14, ended = ?15, device = ?16"
        " WHERE id = ?1 AND state = 'waiting'",
        "ttttttdidiittidt", task->id, ledger_state_names[task->state], task->result, task->mask,
        task->sha256, task->message, task->seconds, task->evaluations, task->mask_share,
        (int64_t)task->width, (int64_t)task->height, task->warnings, task->worker,
        (int64_t)task->tries, task->ended, task->device);
    *recorded = changes > 0;
    return status;
}

diffedit_status ledger_again(struct ledger *ledger, const char *id, diffedit_error *error)
{
    return sql_do(ledger->sql, NULL, error, "UPDATE tasks SET " WAITS_AGAIN " WHERE id = ?1", "t",
                  id);
}

/* ---- looking ---- */

diffedit_status ledger_count(ledger_counts *counts, struct ledger *ledger, diffedit_error *error)
{
    *counts = (ledger_counts){.lines = 0};
    sqlite3_stmt *row = sql_ask(ledger->sql, error,
                                "SELECT state, count(*), count(DISTINCT tasks.id) FROM lines"
                                " JOIN tasks ON tasks.id = task_id GROUP BY state",
                                "");
    while (sql_row(row)) {
        const char *state = (const char *)sqlite3_column_text(row, 0);
        int64_t lines = sqlite3_column_int64(row, 1), tasks = sqlite3_column_int64(row, 2);
        counts->lines += lines;
        counts->tasks += tasks;
        if (strcmp(state, ledger_state_names[LEDGER_DONE]) == 0) {
            counts->lines_done = lines;
            counts->done = tasks;
        } else if (strcmp(state, ledger_state_names[LEDGER_FAILED]) == 0) {
            counts->lines_failed = lines;
            counts->failed = tasks;
        } else {
            counts->waiting += tasks;
        }
    }
    return sql_done(ledger->sql, row, error);
}

static const char *text_at(sqlite3_stmt *row, int column)
{
    return (const char *)sqlite3_column_text(row, column);
}

static ledger_state state_of(const char *name)
{
    for (int i = LEDGER_WAITING; i <= LEDGER_FAILED; i++)
        if (name && strcmp(name, ledger_state_names[i]) == 0)
            return (ledger_state)i;
    return LEDGER_FAILED;
}

diffedit_status ledger_each_line(struct ledger *ledger, ledger_line_fn each, void *user,
                                 diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    sqlite3_stmt *row = sql_ask(
        ledger->sql, error,
        "SELECT number, task_id, name, picture_path, mask_path, correction_path, true_mask,"
        " category, task, state, result, mask, sha256, message, seconds, evaluations, mask_share,"
        " width, height, warnings, worker, tries, ended, device FROM lines"
        " JOIN tasks ON tasks.id = task_id ORDER BY number",
        "");
    while (status == DIFFEDIT_OK && sql_row(row)) {
        const ledger_line line = {.number = sqlite3_column_int64(row, 0),
                                  .task_id = text_at(row, 1),
                                  .name = text_at(row, 2),
                                  .picture_path = text_at(row, 3),
                                  .mask_path = text_at(row, 4),
                                  .correction_path = text_at(row, 5),
                                  .true_mask = text_at(row, 6),
                                  .category = text_at(row, 7)};
        const ledger_task task = {.id = line.task_id,
                                  .task = text_at(row, 8),
                                  .state = state_of(text_at(row, 9)),
                                  .result = text_at(row, 10),
                                  .mask = text_at(row, 11),
                                  .sha256 = text_at(row, 12),
                                  .message = text_at(row, 13),
                                  .seconds = sqlite3_column_double(row, 14),
                                  .evaluations = sqlite3_column_int64(row, 15),
                                  .mask_share = sqlite3_column_double(row, 16),
                                  .width = sqlite3_column_int(row, 17),
                                  .height = sqlite3_column_int(row, 18),
                                  .warnings = text_at(row, 19),
                                  .worker = text_at(row, 20),
                                  .tries = sqlite3_column_int(row, 21),
                                  .ended = sqlite3_column_double(row, 22),
                                  .device = text_at(row, 23)};
        status = each(user, &line, &task, error);
    }
    diffedit_status done = sql_done(ledger->sql, row, status == DIFFEDIT_OK ? error : NULL);
    return status == DIFFEDIT_OK ? done : status;
}
