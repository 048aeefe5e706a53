/* What a worker tells a batch about a line: how it went, as JSON, without the files, which lie in
 * the depot. */
#ifndef BATCH_TOLD_H
#define BATCH_TOLD_H

#include "perform.h"

enum { TOLD_WORKER = 128 };

typedef struct told {
    outcome made; /* without bytes and pictures */
    bool has_mask;
    char worker[TOLD_WORKER]; /* who computed it */
    int tries;
} told;

/* The JSON; freed by the caller, NULL: memory. */
char *told_write(const told *what);
/* Reads it, whoever wrote it; `what` is freed by the caller with outcome_free(&what->made). False:
 * it is none. */
bool told_read(told *what, const char *text);

#endif
