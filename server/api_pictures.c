/* Pictures, samples and masks. */
#include "api.h"

#include "files.h"
#include "pictures.h"
#include "results.h"
#include "samples.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

static void reply_missing(http_request *request, const char *what)
{
    http_reply_fail(request, 404, "not-found", "\"%.64s\": no such %s", http_part(request, 0),
                    what);
}

/* The picture that the address names; false: it was replied to. */
static bool find(struct store_picture *picture, http_request *request, struct server *server)
{
    if (store_get_picture(picture, server->store, http_part(request, 0)))
        return true;
    reply_missing(request, "picture");
    return false;
}

/* Whether a file may be added; false: it was replied to. */
static bool has_room(http_request *request, struct server *server)
{
    bool has = results_have_room(server);
    if (!has)
        http_reply_fail(request, 503, "limit", "%s", results_full_sentence);
    return has;
}

/* Keeps bytes as a picture, and replies. */
static void add(http_request *request, struct server *server, const void *bytes, size_t size,
                const char *name)
{
    struct store_picture picture;
    diffedit_error error;
    bool is_new;
    if (!has_room(request, server))
        return;
    if (pictures_add(&picture, &is_new, server, bytes, size, name, &error) != DIFFEDIT_OK) {
        http_reply_error(request, &error);
        return;
    }
    if (is_new)
        results_make_room(server);
    http_reply_json(request, is_new ? 201 : 200, pictures_json(&picture));
    store_picture_free(&picture);
}

void api_pictures_add(http_request *request, struct server *server)
{
    size_t size;
    const void *bytes = http_body(request, &size);
    if (size == 0)
        http_reply_fail(request, 400, "argument", "expected a picture file as the body");
    else
        add(request, server, bytes, size, http_query(request, "name"));
}

void api_picture(http_request *request, struct server *server)
{
    struct store_picture picture;
    if (!find(&picture, request, server))
        return;
    http_reply_json(request, 200, pictures_json(&picture));
    store_picture_free(&picture);
}

/* With the jobs of it that have ended; those stay if it does. */
static diffedit_status remove_picture(bool *removed, struct server *server, const char *id,
                                      diffedit_error *error)
{
    *removed = false;
    diffedit_status status = store_begin(server->store, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = store_forget_ended_jobs(server->store, id, error);
    if (status == DIFFEDIT_OK)
        status = store_remove_picture(removed, server->store, id, error);
    if (status == DIFFEDIT_OK && !*removed) {
        store_end(server->store, DIFFEDIT_ERROR_ARGUMENT, NULL); /* undone */
        return DIFFEDIT_OK;
    }
    return store_end(server->store, status, error);
}

void api_picture_remove(http_request *request, struct server *server)
{
    struct store_picture picture;
    diffedit_error error;
    bool removed;
    if (!find(&picture, request, server))
        return;
    diffedit_status status = remove_picture(&removed, server, picture.id, &error);
    store_picture_free(&picture);
    results_make_room(server);
    if (status != DIFFEDIT_OK)
        http_reply_error(request, &error);
    else if (!removed)
        http_reply_fail(request, 409, "conflict",
                        "the picture belongs to results or to jobs that wait; delete them first");
    else
        http_reply_nothing(request);
}

/* A kept file, under an address that never means another. */
static void reply_file(http_request *request, const struct server *server, const char *id,
                       const char *type)
{
    int descriptor;
    diffedit_error error;
    if (files_descriptor(&descriptor, server->files, id, &error) == DIFFEDIT_OK)
        http_reply_file(request, type, descriptor, NULL, true);
    else
        http_reply_error(request, &error);
}

void api_picture_file(http_request *request, struct server *server)
{
    struct store_picture picture;
    if (!find(&picture, request, server))
        return;
    reply_file(request, server, picture.id, pictures_type(picture.format));
    store_picture_free(&picture);
}

void api_reply_copy(http_request *request, struct server *server, const char *id, int side)
{
    int descriptor;
    const char *type;
    diffedit_error error;
    if (pictures_copy(&descriptor, &type, server, id, side, &error) == DIFFEDIT_OK)
        http_reply_file(request, type, descriptor, NULL, true);
    else
        http_reply_error(request, &error);
}

static void reply_picture_copy(http_request *request, struct server *server, int side)
{
    struct store_picture picture;
    if (!find(&picture, request, server))
        return;
    api_reply_copy(request, server, picture.id, side);
    store_picture_free(&picture);
}

void api_picture_screen(http_request *request, struct server *server)
{
    reply_picture_copy(request, server, PICTURES_SCREEN);
}

void api_picture_thumbnail(http_request *request, struct server *server)
{
    reply_picture_copy(request, server, PICTURES_THUMBNAIL);
}

/* ---- samples ---- */

void api_samples(http_request *request, struct server *server)
{
    http_reply_json(request, 200, samples_json(server->settings));
}

void api_sample_add(http_request *request, struct server *server)
{
    void *bytes;
    size_t size;
    const char *name = http_part(request, 0);
    diffedit_error error;
    if (!samples_has(server->settings, name)) {
        reply_missing(request, "sample");
    } else if (samples_read(&bytes, &size, server->settings, name, &error) != DIFFEDIT_OK) {
        http_reply_error(request, &error);
    } else {
        add(request, server, bytes, size, name);
        free(bytes);
    }
}

void api_sample_file(http_request *request, struct server *server)
{
    void *bytes;
    size_t size;
    const char *name = http_part(request, 0);
    diffedit_error error;
    if (!samples_has(server->settings, name))
        reply_missing(request, "sample");
    else if (samples_read(&bytes, &size, server->settings, name, &error) != DIFFEDIT_OK)
        http_reply_error(request, &error);
    else
        http_reply_bytes(request, 200, "image/png", bytes, size);
}

/* ---- masks ---- */

void api_masks_add(http_request *request, struct server *server)
{
    struct store_mask mask;
    diffedit_error error;
    bool is_new;
    size_t size;
    const void *bytes = http_body(request, &size);
    if (size == 0) {
        http_reply_fail(request, 400, "argument", "expected a picture file as the body");
        return;
    }
    if (!has_room(request, server))
        return;
    if (pictures_add_mask(&mask, &is_new, server, bytes, size, &error) != DIFFEDIT_OK) {
        http_reply_error(request, &error);
        return;
    }
    if (is_new)
        results_make_room(server);
    http_reply_json(
        request, is_new ? 201 : 200,
        json_pack("{s:s, s:i, s:i}", "id", mask.id, "width", mask.width, "height", mask.height));
}

void api_mask(http_request *request, struct server *server)
{
    struct store_mask mask;
    if (store_get_mask(&mask, server->store, http_part(request, 0)))
        reply_file(request, server, mask.id, pictures_type(mask.format));
    else
        reply_missing(request, "mask");
}
