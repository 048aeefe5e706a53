/* One file as a LoRA on top of a model of the pocket model's shape, to the last sum. */
#include "models/lora.h"
#include "models/networks.h"
#include "models/random_model.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- a model whose weights are all the same zeros ---- */

enum { LARGEST = 1 << 23 }; /* values of its largest tensor, and more */

static uint16_t zeros[LARGEST];

static diffedit_status get_zeros(void *self, const char *name, int rank, const int64_t *shape,
                                 de_weight *weight, diffedit_error *error)
{
    (void)self;
    (void)error;
    *weight = (de_weight){.data = zeros, .dtype = DE_F16, .rank = rank, .title = name};
    for (int i = 0; i < rank; i++)
        weight->shape[i] = shape[i];
    if (de_weight_count(weight) > LARGEST)
        abort();
    return DIFFEDIT_OK;
}

static int64_t count_none(const void *self)
{
    (void)self;
    return 0;
}

static void close_zeros(void *self)
{
    (void)self;
}

static const de_weights_source SOURCE = {
    .get = get_zeros, .parameters = count_none, .close = close_zeros};
static de_weights weights = {&SOURCE, NULL, "zeros"};

/* ---- every sum ---- */

static void look(void *user, const char *name, const de_weight *weight, const char *problem)
{
    (void)user;
    (void)name;
    if (!weight && !problem[0])
        abort();
    float values[64];
    for (int64_t i = 0; weight && weight->data != zeros && i < de_weight_count(weight); i += 64) {
        int64_t count = de_min_i64(64, de_weight_count(weight) - i);
        de_weight_to_f32(weight, i, count, values);
        if (!de_finite_f32(values, count))
            abort();
    }
}

static void survey(const de_model_parts *parts)
{
    const de_network_sources sources = {
        .text = &parts->text,
        .unet = &parts->unet,
        .vae = &parts->vae,
        .weights = {parts->weights[DE_PART_TEXT], parts->weights[DE_PART_UNET], NULL}};
    diffedit_error error;
    de_network_survey(&sources, DE_PART_TEXT, &(de_survey){look, NULL, true}, &error);
    de_network_survey(&sources, DE_PART_UNET, &(de_survey){look, NULL, true}, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    de_model_parts parts = {0};
    diffedit_error error = {.message = ""};
    if (de_random_model_read(&parts, "pocket", &error) != DIFFEDIT_OK)
        abort();
    for (de_part part = 0; part < DE_PART_COUNT; part++) {
        de_weights_close(parts.weights[part]);
        parts.weights[part] = &weights;
    }
    snprintf(path, sizeof path, "%s/%s", fuzz_folder().path, fuzz_document(0, bytes, size));
    const diffedit_lora lora = {sizeof lora, path, 1}, *rows[] = {&lora, &lora};
    const diffedit_model_settings settings = {.lora = rows, .lora_count = 2};
    diffedit_status status = de_loras_apply(&parts, &settings, &error);
    fuzz_check_error(status, &error);
    if (status == DIFFEDIT_OK)
        survey(&parts);
    de_parts_free(&parts);
    return 0;
}
