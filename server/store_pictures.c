/* Files, pictures and masks in the store. */
#include "store_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- files ---- */

diffedit_status store_add_file(struct store *store, const char *id, int64_t bytes,
                               diffedit_error *error)
{
    return sql_do(store->sql, NULL, error,
                  "INSERT INTO files VALUES (?1, ?2) ON CONFLICT DO NOTHING", "ti", id, bytes);
}

diffedit_status store_remove_file(struct store *store, const char *id, diffedit_error *error)
{
    return sql_do(store->sql, NULL, error, "DELETE FROM files WHERE id = ?1", "t", id);
}

bool store_has_file(struct store *store, const char *id)
{
    return sql_number(store->sql, 0, "SELECT 1 FROM files WHERE id = ?1", "t", id) != 0;
}

int64_t store_file_bytes(struct store *store)
{
    return sql_number(store->sql, 0, "SELECT coalesce(sum(bytes), 0) FROM files", "");
}

diffedit_status store_each_file(struct store *store, bool unneeded, store_file_fn each, void *user,
                                diffedit_error *error)
{
    sqlite3_stmt *statement = sql_ask(
        store->sql, error,
        "SELECT id FROM files WHERE NOT ?1"
        " OR NOT (EXISTS (SELECT 1 FROM pictures WHERE pictures.id = files.id)"
        " OR EXISTS (SELECT 1 FROM masks WHERE masks.id = files.id)"
        " OR EXISTS (SELECT 1 FROM jobs WHERE map = files.id)"
        " OR EXISTS (SELECT 1 FROM jobs WHERE found = files.id)"
        " OR EXISTS (SELECT 1 FROM results WHERE file = files.id)"
        " OR EXISTS (SELECT 1 FROM results WHERE found = files.id))",
        "i", (int64_t)unneeded);
    while (sql_row(statement))
        each(user, (const char *)sqlite3_column_text(statement, 0));
    return sql_done(store->sql, statement, error);
}

/* ---- pictures ---- */

void store_picture_free(store_picture *picture)
{
    free(picture->name);
    free(picture->warning);
    free(picture->record);
}

diffedit_status store_add_picture(struct store *store, const store_picture *picture,
                                  diffedit_error *error)
{
    return sql_do(store->sql, NULL, error,
                  "INSERT INTO pictures (id, name, format, width, height, warning, record, created)"
                  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                  " ON CONFLICT DO UPDATE SET created = excluded.created",
                  "tttiittd", picture->id, picture->name, picture->format, (int64_t)picture->width,
                  (int64_t)picture->height, picture->warning, picture->record, picture->created);
}

bool store_get_picture(store_picture *picture, struct store *store, const char *id)
{
    *picture = (store_picture){.width = 0};
    sqlite3_stmt *statement = sql_ask(
        store->sql, NULL,
        "SELECT pictures.id, name, format, width, height, warning, record, created, bytes"
        " FROM pictures JOIN files USING (id) WHERE pictures.id = ?1",
        "t", id);
    bool there = sql_row(statement);
    if (there) {
        sql_copy(picture->id, sizeof picture->id, statement, 0);
        picture->name = sql_text(statement, 1);
        sql_copy(picture->format, sizeof picture->format, statement, 2);
        picture->width = sqlite3_column_int(statement, 3);
        picture->height = sqlite3_column_int(statement, 4);
        picture->warning = sql_text(statement, 5);
        picture->record = sql_text(statement, 6);
        picture->created = sqlite3_column_double(statement, 7);
        picture->bytes = sqlite3_column_int64(statement, 8);
    }
    sql_done(store->sql, statement, NULL);
    return there;
}

/* ---- masks ---- */

diffedit_status store_add_mask(struct store *store, const store_mask *mask, diffedit_error *error)
{
    return sql_do(store->sql, NULL, error,
                  "INSERT INTO masks VALUES (?1, ?2, ?3, ?4, ?5)"
                  " ON CONFLICT DO UPDATE SET created = excluded.created",
                  "ttiid", mask->id, mask->format, (int64_t)mask->width, (int64_t)mask->height,
                  mask->created);
}

bool store_get_mask(store_mask *mask, struct store *store, const char *id)
{
    *mask = (store_mask){.width = 0};
    sqlite3_stmt *statement = sql_ask(
        store->sql, NULL, "SELECT id, format, width, height, created FROM masks WHERE id = ?1", "t",
        id);
    bool there = sql_row(statement);
    if (there) {
        sql_copy(mask->id, sizeof mask->id, statement, 0);
        sql_copy(mask->format, sizeof mask->format, statement, 1);
        mask->width = sqlite3_column_int(statement, 2);
        mask->height = sqlite3_column_int(statement, 3);
        mask->created = sqlite3_column_double(statement, 4);
    }
    sql_done(store->sql, statement, NULL);
    return there;
}

/* ---- removing ---- */

static diffedit_status remove_row(bool *removed, struct store *store, const char *sql,
                                  const char *id, diffedit_error *error)
{
    int changes = 0;
    diffedit_status status = sql_do(store->sql, &changes, error, sql, "t", id);
    *removed = changes > 0;
    return status;
}

diffedit_status store_remove_picture(bool *removed, struct store *store, const char *id,
                                     diffedit_error *error)
{
    return remove_row(removed, store,
                      "DELETE FROM pictures WHERE id = ?1"
                      " AND NOT EXISTS (SELECT 1 FROM jobs WHERE picture = ?1)"
                      " AND NOT EXISTS (SELECT 1 FROM results WHERE picture = ?1)",
                      id, error);
}

diffedit_status store_remove_mask(bool *removed, struct store *store, const char *id,
                                  diffedit_error *error)
{
    return remove_row(removed, store,
                      "DELETE FROM masks WHERE id = ?1"
                      " AND NOT EXISTS (SELECT 1 FROM jobs WHERE mask = ?1 OR correction = ?1)"
                      " AND NOT EXISTS (SELECT 1 FROM results WHERE mask = ?1 OR correction = ?1)",
                      id, error);
}

diffedit_status store_remove_unused(struct store *store, const char *except, diffedit_error *error)
{
    sql_lock(store->sql);
    diffedit_status status = sql_do(
        store->sql, NULL, error,
        "DELETE FROM pictures WHERE (?1 IS NULL OR id != ?1)"
        " AND NOT EXISTS (SELECT 1 FROM jobs WHERE picture = pictures.id)"
        " AND NOT EXISTS (SELECT 1 FROM results WHERE picture = pictures.id)",
        "t", except);
    if (status == DIFFEDIT_OK)
        status = sql_do(
            store->sql, NULL, error,
            "DELETE FROM masks WHERE"
            " NOT EXISTS (SELECT 1 FROM jobs WHERE mask = masks.id OR correction = masks.id)"
            " AND NOT EXISTS (SELECT 1 FROM results WHERE mask = masks.id"
            "  OR correction = masks.id)",
            "");
    sql_unlock(store->sql);
    return status;
}
