/* What the server is and does, and how a page gets its cookie. */
#include "api.h"

#include "results.h"
#include "server.h"
#include "store.h"

#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* Bytes; 0 where the system does not say. */
static json_int_t resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (json_int_t)pages * sysconf(_SC_PAGESIZE);
}

static json_t *memory(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    json_int_t total = (json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    return json_pack("{s:I, s:I, s:I}", "resident", resident_bytes(), "peak",
                     (json_int_t)usage.ru_maxrss * 1024, "total", total);
}

static json_t *queue(struct server *server)
{
    return json_pack("{s:I, s:I}", "queued",
                     (json_int_t)store_count_queued(server->store, INT64_MAX), "running",
                     (json_int_t)store_count_running(server->store));
}

static json_t *store(struct server *server)
{
    return json_pack("{s:I, s:I, s:s?}", "bytes", (json_int_t)results_bytes(server), "limit",
                     (json_int_t)server->settings->store_limit, "message",
                     results_is_full(server) ? results_full_sentence : NULL);
}

void api_status(http_request *request, struct server *server)
{
    http_reply_json(request, 200,
                    json_pack("{s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:b}", "version",
                              diffedit_version(), "kernels", diffedit_kernels_name(), "device",
                              diffedit_device_name(server->settings->model_settings->device),
                              "cores", diffedit_core_count(), "memory", memory(), "store",
                              store(server), "queue", queue(server), "local", server->local));
}

void api_session(http_request *request, struct server *server)
{
    json_t *object = http_json(request);
    const char *token = NULL;
    char cookie[GUARD_COOKIE];
    if (!object)
        return;
    if (json_unpack(object, "{s:s!}", "token", &token) != 0) {
        http_reply_fail(request, 400, "argument", "expected {\"token\": TEXT}");
        return;
    }
    if (server->guard.needs_token && !guard_token_matches(&server->guard, token)) {
        http_reply_fail(request, 403, "forbidden",
                        "the token is wrong; open the link that the server showed when it started");
        return;
    }
    if (server->guard.needs_token) {
        guard_cookie(cookie, &server->guard);
        http_set_header(request, "Set-Cookie", cookie);
    }
    http_reply_nothing(request);
}
