/* Quick 3x3 convolutions beside exact ones: how far off all values together are, and that no input
 * makes a number of exact anything else. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"

typedef enum contents {
    RANDOM,
    ONE_HUGE_CHANNEL,
    ALIKE, /* inputs and weights all the same: sums are the largest there can be */
    SMOOTH,
    ZEROS,
    TINY,  /* whose squares are zero as floats */
    LARGE, /* whose squares are no floats */
    AN_INFINITY,
    A_NAN,
    CONTENTS
} contents;

typedef struct layer_shape {
    int64_t n, h, w, in, out; /* of the input */
    bool doubles;
} layer_shape;

typedef struct convolution_run {
    de_convolution *convolution;
    de_convolution_shape shape;
    de_tensor x, y;
} convolution_run;

static void compute(de_context *context, void *user)
{
    const convolution_run *run = user;
    de_convolution_run(context, run->convolution, run->x, run->shape, (de_epilogue){0}, run->y);
}

static void fill(de_tensor x, contents kind)
{
    float *values = floats_of(x);
    int64_t count = de_tensor_count(x), channel = random_between(0, x.c - 1);
    float factor = kind == ZEROS ? 0 : kind == TINY ? 1e-27f : kind == LARGE ? 1e24f : 1;
    for (int64_t i = 0; i < count; i++) {
        int64_t pixel = i / x.c;
        values[i] *= factor;
        if (kind == ONE_HUGE_CHANNEL && i % x.c == channel)
            values[i] *= 1e5f;
        if (kind == ALIKE)
            values[i] = -0.37f;
        if (kind == SMOOTH) /* as in a picture: neighbours differ by little */
            values[i] = values[i] * 0.01f + (float)sin((double)(pixel / x.w + i % x.c) / 7) +
                        (float)cos((double)(pixel % x.w) / 5);
    }
    if (kind == AN_INFINITY || kind == A_NAN)
        values[random_between(0, count - 1)] = kind == A_NAN ? NAN : -INFINITY;
}

static void run_with(const layer_shape *layer, const test_weight *weight, const test_weight *bias,
                     diffedit_arithmetic arithmetic, convolution_run *run)
{
    de_context context = {.device = test_device(arithmetic), .threads = 2};
    assert_int_equal(de_convolution_new(&run->convolution, context.device, &weight->weight,
                                        &bias->weight, layer->doubles ? DE_DOUBLING : DE_SAME_SIZE,
                                        arithmetic, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(de_program_run_once(&context, compute, run, NULL), DIFFEDIT_OK);
    de_context_release(&context);
    de_convolution_free(run->convolution);
}

/* The rms of the differences as a share of exact's; both must have the same values that are no
 * finite numbers. */
static double rms_error(const float *quick, const float *exact, int64_t count, bool finite)
{
    double errors = 0, squares = 1e-300;
    int64_t spoilt = 0;
    for (int64_t i = 0; i < count; i++) {
        assert_int_equal(isfinite(quick[i]) != 0, isfinite(exact[i]) != 0);
        if (!isfinite(exact[i])) {
            spoilt++;
            continue;
        }
        errors += pow((double)quick[i] - exact[i], 2);
        squares += pow(exact[i], 2);
    }
    assert_true(finite ? spoilt == 0 : spoilt > 0 && spoilt < count);
    return sqrt(errors / squares);
}

static void check(const layer_shape *layer, contents kind, double allowed)
{
    convolution_run run = {.shape = same_size};
    int64_t scale = layer->doubles ? 2 : 1;
    if (layer->doubles) {
        run.shape.up_h = 2 * layer->h;
        run.shape.up_w = 2 * layer->w;
    }
    test_weight weight = test_weight_new(DE_F32, 4, (int64_t[]){layer->out, layer->in, 3, 3});
    test_weight bias = test_weight_new(DE_F32, 1, &layer->out);
    memset((char *)bias.memory + 1, 0, (size_t)layer->out * sizeof(float));
    if (kind == ALIKE) {
        float same = 0.021f;
        for (int64_t i = 0; i < layer->out * layer->in * 9; i++)
            memcpy((char *)weight.memory + 1 + i * 4, &same, sizeof same);
    }
    run.x = random_tensor(layer->n, layer->h, layer->w, layer->in);
    fill(run.x, kind);
    run.y = random_tensor(layer->n, layer->h * scale, layer->w * scale, layer->out);
    int64_t count = de_tensor_count(run.y);
    for (int table = 0; table < TEST_TABLES; table++) {
        if (!de_kernels_find(test_tables[table]))
            continue;
        de_kernels_use(de_kernels_find(test_tables[table]));
        run_with(layer, &weight, &bias, DIFFEDIT_ARITHMETIC_EXACT, &run);
        float *exact = copy_floats(floats_of(run.y), count);
        run_with(layer, &weight, &bias, DIFFEDIT_ARITHMETIC_QUICK, &run);
        double error = rms_error(floats_of(run.y), exact, count, kind < AN_INFINITY);
        if (error > allowed)
            fail_msg("%d -> %d channels, contents %d, %s: error %g", (int)layer->in,
                     (int)layer->out, (int)kind, test_tables[table], error);
        free(exact);
    }
    test_weight_free(&weight);
    test_weight_free(&bias);
    free(floats_of(run.x));
    free(floats_of(run.y));
}

/* near, and far in one and two chunks; odd channels; enlarged pictures */
static const layer_shape layers[] = {{1, 13, 22, 48, 40, false},  {2, 7, 9, 77, 150, false},
                                     {1, 9, 14, 701, 215, false}, {1, 10, 5, 1301, 33, false},
                                     {1, 17, 21, 63, 52, true},   {1, 14, 13, 401, 120, true}};

static void test_rms(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        check(&layers[i], RANDOM, 2e-3);
}

static void test_contents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof layers / sizeof *layers; i++)
        for (int kind = RANDOM + 1; kind < CONTENTS; kind++)
            check(&layers[i], (contents)kind, kind == SMOOTH || kind == ALIKE ? 1e-3 : 2e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rms), cmocka_unit_test(test_contents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
