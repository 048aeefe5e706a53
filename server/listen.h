/* The socket that the server listens on. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include <stdbool.h>

#include <netinet/in.h>

#include <diffedit/diffedit.h>

typedef struct listening {
    int socket; /* owned by whoever takes it */
    int port;
    bool loopback; /* only this machine reaches it */
    char address[INET6_ADDRSTRLEN + 32];
} listening;

/* Listens on an address or a name of this machine (NULL: 127.0.0.1); port 0 is any that is free.
 * Errors: ARGUMENT (no such address), FILE; no socket is open then. */
diffedit_status listen_open(listening *to, const char *named, int port, diffedit_error *error);
/* The name or address for links: where it listens on all addresses, the first that other machines
 * reach; an IPv6 one with its brackets. */
void listen_name(char *name, size_t size, const listening *to);

#endif
