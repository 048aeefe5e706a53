#include "serve.h"

#include "http.h"
#include "listen.h"
#include "parts.h"
#include "routes.h"
#include "server.h"

#include "common/error.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- the token ---- */

static diffedit_status set_guard(struct guard *guard, const listening *to,
                                 const serve_settings *settings, char made[GUARD_TOKEN],
                                 diffedit_error *error)
{
    *guard = (struct guard){.address = to->address,
                            .port = to->port,
                            .loopback = to->loopback,
                            .names = settings->host_names,
                            .name_count = settings->host_name_count};
    made[0] = '\0';
    if (settings->token && strlen(settings->token) < GUARD_SHORTEST)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`token`: expected at least %d letters",
                       GUARD_SHORTEST);
    /* behind a proxy, whose name is given, everybody comes from this machine */
    if (!settings->token && to->loopback && settings->host_name_count == 0)
        return DIFFEDIT_OK;
    if (!settings->token && !guard_make_token(made))
        return de_fail(error, DIFFEDIT_ERROR_FILE, "cannot get random bytes for a token: %s",
                       strerror(errno));
    guard_require(guard, settings->token ? settings->token : made);
    return DIFFEDIT_OK;
}

/* The link, on standard output; a token that was made is shown here and nowhere else. */
static void show_link(const listening *to, const char *made)
{
    char name[sizeof to->address + 2];
    listen_name(name, sizeof name, to);
    printf("http://%s:%d/%s%s\n", name, to->port, *made ? "#token=" : "", made);
    fflush(stdout);
}

/* ---- systemd ---- */

/* Tells a service manager that started this, as sd_notify(3) does. */
static void notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || !*path || strlen(path) >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@') /* an abstract name begins with a zero */
        to.sun_path[0] = '\0';
    int descriptor = socket(AF_UNIX, SOCK_DGRAM, 0);
    socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (descriptor < 0)
        return;
    sendto(descriptor, state, strlen(state), 0, (const struct sockaddr *)&to, length);
    close(descriptor);
}

/* ---- the end ---- */

/* Ends the process where something does not: a step of an edit, a picture that is decoded. All that
 * must last is in the store by then. */
static void *end_soon(void *user)
{
    enum { SECONDS = 4 };
    (void)user;
    sleep(SECONDS);
    _exit(EXIT_SUCCESS);
}

/* Signals are for the thread that waits for them, not for those that start here. */
static void block_signals(sigset_t *before)
{
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGINT);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ours, before);
    signal(SIGPIPE, SIG_IGN);
}

static void wait_for_end(const serve_settings *settings)
{
    int never[2];
    if (pipe(never) != 0)
        return;
    while (settings->wait(never[0]))
        ;
    close(never[0]);
    close(never[1]);
}

static diffedit_status serve(struct server *server, const listening *to, const char *made,
                             diffedit_error *error)
{
    const http_settings settings = {.socket = to->socket,
                                    .guard = &server->guard,
                                    .routes = server_routes,
                                    .route_count = server_route_count,
                                    .server = server,
                                    .quiet = server->settings->quiet};
    sigset_t before;
    struct http *http;
    block_signals(&before);
    diffedit_status status = parts_open(server, error);
    if (status == DIFFEDIT_OK) {
        status = http_start(&http, &settings, error);
        if (status != DIFFEDIT_OK) {
            parts_shut(server);
            parts_close(server);
        }
    } else {
        close(to->socket);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status != DIFFEDIT_OK)
        return status;
    show_link(to, made);
    notify("READY=1");
    wait_for_end(server->settings);
    notify("STOPPING=1");
    pthread_t watch;
    bool watched = pthread_create(&watch, NULL, end_soon, NULL) == 0;
    parts_shut(server);
    if (!watched || !http_stop(http))
        _exit(EXIT_SUCCESS);
    parts_close(server);
    return DIFFEDIT_OK;
}

diffedit_status serve_run(const serve_settings *settings, diffedit_error *error)
{
    listening to;
    char made[GUARD_TOKEN];
    struct server server = {.settings = settings};
    diffedit_status status = listen_open(&to, settings->listen, settings->port, error);
    if (status != DIFFEDIT_OK)
        return status;
    server.local = to.loopback;
    status = set_guard(&server.guard, &to, settings, made, error);
    if (status != DIFFEDIT_OK) {
        close(to.socket);
        return status;
    }
    return serve(&server, &to, made, error);
}
