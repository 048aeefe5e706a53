/* Results in the store, and what is old. */
#include "store_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS \
    "id, serial, request, name, seed, file, found, format, share, created, seconds, width, " \
    "height," \
    " kept"

void store_result_free(store_result *result)
{
    json_decref(result->request);
    free(result->name);
}

static void read_result(store_result *result, sqlite3_stmt *row)
{
    *result = (store_result){
        .serial = sqlite3_column_int64(row, 1),
        .request = sql_json(row, 2),
        .name = sql_text(row, 3),
        .share = sqlite3_column_double(row, 8),
        .created = sqlite3_column_double(row, 9),
        .seconds = sqlite3_column_double(row, 10),
        .width = sqlite3_column_int(row, 11),
        .height = sqlite3_column_int(row, 12),
        .kept = sqlite3_column_int(row, 13) != 0,
    };
    sql_copy(result->id, sizeof result->id, row, 0);
    sql_copy(result->seed, sizeof result->seed, row, 4);
    sql_copy(result->file, sizeof result->file, row, 5);
    sql_copy(result->found, sizeof result->found, row, 6);
    sql_copy(result->format, sizeof result->format, row, 7);
}

/* What is searched: the texts and names, each on a line, without regard to case. NULL: memory. */
static char *words_of(const store_result *result)
{
    static const char *const names[] = {"from", "to", "negative", "model", "preset", "kind"};
    enum { NAMES = sizeof names / sizeof *names };
    size_t size = strlen(result->name) + 1;
    for (int i = 0; i < NAMES; i++)
        size += store_text_of(result->request, names[i])
                    ? strlen(store_text_of(result->request, names[i])) + 1
                    : 0;
    char *text = malloc(size);
    if (!text)
        return NULL;
    size_t at = (size_t)snprintf(text, size, "%s", result->name);
    for (int i = 0; i < NAMES; i++)
        if (store_text_of(result->request, names[i]))
            at += (size_t)snprintf(text + at, size - at, "\n%s",
                                   store_text_of(result->request, names[i]));
    char *folded = store_fold(text);
    free(text);
    return folded;
}

diffedit_status store_add_result(struct store *store, const store_result *result,
                                 diffedit_error *error)
{
    char *request = json_dumps(result->request, JSON_COMPACT), *words = words_of(result);
    diffedit_status status;
    if (!request || !words)
        status = de_fail_memory(error, 1, "a result");
    else
        status = sql_do(
            store->sql, NULL, error,
            "INSERT INTO results (id, request, picture, mask, correction, name, words, seed, file,"
            " found, format, share, created, seconds, width, height) VALUES (?1, ?2, ?3, ?4, ?5,"
            " ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
            "tttttttttttdddii", result->id, request, store_text_of(result->request, "picture"),
            store_text_of(result->request, "mask"), store_text_of(result->request, "correction"),
            result->name, words, result->seed, result->file, sql_or_null(result->found),
            result->format, result->share, result->created, result->seconds, (int64_t)result->width,
            (int64_t)result->height);
    free(request);
    free(words);
    return status;
}

bool store_get_result(store_result *result, struct store *store, const char *id)
{
    *result = (store_result){.serial = 0};
    sqlite3_stmt *statement = sql_ask(store->sql, NULL,
                                      "SELECT " COLUMNS " FROM results WHERE id = ?1", "t", id);
    bool there = sql_row(statement);
    if (there)
        read_result(result, statement);
    sql_done(store->sql, statement, NULL);
    return there;
}

bool store_keep_result(struct store *store, const char *id, bool kept)
{
    int changes = 0;
    sql_do(store->sql, &changes, NULL, "UPDATE results SET kept = ?2 WHERE id = ?1", "ti", id,
           (int64_t)kept);
    return changes > 0;
}

diffedit_status store_remove_result(struct store *store, const char *id, diffedit_error *error)
{
    diffedit_status status = sql_begin(store->sql, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = sql_do(store->sql, NULL, error, "DELETE FROM results WHERE id = ?1", "t", id);
    if (status == DIFFEDIT_OK)
        status = sql_do(store->sql, NULL, error, "DELETE FROM jobs WHERE id = ?1 AND has_result",
                        "t", id);
    return sql_end(store->sql, status, error);
}

/* ---- searching ---- */

/* Each word of a search occurs; `folded` is changed. A text holds few words, and SQL needs to know
 * how many: what is beyond is not looked for. */
enum { MOST_WORDS = 8 };

static int split(const char *words[MOST_WORDS], char *folded)
{
    int count = 0;
    for (char *at = folded; at && count < MOST_WORDS;) {
        at += strspn(at, " \t\n");
        if (!*at)
            break;
        words[count++] = at;
        at += strcspn(at, " \t\n");
        if (*at)
            *at++ = '\0';
    }
    for (int i = count; i < MOST_WORDS; i++)
        words[i] = "";
    return count;
}

diffedit_status store_each_result(struct store *store, const store_search *search,
                                  store_result_fn each, void *user, diffedit_error *error)
{
    const char *words[MOST_WORDS];
    char *folded = store_fold(search->words ? search->words : "");
    if (!folded)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "the search is not valid UTF-8");
    split(words, folded);
    sqlite3_stmt *statement = sql_ask(
        store->sql, error,
        "SELECT " COLUMNS " FROM results WHERE serial < ?1 AND (?2 IS NULL OR picture = ?2)"
        " AND (?3 < 0 OR kept = ?3) AND instr(words, ?5) AND instr(words, ?6)"
        " AND instr(words, ?7) AND instr(words, ?8) AND instr(words, ?9) AND instr(words, ?10)"
        " AND instr(words, ?11) AND instr(words, ?12) ORDER BY serial DESC LIMIT ?4",
        "itiitttttttt", search->before ? search->before : INT64_MAX, search->picture,
        (int64_t)search->kept, (int64_t)search->limit, words[0], words[1], words[2], words[3],
        words[4], words[5], words[6], words[7]);
    while (sql_row(statement)) {
        store_result result;
        read_result(&result, statement);
        each(user, &result);
        store_result_free(&result);
    }
    diffedit_status status = sql_done(store->sql, statement, error);
    free(folded);
    return status;
}

/* ---- what is old ---- */

bool store_oldest(store_oldest_kind *kind, char id[STORE_ID], struct store *store, double before)
{
    sqlite3_stmt *statement = sql_ask(
        store->sql, NULL,
        "SELECT 0, id, created AS time FROM results WHERE NOT kept"
        "  AND serial < (SELECT max(serial) FROM results)"
        " UNION ALL SELECT 1, id, ended FROM jobs WHERE NOT has_result AND ended > 0"
        "  AND serial < (SELECT max(serial) FROM jobs WHERE NOT has_result AND ended > 0)"
        " UNION ALL SELECT 2, id, created FROM pictures WHERE created < ?1"
        "  AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.picture = pictures.id)"
        "  AND NOT EXISTS (SELECT 1 FROM results WHERE results.picture = pictures.id)"
        " UNION ALL SELECT 3, id, created FROM masks WHERE created < ?1"
        "  AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.mask = masks.id"
        "   OR jobs.correction = masks.id)"
        "  AND NOT EXISTS (SELECT 1 FROM results WHERE results.mask = masks.id"
        "   OR results.correction = masks.id)"
        " ORDER BY time LIMIT 1",
        "d", before);
    bool there = sql_row(statement);
    if (there) {
        *kind = (store_oldest_kind)sqlite3_column_int(statement, 0);
        sql_copy(id, STORE_ID, statement, 1);
    }
    sql_done(store->sql, statement, NULL);
    return there;
}
