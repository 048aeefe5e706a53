#include "edit/stage.h"

#include <stdlib.h>

diffedit_status de_stage_step(const de_stage_context *context, diffedit_stage_id stage, int done,
                              int total, diffedit_error *error)
{
    if (context->progress && context->progress(context->progress_user, stage, done, total) != 0)
        return de_fail(error, DIFFEDIT_ERROR_CANCELLED, "cancelled");
    return DIFFEDIT_OK;
}

static diffedit_status pass_on(void *user, int done, int total, diffedit_error *error)
{
    const de_stage_listener *listener = user;
    return de_stage_step(listener->context, listener->stage, done, total, error);
}

de_work de_stage_work(de_stage_listener *listener, int loops)
{
    return (de_work){.threads = listener->context->threads,
                     .step = pass_on,
                     .user = listener,
                     .total = loops * DE_WORK_BANDS};
}

diffedit_status de_allocate_floats(float **memory, int64_t count, const char *what,
                                   diffedit_error *error)
{
    size_t bytes;
    if (!de_multiply_size((size_t)count, sizeof(float), &bytes) ||
        !(*memory = malloc(bytes ? bytes : 1)))
        return de_fail_memory(error, (size_t)count * sizeof(float), what);
    return DIFFEDIT_OK;
}

diffedit_status de_allocate_bytes(uint8_t **memory, int64_t count, const char *what,
                                  diffedit_error *error)
{
    *memory = malloc(count ? (size_t)count : 1);
    return *memory ? DIFFEDIT_OK : de_fail_memory(error, (size_t)count, what);
}

de_cells de_latent_cells(const de_latent_params *params, const de_network_set *networks)
{
    return (de_cells){params->height / networks->factor, params->width / networks->factor};
}
