/* The editor on the pocket model: what it computes anew when an option changes, and what an edit
 * promises. */
#include "edit/editor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 40, HEIGHT = 24 };

static diffedit_model *model;

/* A scene with a bright disc, so that masks have something to find. */
static diffedit_picture *new_picture(void)
{
    static uint8_t pixels[HEIGHT][WIDTH][3];
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int inside = (x - 16) * (x - 16) + (y - 12) * (y - 12) < 80;
            pixels[y][x][0] = (uint8_t)(inside ? 220 : 90 + y);
            pixels[y][x][1] = (uint8_t)(inside ? 40 + x : 150);
            pixels[y][x][2] = (uint8_t)(inside ? 30 : 200 - y);
        }
    diffedit_picture *picture;
    assert_int_equal(diffedit_picture_new(&picture, WIDTH, HEIGHT, 3, 8, pixels, WIDTH * 3, NULL),
                     0);
    return picture;
}

/* White in the left half. */
static diffedit_picture *new_mask(int value)
{
    static uint8_t pixels[HEIGHT][WIDTH];
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            pixels[y][x] = (uint8_t)(x < WIDTH / 2 ? value : 0);
    diffedit_picture *mask;
    assert_int_equal(diffedit_picture_new(&mask, WIDTH, HEIGHT, 1, 8, pixels, WIDTH, NULL), 0);
    return mask;
}

static diffedit_editor *new_editor(void)
{
    diffedit_picture *picture = new_picture();
    diffedit_editor *editor;
    assert_int_equal(diffedit_editor_new(&editor, model, picture, NULL), 0);
    diffedit_picture_free(picture);
    return editor;
}

static diffedit_options small_options_of(const char *preset)
{
    diffedit_options options;
    assert_int_equal(diffedit_options_init(&options, sizeof options, preset, NULL, NULL), 0);
    options.from = "a red apple";
    options.to = "a lemon";
    options.steps = 5;
    options.mask_samples = 2;
    options.width = WIDTH;
    options.height = HEIGHT;
    return options;
}

static diffedit_options small_options(void)
{
    return small_options_of("paper");
}

static int64_t evaluations_of_edit(diffedit_editor *editor, const diffedit_options *options)
{
    diffedit_picture *result = NULL;
    diffedit_error error = {.message = ""};
    if (diffedit_edit(&result, editor, options, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    diffedit_picture_free(result);
    diffedit_stats stats = {.struct_size = sizeof stats};
    diffedit_editor_get_stats(&stats, editor);
    return stats.evaluations;
}

static void test_the_models_own_defaults(void **state)
{
    (void)state;
    diffedit_options options;
    assert_int_equal(diffedit_options_init(&options, sizeof options, "paper", model, NULL), 0);
    assert_true(options.guidance == 5);
    assert_int_equal(diffedit_options_init(&options, sizeof options, "notebook", model, NULL), 0);
    assert_true(options.guidance ==
                0.15); /* a scale of another kind: the model says nothing of it */
}

static void test_a_map_needs_both_texts(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    diffedit_error error;
    options.to = NULL;
    assert_int_equal(diffedit_find_map(editor, &options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`to` is required; it may be empty");
    diffedit_editor_free(editor);
}

/* Map 2 x 2, encoding 4, guided decode 4 x 2. */
static void test_only_what_changed_is_computed(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    assert_int_equal(evaluations_of_edit(editor, &options), 16);
    assert_int_equal(evaluations_of_edit(editor, &options), 0);
    options.feather = 3;
    options.mask_blur = 2;
    assert_int_equal(evaluations_of_edit(editor, &options), 0);
    options.to = "an orange";
    assert_int_equal(evaluations_of_edit(editor, &options), 4 + 8);
    options.mask_threshold = 0.3;
    assert_int_equal(evaluations_of_edit(editor, &options), 8);
    options.guidance = 3;
    assert_int_equal(evaluations_of_edit(editor, &options), 8);
    options.guidance = 1;
    assert_int_equal(evaluations_of_edit(editor, &options), 4);
    diffedit_editor_free(editor);
}

/* The map comes from the noise level alone: another number of steps leaves it. */
static void test_fast(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options_of("fast");
    options.steps = 6;
    options.ratio = 1;
    options.mask_threshold = 0.2;
    assert_int_equal(evaluations_of_edit(editor, &options), 4 + 18);
    options.steps = 4;
    assert_int_equal(evaluations_of_edit(editor, &options), 12);
    options.encode = DIFFEDIT_ENCODE_NONE;
    assert_int_equal(evaluations_of_edit(editor, &options), 8);
    assert_int_equal(evaluations_of_edit(editor, &options), 0);
    options.seed++; /* another map, another noise */
    assert_int_equal(evaluations_of_edit(editor, &options), 4 + 8);
    options.encode = DIFFEDIT_ENCODE_AUTO; /* the inversion is still there */
    assert_int_equal(evaluations_of_edit(editor, &options), 8);
    options = small_options_of("lcm"); /* one evaluation a step */
    options.mask_threshold = 0.2;
    assert_int_equal(evaluations_of_edit(editor, &options), 4 + 4);
    diffedit_editor_free(editor);
}

static int count_decodes(void *count, diffedit_stage_id stage, int done, int total)
{
    (void)done, (void)total;
    *(int *)count += stage == DIFFEDIT_STAGE_DECODE;
    return 0;
}

/* A cut needs x_0 decoded too, once a picture, and no evaluation. */
static void test_a_cut_composite_decodes_the_picture_once(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    int decodes = 0;
    diffedit_editor_set_progress(editor, count_decodes, &decodes);
    assert_int_equal(evaluations_of_edit(editor, &options), 16);
    assert_int_equal(decodes, 1);
    options.composite = DIFFEDIT_COMPOSITE_CHANGED; /* room around the mask: other cells */
    assert_int_equal(evaluations_of_edit(editor, &options), 8);
    assert_int_equal(decodes, 3);
    options.feather = 2;
    assert_int_equal(evaluations_of_edit(editor, &options), 0);
    options.to = "an orange";
    assert_int_equal(evaluations_of_edit(editor, &options), 4 + 8);
    assert_int_equal(decodes, 4);
    diffedit_picture *mask = new_mask(255), *shown; /* what somebody painted is not cut */
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), 0);
    assert_int_equal(evaluations_of_edit(editor, &options), 8);
    assert_int_equal(decodes, 5);
    assert_int_equal(diffedit_editor_view(&shown, editor, DIFFEDIT_VIEW_MASK, NULL), 0);
    assert_memory_equal(diffedit_picture_pixels(shown), diffedit_picture_pixels(mask),
                        WIDTH * HEIGHT);
    options.composite = DIFFEDIT_COMPOSITE_PIXEL;
    assert_int_equal(evaluations_of_edit(editor, &options), 0);
    diffedit_picture_free(shown);
    diffedit_picture_free(mask);
    diffedit_editor_free(editor);
}

/* Image to image as other programs have it: all of the picture is the mask, and no step is spent on
 * encoding it. */
static void test_the_whole_picture_from_noise(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_picture *result, *decoded, *mask;
    static uint8_t white[WIDTH * HEIGHT];
    memset(white, 255, sizeof white);
    assert_int_equal(diffedit_picture_new(&mask, WIDTH, HEIGHT, 1, 8, white, WIDTH, NULL), 0);
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), 0);
    diffedit_picture_free(mask);
    for (int scheduler = 0; scheduler <= DIFFEDIT_SCHEDULER_EULER_A; scheduler++) {
        diffedit_options options = small_options();
        options.scheduler = (diffedit_scheduler)scheduler;
        options.encode = DIFFEDIT_ENCODE_NONE;
        options.composite = DIFFEDIT_COMPOSITE_LATENT;
        for (int steps = 1; steps <= options.steps; steps++) {
            options.ratio = (double)steps / options.steps;
            assert_int_equal(diffedit_edit(&result, editor, &options, NULL), 0);
            assert_int_equal(editor->stats.evaluations, 2 * steps);
            assert_true(editor->stats.mask_share == 1);
            assert_int_equal(diffedit_editor_view(&decoded, editor, DIFFEDIT_VIEW_DECODED, NULL),
                             0);
            assert_memory_equal(diffedit_picture_pixels(result), diffedit_picture_pixels(decoded),
                                WIDTH * HEIGHT * 3);
            diffedit_picture_free(decoded);
            diffedit_picture_free(result);
        }
    }
    diffedit_editor_free(editor);
}

static int count_map_steps(void *count, diffedit_stage_id stage, int done, int total)
{
    (void)done, (void)total;
    *(int *)count += stage == DIFFEDIT_STAGE_MAP;
    return 0;
}

/* Steps of the map's stage that finding a mask takes. */
static int steps_to_mask(diffedit_editor *editor, const diffedit_options *options)
{
    diffedit_picture *mask;
    int steps = 0;
    diffedit_editor_set_progress(editor, count_map_steps, &steps);
    assert_int_equal(diffedit_find_mask(&mask, editor, options, NULL), 0);
    diffedit_editor_set_progress(editor, NULL, NULL);
    diffedit_picture_free(mask);
    return steps;
}

/* Another threshold neither filters nor refines the map again; another map does. */
static void test_a_map_is_refined_once(void **state)
{
    (void)state;
    enum { REFINES = 3 * DE_WORK_BANDS };
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    float map[60] = {[13] = 1, [14] = 1};
    options.mask_refine = DIFFEDIT_ON;
    assert_int_equal(steps_to_mask(editor, &options), 2 + REFINES);
    options.mask_threshold = 0.2;
    options.mask_fill = DIFFEDIT_ON;
    options.mask_grow = 0;
    assert_int_equal(steps_to_mask(editor, &options), 0);
    options.mask_filter = DIFFEDIT_MASK_FILTER_BILATERAL;
    assert_int_equal(steps_to_mask(editor, &options), REFINES);
    options.seed++;
    assert_int_equal(steps_to_mask(editor, &options), 2 + REFINES);
    for (int i = 0; i < 2; i++) { /* maps of one size */
        assert_int_equal(diffedit_editor_set_map(editor, map, 6, 10, NULL), 0);
        assert_int_equal(steps_to_mask(editor, &options), REFINES);
        assert_int_equal(steps_to_mask(editor, &options), 0);
        map[40] = 1;
    }
    assert_int_equal(diffedit_editor_set_map(editor, NULL, 0, 0, NULL), 0);
    assert_int_equal(steps_to_mask(editor, &options), REFINES);
    options.mask_refine = DIFFEDIT_OFF;
    assert_int_equal(steps_to_mask(editor, &options), 0);
    diffedit_editor_free(editor);
}

/* Specks: parts of less than a cell. */
static void expect_threshold(diffedit_editor *editor, const diffedit_options *options, int specks)
{
    diffedit_picture *map, *mask;
    uint8_t expected[WIDTH * HEIGHT];
    assert_int_equal(diffedit_find_mask(&mask, editor, options, NULL), 0);
    assert_int_equal(diffedit_editor_view(&map, editor, DIFFEDIT_VIEW_REGION_MAP, NULL), 0);
    assert_int_equal(diffedit_picture_bits(map), 16);
    assert_int_equal(diffedit_picture_channels(map), 1);
    const uint16_t *values = diffedit_picture_pixels(map);
    const uint8_t *found = diffedit_picture_pixels(mask);
    int white = 0, near = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++) {
        expected[i] = values[i] >= 65535 * options->mask_threshold;
        near += fabs(values[i] - 65535 * options->mask_threshold) <= 1;
    }
    if (specks)
        assert_int_equal(de_mask_drop_specks(expected, HEIGHT, WIDTH, 16, NULL), 0);
    for (int i = 0; i < WIDTH * HEIGHT && near == 0; i++) {
        assert_int_equal(found[i], expected[i] ? 255 : 0);
        white += expected[i];
    }
    assert_true(near > 0 || (white > 0 && white < WIDTH * HEIGHT));
    diffedit_picture_free(map);
    diffedit_picture_free(mask);
}

static void test_the_map_as_the_threshold_sees_it(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    diffedit_picture *map, *mask = new_mask(255);
    assert_int_equal(diffedit_editor_view(&map, editor, DIFFEDIT_VIEW_REGION_MAP, NULL), 0);
    assert_null(map);
    for (int i = 0; i < 4; i++) {
        options.mask_filter = (diffedit_mask_filter)(i % 2);
        options.mask_refine = (diffedit_switch)(i / 2);
        for (options.mask_threshold = 0.21; options.mask_threshold < 0.6;
             options.mask_threshold += 0.1)
            expect_threshold(editor, &options, i / 2);
    }
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), 0); /* follows from no map */
    evaluations_of_edit(editor, &options);
    assert_int_equal(diffedit_editor_view(&map, editor, DIFFEDIT_VIEW_REGION_MAP, NULL), 0);
    assert_null(map);
    diffedit_picture_free(mask);
    diffedit_editor_free(editor);
}

/* The pocket model's chunks have 16 tokens. Every text of a call has as many chunks. */
static void test_weighted_texts(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    diffedit_array array = {.struct_size = sizeof array};
    options.to = "a (lemon:1.3)";
    assert_int_equal(diffedit_editor_text_chunks(editor), 0);
    assert_int_equal(evaluations_of_edit(editor, &options), 16);
    assert_int_equal(diffedit_editor_text_chunks(editor), 1);
    options.prompt_syntax = DIFFEDIT_PROMPT_WEIGHTED; /* `from` means what it meant */
    assert_int_equal(evaluations_of_edit(editor, &options), 12);
    assert_int_equal(evaluations_of_edit(editor, &options), 0);
    options.to = "a (lemon:1.30)";
    assert_int_equal(evaluations_of_edit(editor, &options), 0);
    options.to = "a (lemon:1.2)";
    assert_int_equal(evaluations_of_edit(editor, &options), 12);
    options.to = "a lemon BREAK a lemon"; /* now every text has two chunks, the empty one too */
    assert_int_equal(evaluations_of_edit(editor, &options), 16);
    assert_int_equal(diffedit_editor_text_chunks(editor), 2);
    assert_int_equal(diffedit_editor_array(&array, editor, DIFFEDIT_ARRAY_TOKENS_FROM, NULL), 0);
    assert_int_equal(array.shape[0], 2 * 16);
    assert_int_equal(diffedit_editor_array(&array, editor, DIFFEDIT_ARRAY_EMBEDDING_TO, NULL), 0);
    assert_int_equal(array.dimensions, 2);
    assert_int_equal(array.shape[0], 2 * 16);
    assert_memory_equal(array.data, array.data + 16 * array.shape[1],
                        sizeof(float) * 16 * (size_t)array.shape[1]);
    options.to = "(a:0) AND b";
    diffedit_picture *result = NULL;
    assert_int_equal(diffedit_edit(&result, editor, &options, NULL), DIFFEDIT_ERROR_ARGUMENT);
    options.to = "a lemon BREAK a lemon";
    assert_int_equal(evaluations_of_edit(editor, &options), 0);
    options.prompt_syntax = DIFFEDIT_PROMPT_PLAIN;
    options.to = "a lemon";
    assert_int_equal(evaluations_of_edit(editor, &options), 16);
    assert_int_equal(diffedit_editor_text_chunks(editor), 1);
    diffedit_editor_free(editor);
}

static void test_the_ratio_extends_the_encoding(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    diffedit_picture *mask = new_mask(255);
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), 0);
    diffedit_picture_free(mask);
    options.ratio = 0.4;
    assert_int_equal(evaluations_of_edit(editor, &options), 2 + 4);
    options.ratio = 0.8;
    assert_int_equal(evaluations_of_edit(editor, &options), 2 + 8);
    options.ratio = 0.6;
    assert_int_equal(evaluations_of_edit(editor, &options), 6);
    options.seed = 7; /* neither encoding nor DDIM decoding draws */
    assert_int_equal(evaluations_of_edit(editor, &options), 0);
    options.encode_guidance = 2;
    assert_int_equal(evaluations_of_edit(editor, &options), 6 + 6);
    diffedit_array array = {.struct_size = sizeof array};
    assert_int_equal(diffedit_editor_array(&array, editor, DIFFEDIT_ARRAY_INVERTED, NULL), 0);
    assert_int_equal(array.shape[0], 4);
    diffedit_editor_free(editor);
}

static void count_warnings(void *user, diffedit_log_level level, const char *line)
{
    if (level == DIFFEDIT_LOG_WARNING && strstr(line, "mask is empty"))
        ++*(int *)user;
}

static void test_an_empty_map_changes_nothing(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(), *result;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    int warnings = 0;
    diffedit_editor_set_log(editor, count_warnings, &warnings);
    options.from = options.to = "a red apple";
    assert_int_equal(diffedit_edit(&result, editor, &options, NULL), 0);
    assert_memory_equal(diffedit_picture_pixels(result), diffedit_picture_pixels(picture),
                        WIDTH * HEIGHT * 3);
    assert_int_equal(warnings, 1);
    diffedit_stats stats = {.struct_size = sizeof stats};
    diffedit_editor_get_stats(&stats, editor);
    assert_int_equal(stats.evaluations, 0);
    diffedit_picture_free(result);
    diffedit_picture_free(picture);
    diffedit_editor_free(editor);
}

static diffedit_picture *edit_with_threads(int threads)
{
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    diffedit_picture *result;
    diffedit_editor_set_threads(editor, threads);
    assert_int_equal(diffedit_edit(&result, editor, &options, NULL), 0);
    diffedit_editor_free(editor);
    return result;
}

static void test_threads_do_not_change_the_result(void **state)
{
    (void)state;
    diffedit_picture *one = edit_with_threads(1), *three = edit_with_threads(3);
    assert_memory_equal(diffedit_picture_pixels(one), diffedit_picture_pixels(three),
                        WIDTH * HEIGHT * 3);
    diffedit_picture_free(one);
    diffedit_picture_free(three);
}

static void test_pixels_outside_the_mask_are_kept(void **state)
{
    (void)state;
    diffedit_picture *picture = new_picture(), *mask = new_mask(255), *result;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    options.feather = 4;
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), 0);
    assert_int_equal(diffedit_edit(&result, editor, &options, NULL), 0);
    const uint8_t *before = diffedit_picture_pixels(picture),
                  *after = diffedit_picture_pixels(result);
    int changed = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            int same = memcmp(before + (y * WIDTH + x) * 3, after + (y * WIDTH + x) * 3, 3) == 0;
            if (x >= WIDTH / 2 + 4)
                assert_true(same);
            changed += !same;
        }
    assert_true(changed > WIDTH * HEIGHT / 4);
    diffedit_picture_free(result);
    diffedit_picture_free(mask);
    diffedit_picture_free(picture);
    diffedit_editor_free(editor);
}

/* Relative error of the latent after encoding and decoding without text. */
static double error_of_return(diffedit_scheduler scheduler, int steps, double ratio)
{
    static uint8_t all[HEIGHT * WIDTH];
    memset(all, 255, sizeof all);
    diffedit_picture *mask;
    assert_int_equal(diffedit_picture_new(&mask, WIDTH, HEIGHT, 1, 8, all, WIDTH, NULL), 0);
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    options.to = "";
    options.guidance = 1;
    options.scheduler = scheduler;
    options.steps = steps;
    options.ratio = ratio;
    assert_int_equal(diffedit_editor_set_mask(editor, mask, NULL), 0);
    assert_int_equal(evaluations_of_edit(editor, &options), 2 * steps * ratio);
    diffedit_array start = {.struct_size = sizeof start}, end = {.struct_size = sizeof end};
    assert_int_equal(diffedit_editor_array(&start, editor, DIFFEDIT_ARRAY_LATENT, NULL), 0);
    assert_int_equal(diffedit_editor_array(&end, editor, DIFFEDIT_ARRAY_FINAL, NULL), 0);
    double error = 0, norm = 0;
    for (int64_t i = 0; i < start.shape[0] * start.shape[1] * start.shape[2]; i++) {
        error += pow(start.data[i] - end.data[i], 2);
        norm += pow(start.data[i], 2);
    }
    diffedit_picture_free(mask);
    diffedit_editor_free(editor);
    print_message("# there and back in %d steps: %.4f\n", steps, sqrt(error / norm));
    return sqrt(error / norm);
}

/* Decoding without text undoes encoding without text, up to the error of discretisation, which is
 * less of second order, all the way to noise too. */
static void test_encoding_and_decoding_return(void **state)
{
    (void)state;
    assert_true(error_of_return(DIFFEDIT_SCHEDULER_DDIM, 50, 0.5) < 0.1);
    assert_true(error_of_return(DIFFEDIT_SCHEDULER_DPMPP_2M, 20, 0.5) < 0.005);
    assert_true(error_of_return(DIFFEDIT_SCHEDULER_DPMPP_2M, 20, 1) < 0.02);
}

static int cancel_in_denoise(void *user, diffedit_stage_id stage, int done, int total)
{
    (void)total;
    return stage == DIFFEDIT_STAGE_DENOISE && done == *(int *)user;
}

static void test_a_callback_cancels(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    diffedit_picture *result = NULL;
    diffedit_error error;
    int step = 2;
    diffedit_editor_set_progress(editor, cancel_in_denoise, &step);
    assert_int_equal(diffedit_edit(&result, editor, &options, &error), DIFFEDIT_ERROR_CANCELLED);
    assert_null(result);
    diffedit_editor_set_progress(editor, NULL, NULL);
    assert_int_equal(evaluations_of_edit(editor, &options),
                     8); /* map and encoding are still there */
    diffedit_editor_free(editor);
}

static void test_a_map_can_be_given(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, model);
    int h = HEIGHT / info.factor, w = WIDTH / info.factor;
    float *map = calloc((size_t)(h * (w + 1)), sizeof *map);
    map[w + 1] = 0.75f;
    diffedit_picture *mask;
    diffedit_error error;
    assert_int_equal(diffedit_editor_set_map(editor, map, h, w + 1, NULL), 0);
    assert_int_equal(diffedit_find_mask(&mask, editor, &options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "expected a map"));
    assert_int_equal(diffedit_editor_set_map(editor, map, h, w, NULL), 0);
    assert_int_equal(diffedit_find_mask(&mask, editor, &options, NULL), 0);
    const uint8_t *pixels = diffedit_picture_pixels(mask);
    int white = 0;
    for (int i = 0; i < WIDTH * HEIGHT; i++)
        white += pixels[i] == 255;
    assert_int_equal(white, info.factor * info.factor);
    map[0] = 2;
    assert_int_equal(diffedit_editor_set_map(editor, map, h, w, &error), DIFFEDIT_ERROR_ARGUMENT);
    free(map);
    diffedit_picture_free(mask);
    diffedit_editor_free(editor);
}

/* The networks alone are the ones the stages use. */
static void test_the_networks_alone(void **state)
{
    (void)state;
    diffedit_editor *editor = new_editor();
    diffedit_options options = small_options();
    assert_int_equal(diffedit_invert(editor, &options, NULL), 0);
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, model);
    diffedit_array view = {.struct_size = sizeof view};
    assert_int_equal(diffedit_editor_array(&view, editor, DIFFEDIT_ARRAY_INVERTED, NULL), 0);
    int64_t count = view.shape[1] * view.shape[2] * view.shape[3];
    float *states = malloc(sizeof(float) * 2 * (size_t)count),
          *eps = malloc(sizeof(float) * (size_t)count);
    float *embedding = malloc(sizeof(float) * (size_t)(info.text_tokens * info.text_width));
    memcpy(states, view.data, sizeof(float) * 2 * (size_t)count);
    int h = (int)view.shape[2], w = (int)view.shape[3];
    assert_int_equal(diffedit_encode_text(embedding, editor, "", NULL), 0);
    assert_int_equal(diffedit_predict_noise(eps, editor, states, h, w, 1, embedding, NULL), 0);
    /* x_1 = sqrt(b / a) x_0 + c eps: both factors follow from two elements and must hold for all */
    double x0 = states[0], y0 = states[1], e0 = eps[0], f0 = eps[1];
    double determinant = x0 * f0 - y0 * e0;
    double p = (states[count] * f0 - states[count + 1] * e0) / determinant;
    double q = (x0 * states[count + 1] - y0 * states[count]) / determinant;
    for (int64_t i = 0; i < count; i++)
        assert_true(fabs(p * states[i] + q * eps[i] - states[count + i]) < 1e-3);
    free(states);
    free(eps);
    free(embedding);
    diffedit_editor_free(editor);
}

/* A guided evaluation is the two plain ones, to the last bit. */
static void test_a_guided_evaluation(void **state)
{
    (void)state;
    diffedit_model *random;
    diffedit_editor *editor;
    diffedit_error error;
    assert_int_equal(diffedit_model_new_random(&random, "sd15", &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "a model's shape: expected sd14, sd21 or pocket, found \"sd15\"");
    assert_int_equal(diffedit_model_new_random(&random, "pocket", &error), 0);
    assert_int_equal(diffedit_editor_new(&editor, random, NULL, NULL), 0);
    diffedit_model_info info = {.struct_size = sizeof info};
    diffedit_model_get_info(&info, random);
    assert_int_equal(info.native_width, 128);
    assert_true(info.parameters > 10 * 1000 * 1000);
    enum { SIDE = 8, CHANNELS = 8, COUNT = CHANNELS * SIDE * SIDE };
    assert_int_equal(info.latent_channels, CHANNELS);
    float latent[COUNT], u[COUNT], t[COUNT], guided[COUNT];
    size_t width = (size_t)(info.text_tokens * info.text_width);
    float *empty = malloc(sizeof(float) * width), *text = malloc(sizeof(float) * width);
    for (int i = 0; i < COUNT; i++)
        latent[i] = sinf((float)i);
    assert_int_equal(diffedit_encode_text(empty, editor, "", NULL), 0);
    assert_int_equal(diffedit_encode_text(text, editor, "a horse", NULL), 0);
    assert_int_equal(diffedit_predict_noise(u, editor, latent, SIDE, SIDE, 500, empty, NULL), 0);
    assert_int_equal(diffedit_predict_noise(t, editor, latent, SIDE, SIDE, 500, text, NULL), 0);
    assert_int_equal(
        diffedit_predict_guided(guided, editor, latent, SIDE, SIDE, 500, empty, text, 7.5, NULL),
        0);
    double difference = 0;
    for (int i = 0; i < COUNT; i++) {
        assert_true(guided[i] == u[i] + 7.5f * (t[i] - u[i]));
        difference += fabs(u[i] - t[i]);
    }
    assert_true(difference > 1e-3); /* the texts matter, and nothing became infinite */
    assert_true(isfinite(difference));
    static const double wrong[] = {NAN, INFINITY, -1e39};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(diffedit_predict_guided(guided, editor, latent, SIDE, SIDE, 500, empty,
                                                 text, wrong[i], &error),
                         DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "guidance -1e+39: expected a finite float32");
    free(empty);
    free(text);
    diffedit_editor_free(editor);
    diffedit_model_close(random);
}

/* Bytes of temporary arrays that an editor holds after it encoded a picture, and then a text. */
static size_t held_after_text(uint32_t flags)
{
    enum { SIDE = 64 };
    static float pixels[3 * SIDE * SIDE], latent[SIDE * SIDE], embedding[1 << 14];
    const diffedit_model_settings settings = {.struct_size = sizeof settings, .flags = flags};
    diffedit_model *opened;
    diffedit_editor *editor;
    assert_int_equal(diffedit_model_open(&opened, POCKET, &settings, NULL), 0);
    assert_int_equal(diffedit_editor_new(&editor, opened, NULL, NULL), 0);
    assert_int_equal(diffedit_encode_pixels(latent, editor, pixels, SIDE, SIDE, NULL), 0);
    size_t after_picture = editor->model_networks.context.arena.capacity;
    assert_int_equal(diffedit_encode_text(embedding, editor, "a horse", NULL), 0);
    size_t after_text = editor->model_networks.context.arena.capacity;
    assert_true(after_picture >= after_text && after_text > 0);
    diffedit_editor_free(editor);
    diffedit_model_close(opened);
    return after_text;
}

static void test_low_memory_makes_room_for_the_next_network(void **state)
{
    (void)state;
    assert_true(held_after_text(DIFFEDIT_MODEL_LOW_MEMORY) < held_after_text(0) / 2);
}

static int open_model(void **state)
{
    (void)state;
    diffedit_error error;
    if (diffedit_model_open(&model, POCKET, NULL, &error) == DIFFEDIT_OK)
        return 0;
    print_error("%s\n", error.message);
    return 1;
}

static int close_model(void **state)
{
    (void)state;
    diffedit_model_close(model);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_models_own_defaults),
        cmocka_unit_test(test_a_map_needs_both_texts),
        cmocka_unit_test(test_only_what_changed_is_computed),
        cmocka_unit_test(test_fast),
        cmocka_unit_test(test_a_cut_composite_decodes_the_picture_once),
        cmocka_unit_test(test_the_whole_picture_from_noise),
        cmocka_unit_test(test_a_map_is_refined_once),
        cmocka_unit_test(test_the_map_as_the_threshold_sees_it),
        cmocka_unit_test(test_weighted_texts),
        cmocka_unit_test(test_the_ratio_extends_the_encoding),
        cmocka_unit_test(test_an_empty_map_changes_nothing),
        cmocka_unit_test(test_threads_do_not_change_the_result),
        cmocka_unit_test(test_pixels_outside_the_mask_are_kept),
        cmocka_unit_test(test_encoding_and_decoding_return),
        cmocka_unit_test(test_a_callback_cancels),
        cmocka_unit_test(test_a_map_can_be_given),
        cmocka_unit_test(test_the_networks_alone),
        cmocka_unit_test(test_a_guided_evaluation),
        cmocka_unit_test(test_low_memory_makes_room_for_the_next_network),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
