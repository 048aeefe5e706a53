/* The networks alone, for those who build something else on them. */
#include "base/sized.h"
#include "edit/editor.h"
#include "edit/predictor.h"
#include "sampling/guidance.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static diffedit_status check_cells(int h, int w, diffedit_error *error)
{
    enum { MOST_CELLS = 1 << 14 };
    if (h < 1 || w < 1 || h > MOST_CELLS || w > MOST_CELLS)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "a latent of %d x %d cells: expected sides from 1 to %d", h, w, MOST_CELLS);
    return DIFFEDIT_OK;
}

diffedit_status diffedit_encode_text(float *embedding, diffedit_editor *editor, const char *text,
                                     diffedit_error *error)
{
    const de_tokenizer *tokenizer = editor->model->tokenizer;
    size_t bytes = (size_t)de_tokenizer_length(tokenizer) * sizeof(int32_t);
    int32_t *tokens = malloc(bytes);
    if (!tokens)
        return de_fail_memory(error, bytes, "tokens");
    char *cut = NULL;
    diffedit_status status = de_tokenizer_encode(tokenizer, text, tokens, &cut, error);
    if (cut)
        de_log_write(editor->context.log, DIFFEDIT_LOG_WARNING,
                     "a text is longer than the model's %d tokens; this part is cut: \"%s\"",
                     de_tokenizer_length(tokenizer), cut);
    free(cut);
    if (status == DIFFEDIT_OK)
        status = editor->networks.encode_text(editor->networks.self, tokens, embedding, error);
    free(tokens);
    return status;
}

/* What a prediction is asked for. */
typedef struct question {
    const float *latent;
    int height, width;
    double timestep;
} question;

/* predictor->eps of n embeddings, 1 or 2, each of one chunk; the predictor is freed by the caller,
 * whatever this returns. */
static diffedit_status predict(de_predictor *predictor, diffedit_editor *editor, question of,
                               const float *const *embeddings, int n, diffedit_error *error)
{
    const de_network_set *networks = &editor->networks;
    int last = editor->schedule.train_timesteps - 1;
    if (!(of.timestep >= 0 && of.timestep <= last))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "timestep %g: expected 0 to %d", of.timestep,
                       last);
    diffedit_status status = check_cells(of.height, of.width, error);
    if (status != DIFFEDIT_OK)
        return status;
    const de_latent_params mean = {.width = of.width * networks->factor,
                                   .height = of.height * networks->factor};
    const float *condition;
    status = de_frame_condition(&condition, &editor->whole, editor, &mean, 0, error);
    const de_text_input texts[] = {{.embedding = embeddings[0], .chunks = 1},
                                   {.embedding = embeddings[n - 1], .chunks = 1}};
    if (status == DIFFEDIT_OK)
        status = de_predictor_new(predictor, networks, &editor->context, texts, n,
                                  (de_cells){of.height, of.width}, condition, error);
    if (status == DIFFEDIT_OK)
        status = de_predictor_run(predictor, of.latent, of.timestep,
                                  editor->schedule.alphas_cumprod[(int)rint(of.timestep)], error);
    return status;
}

diffedit_status diffedit_predict_noise(float *eps, diffedit_editor *editor, const float *latent,
                                       int height, int width, double timestep,
                                       const float *embedding, diffedit_error *error)
{
    de_predictor predictor = {0};
    diffedit_status status = predict(
        &predictor, editor, (question){latent, height, width, timestep}, &embedding, 1, error);
    if (status == DIFFEDIT_OK)
        memcpy(eps, predictor.eps, (size_t)predictor.count * sizeof *eps);
    de_predictor_free(&predictor);
    return status;
}

diffedit_status diffedit_predict_guided(float *eps, diffedit_editor *editor, const float *latent,
                                        int height, int width, double timestep,
                                        const float *unconditional, const float *embedding,
                                        double guidance, diffedit_error *error)
{
    const float *const both[] = {unconditional, embedding};
    de_predictor predictor = {0};
    if (!(fabs(guidance) <= FLT_MAX))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "guidance %g: expected a finite float32",
                       guidance);
    diffedit_status status = predict(&predictor, editor,
                                     (question){latent, height, width, timestep}, both, 2, error);
    if (status == DIFFEDIT_OK) {
        int64_t count = predictor.count;
        de_guide(DIFFEDIT_GUIDANCE_CFG, predictor.eps, predictor.eps + count, guidance, count, eps);
    }
    de_predictor_free(&predictor);
    return status;
}

diffedit_status diffedit_encode_pixels(float *latent, diffedit_editor *editor, const float *pixels,
                                       int height, int width, diffedit_error *error)
{
    const de_network_set *networks = &editor->networks;
    int factor = networks->factor, c = networks->channels;
    if (height % factor || width % factor)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "pixels of %d x %d: expected multiples of %d (the model's autoencoder)",
                       width, height, factor);
    diffedit_status status = check_cells(height / factor, width / factor, error);
    float *last = NULL, *moments = NULL;
    int64_t cells = (int64_t)(height / factor) * (width / factor);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&last, 3 * (int64_t)height * width, "the picture", error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&moments, 2 * c * cells, "a latent", error);
    if (status == DIFFEDIT_OK) {
        de_channels_last(pixels, 1, 3, height, width, last);
        status = networks->encode_pixels(networks->self, last, height / factor, width / factor,
                                         moments, error);
    }
    for (int64_t i = 0; i < cells && status == DIFFEDIT_OK; i++)
        for (int j = 0; j < c; j++)
            latent[j * cells + i] = moments[i * 2 * c + j] * (float)networks->scaling_factor;
    free(last);
    free(moments);
    return status;
}

diffedit_status diffedit_decode_latent(float *pixels, diffedit_editor *editor, const float *latent,
                                       int height, int width, diffedit_error *error)
{
    const de_network_set *networks = &editor->networks;
    diffedit_status status = check_cells(height, width, error);
    if (status != DIFFEDIT_OK)
        return status;
    float *last = NULL;
    int h = height * networks->factor, w = width * networks->factor;
    status = de_allocate_floats(&last, 3 * (int64_t)h * w, "a decoded picture", error);
    if (status == DIFFEDIT_OK)
        status = networks->decode_latent(networks->self, latent, height, width, last, error);
    if (status == DIFFEDIT_OK)
        de_channels_first(last, 1, 3, h, w, pixels);
    free(last);
    return status;
}

void diffedit_editor_get_computed(diffedit_computed *computed, const diffedit_editor *editor)
{
    de_computed all = de_model_networks_computed(&editor->model_networks);
    diffedit_computed known = {.operations = all.operations, .device_seconds = all.seconds};
    de_sized_write(computed, &known, sizeof known);
}
