/* The part of AUTOMATIC1111's API that its clients use, as jobs of our queue: /sdapi/v1/... A
 * request for pictures is replied to when its jobs have ended. */
#ifndef SERVER_SDAPI_H
#define SERVER_SDAPI_H

#include "server.h"

#include "http.h"

struct sdapi;

/* Starts the thread that replies; `server` has its other parts. Errors: MEMORY. */
diffedit_status sdapi_start(struct sdapi **started, struct server *server, diffedit_error *error);
/* Replies to all that wait: the server ends. */
void sdapi_shut(struct sdapi *sdapi);
/* After the end of HTTP and of the queue. */
void sdapi_free(struct sdapi *sdapi);

/* sdapi.c */
void sdapi_txt2img(http_request *request, struct server *server);
void sdapi_img2img(http_request *request, struct server *server);

/* sdapi_progress.c */
void sdapi_progress(http_request *request, struct server *server);
void sdapi_interrupt(http_request *request, struct server *server);

/* sdapi_lists.c */
void sdapi_get_options(http_request *request, struct server *server);
void sdapi_set_options(http_request *request, struct server *server);
void sdapi_get_models(http_request *request, struct server *server);
void sdapi_refresh(http_request *request, struct server *server);
void sdapi_get_samplers(http_request *request, struct server *server);
void sdapi_get_schedulers(http_request *request, struct server *server);
void sdapi_get_scripts(http_request *request, struct server *server);
void sdapi_get_embeddings(http_request *request, struct server *server);
void sdapi_get_memory(http_request *request, struct server *server);
void sdapi_get_list(http_request *request, struct server *server);   /* an empty one */
void sdapi_get_object(http_request *request, struct server *server); /* likewise */

#endif
