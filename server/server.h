/* The parts of the server, for handlers. */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include "guard.h"
#include "serve.h"

struct server {
    const serve_settings *settings;
    struct guard guard;
    bool local; /* listens where only this machine reaches it */
};

#endif
