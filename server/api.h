/* The handlers of the routes. */
#ifndef SERVER_API_H
#define SERVER_API_H

#include "http.h"

/* api_page.c */
void api_page_index(http_request *request, struct server *server);
void api_page_file(http_request *request, struct server *server);
void api_openapi(http_request *request, struct server *server);

/* api_status.c */
void api_status(http_request *request, struct server *server);
void api_session(http_request *request, struct server *server);

/* api_options.c */
void api_options(http_request *request, struct server *server);

#endif
