/* The noise schedule and the samplers against figures of the references. */
#include "base/random.h"
#include "sampling/guidance.h"
#include "sampling/sampler.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const de_schedule_config SD1 = {.train_timesteps = 1000,
                                       .beta_start = 0.00085,
                                       .beta_end = 0.012,
                                       .scaled_linear = true,
                                       .steps_offset = 1};

static de_schedule new_schedule(void)
{
    de_schedule schedule;
    assert_int_equal(de_schedule_new(&schedule, &SD1, NULL), DIFFEDIT_OK);
    return schedule;
}

static void test_schedule(void **state)
{
    (void)state;
    de_schedule schedule = new_schedule();
    assert_float_equal(schedule.alphas_cumprod[0], 0.99915f, 1e-7);
    assert_float_equal(schedule.alphas_cumprod[999], 0.00466009f, 1e-8);
    assert_true(schedule.final_alpha == schedule.alphas_cumprod[0]);
    de_schedule_free(&schedule);
}

static void test_share_rounds_ties_to_even(void **state)
{
    (void)state;
    assert_int_equal(de_schedule_share(50, 0.5), 25);
    assert_int_equal(de_schedule_share(5, 0.5), 2);
    assert_int_equal(de_schedule_share(7, 0.5), 4);
    assert_int_equal(de_schedule_share(10, 0.01), 1);
    assert_int_equal(de_schedule_share(10, 1), 10);
    assert_int_equal(de_schedule_share(30, 2.0 / 3), 20);
}

static void test_ddim_grid(void **state)
{
    (void)state;
    de_schedule schedule = new_schedule();
    de_grid grid;
    diffedit_error error;
    assert_int_equal(de_grid_space(&grid, &schedule, DIFFEDIT_SPACING_LEADING, 50, &error),
                     DIFFEDIT_OK);
    assert_true(grid.timesteps[25] == 481);
    assert_true(grid.levels[0] == (double)schedule.alphas_cumprod[0]);
    assert_true(grid.levels[25] == (double)schedule.alphas_cumprod[481]);
    de_grid_free(&grid);
    assert_int_equal(de_grid_space(&grid, &schedule, DIFFEDIT_SPACING_LEADING, 999, &error),
                     DIFFEDIT_OK);
    de_grid_free(&grid);
    assert_int_equal(de_grid_space(&grid, &schedule, DIFFEDIT_SPACING_LEADING, 1000, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "1000 steps do not fit the model's 1000 training timesteps; "
                                       "the largest number that fits is 999");
    de_schedule_free(&schedule);
}

static void test_ddim_encoding_is_undone_by_decoding(void **state)
{
    (void)state;
    float x[64], eps[64], moved[64];
    de_random_normal_cpu(1, 64, x);
    de_random_normal_cpu(2, 64, eps);
    de_ddim_move(x, eps, 0.9, 0.3, 64, moved);
    de_ddim_move(moved, eps, 0.3, 0.9, 64, moved);
    for (int i = 0; i < 64; i++)
        assert_float_equal(moved[i], x[i], 2e-6);
}

/* Six steps of each spacing: timesteps as diffusers' schedulers have them. */
static void test_spacings(void **state)
{
    static const struct {
        int spacing;
        double timesteps[7];
        double first, last; /* sigmas of nodes 0 and 6 */
    } expected[] = {
        {DIFFEDIT_SPACING_LEADING, {0, 1, 167, 333, 499, 665, 831}, 0.029167, 5.906451},
        {DIFFEDIT_SPACING_TRAILING, {0, 166, 332, 499, 666, 832, 999}, 0.029167, 14.614645},
        {DIFFEDIT_SPACING_KARRAS, {0, 18, 146, 427, 687, 868, 999}, 0.029167, 14.614645},
        {DIFFEDIT_SPACING_LINSPACE, {0, 0, 199.8, 399.6, 599.4, 799.2, 999}, 0, 14.614645},
    };
    (void)state;
    de_schedule schedule = new_schedule();
    for (size_t s = 0; s < sizeof expected / sizeof *expected; s++) {
        de_grid grid;
        assert_int_equal(de_grid_space(&grid, &schedule, expected[s].spacing, 6, NULL),
                         DIFFEDIT_OK);
        for (int i = 0; i <= 6; i++) {
            assert_float_equal(grid.timesteps[i], expected[s].timesteps[i], 1e-4);
            assert_float_equal(grid.levels[i], 1 / (1 + grid.sigmas[i] * grid.sigmas[i]), 1e-9);
            assert_true(i == 0 || grid.sigmas[i] >= grid.sigmas[i - 1]);
        }
        assert_float_equal(grid.sigmas[0], expected[s].first, 1e-5);
        assert_float_equal(grid.sigmas[6], expected[s].last, 2e-3);
        de_grid_free(&grid);
    }
    diffedit_error error;
    de_grid grid;
    assert_int_equal(de_grid_space(&grid, &schedule, DIFFEDIT_SPACING_TRAILING, 1001, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_int_equal(de_lcm.make_grid(&grid, &schedule, DIFFEDIT_SPACING_TRAILING, 51, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`steps`: `scheduler` lcm has 50 timesteps, found 51 steps");
    de_schedule_free(&schedule);
}

static void test_a_schedule_of_one_timestep(void **state)
{
    (void)state;
    de_schedule_config config = SD1;
    config.train_timesteps = 1;
    config.steps_offset = 0;
    de_schedule schedule;
    assert_int_equal(de_schedule_new(&schedule, &config, NULL), DIFFEDIT_OK);
    for (int spacing = DIFFEDIT_SPACING_LEADING; spacing <= DIFFEDIT_SPACING_LINSPACE; spacing++)
        for (int steps = 1; steps <= 3; steps++) {
            de_grid grid;
            if (de_grid_space(&grid, &schedule, spacing, steps, NULL) != DIFFEDIT_OK)
                continue;
            for (int i = 0; i <= steps; i++)
                assert_true(grid.timesteps[i] == 0);
            de_grid_free(&grid);
        }
    de_schedule_free(&schedule);
}

/* Where two nodes share a timestep, no step is infinite. */
static void test_a_step_of_no_length_is_of_first_order(void **state)
{
    (void)state;
    de_schedule schedule = new_schedule();
    de_grid grid;
    de_walk walk;
    assert_int_equal(de_grid_space(&grid, &schedule, DIFFEDIT_SPACING_TRAILING, 999, NULL),
                     DIFFEDIT_OK);
    assert_true(grid.timesteps[1] == grid.timesteps[0]);
    assert_int_equal(de_walk_new(&walk, &de_dpmpp_2m, &grid, 1, NULL), DIFFEDIT_OK);
    float x = 0.5f, eps = 0.25f;
    for (int i = 0; i < 3; i++)
        de_dpmpp_2m.encode_step(&walk, i, &eps, &x, &x);
    assert_true(isfinite(x) && x > 0.4f && x < 0.6f);
    de_walk_free(&walk);
    de_grid_free(&grid);
    de_schedule_free(&schedule);
}

static void test_lms_grid(void **state)
{
    (void)state;
    de_schedule schedule = new_schedule();
    de_grid grid;
    assert_int_equal(de_grid_space(&grid, &schedule, DIFFEDIT_SPACING_LINSPACE, 30, NULL),
                     DIFFEDIT_OK);
    assert_float_equal(grid.timesteps[15], 482.27585f, 1e-4);
    assert_float_equal(grid.sigmas[15], 1.5256537f, 1e-6);
    assert_float_equal(grid.timesteps[20], 654.51721f, 1e-4);
    assert_float_equal(grid.sigmas[20], 2.7931483f, 2e-6);
    assert_float_equal(grid.sigmas[30], 14.614647f, 1e-5);
    assert_true(grid.sigmas[0] == 0 && grid.levels[0] == 1);
    de_grid_free(&grid);
    de_schedule_free(&schedule);
}

/* Polynomials below the order are integrated exactly: their weights sum to the step and to its
 * moment. */
static void test_lms_coefficients_integrate_polynomials(void **state)
{
    (void)state;
    de_schedule schedule = new_schedule();
    de_grid grid;
    assert_int_equal(de_grid_space(&grid, &schedule, DIFFEDIT_SPACING_LINSPACE, 20, NULL),
                     DIFFEDIT_OK);
    for (int order = 1; order <= DE_HISTORY; order++)
        for (int i = 1; i <= 20 - order + 1; i++)
            for (int power = 0; power < order; power++) {
                double begin = grid.sigmas[i], end = grid.sigmas[i - 1], sum = 0;
                for (int j = 0; j < order; j++)
                    sum += de_lms_coefficient(&grid, order, i, j) * pow(grid.sigmas[i + j], power);
                double exact = (pow(end, power + 1) - pow(begin, power + 1)) / (power + 1);
                assert_true(fabs(sum - exact) <= 1e-9 * fmax(1, fabs(exact)));
            }
    de_grid_free(&grid);
    de_schedule_free(&schedule);
}

static void test_rows_have_the_names_of_the_option(void **state)
{
    (void)state;
    int count = 0;
    for (; de_sampler_at(count); count++) {
        const de_sampler *sampler = de_sampler_at(count);
        assert_string_equal(sampler->name, de_sampler_names[count]);
        assert_true(sampler->make_grid && sampler->decode_step);
        assert_in_range(sampler->history, 0, DE_HISTORY);
    }
    assert_true(count >= 2 && !de_sampler_names[count] && !de_sampler_at(-1));
}

static void test_a_walk_remembers_the_newest_first(void **state)
{
    (void)state;
    de_walk walk;
    assert_int_equal(de_walk_new(&walk, &de_lms, NULL, 1, NULL), DIFFEDIT_OK);
    for (int i = 1; i <= DE_HISTORY + 2; i++) {
        float value = (float)i;
        de_walk_remember(&walk, &value);
        assert_int_equal(walk.filled, i < DE_HISTORY ? i : DE_HISTORY);
        for (int j = 0; j < walk.filled; j++)
            assert_float_equal(walk.history[j][0], i - j, 0);
    }
    de_walk_free(&walk);
}

static void test_guidance(void **state)
{
    (void)state;
    float u[2] = {3, 4}, t[2] = {3, 6}, eps[2];
    de_guide(DIFFEDIT_GUIDANCE_CFG, u, t, 7.5, 2, eps);
    assert_float_equal(eps[1], 19, 1e-6);
    de_guide(DIFFEDIT_GUIDANCE_NORMALISED, u, t, 0.2, 2,
             eps); /* p = (3, 5), scaled back to |u| = 5 */
    assert_float_equal(eps[0], 15 / sqrt(34), 1e-6);
    assert_float_equal(eps[1], 25 / sqrt(34), 1e-6);
    de_guide(DIFFEDIT_GUIDANCE_NORMALISED, u, u, 0.2, 2, eps);
    assert_float_equal(eps[0], 3, 0);
}

static void test_v_prediction(void **state)
{
    (void)state;
    /* x = sqrt(a) x0 + sqrt(1 - a) eps, v = sqrt(a) eps - sqrt(1 - a) x0 */
    double a = 0.64, x0 = 0.5, eps = -1.25;
    float x = (float)(0.8 * x0 + 0.6 * eps), v = (float)(0.8 * eps - 0.6 * x0);
    de_v_to_eps(&v, &x, a, 1);
    assert_float_equal(v, eps, 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schedule),
        cmocka_unit_test(test_share_rounds_ties_to_even),
        cmocka_unit_test(test_ddim_grid),
        cmocka_unit_test(test_ddim_encoding_is_undone_by_decoding),
        cmocka_unit_test(test_spacings),
        cmocka_unit_test(test_a_schedule_of_one_timestep),
        cmocka_unit_test(test_a_step_of_no_length_is_of_first_order),
        cmocka_unit_test(test_lms_grid),
        cmocka_unit_test(test_lms_coefficients_integrate_polynomials),
        cmocka_unit_test(test_rows_have_the_names_of_the_option),
        cmocka_unit_test(test_a_walk_remembers_the_newest_first),
        cmocka_unit_test(test_guidance),
        cmocka_unit_test(test_v_prediction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
