/* Running statements of SQL, for store*.c. Each takes the store's lock for itself; store_lock() and
 * store_begin() hold it over several, because it may be taken again. */
#ifndef SERVER_STATEMENTS_H
#define SERVER_STATEMENTS_H

#include <sqlite3.h>

#include "store.h"

void store_lock(struct store *store);
void store_unlock(struct store *store);

/* A statement with its values bound by `format`: t text (NULL: null), i int64_t, d double. It is
 * prepared once: `sql` is static. NULL and a sentence on failure. The lock is held from here to
 * store_done(), which ends it. */
sqlite3_stmt *store_ask(struct store *store, diffedit_error *error, const char *sql,
                        const char *format, ...);
/* True: there is a row; false also for NULL. */
bool store_row(sqlite3_stmt *statement);
/* Errors: FILE, where the last store_row() failed, or for NULL. */
diffedit_status store_done(struct store *store, sqlite3_stmt *statement, diffedit_error *error);
/* A statement without rows, at once; `changes` (may be NULL): how many rows it changed. */
diffedit_status store_do(struct store *store, int *changes, diffedit_error *error, const char *sql,
                         const char *format, ...);
/* The number of one row of one column; `otherwise` where there is none. */
int64_t store_number(struct store *store, int64_t otherwise, const char *sql, const char *format,
                     ...);

/* A column as text that the caller frees; NULL: null, or memory. */
char *store_text(sqlite3_stmt *statement, int column);
void store_copy(char *text, size_t size, sqlite3_stmt *statement, int column);
/* A column as JSON; null where it is none. */
json_t *store_json(sqlite3_stmt *statement, int column);
/* NULL for "". */
const char *store_or_null(const char *text);
/* A text for comparison without regard to case; freed by the caller, NULL: memory. */
char *store_fold(const char *text);

#endif
