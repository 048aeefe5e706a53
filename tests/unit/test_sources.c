/* Weights that stand in no file: whoever defines a source of them opens a network from it. */
#include "base/half.h"
#include "models/model.h"
#include "weights/pages.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 8, CHANNELS = 8, COUNT = CHANNELS * SIDE * SIDE };

static const diffedit_model_settings NO_SETTINGS = {0};

/* ---- tensors of one number ---- */

typedef struct constants {
    de_weights weights;
    de_pages pages;
    int asked;
} constants;

/* Zero but for the last bias of a UNet, which is 1/2. */
static diffedit_status get_constant(void *self, const char *name, int rank, const int64_t *shape,
                                    de_weight *weight, diffedit_error *error)
{
    constants *all = self;
    void *values;
    diffedit_status status = de_pages_get(&all->pages, name, DE_F32, rank, shape, weight, &values,
                                          error);
    for (int64_t i = 0; status == DIFFEDIT_OK && i < de_weight_count(weight); i++)
        ((float *)values)[i] = strcmp(name, "conv_out.bias") == 0 ? 0.5f : 0;
    all->asked++;
    return status;
}

static int64_t count_constants(const void *self)
{
    const constants *all = self;
    return all->pages.values;
}

static void close_constants(void *self)
{
    constants *all = self;
    de_pages_free(&all->pages);
}

static const de_weights_source CONSTANTS = {
    .get = get_constant, .parameters = count_constants, .close = close_constants};

/* ---- other weights with some tensors changed, as a LoRA changes them ---- */

typedef struct scaled {
    de_weights weights;
    de_weights *base; /* owned */
    de_pages pages;
} scaled;

/* The last convolution, twice as large; what the base has of the others, as it stands there. */
static diffedit_status get_scaled(void *self, const char *name, int rank, const int64_t *shape,
                                  de_weight *weight, diffedit_error *error)
{
    scaled *of = self;
    de_weight base;
    void *values;
    diffedit_status status = de_weights_get(of->base, name, rank, shape, &base, error);
    *weight = base;
    if (status != DIFFEDIT_OK || strncmp(name, "conv_out.", 9) != 0)
        return status;
    status = de_pages_get(&of->pages, name, base.dtype, rank, shape, weight, &values, error);
    for (int64_t i = 0; status == DIFFEDIT_OK && i < de_weight_count(&base); i++) {
        float value;
        de_weight_to_f32(&base, i, 1, &value);
        if (base.dtype == DE_F16)
            ((uint16_t *)values)[i] = de_float_to_half(2 * value);
        else
            ((float *)values)[i] = 2 * value;
    }
    return status;
}

static int64_t count_base(const void *self)
{
    const scaled *of = self;
    return de_weights_parameters(of->base);
}

static const char *unused_of_base(const void *self, int *count)
{
    const scaled *of = self;
    return de_weights_unused(of->base, count);
}

static void close_scaled(void *self)
{
    scaled *of = self;
    de_pages_free(&of->pages);
    de_weights_close(of->base);
}

static const de_weights_source SCALED = {
    .get = get_scaled, .parameters = count_base, .unused = unused_of_base, .close = close_scaled};

/* ---- the tests ---- */

static diffedit_model *read_pocket(void)
{
    diffedit_model *model = NULL;
    diffedit_error error;
    if (de_model_read(&model, POCKET, &NO_SETTINGS, NULL, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    return model;
}

/* The UNet's answer to one latent and one text, twice: one network at a time, the second one is
 * prepared anew. */
static void predict(float eps[2][COUNT], diffedit_model *model, bool one_at_a_time)
{
    diffedit_error error = {.message = ""};
    diffedit_editor *editor;
    diffedit_model_info info = {.struct_size = sizeof info};
    float latent[COUNT];
    const diffedit_model_settings settings = {.flags = one_at_a_time ? DIFFEDIT_MODEL_LOW_MEMORY
                                                                     : 0};
    if (de_model_prepare(model, &settings, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    diffedit_model_get_info(&info, model);
    assert_int_equal(info.latent_channels, CHANNELS);
    assert_int_equal(info.prediction, DIFFEDIT_PREDICTION_EPSILON);
    float *text = malloc(sizeof *text * (size_t)(info.text_tokens * info.text_width));
    for (int i = 0; i < COUNT; i++)
        latent[i] = sinf((float)i);
    assert_int_equal(diffedit_editor_new(&editor, model, NULL, NULL), 0);
    for (int time = 0; time < 2; time++) {
        assert_int_equal(diffedit_encode_text(text, editor, "a horse", NULL), 0);
        assert_int_equal(
            diffedit_predict_noise(eps[time], editor, latent, SIDE, SIDE, 500, text, &error), 0);
    }
    free(text);
    diffedit_editor_free(editor);
}

static void test_a_network_of_constants(void **state)
{
    (void)state;
    float eps[2][COUNT];
    constants all = {.pages = {0}};
    all.weights = (de_weights){&CONSTANTS, &all, "constants"};
    diffedit_model *model = read_pocket();
    int64_t parameters = de_weights_parameters(model->parts.weights[DE_PART_UNET]);
    de_weights_close(model->parts.weights[DE_PART_UNET]);
    model->parts.weights[DE_PART_UNET] = &all.weights;
    predict(eps, model, false);
    for (int i = 0; i < COUNT; i++)
        assert_true(eps[0][i] == 0.5f && eps[1][i] == 0.5f);
    assert_int_equal(de_weights_parameters(&all.weights), parameters);
    assert_int_equal(all.asked, all.pages.count);
    char text[64];
    assert_false(diffedit_model_get_warning(text, sizeof text, model));
    diffedit_model_close(model);
    assert_null(all.pages.arrays);
}

static void test_a_network_computed_from_another(void **state)
{
    (void)state;
    float plain[2][COUNT], eps[2][COUNT];
    diffedit_model *model = read_pocket();
    predict(plain, model, false);
    diffedit_model_close(model);
    for (int one_at_a_time = 0; one_at_a_time < 2; one_at_a_time++) {
        model = read_pocket();
        scaled of = {.base = model->parts.weights[DE_PART_UNET]};
        of.weights = (de_weights){&SCALED, &of, "twice"};
        model->parts.weights[DE_PART_UNET] = &of.weights;
        predict(eps, model, one_at_a_time);
        for (int i = 0; i < COUNT; i++)
            assert_true(eps[0][i] == 2 * plain[0][i] && eps[1][i] == 2 * plain[1][i]);
        assert_int_equal(of.pages.count, 2); /* weight and bias, however often they were made */
        diffedit_model_close(model);
    }
}

/* What a source refuses ends opening, with its own sentence. */
static diffedit_status refuse(void *self, const char *name, int rank, const int64_t *shape,
                              de_weight *weight, diffedit_error *error)
{
    (void)self, (void)rank, (void)shape, (void)weight;
    return de_fail(error, DIFFEDIT_ERROR_MODEL, "refused: %s", name);
}

static int64_t count_nothing(const void *self)
{
    (void)self;
    return 0;
}

static void close_nothing(void *self)
{
    (void)self;
}

static void test_a_source_that_refuses(void **state)
{
    (void)state;
    static const de_weights_source source = {
        .get = refuse, .parameters = count_nothing, .close = close_nothing};
    de_weights weights = {&source, NULL, "refuses"};
    diffedit_error error;
    diffedit_model *model = read_pocket();
    de_weights_close(model->parts.weights[DE_PART_VAE]);
    model->parts.weights[DE_PART_VAE] = &weights;
    assert_int_equal(de_model_prepare(model, &NO_SETTINGS, &error), DIFFEDIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "refused: "));
    diffedit_model_close(model);
}

static void test_pages(void **state)
{
    (void)state;
    de_pages pages = {0};
    de_weight weight;
    void *first, *again, *other;
    int64_t shape[2] = {3, 5}, larger[2] = {4, 5};
    assert_int_equal(de_pages_get(&pages, "a", DE_F32, 2, shape, &weight, &first, NULL), 0);
    assert_true(weight.data == first && weight.dtype == DE_F32 && weight.shape[1] == 5);
    assert_int_equal(de_pages_get(&pages, "a", DE_F32, 2, shape, &weight, &again, NULL), 0);
    assert_ptr_equal(again, first);
    assert_int_equal(de_pages_get(&pages, "a", DE_F32, 2, larger, &weight, &other, NULL), 0);
    assert_ptr_not_equal(other, first);
    assert_int_equal(de_pages_get(&pages, "b", DE_F16, 2, shape, &weight, &other, NULL), 0);
    assert_ptr_not_equal(other, first);
    assert_int_equal(pages.values, 15 + 20 + 15);
    de_pages_free(&pages);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_network_of_constants),
                                       cmocka_unit_test(test_a_network_computed_from_another),
                                       cmocka_unit_test(test_a_source_that_refuses),
                                       cmocka_unit_test(test_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
