/* What a client of the web UI asks for: every field is honoured, neutral, or refused by its name.
 */
#include "server/base64.h"
#include "server/sdapi_fields.h"
#include "server/sdapi_pictures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the client webuiapi 0.9.17 sends, whatever its user asks for. */
static const char *const usual =
    "{\"enable_hr\": false, \"hr_scale\": 2, \"hr_upscaler\": \"Latent\", \"hr_resize_x\": 0,"
    " \"hr_checkpoint_name\": null, \"hr_prompt\": \"\", \"denoising_strength\": 0.7,"
    " \"firstphase_width\": 0, \"prompt\": \"a horse\", \"styles\": [], \"seed\": -1,"
    " \"subseed\": -1, \"subseed_strength\": 0.0, \"seed_resize_from_h\": 0, \"batch_size\": 1,"
    " \"n_iter\": 1, \"steps\": 20, \"cfg_scale\": 7.0, \"width\": 512, \"height\": 256,"
    " \"restore_faces\": false, \"tiling\": false, \"do_not_save_samples\": false,"
    " \"negative_prompt\": \"\", \"eta\": 1.0, \"s_churn\": 0, \"s_noise\": 1,"
    " \"override_settings\": {}, \"override_settings_restore_afterwards\": true,"
    " \"sampler_name\": \"Euler a\", \"scheduler\": \"automatic\", \"sampler_index\": \"Euler a\","
    " \"script_name\": null, \"script_args\": [], \"send_images\": true, \"save_images\": false,"
    " \"alwayson_scripts\": {}}";

/* The usual request with the fields of `changes` in it, freed by the caller. */
static json_t *request(const char *changes)
{
    json_t *body = json_loads(usual, 0, NULL), *more = json_loads(changes, 0, NULL);
    assert_non_null(body);
    assert_non_null(more);
    json_object_update(body, more);
    json_decref(more);
    return body;
}

static const char *option(const sdapi_wish *wish, const char *name)
{
    const char *value = json_string_value(json_object_get(wish->options, name));
    return value ? value : "";
}

static void test_the_usual_request(void **state)
{
    (void)state;
    json_t *body = request("{}");
    sdapi_wish wish;
    assert_int_equal(sdapi_read_wish(&wish, body, false, NULL), DIFFEDIT_OK);
    assert_string_equal(wish.to, "a horse");
    assert_string_equal(option(&wish, "size"), "512x256");
    assert_string_equal(option(&wish, "steps"), "20");
    assert_string_equal(option(&wish, "guidance"), "7");
    assert_string_equal(option(&wish, "scheduler"), "euler-a");
    assert_string_equal(option(&wish, "spacing"), "linspace");
    assert_string_equal(option(&wish, "prompt-syntax"), "weighted");
    assert_int_equal(wish.pictures, 1);
    assert_true(wish.seed <= UINT32_MAX);
    assert_true(wish.send_images);
    assert_null(wish.image);
    sdapi_wish_free(&wish);
    json_decref(body);
}

static void test_image_to_image(void **state)
{
    (void)state;
    json_t *body = request("{\"init_images\": [\"AAAA\"], \"mask\": \"BBBB\", \"mask_blur\": 4,"
                           " \"denoising_strength\": 0.5, \"inpaint_full_res\": true,"
                           " \"inpaint_full_res_padding\": 32, \"sampler_name\": \"LMS\","
                           " \"inpainting_fill\": 1, \"n_iter\": 3, \"seed\": 7}");
    sdapi_wish wish;
    assert_int_equal(sdapi_read_wish(&wish, body, true, NULL), DIFFEDIT_OK);
    assert_string_equal(option(&wish, "ratio"), "0.55000000000000004");
    assert_string_equal(option(&wish, "encode"), "none");
    assert_string_equal(option(&wish, "background"), "same");
    assert_string_equal(option(&wish, "composite"), "pixel");
    assert_string_equal(option(&wish, "mask-blur"), "8");
    assert_string_equal(option(&wish, "region"), "crop");
    assert_string_equal(option(&wish, "region-margin"), "32");
    assert_true(wish.only_masked);
    assert_false(wish.fill);
    assert_int_equal(wish.pictures, 3);
    assert_int_equal(wish.seed, 7);
    sdapi_wish_free(&wish);
    json_decref(body);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *changes, *sentence;
    } cases[] = {
        {"{\"enable_hr\": true}", "enable_hr: this server does not support it"},
        {"{\"alwayson_scripts\": {\"ControlNet\": {\"args\": [{\"model\": \"canny\"}]}}}",
         "alwayson_scripts: \"ControlNet\" is not supported"},
        {"{\"script_name\": \"X/Y/Z plot\"}", "script_name: this server does not support it"},
        {"{\"styles\": [\"film\"]}", "styles: "},
        {"{\"unheard_of\": 1}", "unheard_of: "},
        {"{\"sampler_name\": \"UniPC\"}", "sampler_name: expected one of"},
        {"{\"scheduler\": \"kl_optimal\"}", "scheduler: expected one of"},
        {"{\"seed\": \"7\"}", "seed: expected a whole number"},
        {"{\"seed\": -2}", "seed: expected a whole number"},
        {"{\"steps\": 0}", "steps: expected a number from 1 to 999"},
        {"{\"steps\": 2.5}", "steps: expected a whole number"},
        {"{\"width\": 1e30}", "width: expected a number from 8 to 8192"},
        {"{\"batch_size\": 8, \"n_iter\": 9}", "batch_size times n_iter: expected at most 64"},
        {"{\"prompt\": \"a horse <lora:film:1>\"}", "prompt: <lora:...> is not supported"},
        {"{\"prompt\": 7}", "prompt: expected a text"},
        {"{\"override_settings\": {\"CLIP_stop_at_last_layers\": 2}}", "CLIP_stop_at_last_layers"},
        {"{\"eta\": 0.5}", "eta: this server does not support it; expected one of [0, 1]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *body = request(cases[i].changes);
        sdapi_wish wish;
        diffedit_error error;
        assert_int_equal(sdapi_read_wish(&wish, body, false, &error), DIFFEDIT_ERROR_ARGUMENT);
        if (!strstr(error.message, cases[i].sentence))
            fail_msg("expected \"%s\", found \"%s\"", cases[i].sentence, error.message);
        json_decref(body);
    }
}

static void test_what_is_refused_of_an_edit(void **state)
{
    (void)state;
    static const struct {
        const char *changes, *sentence;
    } cases[] = {
        {"{}", "init_images: expected a list of one picture"},
        {"{\"init_images\": [\"A\", \"B\"]}", "init_images: expected a list of one picture"},
        {"{\"init_images\": [\"A\"], \"denoising_strength\": 2}",
         "denoising_strength: expected a number from 0 to 1"},
        {"{\"init_images\": [\"A\"], \"resize_mode\": 3}", "resize_mode: expected a number from"},
        {"{\"init_images\": [\"A\"], \"mask\": \"B\", \"inpainting_fill\": 2}",
         "inpainting_fill: expected a number from 0 to 1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *body = request(cases[i].changes);
        sdapi_wish wish;
        diffedit_error error;
        assert_int_equal(sdapi_read_wish(&wish, body, true, &error), DIFFEDIT_ERROR_ARGUMENT);
        if (!strstr(error.message, cases[i].sentence))
            fail_msg("expected \"%s\", found \"%s\"", cases[i].sentence, error.message);
        json_decref(body);
    }
}

static void test_scripts_that_are_off(void **state)
{
    (void)state;
    json_t *body = request("{\"alwayson_scripts\": {\"ADetailer\": {\"args\": [false]},"
                           " \"ControlNet\": {\"args\": []}}}");
    sdapi_wish wish;
    assert_int_equal(sdapi_read_wish(&wish, body, false, NULL), DIFFEDIT_OK);
    sdapi_wish_free(&wish);
    json_decref(body);
}

/* ---- pictures ---- */

/* A picture of one colour with a square of another, in base64, freed by the caller. */
static json_t *encoded(int width, int height, int channels, uint8_t around, uint8_t inside)
{
    uint8_t *pixels = malloc((size_t)width * (size_t)height * (size_t)channels);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            bool in = 4 * x >= width && 4 * x < 3 * width && 4 * y >= height && 4 * y < 3 * height;
            memset(pixels + ((size_t)y * (size_t)width + (size_t)x) * (size_t)channels,
                   in ? inside : around, (size_t)channels);
        }
    diffedit_picture *picture;
    void *bytes;
    size_t size;
    assert_int_equal(diffedit_picture_new(&picture, width, height, channels, 8, pixels,
                                          (size_t)width * (size_t)channels, NULL),
                     DIFFEDIT_OK);
    assert_int_equal(diffedit_picture_encode(&bytes, &size, picture, NULL, NULL), DIFFEDIT_OK);
    char *coded = base64_encode("", bytes, size);
    json_t *text = json_string(coded);
    free(coded);
    diffedit_free(bytes);
    diffedit_picture_free(picture);
    free(pixels);
    return text;
}

/* The pixels of what sdapi_prepare() made. */
static diffedit_picture *decoded(const sdapi_file *file)
{
    diffedit_picture *picture;
    assert_int_equal(diffedit_picture_decode(&picture, file->bytes, file->size, "test", 0, NULL),
                     DIFFEDIT_OK);
    return picture;
}

static uint8_t pixel(const diffedit_picture *picture, int x, int y)
{
    const uint8_t *pixels = diffedit_picture_pixels(picture);
    int channels = diffedit_picture_channels(picture);
    return pixels[((ptrdiff_t)y * diffedit_picture_width(picture) + x) * channels];
}

static void test_pictures_are_resized(void **state)
{
    (void)state;
    json_t *image = encoded(40, 20, 3, 200, 100), *mask = encoded(80, 40, 1, 0, 255);
    for (int mode = SDAPI_STRETCH; mode <= SDAPI_PAD; mode++) {
        sdapi_wish wish = {.image = json_string_value(image),
                           .mask = json_string_value(mask),
                           .width = 64,
                           .height = 64,
                           .resize = (sdapi_resize)mode};
        sdapi_inputs inputs;
        assert_int_equal(sdapi_prepare(&inputs, &wish, 0, NULL), DIFFEDIT_OK);
        diffedit_picture *picture = decoded(&inputs.picture), *white = decoded(&inputs.mask);
        assert_int_equal(diffedit_picture_width(picture), 64);
        assert_int_equal(diffedit_picture_height(white), 64);
        assert_int_equal(pixel(picture, 32, 32), 100);
        assert_int_equal(pixel(white, 32, 32), 255);
        assert_int_equal(pixel(picture, 32, 1), 200);
        /* where the middle half ends: stretched and padded beside it, cropped at twice the width */
        assert_int_equal(pixel(white, 12, 32), mode == SDAPI_CROP ? 255 : 0);
        diffedit_picture_free(picture);
        diffedit_picture_free(white);
        sdapi_inputs_free(&inputs);
    }
    json_decref(image);
    json_decref(mask);
}

static void test_masks(void **state)
{
    (void)state;
    json_t *image = encoded(64, 64, 3, 200, 40), *mask = encoded(64, 64, 1, 0, 255);
    sdapi_wish wish = {.image = json_string_value(image),
                       .mask = json_string_value(mask),
                       .only_masked = true,
                       .fill = true,
                       .invert_mask = false,
                       .width = 8,
                       .height = 8};
    sdapi_inputs inputs;
    assert_int_equal(sdapi_prepare(&inputs, &wish, 0, NULL), DIFFEDIT_OK);
    diffedit_picture *picture = decoded(&inputs.picture);
    assert_int_equal(diffedit_picture_width(picture), 64); /* its own size */
    assert_int_equal(pixel(picture, 2, 2), 200);
    assert_in_range(pixel(picture, 32, 32), 195, 205); /* filled with what surrounds it */
    diffedit_picture_free(picture);
    sdapi_inputs_free(&inputs);
    wish.fill = false;
    wish.invert_mask = true;
    assert_int_equal(sdapi_prepare(&inputs, &wish, 0, NULL), DIFFEDIT_OK);
    diffedit_picture *white = decoded(&inputs.mask);
    assert_int_equal(pixel(white, 2, 2), 255);
    assert_int_equal(pixel(white, 32, 32), 0);
    diffedit_picture_free(white);
    sdapi_inputs_free(&inputs);
    wish.mask = NULL;
    wish.invert_mask = false;
    assert_int_equal(sdapi_prepare(&inputs, &wish, 0, NULL), DIFFEDIT_OK);
    white = decoded(&inputs.mask);
    assert_int_equal(pixel(white, 32, 32), 255); /* everything */
    diffedit_picture_free(white);
    sdapi_inputs_free(&inputs);
    json_decref(image);
    json_decref(mask);
}

static void test_what_is_no_picture(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "!", "data:image/png;base64,", "AAAA", "====", "A"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        sdapi_wish wish = {.image = texts[i], .width = 8, .height = 8};
        sdapi_inputs inputs;
        diffedit_error error;
        assert_int_not_equal(sdapi_prepare(&inputs, &wish, 0, &error), DIFFEDIT_OK);
        assert_non_null(strstr(error.message, "init_images"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_usual_request),
        cmocka_unit_test(test_image_to_image),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_what_is_refused_of_an_edit),
        cmocka_unit_test(test_scripts_that_are_off),
        cmocka_unit_test(test_pictures_are_resized),
        cmocka_unit_test(test_masks),
        cmocka_unit_test(test_what_is_no_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
