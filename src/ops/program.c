#include <stdlib.h>

#include "ops/backend.h"

static void start_measuring(de_context *context)
{
    de_arena *arena = &context->arena;
    arena->measuring = true;
    arena->block = context->device->largest;
    arena->used = arena->peak = arena->beyond = 0;
}

static diffedit_status allocate_blocks(de_device *device, de_arena *arena, size_t bytes,
                                       diffedit_error *error)
{
    size_t block = arena->block ? arena->block : bytes;
    for (int i = 0; arena->capacity < bytes; i++) {
        size_t size = bytes - arena->capacity < block ? bytes - arena->capacity : block;
        if (i < DE_ARENA_BLOCKS)
            arena->blocks[i] = device->backend->allocate(device, size, false);
        if (i == DE_ARENA_BLOCKS || !arena->blocks[i])
            return de_device_fail_memory(device, bytes, "temporary arrays", error);
        arena->capacity += size;
    }
    return DIFFEDIT_OK;
}

/* Makes room for what the measuring run needed; earlier memory is kept where it is large enough. */
static diffedit_status make_room(de_context *context, diffedit_error *error)
{
    de_device *device = context->device;
    de_arena *arena = &context->arena;
    size_t bytes = arena->peak;
    arena->measuring = false;
    arena->used = 0;
    if (arena->beyond)
        return de_device_fail_beyond(device, arena->beyond, error);
    if (bytes <= arena->capacity)
        return DIFFEDIT_OK;
    de_context_release(context);
    arena->block = device->largest;
    diffedit_status status = allocate_blocks(device, arena, bytes, error);
    if (status != DIFFEDIT_OK)
        de_context_release(context);
    return status;
}

void de_context_release(de_context *context)
{
    for (int i = 0; i < DE_ARENA_BLOCKS && context->arena.blocks[i]; i++)
        context->device->backend->deallocate(context->device, context->arena.blocks[i]);
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
    start_measuring(context);
    context->operations = 0;
    forward(context, user);
    new->operations = context->operations;
    diffedit_status status = make_room(context, error);
    if (status == DIFFEDIT_OK && backend->record) {
        context->recording = new;
        context->operations = 0;
        status = backend->record(new, error);
        context->recording = NULL;
    }
    if (status != DIFFEDIT_OK) {
        de_program_free(new);
        return status;
    }
    *program = new;
    return DIFFEDIT_OK;
}

diffedit_status de_program_run(de_program *program, diffedit_error *error)
{
    de_context *context = program->context;
    const de_backend *backend = context->device->backend;
    if (backend->replay) {
        diffedit_status status = backend->replay(program, error);
        if (status != DIFFEDIT_OK)
            return status;
    } else {
        program->forward(context, program->user);
    }
    de_computed_add(&context->computed, de_program_computed(program));
    return DIFFEDIT_OK;
}

de_computed de_program_computed(const de_program *program)
{
    const de_backend *backend = program->context->device->backend;
    return (de_computed){program->operations, backend->seconds ? backend->seconds(program) : 0};
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
