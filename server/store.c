#include "store_inside.h"

#include <stdlib.h>

#include <utf8proc.h>

/* A version that was released never changes. */
static const char *const versions[] = {
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
static const sql_schema schema = {versions, sizeof versions / sizeof *versions};

diffedit_status store_open(struct store **opened, const char *path, diffedit_error *error)
{
    struct store *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "the store");
    diffedit_status status = sql_open(&new->sql, path, &schema, error);
    if (status == DIFFEDIT_OK)
        *opened = new;
    else
        free(new);
    return status;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    sql_close(store->sql);
    free(store);
}

diffedit_status store_begin(struct store *store, diffedit_error *error)
{
    return sql_begin(store->sql, error);
}

diffedit_status store_end(struct store *store, diffedit_status status, diffedit_error *error)
{
    return sql_end(store->sql, status, error);
}

char *store_fold(const char *text)
{
    return (char *)utf8proc_NFKC_Casefold((const utf8proc_uint8_t *)text);
}

/* ---- how fast this machine is ---- */

double store_get_rate(struct store *store, const char *key, int stage)
{
    double seconds = 0;
    sqlite3_stmt *statement = sql_ask(store->sql, NULL,
                                      "SELECT seconds FROM rates WHERE key = ?1 AND stage = ?2",
                                      "ti", key, (int64_t)stage);
    if (sql_row(statement))
        seconds = sqlite3_column_double(statement, 0);
    sql_done(store->sql, statement, NULL);
    return seconds;
}

diffedit_status store_set_rate(struct store *store, const char *key, int stage, double seconds,
                               diffedit_error *error)
{
    return sql_do(store->sql, NULL, error, "INSERT OR REPLACE INTO rates VALUES (?1, ?2, ?3)",
                  "tid", key, (int64_t)stage, seconds);
}
