#include "keeper.h"

#include "common/error.h"

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct keeper {
    struct streams *streams;
    double pause; /* seconds between two messages */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    /* with the mutex: */
    char entry[STREAMS_ENTRY]; /* "": none */
    bool tells, ends;          /* tells: a message is under way */
};

/* Waits with the mutex for a change, or for some seconds; false: those have passed. */
static bool wait_for_change(struct keeper *keeper, double seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    double whole = floor(seconds);
    until.tv_sec += (time_t)whole;
    until.tv_nsec += (long)(1e9 * (seconds - whole));
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_cond_timedwait(&keeper->changed, &keeper->mutex, &until) != ETIMEDOUT;
}

/* Tells once, without the mutex. A message that did not arrive is followed by the next one. */
static void tell(struct keeper *keeper)
{
    char entry[STREAMS_ENTRY];
    bool ours = true;
    snprintf(entry, sizeof entry, "%s", keeper->entry);
    keeper->tells = true;
    pthread_mutex_unlock(&keeper->mutex);
    diffedit_status status = streams_keep(&ours, keeper->streams, entry, NULL);
    pthread_mutex_lock(&keeper->mutex);
    keeper->tells = false;
    pthread_cond_broadcast(&keeper->changed);
    if (status == DIFFEDIT_OK && !ours && strcmp(entry, keeper->entry) == 0)
        keeper->entry[0] = '\0';
}

static void *keep(void *user)
{
    struct keeper *keeper = user;
    pthread_mutex_lock(&keeper->mutex);
    while (!keeper->ends) {
        if (!keeper->entry[0])
            pthread_cond_wait(&keeper->changed, &keeper->mutex);
        else if (!wait_for_change(keeper, keeper->pause) && keeper->entry[0] && !keeper->ends)
            tell(keeper);
    }
    pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

static void set_up(struct keeper *keeper)
{
    pthread_condattr_t how;
    pthread_condattr_init(&how);
    pthread_condattr_setclock(&how, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->changed, &how);
    pthread_condattr_destroy(&how);
    pthread_mutex_init(&keeper->mutex, NULL);
}

static void tear_down(struct keeper *keeper)
{
    pthread_cond_destroy(&keeper->changed);
    pthread_mutex_destroy(&keeper->mutex);
    streams_close(keeper->streams);
    free(keeper);
}

diffedit_status keeper_start(struct keeper **started, const struct streams_settings *settings,
                             diffedit_error *error)
{
    const double longest = 10; /* seconds */
    struct streams_settings silent = *settings;
    struct keeper *keeper = calloc(1, sizeof *keeper);
    *started = NULL;
    if (!keeper)
        return de_fail_memory(error, sizeof *keeper, "a thread");
    silent.say = NULL; /* the worker's own connection says what is lost */
    diffedit_status status = streams_open(&keeper->streams, &silent, error);
    if (status != DIFFEDIT_OK) {
        free(keeper);
        return status;
    }
    keeper->pause = fmin(settings->silence / 4, longest);
    set_up(keeper);
    sigset_t all, before; /* signals are for the thread that computes */
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&keeper->thread, NULL, keep, keeper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed) {
        tear_down(keeper);
        return de_fail_memory(error, sizeof *keeper, "a thread");
    }
    *started = keeper;
    return DIFFEDIT_OK;
}

void keeper_stop(struct keeper *keeper)
{
    if (!keeper)
        return;
    pthread_mutex_lock(&keeper->mutex);
    keeper->ends = true;
    pthread_cond_broadcast(&keeper->changed);
    pthread_mutex_unlock(&keeper->mutex);
    pthread_join(keeper->thread, NULL);
    tear_down(keeper);
}

void keeper_hold(struct keeper *keeper, const char *entry)
{
    pthread_mutex_lock(&keeper->mutex);
    snprintf(keeper->entry, sizeof keeper->entry, "%s", entry ? entry : "");
    pthread_cond_broadcast(&keeper->changed);
    while (keeper->tells) /* or a line that is given back would be claimed once more */
        pthread_cond_wait(&keeper->changed, &keeper->mutex);
    pthread_mutex_unlock(&keeper->mutex);
}
