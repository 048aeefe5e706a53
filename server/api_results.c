/* Results, and the history of them. */
#include "api.h"

#include "files.h"
#include "pictures.h"
#include "results.h"
#include "store.h"

#include "common/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The result that the address names; false: it was replied to. */
static bool find(struct store_result *result, http_request *request, struct server *server)
{
    if (store_get_result(result, server->store, http_part(request, 0)))
        return true;
    http_reply_fail(request, 404, "not-found", "\"%.64s\": no such result", http_part(request, 0));
    return false;
}

void api_result(http_request *request, struct server *server)
{
    struct store_result result;
    if (!find(&result, request, server))
        return;
    http_reply_json(request, 200, results_json(&result));
    store_result_free(&result);
}

/* ---- lists ---- */

struct page {
    json_t *results;
    int64_t last; /* serial of the last */
};

static void append(void *user, const struct store_result *result)
{
    struct page *page = user;
    json_array_append_new(page->results, results_json(result));
    page->last = result->serial;
}

/* A whole number behind the question mark; false: it is something else, which was replied to. */
static bool read_number(int64_t *number, http_request *request, const char *name, int64_t most)
{
    const char *text = http_query(request, name);
    char *end;
    if (!text)
        return true;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[0] >= '0' && text[0] <= '9' && !*end && value <= most && errno == 0) {
        *number = value;
        return true;
    }
    http_reply_fail(request, 400, "argument",
                    "\"%s\": expected a whole number from 0 to %lld, found \"%.40s\"", name,
                    (long long)most, text);
    return false;
}

void api_results(http_request *request, struct server *server)
{
    enum { USUAL = 50, MOST = 200 };
    int64_t limit = USUAL, kept = -1, before = 0;
    diffedit_error error;
    char next[24];
    if (!read_number(&limit, request, "limit", MOST) || !read_number(&kept, request, "kept", 1) ||
        !read_number(&before, request, "before", INT64_MAX))
        return;
    struct page page = {json_array(), 0};
    const store_search search = {.words = http_query(request, "q"),
                                 .picture = http_query(request, "picture"),
                                 .kept = (int)kept,
                                 .before = before,
                                 .limit = (int)limit};
    if (store_each_result(server->store, &search, append, &page, &error) != DIFFEDIT_OK) {
        json_decref(page.results);
        http_reply_error(request, &error);
        return;
    }
    snprintf(next, sizeof next, "%lld", (long long)page.last);
    bool more = limit > 0 && json_array_size(page.results) == (size_t)limit;
    http_reply_json(request, 200,
                    json_pack("{s:o, s:s?}", "results", page.results, "next", more ? next : NULL));
}

/* ---- files ---- */

/* Makes the copy `kind` of a result: its master in another format. */
static diffedit_status convert(struct server *server, const struct store_result *result,
                               const char *kind, const char *format, diffedit_error *error)
{
    diffedit_picture *picture;
    void *bytes;
    size_t size;
    const diffedit_save_options how = {.struct_size = sizeof how, .format = format};
    diffedit_status status = pictures_open(&picture, server, result->file, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = diffedit_picture_encode(&bytes, &size, picture, &how, error);
    diffedit_picture_free(picture);
    if (status != DIFFEDIT_OK)
        return status;
    status = files_copy_write(server->files, result->file, kind, bytes, size, error);
    diffedit_free(bytes);
    return status;
}

/* The result in a format that can be written: the master, or a copy that is made once. */
static diffedit_status open_format(int *descriptor, struct server *server,
                                   const struct store_result *result, const char *format,
                                   diffedit_error *error)
{
    char kind[16];
    if (strcmp(format, ".png") == 0)
        return files_descriptor(descriptor, server->files, result->file, error);
    snprintf(kind, sizeof kind, "file%.6s", format);
    *descriptor = files_copy_descriptor(server->files, result->file, kind);
    if (*descriptor >= 0)
        return DIFFEDIT_OK;
    diffedit_status status = convert(server, result, kind, format, error);
    if (status != DIFFEDIT_OK)
        return status;
    *descriptor = files_copy_descriptor(server->files, result->file, kind);
    return *descriptor >= 0 ? DIFFEDIT_OK
                            : de_fail(error, DIFFEDIT_ERROR_FILE, "the result was deleted");
}

static void reply_in_format(http_request *request, struct server *server,
                            const struct store_result *result, const char *format, bool download)
{
    int descriptor;
    diffedit_error error;
    if (open_format(&descriptor, server, result, format, &error) != DIFFEDIT_OK) {
        http_reply_error(request, &error);
        return;
    }
    char *name = download ? results_file_name(result, format) : NULL;
    http_reply_file(request, pictures_type(format), descriptor, name, true);
    free(name);
}

void api_result_file(http_request *request, struct server *server)
{
    struct store_result result;
    const char *asked = http_query(request, "format"), *download = http_query(request, "download");
    char format[STORE_FORMAT] = ".png";
    if (!find(&result, request, server))
        return;
    if (!asked)
        snprintf(format, sizeof format, "%s", result.format);
    else
        snprintf(format, sizeof format, ".%.6s", asked);
    if (asked && strcmp(pictures_result_format(format), format) != 0)
        http_reply_fail(request, 400, "argument",
                        "\"format\": expected png, jpg, webp or tif, found \"%.40s\"", asked);
    else if (download && strcmp(download, "1") != 0)
        http_reply_fail(request, 400, "argument", "\"download\": expected 1, found \"%.40s\"",
                        download);
    else
        reply_in_format(request, server, &result, format, download != NULL);
    store_result_free(&result);
}

static void reply_copy(http_request *request, struct server *server, int side)
{
    struct store_result result;
    if (!find(&result, request, server))
        return;
    api_reply_copy(request, server, result.file, side);
    store_result_free(&result);
}

void api_result_screen(http_request *request, struct server *server)
{
    reply_copy(request, server, PICTURES_SCREEN);
}

void api_result_thumbnail(http_request *request, struct server *server)
{
    reply_copy(request, server, PICTURES_THUMBNAIL);
}

void api_result_mask(http_request *request, struct server *server)
{
    struct store_result result;
    int descriptor;
    diffedit_error error;
    if (!find(&result, request, server))
        return;
    if (!result.found[0])
        http_reply_fail(request, 404, "not-found", "the result has no mask");
    else if (files_descriptor(&descriptor, server->files, result.found, &error) == DIFFEDIT_OK)
        http_reply_file(request, "image/png", descriptor, NULL, true);
    else
        http_reply_error(request, &error);
    store_result_free(&result);
}

/* ---- changing ---- */

void api_result_change(http_request *request, struct server *server)
{
    int kept = -1;
    json_t *object = http_json(request);
    if (!object)
        return;
    if (json_unpack(object, "{s:b!}", "kept", &kept) != 0)
        http_reply_fail(request, 400, "argument", "expected {\"kept\": true} or {\"kept\": false}");
    else if (!store_keep_result(server->store, http_part(request, 0), kept))
        http_reply_fail(request, 404, "not-found", "\"%.64s\": no such result",
                        http_part(request, 0));
    else
        api_result(request, server);
}

void api_result_remove(http_request *request, struct server *server)
{
    struct store_result result;
    diffedit_error error;
    if (!find(&result, request, server))
        return;
    diffedit_status status = results_remove(server, &result, http_query(request, "except"), &error);
    results_make_room(server);
    store_result_free(&result);
    if (status == DIFFEDIT_OK)
        http_reply_nothing(request);
    else
        http_reply_error(request, &error);
}

void api_results_remove(http_request *request, struct server *server)
{
    int64_t kept = -1;
    diffedit_error error;
    if (!read_number(&kept, request, "kept", 1))
        return;
    if (results_remove_all(server, (int)kept, http_query(request, "except"), &error) == DIFFEDIT_OK)
        http_reply_nothing(request);
    else
        http_reply_error(request, &error);
}

void api_result_picture(http_request *request, struct server *server)
{
    struct store_result result;
    struct store_picture picture;
    void *bytes;
    size_t size;
    bool is_new;
    diffedit_error error;
    if (!find(&result, request, server))
        return;
    diffedit_status status = files_read(&bytes, &size, server->files, result.file, &error);
    if (status == DIFFEDIT_OK) {
        char *name = results_file_name(&result, ".png");
        status = pictures_add(&picture, &is_new, server, bytes, size, name, &error);
        free(name);
        free(bytes);
    }
    store_result_free(&result);
    if (status == DIFFEDIT_OK) {
        http_reply_json(request, is_new ? 201 : 200, pictures_json(&picture));
        store_picture_free(&picture);
    } else {
        http_reply_error(request, &error);
    }
}
