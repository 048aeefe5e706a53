/* Every address that the server knows. */
#ifndef SERVER_ROUTES_H
#define SERVER_ROUTES_H

#include "http.h"

extern const http_route server_routes[];
extern const size_t server_route_count;

#endif
