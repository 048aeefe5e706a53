/* A second backend behind ops.h: all networks run on it as on the CPU, bit by bit.
 *
 * It is as unlike the CPU as a backend with the CPU's arithmetic can be. Its addresses are none of
 * ours, so whoever reads them crashes; a program is recorded once and played back, so that what a
 * forward pass did beside its ops would be missing; and its memory, recording and playing back can
 * be made to fail. */
#include "edit/model_networks.h"
#include "ops/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* From a pointer to the address of the same memory on the device. */
static const uintptr_t shift = (uintptr_t)1 << 60;

typedef enum op {
    LINEAR,
    GEGLU,
    CONVOLUTION,
    GROUP_NORM,
    LAYER_NORM,
    ATTENTION,
    REPEAT,
    CONCATENATE,
    OPS
} op;

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

typedef struct recording {
    command *commands;
    int count;
} recording;

typedef struct recorder {
    de_device base;
    de_device *cpu;
    recording *into;                 /* while it records */
    int64_t ops[OPS];                /* given to it */
    int linears[2], convolutions[2]; /* made for each arithmetic */
    int programs, replays, closed;
    int64_t allocations; /* in use */
    int allowed;         /* before one fails; negative: all */
    bool fails_to_record, fails_to_replay;
} recorder;

static recorder *recorder_of(de_device *device)
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
    here.arena.base -= shift;
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

static diffedit_status record(de_program *program, diffedit_error *error)
{
    recorder *device = recorder_of(program->context->device);
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
    if (recorder_of(context->device)->fails_to_replay)
        return de_fail(error, DIFFEDIT_ERROR_MEMORY, "the device is gone");
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

/* ---- its table ---- */

static void close_recorder(de_device *device)
{
    recorder_of(device)->closed++;
}

static uintptr_t allocate(de_device *device, size_t bytes)
{
    recorder *self = recorder_of(device);
    if (self->allowed == 0)
        return 0;
    self->allowed--;
    self->allocations++;
    return self->cpu->backend->allocate(self->cpu, bytes) + shift;
}

static void deallocate(de_device *device, uintptr_t memory)
{
    recorder *self = recorder_of(device);
    self->allocations--;
    self->cpu->backend->deallocate(self->cpu, memory - shift);
}

static void write_tensor(de_context *context, const float *from, de_tensor to)
{
    recorder_of(context->device)->cpu->backend->write(context, from, ours(to));
}

static void read_tensor(de_context *context, de_tensor from, float *to)
{
    recorder_of(context->device)->cpu->backend->read(context, ours(from), to);
}

static diffedit_status vector_new(de_vector **vector, de_device *device, const de_weight *weight,
                                  diffedit_error *error)
{
    de_device *cpu = recorder_of(device)->cpu;
    return cpu->backend->vector_new(vector, cpu, weight, error);
}

static void vector_free(de_vector *vector)
{
    recorder_of(vector->device)->cpu->backend->vector_free(vector);
}

static diffedit_status linear_new(de_linear **linear, de_device *device, const de_weight *weights,
                                  const de_weight *biases, int parts,
                                  diffedit_arithmetic arithmetic, diffedit_error *error)
{
    de_device *cpu = recorder_of(device)->cpu;
    recorder_of(device)->linears[arithmetic]++;
    return cpu->backend->linear_new(linear, cpu, weights, biases, parts, arithmetic, error);
}

static void linear_free(de_linear *linear)
{
    recorder_of(linear->device)->cpu->backend->linear_free(linear);
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
    return cpu->backend->convolution_new(convolution, cpu, weight, bias, resampling, arithmetic,
                                         error);
}

static void convolution_free(de_convolution *convolution)
{
    recorder_of(convolution->device)->cpu->backend->convolution_free(convolution);
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
    .element = sizeof(float),
    .close = close_recorder,
    .allocate = allocate,
    .deallocate = deallocate,
    .write = write_tensor,
    .read = read_tensor,
    .record = record,
    .replay = replay,
    .forget = forget,
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

static de_device *open_cpu(diffedit_arithmetic arithmetic)
{
    de_device *cpu;
    assert_int_equal(de_device_open(&cpu, arithmetic, NULL), DIFFEDIT_OK);
    return cpu;
}

static recorder new_recorder(diffedit_arithmetic arithmetic)
{
    return (recorder){.base = {&table, arithmetic}, .cpu = open_cpu(arithmetic), .allowed = -1};
}

/* ---- the networks ---- */

enum { H = 5, W = 7, RUNS = 3, TEXTS = 2, MOST = 8192 };

/* What everything that runs finds. */
typedef struct results {
    float embeddings[TEXTS][MOST], moments[MOST], noise[RUNS][MOST], pixels[MOST];
} results;

static diffedit_model *open_on(de_device *device)
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

static diffedit_status run_networks(const diffedit_model *model, recorder *device, results *found,
                                    diffedit_error *error)
{
    static float values[MOST];
    const char *const texts[TEXTS] = {"a horse", ""};
    de_model_networks networks = {0};
    de_network_set set;
    de_model_networks_init(&networks, &set, model);
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
    de_model_networks_free(&networks);
    return status;
}

/* ---- tests ---- */

static void check_same_bits(diffedit_arithmetic arithmetic)
{
    static results on_cpu, on_recorder;
    recorder device = new_recorder(arithmetic);
    diffedit_model *model = open_on(open_cpu(arithmetic));
    assert_int_equal(run_networks(model, NULL, &on_cpu, NULL), DIFFEDIT_OK);
    de_model_close(model);

    model = open_on(&device.base);
    assert_int_equal(run_networks(model, &device, &on_recorder, NULL), DIFFEDIT_OK);
    assert_int_equal(device.allocations, 0);
    assert_int_equal(device.closed, 0);
    de_model_close(model);
    assert_int_equal(device.closed, 1);

    assert_memory_equal(&on_cpu, &on_recorder, sizeof on_cpu);
    assert_true(on_cpu.noise[0][0] != on_cpu.noise[1][0]);
    for (int i = 0; i < OPS; i++)
        assert_true(device.ops[i] > 0);
    /* two texts, encoding, the texts' keys and values, the UNet, decoding */
    assert_int_equal(device.programs, TEXTS + 4);
    assert_int_equal(device.replays, TEXTS + 3 + RUNS);
}

static void test_same_bits(void **state)
{
    (void)state;
    check_same_bits(DIFFEDIT_ARITHMETIC_EXACT);
    check_same_bits(DIFFEDIT_ARITHMETIC_QUICK);
}

/* Products of a UNet that are exact in any arithmetic, by their weights' names. */
static void count_exact(void *user, const char *name, const de_weight *weight, const char *problem)
{
    static const char *const endings[] = {"time_embedding.linear_1.weight",
                                          "time_embedding.linear_2.weight", "time_emb_proj.weight",
                                          "attn2.to_k.weight"};
    (void)weight;
    assert_null(problem);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t length = strlen(name), ending = strlen(endings[i]);
        if (length >= ending && strcmp(name + length - ending, endings[i]) == 0)
            ++*(int *)user;
    }
}

/* On a quick device what runs once, and much else is made from, is exact all the same. */
static void test_what_is_always_exact(void **state)
{
    (void)state;
    int exact = 0;
    recorder device = new_recorder(DIFFEDIT_ARITHMETIC_QUICK);
    diffedit_model *model = open_on(open_cpu(DIFFEDIT_ARITHMETIC_EXACT));
    de_network_sources sources = de_model_sources(model);
    sources.device = &device.base;
    de_text_encoder *text;
    assert_int_equal(de_text_encoder_new(&text, sources.device, sources.text,
                                         sources.weights[DE_PART_TEXT], NULL, NULL),
                     DIFFEDIT_OK);
    de_text_encoder_free(text);
    assert_true(device.linears[DIFFEDIT_ARITHMETIC_EXACT] > 0);
    assert_int_equal(device.linears[DIFFEDIT_ARITHMETIC_QUICK], 0);

    de_unet *unet;
    const de_survey survey = {count_exact, &exact, false};
    assert_int_equal(de_network_survey(&sources, DE_PART_UNET, &survey, NULL), DIFFEDIT_OK);
    device.linears[DIFFEDIT_ARITHMETIC_EXACT] = 0;
    assert_int_equal(
        de_unet_new(&unet, sources.device, sources.unet, sources.weights[DE_PART_UNET], NULL, NULL),
        DIFFEDIT_OK);
    de_unet_free(unet);
    assert_true(exact > 4);
    assert_int_equal(device.linears[DIFFEDIT_ARITHMETIC_EXACT], exact);
    assert_true(device.linears[DIFFEDIT_ARITHMETIC_QUICK] > exact);
    assert_int_equal(device.convolutions[DIFFEDIT_ARITHMETIC_EXACT], 0);

    de_vae *vae;
    assert_int_equal(
        de_vae_new(&vae, sources.device, sources.vae, sources.weights[DE_PART_VAE], NULL, NULL),
        DIFFEDIT_OK);
    de_vae_free(vae);
    assert_int_equal(device.linears[DIFFEDIT_ARITHMETIC_EXACT], exact);
    assert_int_equal(device.convolutions[DIFFEDIT_ARITHMETIC_EXACT], 0);
    de_model_close(model);
}

/* Each allocation in turn fails, and everything is given back. */
static void test_out_of_memory(void **state)
{
    (void)state;
    static results found;
    recorder device = new_recorder(DIFFEDIT_ARITHMETIC_EXACT);
    diffedit_model *model = open_on(&device.base);
    diffedit_status status = DIFFEDIT_ERROR_MEMORY;
    int allowed = 0;
    for (; status != DIFFEDIT_OK && allowed < 1000; allowed++) {
        device.allowed = allowed;
        status = run_networks(model, NULL, &found, NULL);
        assert_true(status == DIFFEDIT_OK || status == DIFFEDIT_ERROR_MEMORY);
        assert_int_equal(device.allocations, 0);
    }
    assert_true(allowed > 10 && status == DIFFEDIT_OK);
    de_model_close(model);
}

static void test_lost_device(void **state)
{
    (void)state;
    static results found;
    recorder device = new_recorder(DIFFEDIT_ARITHMETIC_EXACT);
    diffedit_error error;
    diffedit_model *model = open_on(&device.base);
    device.fails_to_record = true;
    assert_int_equal(run_networks(model, NULL, &found, &error), DIFFEDIT_ERROR_MEMORY);
    assert_string_equal(error.message, "cannot record");
    device.fails_to_record = false;
    device.fails_to_replay = true;
    assert_int_equal(run_networks(model, NULL, &found, &error), DIFFEDIT_ERROR_MEMORY);
    assert_string_equal(error.message, "the device is gone");
    assert_int_equal(device.allocations, 0);
    de_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_what_is_always_exact),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_lost_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
