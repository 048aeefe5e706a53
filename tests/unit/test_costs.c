/* What a call will cost, foretold: as many evaluations as it then takes. */
#include "arithmetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 160, NATIVE = 64, STEPS = 5 };

static diffedit_picture *picture;

/* Everything is worked on at the native size: an evaluation costs 1. */
static diffedit_options new_options(void)
{
    diffedit_options options = new_edit_options(STEPS, 2);
    options.width = options.height = NATIVE;
    return options;
}

static void foretell(double costs[DE_STAGE_COUNT], const diffedit_editor *editor,
                     diffedit_call call, const diffedit_options *options)
{
    diffedit_error error = {.message = ""};
    if (diffedit_stage_costs(costs, DE_STAGE_COUNT, editor, call, options, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
}

static double evaluations(const double costs[DE_STAGE_COUNT])
{
    return costs[DIFFEDIT_STAGE_MAP] + costs[DIFFEDIT_STAGE_INVERT] + costs[DIFFEDIT_STAGE_DENOISE];
}

static void run(diffedit_editor *editor, diffedit_call call, const diffedit_options *options)
{
    diffedit_picture *result = NULL;
    diffedit_error error = {.message = ""};
    diffedit_status status = DIFFEDIT_OK;
    switch (call) {
    case DIFFEDIT_CALL_FIND: status = diffedit_find_mask(&result, editor, options, &error); break;
    case DIFFEDIT_CALL_INVERT: status = diffedit_invert(editor, options, &error); break;
    case DIFFEDIT_CALL_EDIT: status = diffedit_edit(&result, editor, options, &error); break;
    case DIFFEDIT_CALL_INPAINT: status = diffedit_inpaint(&result, editor, options, &error); break;
    case DIFFEDIT_CALL_GENERATE:
        status = diffedit_generate(&result, editor, options, &error);
        break;
    }
    if (status != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    diffedit_picture_free(result);
}

/* The call takes as many evaluations as foretold, and then costs no more of them. */
static void expect_costs(diffedit_editor *editor, diffedit_call call,
                         const diffedit_options *options, double encode, double decode,
                         int expected)
{
    double costs[DE_STAGE_COUNT];
    foretell(costs, editor, call, options);
    assert_float_equal(evaluations(costs), expected, 1e-9);
    assert_float_equal(costs[DIFFEDIT_STAGE_ENCODE], encode, 1e-9);
    assert_float_equal(costs[DIFFEDIT_STAGE_DECODE], decode, 1e-9);
    run(editor, call, options);
    assert_int_equal(editor->stats.evaluations, expected);
    foretell(costs, editor, call, options);
    assert_true(evaluations(costs) == 0 && costs[DIFFEDIT_STAGE_ENCODE] == 0 &&
                costs[DIFFEDIT_STAGE_DECODE] == 0);
}

static void test_what_is_there_costs_nothing(void **state)
{
    (void)state;
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    expect_costs(editor, DIFFEDIT_CALL_FIND, &options, 1, 0, 4);
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 2, 4 + 8);
    options.mask_threshold = 0.3;
    expect_costs(editor, DIFFEDIT_CALL_FIND, &options, 0, 0, 0);
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 2, 8);
    options.to = "a tiger";
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 2, 4 + 8);
    options.feather = 5;
    options.mask_blur = 3;
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 0, 0);
    options.composite = DIFFEDIT_COMPOSITE_CHANGED; /* decodes x_0 too */
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 4, 8);
    options.guidance = 1;
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 2, 4);
    options.ratio = 1;
    expect_costs(editor, DIFFEDIT_CALL_INVERT, &options, 0, 0, 1);
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 2, 5);
    options.encode = DIFFEDIT_ENCODE_NONE;
    options.seed++;
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 2, 4 + 5);
    options.to =
        options.from; /* an empty map costs nothing, but that nothing follows is not seen */
    double costs[DE_STAGE_COUNT];
    foretell(costs, editor, DIFFEDIT_CALL_EDIT, &options);
    assert_true(costs[DIFFEDIT_STAGE_MAP] == 0 && evaluations(costs) == 5);
    run(editor, DIFFEDIT_CALL_EDIT, &options);
    foretell(costs, editor, DIFFEDIT_CALL_EDIT, &options); /* until it is known */
    assert_true(evaluations(costs) == 0 && costs[DIFFEDIT_STAGE_COMPOSITE] == 0);
    diffedit_editor_free(editor);
}

static diffedit_picture *new_mask(void)
{
    static uint8_t grey[SIDE * SIDE];
    for (int i = 0; i < SIDE * SIDE; i++)
        grey[i] = i % SIDE >= 40 && i % SIDE < 60 && i / SIDE >= 90 && i / SIDE < 110 ? 255 : 0;
    diffedit_picture *mask;
    assert_int_equal(diffedit_picture_new(&mask, SIDE, SIDE, 1, 8, grey, SIDE, NULL), DIFFEDIT_OK);
    return mask;
}

static void test_boxes(void **state)
{
    (void)state;
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    diffedit_picture *mask = new_mask();
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), DIFFEDIT_OK);
    options.region = DIFFEDIT_REGION_CROP; /* the whole picture is not encoded */
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 1, 2, 4 + 8);
    options.to = "a tiger";
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 2, 8);
    options.region_margin = 30;
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 1, 2, 4 + 8);
    /* at its own size: what it costs is by its area */
    options.region_margin = 10;
    options.width = options.height = 0;
    double costs[DE_STAGE_COUNT];
    foretell(costs, editor, DIFFEDIT_CALL_EDIT, &options);
    run(editor, DIFFEDIT_CALL_EDIT, &options);
    double share = (double)editor->stats.width * editor->stats.height / (NATIVE * NATIVE);
    assert_float_equal(evaluations(costs), 12 * share, 1e-9);
    assert_float_equal(costs[DIFFEDIT_STAGE_ENCODE], share, 1e-9);
    diffedit_picture_free(mask);
    diffedit_editor_free(editor);
}

static void test_zoom(void **state)
{
    (void)state;
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    options.region = DIFFEDIT_REGION_ZOOM;
    options.width = options.height = 0;
    double costs[DE_STAGE_COUNT];
    /* as if half of each side were worked on, which is more than the native size */
    foretell(costs, editor, DIFFEDIT_CALL_EDIT, &options);
    assert_float_equal(costs[DIFFEDIT_STAGE_MAP], 4 + 4, 1e-9);
    assert_float_equal(costs[DIFFEDIT_STAGE_ENCODE], 2, 1e-9);
    assert_float_equal(costs[DIFFEDIT_STAGE_DENOISE], 8, 1e-9);
    run(editor, DIFFEDIT_CALL_EDIT, &options);
    foretell(costs, editor, DIFFEDIT_CALL_EDIT, &options);
    assert_true(evaluations(costs) == 0);
    diffedit_editor_free(editor);
}

static void test_inpainting_and_text_to_image(void **state)
{
    (void)state;
    diffedit_editor *editor = new_arithmetic_editor(inpainting, picture);
    diffedit_options options = new_options();
    diffedit_picture *mask = new_mask();
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), DIFFEDIT_OK);
    expect_costs(editor, DIFFEDIT_CALL_INPAINT, &options, 1, 2, 2 * STEPS);
    options.guidance = 1;
    expect_costs(editor, DIFFEDIT_CALL_INPAINT, &options, 0, 2, STEPS);
    options.encode = DIFFEDIT_ENCODE_NONE; /* such a UNet edits from any ratio as well */
    options.ratio = 0.6;
    expect_costs(editor, DIFFEDIT_CALL_EDIT, &options, 0, 2, 3);
    diffedit_editor_free(editor);
    options = new_options();
    options.guidance = 1;
    editor = new_arithmetic_editor(model, picture); /* as an edit */
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), DIFFEDIT_OK);
    expect_costs(editor, DIFFEDIT_CALL_INPAINT, &options, 1, 2, 4 + 4);
    diffedit_editor_free(editor);
    diffedit_picture_free(mask);
    editor = new_arithmetic_editor(model, NULL);
    expect_costs(editor, DIFFEDIT_CALL_GENERATE, &options, 0, 2, STEPS);
    double costs[DE_STAGE_COUNT + 2] = {[DE_STAGE_COUNT] = 1, [DE_STAGE_COUNT + 1] = 7};
    diffedit_error error;
    assert_int_equal(diffedit_stage_costs(costs, DE_STAGE_COUNT + 1, editor, DIFFEDIT_CALL_GENERATE,
                                          &options, &error),
                     DIFFEDIT_OK);
    assert_true(costs[DE_STAGE_COUNT] == 0 && costs[DE_STAGE_COUNT + 1] == 7);
    assert_int_equal(diffedit_stage_costs(costs, 1, editor, DIFFEDIT_CALL_EDIT, &options, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "the editor has no picture; it can only generate");
    assert_int_equal(diffedit_stage_costs(costs, 1, editor, (diffedit_call)9, &options, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    diffedit_editor_free(editor);
}

/* Through many changes no call takes more than was foretold. */
static void test_a_walk(void **state)
{
    (void)state;
    static const char *const changes[][2] = {{"to", "a horse"},
                                             {"to", "a tiger"},
                                             {"seed", "7"},
                                             {"mask-threshold", "0.2"},
                                             {"mask-threshold", "0.5"},
                                             {"composite", "changed"},
                                             {"steps", "3"},
                                             {"region", "crop"},
                                             {"region", "whole"},
                                             {"guidance", "1"},
                                             {"negative", "a horse"},
                                             {"ratio", "0.4"},
                                             {"encode", "none"},
                                             {"scheduler", "lms"},
                                             {"background", "start"},
                                             {"mask-grow", "6"},
                                             {"region", "zoom"},
                                             {"composite", "pixel"},
                                             {"mask-method", "plus-minus"},
                                             {"steps", "5"},
                                             {"mask-refine", "on"},
                                             {"guidance", "2"},
                                             {"encode-guidance", "2"}};
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    options.background = DIFFEDIT_BACKGROUND_START;
    uint32_t dice = 5;
    for (int i = 0; i < 120; i++) {
        dice = dice * 1664525u + 1013904223u;
        const char *const *change = changes[(dice >> 16) % (sizeof changes / sizeof *changes)];
        assert_int_equal(diffedit_options_set(&options, change[0], change[1], NULL), DIFFEDIT_OK);
        double costs[DE_STAGE_COUNT];
        diffedit_call call = dice >> 28 == 0 ? DIFFEDIT_CALL_FIND : DIFFEDIT_CALL_EDIT;
        foretell(costs, editor, call, &options);
        run(editor, call, &options);
        assert_true((double)editor->stats.evaluations <= evaluations(costs) + 1e-9);
        foretell(costs, editor, call, &options); /* nothing is left to do */
        assert_true(evaluations(costs) == 0);
    }
    diffedit_editor_free(editor);
}

static int set_up(void **state)
{
    picture = new_bright_picture(SIDE, (de_rectangle){30, 80, 40, 40}, 3, 8);
    return open_models(state);
}

static int tear_down(void **state)
{
    diffedit_picture_free(picture);
    return close_models(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_there_costs_nothing),
        cmocka_unit_test(test_boxes),
        cmocka_unit_test(test_zoom),
        cmocka_unit_test(test_inpainting_and_text_to_image),
        cmocka_unit_test(test_a_walk),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
