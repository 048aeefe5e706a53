/* Working on the region alone: which box, what it costs, and what it leaves. The editor's networks
 * are arithmetic on a model of 8 pixels a cell and 64x64 pixels. */
#include "arithmetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NATIVE = 64, SIDE = 320, STEPS = 5, SAMPLES = 2 };
/* What the parts of an edit cost: a map, an encoding to node 4, a guided decode. */
enum { MAP = 2 * SAMPLES, ENCODING = 4, DECODE = 2 * 4 };

/* ---- the box ---- */

static const de_box_params BOX = {
    .width = 1000, .height = 800, .native = 512 * 512, .margin = 32, .factor = 8, .grid = 64};

static void expect_box(de_rectangle found, int x, int y, int width, int height)
{
    assert_int_equal(found.x, x);
    assert_int_equal(found.y, y);
    assert_int_equal(found.width, width);
    assert_int_equal(found.height, height);
}

static de_rectangle box_of(de_box_params params, int x, int y, int width, int height)
{
    return de_box_choose(&params, (de_rectangle){x, y, width, height}, (de_rectangle){0});
}

static void test_a_box_is_on_the_grid(void **state)
{
    (void)state;
    /* 300 + 2 x 32 pixels are six units of 64, or seven where they lie across another line */
    expect_box(box_of(BOX, 300, 360, 300, 300), 256, 320, 384, 384);
    expect_box(box_of(BOX, 300, 350, 300, 300), 256, 256, 384, 448);
    assert_true(de_box_scale(&BOX, 384, 384) == 1);
    /* at edges and corners the margin ends with the picture */
    expect_box(box_of(BOX, 0, 0, 300, 300), 0, 0, 384, 384);
    expect_box(box_of(BOX, 700, 500, 300, 300), 616, 416, 384, 384);
    /* no thinner than 1 to 2 */
    expect_box(box_of(BOX, 100, 390, 500, 1), 64, 256, 576, 320);
    expect_box(box_of(BOX, 500, 100, 1, 500), 320, 64, 320, 576);
}

static void test_a_box_is_scaled_between_bounds(void **state)
{
    (void)state;
    /* a pixel: enlarged to a quarter of the native area, in units that are as much smaller */
    de_rectangle small = box_of(BOX, 500, 400, 1, 1);
    double scale = de_box_scale(&BOX, small.width, small.height);
    assert_true(small.width >= 65 && small.width <= 81 && small.height == small.width);
    assert_true(fabs(scale * small.width - 256) < 1e-6);
    /* nearly everything: reduced to the native area, as the whole picture is */
    assert_true(fabs(de_box_scale(&BOX, 900, 700) - 512 / sqrt(900 * 700)) < 1e-9);
    expect_box(box_of(BOX, 1, 1, 998, 798), 0, 0, 1000, 800);
    assert_true(de_box_scale(&BOX, 1000, 800) == sqrt(BOX.native / (1000.0 * 800)));
    /* of a small picture never reduced more than the whole is */
    de_box_params small_picture = BOX;
    small_picture.width = small_picture.height = 128;
    assert_true(de_box_scale(&small_picture, 100, 100) == 4);
}

static void test_the_margin_of_a_box(void **state)
{
    (void)state;
    de_box_params params = BOX;
    params.margin = 0;
    expect_box(box_of(params, 320, 320, 384, 384), 320, 320, 384, 384);
    params.soft = 0.5; /* the soft edge needs a pixel */
    de_rectangle box = box_of(params, 320, 320, 384, 384);
    assert_true(box.width > 384);
    params = BOX;
    params.margin = params.soft = 0;
    params.soft_cells = 1; /* of 8 pixels, where the box has the picture's scale */
    box = box_of(params, 340, 340, 300, 300);
    assert_true(box.x == 320 && box.width == 384);
    box = box_of(params, 327, 340, 300, 300); /* less than a cell to the line of the grid */
    assert_true(box.x == 256 && box.width == 384);
    params.asked_width = params.asked_height = 16; /* of half the box */
    expect_box(box_of(params, 400, 300, 100, 100), 0, 0, 1000, 800);
    params.asked_width = params.asked_height = 64; /* of an eighth, 17 and a bit */
    box = box_of(params, 400, 300, 100, 100);
    assert_true(box.width >= 100 + 2 * 16 && box.x <= 400 - 16 && box.width < 140);
    params = BOX;
    params.margin = -1; /* a quarter of the longer side */
    box = box_of(params, 300, 300, 200, 100);
    assert_true(box.x <= 250 && box.y <= 250 && box.width >= 300 && box.height >= 200);
    assert_true(box.width < 300 + 64 && box.height < 200 + 64);
}

static void test_a_box_has_the_aspect_asked_for(void **state)
{
    (void)state;
    de_box_params params = BOX;
    params.asked_width = 512;
    params.asked_height = 256;
    de_rectangle box = box_of(params, 400, 300, 100, 100);
    assert_true(box.width == 2 * box.height && box.height >= 164 && box.height <= 166);
    assert_int_equal(box_of(params, 0, 0, 1000, 100).width, 1000);
}

static void test_a_box_is_kept_while_it_will_do(void **state)
{
    (void)state;
    const de_rectangle region = {300, 360, 300, 300}, less = {340, 390, 120, 120},
                       little = {440, 500, 20, 20}, moved = {500, 360, 300, 300};
    de_rectangle kept = de_box_choose(&BOX, region, (de_rectangle){0});
    expect_box(de_box_choose(&BOX, region, kept), 256, 320, 384, 384);
    expect_box(de_box_choose(&BOX, less, kept), 256, 320, 384, 384);
    assert_true(de_box_choose(&BOX, little, kept).width < 384);
    assert_true(de_box_choose(&BOX, moved, kept).x > 256);
}

/* ---- the editor ---- */

static diffedit_picture *new_picture(int channels, int bits)
{
    return new_bright_picture(SIDE, (de_rectangle){50, 210, 60, 60}, channels, bits);
}

static void set_mask(diffedit_editor *editor, de_rectangle at)
{
    static uint8_t grey[SIDE * SIDE];
    memset(grey, 0, sizeof grey);
    for (int y = at.y; y < at.y + at.height; y++)
        memset(grey + y * SIDE + at.x, 255, (size_t)at.width);
    diffedit_picture *mask;
    assert_int_equal(diffedit_picture_new(&mask, SIDE, SIDE, 1, 8, grey, SIDE, NULL), DIFFEDIT_OK);
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), DIFFEDIT_OK);
    diffedit_picture_free(mask);
}

static diffedit_options new_options(void)
{
    diffedit_options options = new_edit_options(STEPS, SAMPLES);
    options.region = DIFFEDIT_REGION_CROP;
    options.region_margin = 16;
    return options;
}

static const de_rectangle SQUARE = {100, 100, 60, 60};

static void test_a_corrected_mask_does_not_encode_again(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8);
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    set_mask(editor, SQUARE);
    assert_int_equal(cost(editor, &options), ENCODING + DECODE);
    assert_int_equal(cost(editor, &options), 0);
    const de_rectangle box = editor->box_at;
    set_mask(editor, (de_rectangle){110, 105, 40, 50});
    assert_int_equal(cost(editor, &options), DECODE);
    set_mask(editor, (de_rectangle){SQUARE.x - 1, SQUARE.y, SQUARE.width + 2, SQUARE.height});
    assert_int_equal(cost(editor, &options), DECODE);
    assert_memory_equal(&editor->box_at, &box, sizeof box);
    options.to = "a tiger";
    assert_int_equal(cost(editor, &options), DECODE);
    options.feather = 2;
    options.mask_blur = 3;
    assert_int_equal(cost(editor, &options), 0);
    set_mask(editor, (de_rectangle){220, 20, 60, 60}); /* elsewhere */
    assert_int_equal(cost(editor, &options), ENCODING + DECODE);
    options.region_margin = 40;
    assert_int_equal(cost(editor, &options), ENCODING + DECODE);
    assert_null(editor->whole.latent.values); /* a given mask needs nothing of the whole picture */
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
}

static void test_whole_and_crop_are_remembered_apart(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8);
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    assert_int_equal(cost(editor, &options), MAP + ENCODING + DECODE);
    assert_true(editor->box_at.width <= SIDE / 2);
    options.region = DIFFEDIT_REGION_WHOLE;
    assert_int_equal(cost(editor, &options), ENCODING + DECODE);
    for (int i = 0; i < 4; i++) {
        options.region = i % 2 ? DIFFEDIT_REGION_WHOLE : DIFFEDIT_REGION_CROP;
        assert_int_equal(cost(editor, &options), 0);
    }
    options.region = DIFFEDIT_REGION_CROP;
    options.mask_grow = 2; /* the box is larger, or as it was; the map is there */
    assert_true(cost(editor, &options) <= ENCODING + DECODE);
    options.mask_grow = 0;
    assert_true(cost(editor, &options) <= DECODE);
    diffedit_picture *mask; /* of the whole picture: the same map */
    assert_int_equal(diffedit_find_mask(&mask, editor, &options, NULL), DIFFEDIT_OK);
    assert_int_equal(editor->stats.evaluations, 0);
    assert_int_equal(editor->stats.width, NATIVE);
    diffedit_picture_free(mask);
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
}

/* Bytes of a pixel. */
static int bytes_of(const diffedit_picture *picture)
{
    return diffedit_picture_channels(picture) * diffedit_picture_bits(picture) / 8;
}

static bool is_kept(const diffedit_picture *before, const diffedit_picture *after, int x, int y)
{
    const size_t bytes = (size_t)bytes_of(before), at = ((size_t)y * SIDE + (size_t)x) * bytes;
    return memcmp((const char *)diffedit_picture_pixels(before) + at,
                  (const char *)diffedit_picture_pixels(after) + at, bytes) == 0;
}

/* What an edit of this part leaves alone is the input's, up to `soft` pixels from it; inside, and
 * in its soft edge, much is changed. */
static void expect_change_near(const diffedit_picture *picture, de_rectangle at,
                               const diffedit_options *options, double soft)
{
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    set_mask(editor, at);
    diffedit_picture *result = edit(editor, options);
    int inside = 0, beside = 0;
    assert_int_equal(diffedit_picture_channels(result), diffedit_picture_channels(picture));
    assert_int_equal(diffedit_picture_bits(result), diffedit_picture_bits(picture));
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            double dx = fmax(fmax(at.x - x, x - (at.x + at.width - 1)), 0);
            double dy = fmax(fmax(at.y - y, y - (at.y + at.height - 1)), 0);
            bool kept = is_kept(picture, result, x, y);
            if (dx * dx + dy * dy >= soft * soft)
                assert_true(kept);
            inside += !kept && dx == 0 && dy == 0;
            beside += !kept && (dx > 0 || dy > 0);
        }
    assert_true(inside > at.width * at.height * 3 / 4);
    assert_true(soft < 2 || beside > 0);
    diffedit_picture_free(result);
    diffedit_editor_free(editor);
}

static void test_pixels_outside_are_the_inputs(void **state)
{
    (void)state;
    static const de_rectangle masks[] = {{100, 100, 60, 60}, {0, 0, 50, 30},   {290, 100, 30, 70},
                                         {270, 300, 50, 20}, {150, 150, 1, 1}, {0, 319, 1, 1},
                                         {20, 160, 260, 3}};
    diffedit_picture *picture = new_picture(3, 8);
    diffedit_options options = new_options();
    options.feather = 6;
    for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        for (options.region_margin = -1; options.region_margin < 100; options.region_margin += 50)
            expect_change_near(picture, masks[i], &options, 6);
    options.region_margin = 0; /* less than the soft edge */
    expect_change_near(picture, SQUARE, &options, 6);
    options.mask_blur = 8;
    expect_change_near(picture, SQUARE, &options, de_mask_alpha_reach(6, 8) + 1);
    options.mask_blur = 0;
    options.width = 128; /* coarse cells: the soft edge of one cell is not cut */
    options.height = 64;
    expect_change_near(picture, SQUARE, &options, 6);
    diffedit_picture_free(picture);
}

static void test_pictures_of_all_kinds(void **state)
{
    (void)state;
    diffedit_options options = new_options();
    options.feather = 3;
    for (int channels = 1; channels <= 4; channels++)
        for (int bits = 8; bits <= 16; bits += 8) {
            diffedit_picture *picture = new_picture(channels, bits);
            expect_change_near(picture, SQUARE, &options, 3);
            diffedit_picture_free(picture);
        }
}

/* What `crop` makes of a mask, beside what `whole` does. */
static void compare_with_whole(de_rectangle mask, double threshold, bool same)
{
    diffedit_picture *picture = new_picture(3, 8);
    diffedit_editor *editor = new_arithmetic_editor(model, picture),
                    *other = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    options.mask_threshold = threshold;
    if (mask.width) {
        set_mask(editor, mask);
        set_mask(other, mask);
    }
    diffedit_picture *crop = edit(editor, &options);
    options.region = DIFFEDIT_REGION_WHOLE;
    diffedit_picture *whole = edit(other, &options);
    size_t size = SIDE * SIDE * 3;
    assert_int_equal(
        memcmp(diffedit_picture_pixels(crop), diffedit_picture_pixels(whole), size) == 0, same);
    if (same) /* in the same frame */
        assert_int_equal(cost(editor, &options), 0);
    diffedit_picture_free(crop);
    diffedit_picture_free(whole);
    diffedit_editor_free(editor);
    diffedit_editor_free(other);
    diffedit_picture_free(picture);
}

static void test_a_box_of_everything_is_the_whole_picture(void **state)
{
    (void)state;
    compare_with_whole((de_rectangle){0, 0, SIDE, SIDE}, 0.5, true);
    compare_with_whole((de_rectangle){4, 9, SIDE - 8, SIDE - 20}, 0.5, true);
    compare_with_whole((de_rectangle){0}, 0, true); /* a map below no threshold */
    compare_with_whole(SQUARE, 0.5, false);
}

/* Whether the region shown is as in the frame of the box, and nothing beside it. */
static void expect_region_of_box(diffedit_editor *editor)
{
    diffedit_picture *view;
    int64_t white = 0, inside = 0;
    assert_int_equal(diffedit_editor_view(&view, editor, DIFFEDIT_VIEW_MASK, NULL), DIFFEDIT_OK);
    const uint8_t *pixels = diffedit_picture_pixels(view);
    const de_rectangle at = editor->box_at;
    for (int i = 0; i < SIDE * SIDE; i++)
        white += pixels[i] == 255;
    for (int y = 0; y < at.height; y++)
        for (int x = 0; x < at.width; x++) {
            bool changes = editor->box.region.mask[y * at.width + x];
            assert_int_equal(pixels[(at.y + y) * SIDE + at.x + x], changes ? 255 : 0);
            inside += changes;
        }
    assert_int_equal(white, inside);
    assert_true(fabs(editor->stats.mask_share * SIDE * SIDE - (double)inside) < 0.01);
    diffedit_picture_free(view);
}

static void test_zoom_finds_the_map_again(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8);
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    assert_int_equal(cost(editor, &options), MAP + ENCODING + DECODE);
    expect_region_of_box(editor);
    const de_rectangle box = editor->box_at;
    const double coarse = editor->stats.mask_share;
    options.region = DIFFEDIT_REGION_ZOOM; /* the box and its encoding are there */
    assert_int_equal(cost(editor, &options), MAP + DECODE);
    expect_region_of_box(editor);
    assert_memory_equal(&editor->box_at, &box, sizeof box);
    assert_true(editor->stats.mask_share > 0 && editor->stats.mask_share < coarse);
    assert_int_equal(cost(editor, &options), 0);
    options.mask_threshold = 0.4;
    assert_true(cost(editor, &options) <= ENCODING + MAP + DECODE);
    options.mask_grow = 3; /* once */
    cost(editor, &options);
    const double grown = editor->stats.mask_share;
    options.mask_grow = 0;
    cost(editor, &options);
    assert_true(editor->stats.mask_share < grown && editor->stats.mask_share > grown / 2);
    options.seed++;
    options.mask_threshold = 0.5;
    options.region = DIFFEDIT_REGION_CROP;
    cost(editor, &options);
    const double first = editor->stats.mask_share;
    arithmetic_unet.blind =
        editor->box.region.w; /* nothing is found in the box: the first region stays */
    options.region = DIFFEDIT_REGION_ZOOM;
    assert_int_equal(cost(editor, &options), MAP);
    assert_true(editor->stats.mask_share == first);
    expect_region_of_box(editor);
    arithmetic_unet.blind = 0;
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
}

/* The decode has the same room in a box as in the whole picture; zoom that finds nothing too. */
static void test_a_box_has_room(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8);
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    options.composite = DIFFEDIT_COMPOSITE_CHANGED;
    for (int i = 0; i < 2; i++) {
        cost(editor, &options);
        const de_rectangle at = editor->box_at;
        const de_region *whole = &editor->whole.region, *box = &editor->box.region;
        assert_non_null(box->room);
        for (int y = 0; y < at.height; y++)
            assert_memory_equal(box->room + y * at.width, whole->room + (at.y + y) * SIDE + at.x,
                                (size_t)at.width);
        assert_non_null(editor->box.reconstructed.pixels);
        expect_region_of_box(editor);
        arithmetic_unet.blind = box->w;
        options.region = DIFFEDIT_REGION_ZOOM;
    }
    arithmetic_unet.blind = 0;
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
}

/* Nothing is found again where map or mask were given. */
static void test_zoom_of_what_is_given(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8);
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    float map[NATIVE / 8 * NATIVE / 8] = {[18] = 1, [19] = 1};
    options.region = DIFFEDIT_REGION_ZOOM;
    set_mask(editor, SQUARE);
    assert_int_equal(cost(editor, &options), ENCODING + DECODE);
    assert_int_equal(diffedit_editor_set_mask(editor, NULL, NULL), DIFFEDIT_OK);
    assert_int_equal(diffedit_editor_set_map(editor, map, NATIVE / 8, NATIVE / 8, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(cost(editor, &options), ENCODING + DECODE);
    expect_region_of_box(editor);
    assert_null(editor->whole.latent.values);
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
}

/* What the box or the decode could not have is refused before the map is found. */
static void test_what_does_not_fit_is_refused_first(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8), *result = NULL;
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    diffedit_error error;
    options.width = options.height = 100;
    assert_int_equal(diffedit_edit(&result, editor, &options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`size`: expected multiples of 8 (the model's autoencoder), "
                                       "found 100x100");
    options.width = options.height = 0;
    options.scheduler = DIFFEDIT_SCHEDULER_LCM;
    options.steps = 51;
    assert_int_equal(diffedit_edit(&result, editor, &options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`steps`: `scheduler` lcm has 50 timesteps, found 51 steps");
    assert_null(editor->whole.map.result.values);
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
}

static int64_t side(diffedit_editor *editor, diffedit_array_id id, int dimension)
{
    diffedit_array array = {.struct_size = sizeof array};
    assert_int_equal(diffedit_editor_array(&array, editor, id, NULL), DIFFEDIT_OK);
    return array.dimensions > dimension ? array.shape[dimension] : 0;
}

/* Map and mask are the whole picture's, what follows them is the box's. */
static void test_what_is_shown_of_a_box(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8), *view;
    diffedit_editor *editor = new_arithmetic_editor(model, picture);
    diffedit_options options = new_options();
    options.width = 96;
    options.height = 64;
    assert_int_equal(cost(editor, &options), MAP + ENCODING + DECODE);
    const int whole = NATIVE / 8;
    assert_int_equal(side(editor, DIFFEDIT_ARRAY_MAP, 1), whole);
    assert_int_equal(side(editor, DIFFEDIT_ARRAY_MASK, 1), whole);
    assert_int_equal(side(editor, DIFFEDIT_ARRAY_MASK_NOISE, 3), whole);
    assert_int_equal(side(editor, DIFFEDIT_ARRAY_LATENT, 2), 96 / 8);
    assert_int_equal(side(editor, DIFFEDIT_ARRAY_LATENT, 1), 64 / 8);
    assert_int_equal(side(editor, DIFFEDIT_ARRAY_INVERTED, 3), 96 / 8);
    assert_int_equal(side(editor, DIFFEDIT_ARRAY_FINAL, 2), 96 / 8);
    assert_int_equal(editor->stats.width, 96);
    assert_int_equal(editor->stats.height, 64);
    static const int widths[] = {96, SIDE, SIDE, 96};
    for (int id = DIFFEDIT_VIEW_INPUT; id <= DIFFEDIT_VIEW_DECODED; id++) {
        assert_int_equal(diffedit_editor_view(&view, editor, (diffedit_view_id)id, NULL),
                         DIFFEDIT_OK);
        assert_int_equal(diffedit_picture_width(view), widths[id]);
        diffedit_picture_free(view);
    }
    assert_true(editor->stats.mask_share > 0.02 && editor->stats.mask_share < 0.2);
    options.region = DIFFEDIT_REGION_WHOLE;
    cost(editor, &options); /* the size is the whole picture's now, and so is what is shown */
    assert_int_equal(side(editor, DIFFEDIT_ARRAY_MAP, 1), 96 / 8);
    assert_int_equal(side(editor, DIFFEDIT_ARRAY_LATENT, 1), 64 / 8);
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
}

static void test_inpainting_works_in_a_box(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(3, 8), *result;
    diffedit_editor *editor = new_arithmetic_editor(inpainting, picture);
    diffedit_options options = new_options();
    set_mask(editor, SQUARE);
    assert_true(editor->networks.inpaints);
    assert_int_equal(diffedit_inpaint(&result, editor, &options, NULL), DIFFEDIT_OK);
    assert_int_equal(editor->stats.evaluations, 2 * STEPS);
    assert_true(is_kept(picture, result, 10, 10));
    assert_false(is_kept(picture, result, 130, 130));
    assert_null(editor->whole.latent.values);
    assert_true(editor->box_at.width < SIDE / 2);
    diffedit_picture_free(result);
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
}

static int cancel_at(void *left, diffedit_stage_id stage, int done, int total)
{
    (void)stage, (void)done, (void)total;
    return --*(int *)left < 0;
}

/* An edit that is cancelled anywhere goes on where it was, and changes nothing in the end. */
static void cancel_everywhere(const diffedit_options *options)
{
    diffedit_picture *picture = new_picture(3, 8), *result = NULL;
    diffedit_editor *fresh = new_arithmetic_editor(model, picture),
                    *editor = new_arithmetic_editor(model, picture);
    diffedit_picture *expected = edit(fresh, options);
    for (int steps = 0; !result; steps++) {
        int left = steps;
        diffedit_editor_set_progress(editor, cancel_at, &left);
        diffedit_status status = diffedit_edit(&result, editor, options, NULL);
        assert_true(status == (result ? DIFFEDIT_OK : DIFFEDIT_ERROR_CANCELLED));
    }
    assert_memory_equal(diffedit_picture_pixels(result), diffedit_picture_pixels(expected),
                        SIDE * SIDE * 3);
    diffedit_picture_free(result);
    diffedit_picture_free(expected);
    diffedit_editor_free(editor);
    diffedit_editor_free(fresh);
    diffedit_picture_free(picture);
}

static void test_cancelled_boxes(void **state)
{
    (void)state;
    diffedit_options options = new_options();
    cancel_everywhere(&options);
    options.composite = DIFFEDIT_COMPOSITE_CHANGED;
    options.mask_refine = options.mask_fill = DIFFEDIT_ON;
    cancel_everywhere(&options);
    options.region = DIFFEDIT_REGION_ZOOM;
    options.encode = DIFFEDIT_ENCODE_NONE;
    cancel_everywhere(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_box_is_on_the_grid),
        cmocka_unit_test(test_a_box_is_scaled_between_bounds),
        cmocka_unit_test(test_the_margin_of_a_box),
        cmocka_unit_test(test_a_box_has_the_aspect_asked_for),
        cmocka_unit_test(test_a_box_is_kept_while_it_will_do),
        cmocka_unit_test(test_a_corrected_mask_does_not_encode_again),
        cmocka_unit_test(test_whole_and_crop_are_remembered_apart),
        cmocka_unit_test(test_pixels_outside_are_the_inputs),
        cmocka_unit_test(test_pictures_of_all_kinds),
        cmocka_unit_test(test_a_box_of_everything_is_the_whole_picture),
        cmocka_unit_test(test_zoom_finds_the_map_again),
        cmocka_unit_test(test_zoom_of_what_is_given),
        cmocka_unit_test(test_a_box_has_room),
        cmocka_unit_test(test_what_does_not_fit_is_refused_first),
        cmocka_unit_test(test_what_is_shown_of_a_box),
        cmocka_unit_test(test_inpainting_works_in_a_box),
        cmocka_unit_test(test_cancelled_boxes),
    };
    return cmocka_run_group_tests(tests, open_models, close_models);
}
