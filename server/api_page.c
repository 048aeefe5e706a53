/* The page and its files. */
#include "api.h"

#include "embedded.h"

#include <stdlib.h>
#include <string.h>

/* "br, gzip;q=0.5": whether the client takes gzip. */
static bool takes_gzip(const http_request *request)
{
    const char *accepted = http_header(request, "Accept-Encoding");
    const char *gzip = accepted ? strstr(accepted, "gzip") : NULL;
    return gzip && (strncmp(gzip, "gzip;q=", 7) != 0 || strtod(gzip + 7, NULL) > 0);
}

static void reply_file(http_request *request, const char *name)
{
    const embedded_file *file = embedded_files;
    while (file->name && strcmp(file->name, name) != 0)
        file++;
    if (file->name && takes_gzip(request)) {
        http_reply_fixed(request, file->type, file->packed, file->packed_size, file->packed_tag,
                         "gzip");
        return;
    }
    if (file->name) {
        http_reply_fixed(request, file->type, file->bytes, file->size, file->tag, NULL);
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
