#include "http_inside.h"

#include "clock.h"

#include <math.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

/* Those of one address are fewer than all, so that one machine cannot shut out the others; this
 * machine itself, from which a proxy asks for everybody, may have nearly all. */
enum { MOST = 600, MOST_OF_AN_ADDRESS = 64, MOST_OF_THIS_MACHINE = 560 };

static const double for_headers = 10; /* seconds, all of them together */

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *v6 = (const void *)address;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
}

/* Whether two addresses are one machine's: of IPv6 a machine has a whole network. */
static bool same(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *first = (const void *)a, *second = (const void *)b;
        return first->sin_addr.s_addr == second->sin_addr.s_addr;
    }
    enum { NETWORK = 8 };
    const struct sockaddr_in6 *first = (const void *)a, *second = (const void *)b;
    bool v4 = IN6_IS_ADDR_V4MAPPED(&first->sin6_addr);
    return memcmp(&first->sin6_addr, &second->sin6_addr, v4 ? sizeof first->sin6_addr : NETWORK) ==
           0;
}

enum MHD_Result http_connections_accept(void *user, const struct sockaddr *address,
                                        socklen_t length)
{
    struct http *http = user;
    (void)length;
    int of_address = 0;
    pthread_mutex_lock(&http->lock);
    int all = http->connection_count;
    for (http_connection *at = http->connections; at; at = at->next)
        of_address += same((const struct sockaddr *)&at->address, address);
    pthread_mutex_unlock(&http->lock);
    int most = is_loopback(address) ? MOST_OF_THIS_MACHINE : MOST_OF_AN_ADDRESS;
    return all < MOST && of_address < most ? MHD_YES : MHD_NO;
}

static void add(struct http *http, struct MHD_Connection *connection, void **context)
{
    /* what one call returns may be overwritten by the next */
    int socket = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const struct sockaddr *client =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    http_connection *added = calloc(1, sizeof *added);
    *context = added;
    if (!added) {
        shutdown(socket, SHUT_RDWR);
        return;
    }
    added->socket = socket;
    bool v4 = client->sa_family == AF_INET;
    memcpy(&added->address, client, v4 ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    added->deadline = clock_monotonic() + for_headers;
    pthread_mutex_lock(&http->lock);
    added->next = http->connections;
    if (added->next)
        added->next->previous = added;
    http->connections = added;
    http->connection_count++;
    pthread_mutex_unlock(&http->lock);
}

static void drop(struct http *http, void **context)
{
    http_connection *dropped = *context;
    if (!dropped)
        return;
    pthread_mutex_lock(&http->lock);
    if (dropped->previous)
        dropped->previous->next = dropped->next;
    else
        http->connections = dropped->next;
    if (dropped->next)
        dropped->next->previous = dropped->previous;
    http->connection_count--;
    pthread_mutex_unlock(&http->lock);
    free(dropped);
    *context = NULL;
}

/* The socket is closed after this was told of it, so that the sweeper never meets another's. */
void http_connections_notify(void *user, struct MHD_Connection *connection, void **context,
                             enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        add(user, connection, context);
    else
        drop(user, context);
}

void http_connections_give(struct http *http, struct MHD_Connection *connection, double seconds)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    http_connection *at = info ? info->socket_context : NULL;
    if (!at)
        return;
    pthread_mutex_lock(&http->lock);
    at->deadline = clock_monotonic() + seconds;
    pthread_mutex_unlock(&http->lock);
}

void http_connections_sweep(struct http *http)
{
    double now = clock_monotonic();
    for (http_connection *at = http->connections; at; at = at->next)
        if (at->deadline < now) {
            shutdown(at->socket, SHUT_RDWR); /* libmicrohttpd finds it closed */
            at->deadline = INFINITY;
        }
}
