/* How many threads a piece of work is worth. */
#ifndef DE_THREADS_H
#define DE_THREADS_H

#include "ops/ops.h"

/* Waking another thread takes some 10 microseconds, and far more on a busy machine; a core does as
 * many operations in about twice that time. */
enum { DE_SOLITARY_OPERATIONS = 2 * 1000 * 1000 };

static inline int de_threads_for(const de_context *context, double operations)
{
    return operations < DE_SOLITARY_OPERATIONS ? 1 : context->threads;
}

#endif
