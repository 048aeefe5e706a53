#include "edit/editor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void de_editor_say_size(const diffedit_editor *editor, const de_latent_params *working)
{
    int width = diffedit_picture_width(editor->whole.picture),
        height = diffedit_picture_height(editor->whole.picture);
    char size[48];
    if (width == working->width && height == working->height)
        return;
    double millions = (double)width * height / 1e6;
    if (millions < 1)
        snprintf(size, sizeof size, "%dx%d pixels", width, height);
    else
        snprintf(size, sizeof size, "%.3g MP", millions);
    de_log_write(editor->context.log, DIFFEDIT_LOG_INFO,
                 "%s are worked on at %dx%d; what changes is scaled to the picture's size", size,
                 working->width, working->height);
}

diffedit_status de_editor_plan(de_plan *plan, const diffedit_editor *editor, de_goal goal,
                               const diffedit_options *options, const de_texts *texts,
                               de_rectangle at, diffedit_error *error)
{
    const de_unet_config *unet = &editor->model->parts.unet;
    const de_frame *whole = &editor->whole;
    const bool finds_map = !whole->given_map.values &&
                           (goal == DE_GOAL_MAP || !whole->given_mask) &&
                           (!at.width || options->region == DIFFEDIT_REGION_ZOOM);
    const de_plan_inputs inputs = {.networks = &editor->networks,
                                   .schedule = &editor->schedule,
                                   .texts = texts,
                                   .picture = whole->picture,
                                   .native_width = unet->sample_width * editor->networks.factor,
                                   .native_height = unet->sample_height * editor->networks.factor,
                                   .mask_given = whole->given_mask != NULL,
                                   .map_given = whole->given_map.values ? editor->map_serial : 0,
                                   .finds_map = finds_map,
                                   .at = at};
    return de_plan_make(plan, goal, options, &inputs, error);
}

void de_editor_say_part(diffedit_editor *editor, const de_plan *plan, de_rectangle at)
{
    const diffedit_picture *picture = editor->whole.picture;
    bool generates = plan->goal == DE_GOAL_GENERATE;
    diffedit_stats *stats = &editor->stats;
    stats->width = plan->latent.width;
    stats->height = plan->latent.height;
    stats->box_x = at.x;
    stats->box_y = at.y;
    stats->box_width = at.width    ? at.width
                       : generates ? stats->width
                                   : diffedit_picture_width(picture);
    stats->box_height = at.width    ? at.height
                        : generates ? stats->height
                                    : diffedit_picture_height(picture);
}

/* Few steps without guidance make little of a model that was not distilled for them. */
static void warn_of_plain_model(const diffedit_editor *editor, de_goal goal,
                                const diffedit_options *options)
{
    enum { FEW = 8 };
    bool decodes = goal == DE_GOAL_EDIT || goal == DE_GOAL_INPAINT || goal == DE_GOAL_GENERATE;
    bool unguided = options->guidance_kind == DIFFEDIT_GUIDANCE_CFG && options->guidance == 1;
    if (!decodes || editor->model->may_be_distilled)
        return;
    if (options->scheduler == DIFFEDIT_SCHEDULER_LCM)
        de_log_write(editor->context.log, DIFFEDIT_LOG_WARNING,
                     "`scheduler` lcm is for distilled models, and this does not seem to be one; "
                     "add its LoRA with `settings.lora`, or use `preset` fast");
    else if (unguided && options->steps <= FEW)
        de_log_write(editor->context.log, DIFFEDIT_LOG_WARNING,
                     "so few steps without guidance are for distilled models, and this does not "
                     "seem to be one; add its LoRA with `settings.lora`, or use `preset` fast");
}

diffedit_status de_editor_begin(de_plan *plan, diffedit_editor *editor, de_goal goal,
                                const diffedit_options *options, diffedit_error *error)
{
    double start = de_seconds();
    editor->context.evaluations = 0;
    editor->stats = (diffedit_stats){.total_seconds = -start}; /* negative: the call runs */
    editor->shown = &editor->whole;
    memset(editor->seconds, 0, sizeof editor->seconds);
    const de_texts_given given = {options->from, options->to, options->negative,
                                  options->prompt_syntax};
    diffedit_status status = de_texts_set(&editor->texts, &given, editor->model, &editor->networks,
                                          editor->context.log, error);
    editor->seconds[DIFFEDIT_STAGE_TEXT] = de_seconds() - start;
    if (status != DIFFEDIT_OK)
        return status;
    status = de_editor_plan(plan, editor, goal, options, &editor->texts, (de_rectangle){0}, error);
    if (status == DIFFEDIT_OK)
        warn_of_plain_model(editor, goal, options);
    de_editor_say_part(editor, plan, (de_rectangle){0});
    if (status == DIFFEDIT_OK && editor->whole.picture && goal != DE_GOAL_GENERATE && !plan->crops)
        de_editor_say_size(editor, &plan->latent);
    return status;
}

void de_editor_end(diffedit_editor *editor)
{
    editor->stats.evaluations = editor->context.evaluations;
    if (editor->stats.total_seconds < 0) /* else the call ended before it began */
        editor->stats.total_seconds += de_seconds();
}

void diffedit_editor_set_threads(diffedit_editor *editor, int threads)
{
    threads = threads > 0 ? threads : de_core_count();
    editor->context.threads = (int)de_min_i64(threads, DE_MAX_THREADS);
    editor->model_networks.context.threads = editor->context.threads;
}

diffedit_status diffedit_editor_new(diffedit_editor **editor, const diffedit_model *model,
                                    const diffedit_picture *picture, diffedit_error *error)
{
    diffedit_editor *new = calloc(1, sizeof *new);
    if (!new)
        return de_fail_memory(error, sizeof *new, "an editor");
    new->model = model;
    new->shown = &new->whole;
    de_model_networks_init(&new->model_networks, &new->networks, model, &new->context.log);
    diffedit_editor_set_threads(new, 0);
    diffedit_status status = de_schedule_new(&new->schedule, &model->parts.schedule, error);
    if (status == DIFFEDIT_OK && picture)
        status = de_picture_copy(&new->whole.picture, picture, error);
    if (status != DIFFEDIT_OK) {
        diffedit_editor_free(new);
        return status;
    }
    *editor = new;
    return DIFFEDIT_OK;
}

void diffedit_editor_free(diffedit_editor *editor)
{
    if (!editor)
        return;
    de_frame_free(&editor->whole);
    de_frame_free(&editor->box);
    free(editor->chart);
    free(editor->mask_view);
    de_texts_free(&editor->texts);
    de_model_networks_free(&editor->model_networks);
    de_schedule_free(&editor->schedule);
    free(editor);
}
