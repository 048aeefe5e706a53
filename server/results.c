#include "results.h"

#include "clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- as JSON ---- */

json_t *results_json(const struct store_result *result)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:f, s:i, s:i, s:s, s:f, s:f, s:b}", "id",
                               result->id, "job", result->id, "name", result->name, "seed",
                               result->seed, "share", result->share, "width", result->width,
                               "height", result->height, "format", result->format, "created",
                               result->created, "seconds", result->seconds, "kept", result->kept);
    if (object)
        json_object_update_missing(object, result->request);
    return object;
}

/* Appends letters and digits of a text, and a hyphen for what lies between them. */
static size_t append_slug(char *name, size_t at, const char *text, size_t most)
{
    bool gap = at > 0;
    for (size_t i = 0; text[i] && i < most; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '_' || c >= 0x80;
        if (plain && gap)
            name[at++] = '-';
        if (plain)
            name[at++] = (char)c;
        gap = !plain && at > 0;
    }
    return at;
}

/* Cuts a text behind a whole character of UTF-8. */
static size_t whole_characters(const char *text, size_t most)
{
    size_t length = strlen(text);
    if (length <= most)
        return length;
    while (most > 0 && ((unsigned char)text[most] & 0xc0) == 0x80)
        most--;
    return most;
}

char *results_file_name(const struct store_result *result, const char *format)
{
    enum { NAME = 80, TEXT = 60, REST = 16 };
    const char *to = json_string_value(json_object_get(result->request, "to"));
    const char *dot = strrchr(result->name, '.');
    size_t stem = dot && dot != result->name ? (size_t)(dot - result->name) : strlen(result->name);
    bool generated = !json_string_value(json_object_get(result->request, "picture"));
    char *name = malloc(2 * (NAME + TEXT) + REST);
    if (!name)
        return NULL;
    size_t most = whole_characters(result->name, NAME);
    size_t at = generated ? 0 : append_slug(name, 0, result->name, most < stem ? most : stem);
    at = append_slug(name, at, to ? to : "", whole_characters(to ? to : "", TEXT));
    snprintf(name + at, REST, "%s%s", at > 0 ? "" : "result", format);
    return name;
}

/* ---- removing ---- */

typedef struct id_list {
    char (*ids)[FILES_ID];
    size_t count, room;
} id_list;

static void collect(void *user, const char *id)
{
    id_list *list = user;
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 16;
        char(*grown)[FILES_ID] = realloc(list->ids, room * sizeof *grown);
        if (!grown)
            return; /* it is found again the next time */
        list->ids = grown;
        list->room = room;
    }
    snprintf(list->ids[list->count++], FILES_ID, "%s", id);
}

/* Removes files that no row needs any more; false: they could not be forgotten. */
static bool tidy(struct server *server)
{
    id_list list = {NULL, 0, 0};
    files_lock(server->files);
    diffedit_status status = store_each_file(server->store, true, collect, &list, NULL);
    if (status == DIFFEDIT_OK && list.count > 0)
        status = store_begin(server->store, NULL);
    if (status == DIFFEDIT_OK && list.count > 0) {
        for (size_t i = 0; i < list.count && status == DIFFEDIT_OK; i++)
            status = store_remove_file(server->store, list.ids[i], NULL);
        status = store_end(server->store, status, NULL);
    }
    for (size_t i = 0; i < list.count && status == DIFFEDIT_OK; i++)
        files_remove(server->files, list.ids[i]);
    files_unlock(server->files);
    free(list.ids);
    return status == DIFFEDIT_OK;
}

diffedit_status results_remove(struct server *server, const struct store_result *result,
                               const char *except, diffedit_error *error)
{
    static const char *const masks[] = {"mask", "correction"};
    bool removed;
    const char *picture = store_text_of(result->request, "picture");
    diffedit_status status = store_remove_result(server->store, result->id, error);
    if (status == DIFFEDIT_OK && picture && !(except && strcmp(except, picture) == 0))
        status = store_remove_picture(&removed, server->store, picture, error);
    for (int i = 0; i < 2 && status == DIFFEDIT_OK; i++)
        if (store_text_of(result->request, masks[i]))
            status = store_remove_mask(&removed, server->store,
                                       store_text_of(result->request, masks[i]), error);
    return status;
}

struct removal {
    struct server *server;
    const char *except;
    int count;
    diffedit_status status;
    diffedit_error *error;
};

static void remove_one(void *user, const struct store_result *result)
{
    struct removal *removal = user;
    removal->count++;
    if (removal->status == DIFFEDIT_OK)
        removal->status = results_remove(removal->server, result, removal->except, removal->error);
}

diffedit_status results_remove_all(struct server *server, int kept, const char *except,
                                   diffedit_error *error)
{
    const store_search next = {.kept = kept, .limit = 1};
    struct removal removal = {server, except, 1, DIFFEDIT_OK, error};
    diffedit_status status = store_begin(server->store, error);
    if (status != DIFFEDIT_OK)
        return status;
    while (status == DIFFEDIT_OK && removal.count > 0) {
        removal.count = 0;
        status = store_each_result(server->store, &next, remove_one, &removal, error);
        if (status == DIFFEDIT_OK)
            status = removal.status;
    }
    if (status == DIFFEDIT_OK && kept < 0)
        status = store_forget_ended_jobs(server->store, NULL, error);
    if (status == DIFFEDIT_OK && kept < 0)
        status = store_remove_unused(server->store, except, error);
    status = store_end(server->store, status, error);
    results_make_room(server);
    return status;
}

int64_t results_bytes(struct server *server)
{
    return store_file_bytes(server->store) + files_copy_bytes(server->files);
}

static bool remove_oldest(struct server *server)
{
    enum { HOUR = 3600 }; /* what was uploaded is about to be used */
    store_oldest_kind kind;
    char id[STORE_ID];
    bool removed = true;
    if (!store_oldest(&kind, id, server->store, clock_date() - HOUR))
        return false;
    diffedit_status status = DIFFEDIT_OK;
    if (kind == STORE_OLDEST_RESULT)
        status = store_remove_result(server->store, id, NULL);
    else if (kind == STORE_OLDEST_JOB)
        status = store_forget_job(server->store, id, NULL);
    else if (kind == STORE_OLDEST_PICTURE)
        status = store_remove_picture(&removed, server->store, id, NULL);
    else
        status = store_remove_mask(&removed, server->store, id, NULL);
    return status == DIFFEDIT_OK && removed;
}

bool results_make_room(struct server *server)
{
    int64_t limit = server->settings->store_limit;
    /* where files cannot go, the history does not either */
    while (tidy(server) && limit > 0 && results_bytes(server) > limit && remove_oldest(server))
        ;
    bool fits = limit <= 0 || results_bytes(server) <= limit;
    atomic_store(&server->is_full, !fits);
    return fits;
}

const char results_full_sentence[] =
    "the store is full of what is kept or waits; delete results, or start the server with a larger "
    "--store-limit";

bool results_is_full(struct server *server)
{
    return atomic_load(&server->is_full);
}

bool results_have_room(struct server *server)
{
    return !results_is_full(server) || results_make_room(server);
}

/* ---- at the start ---- */

static bool is_known(void *user, const char *id)
{
    const struct server *server = user;
    return store_has_file(server->store, id);
}

struct search {
    const struct server *server;
    int64_t missing;
};

static void look(void *user, const char *id)
{
    struct search *search = user;
    char *path = files_path(search->server->files, id);
    search->missing += path && access(path, R_OK) != 0;
    free(path);
}

diffedit_status results_check(int64_t *missing, struct server *server, diffedit_error *error)
{
    struct search search = {server, 0};
    files_sweep(server->files, is_known, server);
    results_make_room(server);
    diffedit_status status = store_each_file(server->store, false, look, &search, error);
    *missing = search.missing;
    return status;
}
