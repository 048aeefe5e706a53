#include "sql.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATEMENTS = 96 };

struct sql {
    sqlite3 *database;
    char *path;
    pthread_mutex_t mutex; /* recursive: a function may call another inside sql_begin() */
    int depth;             /* of sql_begin() */
    struct {
        const char *text;
        sqlite3_stmt *statement;
    } prepared[STATEMENTS];
    int prepared_count;
};

static diffedit_status fail(const struct sql *sql, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: %s", sql->path,
                   sql->database ? sqlite3_errmsg(sql->database) : "out of memory");
}

void sql_lock(struct sql *sql)
{
    pthread_mutex_lock(&sql->mutex);
}

void sql_unlock(struct sql *sql)
{
    pthread_mutex_unlock(&sql->mutex);
}

/* ---- statements ---- */

static sqlite3_stmt *prepare(struct sql *sql, const char *text)
{
    for (int i = 0; i < sql->prepared_count; i++)
        if (sql->prepared[i].text == text)
            return sql->prepared[i].statement;
    sqlite3_stmt *statement = NULL;
    if (sql->prepared_count == STATEMENTS ||
        sqlite3_prepare_v3(sql->database, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
            SQLITE_OK)
        return NULL;
    sql->prepared[sql->prepared_count].text = text;
    sql->prepared[sql->prepared_count++].statement = statement;
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

static sqlite3_stmt *ask(struct sql *sql, diffedit_error *error, const char *text,
                         const char *format, va_list values)
{
    sql_lock(sql);
    sqlite3_stmt *statement = prepare(sql, text);
    if (statement && bind(statement, format, values))
        return statement;
    fail(sql, error);
    if (statement)
        sqlite3_reset(statement);
    sql_unlock(sql);
    return NULL;
}

sqlite3_stmt *sql_ask(struct sql *sql, diffedit_error *error, const char *text, const char *format,
                      ...)
{
    va_list values;
    va_start(values, format);
    sqlite3_stmt *statement = ask(sql, error, text, format, values);
    va_end(values);
    return statement;
}

bool sql_row(sqlite3_stmt *statement)
{
    return statement && sqlite3_step(statement) == SQLITE_ROW;
}

diffedit_status sql_done(struct sql *sql, sqlite3_stmt *statement, diffedit_error *error)
{
    if (!statement)
        return DIFFEDIT_ERROR_FILE;
    int code = sqlite3_reset(statement); /* the code of the last step, if that failed */
    sqlite3_clear_bindings(statement);
    diffedit_status status = code == SQLITE_OK ? DIFFEDIT_OK : fail(sql, error);
    sql_unlock(sql);
    return status;
}

diffedit_status sql_do(struct sql *sql, int *changes, diffedit_error *error, const char *text,
                       const char *format, ...)
{
    va_list values;
    sql_lock(sql);
    va_start(values, format);
    sqlite3_stmt *statement = ask(sql, error, text, format, values);
    va_end(values);
    sql_row(statement);
    diffedit_status status = sql_done(sql, statement, error);
    if (changes)
        *changes = status == DIFFEDIT_OK ? sqlite3_changes(sql->database) : 0;
    sql_unlock(sql);
    return status;
}

int64_t sql_number(struct sql *sql, int64_t otherwise, const char *text, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    sqlite3_stmt *statement = ask(sql, NULL, text, format, values);
    va_end(values);
    int64_t number = otherwise;
    if (sql_row(statement))
        number = sqlite3_column_int64(statement, 0);
    sql_done(sql, statement, NULL);
    return number;
}

char *sql_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text ? strdup(text) : NULL;
}

void sql_copy(char *text, size_t size, sqlite3_stmt *statement, int column)
{
    const char *value = (const char *)sqlite3_column_text(statement, column);
    snprintf(text, size, "%s", value ? value : "");
}

json_t *sql_json(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *)sqlite3_column_text(statement, column);
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    return value ? value : json_null();
}

const char *sql_or_null(const char *text)
{
    return text && text[0] ? text : NULL;
}

/* ---- transactions ---- */

diffedit_status sql_begin(struct sql *sql, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    sql_lock(sql);
    if (sql->depth == 0)
        status = sql_do(sql, NULL, error, "BEGIN IMMEDIATE", "");
    if (status == DIFFEDIT_OK)
        sql->depth++;
    else
        sql_unlock(sql);
    return status;
}

diffedit_status sql_end(struct sql *sql, diffedit_status status, diffedit_error *error)
{
    if (--sql->depth == 0 && status == DIFFEDIT_OK)
        status = sql_do(sql, NULL, error, "COMMIT", "");
    if (sql->depth == 0 && status != DIFFEDIT_OK)
        sql_do(sql, NULL, NULL, "ROLLBACK", "");
    sql_unlock(sql);
    return status;
}

/* ---- opening ---- */

diffedit_status sql_script(struct sql *sql, const char *script, diffedit_error *error)
{
    sql_lock(sql);
    int code = sqlite3_exec(sql->database, script, NULL, NULL, NULL);
    diffedit_status status = code == SQLITE_OK ? DIFFEDIT_OK : fail(sql, error);
    sql_unlock(sql);
    return status;
}

/* The version of the schema that the file has; -1 and a sentence: none that is known. */
static int64_t version_of(struct sql *sql, const sql_schema *schema, diffedit_error *error)
{
    int64_t version = sql_number(sql, -1, "PRAGMA user_version", "");
    if (version < 0)
        fail(sql, error);
    else if (version > schema->count)
        de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: was written by a later version of diffedit",
                sql->path);
    return version <= schema->count ? version : -1;
}

static diffedit_status migrate(struct sql *sql, const sql_schema *schema, diffedit_error *error)
{
    char script[48];
    int64_t version = version_of(sql, schema, error);
    if (version < 0)
        return DIFFEDIT_ERROR_FILE;
    for (int i = (int)version; i < schema->count; i++) {
        diffedit_status status = sql_begin(sql, error);
        if (status != DIFFEDIT_OK)
            return status;
        snprintf(script, sizeof script, "PRAGMA user_version = %d", i + 1);
        status = sql_script(sql, schema->versions[i], error);
        if (status == DIFFEDIT_OK)
            status = sql_script(sql, script, error);
        status = sql_end(sql, status, error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    return DIFFEDIT_OK;
}

/* Opens the file as the flags of sqlite3_open_v2() say. */
static diffedit_status open_file(struct sql **opened, const char *path, int flags,
                                 diffedit_error *error)
{
    enum { PATIENCE_MS = 10000 }; /* with another process that writes */
    struct sql *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a database");
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&new->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    new->path = strdup(path);
    diffedit_status status = DIFFEDIT_OK;
    if (!new->path)
        status = de_fail_memory(error, strlen(path), "a path");
    else if (sqlite3_open_v2(path, &new->database, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        status = fail(new, error);
    if (status == DIFFEDIT_OK) {
        sqlite3_busy_timeout(new->database, PATIENCE_MS);
        status = sql_script(new, "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF", error);
    }
    if (status == DIFFEDIT_OK)
        *opened = new;
    else
        sql_close(new);
    return status;
}

diffedit_status sql_open(struct sql **opened, const char *path, const sql_schema *schema,
                         diffedit_error *error)
{
    struct sql *new;
    diffedit_status status = open_file(&new, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                       error);
    if (status != DIFFEDIT_OK)
        return status;
    status = sql_script(new, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", error);
    if (status == DIFFEDIT_OK)
        status = migrate(new, schema, error);
    if (status == DIFFEDIT_OK)
        *opened = new;
    else
        sql_close(new);
    return status;
}

diffedit_status sql_open_to_read(struct sql **opened, const char *path, const sql_schema *schema,
                                 diffedit_error *error)
{
    struct sql *new;
    diffedit_status status = open_file(&new, path, SQLITE_OPEN_READONLY, error);
    if (status != DIFFEDIT_OK)
        return status;
    int64_t version = version_of(new, schema, error);
    if (version == 0)
        de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: has none of the tables that were expected",
                path);
    if (version > 0)
        *opened = new;
    else
        sql_close(new);
    return version > 0 ? DIFFEDIT_OK : DIFFEDIT_ERROR_FILE;
}

void sql_close(struct sql *sql)
{
    if (!sql)
        return;
    for (int i = 0; i < sql->prepared_count; i++)
        sqlite3_finalize(sql->prepared[i].statement);
    sqlite3_close(sql->database);
    pthread_mutex_destroy(&sql->mutex);
    free(sql->path);
    free(sql);
}
