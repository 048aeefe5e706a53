#include "routes.h"

#include "api.h"

/* openapi.json describes each of them; a test compares. */
const http_route server_routes[] = {
    {"GET", "/", api_page_index, HTTP_PAGE},          {"GET", "/{file}", api_page_file, HTTP_PAGE},
    {"GET", "/api/openapi.json", api_openapi, 0},     {"GET", "/api/status", api_status, 0},
    {"POST", "/api/session", api_session, HTTP_OPEN}, {"GET", "/api/options", api_options, 0},
};

const size_t server_route_count = sizeof server_routes / sizeof *server_routes;
