/* What becomes of an edit's networks where a device is too small, is lost, or has arrays too narrow
 * for a model's values. */
#include "recorder.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char title[] = "gpu:0 (A Small One)";

/* What the log was told last, and how often. */
typedef struct listener {
    char line[256];
    int lines, warnings;
} listener;

static void listen(void *user, diffedit_log_level level, const char *line)
{
    listener *told = user;
    told->lines++;
    told->warnings += level == DIFFEDIT_LOG_WARNING;
    snprintf(told->line, sizeof told->line, "%s", line);
}

/* A machine with a narrow device and its wide twin. */
typedef struct fixture {
    test_machine machine;
    recorder narrow, wide;
    listener told;
    de_log log;
    diffedit_error error;
    results found;
} fixture;

static results on_cpu;
/* What the decoder, the encoder and the UNet give. */
static const de_tensor pixels = {.n = 1, .c = 3}, moments = {.n = 1, .c = 6},
                       noise = {.n = TEXTS, .c = 3};
static int weights_of_all, weights_of_unet;
static fixture f;

static int set_up(void **state)
{
    (void)state;
    f = (fixture){.log = {listen, &f.told}};
    test_machine other;
    f.narrow = new_recorder(&f.machine, DIFFEDIT_ARITHMETIC_QUICK);
    f.wide = new_recorder(&other, DIFFEDIT_ARITHMETIC_QUICK);
    join_recorders(&f.narrow, &f.wide, title);
    return 0;
}

static diffedit_status run(const diffedit_model *model)
{
    return run_networks(model, NULL, &f.found, f.log, &f.error);
}

static void check_like_cpu(void)
{
    assert_memory_equal(&f.found, &on_cpu, offsetof(results, computed));
    assert_int_equal(f.machine.allocations, 0);
}

static void close_model(diffedit_model *model)
{
    de_model_close(model);
    assert_int_equal(f.machine.weights, 0);
    assert_int_equal(f.machine.allocations, 0);
}

/* What everything finds on the CPU, and how many layers and vectors there are. */
static int measure(void **state)
{
    (void)state;
    diffedit_model *model = open_on(open_cpu(DIFFEDIT_ARITHMETIC_QUICK));
    diffedit_status status = run_networks(model, NULL, &on_cpu, (de_log){0}, NULL);
    de_model_close(model);
    set_up(NULL);
    model = open_on(&f.narrow.base);
    weights_of_all = f.machine.weights;
    de_unet *unet;
    const de_network_sources sources = de_model_sources(model);
    if (de_unet_new(&unet, sources.device, sources.unet, sources.weights[DE_PART_UNET], NULL,
                    NULL) != DIFFEDIT_OK)
        return -1;
    weights_of_unet = f.machine.weights - weights_of_all;
    de_unet_free(unet);
    de_model_close(model);
    return status == DIFFEDIT_OK ? 0 : -1;
}

/* ---- values that leave f16's range ---- */

static void test_the_text_encoder_is_wide(void **state)
{
    (void)state;
    diffedit_model *model = open_on(&f.narrow.base);
    assert_int_equal(run(model), DIFFEDIT_OK);
    check_like_cpu();
    assert_int_equal(f.wide.programs, TEXTS);
    assert_int_equal(f.narrow.programs, 4); /* encoding, keys and values, the UNet, decoding */
    assert_int_equal(f.told.lines, 0);
    close_model(model);
}

/* The decoder, or the encoder, runs again, and at once from then on. */
static void check_runs_again(de_tensor output, const char *says)
{
    diffedit_model *model = open_on(&f.narrow.base);
    f.narrow.overflows = output;
    for (int edit = 1; edit <= 2; edit++) {
        assert_int_equal(run(model), DIFFEDIT_OK);
        check_like_cpu();
        assert_int_equal(f.wide.programs, edit * (TEXTS + 1));
        assert_int_equal(f.narrow.programs, 4 + (edit - 1) * 3);
        assert_int_equal(f.told.warnings, 1);
    }
    assert_non_null(strstr(f.told.line, says));
    close_model(model);
}

static void test_the_autoencoder_runs_again(void **state)
{
    check_runs_again(pixels, "decodes in 32 bits");
    set_up(state);
    check_runs_again(moments, "encodes in 32 bits");
}

/* What is no finite number in float32 either stays what it is on the CPU. */
static void test_wide_is_no_help(void **state)
{
    (void)state;
    diffedit_model *model = open_on(&f.narrow.base);
    f.narrow.overflows = f.wide.overflows = pixels;
    for (int edit = 1; edit <= 2; edit++) {
        assert_int_equal(run(model), DIFFEDIT_OK);
        assert_int_equal(f.wide.programs, edit * (TEXTS + 1));
        assert_int_equal(f.narrow.programs, edit * 4);
    }
    assert_int_equal(f.told.lines, 0);
    close_model(model);
}

static void test_the_unet_is_refused(void **state)
{
    (void)state;
    diffedit_model *model = open_on(&f.narrow.base);
    f.narrow.overflows = noise;
    assert_int_equal(run(model), DIFFEDIT_ERROR_DEVICE);
    assert_string_equal(f.error.message,
                        "gpu:0 (A Small One): values of this model's UNet leave the range of "
                        "16-bit floating point; `arithmetic` exact computes with 32 bits");
    assert_false(de_model_is_lost(model));
    close_model(model);
}

/* ---- too little memory ---- */

static void check_one_at_a_time(diffedit_model *model)
{
    for (int edit = 1; edit <= 2; edit++) {
        assert_int_equal(run(model), DIFFEDIT_OK);
        check_like_cpu();
        assert_int_equal(f.told.lines, 1);
        assert_int_equal(f.told.warnings, 0);
    }
    assert_non_null(strstr(f.told.line, "one at a time"));
    assert_true(f.machine.weights <= weights_of_unet);
}

static void test_no_room_for_all(void **state)
{
    (void)state;
    f.machine.most_weights = weights_of_unet;
    diffedit_model *model = open_on(&f.narrow.base);
    check_one_at_a_time(model);
    close_model(model);
}

static void test_no_room_beside_all(void **state)
{
    (void)state;
    f.machine.most_beside = weights_of_unet;
    diffedit_model *model = open_on(&f.narrow.base);
    assert_int_equal(f.machine.weights, weights_of_all);
    check_one_at_a_time(model);
    close_model(model);
}

static void test_no_room_for_one(void **state)
{
    (void)state;
    f.machine.most_weights = weights_of_unet - 1;
    diffedit_model *model;
    const diffedit_model_settings settings = {0};
    assert_int_equal(de_model_read(&model, GOLDEN "/tiny-odd/model", &settings, NULL, NULL),
                     DIFFEDIT_OK);
    model->device = &f.narrow.base;
    const de_network_sources sources = de_model_sources(model);
    assert_int_equal(de_networks_new(&model->networks, &sources, false, &f.error),
                     DIFFEDIT_ERROR_MEMORY);
    assert_string_equal(f.error.message, "out of memory on gpu:0 (A Small One), which has 4.0 GB: "
                                         "0.0 MB for weights");
    close_model(model);
}

/* The UNet finds no room beside its weights; the sentence ends in words that suit the device. */
static void expect_no_room(const char *device, const char *ends)
{
    f.machine.most_beside = weights_of_unet - 1;
    f.narrow.base.title = device;
    diffedit_model *model = open_on(&f.narrow.base);
    char starts[96];
    int factor = de_vae_factor(&model->parts.vae);
    snprintf(starts, sizeof starts, "the UNet at %dx%d: out of memory%s: ", W * factor, H * factor,
             device ? " on gpu:0 (A Small One), which has 4.0 GB" : "");
    assert_int_equal(run(model), DIFFEDIT_ERROR_MEMORY);
    assert_ptr_equal(strstr(f.error.message, starts), f.error.message);
    assert_string_equal(strstr(f.error.message, " for a tensor; "), ends);
    assert_int_equal(f.machine.allocations, 0);
    close_model(model);
}

static void test_no_room_beside_one(void **state)
{
    (void)state;
    expect_no_room(title, " for a tensor; try a smaller `size` or `device` cpu");
}

/* The CPU, which has no title. */
static void test_no_room_on_the_cpu(void **state)
{
    (void)state;
    expect_no_room(NULL, " for a tensor; try a smaller `size`");
}

/* ---- a device that is lost ---- */

static void test_lost(void **state)
{
    (void)state;
    diffedit_model *model = open_on(&f.narrow.base);
    assert_int_equal(run(model), DIFFEDIT_OK);
    assert_false(de_model_is_lost(model));
    f.machine.lost = true;
    assert_true(de_model_is_lost(model));
    assert_int_equal(run(model), DIFFEDIT_ERROR_DEVICE);
    assert_string_equal(f.error.message, "the device is lost");
    assert_int_equal(f.told.lines, 0);
    close_model(model);
}

#define TEST(function) cmocka_unit_test_setup(function, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_text_encoder_is_wide), TEST(test_the_autoencoder_runs_again),
        TEST(test_wide_is_no_help),          TEST(test_the_unet_is_refused),
        TEST(test_no_room_for_all),          TEST(test_no_room_beside_all),
        TEST(test_no_room_for_one),          TEST(test_no_room_beside_one),
        TEST(test_no_room_on_the_cpu),       TEST(test_lost),
    };
    return cmocka_run_group_tests(tests, measure, NULL);
}
