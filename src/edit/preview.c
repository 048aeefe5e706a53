/* What a running decode predicts, in colours. */
#include "edit/editor.h"

#include <stdlib.h>
#include <string.h>

static const double CHART_WEIGHT = 0.1; /* beside a picture's 1 */

/* The chart's latent, by networks of its own: those of the editor are in use. */
static diffedit_status encode_chart(diffedit_editor *editor, const uint8_t *pixels,
                                    diffedit_error *error)
{
    const de_latent_params params = {.width = DE_CHART_CELLS * editor->networks.factor,
                                     .height = DE_CHART_CELLS * editor->networks.factor};
    de_stage_context quiet = {.threads = editor->context.threads};
    de_model_networks networks;
    de_network_set set;
    if (editor->chart)
        return DIFFEDIT_OK;
    de_model_networks_init(&networks, &set, editor->model, &editor->context.log);
    networks.context.threads = quiet.threads;
    float *latent = NULL;
    int64_t count = (int64_t)editor->networks.channels * DE_CHART_CELLS * DE_CHART_CELLS;
    diffedit_status status = de_allocate_floats(&latent, count, "a latent", error);
    if (status == DIFFEDIT_OK)
        status = de_encode_run(latent, &params, pixels, &set, &quiet, error);
    de_computed_add(&editor->model_networks.context.computed,
                    de_model_networks_computed(&networks));
    de_model_networks_free(&networks);
    if (status == DIFFEDIT_OK)
        editor->chart = latent;
    else
        free(latent);
    return status;
}

/* weights [3, c + 1] of the frame's picture, if it has one, and of the chart. */
static diffedit_status fit_colours(float *weights, const de_frame *frame, diffedit_editor *editor,
                                   bool of_picture, diffedit_error *error)
{
    const de_network_set *networks = &editor->networks;
    int side = DE_CHART_CELLS * networks->factor;
    uint8_t *chart = NULL;
    diffedit_status status = de_allocate_bytes(&chart, (int64_t)side * side * 3, "a chart", error);
    if (status != DIFFEDIT_OK)
        return status;
    de_chart_draw(chart, side);
    status = encode_chart(editor, chart, error);
    const de_example examples[] = {{.latent = editor->chart,
                                    .pixels = chart,
                                    .size = {DE_CHART_CELLS, DE_CHART_CELLS},
                                    .weight = CHART_WEIGHT},
                                   {.latent = frame->latent.values,
                                    .pixels = frame->input.pixels,
                                    .size = de_latent_cells(&frame->latent.params, networks),
                                    .weight = 1}};
    if (status == DIFFEDIT_OK)
        status = de_colours_fit(weights, examples, of_picture ? 2 : 1, networks, error);
    free(chart);
    return status;
}

/* *weights: borrowed from the frame's slot, which has those of its picture, or of none (zeros). */
static diffedit_status find_colours(const float **weights, de_frame *frame, diffedit_editor *editor,
                                    bool of_picture, diffedit_error *error)
{
    const de_latent_params params = of_picture ? frame->latent.params : (de_latent_params){0};
    diffedit_status status = DIFFEDIT_OK;
    if (!frame->colours.weights || memcmp(&params, &frame->colours.params, sizeof params) != 0) {
        free(frame->colours.weights);
        frame->colours.weights = NULL;
        float *made = NULL;
        status = de_allocate_floats(&made, 3 * (editor->networks.channels + 1), "a preview", error);
        if (status == DIFFEDIT_OK)
            status = fit_colours(made, frame, editor, of_picture, error);
        if (status != DIFFEDIT_OK) {
            free(made);
            return status;
        }
        frame->colours.weights = made;
        frame->colours.params = params;
    }
    *weights = frame->colours.weights;
    return status;
}

diffedit_status de_editor_preview(diffedit_picture **picture, diffedit_editor *editor,
                                  diffedit_error *error)
{
    const de_running *running = editor->context.running;
    de_frame *frame = editor->shown;
    const float *weights;
    uint8_t *pixels = NULL;
    *picture = NULL;
    if (!running)
        return DIFFEDIT_OK;
    diffedit_status status = find_colours(&weights, frame, editor, running->of_picture, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_bytes(&pixels, (int64_t)running->size.h * running->size.w * 3,
                                   "a preview", error);
    if (status == DIFFEDIT_OK) {
        de_colours_apply(pixels, weights, running->x_0, editor->networks.channels, running->size);
        status = diffedit_picture_new(picture, running->size.w, running->size.h, 3, 8, pixels,
                                      (size_t)running->size.w * 3, error);
    }
    free(pixels);
    return status;
}
