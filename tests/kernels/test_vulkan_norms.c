/* The norms of the Vulkan backend on odd shapes and hard inputs.
 *
 * What is allowed: with f32 throughout, the sums' other order and the GPU's exponentials. With f16,
 * half a unit in the last place of the result, 2.4e-4 to 4.9e-4 of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gpu_harness.h"

typedef struct norm_case {
    int groups; /* 0: LayerNorm */
    de_activation activation;
    de_weight scale, shift;
} norm_case;

static void make_norm(const gpu_case *test, gpu_layers *made, de_device *device,
                      diffedit_arithmetic arithmetic)
{
    const norm_case *norm = test->user;
    (void)arithmetic;
    assert_int_equal(de_vector_new(&made->scale, device, &norm->scale, NULL), DIFFEDIT_OK);
    assert_int_equal(de_vector_new(&made->shift, device, &norm->shift, NULL), DIFFEDIT_OK);
}

static void run_norm(de_context *context, const gpu_case *test, const gpu_layers *layers,
                     const de_tensor *in, de_tensor out)
{
    const norm_case *norm = test->user;
    if (norm->groups)
        de_group_norm(context, in[0], norm->groups, 1e-5f, layers->scale, layers->shift,
                      norm->activation, out);
    else
        de_layer_norm(context, in[0], 1e-5f, layers->scale, layers->shift, out);
}

static void check_norm(const char *name, de_tensor shape, int groups, float factor, float offset,
                       double exact)
{
    test_weight scale = test_weight_new(DE_F32, 1, &shape.c),
                shift = test_weight_new(DE_F32, 1, &shape.c);
    norm_case norm = {groups, groups ? (de_activation)random_between(DE_NONE, DE_QUICK_GELU) : 0,
                      scale.weight, shift.weight};
    gpu_case test = {.name = name,
                     .in = {half_tensor(shape.n, shape.h, shape.w, shape.c)},
                     .out = shape,
                     .in_place = random_between(0, 1) ? 0 : -1,
                     .make = make_norm,
                     .forward = run_norm,
                     .user = &norm,
                     .exact = exact,
                     .quick = 6e-4};
    rescale(test.in[0], factor, offset);
    check_gpu(&test);
    free_inputs(&test);
    test_weight_free(&scale);
    test_weight_free(&shift);
}

static void test_group_norm(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        int groups = (int)random_between(1, 12);
        check_norm("GroupNorm", random_shape(3, 1, 13, groups * random_width()), groups, 1, 0,
                   4e-6);
    }
    /* as Stable Diffusion's and the autoencoder's: few rows and many columns, and the reverse */
    check_norm("GroupNorm", shape_of(2, 16, 16, 320), 32, 1, 0, 4e-6);
    check_norm("GroupNorm", shape_of(2, 8, 8, 2560), 32, 1, 0, 4e-6);
    check_norm("GroupNorm", shape_of(1, 65, 63, 128), 32, 1, 0, 4e-6);
    check_norm("GroupNorm", shape_of(1, 40, 41, 512), 32, 1, 0, 4e-6);
}

static void test_layer_norm(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        check_norm("LayerNorm", random_shape(3, 1, 13, random_width()), 0, 1, 0, 4e-6);
    check_norm("LayerNorm", shape_of(2, 7, 5, 1280), 0, 1, 0, 4e-6);
    check_norm("LayerNorm", shape_of(1, 1, 77, 2049), 0, 1, 0, 4e-6);
}

/* Means far from 0, and values that are all the same: half rounded inputs, so f16 loses nothing
 * before the norm. The CPU's x * factor + offset cancels, which is most of what is allowed. */
static void test_hard_norms(void **state)
{
    (void)state;
    check_norm("large mean", shape_of(2, 3, 5, 64), 32, 1, 1000, 4e-4);
    check_norm("large mean", shape_of(2, 33, 65, 64), 32, 1, 1000, 4e-4);
    check_norm("large mean", shape_of(2, 7, 11, 132), 0, 1, 1000, 4e-4);
    check_norm("constant", shape_of(1, 8, 8, 64), 16, 0, 7, 6e-4);
    check_norm("constant", shape_of(1, 65, 63, 64), 16, 0, 7, 6e-4);
    check_norm("constant", shape_of(1, 3, 5, 77), 0, 0, 7, 6e-4);
    /* Several chunks whose last is short, columns one at a time; groups wider than a workgroup */
    check_norm("GroupNorm", shape_of(2, 131, 17, 33), 11, 1, 3, 4e-6);
    check_norm("GroupNorm", shape_of(1, 67, 3, 1284), 1, 1, 0, 4e-6);
    check_norm("GroupNorm", shape_of(1, 9, 5, 1028), 4, 1, 0, 4e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_group_norm),
        cmocka_unit_test(test_layer_norm),
        cmocka_unit_test(test_hard_norms),
    };
    return cmocka_run_group_tests(tests, open_gpus, close_gpus);
}
