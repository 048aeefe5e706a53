/* Every op against a reference in double precision that is as plain as its definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"

/* Random epilogues: each part is there half of the time; the residual is sometimes the output
 * itself. */
typedef struct test_epilogue {
    de_tensor image_bias, residual;
    bool in_place;
    de_activation activation;
} test_epilogue;

static test_epilogue random_epilogue(de_tensor y)
{
    test_epilogue epilogue = {.activation = (de_activation)random_between(DE_NONE, DE_QUICK_GELU)};
    if (random_between(0, 1))
        epilogue.image_bias = random_tensor(y.n, 1, 1, y.c);
    if (random_between(0, 1))
        epilogue.residual = random_tensor(y.n, y.h, y.w, y.c);
    epilogue.in_place = epilogue.residual.data.at && random_between(0, 1);
    return epilogue;
}

static de_epilogue epilogue_of(const test_epilogue *epilogue, de_tensor y)
{
    return (de_epilogue){epilogue->image_bias, epilogue->activation,
                         epilogue->in_place ? y : epilogue->residual};
}

static double finish(const test_epilogue *epilogue, double sum, int64_t image, int64_t c,
                     int64_t columns, int64_t at)
{
    if (epilogue->image_bias.data.at)
        sum += floats_of(epilogue->image_bias)[image * columns + c];
    sum = activated(sum, epilogue->activation);
    return epilogue->residual.data.at ? sum + floats_of(epilogue->residual)[at] : sum;
}

static void free_epilogue(test_epilogue *epilogue)
{
    free(floats_of(epilogue->image_bias));
    free(floats_of(epilogue->residual));
}

/* ---- linear ---- */

enum { MAX_PARTS = 3 };

typedef struct linear_case {
    de_linear *linear;
    de_tensor x, y;
    test_epilogue epilogue;
    bool geglu;
} linear_case;

static void run_linear(de_context *context, void *user)
{
    linear_case *test = user;
    if (test->geglu)
        de_linear_geglu_run(context, test->linear, test->x, test->y);
    else
        de_linear_run(context, test->linear, test->x, epilogue_of(&test->epilogue, test->y),
                      test->y);
}

/* x W^T + b in double precision: [rows, columns] */
static double *linear_sums(de_tensor x, const test_weight *weights, const test_weight *biases,
                           int parts, int64_t columns)
{
    int64_t rows = x.n * x.h * x.w, column = 0;
    double *sums = new_doubles(rows * columns);
    for (int part = 0; part < parts; part++) {
        for (int64_t o = 0; o < weights[part].weight.shape[0]; o++, column++) {
            for (int64_t r = 0; r < rows; r++) {
                double sum = biases ? biases[part].values[o] : 0;
                for (int64_t i = 0; i < x.c; i++)
                    sum += floats_of(x)[r * x.c + i] * weights[part].values[o * x.c + i];
                sums[r * columns + column] = sum;
            }
        }
    }
    return sums;
}

static void linear_expected(const linear_case *test, double *sums, int64_t columns)
{
    int64_t rows = test->x.n * test->x.h * test->x.w, out = test->y.c;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < out; c++) {
            int64_t image = r / (test->x.h * test->x.w);
            if (test->geglu) /* the gates of a row are not yet overwritten: out <= columns */
                sums[r * out + c] = sums[r * columns + c] *
                                    activated(sums[r * columns + out + c], DE_GELU);
            else
                sums[r * out + c] = finish(&test->epilogue, sums[r * out + c], image, c, out,
                                           r * out + c);
        }
    }
}

static void check_linear(de_tensor x, int parts, const int64_t *outs, de_dtype dtype, bool geglu)
{
    test_weight weights[MAX_PARTS], biases[MAX_PARTS];
    de_weight w[MAX_PARTS], b[MAX_PARTS];
    bool with_bias = random_between(0, 3) > 0;
    int64_t columns = 0;
    for (int i = 0; i < parts; i++) {
        weights[i] = test_weight_new(dtype, 2, (int64_t[]){outs[i], x.c});
        biases[i] = test_weight_new(dtype, 1, &outs[i]);
        w[i] = weights[i].weight;
        b[i] = biases[i].weight;
        columns += outs[i];
    }
    linear_case test = {.x = x, .geglu = geglu};
    test.x = random_tensor(x.n, x.h, x.w, x.c);
    test.y = random_tensor(x.n, x.h, x.w, geglu ? columns / 2 : columns);
    int64_t count = de_tensor_count(test.y);
    if (!geglu)
        test.epilogue = random_epilogue(test.y);
    double *expected = linear_sums(test.x, weights, with_bias ? biases : NULL, parts, columns);
    linear_expected(&test, expected, columns);
    for (int quick = 0; quick < 2; quick++) {
        assert_int_equal(de_linear_new(&test.linear, test_device(DIFFEDIT_ARITHMETIC_EXACT), w,
                                       with_bias ? b : NULL, parts, (diffedit_arithmetic)quick,
                                       NULL),
                         DIFFEDIT_OK);
        check_op(
            &(op_case){.name = geglu ? "linear, GEGLU" : "linear",
                       .quick = quick,
                       .run = run_linear,
                       .user = &test,
                       .y = floats_of(test.y),
                       .before = test.epilogue.in_place ? floats_of(test.epilogue.residual) : NULL,
                       .count = count,
                       .expected = expected,
                       .tolerance = quick ? 1.5e-3 : 4e-6});
        de_linear_free(test.linear);
    }
    for (int i = 0; i < parts; i++) {
        test_weight_free(&weights[i]);
        test_weight_free(&biases[i]);
    }
    free_epilogue(&test.epilogue);
    free(expected);
    free(floats_of(test.x));
    free(floats_of(test.y));
}

/* Small cases are done by one thread; some large ones, then, for the bits that must not depend on
 * threads. */
static de_tensor linear_shape(int i, int64_t channels)
{
    return random_shape(3, 1, i % 5 == 4 ? 40 : 9, channels);
}

static void test_linear(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        int64_t outs[MAX_PARTS] = {random_between(1, 70), random_between(1, 40),
                                   random_between(1, 20)};
        int parts = (int)random_between(1, MAX_PARTS);
        check_linear(linear_shape(i, random_between(1, 70)), parts, outs, (de_dtype)(i % 3), false);
    }
    /* a deep sum, a single row */
    check_linear(shape_of(1, 1, 53, 5120), 1, (int64_t[]){48}, DE_F16, false);
    check_linear(shape_of(1, 1, 1, 320), 1, (int64_t[]){1280}, DE_F32, false);
}

static void test_geglu(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int64_t half = i % 2 ? random_between(1, 5) * 16 : random_between(1, 60);
        check_linear(linear_shape(i, random_between(1, 70)), 1, (int64_t[]){2 * half},
                     (de_dtype)(i % 3), true);
    }
}

/* ---- convolution ---- */

typedef struct convolution_case {
    de_convolution *convolution;
    de_convolution_shape shape;
    de_tensor x, y;
    test_epilogue epilogue;
} convolution_case;

static void run_convolution(de_context *context, void *user)
{
    convolution_case *test = user;
    de_convolution_run(context, test->convolution, test->x, test->shape,
                       epilogue_of(&test->epilogue, test->y), test->y);
}

static double input_value(const convolution_case *test, int64_t image, int64_t y, int64_t x,
                          int64_t c)
{
    const de_tensor *input = &test->x;
    int64_t h = test->shape.up_h ? test->shape.up_h : input->h;
    int64_t w = test->shape.up_w ? test->shape.up_w : input->w;
    y -= test->shape.pad_top;
    x -= test->shape.pad_left;
    if (y < 0 || y >= h || x < 0 || x >= w)
        return 0;
    return floats_of(
        *input)[((image * input->h + y * input->h / h) * input->w + x * input->w / w) * input->c +
                c];
}

/* What the filters of output (i, j) see: [c, k, k] */
static void read_window(const convolution_case *test, int64_t image, int64_t i, int64_t j,
                        int64_t k, double *window)
{
    for (int64_t c = 0; c < test->x.c; c++)
        for (int64_t tap = 0; tap < k * k; tap++)
            *window++ = input_value(test, image, i * test->shape.stride + tap / k,
                                    j * test->shape.stride + tap % k, c);
}

static double *convolution_expected(const convolution_case *test, const test_weight *weight,
                                    const test_weight *bias)
{
    de_tensor y = test->y;
    int64_t k = weight->weight.shape[2], depth = test->x.c * k * k, at = 0;
    double *expected = new_doubles(de_tensor_count(y)), *window = new_doubles(depth);
    for (int64_t image = 0; image < y.n; image++)
        for (int64_t i = 0; i < y.h; i++)
            for (int64_t j = 0; j < y.w; j++) {
                read_window(test, image, i, j, k, window);
                for (int64_t o = 0; o < y.c; o++, at++) {
                    double sum = bias->values[o];
                    for (int64_t n = 0; n < depth; n++)
                        sum += weight->values[o * depth + n] * window[n];
                    expected[at] = finish(&test->epilogue, sum, image, o, y.c, at);
                }
            }
    free(window);
    return expected;
}

/* What is allowed of each arithmetic. */
typedef struct convolution_tolerance {
    const char *name;
    double exact, quick;
} convolution_tolerance;

static const convolution_tolerance direct = {"convolution, direct", 5e-6, 1e-3};
static const convolution_tolerance winograd = {"convolution, Winograd", 5e-6, 3e-3};
static const convolution_tolerance enlarging = {"nearest-up + convolution", 5e-6, 3e-3};
/* a fifth output has the fourth power of a point */
static const convolution_tolerance split = {"nearest-up + convolution, split", 8e-6, 4e-3};

static void check_convolution(convolution_tolerance within, de_tensor x, int64_t out, int64_t k,
                              de_convolution_shape shape, de_dtype dtype)
{
    int64_t h = shape.up_h ? shape.up_h : x.h, w = shape.up_w ? shape.up_w : x.w;
    convolution_case test = {.shape = shape, .x = x};
    test.x = random_tensor(x.n, x.h, x.w, x.c);
    test.y = random_tensor(x.n, (h + shape.pad_top + shape.pad_bottom - k) / shape.stride + 1,
                           (w + shape.pad_left + shape.pad_right - k) / shape.stride + 1, out);
    int64_t count = de_tensor_count(test.y);
    test.epilogue = random_epilogue(test.y);
    test_weight weight = test_weight_new(dtype, 4, (int64_t[]){out, x.c, k, k});
    test_weight bias = test_weight_new(dtype, 1, &out);
    de_resampling resampling = shape.stride == 2 ? DE_HALVING
                               : shape.up_h      ? DE_DOUBLING
                                                 : DE_SAME_SIZE;
    double *expected = convolution_expected(&test, &weight, &bias);
    for (int quick = 0; quick < 2; quick++) {
        assert_int_equal(de_convolution_new(&test.convolution,
                                            test_device(DIFFEDIT_ARITHMETIC_EXACT), &weight.weight,
                                            &bias.weight, resampling, (diffedit_arithmetic)quick,
                                            NULL),
                         DIFFEDIT_OK);
        check_op(
            &(op_case){.name = within.name,
                       .quick = quick,
                       .run = run_convolution,
                       .user = &test,
                       .y = floats_of(test.y),
                       .before = test.epilogue.in_place ? floats_of(test.epilogue.residual) : NULL,
                       .count = count,
                       .expected = expected,
                       .tolerance = quick ? within.quick : within.exact});
        de_convolution_free(test.convolution);
    }
    test_weight_free(&weight);
    test_weight_free(&bias);
    free_epilogue(&test.epilogue);
    free(expected);
    free(floats_of(test.x));
    free(floats_of(test.y));
}

static void test_convolution_winograd(void **state)
{
    (void)state;
    static const int64_t channels[] = {16, 17, 24, 31, 40, 64};
    for (int i = 0; i < 18; i++) {
        de_tensor x = random_shape(3, 1, 11, channels[i % 6]);
        check_convolution(winograd, x, random_between(1, 50), 3, same_size, (de_dtype)(i % 3));
    }
    /* more tiles than a block, and many channels */
    check_convolution(winograd, shape_of(1, 97, 95, 16), 16, 3, same_size, DE_F16);
    check_convolution(winograd, shape_of(2, 5, 4, 330), 7, 3, same_size, DE_F16);
    check_convolution(winograd, shape_of(1, 6, 6, 700), 33, 3, same_size, DE_F32);
    /* more columns than near are worked on at once; then too many weights to stay near: one block,
     * then two */
    check_convolution(winograd, shape_of(2, 9, 14, 330), 133, 3, same_size, DE_F16);
    check_convolution(winograd, shape_of(2, 5, 4, 330), 215, 3, same_size, DE_F16);
    check_convolution(winograd, shape_of(1, 57, 45, 1400), 17, 3, same_size, DE_F32);
    /* paddings of other sizes */
    for (int i = 0; i < 6; i++) {
        de_convolution_shape shape = {.stride = 1,
                                      .pad_top = (int)random_between(0, 2),
                                      .pad_left = (int)random_between(0, 2),
                                      .pad_bottom = (int)random_between(0, 2),
                                      .pad_right = (int)random_between(0, 2)};
        de_tensor x = random_shape(1, 3, 9, 18);
        check_convolution(winograd, x, 20, 3, shape, DE_F16);
    }
}

static void test_convolution_direct(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        int64_t k = random_between(0, 2) * 2 + 1;
        de_convolution_shape shape = random_convolution(k);
        int64_t channels = shape.stride == 1 && k == 3 ? random_between(1, 15)
                                                       : random_between(1, 40);
        int64_t side = i % 5 == 4 ? 50 : 12;
        de_tensor x = random_shape(3, k, side, channels);
        check_convolution(direct, x, random_between(1, 40), k, shape, (de_dtype)(i % 3));
    }
}

static void test_convolution_enlarging(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        int64_t side = i % 4 == 3 ? 20 : 6;
        de_tensor x = random_shape(2, 1, side, i % 2 ? 20 : 6);
        de_convolution_shape shape = same_size;
        shape.up_h = i < 6 ? 2 * x.h : random_between(x.h, 3 * x.h);
        shape.up_w = i < 6 ? 2 * x.w : random_between(x.w, 3 * x.w);
        check_convolution(enlarging, x, 18, 3, shape, (de_dtype)(i % 3));
    }
    /* twice as large, of sides at which all kinds of tiles at the edges occur; at last of many
     * columns and many channels */
    for (int i = 0; i < 8; i++) {
        int64_t columns = i == 7 ? 52 : i == 6 ? 140 : random_between(1, 40);
        de_tensor x = shape_of(1 + i % 2, 13 + i, i == 7 ? 14 : 23 - i,
                               i == 7 ? 330 : random_between(16, 40));
        de_convolution_shape shape = same_size;
        shape.up_h = 2 * x.h;
        shape.up_w = 2 * x.w;
        check_convolution(split, x, columns, 3, shape, (de_dtype)(i % 3));
    }
}

/* ---- norms ---- */

typedef struct norm_case {
    de_tensor x, y;
    int groups; /* 0: LayerNorm */
    test_weight scale_values, shift_values;
    de_vector *scale, *shift;
    de_activation activation;
} norm_case;

static const float norm_eps = 1e-5f;

static void run_norm(de_context *context, void *user)
{
    norm_case *test = user;
    if (test->groups)
        de_group_norm(context, test->x, test->groups, norm_eps, test->scale, test->shift,
                      test->activation, test->y);
    else
        de_layer_norm(context, test->x, norm_eps, test->scale, test->shift, test->y);
}

/* Normalises `count` values from x on: `width` of them side by side, then `stride` apart. */
static void normalise(const norm_case *test, int64_t begin, int64_t lines, int64_t width,
                      double *expected)
{
    int64_t c = test->x.c;
    double mean = 0, variance = 0, count = (double)(lines * width);
    for (int64_t line = 0; line < lines; line++)
        for (int64_t i = 0; i < width; i++)
            mean += floats_of(test->x)[begin + line * c + i] / count;
    for (int64_t line = 0; line < lines; line++)
        for (int64_t i = 0; i < width; i++)
            variance += pow(floats_of(test->x)[begin + line * c + i] - mean, 2) / count;
    for (int64_t line = 0; line < lines; line++)
        for (int64_t i = 0; i < width; i++) {
            int64_t at = begin + line * c + i;
            double value = (floats_of(test->x)[at] - mean) / sqrt(variance + norm_eps);
            expected[at] = activated(value * test->scale_values.values[at % c] +
                                         test->shift_values.values[at % c],
                                     test->activation);
        }
}

static void check_norm(de_tensor x, int groups, float mean, de_activation activation, bool in_place)
{
    int64_t count = de_tensor_count(x), rows = x.h * x.w;
    norm_case test = {.x = x,
                      .y = x,
                      .groups = groups,
                      .activation = activation,
                      .scale_values = test_weight_new(DE_F32, 1, &x.c),
                      .shift_values = test_weight_new(DE_F32, 1, &x.c)};
    assert_int_equal(de_vector_new(&test.scale, test_device(DIFFEDIT_ARITHMETIC_EXACT),
                                   &test.scale_values.weight, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(de_vector_new(&test.shift, test_device(DIFFEDIT_ARITHMETIC_EXACT),
                                   &test.shift_values.weight, NULL),
                     DIFFEDIT_OK);
    test.x = random_tensor(x.n, x.h, x.w, x.c);
    for (int64_t i = 0; i < count; i++)
        floats_of(test.x)[i] += mean;
    float *before = in_place ? copy_floats(floats_of(test.x), count) : NULL;
    test.y = in_place ? test.x : random_tensor(x.n, x.h, x.w, x.c);
    double *expected = new_doubles(count);
    for (int64_t image = 0; image < x.n && groups; image++)
        for (int group = 0; group < groups; group++)
            normalise(&test, image * rows * x.c + group * (x.c / groups), rows, x.c / groups,
                      expected);
    for (int64_t row = 0; row < x.n * rows && !groups; row++)
        normalise(&test, row * x.c, 1, x.c, expected);
    /* a mean far from zero costs the digits that its values have not */
    check_op(&(op_case){.name = groups ? "GroupNorm" : "LayerNorm",
                        .run = run_norm,
                        .user = &test,
                        .y = floats_of(test.y),
                        .before = before,
                        .count = count,
                        .expected = expected,
                        .tolerance = 1e-6 + 2e-7 * fabs(mean)});
    if (!in_place)
        free(floats_of(test.y));
    free(floats_of(test.x));
    free(before);
    free(expected);
    test_weight_free(&test.scale_values);
    test_weight_free(&test.shift_values);
    de_vector_free(test.scale);
    de_vector_free(test.shift);
}

static void test_norms(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int groups = (int)random_between(1, 8);
        de_tensor x = random_shape(3, 2, 12, groups * random_between(1, 12));
        float mean = i % 4 == 3 ? 20.0f : 0.5f;
        check_norm(x, groups, mean, i % 3 == 0 ? DE_SILU : DE_NONE, i % 2);
        x.c = random_between(2, 100);
        check_norm(x, 0, mean, DE_NONE, i % 2);
    }
    /* several chunks of rows, several threads */
    check_norm(shape_of(2, 37, 41, 24), 4, 0, DE_SILU, false);
    check_norm(shape_of(2, 37, 41, 27), 0, 0, DE_NONE, true);
}

/* ---- small ones ---- */

/* y begins with x, as the networks have it */
static void test_repetition(void **state)
{
    (void)state;
    de_context context = {.device = test_device(DIFFEDIT_ARITHMETIC_EXACT), .threads = 2};
    de_tensor y = random_tensor(4, 3, 5, 7), x = y;
    x.n = 1;
    int64_t count = de_tensor_count(x);
    float *before = copy_floats(floats_of(x), count);
    de_repeat(&context, x, y);
    for (int64_t i = 0; i < de_tensor_count(y); i++)
        assert_true(floats_of(y)[i] == before[i % count]);
    free(before);
    free(floats_of(y));
}

typedef struct pair_case {
    de_tensor a, b, y;
} pair_case;

static void run_concatenation(de_context *context, void *user)
{
    pair_case *test = user;
    de_concatenate(context, test->a, test->b, test->y);
}

static void test_concatenation(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int64_t side = i % 5 == 4 ? 90 : 20, w = random_between(1, side);
        int64_t channels = random_between(1, 60), images = random_between(1, 3);
        de_tensor a = random_tensor(images, side, w, channels);
        de_tensor b = random_tensor(i % 2 ? a.n : 1, side, w, random_between(1, 60));
        de_tensor y = random_tensor(a.n, side, w, a.c + b.c);
        int64_t count = de_tensor_count(y);
        double *expected = new_doubles(count);
        for (int64_t at = 0; at < count; at++) {
            int64_t row = at / y.c, c = at % y.c;
            expected[at] = c < a.c ? floats_of(a)[row * a.c + c]
                                   : floats_of(b)[row % (b.n * b.h * b.w) * b.c + c - a.c];
        }
        pair_case test = {.a = a, .b = b, .y = y};
        check_op(&(op_case){.name = "concatenate",
                            .run = run_concatenation,
                            .user = &test,
                            .y = floats_of(y),
                            .count = count,
                            .expected = expected,
                            .tolerance = 1e-7});
        free(floats_of(a));
        free(floats_of(b));
        free(floats_of(y));
        free(expected);
    }
}

static void test_channel_order(void **state)
{
    (void)state;
    int64_t n = 2, c = 5, h = 3, w = 7, count = n * c * h * w;
    float *x = random_floats(count), *y = random_floats(count), *z = random_floats(count);
    de_channels_last(x, n, c, h, w, y);
    for (int64_t i = 0; i < count; i++) {
        int64_t image = i / (c * h * w), channel = i / (h * w) % c, pixel = i % (h * w);
        assert_true(y[(image * h * w + pixel) * c + channel] == x[i]);
    }
    de_channels_first(y, n, c, h, w, z);
    assert_memory_equal(x, z, (size_t)count * sizeof *x);
    free(x);
    free(y);
    free(z);
}

/* ---- operations counted ---- */

typedef struct work_case {
    de_linear *linear, *geglu;
    de_convolution *convolution;
} work_case;

static void run_work(de_context *context, void *user)
{
    const work_case *test = user;
    const de_epilogue plain = {0};
    const de_convolution_shape halving = {.stride = 2, .pad_bottom = 1, .pad_right = 1};
    de_tensor x = de_tensor_new(context, 2, 4, 6, 7), keys = de_tensor_new(context, 2, 1, 9, 7);
    de_linear_run(context, test->linear, x, plain, de_tensor_new(context, 2, 4, 6, 5));
    de_linear_geglu_run(context, test->geglu, x, de_tensor_new(context, 2, 4, 6, 3));
    de_convolution_run(context, test->convolution, x, halving, plain,
                       de_tensor_new(context, 2, 2, 3, 5));
    de_attention(context, 7, false, x, keys, keys, x);
    context->arena.used = 0;
}

/* Of a run; a multiplication and an addition are two. */
static void test_work(void **state)
{
    (void)state;
    enum { ROWS = 2 * 4 * 6, HALVED = 2 * 2 * 3, KEYS = 9 };
    de_device *device = test_device(DIFFEDIT_ARITHMETIC_EXACT);
    de_context context = {.device = device, .threads = 2};
    test_weight five = test_weight_new(DE_F32, 2, (int64_t[]){5, 7});
    test_weight six = test_weight_new(DE_F32, 2, (int64_t[]){6, 7});
    test_weight window = test_weight_new(DE_F32, 4, (int64_t[]){5, 7, 3, 3});
    test_weight bias = test_weight_new(DE_F32, 1, (int64_t[]){5});
    work_case test;
    de_program *program;
    assert_int_equal(de_linear_new(&test.linear, device, &five.weight, NULL, 1, 0, NULL), 0);
    assert_int_equal(de_linear_new(&test.geglu, device, &six.weight, NULL, 1, 0, NULL), 0);
    assert_int_equal(de_convolution_new(&test.convolution, device, &window.weight, &bias.weight,
                                        DE_HALVING, 0, NULL),
                     0);
    assert_int_equal(de_program_new(&program, &context, run_work, &test, NULL), 0);
    for (int runs = 1; runs <= 2; runs++) {
        double once = 2.0 * ROWS * 7 * (5 + 6) + 2.0 * HALVED * 9 * 7 * 5 + 4.0 * ROWS * KEYS * 7;
        assert_int_equal(de_program_run(program, NULL), 0);
        assert_true(de_program_computed(program).operations == once);
        assert_true(context.computed.operations == runs * once && context.computed.seconds == 0);
    }
    de_program_free(program);
    de_context_release(&context);
    de_linear_free(test.linear);
    de_linear_free(test.geglu);
    de_convolution_free(test.convolution);
    test_weight_free(&five);
    test_weight_free(&six);
    test_weight_free(&window);
    test_weight_free(&bias);
}

/* ---- the harness ---- */

/* No later error hides one that is not a number. */
static void test_strange_errors(void **state)
{
    (void)state;
    assert_true(larger(1, 2) == 2 && larger(2, 1) == 2);
    assert_true(isnan(larger(NAN, 1)) && isnan(larger(1, NAN)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_geglu),
        cmocka_unit_test(test_convolution_winograd),
        cmocka_unit_test(test_convolution_direct),
        cmocka_unit_test(test_convolution_enlarging),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_repetition),
        cmocka_unit_test(test_concatenation),
        cmocka_unit_test(test_channel_order),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_strange_errors),
    };
    return cmocka_run_group_tests(tests, NULL, print_errors_at_end);
}
