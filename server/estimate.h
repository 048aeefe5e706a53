/* How far a job is and how long it will take: from what its stages cost, how fast they were on this
 * machine before, and the time so far. */
#ifndef SERVER_ESTIMATE_H
#define SERVER_ESTIMATE_H

#include "store.h"

enum {
    ESTIMATE_SAVE = DIFFEDIT_STAGE_COMPOSITE + 1, /* the result is written */
    ESTIMATE_STAGES,
    ESTIMATE_KEY = 256
};

struct estimate {
    double costs[ESTIMATE_STAGES]; /* in units of the stage's own */
    double rates[ESTIMATE_STAGES]; /* seconds a unit: remembered, or 1 where none is */
    bool remembered;               /* rates are seconds; else they are only in proportion */
    double began;                  /* clock_monotonic(), as all times here */
    int stage;                     /* the furthest that was asked about, and how much of it: */
    double done;
    char key[ESTIMATE_KEY];
};

/* Begins with what the stages cost. `key` names what rates depend on: model and sizes. */
void estimate_begin(struct estimate *estimate, const double costs[ESTIMATE_STAGES],
                    struct store *store, const char *key);
/* What is done when a stage has done this share of itself: 0..1, and the seconds that are left, or
 * -1 where nobody can know. A stage may be several pieces of work, each from 0 to 1; what is done
 * never becomes less. */
void estimate_at(double *share, double *left, struct estimate *estimate, int stage, double done);
/* Remembers how fast the stages were. */
void estimate_learn(const struct estimate *estimate, struct store *store,
                    const double seconds[ESTIMATE_STAGES]);

#endif
