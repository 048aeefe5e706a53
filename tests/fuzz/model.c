/* One file as a whole model, to the last look at a tensor: names, shapes and notes that do not fit
 * each other. */
#include "models/model.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>

static void look(void *user, const char *name, const de_weight *weight, const char *problem)
{
    (void)user;
    if (!name[0] || (!weight && !problem[0]))
        abort();
    float value;
    if (weight && de_weight_count(weight) > 0)
        de_weight_to_f32(weight, de_weight_count(weight) - 1, 1, &value);
}

static void survey(const diffedit_model *model)
{
    de_network_sources sources = {
        .text = &model->parts.text, .unet = &model->parts.unet, .vae = &model->parts.vae};
    diffedit_error error;
    for (de_part part = 0; part < DE_PART_COUNT; part++) {
        sources.weights[part] = model->parts.weights[part];
        de_network_survey(&sources, part, &(de_survey){look, NULL, true}, &error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char path[64];
    const diffedit_model_settings settings = {.prediction = DIFFEDIT_PREDICTION_EPSILON};
    diffedit_model *model;
    diffedit_error error = {.message = ""};
    snprintf(path, sizeof path, "%s/%s", fuzz_folder().path, fuzz_document(0, bytes, size));
    diffedit_status status = de_model_read(&model, path, &settings, NULL, &error);
    fuzz_check_error(status, &error);
    if (status == DIFFEDIT_OK) {
        survey(model);
        de_model_close(model);
    }
    return 0;
}
