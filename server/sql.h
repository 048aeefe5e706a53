/* A database of SQLite in one file: its schema, statements that are prepared once, transactions.
 * Each call takes the database's lock for itself; sql_lock() and sql_begin() hold it over several,
 * because it may be taken again. Any thread may call. */
#ifndef SERVER_SQL_H
#define SERVER_SQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <sqlite3.h>

#include "common/error.h"

struct sql;

/* What each version of a schema adds to the one before, as scripts; the number of those that are
 * done is the file's `user_version`. A version that was released never changes. */
typedef struct sql_schema {
    const char *const *versions; /* [count] */
    int count;
} sql_schema;

/* Opens or makes the database at `path`, and brings its schema to the last version. Its journal is
 * written ahead where the file system can do that. Errors: FILE (also: it is of a later version),
 * MEMORY. */
diffedit_status sql_open(struct sql **opened, const char *path, const sql_schema *schema,
                         diffedit_error *error);
/* Opens one that is there, of one of the schema's versions, to read from. Errors: as above. */
diffedit_status sql_open_to_read(struct sql **opened, const char *path, const sql_schema *schema,
                                 diffedit_error *error);
/* Takes NULL. */
void sql_close(struct sql *sql);
void sql_lock(struct sql *sql);
void sql_unlock(struct sql *sql);

/* Changes between the two happen together or not at all, and last once sql_end() returned OK. Other
 * threads wait meanwhile. sql_end() takes the status so far, and undoes all unless it is OK; after
 * a sql_begin() that failed it is not called. Errors: FILE. */
diffedit_status sql_begin(struct sql *sql, diffedit_error *error);
diffedit_status sql_end(struct sql *sql, diffedit_status status, diffedit_error *error);

/* A statement with its values bound by `format`: t text (NULL: null), i int64_t, d double. It is
 * prepared once: `text` is static. NULL and a sentence on failure. The lock is held from here to
 * sql_done(), which ends it. */
sqlite3_stmt *sql_ask(struct sql *sql, diffedit_error *error, const char *text, const char *format,
                      ...);
/* True: there is a row; false also for NULL. */
bool sql_row(sqlite3_stmt *statement);
/* Errors: FILE, where the last sql_row() failed, or for NULL. */
diffedit_status sql_done(struct sql *sql, sqlite3_stmt *statement, diffedit_error *error);
/* A statement without rows, at once; `changes` (may be NULL): how many rows it changed. */
diffedit_status sql_do(struct sql *sql, int *changes, diffedit_error *error, const char *text,
                       const char *format, ...);
/* Statements without values or rows, which may change the schema. Errors: FILE. */
diffedit_status sql_script(struct sql *sql, const char *script, diffedit_error *error);
/* The number of one row of one column; `otherwise` where there is none. */
int64_t sql_number(struct sql *sql, int64_t otherwise, const char *text, const char *format, ...);

/* A column as text that the caller frees; NULL: null, or memory. */
char *sql_text(sqlite3_stmt *statement, int column);
void sql_copy(char *text, size_t size, sqlite3_stmt *statement, int column);
/* A column as JSON; null where it is none. */
json_t *sql_json(sqlite3_stmt *statement, int column);
/* NULL for "". */
const char *sql_or_null(const char *text);

#endif
