#include "routes.h"

#include "api.h"

/* openapi.json describes each of them; a test compares. */
/* clang-format off: a row is a line */
const http_route server_routes[] = {
    {"GET", "/", api_page_index, HTTP_PAGE},
    {"GET", "/{file}", api_page_file, HTTP_PAGE},
    {"GET", "/api/openapi.json", api_openapi, 0},
    {"GET", "/api/status", api_status, 0},
    {"POST", "/api/session", api_session, HTTP_OPEN},
    {"GET", "/api/options", api_options, HTTP_SLOW},
    {"GET", "/api/models", api_models, 0},
    {"GET", "/api/samples", api_samples, 0},
    {"POST", "/api/samples/{name}", api_sample_add, HTTP_SLOW},
    {"GET", "/api/samples/{name}/file", api_sample_file, 0},
    {"POST", "/api/pictures", api_pictures_add, HTTP_SLOW | HTTP_LARGE},
    {"GET", "/api/pictures/{id}", api_picture, 0},
    {"DELETE", "/api/pictures/{id}", api_picture_remove, HTTP_SLOW},
    {"GET", "/api/pictures/{id}/file", api_picture_file, 0},
    {"GET", "/api/pictures/{id}/screen", api_picture_screen, HTTP_SLOW},
    {"GET", "/api/pictures/{id}/thumbnail", api_picture_thumbnail, HTTP_SLOW},
    {"POST", "/api/masks", api_masks_add, HTTP_SLOW | HTTP_LARGE},
    {"GET", "/api/masks/{id}", api_mask, 0},
    {"GET", "/api/jobs", api_jobs, 0},
    {"POST", "/api/jobs", api_jobs_add, 0},
    {"GET", "/api/jobs/{id}", api_job, 0},
    {"DELETE", "/api/jobs/{id}", api_job_remove, HTTP_SLOW},
    {"POST", "/api/jobs/{id}/stop", api_job_stop, 0},
    {"GET", "/api/jobs/{id}/map", api_job_map, 0},
    {"GET", "/api/jobs/{id}/mask", api_job_mask, 0},
    {"GET", "/api/jobs/{id}/events", api_job_events, 0},
    {"GET", "/api/events", api_events, 0},
    {"GET", "/api/results", api_results, 0},
    {"DELETE", "/api/results", api_results_remove, HTTP_SLOW},
    {"GET", "/api/results/{id}", api_result, 0},
    {"PATCH", "/api/results/{id}", api_result_change, 0},
    {"DELETE", "/api/results/{id}", api_result_remove, HTTP_SLOW},
    {"GET", "/api/results/{id}/file", api_result_file, HTTP_SLOW},
    {"GET", "/api/results/{id}/screen", api_result_screen, HTTP_SLOW},
    {"GET", "/api/results/{id}/thumbnail", api_result_thumbnail, HTTP_SLOW},
    {"GET", "/api/results/{id}/mask", api_result_mask, 0},
    {"POST", "/api/results/{id}/picture", api_result_picture, HTTP_SLOW},
};
/* clang-format on */

const size_t server_route_count = sizeof server_routes / sizeof *server_routes;
