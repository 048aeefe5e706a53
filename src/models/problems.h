/* Who wants to hear of everything that is wrong with a model, not only of the first failure. */
#ifndef DE_PROBLEMS_H
#define DE_PROBLEMS_H

#include "common/error.h"

#include <stdint.h>

typedef struct de_problems {
    diffedit_problem_fn report; /* or NULL: they are only counted */
    void *user;
    int64_t count;
} de_problems;

/* Reports one sentence, which is cleaned as an error's is. */
void de_problems_add(de_problems *problems, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Where somebody listens (`problems` is not NULL), reports a failure and gives OK, so that reading
 * goes on; else gives the failure back. Being out of memory is always a failure. */
diffedit_status de_report_or_fail(de_problems *problems, diffedit_status status,
                                  const diffedit_error *error);

#endif
