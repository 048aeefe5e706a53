#include "recorder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* From a pointer to the address of the same memory on the device. */
static const uintptr_t shift = (uintptr_t)1 << 60;

/* One op with its arguments; x and y are in and out, the others as in ops.h. */
typedef struct command {
    op op;
    const de_linear *linear;
    const de_convolution *convolution;
    de_convolution_shape shape;
    de_epilogue epilogue;
    de_tensor x, k, v, b, y;
    int heads, groups;
    bool causal;
    float eps;
    const de_vector *scale, *shift;
    de_activation activation;
    size_t arena; /* how much of it was in use */
} command;

struct recording {
    command *commands;
    int count;
};

static recorder *recorder_of(const de_device *device)
{
    return (recorder *)device;
}

/* ---- what it does ---- */

static de_tensor ours(de_tensor tensor)
{
    if (tensor.data.at)
        tensor.data.at -= shift;
    return tensor;
}

static void run_command(de_context *context, const command *c)
{
    const de_backend *cpu = recorder_of(context->device)->cpu->backend;
    de_context here = *context;
    here.device = recorder_of(context->device)->cpu;
    here.arena.blocks[0] -= shift;
    de_tensor x = ours(c->x), k = ours(c->k), v = ours(c->v), b = ours(c->b), y = ours(c->y);
    de_epilogue epilogue = {ours(c->epilogue.image_bias), c->epilogue.activation,
                            ours(c->epilogue.residual)};
    switch (c->op) {
    case LINEAR: cpu->linear_run(&here, c->linear, x, epilogue, y); break;
    case GEGLU: cpu->linear_geglu_run(&here, c->linear, x, y); break;
    case CONVOLUTION: cpu->convolution_run(&here, c->convolution, x, c->shape, epilogue, y); break;
    case GROUP_NORM:
        cpu->group_norm(&here, x, c->groups, c->eps, c->scale, c->shift, c->activation, y);
        break;
    case LAYER_NORM: cpu->layer_norm(&here, x, c->eps, c->scale, c->shift, y); break;
    case ATTENTION: cpu->attention(&here, c->heads, c->causal, x, k, v, y); break;
    case REPEAT: cpu->repeat(&here, x, y); break;
    case CONCATENATE: cpu->concatenate(&here, x, b, y); break;
    case OPS: break;
    }
    context->arena.peak = here.arena.peak;
}

/* Measures an op, or records it. */
static void submit(de_context *context, command c)
{
    recorder *device = recorder_of(context->device);
    device->ops[c.op]++;
    if (context->arena.measuring) {
        run_command(context, &c);
        return;
    }
    recording *into = device->into;
    assert_non_null(into); /* a forward pass that nobody records */
    into->commands = realloc(into->commands, (size_t)(into->count + 1) * sizeof c);
    assert_non_null(into->commands);
    c.arena = context->arena.used;
    into->commands[into->count++] = c;
}

static diffedit_status fail_lost(diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_DEVICE, "the device is lost");
}

static diffedit_status record(de_program *program, diffedit_error *error)
{
    recorder *device = recorder_of(program->context->device);
    if (device->machine->lost)
        return fail_lost(error);
    recording *made = calloc(1, sizeof *made);
    assert_non_null(made);
    device->programs++;
    program->recorded = device->into = made;
    program->forward(program->context, program->user);
    device->into = NULL;
    return device->fails_to_record ? de_fail(error, DIFFEDIT_ERROR_MEMORY, "cannot record")
                                   : DIFFEDIT_OK;
}

static diffedit_status replay(de_program *program, diffedit_error *error)
{
    de_context *context = program->context;
    const recording *recorded = program->recorded;
    recorder_of(context->device)->replays++;
    if (recorder_of(context->device)->machine->lost)
        return fail_lost(error);
    if (recorder_of(context->device)->fails_to_replay)
        return de_fail(error, DIFFEDIT_ERROR_MEMORY, "cannot play it back");
    for (int i = 0; i < recorded->count; i++) {
        context->arena.used = recorded->commands[i].arena;
        run_command(context, &recorded->commands[i]);
    }
    context->arena.used = 0;
    return DIFFEDIT_OK;
}

static void forget(de_program *program)
{
    recording *recorded = program->recorded;
    if (recorded)
        free(recorded->commands);
    free(recorded);
}

static double seconds(const de_program *program)
{
    (void)program;
    return recorder_seconds;
}

/* ---- its table ---- */

static const char *family(const de_device *device)
{
    return de_device_family(((const recorder *)device)->cpu);
}

static void close_recorder(de_device *device)
{
    recorder_of(device)->closed++;
}

static bool is_lost(const de_device *device)
{
    return recorder_of(device)->machine->lost;
}

static uintptr_t allocate(de_device *device, size_t bytes, bool shared)
{
    recorder *self = recorder_of(device);
    test_machine *machine = self->machine;
    bool is_full = machine->most_beside >= 0 && machine->weights > machine->most_beside;
    if (machine->allowed == 0 || (is_full && !shared))
        return 0;
    machine->allowed--;
    machine->allocations++;
    return self->cpu->backend->allocate(self->cpu, bytes, shared) + shift;
}

static void deallocate(de_device *device, uintptr_t memory)
{
    recorder *self = recorder_of(device);
    self->machine->allocations--;
    self->cpu->backend->deallocate(self->cpu, memory - shift);
}

static void write_tensor(de_context *context, const float *from, de_tensor to)
{
    recorder_of(context->device)->cpu->backend->write(context, from, ours(to));
}

static void read_tensor(de_context *context, de_tensor from, float *to)
{
    const recorder *self = recorder_of(context->device);
    self->cpu->backend->read(context, ours(from), to);
    if (from.n == self->overflows.n && from.c == self->overflows.c)
        to[de_tensor_count(from) / 2] = INFINITY;
}

/* Room for one more layer or vector. */
static diffedit_status take_room(de_device *device, diffedit_error *error)
{
    test_machine *machine = recorder_of(device)->machine;
    if (machine->lost)
        return fail_lost(error);
    if (machine->weights == machine->most_weights)
        return de_device_fail_memory(device, 1000, "weights", error);
    machine->weights++;
    return DIFFEDIT_OK;
}

static de_device *give_room_back(de_device *device)
{
    recorder_of(device)->machine->weights--;
    return recorder_of(device)->cpu;
}

static diffedit_status vector_new(de_vector **vector, de_device *device, const de_weight *weight,
                                  diffedit_error *error)
{
    de_device *cpu = recorder_of(device)->cpu;
    diffedit_status status = take_room(device, error);
    return status == DIFFEDIT_OK ? cpu->backend->vector_new(vector, cpu, weight, error) : status;
}

static void vector_free(de_vector *vector)
{
    give_room_back(vector->device)->backend->vector_free(vector);
}

static diffedit_status linear_new(de_linear **linear, de_device *device, const de_weight *weights,
                                  const de_weight *biases, int parts,
                                  diffedit_arithmetic arithmetic, diffedit_error *error)
{
    de_device *cpu = recorder_of(device)->cpu;
    recorder_of(device)->linears[arithmetic]++;
    diffedit_status status = take_room(device, error);
    return status == DIFFEDIT_OK
               ? cpu->backend->linear_new(linear, cpu, weights, biases, parts, arithmetic, error)
               : status;
}

static void linear_free(de_linear *linear)
{
    give_room_back(linear->device)->backend->linear_free(linear);
}

static void linear_run(de_context *context, const de_linear *linear, de_tensor x,
                       de_epilogue epilogue, de_tensor y)
{
    submit(context,
           (command){.op = LINEAR, .linear = linear, .x = x, .epilogue = epilogue, .y = y});
}

static void linear_geglu_run(de_context *context, const de_linear *linear, de_tensor x, de_tensor y)
{
    submit(context, (command){.op = GEGLU, .linear = linear, .x = x, .y = y});
}

static diffedit_status convolution_new(de_convolution **convolution, de_device *device,
                                       const de_weight *weight, const de_weight *bias,
                                       de_resampling resampling, diffedit_arithmetic arithmetic,
                                       diffedit_error *error)
{
    de_device *cpu = recorder_of(device)->cpu;
    recorder_of(device)->convolutions[arithmetic]++;
    diffedit_status status = take_room(device, error);
    return status == DIFFEDIT_OK ? cpu->backend->convolution_new(convolution, cpu, weight, bias,
                                                                 resampling, arithmetic, error)
                                 : status;
}

static void convolution_free(de_convolution *convolution)
{
    give_room_back(convolution->device)->backend->convolution_free(convolution);
}

static void convolution_run(de_context *context, const de_convolution *convolution, de_tensor x,
                            de_convolution_shape shape, de_epilogue epilogue, de_tensor y)
{
    submit(context, (command){.op = CONVOLUTION,
                              .convolution = convolution,
                              .x = x,
                              .shape = shape,
                              .epilogue = epilogue,
                              .y = y});
}

static void group_norm(de_context *context, de_tensor x, int groups, float eps,
                       const de_vector *scale, const de_vector *shift_by, de_activation activation,
                       de_tensor y)
{
    submit(context, (command){.op = GROUP_NORM,
                              .x = x,
                              .groups = groups,
                              .eps = eps,
                              .scale = scale,
                              .shift = shift_by,
                              .activation = activation,
                              .y = y});
}

static void layer_norm(de_context *context, de_tensor x, float eps, const de_vector *scale,
                       const de_vector *shift_by, de_tensor y)
{
    submit(
        context,
        (command){.op = LAYER_NORM, .x = x, .eps = eps, .scale = scale, .shift = shift_by, .y = y});
}

static void attention(de_context *context, int heads, bool causal, de_tensor q, de_tensor k,
                      de_tensor v, de_tensor y)
{
    submit(context,
           (command){
               .op = ATTENTION, .heads = heads, .causal = causal, .x = q, .k = k, .v = v, .y = y});
}

static void repeat(de_context *context, de_tensor x, de_tensor y)
{
    submit(context, (command){.op = REPEAT, .x = x, .y = y});
}

static void concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y)
{
    submit(context, (command){.op = CONCATENATE, .x = a, .b = b, .y = y});
}

static const de_backend table = {
    .family = family,
    .lost = is_lost,
    .close = close_recorder,
    .allocate = allocate,
    .deallocate = deallocate,
    .write = write_tensor,
    .read = read_tensor,
    .record = record,
    .replay = replay,
    .forget = forget,
    .seconds = seconds,
    .vector_new = vector_new,
    .vector_free = vector_free,
    .linear_new = linear_new,
    .linear_free = linear_free,
    .linear_run = linear_run,
    .linear_geglu_run = linear_geglu_run,
    .convolution_new = convolution_new,
    .convolution_free = convolution_free,
    .convolution_run = convolution_run,
    .group_norm = group_norm,
    .layer_norm = layer_norm,
    .attention = attention,
    .repeat = repeat,
    .concatenate = concatenate,
};

de_device *open_cpu(diffedit_arithmetic arithmetic)
{
    de_device *cpu;
    assert_int_equal(de_device_open(&cpu, DIFFEDIT_DEVICE_CPU, arithmetic, NULL), DIFFEDIT_OK);
    return cpu;
}

recorder new_recorder(test_machine *machine, diffedit_arithmetic arithmetic)
{
    machine->allowed = machine->most_weights = machine->most_beside = -1;
    return (recorder){
        .base = {.backend = &table, .arithmetic = arithmetic, .element = sizeof(float)},
        .cpu = open_cpu(arithmetic),
        .machine = machine};
}

void join_recorders(recorder *narrow, recorder *wide, const char *title)
{
    wide->machine = narrow->machine;
    narrow->base.wide = &wide->base;
    narrow->base.title = wide->base.title = title;
    narrow->base.memory = wide->base.memory = 4000000000;
}

/* ---- the networks ---- */

diffedit_model *open_on(de_device *device)
{
    diffedit_model *model;
    diffedit_error error;
    const diffedit_model_settings settings = {0};
    if (de_model_read(&model, GOLDEN "/tiny-odd/model", &settings, NULL, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    model->device = device;
    const de_network_sources sources = de_model_sources(model);
    assert_int_equal(de_networks_new(&model->networks, &sources, false, &error), DIFFEDIT_OK);
    return model;
}

static void fill(float *values, int64_t count, int seed)
{
    assert_true(count <= MOST);
    for (int64_t i = 0; i < count; i++)
        values[i] = (float)((i * 37 + seed * 11) % 101) / 50 - 1;
}

static diffedit_status run_unet(const de_network_set *set, results *found, recorder *device,
                                diffedit_error *error)
{
    static float latent[MOST];
    const float *embeddings[TEXTS] = {found->embeddings[0], found->embeddings[1]};
    diffedit_status status = set->unet_begin(set->self, embeddings, TEXTS, 1, H, W, error);
    int64_t convolutions = device ? device->ops[CONVOLUTION] : 0;
    for (int run = 0; run < RUNS && status == DIFFEDIT_OK; run++) {
        fill(latent, set->channels * H * W, run);
        status = set->unet_run(set->self, latent, NULL, 900.25 * run / RUNS, found->noise[run],
                               error);
    }
    if (device)
        assert_int_equal(device->ops[CONVOLUTION], convolutions); /* nothing new after it began */
    set->unet_end(set->self);
    return status;
}

diffedit_status run_networks(const diffedit_model *model, recorder *device, results *found,
                             de_log log, diffedit_error *error)
{
    static float values[MOST];
    const char *const texts[TEXTS] = {"a horse", ""};
    de_model_networks networks = {0};
    de_network_set set;
    de_model_networks_init(&networks, &set, model, &log);
    assert_true(TEXTS * set.text_tokens * set.text_width <= MOST);
    int32_t *tokens = malloc((size_t)set.text_tokens * sizeof *tokens);
    diffedit_status status = DIFFEDIT_OK;
    for (int i = 0; i < TEXTS && status == DIFFEDIT_OK; i++) {
        assert_int_equal(de_tokenizer_encode(model->tokenizer, texts[i], tokens, NULL, NULL),
                         DIFFEDIT_OK);
        status = set.encode_text(set.self, tokens, found->embeddings[i], error);
    }
    fill(values, (int64_t)3 * H * W * set.factor * set.factor, 1);
    if (status == DIFFEDIT_OK)
        status = set.encode_pixels(set.self, values, H, W, found->moments, error);
    if (status == DIFFEDIT_OK)
        status = run_unet(&set, found, device, error);
    fill(values, set.channels * H * W, 2);
    if (status == DIFFEDIT_OK)
        status = set.decode_latent(set.self, values, H, W, found->pixels, error);
    free(tokens);
    found->computed = de_model_networks_computed(&networks);
    de_model_networks_free(&networks);
    return status;
}
