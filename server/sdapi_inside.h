/* What the files of /sdapi/v1 share. */
#ifndef SDAPI_INSIDE_H
#define SDAPI_INSIDE_H

#include <pthread.h>

#include "files.h"
#include "sdapi.h"
#include "sdapi_fields.h"
#include "store.h"

/* A request whose pictures are being made. */
struct asked {
    struct asked *next;
    struct sdapi *sdapi;
    http_request *request;
    json_t *body; /* of the request */
    sdapi_wish wish;
    int model; /* its index */
    char group[24];
    char picture[FILES_ID], mask[FILES_ID]; /* "": none */
    int left;                               /* jobs that have not ended */
    bool interrupted;                       /* no more are to begin */
    diffedit_error error;                   /* of a job that could not be added; else OK */
};

struct sdapi {
    struct server *server;
    pthread_t thread;
    pthread_mutex_t mutex; /* of what follows */
    pthread_cond_t changed;
    bool stops;
    struct asked *asked; /* in the order in which they came */
    int model;           /* index of the one in use */
};

/* The job of the i-th picture of a request. */
void sdapi_job_id(char id[STORE_ID], const char *group, int i);

#endif
