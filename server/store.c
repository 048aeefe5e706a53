#include "store.h"

#include "statements.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utf8proc.h>

enum { STATEMENTS = 96 };

struct store {
    sqlite3 *database;
    char *path;
    pthread_mutex_t mutex; /* recursive: a function may call another inside store_begin() */
    int depth;             /* of store_begin() */
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } prepared[STATEMENTS];
    int prepared_count;
};

/* What each version of the schema adds; the number of those that are done is `user_version`. A
 * version that was released never changes. */
static const char *const migrations[] = {
    "CREATE TABLE files (id TEXT PRIMARY KEY, bytes INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE pictures (id TEXT PRIMARY KEY REFERENCES files, name TEXT NOT NULL,"
    " format TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL, warning TEXT,"
    " record TEXT, created REAL NOT NULL);"
    "CREATE TABLE masks (id TEXT PRIMARY KEY REFERENCES files, format TEXT NOT NULL,"
    " width INTEGER NOT NULL, height INTEGER NOT NULL, created REAL NOT NULL);"
    "CREATE TABLE jobs (serial INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " state TEXT NOT NULL, request TEXT NOT NULL, picture TEXT REFERENCES pictures,"
    " mask TEXT REFERENCES masks, correction TEXT REFERENCES masks, created REAL NOT NULL,"
    " started REAL NOT NULL DEFAULT 0, ended REAL NOT NULL DEFAULT 0,"
    " error TEXT NOT NULL DEFAULT '', message TEXT, warnings TEXT NOT NULL DEFAULT '[]',"
    " map TEXT REFERENCES files, map_width INTEGER NOT NULL DEFAULT 0,"
    " map_height INTEGER NOT NULL DEFAULT 0, found TEXT REFERENCES files,"
    " share REAL NOT NULL DEFAULT 0, has_result INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX jobs_state ON jobs (state, serial);"
    "CREATE INDEX jobs_picture ON jobs (picture);"
    "CREATE INDEX jobs_mask ON jobs (mask);"
    "CREATE INDEX jobs_correction ON jobs (correction);"
    "CREATE INDEX jobs_map ON jobs (map);"
    "CREATE INDEX jobs_found ON jobs (found);"
    "CREATE TABLE results (serial INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
    " request TEXT NOT NULL, picture TEXT REFERENCES pictures, mask TEXT REFERENCES masks,"
    " correction TEXT REFERENCES masks, name TEXT NOT NULL, words TEXT NOT NULL,"
    " seed TEXT NOT NULL, file TEXT NOT NULL REFERENCES files, found TEXT REFERENCES files,"
    " format TEXT NOT NULL, share REAL NOT NULL, created REAL NOT NULL, seconds REAL NOT NULL,"
    " width INTEGER NOT NULL, height INTEGER NOT NULL, kept INTEGER NOT NULL DEFAULT 0);"
    "CREATE INDEX results_picture ON results (picture);"
    "CREATE INDEX results_mask ON results (mask);"
    "CREATE INDEX results_correction ON results (correction);"
    "CREATE INDEX results_file ON results (file);"
    "CREATE INDEX results_found ON results (found);"
    "CREATE INDEX results_kept ON results (kept, serial);"
    "CREATE TABLE rates (key TEXT NOT NULL, stage INTEGER NOT NULL, seconds REAL NOT NULL,"
    " PRIMARY KEY (key, stage)) WITHOUT ROWID;",
};
enum { MIGRATIONS = sizeof migrations / sizeof *migrations };

static diffedit_status fail(const struct store *store, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: %s", store->path,
                   store->database ? sqlite3_errmsg(store->database) : "out of memory");
}

void store_lock(struct store *store)
{
    pthread_mutex_lock(&store->mutex);
}

void store_unlock(struct store *store)
{
    pthread_mutex_unlock(&store->mutex);
}

/* ---- statements ---- */

static sqlite3_stmt *prepare(struct store *store, const char *sql)
{
    for (int i = 0; i < store->prepared_count; i++)
        if (store->prepared[i].sql == sql)
            return store->prepared[i].statement;
    sqlite3_stmt *statement = NULL;
    if (store->prepared_count == STATEMENTS ||
        sqlite3_prepare_v3(store->database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
            SQLITE_OK)
        return NULL;
    store->prepared[store->prepared_count].sql = sql;
    store->prepared[store->prepared_count++].statement = statement;
    return statement;
}

static bool bind(sqlite3_stmt *statement, const char *format, va_list values)
{
    int code = SQLITE_OK;
    for (int i = 0; format[i] && code == SQLITE_OK; i++)
        switch (format[i]) {
        case 't':
            code = sqlite3_bind_text(statement, i + 1, va_arg(values, const char *), -1,
                                     SQLITE_TRANSIENT);
            break;
        case 'i': code = sqlite3_bind_int64(statement, i + 1, va_arg(values, int64_t)); break;
        default: code = sqlite3_bind_double(statement, i + 1, va_arg(values, double));
        }
    return code == SQLITE_OK;
}

static sqlite3_stmt *ask(struct store *store, diffedit_error *error, const char *sql,
                         const char *format, va_list values)
{
    store_lock(store);
    sqlite3_stmt *statement = prepare(store, sql);
    if (statement && bind(statement, format, values))
        return statement;
    fail(store, error);
    if (statement)
        sqlite3_reset(statement);
    store_unlock(store);
    return NULL;
}

sqlite3_stmt *store_ask(struct store *store, diffedit_error *error, const char *sql,
                        const char *format, ...)
{
    va_list values;
    va_start(values, format);
    sqlite3_stmt *statement = ask(store, error, sql, format, values);
    va_end(values);
    return statement;
}

bool store_row(sqlite3_stmt *statement)
{
    return statement && sqlite3_step(statement) == SQLITE_ROW;
}

diffedit_status store_done(struct store *store, sqlite3_stmt *statement, diffedit_error *error)
{
    if (!statement)
        return DIFFEDIT_ERROR_FILE;
    int code = sqlite3_reset(statement); /* the code of the last step, if that failed */
    sqlite3_clear_bindings(statement);
    diffedit_status status = code == SQLITE_OK ? DIFFEDIT_OK : fail(store, error);
    store_unlock(store);
    return status;
}

diffedit_status store_do(struct store *store, int *changes, diffedit_error *error, const char *sql,
                         const char *format, ...)
{
    va_list values;
    store_lock(store);
    va_start(values, format);
    sqlite3_stmt *statement = ask(store, error, sql, format, values);
    va_end(values);
    store_row(statement);
    diffedit_status status = store_done(store, statement, error);
    if (changes)
        *changes = status == DIFFEDIT_OK ? sqlite3_changes(store->database) : 0;
    store_unlock(store);
    return status;
}

int64_t store_number(struct store *store, int64_t otherwise, const char *sql, const char *format,
                     ...)
{
    va_list values;
    va_start(values, format);
    sqlite3_stmt *statement = ask(store, NULL, sql, format, values);
    va_end(values);
    int64_t number = otherwise;
    if (store_row(statement))
        number = sqlite3_column_int64(statement, 0);
    store_done(store, statement, NULL);
    return number;
}

char *store_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? strdup(text) : NULL;
}

void store_copy(char *text, size_t size, sqlite3_stmt *statement, int column)
{
    const char *value = (const char *)sqlite3_column_text(statement, column);
    snprintf(text, size, "%s", value ? value : "");
}

json_t *store_json(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return value ? value : json_null();
}

const char *store_or_null(const char *text)
{
    return text && text[0] ? text : NULL;
}

char *store_fold(const char *text)
{
    return (char *)utf8proc_NFKC_Casefold((const utf8proc_uint8_t *)text);
}

/* ---- transactions ---- */

diffedit_status store_begin(struct store *store, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    store_lock(store);
    if (store->depth == 0)
        status = store_do(store, NULL, error, "BEGIN IMMEDIATE", "");
    if (status == DIFFEDIT_OK)
        store->depth++;
    else
        store_unlock(store);
    return status;
}

diffedit_status store_end(struct store *store, diffedit_status status, diffedit_error *error)
{
    if (--store->depth == 0 && status == DIFFEDIT_OK)
        status = store_do(store, NULL, error, "COMMIT", "");
    if (store->depth == 0 && status != DIFFEDIT_OK)
        store_do(store, NULL, NULL, "ROLLBACK", "");
    store_unlock(store);
    return status;
}

/* ---- opening ---- */

static diffedit_status run_script(struct store *store, const char *script, diffedit_error *error)
{
    return sqlite3_exec(store->database, script, NULL, NULL, NULL) == SQLITE_OK
               ? DIFFEDIT_OK
               : fail(store, error);
}

static diffedit_status migrate(struct store *store, diffedit_error *error)
{
    char script[48];
    int64_t version = store_number(store, -1, "PRAGMA user_version", "");
    if (version < 0)
        return fail(store, error);
    if (version > MIGRATIONS)
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "%.300s: was written by a later version of diffedit", store->path);
    for (int i = (int)version; i < MIGRATIONS; i++) {
        diffedit_status status = store_begin(store, error);
        if (status != DIFFEDIT_OK)
            return status;
        snprintf(script, sizeof script, "PRAGMA user_version = %d", i + 1);
        status = run_script(store, migrations[i], error);
        if (status == DIFFEDIT_OK)
            status = run_script(store, script, error);
        status = store_end(store, status, error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    return DIFFEDIT_OK;
}

diffedit_status store_open(struct store **opened, const char *path, diffedit_error *error)
{
    struct store *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "the store");
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&new->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    new->path = strdup(path);
    diffedit_status status = DIFFEDIT_OK;
    if (!new->path)
        status = de_fail_memory(error, strlen(path), "a path");
    else if (sqlite3_open_v2(path, &new->database,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                             NULL) != SQLITE_OK)
        status = fail(new, error);
    if (status == DIFFEDIT_OK)
        status = run_script(new,
                            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                            "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF",
                            error);
    if (status == DIFFEDIT_OK)
        status = migrate(new, error);
    if (status == DIFFEDIT_OK)
        *opened = new;
    else
        store_close(new);
    return status;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    for (int i = 0; i < store->prepared_count; i++)
        sqlite3_finalize(store->prepared[i].statement);
    sqlite3_close(store->database);
    pthread_mutex_destroy(&store->mutex);
    free(store->path);
    free(store);
}

/* ---- how fast this machine is ---- */

double store_get_rate(struct store *store, const char *key, int stage)
{
    double seconds = 0;
    sqlite3_stmt *statement = store_ask(store, NULL,
                                        "SELECT seconds FROM rates WHERE key = ?1 AND stage = ?2",
                                        "ti", key, (int64_t)stage);
    if (store_row(statement))
        seconds = sqlite3_column_double(statement, 0);
    store_done(store, statement, NULL);
    return seconds;
}

diffedit_status store_set_rate(struct store *store, const char *key, int stage, double seconds,
                               diffedit_error *error)
{
    return store_do(store, NULL, error, "INSERT OR REPLACE INTO rates VALUES (?1, ?2, ?3)", "tid",
                    key, (int64_t)stage, seconds);
}
