/* Which part of a list is whose: --shard. */
#include "batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SHARDS = 1000000 };

/* A whole number from `least` up; -1: it is none. */
static long number_of(const char *text, long least)
{
    char *end;
    if (!text || strspn(text, "0123456789") == 0)
        return -1;
    long number = strtol(text, &end, 10);
    return *end == '\0' && number >= least && number <= MOST_SHARDS ? number : -1;
}

static diffedit_status fail_variable(const char *who, const char *name, diffedit_error *error)
{
    const char *value = getenv(name);
    return value ? de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "`shard` %s: expected a whole number in %s, found \"%.80s\"", who, name,
                           value)
                 : de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "`shard` %s: %s is not set; is this a task of an array job?", who, name);
}

/* Slurm numbers the tasks of an array from any number, in any steps; they are counted by
 * SLURM_ARRAY_TASK_COUNT. */
static diffedit_status from_slurm(int *shard, int *shards, diffedit_error *error)
{
    static const char *const names[] = {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN",
                                        "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_STEP"};
    long values[4];
    for (int i = 0; i < 4; i++) {
        values[i] = i == 3 && !getenv(names[i]) ? 1 : number_of(getenv(names[i]), i >= 2);
        if (values[i] < 0)
            return fail_variable("slurm", names[i], error);
    }
    long place = (values[0] - values[1]) / values[3];
    if (values[0] < values[1] || (values[0] - values[1]) % values[3] != 0 || place >= values[2])
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "`shard` slurm: expected an array of evenly spaced tasks, such as 0-7, "
                       "found task %ld of %ld that begin with %ld",
                       values[0], values[2], values[1]);
    *shard = (int)place + 1;
    *shards = (int)values[2];
    return DIFFEDIT_OK;
}

static diffedit_status from_kubernetes(int *shard, int *shards, diffedit_error *error)
{
    long index = number_of(getenv("JOB_COMPLETION_INDEX"), 0);
    long count = number_of(getenv("JOB_COMPLETIONS"), 1);
    if (index < 0)
        return fail_variable("kubernetes", "JOB_COMPLETION_INDEX", error);
    if (count < 0)
        return fail_variable("kubernetes", "JOB_COMPLETIONS", error);
    if (index >= count)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "`shard` kubernetes: expected JOB_COMPLETION_INDEX below JOB_COMPLETIONS, "
                       "found %ld and %ld",
                       index, count);
    *shard = (int)index + 1;
    *shards = (int)count;
    return DIFFEDIT_OK;
}

diffedit_status batch_shard(int *shard, int *shards, const char *text, diffedit_error *error)
{
    char own[16];
    if (strcmp(text, "slurm") == 0)
        return from_slurm(shard, shards, error);
    if (strcmp(text, "kubernetes") == 0)
        return from_kubernetes(shard, shards, error);
    const char *slash = strchr(text, '/');
    snprintf(own, sizeof own, "%.*s", slash ? (int)(slash - text) : 0, text);
    long number = number_of(own, 1), count = slash ? number_of(slash + 1, 1) : -1;
    if (number < 0 || count < number)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "`shard`: expected I/N with I from 1 to N, slurm or kubernetes, found "
                       "\"%.80s\"",
                       text);
    *shard = (int)number;
    *shards = (int)count;
    return DIFFEDIT_OK;
}
