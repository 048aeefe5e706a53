/* `diffedit work`: takes lines of a queue, one after the other, and computes them, until it is told
 * to end. */
#ifndef BATCH_WORK_H
#define BATCH_WORK_H

#include <stdbool.h>
#include <stdint.h>

#include <diffedit/diffedit.h>

typedef struct work_settings {
    const char *queue;      /* its address, as queue_url.h says */
    const char *password;   /* for an address without one; NULL: none */
    const char *root;       /* folder or "s3://BUCKET/PREFIX", as depot.h says */
    const char *model_name; /* as it was given; NULL: the pocket model */
    const char *model_path;
    const diffedit_model_settings *model_settings;
    bool one_arithmetic; /* the model is opened for that of the settings alone; else as lines ask */
    int threads;         /* 0: all cores */
    int64_t max_pixels;  /* of a picture; 0: the library's default */
    double silence;      /* seconds after which a worker is taken for dead; equal for all of them */
    int tries;           /* of a line whose workers fall silent */
    double idle_exit;    /* seconds without a line after which to end; below 0: never */
    bool quiet;          /* no line about what was done */
    bool (*interrupted)(void);
} work_settings;

/* Works until it is interrupted or idle: OK then, with the line that was under way given back.
 * Errors: ARGUMENT, FILE (Redis refuses what is asked, or could not be reached for `idle_exit`
 * seconds), MODEL, MEMORY. */
diffedit_status work_run(const work_settings *settings, diffedit_error *error);

#endif
