/* The parts of the server, for handlers. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#define SERVER_PRESET "fast" /* of a request that names none */

#include <stdatomic.h>

#include "guard.h"
#include "serve.h"

struct server {
    const serve_settings *settings;
    struct guard guard;
    bool local; /* listens where only this machine reaches it */
    struct files *files;
    struct store *store;
    struct models *models;
    struct events *events;
    struct queue *queue;
    struct sdapi *sdapi;
    atomic_bool is_full; /* the store, with what may not be removed */
};

#endif
