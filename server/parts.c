#include "parts.h"

#include "common/error.h"
#include "events.h"
#include "files.h"
#include "models.h"
#include "queue.h"
#include "results.h"
#include "sdapi.h"
#include "store.h"

#include <stdio.h>
#include <stdlib.h>
#include <vips/vips.h>

static diffedit_status open_store(struct server *server, diffedit_error *error)
{
    char *path = files_beside(server->files, "history.db");
    if (!path)
        return de_fail_memory(error, 1, "a path");
    diffedit_status status = store_open(&server->store, path, error);
    free(path);
    return status;
}

static diffedit_status check(struct server *server, diffedit_error *error)
{
    int64_t missing;
    diffedit_status status = results_check(&missing, server, error);
    if (status == DIFFEDIT_OK && missing > 0)
        fprintf(stderr, "diffedit: warning: %lld file%s of %s %s gone; what needs %s fails\n",
                (long long)missing, missing == 1 ? "" : "s", server->settings->data,
                missing == 1 ? "is" : "are", missing == 1 ? "it" : "them");
    return status;
}

diffedit_status parts_open(struct server *server, diffedit_error *error)
{
    if (VIPS_INIT("diffedit") != 0) /* copies.c uses it, maybe before the library does */
        return de_fail(error, DIFFEDIT_ERROR_MEMORY, "libvips does not start: %s",
                       vips_error_buffer());
    diffedit_status status = files_open(&server->files, server->settings->data, error);
    if (status == DIFFEDIT_OK)
        status = open_store(server, error);
    if (status == DIFFEDIT_OK)
        status = check(server, error);
    if (status == DIFFEDIT_OK)
        status = models_new(&server->models, server->settings, error);
    if (status == DIFFEDIT_OK)
        status = events_new(&server->events, error);
    if (status == DIFFEDIT_OK)
        status = sdapi_start(&server->sdapi, server, error);
    if (status == DIFFEDIT_OK)
        status = queue_start(&server->queue, server, error);
    if (status != DIFFEDIT_OK)
        parts_close(server);
    return status;
}

void parts_shut(struct server *server)
{
    queue_shut(server->queue);
    sdapi_shut(server->sdapi);
}

void parts_close(struct server *server)
{
    queue_free(server->queue);
    sdapi_free(server->sdapi);
    events_free(server->events);
    models_free(server->models);
    store_close(server->store);
    files_close(server->files);
}
