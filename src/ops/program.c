#include <stdlib.h>

#include "ops/backend.h"

static void start_measuring(de_arena *arena)
{
    arena->measuring = true;
    arena->used = arena->peak = 0;
}

/* Makes room for what the measuring run needed; earlier memory is kept where it is large enough. */
static diffedit_status make_room(de_context *context, diffedit_error *error)
{
    de_device *device = context->device;
    de_arena *arena = &context->arena;
    size_t bytes = arena->peak;
    arena->measuring = false;
    arena->used = 0;
    if (arena->base && bytes <= arena->capacity)
        return DIFFEDIT_OK;
    de_context_release(context);
    arena->base = device->backend->allocate(device, bytes);
    arena->capacity = arena->base ? bytes : 0;
    return arena->base ? DIFFEDIT_OK : de_fail_memory(error, bytes, "temporary arrays");
}

void de_context_release(de_context *context)
{
    if (context->arena.base)
        context->device->backend->deallocate(context->device, context->arena.base);
    context->arena = (de_arena){0};
}

diffedit_status de_program_new(de_program **program, de_context *context, de_forward_fn forward,
                               void *user, diffedit_error *error)
{
    const de_backend *backend = context->device->backend;
    de_program *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "a program");
    *new = (de_program){.context = context, .forward = forward, .user = user};
    start_measuring(&context->arena);
    forward(context, user);
    diffedit_status status = make_room(context, error);
    if (status == DIFFEDIT_OK && backend->record)
        status = backend->record(new, error);
    if (status != DIFFEDIT_OK) {
        de_program_free(new);
        return status;
    }
    *program = new;
    return DIFFEDIT_OK;
}

diffedit_status de_program_run(de_program *program, diffedit_error *error)
{
    const de_backend *backend = program->context->device->backend;
    if (backend->replay)
        return backend->replay(program, error);
    program->forward(program->context, program->user);
    return DIFFEDIT_OK;
}

void de_program_free(de_program *program)
{
    if (!program)
        return;
    const de_backend *backend = program->context->device->backend;
    if (backend->forget)
        backend->forget(program);
    free(program);
}

diffedit_status de_program_run_once(de_context *context, de_forward_fn forward, void *user,
                                    diffedit_error *error)
{
    de_program *program = NULL;
    diffedit_status status = de_program_new(&program, context, forward, user, error);
    if (status == DIFFEDIT_OK)
        status = de_program_run(program, error);
    de_program_free(program);
    return status;
}
