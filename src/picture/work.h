/* Long loops over a picture: on all threads, and heard of. */
#ifndef DE_WORK_H
#define DE_WORK_H

#include "base/base.h"

enum { DE_WORK_BANDS = 8 }; /* steps that each loop counts as */

typedef struct de_work {
    int threads;
    /* Told that `done` of `total` steps are; may cancel. NULL: nobody listens. */
    diffedit_status (*step)(void *user, int done, int total, diffedit_error *error);
    void *user;
    int done, total;
} de_work;

/* Runs fn over [0, count) as de_parallel_for() does, one band after the other, with a step after
 * each. Errors: of the step. */
diffedit_status de_work_run(de_work *work, int64_t count, int64_t grain, de_parallel_fn fn,
                            void *user, diffedit_error *error);

/* The beginning of band `band` of [0, count). */
static inline int64_t de_work_band(int64_t count, int band)
{
    return count * band / DE_WORK_BANDS;
}
/* A band has ended. Errors: of the step. */
diffedit_status de_work_step(de_work *work, diffedit_error *error);

#endif
