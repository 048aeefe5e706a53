/* Jobs in the store. */
#include "store_inside.h"

#include <stdlib.h>
#include <string.h>

const char *const store_state_names[] = {"queued", "running", "done", "failed", "stopped", NULL};

#define COLUMNS \
    "id, serial, state, request, created, started, ended, error, message, warnings, map," \
    " map_width, map_height, found, share, has_result"

void store_job_free(store_job *job)
{
    json_decref(job->request);
    json_decref(job->warnings);
    free(job->message);
}

static store_state state_of(const char *name)
{
    for (int i = 0; store_state_names[i] && name; i++)
        if (strcmp(store_state_names[i], name) == 0)
            return (store_state)i;
    return STORE_FAILED;
}

static void read_job(store_job *job, sqlite3_stmt *row)
{
    *job = (store_job){
        .serial = sqlite3_column_int64(row, 1),
        .state = state_of((const char *)sqlite3_column_text(row, 2)),
        .request = sql_json(row, 3),
        .created = sqlite3_column_double(row, 4),
        .started = sqlite3_column_double(row, 5),
        .ended = sqlite3_column_double(row, 6),
        .message = sql_text(row, 8),
        .warnings = sql_json(row, 9),
        .map_width = sqlite3_column_int(row, 11),
        .map_height = sqlite3_column_int(row, 12),
        .share = sqlite3_column_double(row, 14),
        .has_result = sqlite3_column_int(row, 15) != 0,
    };
    sql_copy(job->id, sizeof job->id, row, 0);
    sql_copy(job->error, sizeof job->error, row, 7);
    sql_copy(job->map, sizeof job->map, row, 10);
    sql_copy(job->found, sizeof job->found, row, 13);
}

const char *store_text_of(const json_t *request, const char *name)
{
    return json_string_value(json_object_get(request, name));
}

diffedit_status store_add_job(struct store *store, store_job *job, diffedit_error *error)
{
    char *request = json_dumps(job->request, JSON_COMPACT);
    if (!request)
        return de_fail_memory(error, 1, "a job");
    diffedit_status status = sql_begin(store->sql, error);
    if (status == DIFFEDIT_OK) {
        status = sql_do(store->sql, NULL, error,
                        "INSERT INTO jobs (id, state, request, picture, mask, correction,"
                        " created) VALUES (?1, 'queued', ?2, ?3, ?4, ?5, ?6)",
                        "tttttd", job->id, request, store_text_of(job->request, "picture"),
                        store_text_of(job->request, "mask"),
                        store_text_of(job->request, "correction"), job->created);
        if (status == DIFFEDIT_OK)
            job->serial = sql_number(store->sql, 0, "SELECT serial FROM jobs WHERE id = ?1", "t",
                                     job->id);
        status = sql_end(store->sql, status, error);
    }
    free(request);
    return status;
}

/* The first row of a statement. */
static bool read_first(store_job *job, struct store *store, sqlite3_stmt *statement)
{
    bool there = sql_row(statement);
    if (there)
        read_job(job, statement);
    else
        *job = (store_job){.serial = 0};
    sql_done(store->sql, statement, NULL);
    return there;
}

bool store_get_job(store_job *job, struct store *store, const char *id)
{
    sqlite3_stmt *statement = sql_ask(store->sql, NULL,
                                      "SELECT " COLUMNS " FROM jobs WHERE id = ?1", "t", id);
    return read_first(job, store, statement);
}

bool store_take_job(store_job *job, struct store *store, double now)
{
    sql_lock(store->sql);
    sqlite3_stmt *statement = sql_ask(store->sql, NULL,
                                      "SELECT " COLUMNS " FROM jobs WHERE state = 'queued'"
                                      " ORDER BY serial LIMIT 1",
                                      "");
    bool there = read_first(job, store, statement);
    if (there) {
        job->state = STORE_RUNNING;
        job->started = now;
        there = sql_do(store->sql, NULL, NULL,
                       "UPDATE jobs SET state = 'running', started = ?2 WHERE id = ?1", "td",
                       job->id, now) == DIFFEDIT_OK;
        if (!there)
            store_job_free(job);
    }
    sql_unlock(store->sql);
    return there;
}

diffedit_status store_end_job(bool *ended, struct store *store, const store_job *job,
                              diffedit_error *error)
{
    int changes = 0;
    char *warnings = json_dumps(job->warnings, JSON_COMPACT);
    if (!warnings)
        return de_fail_memory(error, 1, "a job");
    diffedit_status status = sql_do(
        store->sql, &changes, error,
        "UPDATE jobs SET state = ?2, ended = ?3, error = ?4, message = ?5, warnings = ?6, map = ?7,"
        " map_width = ?8, map_height = ?9, found = ?10, share = ?11, has_result = ?12"
        " WHERE id = ?1 AND state = 'running'",
        "ttdttttiitdi", job->id, store_state_names[job->state], job->ended, job->error,
        job->message, warnings, sql_or_null(job->map), (int64_t)job->map_width,
        (int64_t)job->map_height, sql_or_null(job->found), job->share, (int64_t)job->has_result);
    free(warnings);
    *ended = changes > 0;
    return status;
}

bool store_stop_queued(struct store *store, const char *id, double now)
{
    int changes = 0;
    sql_do(store->sql, &changes, NULL,
           "UPDATE jobs SET state = 'stopped', ended = ?2 WHERE id = ?1 AND state = 'queued'", "td",
           id, now);
    return changes > 0;
}

diffedit_status store_requeue(struct store *store, diffedit_error *error)
{
    return sql_do(store->sql, NULL, error,
                  "UPDATE jobs SET state = 'queued', started = 0 WHERE state = 'running'", "");
}

/* ---- forgetting ---- */

diffedit_status store_forget_job(struct store *store, const char *id, diffedit_error *error)
{
    return sql_do(store->sql, NULL, error, "DELETE FROM jobs WHERE id = ?1", "t", id);
}

diffedit_status store_forget_old_jobs(struct store *store, int keep, diffedit_error *error)
{
    return sql_do(
        store->sql, NULL, error,
        "DELETE FROM jobs WHERE serial IN (SELECT serial FROM jobs WHERE NOT has_result"
        " AND state IN ('done', 'failed', 'stopped') ORDER BY serial DESC LIMIT -1 OFFSET ?1)",
        "i", (int64_t)keep);
}

diffedit_status store_forget_ended_jobs(struct store *store, const char *picture,
                                        diffedit_error *error)
{
    return sql_do(store->sql, NULL, error,
                  "DELETE FROM jobs WHERE NOT has_result AND state IN ('done', 'failed', 'stopped')"
                  " AND (?1 IS NULL OR picture = ?1)",
                  "t", picture);
}

/* ---- looking ---- */

int64_t store_count_queued(struct store *store, int64_t before)
{
    return sql_number(store->sql, 0,
                      "SELECT count(*) FROM jobs WHERE state = 'queued' AND serial < ?1", "i",
                      before);
}

int64_t store_count_running(struct store *store)
{
    return sql_number(store->sql, 0, "SELECT count(*) FROM jobs WHERE state = 'running'", "");
}

diffedit_status store_each_job(struct store *store, int state, int limit, store_job_fn each,
                               void *user, diffedit_error *error)
{
    sqlite3_stmt *statement = state >= 0 ? sql_ask(store->sql, error,
                                                   "SELECT " COLUMNS " FROM jobs WHERE state = ?1"
                                                   " ORDER BY serial LIMIT ?2",
                                                   "ti", store_state_names[state], (int64_t)limit)
                                         : sql_ask(store->sql, error,
                                                   "SELECT " COLUMNS
                                                   " FROM jobs ORDER BY serial DESC LIMIT ?1",
                                                   "i", (int64_t)limit);
    while (sql_row(statement)) {
        store_job job;
        read_job(&job, statement);
        each(user, &job);
        store_job_free(&job);
    }
    return sql_done(store->sql, statement, error);
}
