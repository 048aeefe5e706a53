/* Every op against a reference in double precision that is as plain as its definition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "harness.h"

/* ---- the choice of kernels ---- */

/* What DIFFEDIT_CPU=`value` leads to, in a process of its own, because the choice is made once: 0
 * if the table is `name` and there is a problem or not, as expected. */
static int choose_in_child(const char *value, const char *name, bool problem)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("DIFFEDIT_CPU", value, 1);
        bool right = strcmp(de_kernels_get()->name, name) == 0 &&
                     (de_kernels_problem() != NULL) == problem;
        _exit(right ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* The first of the tests: nothing has asked for kernels yet. */
static void test_choice(void **state)
{
    (void)state;
    const char *fastest = de_kernels_find("avx2") ? "avx2" : "ref";
    assert_int_equal(choose_in_child("ref", "ref", false), 0);
    assert_int_equal(choose_in_child("avx2", fastest, strcmp(fastest, "ref") == 0), 0);
    assert_int_equal(choose_in_child("", fastest, false), 0);
    assert_int_equal(choose_in_child("sse9", "ref", true), 0);
}

/* ---- references ---- */

static double activated(double x, de_activation activation)
{
    switch (activation) {
    case DE_SILU: return x / (1 + exp(-x));
    case DE_GELU: return 0.5 * x * erfc(-x / sqrt(2));
    case DE_QUICK_GELU: return x / (1 + exp(-1.702 * x));
    case DE_NONE: break;
    }
    return x;
}

static double *new_doubles(int64_t count)
{
    double *values = calloc((size_t)count, sizeof *values);
    assert_non_null(values);
    return values;
}

/* Random epilogues: each part is there half of the time; the residual is sometimes the output
 * itself. */
typedef struct test_epilogue {
    float *image_bias, *residual;
    bool in_place;
    de_activation activation;
} test_epilogue;

static test_epilogue random_epilogue(int64_t n, int64_t count, int64_t c)
{
    test_epilogue epilogue = {.activation = (de_activation)random_between(DE_NONE, DE_QUICK_GELU)};
    if (random_between(0, 1))
        epilogue.image_bias = random_floats(n * c);
    if (random_between(0, 1))
        epilogue.residual = random_floats(count);
    epilogue.in_place = epilogue.residual && random_between(0, 1);
    return epilogue;
}

static de_epilogue epilogue_of(const test_epilogue *epilogue, const float *y)
{
    return (de_epilogue){epilogue->image_bias, epilogue->activation,
                         epilogue->in_place ? y : epilogue->residual};
}

static double finish(const test_epilogue *epilogue, double sum, int64_t image, int64_t c,
                     int64_t columns, int64_t at)
{
    if (epilogue->image_bias)
        sum += epilogue->image_bias[image * columns + c];
    sum = activated(sum, epilogue->activation);
    return epilogue->residual ? sum + epilogue->residual[at] : sum;
}

static void free_epilogue(test_epilogue *epilogue)
{
    free(epilogue->image_bias);
    free(epilogue->residual);
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
        de_linear_run(context, test->linear, test->x, epilogue_of(&test->epilogue, test->y.data),
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
                    sum += x.data[r * x.c + i] * weights[part].values[o * x.c + i];
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
    test.x.data = random_floats(de_tensor_count(x));
    test.y = (de_tensor){x.n, x.h, x.w, geglu ? columns / 2 : columns, NULL};
    int64_t count = de_tensor_count(test.y);
    test.y.data = random_floats(count);
    if (!geglu)
        test.epilogue = random_epilogue(x.n, count, columns);
    assert_int_equal(de_linear_new(&test.linear, w, with_bias ? b : NULL, parts, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(de_linear_out(test.linear), columns);
    double *expected = linear_sums(test.x, weights, with_bias ? biases : NULL, parts, columns);
    linear_expected(&test, expected, columns);
    check_op(&(op_case){.name = geglu ? "linear, GEGLU" : "linear",
                        .run = run_linear,
                        .user = &test,
                        .y = test.y.data,
                        .before = test.epilogue.in_place ? test.epilogue.residual : NULL,
                        .count = count,
                        .expected = expected,
                        .tolerance = 4e-6});
    for (int i = 0; i < parts; i++) {
        test_weight_free(&weights[i]);
        test_weight_free(&biases[i]);
    }
    de_linear_free(test.linear);
    free_epilogue(&test.epilogue);
    free(expected);
    free(test.x.data);
    free(test.y.data);
}

/* Small cases are done by one thread; some large ones, then, for the bits that must not depend on
 * threads. */
static de_tensor random_shape(int i, int64_t channels)
{
    int64_t side = i % 5 == 4 ? 40 : 9;
    return (de_tensor){random_between(1, 3), random_between(1, side), random_between(1, side),
                       channels, NULL};
}

static void test_linear(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        int64_t outs[MAX_PARTS] = {random_between(1, 70), random_between(1, 40),
                                   random_between(1, 20)};
        check_linear(random_shape(i, random_between(1, 70)), (int)random_between(1, MAX_PARTS),
                     outs, (de_dtype)(i % 3), false);
    }
    /* a deep sum, a single row */
    check_linear((de_tensor){1, 1, 53, 5120, NULL}, 1, (int64_t[]){48}, DE_F16, false);
    check_linear((de_tensor){1, 1, 1, 320, NULL}, 1, (int64_t[]){1280}, DE_F32, false);
}

static void test_geglu(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int64_t half = i % 2 ? random_between(1, 5) * 16 : random_between(1, 60);
        check_linear(random_shape(i, random_between(1, 70)), 1, (int64_t[]){2 * half},
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
                       epilogue_of(&test->epilogue, test->y.data), test->y);
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
    return input
        ->data[((image * input->h + y * input->h / h) * input->w + x * input->w / w) * input->c +
               c];
}

static double *convolution_expected(const convolution_case *test, const test_weight *weight,
                                    const test_weight *bias)
{
    de_tensor y = test->y;
    int64_t k = weight->weight.shape[2], at = 0;
    double *expected = new_doubles(de_tensor_count(y));
    for (int64_t image = 0; image < y.n; image++)
        for (int64_t i = 0; i < y.h; i++)
            for (int64_t j = 0; j < y.w; j++)
                for (int64_t o = 0; o < y.c; o++, at++) {
                    double sum = bias->values[o];
                    for (int64_t c = 0; c < test->x.c; c++)
                        for (int64_t tap = 0; tap < k * k; tap++)
                            sum += weight->values[(o * test->x.c + c) * k * k + tap] *
                                   input_value(test, image, i * test->shape.stride + tap / k,
                                               j * test->shape.stride + tap % k, c);
                    expected[at] = finish(&test->epilogue, sum, image, o, y.c, at);
                }
    return expected;
}

static void check_convolution_within(double tolerance, const char *name, de_tensor x, int64_t out,
                                     int64_t k, de_convolution_shape shape, de_dtype dtype)
{
    int64_t h = shape.up_h ? shape.up_h : x.h, w = shape.up_w ? shape.up_w : x.w;
    convolution_case test = {.shape = shape, .x = x};
    test.x.data = random_floats(de_tensor_count(x));
    test.y = (de_tensor){x.n, (h + shape.pad_top + shape.pad_bottom - k) / shape.stride + 1,
                         (w + shape.pad_left + shape.pad_right - k) / shape.stride + 1, out, NULL};
    int64_t count = de_tensor_count(test.y);
    test.y.data = random_floats(count);
    test.epilogue = random_epilogue(x.n, count, out);
    test_weight weight = test_weight_new(dtype, 4, (int64_t[]){out, x.c, k, k});
    test_weight bias = test_weight_new(dtype, 1, &out);
    assert_int_equal(
        de_convolution_new(&test.convolution, &weight.weight, &bias.weight, shape.stride, NULL),
        DIFFEDIT_OK);
    double *expected = convolution_expected(&test, &weight, &bias);
    check_op(&(op_case){.name = name,
                        .run = run_convolution,
                        .user = &test,
                        .y = test.y.data,
                        .before = test.epilogue.in_place ? test.epilogue.residual : NULL,
                        .count = count,
                        .expected = expected,
                        .tolerance = tolerance});
    test_weight_free(&weight);
    test_weight_free(&bias);
    de_convolution_free(test.convolution);
    free_epilogue(&test.epilogue);
    free(expected);
    free(test.x.data);
    free(test.y.data);
}

static void check_convolution(const char *name, de_tensor x, int64_t out, int64_t k,
                              de_convolution_shape shape, de_dtype dtype)
{
    check_convolution_within(5e-6, name, x, out, k, shape, dtype);
}

static const de_convolution_shape same = {
    .stride = 1, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};

static void test_convolution_winograd(void **state)
{
    (void)state;
    static const int64_t channels[] = {16, 17, 24, 31, 40, 64};
    for (int i = 0; i < 18; i++) {
        de_tensor x = {random_between(1, 3), random_between(1, 11), random_between(1, 11),
                       channels[i % 6], NULL};
        check_convolution("convolution, Winograd", x, random_between(1, 50), 3, same,
                          (de_dtype)(i % 3));
    }
    /* more tiles than a block, and many channels */
    check_convolution("convolution, Winograd", (de_tensor){1, 97, 95, 16, NULL}, 16, 3, same,
                      DE_F16);
    check_convolution("convolution, Winograd", (de_tensor){2, 5, 4, 330, NULL}, 7, 3, same, DE_F16);
    check_convolution("convolution, Winograd", (de_tensor){1, 6, 6, 700, NULL}, 33, 3, same,
                      DE_F32);
    /* more columns than near are worked on at once; then too many weights to stay near: one block,
     * then two */
    check_convolution("convolution, Winograd", (de_tensor){2, 9, 14, 330, NULL}, 133, 3, same,
                      DE_F16);
    check_convolution("convolution, Winograd", (de_tensor){2, 5, 4, 330, NULL}, 215, 3, same,
                      DE_F16);
    check_convolution("convolution, Winograd", (de_tensor){1, 57, 45, 1400, NULL}, 17, 3, same,
                      DE_F32);
    /* paddings of other sizes */
    for (int i = 0; i < 6; i++) {
        de_convolution_shape shape = {.stride = 1,
                                      .pad_top = (int)random_between(0, 2),
                                      .pad_left = (int)random_between(0, 2),
                                      .pad_bottom = (int)random_between(0, 2),
                                      .pad_right = (int)random_between(0, 2)};
        de_tensor x = {1, random_between(3, 9), random_between(3, 9), 18, NULL};
        check_convolution("convolution, Winograd", x, 20, 3, shape, DE_F16);
    }
}

static void test_convolution_direct(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        int64_t k = random_between(0, 2) * 2 + 1;
        de_convolution_shape shape = {.stride = (int)random_between(1, 2),
                                      .pad_top = (int)random_between(0, k / 2),
                                      .pad_left = (int)random_between(0, k / 2),
                                      .pad_bottom = (int)random_between(0, 2),
                                      .pad_right = (int)random_between(0, 2)};
        int64_t channels = shape.stride == 1 && k == 3 ? random_between(1, 15)
                                                       : random_between(1, 40);
        int64_t side = i % 5 == 4 ? 50 : 12;
        de_tensor x = {random_between(1, 3), random_between(k, side), random_between(k, side),
                       channels, NULL};
        check_convolution("convolution, direct", x, random_between(1, 40), k, shape,
                          (de_dtype)(i % 3));
    }
}

static void test_convolution_enlarging(void **state)
{
    (void)state;
    for (int i = 0; i < 12; i++) {
        int64_t side = i % 4 == 3 ? 20 : 6;
        de_tensor x = {random_between(1, 2), random_between(1, side), random_between(1, side),
                       i % 2 ? 20 : 6, NULL};
        de_convolution_shape shape = same;
        shape.up_h = i < 6 ? 2 * x.h : random_between(x.h, 3 * x.h);
        shape.up_w = i < 6 ? 2 * x.w : random_between(x.w, 3 * x.w);
        check_convolution("nearest-up + convolution", x, 18, 3, shape, (de_dtype)(i % 3));
    }
    /* twice as large, of sides at which all kinds of tiles at the edges occur; at last of many
     * columns and many channels */
    for (int i = 0; i < 8; i++) {
        int64_t columns = i == 7 ? 52 : i == 6 ? 140 : random_between(1, 40);
        de_tensor x = {1 + i % 2, 13 + i, i == 7 ? 14 : 23 - i,
                       i == 7 ? 330 : random_between(16, 40), NULL};
        de_convolution_shape shape = same;
        shape.up_h = 2 * x.h;
        shape.up_w = 2 * x.w;
        check_convolution_within(
            8e-6, "nearest-up + convolution, split", x, columns, 3, shape,
            (de_dtype)(i % 3)); /* a fifth output has the fourth power of a point */
    }
}

/* ---- norms ---- */

typedef struct norm_case {
    de_tensor x, y;
    int groups; /* 0: LayerNorm */
    float *scale, *shift;
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
            mean += test->x.data[begin + line * c + i] / count;
    for (int64_t line = 0; line < lines; line++)
        for (int64_t i = 0; i < width; i++)
            variance += pow(test->x.data[begin + line * c + i] - mean, 2) / count;
    for (int64_t line = 0; line < lines; line++)
        for (int64_t i = 0; i < width; i++) {
            int64_t at = begin + line * c + i;
            double value = (test->x.data[at] - mean) / sqrt(variance + norm_eps);
            expected[at] = activated(value * test->scale[at % c] + test->shift[at % c],
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
                      .scale = random_floats(x.c),
                      .shift = random_floats(x.c)};
    test.x.data = random_floats(count);
    for (int64_t i = 0; i < count; i++)
        test.x.data[i] += mean;
    float *before = in_place ? copy_floats(test.x.data, count) : NULL;
    test.y.data = in_place ? test.x.data : random_floats(count);
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
                        .y = test.y.data,
                        .before = before,
                        .count = count,
                        .expected = expected,
                        .tolerance = 1e-6 + 2e-7 * fabs(mean)});
    if (!in_place)
        free(test.y.data);
    free(test.x.data);
    free(before);
    free(expected);
    free(test.scale);
    free(test.shift);
}

static void test_norms(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        int groups = (int)random_between(1, 8);
        de_tensor x = {random_between(1, 3), random_between(1, 12), random_between(2, 12),
                       groups * random_between(1, 12), NULL};
        float mean = i % 4 == 3 ? 20.0f : 0.5f;
        check_norm(x, groups, mean, i % 3 == 0 ? DE_SILU : DE_NONE, i % 2);
        x.c = random_between(2, 100);
        check_norm(x, 0, mean, DE_NONE, i % 2);
    }
    /* several chunks of rows, several threads */
    check_norm((de_tensor){2, 37, 41, 24, NULL}, 4, 0, DE_SILU, false);
    check_norm((de_tensor){2, 37, 41, 27, NULL}, 0, 0, DE_NONE, true);
}

/* ---- attention ---- */

typedef struct attention_case {
    de_attention_shape shape;
    float *q, *k, *v, *y;
} attention_case;

static void run_attention(de_context *context, void *user)
{
    attention_case *test = user;
    de_attention(context, test->shape, test->q, test->k, test->v, test->y);
}

/* one query of one head */
static void attend(const attention_case *test, int64_t image, int64_t query, int64_t head,
                   double *weights, double *expected)
{
    const de_attention_shape *s = &test->shape;
    int64_t keys = s->causal && query + 1 < s->tk ? query + 1 : s->tk;
    const float *q = test->q + (image * s->tq + query) * s->q_stride + head * s->d;
    double total = 0, highest = -INFINITY;
    for (int64_t key = 0; key < keys; key++) {
        const float *k = test->k + (image * s->tk + key) * s->k_stride + head * s->d;
        weights[key] = 0;
        for (int64_t i = 0; i < s->d; i++)
            weights[key] += q[i] * k[i] / sqrt((double)s->d);
        highest = fmax(highest, weights[key]);
    }
    for (int64_t key = 0; key < keys; key++)
        total += weights[key] = exp(weights[key] - highest);
    for (int64_t key = 0; key < keys; key++) {
        const float *v = test->v + (image * s->tk + key) * s->v_stride + head * s->d;
        for (int64_t i = 0; i < s->d; i++)
            expected[((image * s->tq + query) * s->heads + head) * s->d + i] += weights[key] /
                                                                                total * v[i];
    }
}

/* `sharpness` scales the queries: large scores, of which few keys win */
static void check_attention(de_attention_shape shape, float sharpness)
{
    attention_case test = {.shape = shape};
    int64_t q_count = shape.n * shape.tq * shape.q_stride;
    int64_t count = shape.n * shape.tq * shape.heads * shape.d;
    test.q = random_floats(q_count);
    for (int64_t i = 0; i < q_count; i++)
        test.q[i] *= sharpness;
    test.k = random_floats(shape.n * shape.tk * shape.k_stride);
    test.v = random_floats(shape.n * shape.tk * shape.v_stride);
    test.y = random_floats(count);
    double *expected = new_doubles(count), *weights = new_doubles(shape.tk);
    for (int64_t image = 0; image < shape.n; image++)
        for (int64_t query = 0; query < shape.tq; query++)
            for (int64_t head = 0; head < shape.heads; head++)
                attend(&test, image, query, head, weights, expected);
    check_op(&(op_case){.name = "attention",
                        .run = run_attention,
                        .user = &test,
                        .y = test.y,
                        .count = count,
                        .expected = expected,
                        .tolerance = 1e-6 + 1e-6 * sharpness});
    free(expected);
    free(weights);
    free(test.q);
    free(test.k);
    free(test.v);
    free(test.y);
}

static void test_attention(void **state)
{
    (void)state;
    static const int64_t widths[] = {1, 5, 8, 16, 24, 37, 40, 64, 80, 160};
    for (int i = 0; i < 30; i++) {
        de_attention_shape shape = {.n = random_between(1, 2),
                                    .tq = random_between(1, 70),
                                    .tk = random_between(1, 70),
                                    .heads = random_between(1, 4),
                                    .d = widths[i % 10],
                                    .causal = i % 3 == 1};
        int64_t width = shape.heads * shape.d;
        shape.q_stride = width * random_between(1, 3);
        shape.k_stride = width + random_between(0, 9);
        shape.v_stride = width * random_between(1, 3);
        check_attention(shape, i % 4 == 0 ? 20.0f : 1.0f);
    }
    /* several blocks of queries and of keys */
    check_attention((de_attention_shape){.n = 1,
                                         .tq = 250,
                                         .tk = 777,
                                         .heads = 2,
                                         .d = 40,
                                         .q_stride = 80,
                                         .k_stride = 80,
                                         .v_stride = 80},
                    8.0f);
    check_attention((de_attention_shape){.n = 2,
                                         .tq = 401,
                                         .tk = 401,
                                         .heads = 1,
                                         .d = 8,
                                         .q_stride = 8,
                                         .k_stride = 8,
                                         .v_stride = 8,
                                         .causal = true},
                    8.0f);
    check_attention((de_attention_shape){.n = 1,
                                         .tq = 33,
                                         .tk = 290,
                                         .heads = 1,
                                         .d = 512,
                                         .q_stride = 512,
                                         .k_stride = 512,
                                         .v_stride = 512},
                    1.0f);
    /* scores that differ by hundreds and by thousands: what weights are relative to has to rise,
     * and all before is nothing */
    for (int i = 0; i < 4; i++)
        check_attention((de_attention_shape){.n = 1,
                                             .tq = 50,
                                             .tk = 400,
                                             .heads = 2,
                                             .d = 24,
                                             .q_stride = 48,
                                             .k_stride = 48,
                                             .v_stride = 48,
                                             .causal = i % 2 == 1},
                        i < 2 ? 100.0f : 10000.0f);
}

/* A query of causal attention sees the same sums whoever comes after it in the same call. */
static void test_attention_prefix(void **state)
{
    (void)state;
    enum { D = 5, KEYS = 300, QUERIES = 20, PANELS = 2 };
    float *q = de_aligned_alloc(PANELS * D * DE_PANEL * sizeof *q);
    float *scratch = de_aligned_alloc((size_t)de_attention_scratch(D) * sizeof *scratch);
    assert_non_null(q);
    assert_non_null(scratch);
    for (int i = 0; i < PANELS * D * DE_PANEL; i++)
        q[i] = (float)random_between(-100, 100) / 10;
    float *k = random_floats(KEYS * D), *v = random_floats(KEYS * D);
    float *all = random_floats(QUERIES * D), *some = random_floats(QUERIES * D);
    for (int table = 0; table < TEST_TABLES; table++) {
        const de_kernels *kernels = de_kernels_find(test_tables[table]);
        if (!kernels)
            continue;
        de_attention_block block = {.queries = QUERIES,
                                    .keys = KEYS,
                                    .d = D,
                                    .q = q,
                                    .k = k,
                                    .v = v,
                                    .causal = true,
                                    .first_query = KEYS - QUERIES - 3,
                                    .scratch = scratch,
                                    .y = all,
                                    .y_stride = D};
        kernels->attention(&block);
        block.y = some;
        for (block.queries = 1; block.queries < QUERIES; block.queries++) {
            kernels->attention(&block);
            assert_memory_equal(some, all, (size_t)(block.queries * D) * sizeof *all);
        }
    }
    free(q);
    free(scratch);
    free(k);
    free(v);
    free(all);
    free(some);
}

/* ---- small ones ---- */

typedef struct activation_case {
    const float *x;
    float *y;
    int64_t count;
    de_activation activation;
} activation_case;

static void run_activation(de_context *context, void *user)
{
    activation_case *test = user;
    if (!context->arena.measuring)
        de_kernels_get()->activate(test->x, test->count, test->activation, test->y);
}

static void test_activations(void **state)
{
    (void)state;
    static const char *const names[] = {"no activation", "SiLU", "GELU", "quick GELU"};
    int64_t count = 40003; /* -12.5..12.5 densely, and what overflows if one is careless */
    float *x = malloc((size_t)count * sizeof *x), *y = malloc((size_t)count * sizeof *y);
    double *expected = new_doubles(count);
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)(i - 20001) * 0.000625f;
    x[0] = -1000.0f;
    x[1] = -88.5f;
    for (int activation = DE_NONE; activation <= DE_QUICK_GELU; activation++) {
        activation_case test = {
            .x = x, .y = y, .count = count, .activation = (de_activation)activation};
        for (int64_t i = 0; i < count; i++)
            expected[i] = activated(x[i], test.activation);
        op_case check = {.name = names[activation],
                         .run = run_activation,
                         .user = &test,
                         .y = y,
                         .count = count,
                         .expected = expected,
                         .tolerance = 1e-7};
        check_op(&check);
        float *values = copy_floats(x, count); /* in place */
        test.x = test.y = check.y = values;
        check.before = x;
        check_op(&check);
        free(values);
    }
    free(x);
    free(y);
    free(expected);
}

/* y begins with x, as the networks have it */
static void test_repetition(void **state)
{
    (void)state;
    de_context context = {.threads = 2};
    de_tensor x = {1, 3, 5, 7, NULL}, y = {4, 3, 5, 7, NULL};
    int64_t count = de_tensor_count(x);
    x.data = y.data = random_floats(de_tensor_count(y));
    float *before = copy_floats(x.data, count);
    de_repeat(&context, x, y);
    for (int64_t i = 0; i < de_tensor_count(y); i++)
        assert_true(y.data[i] == before[i % count]);
    free(before);
    free(y.data);
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
        int64_t side = i % 5 == 4 ? 90 : 20;
        de_tensor a = {random_between(1, 3), side, random_between(1, side), random_between(1, 60),
                       NULL};
        de_tensor b = {i % 2 ? a.n : 1, a.h, a.w, random_between(1, 60), NULL};
        de_tensor y = {a.n, a.h, a.w, a.c + b.c, NULL};
        int64_t count = de_tensor_count(y);
        a.data = random_floats(de_tensor_count(a));
        b.data = random_floats(de_tensor_count(b));
        y.data = random_floats(count);
        double *expected = new_doubles(count);
        for (int64_t at = 0; at < count; at++) {
            int64_t row = at / y.c, c = at % y.c;
            expected[at] = c < a.c ? a.data[row * a.c + c]
                                   : b.data[row % (b.n * b.h * b.w) * b.c + c - a.c];
        }
        pair_case test = {.a = a, .b = b, .y = y};
        check_op(&(op_case){.name = "concatenate",
                            .run = run_concatenation,
                            .user = &test,
                            .y = y.data,
                            .count = count,
                            .expected = expected,
                            .tolerance = 1e-7});
        free(a.data);
        free(b.data);
        free(y.data);
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

static int at_end(void **state)
{
    (void)state;
    print_errors();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_linear),
        cmocka_unit_test(test_geglu),
        cmocka_unit_test(test_convolution_winograd),
        cmocka_unit_test(test_convolution_direct),
        cmocka_unit_test(test_convolution_enlarging),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_attention),
        cmocka_unit_test(test_attention_prefix),
        cmocka_unit_test(test_activations),
        cmocka_unit_test(test_repetition),
        cmocka_unit_test(test_concatenation),
        cmocka_unit_test(test_channel_order),
    };
    return cmocka_run_group_tests(tests, NULL, at_end);
}
