/* Every op of the Vulkan backend on odd shapes, on lavapipe where there is no GPU.
 *
 * What is allowed: with f32 throughout, the sums' other order and the GPU's exp. With f16, half a
 * unit in the last place of the result, 2.4e-4 to 4.9e-4 of it, and as much of each rounded weight,
 * most of which cancels in a sum. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gpu_harness.h"

enum { X, IMAGE_BIAS, RESIDUAL }; /* inputs of a product */

/* A type that weights are stored in, each in turn */
static de_dtype stored_type(int i)
{
    static const de_dtype types[] = {DE_F32, DE_F16, DE_BF16, DE_F64, DE_F8_E4M3, DE_F8_E5M2};
    return types[(size_t)i % (sizeof types / sizeof *types)];
}

/* Each part of an epilogue is there half of the time; the residual is sometimes the output itself.
 */
static de_activation random_epilogue(gpu_case *test)
{
    de_tensor y = test->out;
    if (random_between(0, 1)) /* a row more than there are images */
        test->in[IMAGE_BIAS] = half_tensor(y.n + random_between(0, 1), 1, 1, y.c);
    if (random_between(0, 1))
        test->in[RESIDUAL] = half_tensor(y.n, y.h, y.w, y.c);
    test->in_place = test->in[RESIDUAL].data.at && random_between(0, 1) ? RESIDUAL : -1;
    return (de_activation)random_between(DE_NONE, DE_QUICK_GELU);
}

/* ---- linear ---- */

enum { MAX_PARTS = 3 };

typedef struct linear_case {
    de_weight weights[MAX_PARTS], biases[MAX_PARTS];
    int parts;
    bool with_bias, geglu;
    de_activation activation;
} linear_case;

static void make_linear(const gpu_case *test, gpu_layers *made, de_device *device,
                        diffedit_arithmetic arithmetic)
{
    const linear_case *linear = test->user;
    assert_int_equal(de_linear_new(&made->linear, device, linear->weights,
                                   linear->with_bias ? linear->biases : NULL, linear->parts,
                                   arithmetic, NULL),
                     DIFFEDIT_OK);
}

static void run_linear(de_context *context, const gpu_case *test, const gpu_layers *layers,
                       const de_tensor *in, de_tensor out)
{
    const linear_case *linear = test->user;
    if (linear->geglu)
        de_linear_geglu_run(context, layers->linear, in[X], out);
    else
        de_linear_run(context, layers->linear, in[X],
                      (de_epilogue){in[IMAGE_BIAS], linear->activation, in[RESIDUAL]}, out);
}

static void check_linear(de_tensor x, int parts, const int64_t *outs, de_dtype dtype, bool geglu)
{
    test_weight weights[MAX_PARTS], biases[MAX_PARTS];
    linear_case linear = {.parts = parts, .with_bias = random_between(0, 3) > 0, .geglu = geglu};
    int64_t columns = 0;
    for (int i = 0; i < parts; i++) {
        weights[i] = test_weight_new(dtype, 2, (int64_t[]){outs[i], x.c});
        biases[i] = test_weight_new(dtype, 1, &outs[i]);
        linear.weights[i] = weights[i].weight;
        linear.biases[i] = biases[i].weight;
        columns += outs[i];
    }
    gpu_case test = {.name = geglu ? "linear, GEGLU" : "linear",
                     .in = {half_tensor(x.n, x.h, x.w, x.c)},
                     .out = shape_of(x.n, x.h, x.w, geglu ? columns / 2 : columns),
                     .in_place = -1,
                     .make = make_linear,
                     .forward = run_linear,
                     .user = &linear,
                     .exact = 4e-6,
                     .quick = 1.5e-3};
    if (!geglu)
        linear.activation = random_epilogue(&test);
    check_gpu(&test);
    free_inputs(&test);
    for (int i = 0; i < parts; i++) {
        test_weight_free(&weights[i]);
        test_weight_free(&biases[i]);
    }
}

static void test_linear(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        int64_t outs[MAX_PARTS] = {random_width(), random_width(), random_width()};
        int parts = (int)random_between(1, MAX_PARTS);
        check_linear(random_shape(3, 1, 9, random_width()), parts, outs, stored_type(i), false);
    }
    /* a deep sum, a single row, several tiles each way */
    check_linear(shape_of(1, 1, 53, 5120), 1, (int64_t[]){48}, DE_F16, false);
    check_linear(shape_of(1, 1, 1, 320), 1, (int64_t[]){1280}, DE_F32, false);
    check_linear(shape_of(2, 1, 77, 768), 2, (int64_t[]){100, 100}, DE_BF16, false);
    check_linear(shape_of(2, 16, 13, 60), 1, (int64_t[]){140}, DE_F16, false);
}

static void test_geglu(void **state)
{
    (void)state;
    for (int i = 0; i < 15; i++)
        check_linear(random_shape(3, 1, 9, random_width()), 1, (int64_t[]){2 * random_width()},
                     stored_type(i), true);
    check_linear(shape_of(2, 9, 8, 320), 1, (int64_t[]){2 * 132}, DE_F16, true);
}

/* ---- convolution ---- */

typedef struct convolution_case {
    de_weight weight, bias;
    de_convolution_shape shape;
    de_activation activation;
} convolution_case;

static void make_convolution(const gpu_case *test, gpu_layers *made, de_device *device,
                             diffedit_arithmetic arithmetic)
{
    const convolution_case *convolution = test->user;
    de_resampling resampling = convolution->shape.stride == 2 ? DE_HALVING
                               : convolution->shape.up_h      ? DE_DOUBLING
                                                              : DE_SAME_SIZE;
    assert_int_equal(de_convolution_new(&made->convolution, device, &convolution->weight,
                                        &convolution->bias, resampling, arithmetic, NULL),
                     DIFFEDIT_OK);
}

static void run_convolution(de_context *context, const gpu_case *test, const gpu_layers *layers,
                            const de_tensor *in, de_tensor out)
{
    const convolution_case *convolution = test->user;
    de_convolution_run(context, layers->convolution, in[X], convolution->shape,
                       (de_epilogue){in[IMAGE_BIAS], convolution->activation, in[RESIDUAL]}, out);
}

static void check_convolution(de_tensor x, int64_t out, int64_t k, de_convolution_shape shape,
                              de_dtype dtype)
{
    int64_t h = shape.up_h ? shape.up_h : x.h, w = shape.up_w ? shape.up_w : x.w;
    test_weight weight = test_weight_new(dtype, 4, (int64_t[]){out, x.c, k, k});
    test_weight bias = test_weight_new(dtype, 1, &out);
    convolution_case convolution = {weight.weight, bias.weight, shape, DE_NONE};
    gpu_case test = {
        .name = shape.up_h ? "nearest-up + convolution" : "convolution",
        .in = {half_tensor(x.n, x.h, x.w, x.c)},
        .out = shape_of(x.n, (h + shape.pad_top + shape.pad_bottom - k) / shape.stride + 1,
                        (w + shape.pad_left + shape.pad_right - k) / shape.stride + 1, out),
        .make = make_convolution,
        .forward = run_convolution,
        .user = &convolution,
        .exact = 8e-6, /* the CPU's Winograd among it */
        .quick = 1.5e-3};
    convolution.activation = random_epilogue(&test);
    check_gpu(&test);
    free_inputs(&test);
    test_weight_free(&weight);
    test_weight_free(&bias);
}

static void test_convolution(void **state)
{
    (void)state;
    for (int i = 0; i < 24; i++) {
        int64_t k = random_between(0, 2) * 2 + 1;
        de_convolution_shape shape = random_convolution(k);
        check_convolution(random_shape(3, k, 12, random_width()), random_width(), k, shape,
                          stored_type(i));
    }
    check_convolution(shape_of(2, 8, 8, 320), 132, 3, same_size, DE_F16);
    check_convolution(shape_of(1, 20, 31, 64), 3, 3, same_size, DE_F32);
    check_convolution(shape_of(1, 33, 31, 4), 64, 3, same_size, DE_F16);
}

static void test_enlarging(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        de_tensor x = random_shape(2, 1, 9, random_width());
        de_convolution_shape shape = same_size;
        shape.up_h = i < 6 ? 2 * x.h : random_between(x.h, 3 * x.h);
        shape.up_w = i < 6 ? 2 * x.w : random_between(x.w, 3 * x.w);
        check_convolution(x, random_width(), 3, shape, stored_type(i));
    }
}

/* ---- activations ---- */

/* Of every value that a product may have: x [1, 1, 1024, 1] from -16 to 16, times 1 */
static void test_activations(void **state)
{
    (void)state;
    static const float one = 1;
    static const char *const names[] = {"none", "SiLU", "GELU", "quick GELU"};
    for (int i = DE_NONE; i <= DE_QUICK_GELU; i++) {
        linear_case linear = {
            .weights = {{.data = &one, .dtype = DE_F32, .rank = 2, .shape = {1, 1}}},
            .parts = 1,
            .activation = (de_activation)i};
        gpu_case test = {.name = names[i],
                         .in = {half_tensor(1, 1, 1024, 1)},
                         .out = shape_of(1, 1, 1024, 1),
                         .in_place = -1,
                         .make = make_linear,
                         .forward = run_linear,
                         .user = &linear,
                         .exact = 5e-8, /* of 16: 8e-7 */
                         .quick = 2.5e-4};
        for (int at = 0; at < 1024; at++)
            floats_of(test.in[X])[at] = (float)(at - 512) / 32;
        check_gpu(&test);
        free_inputs(&test);
    }
}

/* ---- damaged weights ---- */

static void test_damaged(void **state)
{
    (void)state;
    static const uint16_t halves[] = {0x3c00, 0x7c00}; /* 1, infinity */
    static const float floats[] = {1, NAN};
    const de_weight bad[] = {
        {.data = halves, .dtype = DE_F16, .rank = 2, .shape = {2, 1}},
        {.data = floats, .dtype = DE_F32, .rank = 2, .shape = {2, 1}},
    };
    for (int i = 0; i < 2; i++)
        for (int count = 1; count <= 2; count++)
            for (int quick = 0; quick < 2; quick++) {
                atomic_bool damaged = false, damaged_bias = false;
                de_weight weight = bad[i], bias = bad[i];
                weight.damaged = &damaged;
                bias.damaged = &damaged_bias;
                weight.shape[0] = bias.shape[0] = count;
                bias.rank = 1;
                de_linear *made;
                assert_int_equal(de_linear_new(&made, gpu_device((diffedit_arithmetic)quick),
                                               &weight, &bias, 1, (diffedit_arithmetic)quick, NULL),
                                 DIFFEDIT_OK);
                de_linear_free(made);
                assert_int_equal(damaged, count == 2);
                assert_int_equal(damaged_bias, count == 2);
            }
}

/* ---- small ones ---- */

static void run_repeat(de_context *context, const gpu_case *test, const gpu_layers *layers,
                       const de_tensor *in, de_tensor out)
{
    (void)test;
    (void)layers;
    de_repeat(context, in[0], out);
}

static void run_concatenate(de_context *context, const gpu_case *test, const gpu_layers *layers,
                            const de_tensor *in, de_tensor out)
{
    (void)test;
    (void)layers;
    de_concatenate(context, in[0], in[1], out);
}

static void test_small_ones(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++) {
        de_tensor x = random_shape(3, 1, 9, random_width());
        int64_t more = random_width(), images = random_between(1, 3);
        gpu_case repeat = {.name = "repeat",
                           .in = {half_tensor(1, x.h, x.w, x.c)},
                           .out = shape_of(images, x.h, x.w, x.c),
                           .in_place = -1,
                           .forward = run_repeat};
        gpu_case concatenate = {
            .name = "concatenate",
            .in = {half_tensor(x.n, x.h, x.w, x.c), half_tensor(i % 2 ? 1 : x.n, x.h, x.w, more)},
            .out = shape_of(x.n, x.h, x.w, x.c + more),
            .in_place = -1,
            .forward = run_concatenate};
        check_gpu(&repeat);
        check_gpu(&concatenate);
        free_inputs(&repeat);
        free_inputs(&concatenate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),      cmocka_unit_test(test_geglu),
        cmocka_unit_test(test_convolution), cmocka_unit_test(test_enlarging),
        cmocka_unit_test(test_activations), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_small_ones),
    };
    return cmocka_run_group_tests(tests, open_gpus, close_gpus);
}
