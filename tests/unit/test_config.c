/* Model configs: what is honoured, and that what cannot be is named and refused. */
#include "models/config.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define UNET \
    "\"sample_size\": 64, \"block_out_channels\": [320, 640], \"layers_per_block\": [1, 2], " \
    "\"down_block_types\": [\"CrossAttnDownBlock2D\", \"DownBlock2D\"], " \
    "\"up_block_types\": [\"UpBlock2D\", \"CrossAttnUpBlock2D\"], \"cross_attention_dim\": 768"
#define VAE \
    "\"block_out_channels\": [128, 256], " \
    "\"down_block_types\": [\"DownEncoderBlock2D\", \"DownEncoderBlock2D\"], " \
    "\"up_block_types\": [\"UpDecoderBlock2D\", \"UpDecoderBlock2D\"]"

static de_documents scratch;

/* "{" common ", " extra "}" in a file, whose name it returns */
static const char *write_config(const char *common, const char *extra)
{
    char text[2048];
    snprintf(text, sizeof text, "{%s%s%s}", common, *common && *extra ? ", " : "", extra);
    scratch_write_text("config.json", text);
    return "config.json";
}

static void test_unet(void **state)
{
    (void)state;
    de_unet_config config;
    diffedit_error error = {.message = ""};
    diffedit_status status = de_unet_config_read(
        &config, &scratch,
        write_config(UNET, "\"attention_head_dim\": [5, 10], \"use_linear_projection\": true, "
                           "\"_diffusers_version\": \"0.2\", \"class_embed_type\": null, "
                           "\"mid_block_only_cross_attention\": null"),
        &error);
    assert_string_equal(error.message, "");
    assert_int_equal(status, DIFFEDIT_OK);
    assert_int_equal(config.levels, 2);
    assert_int_equal(config.down_layers[1], 2);
    assert_true(config.down_attention[0] && !config.down_attention[1]);
    assert_true(config.up_attention[0] && !config.up_attention[1]);
    assert_int_equal(config.heads[1], 10);
    assert_int_equal(config.norm_groups, 32);
}

static void expect_unet_refused(const char *extra, const char *key)
{
    de_unet_config config;
    diffedit_error error = {.message = ""};
    const char *path = write_config(UNET, extra);
    assert_int_equal(de_unet_config_read(&config, &scratch, path, &error), DIFFEDIT_ERROR_MODEL);
    if (!strstr(error.message, key) || !strstr(error.message, path))
        fail_msg("\"%s\" does not name %s", error.message, key);
}

static void test_what_a_unet_cannot_be(void **state)
{
    (void)state;
    expect_unet_refused("\"class_embed_type\": \"timestep\"", "`class_embed_type` is \"timestep\"");
    expect_unet_refused("\"only_cross_attention\": true", "only_cross_attention");
    expect_unet_refused("\"num_class_embeds\": 3", "num_class_embeds");
    expect_unet_refused("\"flip_sin_to_cos\": false", "flip_sin_to_cos");
    expect_unet_refused("\"mid_block_type\": \"UNetMidBlock2D\"", "mid_block_type");
    expect_unet_refused("\"resnet_time_scale_shift\": \"scale_shift\"", "resnet_time_scale_shift");
    expect_unet_refused("\"norm_num_groups\": 7", "block_out_channels");
    expect_unet_refused("\"attention_head_dim\": 7", "attention_head_dim");
    expect_unet_refused("\"attention_head_dim\": [8]", "attention_head_dim");
    expect_unet_refused("\"in_channels\": -4", "in_channels");
    expect_unet_refused("\"in_channels\": 4.5", "in_channels");
    expect_unet_refused("\"num_attention_heads\": 8", "num_attention_heads");
    expect_unet_refused("\"a_key_of_tomorrow\": 1", "a_key_of_tomorrow");
    expect_unet_refused("\"_class_name\": \"UNet3DConditionModel\"", "_class_name");
    expect_unet_refused("\"transformer_layers_per_block\": 1000000",
                        "transformer_layers_per_block");
    /* null is not the same as nothing */
    expect_unet_refused("\"mid_block_type\": null", "`mid_block_type` is null");
    expect_unet_refused("\"flip_sin_to_cos\": null", "`flip_sin_to_cos` is null");
    expect_unet_refused("\"norm_num_groups\": null", "`norm_num_groups` is null");
}

static void test_vae(void **state)
{
    (void)state;
    de_vae_config config;
    diffedit_error error = {.message = ""};
    assert_int_equal(
        de_vae_config_read(&config, &scratch, write_config(VAE, "\"force_upcast\": true"), &error),
        DIFFEDIT_OK);
    assert_true(config.scaling_factor == 0.18215 && config.mid_attention && config.quant_conv);
    assert_int_equal(
        de_vae_config_read(&config, &scratch, write_config(VAE, "\"shift_factor\": 0.1"), &error),
        DIFFEDIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "shift_factor"));
    assert_int_equal(de_vae_config_read(&config, &scratch,
                                        write_config("", "\"block_out_channels\": []"), &error),
                     DIFFEDIT_ERROR_MODEL);
}

static void test_text(void **state)
{
    (void)state;
    de_text_config config;
    diffedit_error error = {.message = ""};
    assert_int_equal(
        de_text_config_read(&config, &scratch,
                            write_config("", "\"hidden_act\": \"gelu\", \"hidden_size\": 1024, "
                                             "\"num_attention_heads\": 16"),
                            &error),
        DIFFEDIT_OK);
    assert_false(config.quick_gelu);
    assert_int_equal(config.positions, 77);
    assert_int_equal(de_text_config_read(&config, &scratch,
                                         write_config("", "\"hidden_act\": \"relu\""), &error),
                     DIFFEDIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "relu"));
}

static void test_schedule(void **state)
{
    (void)state;
    de_schedule_config config;
    diffedit_error error = {.message = ""};
    assert_int_equal(de_schedule_config_read(&config, &scratch,
                                             write_config("", "\"_class_name\": \"PNDMScheduler\""),
                                             &error),
                     DIFFEDIT_OK);
    assert_int_equal(config.train_timesteps, 1000);
    assert_true(config.scaled_linear && !config.v_prediction && config.steps_offset == 1);
    static const char *const refused[] = {"\"rescale_betas_zero_snr\": true",
                                          "\"prediction_type\": \"sample\"",
                                          "\"beta_schedule\": \"squaredcos_cap_v2\"",
                                          "\"num_train_timesteps\": 0", "\"trained_betas\": [0.1]"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(
            de_schedule_config_read(&config, &scratch, write_config("", refused[i]), &error),
            DIFFEDIT_ERROR_MODEL);
    assert_int_equal(
        de_schedule_config_read(
            &config, &scratch,
            write_config("", "\"num_train_timesteps\": 2, \"trained_betas\": [0.1, 0.2]"), &error),
        DIFFEDIT_OK);
    assert_true(config.trained_betas[1] == 0.2f);
    de_schedule_config_free(&config);
}

static void test_model_index(void **state)
{
    (void)state;
    diffedit_error error = {.message = ""};
    assert_int_equal(de_model_index_check(&(de_documents){.path = GOLDEN "/tiny-sd1/model"},
                                          "model_index.json", &error),
                     DIFFEDIT_OK);
    const char *path = write_config("", "\"unet\": [\"diffusers\", \"UNet3DConditionModel\"]");
    assert_int_equal(de_model_index_check(&scratch, path, &error), DIFFEDIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "UNet3DConditionModel"));
    path = write_config("",
                        "\"text_encoder_2\": [\"transformers\", \"CLIPTextModelWithProjection\"]");
    assert_int_equal(de_model_index_check(&scratch, path, &error), DIFFEDIT_ERROR_MODEL);
    assert_non_null(strstr(error.message, "text_encoder_2"));
}

static void test_hints(void **state)
{
    (void)state;
    de_model_hints hints;
    diffedit_error error = {.message = ""};
    const char *path = write_config("", "\"words\": [\"horse\"], \"defaults\": {\"paper\": "
                                        "{\"guidance\": 4.5}, \"diffusers\": {\"steps\": 25}}");
    assert_int_equal(de_model_hints_read(&hints, &scratch, path, &error), DIFFEDIT_OK);
    assert_string_equal(hints.words[0], "horse");
    assert_int_equal(hints.default_count, 2);
    assert_string_equal(hints.defaults[0].preset, "paper");
    assert_string_equal(hints.defaults[0].value, "4.5");
    assert_string_equal(hints.defaults[1].name, "steps");
    de_model_hints_free(&hints);
    assert_int_equal(de_model_hints_read(&hints, &scratch, "nothing", &error), DIFFEDIT_OK);
    assert_null(hints.words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unet),     cmocka_unit_test(test_what_a_unet_cannot_be),
        cmocka_unit_test(test_vae),      cmocka_unit_test(test_text),
        cmocka_unit_test(test_schedule), cmocka_unit_test(test_model_index),
        cmocka_unit_test(test_hints),
    };
    scratch_make();
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", scratch_path("."));
    scratch.path = folder;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
