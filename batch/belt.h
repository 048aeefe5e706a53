/* A belt between two threads: what one puts on it the other takes, in order. It holds a few things,
 * or one that is heavy. */
#ifndef BATCH_BELT_H
#define BATCH_BELT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { BELT_MOST = 2 };

typedef struct belt {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    void *things[BELT_MOST]; /* [count], the first one first */
    int64_t weights[BELT_MOST];
    int count;
    int64_t weight, most_weight;
    bool ended; /* nothing is put on it any more */
} belt;

void belt_begin(belt *to, int64_t most_weight);
/* Waits for room. False: the belt was ended, and the thing is still the caller's. */
bool belt_put(belt *to, void *thing, int64_t weight);
/* Waits for a thing. NULL: the belt was ended and is empty. */
void *belt_take(belt *from);
/* Wakes both sides. What is on the belt can still be taken. */
void belt_end(belt *of);
void belt_free(belt *of);

#endif
