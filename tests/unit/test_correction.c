/* What somebody paints over a mask: it stays, and what is removed is left alone. */
#include "arithmetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- layers ---- */

static void test_a_layer_is_read_by_its_alpha(void **state)
{
    (void)state;
    static const uint8_t pixels[6][2] = {{255, 255}, {0, 255},   {255, 127},
                                         {0, 128},   {128, 200}, {127, 200}};
    static const uint8_t expected[6] = {DE_CORRECTION_ADDS,   DE_CORRECTION_REMOVES,
                                        DE_CORRECTION_LEAVES, DE_CORRECTION_REMOVES,
                                        DE_CORRECTION_ADDS,   DE_CORRECTION_REMOVES};
    uint8_t found[6];
    diffedit_picture *layer;
    diffedit_error error;
    assert_int_equal(diffedit_picture_new(&layer, 3, 2, 2, 8, pixels, 6, NULL), DIFFEDIT_OK);
    assert_int_equal(de_correction_from_picture(layer, 3, 2, found, NULL), DIFFEDIT_OK);
    assert_memory_equal(found, expected, sizeof found);
    assert_int_equal(de_correction_from_picture(layer, 2, 3, found, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "the correction is 3x2 pixels, but the picture is 2x3");
    diffedit_picture_free(layer);
    assert_int_equal(diffedit_picture_new(&layer, 3, 2, 1, 8, pixels, 6, NULL), DIFFEDIT_OK);
    assert_int_equal(de_correction_from_picture(layer, 3, 2, found, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "the correction has no alpha"));
    diffedit_picture_free(layer);
}

static void test_parts_without_anything_of_another_mask_go(void **state)
{
    (void)state;
    uint8_t mask[] = {1, 1, 0, 0, 1, 1, 0, 1, /**/ 0, 1, 0, 1, 1, 0, 0, 1};
    const uint8_t other[] = {0, 0, 1, 0, 0, 0, 0, 0, /**/ 0, 0, 0, 1, 0, 0, 1, 0};
    const uint8_t expected[] = {0, 0, 0, 0, 1, 1, 0, 0, /**/ 0, 0, 0, 1, 1, 0, 0, 0};
    assert_int_equal(de_mask_keep_parts(mask, other, 2, 8, NULL), DIFFEDIT_OK);
    assert_memory_equal(mask, expected, sizeof mask);
}

/* ---- the region ---- */

enum { GRID = 16, CELL = 4, EDGE = GRID * CELL };

/* Two things of 2 x 2 cells, at 2, 2 and 8, 2; a correction of the picture's pixels. */
static void find_region(de_region *region, int room, int grow, const uint8_t *correction)
{
    float values[GRID * GRID] = {0};
    for (int i = 0; i < 4; i++)
        values[(2 + i / 2) * GRID + 2 + i % 2] = values[(2 + i / 2) * GRID + 8 + i % 2] = 1;
    const de_map map = {.values = values, .h = GRID, .w = GRID};
    const de_region_params params = {.width = EDGE,
                                     .height = EDGE,
                                     .cells = {GRID, GRID},
                                     .threshold = 0.5,
                                     .grow = grow,
                                     .room = room};
    const de_clean_params how = {.width = EDGE, .height = EDGE, .cells = {GRID, GRID}};
    static de_cleaned cleaned;
    const de_region_inputs inputs = {.cleaned = &cleaned, .correction = correction};
    de_stage_context context = {.threads = 2};
    de_cleaned_free(&cleaned);
    assert_int_equal(de_clean_run(&cleaned, &how, &map, NULL, &context, NULL), DIFFEDIT_OK);
    assert_int_equal(de_region_run(region, &params, &inputs, &context, NULL), DIFFEDIT_OK);
}

static void paint(uint8_t *correction, de_rectangle at, uint8_t value)
{
    for (int y = at.y; y < at.y + at.height; y++)
        memset(correction + y * EDGE + at.x, value, (size_t)at.width);
}

static bool is_in(int i, de_rectangle at)
{
    int y = i / EDGE, x = i % EDGE;
    return x >= at.x && x < at.x + at.width && y >= at.y && y < at.y + at.height;
}

static void test_a_correction_does_not_grow(void **state)
{
    (void)state;
    const de_rectangle added = {40, 40, 3, 1}, removed = {8, 8, 4, 8};
    static uint8_t correction[EDGE * EDGE];
    de_region plain, region;
    paint(correction, added, DE_CORRECTION_ADDS);
    paint(correction, removed, DE_CORRECTION_REMOVES);
    for (int grow = -2; grow <= 4; grow += 3) {
        find_region(&plain, 0, grow, NULL);
        find_region(&region, 0, grow, correction);
        int64_t changed = 0;
        for (int i = 0; i < EDGE * EDGE; i++) {
            int expected = is_in(i, added) || (plain.mask[i] && !is_in(i, removed));
            assert_int_equal(region.mask[i], expected);
            changed += expected;
        }
        assert_int_equal(region.changed, changed);
        assert_int_equal(region.cells[10 * GRID + 10], 1);
        assert_int_equal(region.cells[3 * GRID + 2], 0); /* nothing of it is left */
        de_region_free(&plain);
        de_region_free(&region);
    }
}

/* Of a thing that is removed no room is left, though its cells were found; that of the other stays,
 * to the pixel. */
static void test_room_does_not_reach_what_is_removed(void **state)
{
    (void)state;
    static uint8_t correction[EDGE * EDGE];
    de_region plain, region;
    paint(correction, (de_rectangle){32, 8, 8, 8}, DE_CORRECTION_REMOVES);  /* the second thing */
    paint(correction, (de_rectangle){17, 0, 1, 40}, DE_CORRECTION_REMOVES); /* a line across room */
    find_region(&plain, 2, 0, NULL);
    find_region(&region, 2, 0, correction);
    for (int i = 0; i < EDGE * EDGE; i++)
        assert_int_equal(region.room[i], i % EDGE < 17 && plain.room[i]);
    for (int i = 0; i < GRID * GRID; i++)
        assert_int_equal(region.cells[i], i % GRID <= 4 && plain.cells[i]);
    de_region_free(&plain);
    de_region_free(&region);
}

static void test_room_is_around_what_is_added_too(void **state)
{
    (void)state;
    static uint8_t correction[EDGE * EDGE];
    de_region plain, region;
    correction[50 * EDGE + 50] = DE_CORRECTION_ADDS;
    find_region(&plain, 2, 0, NULL);
    find_region(&region, 2, 0, correction);
    for (int i = 0; i < EDGE * EDGE; i++) {
        int away = abs(i / EDGE / CELL - 12), beside = abs(i % EDGE / CELL - 12);
        int around = away * away + beside * beside <= 4;
        assert_int_equal(region.room[i], around || plain.room[i]);
    }
    assert_int_equal(region.changed, plain.changed + 1);
    de_region_free(&plain);
    de_region_free(&region);
}

/* What the decode changed everywhere is cut, but for what somebody painted. */
static void test_a_cut_keeps_to_the_correction(void **state)
{
    (void)state;
    static uint8_t correction[EDGE * EDGE], decoded[EDGE * EDGE * 3], x_0[EDGE * EDGE * 3];
    const de_rectangle removed = {12, 8, 12, 8}, added = {50, 50, 1, 1};
    const de_cut_params params = {.working = {EDGE, EDGE}, .fill = 1};
    const de_cut_inputs inputs = {
        .decoded = decoded, .reconstructed = x_0, .correction = correction};
    de_stage_context context = {.threads = 2};
    de_region region;
    paint(correction, removed, DE_CORRECTION_REMOVES);
    paint(correction, added, DE_CORRECTION_ADDS); /* smaller than any speck that is kept */
    for (int i = 0; i < EDGE * EDGE; i++)
        decoded[i * 3] = is_in(i, (de_rectangle){0, 0, 30, 30}) ? 200 : 0;
    find_region(&region, 2, 0, correction);
    assert_int_equal(de_cut_run(&region, &params, &inputs, &context, NULL), DIFFEDIT_OK);
    int64_t changed = 0;
    for (int i = 0; i < EDGE * EDGE; i++) {
        assert_false(is_in(i, removed) && region.mask[i]);
        assert_true(region.mask[i] || !is_in(i, added));
        changed += region.mask[i];
    }
    assert_int_equal(region.changed, changed);
    assert_int_equal(region.mask[18 * EDGE + 14], 1); /* below what was removed, it changed */
    de_region_free(&region);
}

/* ---- the editor ---- */

enum { SIDE = 320, STEPS = 5, SAMPLES = 2, MAP = 2 * SAMPLES, ENCODING = 4, DECODE = 2 * 4 };

static diffedit_picture *picture;

static diffedit_options new_options(void)
{
    return new_edit_options(STEPS, SAMPLES);
}

/* A layer with a rectangle that is added and one that is removed (width 0: none). */
static diffedit_picture *new_layer(de_rectangle added, de_rectangle removed)
{
    static uint8_t pixels[SIDE * SIDE][2];
    memset(pixels, 0, sizeof pixels);
    const de_rectangle at[] = {added, removed};
    for (int k = 0; k < 2; k++)
        for (int y = at[k].y; y < at[k].y + at[k].height; y++)
            for (int x = at[k].x; x < at[k].x + at[k].width; x++) {
                pixels[y * SIDE + x][0] = k ? 0 : 255;
                pixels[y * SIDE + x][1] = 255;
            }
    diffedit_picture *layer;
    assert_int_equal(diffedit_picture_new(&layer, SIDE, SIDE, 2, 8, pixels, SIDE * 2, NULL),
                     DIFFEDIT_OK);
    return layer;
}

static void correct(diffedit_editor *editor, de_rectangle added, de_rectangle removed)
{
    diffedit_picture *layer = new_layer(added, removed);
    assert_int_equal(diffedit_editor_set_correction(editor, layer, NULL), DIFFEDIT_OK);
    diffedit_picture_free(layer);
}

static diffedit_picture *mask_of(diffedit_editor *editor)
{
    diffedit_picture *mask;
    assert_int_equal(diffedit_editor_view(&mask, editor, DIFFEDIT_VIEW_MASK, NULL), DIFFEDIT_OK);
    return mask;
}

static const uint8_t *bytes_of(const diffedit_picture *of)
{
    return diffedit_picture_pixels(of);
}

static bool is_inside(int i, de_rectangle at)
{
    int y = i / SIDE, x = i % SIDE;
    return x >= at.x && x < at.x + at.width && y >= at.y && y < at.y + at.height;
}

static const de_rectangle NONE = {0}, ADDED = {140, 190, 30, 20}, REMOVED = {40, 200, 40, 80};

static bool is_the_inputs(const diffedit_picture *result, int i)
{
    return memcmp(bytes_of(result) + 3 * i, bytes_of(picture) + 3 * i, 3) == 0;
}

/* What is removed is the input's, and what is added is in the mask, however the edit is made. */
static void expect_corrected(const diffedit_model *of, const diffedit_options *options,
                             const diffedit_picture *mask)
{
    diffedit_editor *editor = new_arithmetic_editor(of, picture);
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), DIFFEDIT_OK);
    correct(editor, ADDED, REMOVED);
    diffedit_picture *result = NULL;
    assert_int_equal(mask ? diffedit_inpaint(&result, editor, options, NULL)
                          : diffedit_edit(&result, editor, options, NULL),
                     DIFFEDIT_OK);
    diffedit_picture *used = mask_of(editor);
    int64_t white = 0, touched = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        bool removed = is_inside(i, REMOVED);
        white += bytes_of(used)[i] == 255;
        assert_false(removed && (bytes_of(used)[i] || !is_the_inputs(result, i)));
        assert_true(bytes_of(used)[i] || !is_inside(i, ADDED));
        touched += !is_the_inputs(result, i);
    }
    assert_true(white >= 600 && touched > 600);
    assert_true(fabs(editor->stats.mask_share * SIDE * SIDE - (double)white) < 0.01);
    diffedit_picture_free(used);
    diffedit_picture_free(result);
    diffedit_editor_free(editor);
}

static void test_what_is_removed_is_the_inputs(void **state)
{
    (void)state;
    static const int8_t composites[] = {DIFFEDIT_COMPOSITE_PIXEL, DIFFEDIT_COMPOSITE_CHANGED};
    for (int i = 0; i < 2 * 3 * 2; i++) {
        diffedit_options options = new_options();
        options.composite = (diffedit_composite)composites[i % 2];
        options.region = (diffedit_region)(i / 2 % 3);
        options.mask_refine = options.mask_fill = (diffedit_switch)(i / 6);
        options.mask_grow = i / 6 * 5;
        options.feather = 12;
        options.mask_blur = i % 2 * 9;
        expect_corrected(model, &options, NULL);
    }
}

static void test_a_given_mask_is_corrected(void **state)
{
    (void)state;
    diffedit_picture *mask = new_layer((de_rectangle){30, 190, 100, 100}, NONE);
    diffedit_options options = new_options();
    options.feather = 12;
    for (int region = 0; region < 3; region++) {
        options.region = (diffedit_region)region;
        expect_corrected(model, &options, mask);
        expect_corrected(inpainting, &options, mask);
    }
    diffedit_picture_free(mask);
}

/* The correction survives another threshold, text and map, and each computes what it touches. */
static void test_only_what_a_correction_touches_is_computed(void **state)
{
    (void)state;
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    options.feather = 2;
    assert_int_equal(cost(editor, &options), MAP + ENCODING + DECODE);
    diffedit_picture *found = mask_of(editor);
    correct(editor, ADDED, REMOVED);
    assert_int_equal(cost(editor, &options), DECODE);
    assert_int_equal(cost(editor, &options), 0);
    options.mask_threshold = 0.2;
    assert_int_equal(cost(editor, &options), DECODE);
    options.to = "a tiger";
    assert_int_equal(cost(editor, &options), MAP + DECODE);
    options.seed++;
    assert_int_equal(cost(editor, &options), MAP + DECODE);
    diffedit_picture *mask = mask_of(editor);
    for (int i = 0; i < SIDE * SIDE; i++) {
        assert_true(bytes_of(mask)[i] || !is_inside(i, ADDED));
        assert_false(bytes_of(mask)[i] && is_inside(i, REMOVED));
    }
    diffedit_picture_free(mask);
    options = new_options();
    assert_int_equal(diffedit_editor_set_correction(editor, NULL, NULL), DIFFEDIT_OK);
    cost(editor, &options);
    mask = mask_of(editor);
    assert_memory_equal(bytes_of(mask), bytes_of(found), SIDE * SIDE);
    /* one pixel of a cell that changes anyway */
    int first = (int)((const uint8_t *)memchr(bytes_of(found), 255, SIDE * SIDE) - bytes_of(found));
    correct(editor, NONE, (de_rectangle){first % SIDE, first / SIDE, 1, 1});
    assert_int_equal(cost(editor, &options), 0);
    diffedit_picture_free(mask);
    diffedit_picture_free(found);
    diffedit_editor_free(editor);
}

static void test_nothing_found_and_nothing_left(void **state)
{
    (void)state;
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    options.to = options.from; /* equal texts: an empty map */
    options.encode = DIFFEDIT_ENCODE_NONE;
    for (int region = 0; region < 3; region++) {
        options.region = (diffedit_region)region;
        correct(editor, ADDED, NONE);
        assert_int_equal(cost(editor, &options), region == DIFFEDIT_REGION_ZOOM ? 0 : DECODE);
        diffedit_picture *mask = mask_of(editor);
        for (int i = 0; i < SIDE * SIDE; i++)
            assert_int_equal(bytes_of(mask)[i], is_inside(i, ADDED) ? 255 : 0);
        diffedit_picture_free(mask);
        correct(editor, NONE, (de_rectangle){0, 0, SIDE, SIDE});
        assert_int_equal(cost(editor, &options), 0);
        assert_true(editor->stats.mask_share == 0);
    }
    diffedit_editor_free(editor);
}

/* The box is chosen from the corrected mask. */
static void test_a_box_holds_what_is_added(void **state)
{
    (void)state;
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    options.region = DIFFEDIT_REGION_CROP;
    options.region_margin = 16;
    options.feather = 4;
    cost(editor, &options);
    const de_rectangle before = editor->box_at;
    correct(editor, (de_rectangle){220, 120, 1, 1}, NONE);
    cost(editor, &options);
    const de_rectangle after = editor->box_at;
    assert_true(after.width > before.width && after.x + after.width > 220 && after.y <= 120);
    options.region = DIFFEDIT_REGION_ZOOM;
    cost(editor, &options);
    diffedit_picture *mask = mask_of(editor);
    assert_int_equal(bytes_of(mask)[120 * SIDE + 220], 255);
    diffedit_picture_free(mask);
    diffedit_editor_free(editor);
}

/* Where zoom finds nothing, the first mask stays, whatever was added to it. */
static void test_what_is_added_does_not_hide_that_zoom_finds_nothing(void **state)
{
    (void)state;
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    options.region = DIFFEDIT_REGION_CROP;
    correct(editor, ADDED, NONE);
    cost(editor, &options);
    const double share = editor->stats.mask_share;
    arithmetic_unet.blind = editor->box.region.w;
    options.region = DIFFEDIT_REGION_ZOOM;
    cost(editor, &options);
    assert_true(editor->stats.mask_share == share);
    arithmetic_unet.blind = 0;
    cost(editor, &options);
    diffedit_editor_free(editor);
}

static void test_without_a_picture(void **state)
{
    (void)state;
    diffedit_editor *editor = new_arithmetic_editor(model, NULL);
    diffedit_picture *layer = new_layer(ADDED, NONE);
    diffedit_error error;
    assert_int_equal(diffedit_editor_set_correction(editor, layer, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "a correction needs an editor with a picture");
    assert_int_equal(diffedit_editor_set_correction(editor, NULL, &error), DIFFEDIT_OK);
    diffedit_picture_free(layer);
    diffedit_editor_free(editor);
}

static int set_up(void **state)
{
    picture = new_bright_picture(SIDE, (de_rectangle){50, 210, 60, 60}, 3, 8);
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
        cmocka_unit_test(test_a_layer_is_read_by_its_alpha),
        cmocka_unit_test(test_parts_without_anything_of_another_mask_go),
        cmocka_unit_test(test_a_correction_does_not_grow),
        cmocka_unit_test(test_room_does_not_reach_what_is_removed),
        cmocka_unit_test(test_room_is_around_what_is_added_too),
        cmocka_unit_test(test_a_cut_keeps_to_the_correction),
        cmocka_unit_test(test_what_is_removed_is_the_inputs),
        cmocka_unit_test(test_a_given_mask_is_corrected),
        cmocka_unit_test(test_only_what_a_correction_touches_is_computed),
        cmocka_unit_test(test_nothing_found_and_nothing_left),
        cmocka_unit_test(test_a_box_holds_what_is_added),
        cmocka_unit_test(test_what_is_added_does_not_hide_that_zoom_finds_nothing),
        cmocka_unit_test(test_without_a_picture),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
