/* What a GPU says of its speed: of its networks' runs, and at its best. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "gpu_harness.h"

static void test_peak(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        double reached = 0;
        de_device *gpu = gpu_device((diffedit_arithmetic)i);
        assert_int_equal(de_device_measure_peak(&reached, gpu, 1, NULL), DIFFEDIT_OK);
        assert_true(reached > 0);
    }
}

static void attend(de_context *context, void *user)
{
    de_tensor *x = user;
    de_attention(context, 2, false, *x, *x, *x, de_tensor_new(context, x->n, x->h, x->w, x->c));
    context->arena.used = 0;
}

/* Each run counts once, by the GPU's own clock. */
static void test_runs(void **state)
{
    (void)state;
    de_device *gpu = gpu_device(DIFFEDIT_ARITHMETIC_EXACT);
    de_context context = {.device = gpu, .threads = 1};
    de_tensor x;
    de_program *program;
    double seconds = 0;
    assert_int_equal(de_tensor_keep(&x, gpu, shape_of(1, 8, 8, 40), NULL), DIFFEDIT_OK);
    assert_int_equal(de_program_new(&program, &context, attend, &x, NULL), DIFFEDIT_OK);
    for (int runs = 1; runs <= 3; runs++) {
        assert_int_equal(de_program_run(program, NULL), DIFFEDIT_OK);
        de_computed run = de_program_computed(program);
        assert_true(run.operations == 4.0 * 64 * 64 * 40 && run.seconds > 0);
        seconds += run.seconds;
        assert_true(context.computed.operations == runs * run.operations);
        assert_true(context.computed.seconds == seconds);
    }
    de_program_free(program);
    de_context_release(&context);
    de_tensor_drop(&x, gpu);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_peak), cmocka_unit_test(test_runs)};
    return cmocka_run_group_tests(tests, open_gpus, close_gpus);
}
