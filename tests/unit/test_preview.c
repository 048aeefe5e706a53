/* What a running edit shows: the result as each step predicts it, and in colours. */
#include "edit/editor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- colours from latents ---- */

enum { FACTOR = 2, CHANNELS = 2, H = 5, W = 4, CELLS = H * W, COUNT = CHANNELS * CELLS };

/* Cells of one colour, r = 10 + 20 a, g = 90 - 30 b, b = 50 + 4 a + 6 b, of latents a and b. */
static void test_linear_colours_are_found(void **state)
{
    (void)state;
    const de_network_set networks = {.factor = FACTOR, .channels = CHANNELS};
    const de_cells size = {H, W};
    float latent[COUNT], weights[3 * (CHANNELS + 1)];
    uint8_t pixels[CELLS * FACTOR * FACTOR * 3], found[CELLS * 3];
    for (int i = 0; i < CELLS; i++) {
        latent[i] = (float)(i % 7);
        latent[CELLS + i] = (float)(i % 3);
    }
    for (int y = 0; y < H * FACTOR; y++)
        for (int x = 0; x < W * FACTOR; x++) {
            int i = y / FACTOR * W + x / FACTOR, a = i % 7, b = i % 3;
            uint8_t *pixel = pixels + (y * W * FACTOR + x) * 3;
            pixel[0] = (uint8_t)(10 + 20 * a);
            pixel[1] = (uint8_t)(90 - 30 * b);
            pixel[2] = (uint8_t)(50 + 4 * a + 6 * b);
        }
    const de_example example = {.latent = latent, .pixels = pixels, .size = size, .weight = 1};
    assert_int_equal(de_colours_fit(weights, &example, 1, &networks, NULL), DIFFEDIT_OK);
    static const float expected[] = {20, 0, 10, 0, -30, 90, 4, 6, 50};
    for (int i = 0; i < 9; i++)
        assert_float_equal(weights[i], expected[i], 0.2);
    de_colours_apply(found, weights, latent, CHANNELS, size);
    for (int i = 0; i < CELLS; i++)
        assert_in_range(found[i * 3] + 1, 10 + 20 * (i % 7), 10 + 20 * (i % 7) + 2);
    const float far[] = {100, -100, NAN, 100, -100, NAN};
    de_colours_apply(found, weights, far, CHANNELS, (de_cells){1, 3});
    static const uint8_t clamped[] = {255, 0, 255, 0, 255, 0, 0, 0, 0};
    assert_memory_equal(found, clamped, sizeof clamped);
}

static void test_a_flat_picture_has_one_colour(void **state)
{
    (void)state;
    const de_network_set networks = {.factor = FACTOR, .channels = CHANNELS};
    float latent[COUNT] = {0}, weights[3 * (CHANNELS + 1)];
    uint8_t pixels[CELLS * FACTOR * FACTOR * 3];
    memset(pixels, 70, sizeof pixels);
    const de_example example = {.latent = latent, .pixels = pixels, .size = {H, W}, .weight = 0.5};
    assert_int_equal(de_colours_fit(weights, &example, 1, &networks, NULL), DIFFEDIT_OK);
    for (int k = 0; k < 3; k++) {
        assert_float_equal(weights[k * 3], 0, 1e-6);
        assert_float_equal(weights[k * 3 + 2], 70, 1e-4);
    }
}

/* ---- what a step predicts ---- */

/* A UNet that knows the result: its eps is all that x has beside it. */
typedef struct knowing {
    de_grid grid;
    float result[COUNT];
} knowing;

static diffedit_status unet_begin(void *self, const float *const *embeddings, int n, int chunks,
                                  int h, int w, diffedit_error *error)
{
    (void)self, (void)embeddings, (void)n, (void)chunks, (void)h, (void)w, (void)error;
    return DIFFEDIT_OK;
}

static diffedit_status unet_run(void *self, const float *x, const float *condition, double t,
                                float *y, diffedit_error *error)
{
    const knowing *k = self;
    (void)condition, (void)error;
    int i = 1;
    while (k->grid.timesteps[i] != t)
        i++;
    double level = k->grid.levels[i];
    for (int j = 0; j < COUNT; j++)
        y[j] = (float)((x[j] - sqrt(level) * k->result[j]) / sqrt(1 - level));
    return DIFFEDIT_OK;
}

static void unet_end(void *self)
{
    (void)self;
}

/* Hears of the steps of a decode. */
typedef struct hearing {
    const de_stage_context *context;
    const float *expected;
    bool of_picture;
    int steps;
} hearing;

static int hear(void *user, diffedit_stage_id stage, int done, int total)
{
    hearing *h = user;
    const de_running *running = h->context->running;
    assert_int_equal(stage, DIFFEDIT_STAGE_DENOISE);
    assert_true(done <= total);
    assert_non_null(running);
    assert_int_equal(running->size.h, H);
    assert_int_equal(running->size.w, W);
    assert_int_equal(running->of_picture, h->of_picture);
    for (int j = 0; j < COUNT; j++)
        assert_float_equal(running->x_0[j], h->expected[j], 2e-3);
    h->steps++;
    return 0;
}

static de_schedule new_schedule(void)
{
    const de_schedule_config config = {.train_timesteps = 1000,
                                       .beta_start = 0.00085,
                                       .beta_end = 0.012,
                                       .scaled_linear = true,
                                       .steps_offset = 1};
    de_schedule schedule;
    assert_int_equal(de_schedule_new(&schedule, &config, NULL), DIFFEDIT_OK);
    return schedule;
}

/* Where there is no noise but the node's own, the decode has arrived. */
static void expect_arrived(const float *found, const float *expected, const de_grid *grid)
{
    double left = 4 * sqrt(1 - grid->levels[0]) + 2e-3;
    for (int j = 0; j < COUNT; j++)
        assert_float_equal(found[j], expected[j], left);
}

/* From noise (background -1), and with a mask from a picture with noise: outside it stands the
 * picture. */
static void hear_decode(const de_sampler *sampler, int background)
{
    const bool masked = background >= 0;
    enum { STEPS = 6 };
    static const float embedding = 0;
    const de_text_input text = {&embedding, 1, 1};
    de_schedule schedule = new_schedule();
    knowing self;
    float latent[COUNT], expected[COUNT];
    uint8_t cells[CELLS];
    for (int j = 0; j < COUNT; j++) {
        self.result[j] = (float)(j % 5) / 4 - 0.5f;
        latent[j] = (float)(j % 3) - 1;
        cells[j % CELLS] = j % 4 == 1;
        expected[j] = masked && j % CELLS % 4 != 1 ? latent[j] : self.result[j];
    }
    assert_int_equal(sampler->make_grid(&self.grid, &schedule, sampler->spacing, STEPS, NULL),
                     DIFFEDIT_OK);
    const de_network_set networks = {.factor = FACTOR,
                                     .channels = CHANNELS,
                                     .text_tokens = 1,
                                     .text_width = 1,
                                     .self = &self,
                                     .unet_begin = unet_begin,
                                     .unet_run = unet_run,
                                     .unet_end = unet_end};
    de_stage_context context = {.threads = 1, .progress = hear};
    hearing heard = {.context = &context, .expected = expected, .of_picture = masked};
    context.progress_user = &heard;
    const de_denoise_params params = {.latent = {.width = W * FACTOR, .height = H * FACTOR},
                                      .sampler = sampler,
                                      .seed = 9,
                                      .to = 1,
                                      .unconditional = 1,
                                      .guidance = 1,
                                      .start = masked ? DE_START_NOISED : DE_START_NOISE,
                                      .background = background,
                                      .spacing = sampler->spacing,
                                      .steps = STEPS,
                                      .k = masked ? STEPS - 1 : STEPS};
    const de_denoise_inputs inputs = {.latent = masked ? latent : NULL,
                                      .cells = masked ? cells : NULL,
                                      .to = text,
                                      .unconditional = text};
    de_final final;
    assert_int_equal(de_denoise_run(&final, &params, &inputs, &schedule, &networks, &context, NULL),
                     DIFFEDIT_OK);
    bool skips = background == DIFFEDIT_BACKGROUND_START && sampler->edit_skips;
    assert_int_equal(heard.steps, params.k - skips);
    if (!skips && background != DIFFEDIT_BACKGROUND_LAGGED) /* which ends at node 1 */
        expect_arrived(final.latent, expected, &self.grid);
    assert_null(context.running);
    de_final_free(&final);
    de_grid_free(&self.grid);
    de_schedule_free(&schedule);
}

static void test_every_step_predicts_the_result(void **state)
{
    (void)state;
    const de_sampler *sampler;
    for (int s = 0; (sampler = de_sampler_at(s)); s++) {
        for (int background = -1; background <= DIFFEDIT_BACKGROUND_START; background++)
            hear_decode(sampler, background);
    }
}

/* ---- the editor ---- */

enum { SIDE = 256 };

static diffedit_model *model;

/* What a call showed at its last step. */
typedef struct watching {
    diffedit_editor *editor;
    diffedit_picture *last;
    diffedit_stats stats;
    double operations; /* that its previews took */
    int shown;
} watching;

static double operations_of(const diffedit_editor *editor)
{
    diffedit_computed computed = {.struct_size = sizeof computed};
    diffedit_editor_get_computed(&computed, editor);
    return computed.operations;
}

static int watch(void *user, diffedit_stage_id stage, int done, int total)
{
    watching *w = user;
    diffedit_array array = {.struct_size = sizeof array};
    diffedit_picture *preview;
    double before = operations_of(w->editor);
    assert_int_equal(diffedit_editor_array(&array, w->editor, DIFFEDIT_ARRAY_RUNNING, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(diffedit_editor_view(&preview, w->editor, DIFFEDIT_VIEW_PREVIEW, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(preview != NULL, stage == DIFFEDIT_STAGE_DENOISE);
    w->operations += operations_of(w->editor) - before;
    assert_int_equal(array.dimensions, preview ? 3 : 0);
    if (!preview)
        return 0;
    assert_int_equal(array.shape[1], diffedit_picture_height(preview));
    assert_int_equal(array.shape[2], diffedit_picture_width(preview));
    w->stats = (diffedit_stats){.struct_size = sizeof w->stats};
    diffedit_editor_get_stats(&w->stats, w->editor);
    assert_true(w->stats.total_seconds > 0 && w->stats.evaluations >= done && done <= total);
    diffedit_picture_free(w->last);
    w->last = preview;
    w->shown++;
    return 0;
}

/* The root of the mean squared difference between the last preview and the decoded picture's
 * cells. */
static double difference(const watching *w)
{
    diffedit_picture *decoded;
    assert_int_equal(diffedit_editor_view(&decoded, w->editor, DIFFEDIT_VIEW_DECODED, NULL),
                     DIFFEDIT_OK);
    const uint8_t *a = diffedit_picture_pixels(w->last), *b = diffedit_picture_pixels(decoded);
    int width = diffedit_picture_width(w->last), height = diffedit_picture_height(w->last);
    int factor = diffedit_picture_width(decoded) / width;
    double sum = 0;
    for (int i = 0; i < width * height * 3; i++) {
        int y = i / 3 / width, x = i / 3 % width, mean = 0;
        for (int j = 0; j < factor * factor; j++)
            mean += b[((y * factor + j / factor) * width * factor + x * factor + j % factor) * 3 +
                      i % 3];
        sum += pow(a[i] - (double)mean / (factor * factor), 2);
    }
    diffedit_picture_free(decoded);
    return sqrt(sum / (width * height * 3));
}

static diffedit_options new_options(void)
{
    diffedit_options options;
    assert_int_equal(diffedit_options_init(&options, sizeof options, "fast", model, NULL),
                     DIFFEDIT_OK);
    options.from = "a horse";
    options.to = "a zebra";
    options.steps = 6;
    return options;
}

static void expect_box(const diffedit_stats *stats, de_rectangle at, int width, int height)
{
    assert_int_equal(stats->box_x, at.x);
    assert_int_equal(stats->box_y, at.y);
    assert_int_equal(stats->box_width, at.width);
    assert_int_equal(stats->box_height, at.height);
    assert_int_equal(stats->width, width);
    assert_int_equal(stats->height, height);
}

static void test_the_last_preview_is_like_the_result(void **state)
{
    (void)state;
    diffedit_picture *picture, *result;
    diffedit_editor *editor;
    assert_int_equal(diffedit_picture_open(&picture, POCKET "/samples/horse.png", 0, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(diffedit_editor_new(&editor, model, picture, NULL), DIFFEDIT_OK);
    watching w = {.editor = editor};
    diffedit_editor_set_progress(editor, watch, &w);
    diffedit_options options = new_options();
    assert_int_equal(diffedit_edit(&result, editor, &options, NULL), DIFFEDIT_OK);
    print_message("# preview of an edit: %.1f\n", difference(&w));
    assert_true(difference(&w) < 16);
    assert_true(w.operations > 0 && w.operations < operations_of(editor) / 2); /* of the chart */
    assert_int_equal(w.shown, (int)rint(options.steps * options.ratio));
    expect_box(&w.stats, (de_rectangle){0, 0, SIDE, SIDE}, 128, 128);
    assert_int_equal(diffedit_picture_width(w.last), 32);
    diffedit_picture_free(result);

    options.region = DIFFEDIT_REGION_CROP;
    options.region_margin = 0;
    assert_int_equal(diffedit_edit(&result, editor, &options, NULL), DIFFEDIT_OK);
    print_message("# preview of a box: %.1f\n", difference(&w));
    assert_true(difference(&w) < 16);
    assert_true(editor->box_at.width < SIDE);
    expect_box(&w.stats, editor->box_at, editor->stats.width, editor->stats.height);
    assert_int_equal(diffedit_picture_width(w.last), editor->stats.width / 4);
    diffedit_picture_free(result);

    assert_int_equal(diffedit_generate(&result, editor, &options, NULL), DIFFEDIT_OK);
    print_message("# preview of a picture from text: %.1f\n", difference(&w));
    assert_true(difference(&w) < 30);
    expect_box(&w.stats, (de_rectangle){0, 0, 128, 128}, 128, 128);
    diffedit_picture_free(result);
    diffedit_picture_free(w.last);
    diffedit_editor_free(editor);
    diffedit_picture_free(picture);
}

static int open_model(void **state)
{
    (void)state;
    return diffedit_model_open(&model, POCKET, NULL, NULL);
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
        cmocka_unit_test(test_linear_colours_are_found),
        cmocka_unit_test(test_a_flat_picture_has_one_colour),
        cmocka_unit_test(test_every_step_predicts_the_result),
        cmocka_unit_test(test_the_last_preview_is_like_the_result),
    };
    return cmocka_run_group_tests(tests, open_model, close_model);
}
