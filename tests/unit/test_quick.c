/* The pocket model's networks in quick arithmetic: close to exact, and finite where exact is, with
 * every table of kernels. */
#include "diffedit/diffedit.h"
#include "kernels/kernels.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "values.h"

enum { CHANNELS = 8, FACTOR = 4, H = 12, W = 16, CELLS = CHANNELS * H * W };
enum { PIXEL_H = H * FACTOR, PIXEL_W = W * FACTOR, PIXELS = 3 * PIXEL_H * PIXEL_W };
enum { EXACT, QUICK, ARITHMETICS };
static const char *const tables[] = {"ref", "avx2", "avxvnni", "avx512", "neon"};
enum { TABLES = sizeof tables / sizeof *tables };
static const double timestep = 441, error_allowed = 3e-3, adverse_error_allowed = 3e-2;

static diffedit_model *models[ARITHMETICS];
static diffedit_editor *editors[ARITHMETICS];
static float *text; /* [tokens, width] */

static int open_models(void **state)
{
    (void)state;
    for (int i = 0; i < ARITHMETICS; i++) {
        diffedit_model_settings settings = {.struct_size = sizeof settings,
                                            .arithmetic = (diffedit_arithmetic)i};
        if (diffedit_model_open(&models[i], POCKET, &settings, NULL) != DIFFEDIT_OK ||
            diffedit_editor_new(&editors[i], models[i], NULL, NULL) != DIFFEDIT_OK)
            return -1;
        diffedit_editor_set_threads(editors[i], 1);
    }
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, models[EXACT]);
    if (info.latent_channels != CHANNELS || info.factor != FACTOR)
        return -1;
    text = malloc((size_t)info.text_tokens * (size_t)info.text_width * sizeof *text);
    return !text || diffedit_encode_text(text, editors[EXACT], "a horse", NULL) != DIFFEDIT_OK;
}

static int close_models(void **state)
{
    (void)state;
    free(text);
    for (int i = 0; i < ARITHMETICS; i++) {
        diffedit_editor_free(editors[i]);
        diffedit_model_close(models[i]);
    }
    return 0;
}

/* Uses the next table from number *table on that this machine has; false: none is left. */
static bool use_next_table(int *table)
{
    while (*table < TABLES) {
        const de_kernels *kernels = de_kernels_find(tables[(*table)++]);
        if (kernels) {
            de_kernels_use(kernels);
            return true;
        }
    }
    return false;
}

static bool all_finite(const float *values, int count)
{
    for (int i = 0; i < count; i++)
        if (!isfinite(values[i]))
            return false;
    return true;
}

static void predict(int arithmetic, const float *latent, float *eps)
{
    assert_int_equal(
        diffedit_predict_noise(eps, editors[arithmetic], latent, H, W, timestep, text, NULL),
        DIFFEDIT_OK);
}

static void encode(int arithmetic, const float *pixels, float *latent)
{
    assert_int_equal(
        diffedit_encode_pixels(latent, editors[arithmetic], pixels, PIXEL_H, PIXEL_W, NULL),
        DIFFEDIT_OK);
}

static void decode(int arithmetic, const float *latent, float *pixels)
{
    assert_int_equal(diffedit_decode_latent(pixels, editors[arithmetic], latent, H, W, NULL),
                     DIFFEDIT_OK);
}

/* A network: what goes in, what comes out. */
static const struct network {
    const char *name;
    void (*run)(int arithmetic, const float *in, float *out);
    int in, out;
} networks[] = {{"UNet", predict, CELLS, CELLS},
                {"encoder", encode, PIXELS, CELLS},
                {"decoder", decode, CELLS, PIXELS}};
enum { NETWORKS = sizeof networks / sizeof *networks };

/* Of `expected`, by both arithmetics on one input. */
typedef struct outcome {
    float in[PIXELS], out[ARITHMETICS][PIXELS];
} outcome;

static void run_both(const struct network *network, outcome *found)
{
    for (int i = 0; i < ARITHMETICS; i++)
        network->run(i, found->in, found->out[i]);
}

static void test_close_to_exact(void **state)
{
    (void)state;
    outcome *found = malloc(sizeof *found);
    assert_non_null(found);
    for (int table = 0; use_next_table(&table);)
        for (int i = 0; i < NETWORKS; i++) {
            fill_random(found->in, networks[i].in);
            run_both(&networks[i], found);
            double error = rms_error(found->out[QUICK], found->out[EXACT], networks[i].out);
            print_message("# %-10s %-8s rms error %.1e\n", tables[table - 1], networks[i].name,
                          error);
            assert_true(error > 0 && error <= error_allowed);
        }
    free(found);
}

static void test_threads(void **state)
{
    (void)state;
    outcome *found = malloc(sizeof *found);
    float *other = malloc(PIXELS * sizeof *other);
    assert_true(found && other);
    for (int table = 0; use_next_table(&table);)
        for (int i = 0; i < NETWORKS; i++) {
            fill_random(found->in, networks[i].in);
            networks[i].run(QUICK, found->in, found->out[QUICK]);
            for (int threads = 2; threads <= 3; threads++) {
                diffedit_editor_set_threads(editors[QUICK], threads);
                networks[i].run(QUICK, found->in, other);
                assert_memory_equal(other, found->out[QUICK],
                                    (size_t)networks[i].out * sizeof *other);
            }
            diffedit_editor_set_threads(editors[QUICK], 1);
        }
    free(other);
    free(found);
}

/* ---- inputs that no picture makes ---- */

static void zeros(float *values, int count)
{
    memset(values, 0, (size_t)count * sizeof *values);
}
static void constant(float *values, int count)
{
    for (int i = 0; i < count; i++)
        values[i] = 3;
}
static void alternating(float *values, int count)
{
    for (int i = 0; i < count; i++)
        values[i] = i % 2 ? 5.0f : -5.0f;
}
static void huge_channel(float *values, int count)
{
    fill_random(values, count);
    for (int i = 0; i < count / CHANNELS; i++)
        values[i] *= 1e4f;
}
static void huge_value(float *values, int count)
{
    fill_random(values, count);
    values[count / 2] = 1e6f;
}
static void huge_values(float *values, int count)
{
    fill_random(values, count);
    for (int i = 0; i < count; i++)
        values[i] *= 1e30f;
}
static void largest_value(float *values, int count)
{
    fill_random(values, count);
    values[count / 3] = 3e38f;
}
static void tiny_values(float *values, int count)
{
    fill_random(values, count);
    for (int i = 0; i < count; i++)
        values[i] *= 1e-36f;
}
static void subnormal_values(float *values, int count)
{
    fill_random(values, count);
    for (int i = 0; i < count; i++)
        values[i] *= 1e-42f;
}
static void infinity(float *values, int count)
{
    fill_random(values, count);
    values[count - 1] = INFINITY;
}
static void not_a_number(float *values, int count)
{
    fill_random(values, count);
    values[count / 2 + 1] = NAN;
}

static const struct input {
    const char *name;
    void (*fill)(float *values, int count);
} inputs[] = {{"zeros", zeros},
              {"one value everywhere", constant},
              {"two values in turn", alternating},
              {"a huge channel", huge_channel},
              {"a huge value", huge_value},
              {"huge values", huge_values},
              {"the largest value", largest_value},
              {"tiny values", tiny_values},
              {"subnormal values", subnormal_values},
              {"an infinity", infinity},
              {"a NaN", not_a_number}};
enum { INPUTS = sizeof inputs / sizeof *inputs };

static void check_inputs(const struct network *network, const char *table, outcome *found)
{
    double most = 0;
    for (int i = 0; i < INPUTS; i++) {
        inputs[i].fill(found->in, network->in);
        run_both(network, found);
        if (!all_finite(found->out[EXACT], network->out))
            continue;
        if (!all_finite(found->out[QUICK], network->out))
            fail_msg("%s, %s, %s: not finite", table, network->name, inputs[i].name);
        most = fmax(most, rms_error(found->out[QUICK], found->out[EXACT], network->out));
    }
    print_message("# %-10s %-8s largest rms error %.1e\n", table, network->name, most);
    assert_true(most <= adverse_error_allowed);
}

static void test_finite_where_exact_is(void **state)
{
    (void)state;
    outcome *found = malloc(sizeof *found);
    assert_non_null(found);
    for (int table = 0; use_next_table(&table);)
        for (int i = 0; i < NETWORKS; i++)
            check_inputs(&networks[i], tables[table - 1], found);
    free(found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_to_exact),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_finite_where_exact_is),
    };
    return cmocka_run_group_tests(tests, open_models, close_models);
}
