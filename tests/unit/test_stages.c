/* The stages by themselves, on networks made of arithmetic: what each computes can be written down.
 */
#include "base/random.h"
#include "edit/predictor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Cells of 2 x 2 pixels, 2 channels. The autoencoder's mean of channel j is the mean of colour j of
 * a cell plus j, its log-variance 0. The UNet of a text whose embedding is e finds e x + t / 1000
 * in every channel, with a condition also its mask. */
enum { FACTOR = 2, CHANNELS = 2, H = 3, W = 4, CELLS = H * W, COUNT = CHANNELS * CELLS };

typedef struct arithmetic {
    float texts[2];
    int n, runs, begun;
} arithmetic;

static diffedit_status encode_pixels(void *self, const float *pixels, int h, int w, float *moments,
                                     diffedit_error *error)
{
    (void)self, (void)error;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            for (int j = 0; j < CHANNELS; j++) {
                float sum = 0;
                for (int i = 0; i < FACTOR * FACTOR; i++)
                    sum += pixels[((y * FACTOR + i / 2) * w * FACTOR + x * FACTOR + i % 2) * 3 + j];
                float *cell = moments + (y * w + x) * 2 * CHANNELS;
                cell[j] = sum / (FACTOR * FACTOR) + (float)j;
                cell[CHANNELS + j] = 0;
            }
    return DIFFEDIT_OK;
}

static diffedit_status decode_latent(void *self, const float *latent, int h, int w, float *pixels,
                                     diffedit_error *error)
{
    (void)self, (void)error;
    for (int y = 0; y < h * FACTOR; y++)
        for (int x = 0; x < w * FACTOR; x++)
            for (int c = 0; c < 3; c++)
                pixels[(y * w * FACTOR + x) * 3 + c] = latent[y / FACTOR * w + x / FACTOR];
    return DIFFEDIT_OK;
}

static diffedit_status unet_begin(void *self, const float *const *embeddings, int n, int chunks,
                                  int h, int w, diffedit_error *error)
{
    arithmetic *networks = self;
    (void)error;
    assert_int_equal(chunks, 1);
    assert_int_equal(h, H);
    assert_int_equal(w, W);
    assert_int_equal(networks->begun++, 0);
    networks->n = n;
    for (int i = 0; i < n; i++)
        networks->texts[i] = *embeddings[i];
    return DIFFEDIT_OK;
}

static diffedit_status unet_run(void *self, const float *x, const float *condition, double t,
                                float *y, diffedit_error *error)
{
    arithmetic *networks = self;
    (void)error;
    networks->runs++;
    for (int i = 0; i < networks->n; i++)
        for (int j = 0; j < COUNT; j++)
            y[i * COUNT + j] = networks->texts[i] * x[j] + (float)t / 1000 +
                               (condition ? condition[j % CELLS] : 0);
    return DIFFEDIT_OK;
}

static void unet_end(void *self)
{
    ((arithmetic *)self)->begun--;
}

static de_network_set new_networks(arithmetic *self)
{
    *self = (arithmetic){.n = 0};
    return (de_network_set){.factor = FACTOR,
                            .channels = CHANNELS,
                            .text_tokens = 1,
                            .text_width = 1,
                            .scaling_factor = 0.5,
                            .self = self,
                            .encode_pixels = encode_pixels,
                            .decode_latent = decode_latent,
                            .unet_begin = unet_begin,
                            .unet_run = unet_run,
                            .unet_end = unet_end};
}

static const de_latent_params SIZE = {.width = W * FACTOR, .height = H * FACTOR};
static const float EMPTY = 0, FROM = 0.25f, TO = -0.5f;
static const de_text_input EMPTY_TEXT = {&EMPTY, 1, 1}, FROM_TEXT = {&FROM, 2, 1},
                           TO_TEXT = {&TO, 3, 1};

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

static const float *x_0(void)
{
    static float latent[COUNT];
    for (int j = 0; j < COUNT; j++)
        latent[j] = (float)(j % 5) / 4 - 0.5f;
    return latent;
}

static void expect_near(const float *found, const float *expected, int count)
{
    for (int j = 0; j < count; j++)
        assert_float_equal(found[j], expected[j], 1e-5);
}

/* ---- encode, condition, decode ---- */

static void test_encode_scales_the_mean(void **state)
{
    (void)state;
    arithmetic self;
    de_network_set networks = new_networks(&self);
    de_stage_context context = {.threads = 1};
    uint8_t pixels[CELLS * FACTOR * FACTOR * 3];
    float latent[COUNT], sample[COUNT], noise[COUNT];
    memset(pixels, 255, sizeof pixels);
    assert_int_equal(de_encode_run(latent, &SIZE, pixels, &networks, &context, NULL), DIFFEDIT_OK);
    for (int j = 0; j < COUNT; j++)
        assert_float_equal(latent[j], 0.5 * (1 + j / CELLS), 1e-6);
    de_latent_params params = SIZE;
    params.sample = 1;
    params.seed = 5;
    assert_int_equal(de_encode_run(sample, &params, pixels, &networks, &context, NULL),
                     DIFFEDIT_OK);
    de_random_normal(DIFFEDIT_RNG_CPU, 5, COUNT, noise);
    for (int j = 0; j < COUNT; j++)
        assert_float_equal(sample[j], latent[j] + 0.5f * noise[j], 1e-6);
}

static void test_condition_is_mask_and_masked_latent(void **state)
{
    (void)state;
    arithmetic self;
    de_network_set networks = new_networks(&self);
    uint8_t pixels[CELLS * FACTOR * FACTOR * 3], mask[CELLS * FACTOR * FACTOR] = {0};
    uint8_t cells[CELLS] = {1};
    float condition[CELLS + COUNT];
    memset(pixels, 255, sizeof pixels);
    mask[0] = mask[1] = mask[W * FACTOR] = mask[W * FACTOR + 1] = 1;
    de_region region = {
        .mask = mask, .cells = cells, .width = W * FACTOR, .height = H * FACTOR, .h = H, .w = W};
    de_condition_params params = {.latent = SIZE, .mask = 7};
    assert_int_equal(de_condition_run(condition, &params, pixels, &region, &networks, NULL),
                     DIFFEDIT_OK);
    for (int i = 0; i < CELLS; i++) {
        assert_float_equal(condition[i], i == 0, 0);
        assert_float_equal(condition[CELLS + i], i == 0 ? 0 : 0.5, 1e-6);
    }
    params.mask = 0;
    assert_int_equal(de_condition_run(condition, &params, NULL, NULL, &networks, NULL),
                     DIFFEDIT_OK);
    for (int i = 0; i < CELLS; i++) {
        assert_float_equal(condition[i], 1, 0);
        assert_float_equal(condition[CELLS + i], 0, 0);
    }
}

static void test_decode_rounds_and_clamps(void **state)
{
    (void)state;
    arithmetic self;
    de_network_set networks = new_networks(&self);
    de_stage_context context = {.threads = 1};
    float latent[COUNT] = {-3, 3, 0, 1.0f / 255};
    uint8_t pixels[CELLS * FACTOR * FACTOR * 3];
    assert_int_equal(de_decode_run(pixels, &SIZE, latent, &networks, &context, NULL), DIFFEDIT_OK);
    const uint8_t expected[] = {0, 255, 128, 128};
    for (int x = 0; x < W; x++)
        assert_int_equal(pixels[x * FACTOR * 3], expected[x]);
}

/* ---- map and region ---- */

/* A contrast of both texts at level 0.36. */
static de_map_params contrast_params(int samples)
{
    return (de_map_params){.latent = SIZE,
                           .seed = 4,
                           .from = FROM_TEXT.serial,
                           .to = TO_TEXT.serial,
                           .timestep = 500,
                           .level = 0.36,
                           .method = DIFFEDIT_MASK_CONTRAST,
                           .samples = samples};
}

static void test_contrast_is_where_texts_disagree(void **state)
{
    (void)state;
    arithmetic self;
    de_network_set networks = new_networks(&self);
    de_stage_context context = {.threads = 1};
    enum { SAMPLES = 3 };
    const de_map_params params = contrast_params(SAMPLES);
    const de_map_inputs inputs = {.latent = x_0(), .from = FROM_TEXT, .to = TO_TEXT};
    de_map map;
    assert_int_equal(de_map_run(&map, &params, &inputs, &networks, &context, NULL), DIFFEDIT_OK);
    assert_int_equal(context.evaluations, 2 * SAMPLES);
    assert_int_equal(self.begun, 0);
    float noise[SAMPLES * COUNT], expected[CELLS] = {0}, mean = 0;
    de_random_normal(DIFFEDIT_RNG_CPU, 4, SAMPLES * COUNT, noise);
    for (int j = 0; j < SAMPLES * COUNT; j++) /* |(TO - FROM) z|, z = 0.6 x_0 + 0.8 noise */
        expected[j % CELLS] += fabsf((TO - FROM) * (0.6f * x_0()[j % COUNT] + 0.8f * noise[j]));
    for (int i = 0; i < CELLS; i++)
        mean += expected[i] / CELLS;
    for (int i = 0; i < CELLS; i++)
        expected[i] = fminf(expected[i], 3 * mean) / (3 * mean);
    expect_near(map.values, expected, CELLS);
    de_map_free(&map);
}

/* Of twelve values the third quartile is the ninth, whatever the rest are. */
static void test_a_quantile_may_count_as_1(void **state)
{
    (void)state;
    arithmetic self;
    de_network_set networks = new_networks(&self);
    de_stage_context context = {.threads = 1};
    de_map_params params = contrast_params(1);
    const de_map_inputs inputs = {.latent = x_0(), .from = FROM_TEXT, .to = TO_TEXT};
    de_map own, map;
    assert_int_equal(de_map_run(&own, &params, &inputs, &networks, &context, NULL), DIFFEDIT_OK);
    params.quantile = 0.75;
    assert_int_equal(de_map_run(&map, &params, &inputs, &networks, &context, NULL), DIFFEDIT_OK);
    float limit = 1; /* the smallest value that at most a quarter of all exceed */
    for (int i = 0; i < CELLS; i++) {
        int above = 0;
        for (int j = 0; j < CELLS; j++)
            above += own.values[j] > own.values[i];
        if (4 * above <= CELLS)
            limit = fminf(limit, own.values[i]);
    }
    assert_true(limit < 0.9f);
    for (int i = 0; i < CELLS; i++)
        assert_float_equal(map.values[i], fminf(own.values[i] / limit, 1), 1e-5);
    de_map_free(&map);
    de_map_free(&own);
}

static void test_equal_texts_make_an_empty_map(void **state)
{
    (void)state;
    arithmetic self;
    de_network_set networks = new_networks(&self);
    de_stage_context context = {.threads = 1};
    const de_map_params params = {.latent = SIZE, .from = 2, .to = 2, .level = 0.5, .samples = 1};
    const de_map_inputs inputs = {.latent = x_0(), .from = FROM_TEXT, .to = FROM_TEXT};
    de_map map;
    assert_int_equal(de_map_run(&map, &params, &inputs, &networks, &context, NULL), DIFFEDIT_OK);
    assert_int_equal(self.runs, 0);
    for (int i = 0; i < CELLS; i++)
        assert_float_equal(map.values[i], 0, 0);
    de_map_free(&map);
}

/* As an editor has it: the map is cleaned first. `filter` as the option. */
static void run_filtered_region(de_region *region, const de_region_params *params,
                                const de_map *map, const uint8_t *given, int filter)
{
    static de_cleaned cleaned; /* which the region borrows */
    const de_clean_params how = {
        .width = params->width, .height = params->height, .cells = params->cells, .filter = filter};
    de_stage_context context = {.threads = 1};
    const de_region_inputs inputs = {.cleaned = &cleaned, .given = given};
    de_cleaned_free(&cleaned);
    if (!given)
        assert_int_equal(de_clean_run(&cleaned, &how, map, NULL, &context, NULL), DIFFEDIT_OK);
    assert_int_equal(de_region_run(region, params, &inputs, &context, NULL), DIFFEDIT_OK);
}

static void run_region(de_region *region, const de_region_params *params, const de_map *map,
                       const uint8_t *given)
{
    run_filtered_region(region, params, map, given, DIFFEDIT_MASK_FILTER_NONE);
}

static void test_a_region_follows_the_threshold(void **state)
{
    (void)state;
    float values[CELLS] = {[1] = 0.5f, [6] = 0.9f};
    const de_map map = {.values = values, .h = H, .w = W};
    de_region_params params = {
        .width = W * FACTOR, .height = H * FACTOR, .cells = {H, W}, .threshold = 0.5};
    de_region region;
    run_region(&region, &params, &map, NULL);
    assert_int_equal(region.changed, 2 * FACTOR * FACTOR);
    uint64_t content = de_region_content(&region), cells = de_region_cells_content(&region);
    for (int i = 0; i < CELLS; i++)
        assert_int_equal(region.cells[i], i == 1 || i == 6);
    de_region_free(&region);
    params.threshold = 0.4; /* the same cells: the same content */
    run_region(&region, &params, &map, NULL);
    assert_true(de_region_content(&region) == content);
    de_region_free(&region);
    uint8_t given[CELLS * FACTOR * FACTOR] = {
        [2] = 1, [20] = 1}; /* a pixel of each of these cells */
    run_region(&region, &params, NULL, given);
    assert_int_equal(region.changed, 2);
    assert_true(de_region_cells_content(&region) == cells);
    assert_true(de_region_content(&region) != content);
    de_region_free(&region);
}

/* ---- invert and denoise ---- */

/* A sampler of this program: a step adds or takes eps / 8; it encodes at the state's own timestep
 * and remembers one prediction, which it averages with the newest. */
static diffedit_status toy_grid(de_grid *grid, const de_schedule *schedule, int spacing, int steps,
                                diffedit_error *error)
{
    (void)schedule, (void)spacing;
    diffedit_status status = de_grid_new(grid, steps, error);
    for (int i = 0; i <= steps && status == DIFFEDIT_OK; i++) {
        grid->timesteps[i] = 100 * i;
        grid->levels[i] = 1.0 / (1 + i);
        grid->sigmas[i] = sqrt(i);
    }
    return status;
}

static void toy_move(de_walk *walk, const float *eps, float share, const float *x, float *y)
{
    for (int64_t j = 0; j < walk->count; j++) {
        float before = walk->filled ? walk->history[0][j] : eps[j];
        y[j] = x[j] + share * (eps[j] + before) / 2;
    }
    de_walk_remember(walk, eps);
}

static void toy_decode(de_walk *walk, int i, const float *eps, float *x)
{
    (void)i;
    toy_move(walk, eps, -0.125f, x, x);
}

static void toy_encode(de_walk *walk, int i, const float *eps, const float *x, float *next)
{
    (void)i;
    toy_move(walk, eps, 0.125f, x, next);
}

static const de_sampler TOY = {.name = "toy",
                               .spacing = DIFFEDIT_SPACING_LEADING,
                               .spacings = 1u << DIFFEDIT_SPACING_LEADING,
                               .make_grid = toy_grid,
                               .history = 1,
                               .decode_step = toy_decode,
                               .encode_step = toy_encode};

/* x_0 .. x_k of `params` in steps of `by`, so that a longer run goes on where a shorter one ended.
 */
static de_inversion invert(const de_inversion_params *params, int k, int by, arithmetic *self)
{
    de_network_set networks = new_networks(self);
    de_stage_context context = {.threads = 1};
    de_schedule schedule = new_schedule();
    const de_inversion_inputs inputs = {.latent = x_0(), .from = FROM_TEXT, .empty = EMPTY_TEXT};
    de_inversion inversion = {0};
    for (int to = by; to <= k; to += by)
        assert_int_equal(
            de_inversion_run(&inversion, params, to, &inputs, &schedule, &networks, &context, NULL),
            DIFFEDIT_OK);
    assert_int_equal(inversion.count, k + 1);
    assert_int_equal(self->begun, 0);
    de_schedule_free(&schedule);
    return inversion;
}

static void test_a_new_sampler_is_a_row(void **state)
{
    (void)state;
    arithmetic self;
    const de_inversion_params params = {.latent = SIZE, .sampler = &TOY, .guidance = 1, .steps = 4};
    de_inversion inversion = invert(&params, 4, 4, &self);
    float x[COUNT]; /* no text: eps is t / 1000 */
    memcpy(x, x_0(), sizeof x);
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < COUNT; j++)
            x[j] += 0.125f * (0.1f * (float)i + 0.1f * (float)(i ? i - 1 : 0)) / 2;
        expect_near(inversion.states + (i + 1) * COUNT, x, COUNT);
    }
    de_inversion_free(&inversion);
}

static void test_an_inversion_goes_on_where_it_ended(void **state)
{
    (void)state;
    const de_sampler *const samplers[] = {&de_ddim, &de_dpmpp_2m, &TOY};
    for (int s = 0; s < 3; s++) {
        arithmetic self;
        const de_inversion_params params = {.latent = SIZE,
                                            .sampler = samplers[s],
                                            .from = 2,
                                            .guidance = 3,
                                            .spacing = samplers[s]->spacing,
                                            .steps = 6};
        de_inversion whole = invert(&params, 6, 6, &self), parts = invert(&params, 6, 2, &self);
        assert_memory_equal(whole.states, parts.states, 7 * COUNT * sizeof(float));
        de_inversion_free(&whole);
        de_inversion_free(&parts);
    }
}

static diffedit_status denoise(de_final *final, const de_denoise_params *params,
                               const de_denoise_inputs *inputs, de_stage_context *context)
{
    arithmetic self;
    de_network_set networks = new_networks(&self);
    de_schedule schedule = new_schedule();
    diffedit_status status = de_denoise_run(final, params, inputs, &schedule, &networks, context,
                                            NULL);
    assert_int_equal(self.begun, 0);
    de_schedule_free(&schedule);
    return status;
}

static void test_outside_the_mask_stands_the_background(void **state)
{
    (void)state;
    arithmetic self;
    const de_inversion_params inversion = {.latent = SIZE,
                                           .sampler = &de_ddim,
                                           .guidance = 1,
                                           .spacing = DIFFEDIT_SPACING_LEADING,
                                           .steps = 6};
    de_inversion states = invert(&inversion, 5, 5, &self);
    const uint8_t cells[CELLS] = {[3] = 1, [7] = 1};
    de_denoise_params params = {.latent = SIZE,
                                .inversion = inversion,
                                .sampler = &de_ddim,
                                .to = 3,
                                .unconditional = 1,
                                .guidance = 2,
                                .start = DE_START_INVERTED,
                                .spacing = DIFFEDIT_SPACING_LEADING,
                                .steps = 6,
                                .k = 5};
    const de_denoise_inputs inputs = {.latent = x_0(),
                                      .states = states.states,
                                      .cells = cells,
                                      .to = TO_TEXT,
                                      .unconditional = EMPTY_TEXT};
    /* x_0, x_1 and x_0: the last step ends at node 0, and `lagged` is one step noisier */
    const float *const expected[] = {[DIFFEDIT_BACKGROUND_SAME] = states.states,
                                     [DIFFEDIT_BACKGROUND_LAGGED] = states.states + COUNT,
                                     [DIFFEDIT_BACKGROUND_START] = x_0()};
    for (params.background = 0; params.background < 3; params.background++) {
        de_stage_context context = {.threads = 1};
        de_final final;
        assert_int_equal(denoise(&final, &params, &inputs, &context), DIFFEDIT_OK);
        assert_int_equal(context.evaluations, 2 * 5);
        for (int j = 0; j < COUNT; j++)
            assert_int_equal(final.latent[j] == expected[params.background][j], !cells[j % CELLS]);
        assert_null(final.noise);
        de_final_free(&final);
    }
    de_inversion_free(&states);
}

/* Five steps from nothing but the noise of seed 9, without a mask. */
static de_denoise_params from_noise(const de_sampler *sampler, uint64_t to)
{
    return (de_denoise_params){.latent = SIZE,
                               .sampler = sampler,
                               .seed = 9,
                               .to = to,
                               .unconditional = 1,
                               .guidance = 1,
                               .start = DE_START_NOISE,
                               .background = -1,
                               .spacing = sampler->spacing,
                               .steps = 5,
                               .k = 5};
}

static void test_generating_begins_with_noise_alone(void **state)
{
    (void)state;
    const de_sampler *sampler;
    for (int s = 0; (sampler = de_sampler_at(s)); s++) {
        const de_denoise_params params = from_noise(sampler, 1);
        const de_denoise_inputs inputs = {.to = EMPTY_TEXT, .unconditional = EMPTY_TEXT};
        de_stage_context context = {.threads = 1};
        float noise[COUNT];
        de_final final;
        assert_int_equal(denoise(&final, &params, &inputs, &context), DIFFEDIT_OK);
        assert_int_equal(context.evaluations, 5);
        de_random_normal(DIFFEDIT_RNG_CPU, 9, COUNT, noise);
        assert_memory_equal(final.noise, noise, sizeof noise);
        de_final_free(&final);
    }
}

static int cancel_at(void *at, diffedit_stage_id stage, int done, int total)
{
    assert_int_equal(stage, DIFFEDIT_STAGE_DENOISE);
    assert_in_range(done, 1, total);
    return done == *(int *)at;
}

static void test_cancelled_stages_leave_nothing(void **state)
{
    (void)state;
    int at = 2;
    const de_denoise_params params = from_noise(&de_ddim, 3);
    const de_denoise_inputs inputs = {.to = TO_TEXT, .unconditional = EMPTY_TEXT};
    de_stage_context context = {.threads = 1, .progress = cancel_at, .progress_user = &at};
    de_final final;
    assert_int_equal(denoise(&final, &params, &inputs, &context), DIFFEDIT_ERROR_CANCELLED);
    assert_int_equal(context.evaluations, 2);
    assert_null(final.latent);
}

/* numpy's, of the same formula in double */
static void test_a_bilateral_filter_keeps_edges(void **state)
{
    (void)state;
    const float values[CELLS] = {0.1f,  0.2f, 0.9f, 0.8f,  0.15f, 0.6f,
                                 0.95f, 1,    0.1f, 0.05f, 0.4f,  0.7f},
                expected[CELLS] = {0.1252779f, 0.1551434f, 0.8586147f, 0.827671f,
                                   0.1264792f, 0.6002287f, 0.8682771f, 0.8793405f,
                                   0.1133444f, 0.1134723f, 0.4104507f, 0.7227323f};
    float smoothed[CELLS];
    de_map_bilateral(smoothed, values, H, W);
    expect_near(smoothed, expected, CELLS);
}

static void expect_cells(const de_region_params *params, const de_map *map, const uint8_t *given,
                         int filter, const char *expected)
{
    de_region region;
    run_filtered_region(&region, params, map, given, filter);
    for (int i = 0; i < params->cells.h * params->cells.w; i++)
        assert_int_equal(region.cells[i], expected[i] == '#');
    de_region_free(&region);
}

static void test_a_map_is_cleaned_and_a_given_mask_is_not(void **state)
{
    (void)state;
    enum { N = 5 };
    float values[N * N];
    uint8_t given[N * N];
    static const char ring[] = "....."
                               ".####"
                               ".#..#"
                               ".####"
                               "#....";
    for (int i = 0; i < N * N; i++) {
        given[i] = ring[i] == '#';
        values[i] = given[i] ? 0.6f : 0.5f;
    }
    const de_map map = {.values = values, .h = N, .w = N};
    de_region_params params = {.width = N, .height = N, .cells = {N, N}, .threshold = 0.55};
    const int none = DIFFEDIT_MASK_FILTER_NONE, bilateral = DIFFEDIT_MASK_FILTER_BILATERAL;
    expect_cells(&params, &map, NULL, none, ring);
    params.fill = 1;
    expect_cells(&params, &map, NULL, none,
                 "....."
                 ".####"
                 ".####"
                 ".####"
                 "#....");
    expect_cells(&params, NULL, given, none, ring);
    expect_cells(&params, NULL, given, bilateral, ring);
    params.fill = 0;
    expect_cells(&params, &map, NULL, bilateral,
                 "....." /* numpy's */
                 "...##"
                 "...##"
                 "...##"
                 "#....");
    for (int i = 0; i < N * N; i++)
        assert_true(values[i] == (given[i] ? 0.6f : 0.5f));
}

/* A picture of a bright part that begins within a cell, and a map that rises slowly over it. */
static void test_a_refined_region_ends_where_the_thing_does(void **state)
{
    (void)state;
    enum { N = 12, SIDE = N * 4, EDGE = 26 };
    float values[N * N];
    uint8_t pixels[SIDE * SIDE];
    for (int i = 0; i < N * N; i++)
        values[i] = (float)(i % N) / (N - 1);
    for (int i = 0; i < SIDE * SIDE; i++)
        pixels[i] = i % SIDE >= EDGE ? 180 : 70;
    const de_map map = {.values = values, .h = N, .w = N};
    de_region_params params = {.width = SIDE, .height = SIDE, .cells = {N, N}, .threshold = 0.5};
    const de_clean_params how = {.width = SIDE, .height = SIDE, .cells = {N, N}, .refine = 1};
    de_stage_context context = {.threads = 2};
    de_cleaned cleaned;
    de_region_inputs inputs = {.cleaned = &cleaned};
    de_region region;
    diffedit_picture *picture;
    assert_int_equal(diffedit_picture_new(&picture, SIDE, SIDE, 1, 8, pixels, SIDE, NULL), 0);
    assert_int_equal(de_clean_run(&cleaned, &how, &map, picture, &context, NULL), DIFFEDIT_OK);
    assert_int_equal(de_region_run(&region, &params, &inputs, &context, NULL), DIFFEDIT_OK);
    assert_ptr_equal(region.from, &cleaned);
    assert_int_equal(region.changed, SIDE * (SIDE - EDGE));
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_int_equal(region.mask[i], i % SIDE >= EDGE);
    for (int i = 0; i < N * N; i++) /* those with any pixel of it */
        assert_int_equal(region.cells[i], i % N >= EDGE / 4);
    de_region_free(&region);
    params.grow = 3;
    assert_int_equal(de_region_run(&region, &params, &inputs, &context, NULL), DIFFEDIT_OK);
    assert_int_equal(region.changed, SIDE * (SIDE - EDGE + 3));
    de_region_free(&region);
    uint8_t given[SIDE * SIDE] = {[5] = 1};
    inputs.given = given;
    params.grow = 0;
    assert_int_equal(de_region_run(&region, &params, &inputs, &context, NULL), DIFFEDIT_OK);
    assert_memory_equal(region.mask, given, sizeof given);
    assert_null(region.from);
    de_region_free(&region);
    de_cleaned_free(&cleaned);
    diffedit_picture_free(picture);
}

static void test_room_is_for_the_decode(void **state)
{
    (void)state;
    enum { N = 9 };
    float values[N * N] = {[4 * N + 4] = 0.9f, [4 * N + 7] = 0.5f};
    uint8_t given[N * N * 4] = {[4 * N * 2] = 1};
    const de_map map = {.values = values, .h = N, .w = N};
    de_region_params params = {
        .width = 2 * N, .height = 2 * N, .cells = {N, N}, .threshold = 0.8, .room = 1};
    de_region region;
    run_region(&region, &params, &map, NULL);
    assert_non_null(region.room);
    assert_int_equal(region.changed, 4);
    for (int i = 0; i < N * N; i++)
        assert_int_equal(region.cells[i], abs(i / N - 4) + abs(i % N - 4) <= 1);
    de_region_free(&region);
    run_region(&region, &params, NULL, given);
    assert_memory_equal(region.mask, given, sizeof given);
    for (int i = 0; i < N * N; i++)
        assert_int_equal(region.cells[i], abs(i / N - 2) + i % N <= 1);
    de_region_free(&region);
}

enum { GRID = 12, CELL = 4, WHOLE = GRID * CELL };

static void paint(uint8_t *pixels, int top, int bottom, int left, int right, uint8_t value)
{
    for (int y = top; y < bottom; y++)
        memset(pixels + (y * WHOLE + left) * 3, value, (size_t)(right - left) * 3);
}

/* Cells 4 to 6 both ways without the one in the middle, cut by what changed; room of two. */
static void cut_ring(de_region *region, const uint8_t *decoded, const uint8_t *reconstructed,
                     int fill)
{
    float values[GRID * GRID] = {0};
    const de_map map = {.values = values, .h = GRID, .w = GRID};
    const de_region_params params = {
        .width = WHOLE, .height = WHOLE, .cells = {GRID, GRID}, .threshold = 0.5, .room = 2};
    const de_cut_params cut = {.working = {WHOLE, WHOLE}, .fill = fill};
    de_stage_context context = {.threads = 2};
    for (int i = 0; i < GRID * GRID; i++)
        values[i] = abs(i / GRID - 5) <= 1 && abs(i % GRID - 5) <= 1 && i != 5 * GRID + 5;
    run_region(region, &params, &map, NULL);
    const de_cut_inputs inputs = {.decoded = decoded, .reconstructed = reconstructed};
    assert_int_equal(de_cut_run(region, &cut, &inputs, &context, NULL), DIFFEDIT_OK);
}

static bool in_square(int i, int top, int bottom, int left, int right)
{
    return i / WHOLE >= top && i / WHOLE < bottom && i % WHOLE >= left && i % WHOLE < right;
}

/* The ring is rows and columns 16 to 28, its middle 20 to 24. The decode makes a thing half beside
 * it, a speck, and one where it has no room. */
static void test_the_composite_takes_what_changed(void **state)
{
    (void)state;
    static uint8_t decoded[WHOLE * WHOLE * 3], reconstructed[WHOLE * WHOLE * 3];
    de_region region;
    memset(reconstructed, 60, sizeof reconstructed);
    memcpy(decoded, reconstructed, sizeof decoded);
    cut_ring(&region, decoded, reconstructed, 0);
    for (int i = 0; i < WHOLE * WHOLE; i++) /* a corner is opened away */
        if (region.mask[i] != (in_square(i, 16, 28, 16, 28) && !in_square(i, 20, 24, 20, 24)))
            assert_true(!in_square(i, 17, 27, 17, 27) && in_square(i, 16, 28, 16, 28));
    de_region_free(&region);
    cut_ring(&region, decoded, reconstructed, 1);
    assert_int_equal(region.mask[22 * WHOLE + 22], 1);
    de_region_free(&region);

    static const uint8_t values[] = {200, 80}; /* a dark thing differs less */
    for (int k = 0; k < 2; k++) {
        paint(decoded, 17, 27, 24, 34, values[k]);
        paint(decoded, 12, 13, 14, 15, values[k]); /* the speck */
        paint(decoded, 40, 48, 40, 48, 200);
        cut_ring(&region, decoded, reconstructed, 0);
        int64_t count = 0;
        for (int i = 0; i < WHOLE * WHOLE; i++) {
            if (in_square(i, 17, 27, 17, 20) || in_square(i, 18, 26, 24, 33))
                assert_int_equal(region.mask[i], 1);
            if (!in_square(i, 16, 28, 16, 36) || in_square(i, 20, 24, 20, 24))
                assert_int_equal(region.mask[i], 0);
            count += region.mask[i];
        }
        assert_int_equal(region.changed, count);
        de_region_free(&region);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode_scales_the_mean),
        cmocka_unit_test(test_condition_is_mask_and_masked_latent),
        cmocka_unit_test(test_decode_rounds_and_clamps),
        cmocka_unit_test(test_contrast_is_where_texts_disagree),
        cmocka_unit_test(test_a_quantile_may_count_as_1),
        cmocka_unit_test(test_equal_texts_make_an_empty_map),
        cmocka_unit_test(test_a_region_follows_the_threshold),
        cmocka_unit_test(test_a_bilateral_filter_keeps_edges),
        cmocka_unit_test(test_a_map_is_cleaned_and_a_given_mask_is_not),
        cmocka_unit_test(test_a_refined_region_ends_where_the_thing_does),
        cmocka_unit_test(test_room_is_for_the_decode),
        cmocka_unit_test(test_the_composite_takes_what_changed),
        cmocka_unit_test(test_a_new_sampler_is_a_row),
        cmocka_unit_test(test_an_inversion_goes_on_where_it_ended),
        cmocka_unit_test(test_outside_the_mask_stands_the_background),
        cmocka_unit_test(test_generating_begins_with_noise_alone),
        cmocka_unit_test(test_cancelled_stages_leave_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
