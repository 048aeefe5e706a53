/* The range of f16 in the Vulkan backend: what a result is beyond it, and that no op hides an
 * infinity or a NaN of its inputs, by which whoever runs a network notices. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gpu_harness.h"

enum { X, IMAGE_BIAS, RESIDUAL, Q = 0, K, V }; /* inputs */

/* What any op here is made of */
typedef struct op_layers {
    de_weight weight, bias;
    de_activation activation;
    int groups;
} op_layers;

static void make_linear(const gpu_case *test, gpu_layers *made, de_device *device,
                        diffedit_arithmetic arithmetic)
{
    const op_layers *op = test->user;
    assert_int_equal(de_linear_new(&made->linear, device, &op->weight,
                                   op->bias.data ? &op->bias : NULL, 1, arithmetic, NULL),
                     DIFFEDIT_OK);
}

static void make_convolution(const gpu_case *test, gpu_layers *made, de_device *device,
                             diffedit_arithmetic arithmetic)
{
    const op_layers *op = test->user;
    assert_int_equal(de_convolution_new(&made->convolution, device, &op->weight, &op->bias,
                                        DE_SAME_SIZE, arithmetic, NULL),
                     DIFFEDIT_OK);
}

static void make_norm(const gpu_case *test, gpu_layers *made, de_device *device,
                      diffedit_arithmetic arithmetic)
{
    const op_layers *op = test->user;
    (void)arithmetic;
    assert_int_equal(de_vector_new(&made->scale, device, &op->weight, NULL), DIFFEDIT_OK);
    assert_int_equal(de_vector_new(&made->shift, device, &op->bias, NULL), DIFFEDIT_OK);
}

static de_epilogue epilogue_of(const gpu_case *test, const de_tensor *in)
{
    const op_layers *op = test->user;
    return (de_epilogue){in[IMAGE_BIAS], op->activation, in[RESIDUAL]};
}

static void run_linear(de_context *context, const gpu_case *test, const gpu_layers *layers,
                       const de_tensor *in, de_tensor out)
{
    de_linear_run(context, layers->linear, in[X], epilogue_of(test, in), out);
}

static void run_geglu(de_context *context, const gpu_case *test, const gpu_layers *layers,
                      const de_tensor *in, de_tensor out)
{
    (void)test;
    de_linear_geglu_run(context, layers->linear, in[X], out);
}

static void run_convolution(de_context *context, const gpu_case *test, const gpu_layers *layers,
                            const de_tensor *in, de_tensor out)
{
    de_convolution_run(context, layers->convolution, in[X], same_size, epilogue_of(test, in), out);
}

static void run_norm(de_context *context, const gpu_case *test, const gpu_layers *layers,
                     const de_tensor *in, de_tensor out)
{
    const op_layers *op = test->user;
    if (op->groups)
        de_group_norm(context, in[X], op->groups, 1e-5f, layers->scale, layers->shift,
                      op->activation, out);
    else
        de_layer_norm(context, in[X], 1e-5f, layers->scale, layers->shift, out);
}

static void run_attention(de_context *context, const gpu_case *test, const gpu_layers *layers,
                          const de_tensor *in, de_tensor out)
{
    (void)test;
    (void)layers;
    de_attention(context, 2, false, in[Q], in[K], in[V], out);
}

static void run_repeat(de_context *context, const gpu_case *test, const gpu_layers *layers,
                       const de_tensor *in, de_tensor out)
{
    (void)test;
    (void)layers;
    de_repeat(context, in[X], out);
}

static void run_concatenate(de_context *context, const gpu_case *test, const gpu_layers *layers,
                            const de_tensor *in, de_tensor out)
{
    (void)test;
    (void)layers;
    de_concatenate(context, in[X], in[1], out);
}

/* ---- results beyond f16 ---- */

/* On the quick GPU, x [1, 1, rows, depth] by the weight is exactly `expected`. */
static void check_values(de_weight weight, const float *x, int64_t rows, const float *expected)
{
    enum { MOST = 16 };
    float y[MOST];
    int64_t columns = weight.shape[0], depth = weight.shape[1];
    const op_layers layer = {.weight = weight};
    gpu_case test = {.in = {half_tensor(1, 1, rows, depth)},
                     .out = shape_of(1, 1, rows, columns),
                     .in_place = -1,
                     .make = make_linear,
                     .forward = run_linear,
                     .user = &layer};
    memcpy(floats_of(test.in[X]), x, (size_t)(rows * depth) * sizeof *x);
    run_gpu(&test, DIFFEDIT_ARITHMETIC_QUICK, y);
    assert_memory_equal(y, expected, (size_t)(rows * columns) * sizeof *y);
    free_inputs(&test);
}

/* Infinite, whether stored one at a time or four, and nothing else is. 65504 is the largest f16. */
static void test_beyond_f16(void **state)
{
    (void)state;
    static const float one[] = {1, 2, -2},
                       four[] = {1, 1, 0, 0, 2, 0, 0, 0, -2, 0, 0, 0, 1, 0, 0, 1};
    const de_weight single = {.data = one, .dtype = DE_F32, .rank = 2, .shape = {3, 1}},
                    vectors = {.data = four, .dtype = DE_F32, .rank = 2, .shape = {4, 4}};
    check_values(single, (const float[]){65504, 0.5f}, 2,
                 (const float[]){65504, INFINITY, -INFINITY, 0.5f, 1, -1});
    check_values(vectors, (const float[]){65504, 15, 0, 16}, 1,
                 (const float[]){65504, INFINITY, -INFINITY, INFINITY});
}

/* A quick layer keeps weights beyond f16. */
static void test_weights_beyond_f16(void **state)
{
    (void)state;
    static const float weights[] = {1, 65536, -2};
    const de_weight weight = {.data = weights, .dtype = DE_F32, .rank = 2, .shape = {3, 1}};
    check_values(weight, (const float[]){60000, 0.5f}, 2,
                 (const float[]){60000, INFINITY, -INFINITY, 0.5f, 32768, -1});
}

/* ---- infinities and NaNs that were there before ---- */

/* With one such value anywhere in input `which`, the result has some too. */
static void check_not_hidden(const gpu_case *test, int which)
{
    static const float values[] = {INFINITY, -INFINITY, NAN};
    int64_t count = de_tensor_count(test->out);
    float *y = malloc((size_t)count * sizeof *y), *x = floats_of(test->in[which]);
    assert_non_null(y);
    for (int i = 0; i < 3; i++)
        for (int quick = 0; quick < 2; quick++) {
            int64_t at = random_between(0, de_tensor_count(test->in[which]) - 1);
            float before = x[at];
            x[at] = values[i];
            run_gpu(test, (diffedit_arithmetic)quick, y);
            x[at] = before;
            if (de_finite_f32(y, count))
                fail_msg("%s hides %f in input %d, %s", test->name, (double)values[i], which,
                         quick ? "quick" : "exact");
        }
    free(y);
}

static void check_all_inputs(gpu_case *test)
{
    test->in_place = -1;
    for (int i = 0; i < GPU_INPUTS; i++)
        if (test->in[i].data.at)
            check_not_hidden(test, i);
    free_inputs(test);
}

static void check_linear(de_activation activation, int64_t rows, int64_t depth, int64_t columns)
{
    test_weight weight = test_weight_new(DE_F32, 2, (int64_t[]){columns, depth});
    const op_layers op = {.weight = weight.weight, .activation = activation};
    check_all_inputs(
        &(gpu_case){.name = "linear",
                    .in = {half_tensor(1, 1, rows, depth), half_tensor(1, 1, 1, columns),
                           half_tensor(1, 1, rows, columns)},
                    .out = shape_of(1, 1, rows, columns),
                    .make = make_linear,
                    .forward = run_linear,
                    .user = &op});
    test_weight_free(&weight);
}

static void test_products(void **state)
{
    (void)state;
    for (int i = DE_NONE; i <= DE_QUICK_GELU; i++)
        check_linear((de_activation)i, 5, 20, 12);
    check_linear(DE_SILU, 3, 1280, 77); /* in slices */
    test_weight weight = test_weight_new(DE_F32, 2, (int64_t[]){2 * 20, 12});
    op_layers op = {.weight = weight.weight};
    check_all_inputs(&(gpu_case){.name = "GEGLU",
                                 .in = {half_tensor(1, 1, 9, 12)},
                                 .out = shape_of(1, 1, 9, 20),
                                 .make = make_linear,
                                 .forward = run_geglu,
                                 .user = &op});
    test_weight_free(&weight);
    weight = test_weight_new(DE_F32, 4, (int64_t[]){20, 12, 3, 3});
    test_weight bias = test_weight_new(DE_F32, 1, (int64_t[]){20});
    op = (op_layers){weight.weight, bias.weight, DE_NONE, 0};
    check_all_inputs(&(gpu_case){
        .name = "convolution",
        .in = {half_tensor(1, 5, 6, 12), half_tensor(1, 1, 1, 20), half_tensor(1, 5, 6, 20)},
        .out = shape_of(1, 5, 6, 20),
        .make = make_convolution,
        .forward = run_convolution,
        .user = &op});
    test_weight_free(&weight);
    test_weight_free(&bias);
}

static void test_norms(void **state)
{
    (void)state;
    for (int groups = 0; groups <= 4; groups += 4) {
        test_weight scale = test_weight_new(DE_F32, 1, (int64_t[]){20}),
                    shift = test_weight_new(DE_F32, 1, (int64_t[]){20});
        const op_layers op = {scale.weight, shift.weight, DE_SILU, groups};
        check_all_inputs(&(gpu_case){.name = groups ? "GroupNorm" : "LayerNorm",
                                     .in = {half_tensor(2, 7, 9, 20)},
                                     .out = shape_of(2, 7, 9, 20),
                                     .make = make_norm,
                                     .forward = run_norm,
                                     .user = &op});
        test_weight_free(&scale);
        test_weight_free(&shift);
    }
}

/* A key may be infinite in vain where every query makes a score of -infinity of it; here there are
 * queries of either sign. */
static void test_attention(void **state)
{
    (void)state;
    static const int64_t widths[] = {40, 64, 77};
    for (int i = 0; i < 3; i++)
        check_all_inputs(&(gpu_case){.name = "attention",
                                     .in = {half_tensor(1, 1, 70, 2 * widths[i]),
                                            half_tensor(1, 1, 150, 2 * widths[i]),
                                            half_tensor(1, 1, 150, 2 * widths[i])},
                                     .out = shape_of(1, 1, 70, 2 * widths[i]),
                                     .forward = run_attention});
}

static void test_small_ones(void **state)
{
    (void)state;
    check_all_inputs(&(gpu_case){.name = "repeat",
                                 .in = {half_tensor(1, 3, 5, 7)},
                                 .out = shape_of(2, 3, 5, 7),
                                 .forward = run_repeat});
    check_all_inputs(&(gpu_case){.name = "concatenate",
                                 .in = {half_tensor(2, 3, 5, 7), half_tensor(1, 3, 5, 4)},
                                 .out = shape_of(2, 3, 5, 11),
                                 .forward = run_concatenate});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beyond_f16), cmocka_unit_test(test_weights_beyond_f16),
        cmocka_unit_test(test_products),   cmocka_unit_test(test_norms),
        cmocka_unit_test(test_attention),  cmocka_unit_test(test_small_ones),
    };
    return cmocka_run_group_tests(tests, open_gpus, close_gpus);
}
