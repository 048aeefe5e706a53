/* The page and its files. */
#include "api.h"

#include "embedded.h"

#include <string.h>

static void reply_file(http_request *request, const char *name)
{
    for (const embedded_file *file = embedded_files; file->name; file++)
        if (strcmp(file->name, name) == 0) {
            http_reply_fixed(request, file->type, file->bytes, file->size, file->tag);
            return;
        }
    http_reply_fail(request, 404, "not-found", "there is nothing at /%s", name);
}

void api_page_index(http_request *request, struct server *server)
{
    (void)server;
    reply_file(request, "index.html");
}

void api_page_file(http_request *request, struct server *server)
{
    (void)server;
    reply_file(request, http_part(request, 0));
}

void api_openapi(http_request *request, struct server *server)
{
    (void)server;
    reply_file(request, "openapi.json");
}
