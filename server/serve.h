/* `diffedit serve`: a page and an HTTP interface for the library. */
#ifndef SERVER_SERVE_H
#define SERVER_SERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <diffedit/diffedit.h>

#include "common/read_all.h"

/* A model that is offered. */
typedef struct serve_model {
    const char *name; /* as it was asked for: a path, OWNER/NAME, "pocket" */
    const char *path;
} serve_model;

typedef struct serve_settings {
    const char *listen;            /* address or name; NULL: 127.0.0.1 */
    int port;                      /* 0: any that is free */
    const char *token;             /* NULL: made where one is needed */
    const char *const *host_names; /* [host_name_count], by which others reach this server */
    size_t host_name_count;
    const char *samples;       /* folder of pictures to try; NULL: none */
    const char *data;          /* folder of pictures, jobs and results; made where it is missing */
    int64_t store_limit;       /* bytes in it */
    const serve_model *models; /* [model_count], at least one; the first is the default */
    size_t model_count;
    const diffedit_model_settings *model_settings; /* of all models */
    bool one_arithmetic; /* models are opened for that of the settings alone; else as jobs ask */
    int editors;         /* pictures kept ready, at most */
    int threads;         /* 0: all cores */
    int64_t max_pixels;  /* of a picture */
    bool quiet;          /* no line for each request */
    de_wait_fn *wait;    /* waits for a descriptor; false: a signal says to end */
} serve_settings;

/* Serves until `wait` says to end. Returns OK then. If work is left that cannot be interrupted, the
 * process ends here instead, with status 0: within 5 s. Errors: ARGUMENT, FILE, MODEL, MEMORY. */
diffedit_status serve_run(const serve_settings *settings, diffedit_error *error);

#endif
