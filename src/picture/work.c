#include "picture/work.h"

diffedit_status de_work_step(de_work *work, diffedit_error *error)
{
    work->done++;
    return work->step ? work->step(work->user, work->done, work->total, error) : DIFFEDIT_OK;
}

typedef struct band {
    de_parallel_fn fn;
    void *user;
    int64_t first;
} band;

static void run_part(void *user, int64_t begin, int64_t end, int thread)
{
    const band *now = user;
    now->fn(now->user, now->first + begin, now->first + end, thread);
}

diffedit_status de_work_run(de_work *work, int64_t count, int64_t grain, de_parallel_fn fn,
                            void *user, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < DE_WORK_BANDS && status == DIFFEDIT_OK; i++) {
        band now = {.fn = fn, .user = user, .first = de_work_band(count, i)};
        de_parallel_for(work->threads, de_work_band(count, i + 1) - now.first, grain, run_part,
                        &now);
        status = de_work_step(work, error);
    }
    return status;
}
