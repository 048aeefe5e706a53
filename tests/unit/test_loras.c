/* What the arrays of a LoRA are called, and LoRAs as a program hands them over. The sums are tested
 * in tests/models/test_loras.py, and against diffusers in tests/golden. */
#include "models/lora_layer.h"
#include "models/lora_names.h"
#include "scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *name, *ending;
        de_part part;
        const char *module;
    } names[] = {
        {"lora_unet_mid_block_attentions_0_proj_in.lora_down.weight", DE_LORA_DOWN, DE_PART_UNET,
         "mid_block_attentions_0_proj_in"},
        {"lora_unet_conv_in.lora_mid.weight", DE_LORA_MIDDLE, DE_PART_UNET, "conv_in"},
        {"lora_te_text_model_encoder_layers_0_mlp_fc1.alpha", DE_LORA_ALPHA, DE_PART_TEXT,
         "text_model_encoder_layers_0_mlp_fc1"},
        {"lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", DE_LORA_UP, DE_PART_TEXT,
         "text_model_encoder_layers_0_mlp_fc1"},
        {"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_up.weight", DE_LORA_UP, DE_PART_COUNT,
         "lora_te2_text_model_encoder_layers_0_mlp_fc1"},
        {"unet.a.attn1.processor.to_out_lora.up.weight", DE_LORA_UP, DE_PART_UNET,
         "a_attn1_to_out_0"},
        {"a.attn1.processor.to_out_lora.up.weight", DE_LORA_UP, DE_PART_COUNT, "a_attn1_to_out_0"},
        {"text_encoder.a.self_attn.to_out_lora.down.weight", DE_LORA_DOWN, DE_PART_TEXT,
         "a_self_attn_out_proj"},
        {"text_encoder.a.q_proj.lora_linear_layer.down.weight", DE_LORA_DOWN, DE_PART_TEXT,
         "a_q_proj"},
        {"unet.a.to_q.lora.up.weight", DE_LORA_UP, DE_PART_UNET, "a_to_q"},
        {"unet.a.to_q.lora_A.weight", DE_LORA_DOWN, DE_PART_UNET, "a_to_q"},
        {"base_model.model.unet.a.lora_B.default_0.weight", DE_LORA_UP, DE_PART_UNET, "a"},
        {"model.diffusion_model.a.lora_A.weight", DE_LORA_DOWN, DE_PART_UNET, "a"},
        {"unet.a.lora_B.one.two.weight", NULL, DE_PART_UNET, "a_lora_B_one_two_weight"},
        {"conv_in.weight", NULL, DE_PART_COUNT, "conv_in_weight"},
        {".alpha", NULL, DE_PART_COUNT, "_alpha"},
        {"", NULL, DE_PART_COUNT, ""},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        de_lora_name found;
        de_lora_name_read(&found, names[i].name);
        assert_null(found.refused);
        assert_int_equal(found.part, names[i].part);
        assert_string_equal(found.module, names[i].module);
        assert_string_equal(found.ending ? found.ending : "none",
                            names[i].ending ? names[i].ending : "none");
    }
}

static void test_other_methods(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {"lora_unet_conv_in.hada_w1_a", "a LoHa"},
        {"lora_unet_conv_in.lokr_t2", "a LoKr"},
        {"lora_unet_conv_in.oft_blocks", "an OFT"},
        {"lora_unet_conv_in.dora_scale", "a DoRA"},
        {"unet.conv_in.lora_magnitude_vector", "a DoRA"},
        {"unet.conv_in.lora_B.bias", "a LoRA with biases"},
        {"unet.conv_in.lora_embedding_A", "a LoRA of embeddings"},
        {"lora_unet_conv_in.on_input", "an (IA)^3"},
        {"lora_unet_conv_in.diff_b", "a difference of whole weights"},
        {"lora_unet_conv_in.diff", "a difference of whole weights"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        de_lora_name found;
        de_lora_name_read(&found, names[i][0]);
        assert_string_equal(found.refused, names[i][1]);
    }
}

/* Nothing is written behind the room for a name. */
static void test_long_names(void **state)
{
    (void)state;
    static const char *const ends[] = {"_lora.up.weight", ".lora_A.x.weight", ".processor.to_out",
                                       "_to_out_lora.up.weight", ""};
    for (size_t length = DE_TENSOR_NAME - 40; length < 2 * DE_TENSOR_NAME; length++)
        for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
            char name[3 * DE_TENSOR_NAME];
            de_lora_name found;
            memset(name, 'a', length);
            snprintf(name + length, sizeof name - length, "%s", ends[i]);
            de_lora_name_read(&found, name);
            assert_true(strlen(found.module) < DE_TENSOR_NAME);
        }
}

/* ---- as a program hands them over ---- */

static void refused(const diffedit_lora *lora, size_t count, diffedit_status code,
                    const char *sentence)
{
    const diffedit_lora *const rows[] = {lora, lora};
    const diffedit_model_settings settings = {
        .struct_size = sizeof settings, .lora = lora ? rows : NULL, .lora_count = count};
    diffedit_model *model;
    diffedit_error error;
    assert_int_equal(diffedit_model_open(&model, POCKET, &settings, &error), code);
    assert_string_equal(error.message, sentence);
}

static void test_rows(void **state)
{
    (void)state;
    struct {
        diffedit_lora known;
        int unknown;
    } newer = {{sizeof newer, "none", 1}, 1};
    refused(NULL, 1, DIFFEDIT_ERROR_ARGUMENT, "`settings.lora` is NULL");
    const diffedit_model_settings holed = {
        .struct_size = sizeof holed, .lora = (const diffedit_lora *const[]){NULL}, .lora_count = 1};
    diffedit_model *model;
    diffedit_error error;
    assert_int_equal(diffedit_model_open(&model, POCKET, &holed, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`settings.lora` holds NULL");
    refused(&(diffedit_lora){0, "none", 1}, 1, DIFFEDIT_ERROR_ARGUMENT,
            "a diffedit_lora whose struct_size is not set");
    refused(&(diffedit_lora){sizeof(diffedit_lora), NULL, 1}, 1, DIFFEDIT_ERROR_ARGUMENT,
            "a diffedit_lora without a path");
    refused(&newer.known, 1, DIFFEDIT_ERROR_ARGUMENT,
            "a diffedit_lora with a field that diffedit " DE_VERSION
            " does not have: the program was built against a newer version");
    refused(&(diffedit_lora){sizeof(diffedit_lora), "none", NAN}, 2, DIFFEDIT_ERROR_ARGUMENT,
            "none: the weight of a LoRA must be a finite number");
    refused(&(diffedit_lora){sizeof(diffedit_lora), "none", 1e300}, 2, DIFFEDIT_ERROR_ARGUMENT,
            "none: the weight of a LoRA must be a finite number");
    refused(&(diffedit_lora){sizeof(diffedit_lora), "none", 1}, SIZE_MAX, DIFFEDIT_ERROR_MEMORY,
            "out of memory: 18446744073709551615 bytes for a list of LoRAs");
}

static void test_described(void **state)
{
    (void)state;
    const diffedit_lora lora = {sizeof lora, GOLDEN "/tiny-sd1/lora-kohya/kohya.safetensors", 0.5};
    const diffedit_lora *const rows[] = {&lora, &lora};
    const diffedit_model_settings settings = {
        .struct_size = sizeof settings, .lora = rows, .lora_count = 2};
    diffedit_model_description *described;
    diffedit_error error;
    assert_int_equal(diffedit_model_describe(&described, GOLDEN "/tiny-sd1/model", &settings, NULL,
                                             NULL, &error),
                     DIFFEDIT_OK);
    for (size_t i = 0; i < 2; i++) {
        const diffedit_lora_info *info = diffedit_model_description_lora(described, i);
        assert_string_equal(info->path, lora.path);
        assert_true(info->weight == 0.5 && info->unet_layers > 200);
        assert_int_equal(info->text_encoder_layers, 12);
        assert_true(info->least_rank == 1 && info->most_rank == 4);
    }
    assert_null(diffedit_model_description_lora(described, 2));
    diffedit_free(described);
}

static void keep(void *user, const char *sentence)
{
    diffedit_error *problem = user;
    snprintf(problem->message, sizeof problem->message, "%s", sentence);
}

/* A problem is reported to a caller that wants no error too. */
static void test_described_without_an_error(void **state)
{
    (void)state;
    const diffedit_lora lora = {sizeof lora, "none", 1};
    const diffedit_model_settings settings = {.struct_size = sizeof settings,
                                              .lora = (const diffedit_lora *const[]){&lora},
                                              .lora_count = 1};
    diffedit_model_description *described;
    diffedit_error problem = {.message = ""};
    assert_int_equal(diffedit_model_describe(&described, GOLDEN "/tiny-sd1/model", &settings, keep,
                                             &problem, NULL),
                     DIFFEDIT_OK);
    assert_non_null(strstr(problem.message, "none: "));
    diffedit_free(described);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),      cmocka_unit_test(test_other_methods),
        cmocka_unit_test(test_long_names), cmocka_unit_test(test_rows),
        cmocka_unit_test(test_described),  cmocka_unit_test(test_described_without_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
