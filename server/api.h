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

/* api_pictures.c */
void api_pictures_add(http_request *request, struct server *server);
void api_picture(http_request *request, struct server *server);
void api_picture_remove(http_request *request, struct server *server);
void api_picture_file(http_request *request, struct server *server);
void api_picture_screen(http_request *request, struct server *server);
void api_picture_thumbnail(http_request *request, struct server *server);
void api_samples(http_request *request, struct server *server);
void api_sample_add(http_request *request, struct server *server);
void api_sample_file(http_request *request, struct server *server);
void api_masks_add(http_request *request, struct server *server);
void api_mask(http_request *request, struct server *server);
/* Replies with the copy of a kept picture of this longest side. */
void api_reply_copy(http_request *request, struct server *server, const char *id, int side);

/* api_jobs.c */
void api_jobs_add(http_request *request, struct server *server);
void api_job(http_request *request, struct server *server);
void api_jobs(http_request *request, struct server *server);
void api_job_stop(http_request *request, struct server *server);
void api_job_remove(http_request *request, struct server *server);
void api_job_map(http_request *request, struct server *server);
void api_job_mask(http_request *request, struct server *server);
void api_events(http_request *request, struct server *server);
void api_job_events(http_request *request, struct server *server);
void api_models(http_request *request, struct server *server);

/* api_results.c */
void api_result(http_request *request, struct server *server);
void api_results(http_request *request, struct server *server);
void api_result_file(http_request *request, struct server *server);
void api_result_screen(http_request *request, struct server *server);
void api_result_thumbnail(http_request *request, struct server *server);
void api_result_mask(http_request *request, struct server *server);
void api_result_change(http_request *request, struct server *server);
void api_result_remove(http_request *request, struct server *server);
void api_results_remove(http_request *request, struct server *server);
void api_result_picture(http_request *request, struct server *server);

#endif
