#include "edit/predictor.h"

#include "sampling/guidance.h"

#include <stdlib.h>

diffedit_status de_predictor_new(de_predictor *predictor, const de_network_set *networks,
                                 de_stage_context *context, const de_text_input *texts, int n,
                                 de_cells size, const float *condition, diffedit_error *error)
{
    *predictor = (de_predictor){.networks = networks,
                                .context = context,
                                .condition = condition,
                                .n = n,
                                .count = (int64_t)networks->channels * size.h * size.w};
    const float *embeddings[] = {texts[0].embedding, texts[n - 1].embedding};
    diffedit_status status = networks->unet_begin(networks->self, embeddings, n, texts[0].chunks,
                                                  size.h, size.w, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_floats(&predictor->eps, n * predictor->count, "the UNet's output",
                                    error);
    if (status != DIFFEDIT_OK)
        de_predictor_free(predictor);
    return status;
}

void de_predictor_free(de_predictor *predictor)
{
    if (predictor->networks)
        predictor->networks->unet_end(predictor->networks->self);
    free(predictor->eps);
    *predictor = (de_predictor){0};
}

diffedit_status de_predictor_run(de_predictor *predictor, const float *x, double t, double level,
                                 diffedit_error *error)
{
    const de_network_set *networks = predictor->networks;
    diffedit_status status = networks->unet_run(networks->self, x, predictor->condition, t,
                                                predictor->eps, error);
    if (status != DIFFEDIT_OK)
        return status;
    for (int i = 0; i < predictor->n && networks->v_prediction; i++)
        de_v_to_eps(predictor->eps + i * predictor->count, x, level, predictor->count);
    predictor->context->evaluations += predictor->n;
    return DIFFEDIT_OK;
}

static bool is_unguided(int kind, double scale)
{
    return kind == DIFFEDIT_GUIDANCE_CFG && scale == 1;
}

int de_guided_count(uint64_t unconditional, uint64_t text, int kind, double scale)
{
    return is_unguided(kind, scale) || scale == 0 || unconditional == text ? 1 : 2;
}

diffedit_status de_guided_new(de_guided *guided, const de_network_set *networks,
                              de_stage_context *context, de_text_input unconditional,
                              de_text_input text, int kind, double scale, de_cells size,
                              const float *condition, diffedit_error *error)
{
    *guided = (de_guided){.kind = kind, .scale = scale};
    const de_text_input both[] = {unconditional, text};
    const de_text_input *first = is_unguided(kind, scale) ? both + 1 : both;
    int n = de_guided_count(unconditional.serial, text.serial, kind, scale);
    return de_predictor_new(&guided->predictor, networks, context, first, n, size, condition,
                            error);
}

void de_guided_free(de_guided *guided)
{
    de_predictor_free(&guided->predictor);
}

diffedit_status de_guided_run(const float **eps, de_guided *guided, const float *x, double t,
                              double level, diffedit_error *error)
{
    diffedit_status status = de_predictor_run(&guided->predictor, x, t, level, error);
    float *u = guided->predictor.eps, *text = u + guided->predictor.count;
    if (status == DIFFEDIT_OK && guided->predictor.n == 2)
        de_guide(guided->kind, u, text, guided->scale, guided->predictor.count, u);
    *eps = u;
    return status;
}
