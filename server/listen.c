#include "listen.h"

#include "common/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_loopback(const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const void *)address;
    const struct sockaddr_in6 *v6 = (const void *)address;
    return address->sa_family == AF_INET ? ntohl(v4->sin_addr.s_addr) >> 24 == 127
                                         : IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

static diffedit_status fail_to_listen(const listening *to, int port, diffedit_error *error)
{
    if (errno == EADDRINUSE)
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "port %d of %s is taken, by another diffedit serve or another program; "
                       "`port` chooses another",
                       port, to->address);
    return de_fail(error, DIFFEDIT_ERROR_FILE, "cannot listen on port %d of %s: %s", port,
                   to->address, strerror(errno));
}

static diffedit_status listen_on(listening *to, const struct addrinfo *found, int port,
                                 diffedit_error *error)
{
    enum { BACKLOG = 128 };
    const int yes = 1;
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    char service[8];
    getnameinfo(found->ai_addr, found->ai_addrlen, to->address, sizeof to->address, NULL, 0,
                NI_NUMERICHOST);
    to->loopback = is_loopback(found->ai_addr);
    to->socket = socket(found->ai_family, SOCK_STREAM, 0);
    if (to->socket < 0 || fcntl(to->socket, F_SETFD, FD_CLOEXEC) < 0 ||
        setsockopt(to->socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(to->socket, found->ai_addr, found->ai_addrlen) < 0 ||
        listen(to->socket, BACKLOG) < 0 ||
        getsockname(to->socket, (struct sockaddr *)&name, &length) < 0 ||
        getnameinfo((struct sockaddr *)&name, length, NULL, 0, service, sizeof service,
                    NI_NUMERICSERV) != 0)
        return fail_to_listen(to, port, error);
    to->port = atoi(service);
    return DIFFEDIT_OK;
}

diffedit_status listen_open(listening *to, const char *named, int port, diffedit_error *error)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%d", port);
    *to = (listening){.socket = -1};
    int code = getaddrinfo(named ? named : "127.0.0.1", service, &hints, &found);
    if (code != 0)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "`listen`: expected an address of this machine, found \"%.200s\": %s", named,
                       gai_strerror(code));
    diffedit_status status = listen_on(to, found, port, error);
    freeaddrinfo(found);
    if (status != DIFFEDIT_OK && to->socket >= 0)
        close(to->socket);
    return status;
}

/* ---- the name ---- */

/* The first address of version 4 that is not this machine's alone; false: there is none. */
static bool find_address(char *address, size_t size)
{
    struct ifaddrs *all;
    bool found = false;
    if (getifaddrs(&all) != 0)
        return false;
    for (const struct ifaddrs *at = all; at && !found; at = at->ifa_next)
        found = at->ifa_addr && at->ifa_addr->sa_family == AF_INET && !is_loopback(at->ifa_addr) &&
                getnameinfo(at->ifa_addr, sizeof(struct sockaddr_in), address, (socklen_t)size,
                            NULL, 0, NI_NUMERICHOST) == 0;
    freeifaddrs(all);
    return found;
}

void listen_name(char *name, size_t size, const listening *to)
{
    const char *address = to->address;
    bool all = strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
    if (all && find_address(name, size))
        return;
    if (all || strcmp(address, "127.0.0.1") == 0)
        address = "localhost";
    snprintf(name, size, strchr(address, ':') ? "[%s]" : "%s", address);
}
