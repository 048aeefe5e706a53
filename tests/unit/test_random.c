/* Random numbers equal to torch's (tests/golden/data/random, by make.py). */
#include "base/random.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const double TOLERANCE = 2e-6;

static void compare_part(const json_t *expected, const float *found)
{
    for (size_t i = 0; i < json_array_size(expected); i++)
        assert_true(fabs(found[i] - json_real_value(json_array_get(expected, i))) <= TOLERANCE);
}

static void test_cpu(void **state)
{
    (void)state;
    json_t *draws = json_load_file(GOLDEN "/random/cpu.json", 0, NULL), *draw;
    size_t index;
    assert_true(json_array_size(draws) >= 30);
    json_array_foreach (draws, index, draw) {
        uint64_t seed = strtoull(json_string_value(json_object_get(draw, "seed")), NULL, 10);
        int64_t size = json_integer_value(json_object_get(draw, "size"));
        const json_t *last = json_object_get(draw, "last");
        float *values = malloc((size_t)size * sizeof *values);
        de_random_normal(DIFFEDIT_RNG_CPU, seed, size, values);
        compare_part(json_object_get(draw, "first"), values);
        compare_part(last, values + size - (int64_t)json_array_size(last));
        double sum = 0, expected = json_real_value(json_object_get(draw, "sum_of_squares"));
        for (int64_t i = 0; i < size; i++)
            sum += (double)values[i] * values[i];
        assert_true(fabs(sum - expected) <= 1e-5 * expected);
        free(values);
    }
    json_decref(draws);
}

static void test_cuda(void **state)
{
    (void)state;
    static const float expected[] = {-0.92466259f, -0.42534415f, -2.6438457f, 0.14518388f,
                                     -0.12086647f};
    float values[5];
    de_random_normal(DIFFEDIT_RNG_CUDA, 0, 5, values);
    for (int i = 0; i < 5; i++)
        assert_float_equal(values[i], expected[i], TOLERANCE);
}

/* As torch.randn with one generator: on the CPU one draw of 32 is two of 16. */
static void test_a_generator_goes_on(void **state)
{
    (void)state;
    for (int rng = DIFFEDIT_RNG_CPU; rng <= DIFFEDIT_RNG_CUDA; rng++) {
        float whole[32], first[16], second[16];
        de_random *random = NULL;
        assert_int_equal(de_random_new(&random, rng, 7, NULL), DIFFEDIT_OK);
        de_random_draw(random, 16, first);
        de_random_draw(random, 16, second);
        de_random_free(random);
        de_random_normal(rng, 7, 32, whole);
        assert_memory_equal(whole, first, sizeof first);
        /* CUDA's generator counts arrays, not elements */
        bool same = memcmp(whole + 16, second, sizeof second) == 0;
        assert_true(same == (rng == DIFFEDIT_RNG_CPU));
        assert_true(memcmp(first, second, sizeof second) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cpu), cmocka_unit_test(test_cuda),
                                       cmocka_unit_test(test_a_generator_goes_on)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
