#include "belt.h"

#include <string.h>

void belt_begin(belt *to, int64_t most_weight)
{
    *to = (belt){.most_weight = most_weight};
    pthread_mutex_init(&to->mutex, NULL);
    pthread_cond_init(&to->changed, NULL);
}

bool belt_put(belt *to, void *thing, int64_t weight)
{
    pthread_mutex_lock(&to->mutex);
    while (!to->ended &&
           (to->count == BELT_MOST || (to->count > 0 && to->weight + weight > to->most_weight)))
        pthread_cond_wait(&to->changed, &to->mutex);
    bool put = !to->ended;
    if (put) {
        to->things[to->count] = thing;
        to->weights[to->count++] = weight;
        to->weight += weight;
        pthread_cond_broadcast(&to->changed);
    }
    pthread_mutex_unlock(&to->mutex);
    return put;
}

void *belt_take(belt *from)
{
    void *thing = NULL;
    pthread_mutex_lock(&from->mutex);
    while (from->count == 0 && !from->ended)
        pthread_cond_wait(&from->changed, &from->mutex);
    if (from->count > 0) {
        thing = from->things[0];
        from->weight -= from->weights[0];
        from->count--;
        memmove(from->things, from->things + 1, (size_t)from->count * sizeof *from->things);
        memmove(from->weights, from->weights + 1, (size_t)from->count * sizeof *from->weights);
        pthread_cond_broadcast(&from->changed);
    }
    pthread_mutex_unlock(&from->mutex);
    return thing;
}

void belt_end(belt *of)
{
    pthread_mutex_lock(&of->mutex);
    of->ended = true;
    pthread_cond_broadcast(&of->changed);
    pthread_mutex_unlock(&of->mutex);
}

void belt_free(belt *of)
{
    pthread_cond_destroy(&of->changed);
    pthread_mutex_destroy(&of->mutex);
}
