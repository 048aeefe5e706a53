/* How much of a GPU's memory Stable Diffusion 1.4 takes, by size: the table of docs/GPU.md.
 *
 *     build/gpu_memory [SHAPE [SIDE ...]]
 *
 * It needs no GPU: the networks, of random weights, are prepared for a device that computes nothing
 * and counts what it is asked for. The Vulkan backend's layers hold what is counted here (f16
 * weights, f32 biases and norms), and its ops take nothing from the arena. */
#include <stdio.h>
#include <stdlib.h>

#include "edit/model_networks.h"
#include "models/random_model.h"
#include "ops/backend.h"

static size_t in_use, most; /* bytes */

static void count(size_t bytes)
{
    in_use += bytes;
    most = in_use > most ? in_use : most;
}

/* ---- a device that counts ---- */

static uintptr_t allocate(de_device *device, size_t bytes, bool shared)
{
    size_t *memory = malloc(sizeof *memory);
    (void)device, (void)shared;
    if (memory)
        count(*memory = bytes);
    return (uintptr_t)memory;
}

static void deallocate(de_device *device, uintptr_t memory)
{
    (void)device;
    in_use -= *(size_t *)memory;
    free((void *)memory);
}

static void write_nothing(de_context *context, const float *from, de_tensor to)
{
    (void)context, (void)from, (void)to;
}

static void read_zeros(de_context *context, de_tensor from, float *to)
{
    (void)context;
    for (int64_t i = 0; i < de_tensor_count(from); i++)
        to[i] = 0;
}

static size_t floats(int64_t values)
{
    return (size_t)values * sizeof(float);
}
static size_t halves(int64_t values)
{
    return (size_t)values * sizeof(uint16_t);
}

typedef struct counted_vector {
    de_vector base;
    size_t bytes;
} counted_vector;
typedef struct counted_linear {
    de_linear base;
    size_t bytes;
} counted_linear;
typedef struct counted_convolution {
    de_convolution base;
    size_t bytes;
} counted_convolution;

/* What each kind of layer is made of, with its size noted. */
#define COUNTED(kind, size) \
    counted_##kind *new = calloc(1, sizeof *new); \
    if (!new) \
        return de_fail_memory(error, sizeof *new, #kind); \
    count(new->bytes = (size)); \
    *kind = &new->base; \
    return DIFFEDIT_OK
#define FREED(kind) \
    in_use -= ((counted_##kind *)kind)->bytes; \
    free(kind)

static diffedit_status vector_new(de_vector **vector, de_device *device, const de_weight *weight,
                                  diffedit_error *error)
{
    (void)device;
    COUNTED(vector, floats(de_weight_count(weight)));
}

static void vector_free(de_vector *vector)
{
    FREED(vector);
}

static diffedit_status linear_new(de_linear **linear, de_device *device, const de_weight *weights,
                                  const de_weight *biases, int parts,
                                  diffedit_arithmetic arithmetic, diffedit_error *error)
{
    size_t bytes = 0;
    (void)device, (void)arithmetic;
    for (int i = 0; i < parts; i++)
        bytes += halves(de_weight_count(&weights[i])) +
                 (biases ? floats(de_weight_count(&biases[i])) : 0);
    COUNTED(linear, bytes);
}

static void linear_free(de_linear *linear)
{
    FREED(linear);
}

static diffedit_status convolution_new(de_convolution **convolution, de_device *device,
                                       const de_weight *weight, const de_weight *bias,
                                       de_resampling resampling, diffedit_arithmetic arithmetic,
                                       diffedit_error *error)
{
    (void)device, (void)resampling, (void)arithmetic;
    COUNTED(convolution, halves(de_weight_count(weight)) + floats(de_weight_count(bias)));
}

static void convolution_free(de_convolution *convolution)
{
    FREED(convolution);
}

static void no_linear(de_context *context, const de_linear *linear, de_tensor x,
                      de_epilogue epilogue, de_tensor y)
{
    (void)context, (void)linear, (void)x, (void)epilogue, (void)y;
}
static void no_geglu(de_context *context, const de_linear *linear, de_tensor x, de_tensor y)
{
    (void)context, (void)linear, (void)x, (void)y;
}
static void no_convolution(de_context *context, const de_convolution *convolution, de_tensor x,
                           de_convolution_shape shape, de_epilogue epilogue, de_tensor y)
{
    (void)context, (void)convolution, (void)x, (void)shape, (void)epilogue, (void)y;
}
static void no_group_norm(de_context *context, de_tensor x, int groups, float eps,
                          const de_vector *scale, const de_vector *shift, de_activation activation,
                          de_tensor y)
{
    (void)context, (void)x, (void)groups, (void)eps, (void)scale, (void)shift, (void)activation;
    (void)y;
}
static void no_layer_norm(de_context *context, de_tensor x, float eps, const de_vector *scale,
                          const de_vector *shift, de_tensor y)
{
    (void)context, (void)x, (void)eps, (void)scale, (void)shift, (void)y;
}
static void no_attention(de_context *context, int heads, bool causal, de_tensor q, de_tensor k,
                         de_tensor v, de_tensor y)
{
    (void)context, (void)heads, (void)causal, (void)q, (void)k, (void)v, (void)y;
}
static void no_repeat(de_context *context, de_tensor x, de_tensor y)
{
    (void)context, (void)x, (void)y;
}
static void no_concatenate(de_context *context, de_tensor a, de_tensor b, de_tensor y)
{
    (void)context, (void)a, (void)b, (void)y;
}

static void stay_open(de_device *device)
{
    (void)device;
}

static const de_backend counting = {.close = stay_open,
                                    .allocate = allocate,
                                    .deallocate = deallocate,
                                    .write = write_nothing,
                                    .read = read_zeros,
                                    .vector_new = vector_new,
                                    .vector_free = vector_free,
                                    .linear_new = linear_new,
                                    .linear_free = linear_free,
                                    .linear_run = no_linear,
                                    .linear_geglu_run = no_geglu,
                                    .convolution_new = convolution_new,
                                    .convolution_free = convolution_free,
                                    .convolution_run = no_convolution,
                                    .group_norm = no_group_norm,
                                    .layer_norm = no_layer_norm,
                                    .attention = no_attention,
                                    .repeat = no_repeat,
                                    .concatenate = no_concatenate};

/* Like Vulkan's: the arrays of quick are f16, with a wide twin. */
static de_device wide = {.backend = &counting,
                         .arithmetic = DIFFEDIT_ARITHMETIC_QUICK,
                         .element = sizeof(float),
                         .title = "gpu"};
static de_device devices[] = {{.backend = &counting, .element = sizeof(float), .title = "gpu"},
                              {.backend = &counting,
                               .arithmetic = DIFFEDIT_ARITHMETIC_QUICK,
                               .element = sizeof(uint16_t),
                               .wide = &wide,
                               .title = "gpu"}};

/* ---- what is asked for ---- */

static void check(diffedit_status status, const diffedit_error *error)
{
    if (status == DIFFEDIT_OK)
        return;
    fprintf(stderr, "gpu_memory: %s\n", error->message);
    exit(1);
}

static double megabytes(size_t bytes)
{
    return (double)bytes * 1e-6;
}

/* What the networks take beside their weights while they work on side x side pixels. */
enum { ENCODER, UNET, DECODER, RUNS };
static void measure(const diffedit_model *model, int side, size_t beside[RUNS])
{
    static const float nothing[4096 * 1024];
    diffedit_error error;
    de_model_networks networks = {0};
    de_network_set set;
    const de_log silent = {0};
    const float *texts[] = {nothing, nothing};
    de_model_networks_init(&networks, &set, model, &silent);
    int cells = side / set.factor;
    float *pixels = calloc((size_t)side * (size_t)side * 3, sizeof *pixels);
    size_t weights = in_use;
    if (!pixels)
        exit(1);
    most = in_use;
    check(set.encode_pixels(set.self, pixels, cells, cells, pixels, &error), &error);
    beside[ENCODER] = most - weights;
    most = in_use;
    check(set.unet_begin(set.self, texts, 2, 1, cells, cells, &error), &error);
    set.unet_end(set.self);
    beside[UNET] = most - weights;
    most = in_use;
    check(set.decode_latent(set.self, nothing, cells, cells, pixels, &error), &error);
    beside[DECODER] = most - weights;
    free(pixels);
    de_model_networks_free(&networks);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* A row of the table: what each takes; the most at once with all weights there, and with those of
 * one network at a time */
static void print_row(const diffedit_model *model, int side, const size_t weights[DE_PART_COUNT])
{
    size_t beside[RUNS], all = 0;
    measure(model, side, beside);
    for (int part = 0; part < DE_PART_COUNT; part++)
        all += weights[part];
    size_t vae = weights[DE_PART_VAE] + larger(beside[ENCODER], beside[DECODER]),
           unet = weights[DE_PART_UNET] + beside[UNET];
    size_t arrays = larger(beside[UNET], larger(beside[ENCODER], beside[DECODER]));
    printf("| %dx%d | %s | %.0f | %.0f | %.0f | %.0f | %.0f |\n", side, side,
           diffedit_arithmetic_name(de_device_arithmetic(model->device)),
           megabytes(beside[ENCODER]), megabytes(beside[UNET]), megabytes(beside[DECODER]),
           megabytes(all + arrays), megabytes(larger(vae, unet)));
}

int main(int argc, char **argv)
{
    static const char *const usual[] = {"512", "768", "1024"};
    const char *const *sides = argc > 2 ? (const char *const *)argv + 2 : usual;
    int count_of_sides = argc > 2 ? argc - 2 : 3;
    const char *shape = argc > 1 ? argv[1] : "sd14";
    for (int i = 0; i < 2; i++) {
        size_t weights[DE_PART_COUNT];
        diffedit_error error;
        diffedit_model *model;
        const diffedit_model_settings settings = {.struct_size = sizeof settings,
                                                  .flags = DIFFEDIT_MODEL_LOW_MEMORY};
        check(de_model_open_random(&model, shape, &settings, &error), &error);
        de_networks_free(model->networks);
        model->device = &devices[i];
        const de_network_sources sources = de_model_sources(model);
        check(de_networks_new(&model->networks, &sources, true, &error), &error);
        for (de_part part = 0; part < DE_PART_COUNT; part++) {
            size_t before = in_use;
            check(de_networks_use(model->networks, part, &error), &error);
            weights[part] = in_use - before;
        }
        if (i == 0)
            printf("Weights: text encoder %.0f MB, UNet %.0f MB, autoencoder %.0f MB\n\n"
                   "| size | arithmetic | encoder | UNet | decoder | all | one at a time |\n"
                   "|---|---|---|---|---|---|---|\n",
                   megabytes(weights[DE_PART_TEXT]), megabytes(weights[DE_PART_UNET]),
                   megabytes(weights[DE_PART_VAE]));
        for (int j = 0; j < count_of_sides; j++)
            print_row(model, atoi(sides[j]), weights);
        for (de_part part = 0; part < DE_PART_COUNT; part++)
            de_networks_done(model->networks, part);
        de_model_close(model);
    }
    return 0;
}
