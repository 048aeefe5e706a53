/* All networks run on a second backend as on the CPU, bit by bit. */
#include "recorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_same_bits(diffedit_arithmetic arithmetic)
{
    static results on_cpu, on_recorder;
    test_machine machine = {0};
    recorder device = new_recorder(&machine, arithmetic);
    diffedit_model *model = open_on(open_cpu(arithmetic));
    assert_int_equal(run_networks(model, NULL, &on_cpu, (de_log){0}, NULL), DIFFEDIT_OK);
    de_model_close(model);

    model = open_on(&device.base);
    assert_int_equal(run_networks(model, &device, &on_recorder, (de_log){0}, NULL), DIFFEDIT_OK);
    assert_int_equal(machine.allocations, 0);
    assert_int_equal(device.closed, 0);
    de_model_close(model);
    assert_int_equal(device.closed, 1);

    assert_true(on_cpu.computed.operations > 0);
    assert_true(on_cpu.computed.seconds == 0);
    assert_true(on_recorder.computed.seconds == recorder_seconds * device.replays);
    on_recorder.computed.seconds = 0;
    assert_memory_equal(&on_cpu, &on_recorder, sizeof on_cpu);
    assert_true(on_cpu.noise[0][0] != on_cpu.noise[1][0]);
    for (int i = 0; i < OPS; i++)
        assert_true(device.ops[i] > 0);
    /* two texts, encoding, the texts' keys and values, the UNet, decoding */
    assert_int_equal(device.programs, TEXTS + 4);
    assert_int_equal(device.replays, TEXTS + 3 + RUNS);
}

static void test_same_bits(void **state)
{
    (void)state;
    check_same_bits(DIFFEDIT_ARITHMETIC_EXACT);
    check_same_bits(DIFFEDIT_ARITHMETIC_QUICK);
}

/* Products of a UNet that are exact in any arithmetic, by their weights' names. */
static void count_exact(void *user, const char *name, const de_weight *weight, const char *problem)
{
    static const char *const endings[] = {"time_embedding.linear_1.weight",
                                          "time_embedding.linear_2.weight", "time_emb_proj.weight",
                                          "attn2.to_k.weight"};
    (void)weight;
    assert_null(problem);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        size_t length = strlen(name), ending = strlen(endings[i]);
        if (length >= ending && strcmp(name + length - ending, endings[i]) == 0)
            ++*(int *)user;
    }
}

/* On a quick device what runs once, and much else is made from, is exact all the same. */
static void test_what_is_always_exact(void **state)
{
    (void)state;
    int exact = 0;
    test_machine machine = {0};
    recorder device = new_recorder(&machine, DIFFEDIT_ARITHMETIC_QUICK);
    diffedit_model *model = open_on(open_cpu(DIFFEDIT_ARITHMETIC_EXACT));
    de_network_sources sources = de_model_sources(model);
    sources.device = &device.base;
    de_text_encoder *text;
    assert_int_equal(de_text_encoder_new(&text, sources.device, sources.text,
                                         sources.weights[DE_PART_TEXT], NULL, NULL),
                     DIFFEDIT_OK);
    de_text_encoder_free(text);
    assert_true(device.linears[DIFFEDIT_ARITHMETIC_EXACT] > 0);
    assert_int_equal(device.linears[DIFFEDIT_ARITHMETIC_QUICK], 0);

    de_unet *unet;
    const de_survey survey = {count_exact, &exact, false};
    assert_int_equal(de_network_survey(&sources, DE_PART_UNET, &survey, NULL), DIFFEDIT_OK);
    device.linears[DIFFEDIT_ARITHMETIC_EXACT] = 0;
    assert_int_equal(
        de_unet_new(&unet, sources.device, sources.unet, sources.weights[DE_PART_UNET], NULL, NULL),
        DIFFEDIT_OK);
    de_unet_free(unet);
    assert_true(exact > 4);
    assert_int_equal(device.linears[DIFFEDIT_ARITHMETIC_EXACT], exact);
    assert_true(device.linears[DIFFEDIT_ARITHMETIC_QUICK] > exact);
    assert_int_equal(device.convolutions[DIFFEDIT_ARITHMETIC_EXACT], 0);

    de_vae *vae;
    assert_int_equal(
        de_vae_new(&vae, sources.device, sources.vae, sources.weights[DE_PART_VAE], NULL, NULL),
        DIFFEDIT_OK);
    de_vae_free(vae);
    assert_int_equal(device.linears[DIFFEDIT_ARITHMETIC_EXACT], exact);
    assert_int_equal(device.convolutions[DIFFEDIT_ARITHMETIC_EXACT], 0);
    de_model_close(model);
}

/* Each allocation in turn fails, and everything is given back. */
static void test_out_of_memory(void **state)
{
    (void)state;
    static results found;
    test_machine machine = {0};
    recorder device = new_recorder(&machine, DIFFEDIT_ARITHMETIC_EXACT);
    diffedit_model *model = open_on(&device.base);
    diffedit_status status = DIFFEDIT_ERROR_MEMORY;
    int allowed = 0;
    for (; status != DIFFEDIT_OK && allowed < 1000; allowed++) {
        machine.allowed = allowed;
        status = run_networks(model, NULL, &found, (de_log){0}, NULL);
        assert_true(status == DIFFEDIT_OK || status == DIFFEDIT_ERROR_MEMORY);
        assert_int_equal(machine.allocations, 0);
    }
    assert_true(allowed > 10 && status == DIFFEDIT_OK);
    de_model_close(model);
}

static void test_failing_device(void **state)
{
    (void)state;
    static results found;
    test_machine machine = {0};
    recorder device = new_recorder(&machine, DIFFEDIT_ARITHMETIC_EXACT);
    diffedit_error error;
    diffedit_model *model = open_on(&device.base);
    device.fails_to_record = true;
    assert_int_equal(run_networks(model, NULL, &found, (de_log){0}, &error), DIFFEDIT_ERROR_MEMORY);
    assert_string_equal(error.message, "cannot record");
    device.fails_to_record = false;
    device.fails_to_replay = true;
    assert_int_equal(run_networks(model, NULL, &found, (de_log){0}, &error), DIFFEDIT_ERROR_MEMORY);
    assert_string_equal(error.message, "cannot play it back");
    assert_int_equal(machine.allocations, 0);
    de_model_close(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_bits),
        cmocka_unit_test(test_what_is_always_exact),
        cmocka_unit_test(test_out_of_memory),
        cmocka_unit_test(test_failing_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
