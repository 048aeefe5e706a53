/* The settings that a model is opened with, and what it says of them afterwards. */
#include "diffedit/diffedit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static diffedit_arithmetic arithmetic_of(diffedit_model *model)
{
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, model);
    diffedit_model_close(model);
    return info.arithmetic;
}

static void test_arithmetic(void **state)
{
    (void)state;
    diffedit_model *model;
    diffedit_model_settings settings = {.struct_size = sizeof settings};
    assert_int_equal(diffedit_model_open(&model, POCKET, NULL, NULL), DIFFEDIT_OK);
    assert_int_equal(arithmetic_of(model), DIFFEDIT_ARITHMETIC_EXACT);
    assert_int_equal(diffedit_model_new_random(&model, "pocket", NULL), DIFFEDIT_OK);
    assert_int_equal(arithmetic_of(model), DIFFEDIT_ARITHMETIC_EXACT);
    settings.arithmetic = DIFFEDIT_ARITHMETIC_QUICK;
    assert_int_equal(diffedit_model_open(&model, POCKET, &settings, NULL), DIFFEDIT_OK);
    assert_int_equal(arithmetic_of(model), DIFFEDIT_ARITHMETIC_QUICK);
    assert_int_equal(diffedit_model_open_random(&model, "pocket", &settings, NULL), DIFFEDIT_OK);
    assert_int_equal(arithmetic_of(model), DIFFEDIT_ARITHMETIC_QUICK);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(diffedit_arithmetic_name(DIFFEDIT_ARITHMETIC_EXACT), "exact");
    assert_string_equal(diffedit_arithmetic_name(DIFFEDIT_ARITHMETIC_QUICK), "quick");
    assert_null(diffedit_arithmetic_name((diffedit_arithmetic)2));
    assert_null(diffedit_arithmetic_name((diffedit_arithmetic)-1));
}

static void test_names_are_read(void **state)
{
    (void)state;
    diffedit_error error;
    diffedit_arithmetic arithmetic = DIFFEDIT_ARITHMETIC_QUICK;
    assert_int_equal(diffedit_arithmetic_read(&arithmetic, "exact", &error), DIFFEDIT_OK);
    assert_int_equal(arithmetic, DIFFEDIT_ARITHMETIC_EXACT);
    assert_int_equal(diffedit_arithmetic_read(&arithmetic, "quick", &error), DIFFEDIT_OK);
    assert_int_equal(arithmetic, DIFFEDIT_ARITHMETIC_QUICK);
    assert_int_equal(diffedit_arithmetic_read(&arithmetic, "Exact", &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "`arithmetic`: expected one of exact, quick, found \"Exact\"");
    assert_int_equal(arithmetic, DIFFEDIT_ARITHMETIC_QUICK);
}

static void test_names_of_devices(void **state)
{
    (void)state;
    diffedit_error error;
    diffedit_device device = 7;
    const diffedit_device last = 16;
    for (diffedit_device i = DIFFEDIT_DEVICE_AUTO; i <= last; i++) {
        assert_int_equal(diffedit_device_read(&device, diffedit_device_name(i), NULL), DIFFEDIT_OK);
        assert_int_equal(device, i);
    }
    assert_string_equal(diffedit_device_name(last), "gpu:15");
    assert_null(diffedit_device_name(last + 1));
    assert_null(diffedit_device_name(DIFFEDIT_DEVICE_AUTO - 1));
    assert_int_equal(diffedit_device_read(&device, "gpu", NULL), DIFFEDIT_OK);
    assert_string_equal(diffedit_device_name(device), "gpu:0");
    assert_int_equal(diffedit_device_read(&device, "gpu:16", &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`device`: expected cpu, auto, gpu or gpu:N with N from 0 "
                                       "to 15, found \"gpu:16\"");
    assert_string_equal(diffedit_device_name(device), "gpu:0");
}

/* A preset proposes what the row of `arithmetic` says, which is no option of an edit. */
static void test_proposals(void **state)
{
    (void)state;
    static const struct {
        const char *preset;
        diffedit_arithmetic proposed;
    } cases[] = {
        {NULL, DIFFEDIT_ARITHMETIC_EXACT},       {"paper", DIFFEDIT_ARITHMETIC_EXACT},
        {"notebook", DIFFEDIT_ARITHMETIC_EXACT}, {"diffusers", DIFFEDIT_ARITHMETIC_EXACT},
        {"fast", DIFFEDIT_ARITHMETIC_QUICK},     {"lcm", DIFFEDIT_ARITHMETIC_QUICK},
        {"turbo", DIFFEDIT_ARITHMETIC_QUICK},    {"none", DIFFEDIT_ARITHMETIC_EXACT},
    };
    const diffedit_option *row = diffedit_arithmetic_option();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *name = diffedit_option_default(row, cases[i].preset);
        assert_int_equal(diffedit_preset_arithmetic(cases[i].preset), cases[i].proposed);
        assert_true(!name || strcmp(name, diffedit_arithmetic_name(cases[i].proposed)) == 0);
    }
    assert_string_equal(row->name, "arithmetic");
    assert_int_equal(row->type, DIFFEDIT_TYPE_CHOICE);
    for (int i = 0; row->choices[i]; i++)
        assert_string_equal(row->choices[i], diffedit_arithmetic_name((diffedit_arithmetic)i));
    assert_null(diffedit_option_find("arithmetic"));
}

/* Whatever takes settings refuses these, with this sentence. */
static void check_refused(const diffedit_model_settings *settings, const char *sentence)
{
    diffedit_error error;
    diffedit_model *model = NULL;
    diffedit_model_description *description = NULL;
    assert_int_equal(diffedit_model_open(&model, POCKET, settings, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, sentence));
    assert_int_equal(diffedit_model_open_random(&model, "pocket", settings, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, sentence));
    assert_int_equal(diffedit_model_describe(&description, POCKET, settings, NULL, NULL, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, sentence));
    assert_true(!model && !description);
}

static void test_refused(void **state)
{
    (void)state;
    diffedit_model_settings settings = {.struct_size = sizeof settings};
    settings.arithmetic = (diffedit_arithmetic)2;
    check_refused(&settings, "unknown arithmetic 2");
    settings.arithmetic = DIFFEDIT_ARITHMETIC_EXACT;
    settings.device = -2;
    check_refused(&settings, "unknown device -2");
    settings.device = 0;
    settings.flags = 4;
    check_refused(&settings, "unknown flags 0x4");
}

static void test_random_weights_are_no_file(void **state)
{
    (void)state;
    diffedit_error error;
    diffedit_model *model = NULL;
    const diffedit_model_settings settings = {.struct_size = sizeof settings, .vae = POCKET};
    assert_int_equal(diffedit_model_open_random(&model, "pocket", &settings, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "takes no weights from files"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_names_are_read),
        cmocka_unit_test(test_proposals),
        cmocka_unit_test(test_names_of_devices),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_random_weights_are_no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
