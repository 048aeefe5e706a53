/* An editor that goes through many edits, one or two options changed at a time, against a new
 * editor for each: what it remembers must never show in a result. Some runs are cancelled midway.
 */
#include "edit/editor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WIDTH = 60, HEIGHT = 44, EDITS = 80 };

/* The values that an option takes on the way, as typed. */
static const struct {
    const char *name, *values[6];
} CHANGES[] = {
    {"from", {"a horse", "a zebra", "", "strawberries"}},
    {"to", {"a zebra", "a horse", "", "A HORSE", "(a:1.5) zebra", "a zebra BREAK at the beach"}},
    {"negative", {"", "a zebra", "blurred"}},
    {"prompt-syntax", {"plain", "weighted"}},
    {"seed", {"0", "1", "42"}},
    {"rng", {"cpu", "cuda"}},
    {"steps", {"2", "3", "5"}},
    {"ratio", {"0.25", "0.5", "0.75", "1"}},
    {"guidance", {"0", "1", "3", "-1"}},
    {"guidance-kind", {"cfg", "normalised"}},
    {"scheduler", {"ddim", "lms"}},
    {"encode-guidance", {"1", "guidance", "2"}},
    {"background", {"same", "lagged", "start"}},
    {"posterior", {"mean", "sample"}},
    {"mask-method", {"contrast", "plus-minus"}},
    {"mask-noise-level", {"0.5", "1"}},
    {"mask-samples", {"1", "2"}},
    {"mask-limit", {"method", "percentile"}},
    {"mask-filter", {"none", "bilateral"}},
    {"mask-fill", {"off", "on"}},
    {"mask-refine", {"off", "on"}},
    {"mask-threshold", {"0", "0.2", "0.4", "0.6"}},
    {"mask-grow", {"0", "3", "-2"}},
    {"mask-blur", {"0", "2"}},
    {"feather", {"cell", "0", "5"}},
    {"composite", {"pixel", "latent", "changed"}},
    {"size", {"fit", "36x52", "52x36"}},
    {"region", {"whole", "crop", "zoom"}},
    {"region-margin", {"auto", "0", "6"}},
};

static uint32_t dice_state = 1;

static unsigned dice(unsigned sides)
{
    dice_state = dice_state * 1664525u + 1013904223u;
    return (dice_state >> 16) % sides;
}

static void change_an_option(diffedit_options *options)
{
    unsigned row = dice(sizeof CHANGES / sizeof *CHANGES), count = 0;
    while (count < 6 && CHANGES[row].values[count])
        count++;
    diffedit_options_set(options, CHANGES[row].name, CHANGES[row].values[dice(count)], NULL);
}

static int cancel_later(void *left, diffedit_stage_id stage, int done, int total)
{
    (void)stage, (void)done, (void)total;
    return --*(int *)left < 0;
}

static void cancel_an_edit(diffedit_editor *editor, const diffedit_options *options)
{
    int left = (int)dice(8);
    diffedit_picture *result = NULL;
    diffedit_editor_set_progress(editor, cancel_later, &left);
    diffedit_edit(&result, editor, options, NULL);
    diffedit_editor_set_progress(editor, NULL, NULL);
    diffedit_picture_free(result);
}

static void expect_equal_pictures(const diffedit_picture *a, const diffedit_picture *b)
{
    assert_int_equal(diffedit_picture_width(a), diffedit_picture_width(b));
    assert_int_equal(diffedit_picture_height(a), diffedit_picture_height(b));
    size_t size = (size_t)diffedit_picture_width(a) * (size_t)diffedit_picture_height(a) * 3;
    assert_memory_equal(diffedit_picture_pixels(a), diffedit_picture_pixels(b), size);
}

static diffedit_status run(diffedit_editor *editor, const diffedit_options *options, bool generates,
                           diffedit_picture **result, int64_t *evaluations, diffedit_error *error)
{
    diffedit_stats stats = {.struct_size = sizeof stats};
    diffedit_status status = generates ? diffedit_generate(result, editor, options, error)
                                       : diffedit_edit(result, editor, options, error);
    diffedit_editor_get_stats(&stats, editor);
    *evaluations = stats.evaluations;
    return status;
}

static diffedit_picture *new_picture(void)
{
    static uint8_t pixels[HEIGHT * WIDTH * 3];
    for (int i = 0; i < HEIGHT * WIDTH * 3; i++)
        pixels[i] = (uint8_t)(i / 500 * 9 ^ i % 97);
    diffedit_picture *picture;
    assert_int_equal(diffedit_picture_new(&picture, WIDTH, HEIGHT, 3, 8, pixels, WIDTH * 3, NULL),
                     0);
    return picture;
}

/* Another correction, or none: a rectangle that is added and one that is removed. */
static void change_the_correction(diffedit_picture **correction)
{
    static uint8_t pixels[HEIGHT][WIDTH][2];
    memset(pixels, 0, sizeof pixels);
    diffedit_picture_free(*correction);
    *correction = NULL;
    if (dice(3) == 0)
        return;
    for (int k = 0; k < 2; k++) {
        int top = (int)dice(HEIGHT - 8), left = (int)dice(WIDTH - 8), side = (int)dice(9);
        for (int i = 0; i < side * side; i++) {
            uint8_t *pixel = pixels[top + i / side][left + i % side];
            pixel[0] = k ? 0 : 255;
            pixel[1] = 255;
        }
    }
    assert_int_equal(
        diffedit_picture_new(correction, WIDTH, HEIGHT, 2, 8, pixels, sizeof *pixels, NULL), 0);
}

static void test_what_is_remembered_never_shows(void **state)
{
    (void)state;
    diffedit_model *model;
    diffedit_picture *picture = new_picture(), *correction = NULL;
    diffedit_editor *editor, *fresh;
    diffedit_options options;
    assert_int_equal(diffedit_model_open(&model, GOLDEN "/tiny-odd/model", NULL, NULL), 0);
    assert_int_equal(diffedit_editor_new(&editor, model, picture, NULL), 0);
    assert_int_equal(diffedit_options_init(&options, sizeof options, "paper", NULL, NULL), 0);
    options.from = "a horse";
    options.to = "a zebra";
    options.steps = 3;
    options.mask_samples = 1;
    int made = 0;
    for (int i = 0; i < EDITS; i++) {
        diffedit_picture *result = NULL, *expected = NULL;
        diffedit_error error = {.message = ""}, expected_error = {.message = ""};
        int64_t spent, needed;
        const diffedit_options before = options;
        change_an_option(&options);
        if (dice(2))
            change_an_option(&options);
        if (dice(4) == 0)
            change_the_correction(&correction);
        assert_int_equal(diffedit_editor_set_correction(editor, correction, NULL), 0);
        if (dice(6) == 0)
            cancel_an_edit(editor, &options);
        bool generates = dice(6) == 0;
        assert_int_equal(diffedit_editor_new(&fresh, model, picture, NULL), 0);
        assert_int_equal(diffedit_editor_set_correction(fresh, correction, NULL), 0);
        fresh->box_at = editor->box_at; /* which is kept where it will do */
        fresh->box_for = editor->box_for;
        diffedit_status status = run(editor, &options, generates, &result, &spent, &error);
        assert_int_equal(status,
                         run(fresh, &options, generates, &expected, &needed, &expected_error));
        assert_string_equal(error.message, expected_error.message);
        if (status == DIFFEDIT_OK) {
            expect_equal_pictures(result, expected);
            assert_true(spent <= needed);
            made++;
        } else { /* what conflicts would go on to */
            options = before;
        }
        diffedit_picture_free(result);
        diffedit_picture_free(expected);
        diffedit_editor_free(fresh);
    }
    assert_true(made > EDITS / 2);
    diffedit_editor_free(editor);
    diffedit_picture_free(correction);
    diffedit_picture_free(picture);
    diffedit_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_remembered_never_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
