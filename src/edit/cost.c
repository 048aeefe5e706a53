/* What a call will cost: the same plan, held against what is there. */
#include "edit/editor.h"
#include "edit/predictor.h"

#include <string.h>

/* In evaluations of one sample at the native size. */
static const double ENCODE = 1, DECODE = 2, COMPOSITE = 1;

typedef struct counting {
    const diffedit_editor *editor;
    const de_frame *frame; /* that is worked on; NULL: one that is not there yet */
    const de_plan *plan;
    double *costs; /* [DE_STAGE_COUNT] */
} counting;

static void add(const counting *c, diffedit_stage_id stage, double evaluations)
{
    const de_unet_config *unet = &c->editor->model->parts.unet;
    const de_cells cells = de_latent_cells(&c->plan->latent, &c->editor->networks);
    double native = (double)unet->sample_width * unet->sample_height;
    c->costs[stage] += evaluations * cells.h * cells.w / native;
}

static void count_latent(const counting *c)
{
    const de_latent_params *params = &c->plan->latent;
    bool held = c->frame && c->frame->latent.values &&
                memcmp(params, &c->frame->latent.params, sizeof *params) == 0;
    if (!held)
        add(c, DIFFEDIT_STAGE_ENCODE, ENCODE);
}

static void count_map(const counting *c)
{
    const de_map_params *params = &c->plan->map;
    bool held = c->frame && c->frame->map.result.values &&
                memcmp(params, &c->frame->map.params, sizeof *params) == 0;
    bool contrasts = params->method == DIFFEDIT_MASK_CONTRAST;
    if (!held && params->from != params->to) /* equal texts: an empty map at once */
        add(c, DIFFEDIT_STAGE_MAP, params->samples * (contrasts ? 2 : 2 + 2 * DECODE));
}

static void count_inversion(const counting *c)
{
    const de_inversion_params *params = &c->plan->inversion;
    bool held = c->frame && memcmp(params, &c->frame->inversion.params, sizeof *params) == 0;
    int there = held ? c->frame->inversion.result.count - 1 : 0, steps = c->plan->k;
    int each = de_guided_count(params->empty, params->from ? params->from : params->empty,
                               (int)params->guidance_kind, params->guidance);
    if (!params->sampler)
        return;
    there = there < 0 ? 0 : there;
    add(c, DIFFEDIT_STAGE_INVERT, each * (steps > there ? steps - there : 0));
}

/* Whether the region would be the one that is there. */
static bool is_region_held(const counting *c)
{
    const de_region_key key = de_region_key_of(c->editor, c->plan);
    return c->frame && c->frame->region.cells &&
           memcmp(&key, &c->frame->region_key, sizeof key) == 0;
}

/* The decode, and what follows it. */
static void count_decode(const counting *c, bool region_is_held)
{
    de_denoise_params params = c->plan->denoise;
    const de_frame *frame = region_is_held || params.background < 0 ? c->frame : NULL;
    if (frame && c->plan->goal != DE_GOAL_GENERATE)
        params.mask = de_region_content_for(&frame->region, &c->editor->networks);
    bool held = frame && frame->final.result.latent &&
                memcmp(&params, &frame->final.params, sizeof params) == 0;
    bool decoded = held && frame->decoded.pixels &&
                   memcmp(&params, &frame->decoded.params, sizeof params) == 0;
    if (!held)
        add(c, DIFFEDIT_STAGE_DENOISE,
            de_denoise_steps(&params) * de_guided_count(params.unconditional, params.to,
                                                        (int)params.guidance_kind,
                                                        params.guidance));
    if (!decoded)
        add(c, DIFFEDIT_STAGE_DECODE, DECODE);
}

static void count_cut(const counting *c)
{
    const de_latent_params *params = &c->plan->latent;
    bool held = c->frame && c->frame->reconstructed.pixels &&
                memcmp(params, &c->frame->reconstructed.params, sizeof *params) == 0;
    if (!held)
        add(c, DIFFEDIT_STAGE_DECODE, DECODE);
}

/* ---- the box ---- */

/* What the region will be within: what it is, or what was given, or half of each side. */
static de_rectangle expected_bounds(const counting *whole, bool held)
{
    const de_frame *frame = whole->frame;
    int width = whole->plan->region.width, height = whole->plan->region.height;
    const uint8_t *mask = held ? de_region_reach(&frame->region) : frame->given_mask;
    const de_rectangle half = {width / 4, height / 4, (width + 1) / 2, (height + 1) / 2};
    if (held && frame->region_bounds.width) /* a box's mask has taken its place */
        return frame->region_bounds;
    const de_rectangle bounds = mask ? de_mask_bounds(mask, height, width) : half;
    return bounds.width ? bounds : half;
}

/* What follows the region, where that is known, or expected, to lie in a box. */
static diffedit_status count_box(counting *c, de_plan *plan, const diffedit_options *options,
                                 const de_texts *texts, bool *held, diffedit_error *error)
{
    const diffedit_editor *editor = c->editor;
    const de_rectangle at = de_box_choose(&plan->box, expected_bounds(c, *held),
                                          de_editor_kept_box(editor, &plan->box));
    if (at.width == plan->box.width && at.height == plan->box.height && !plan->box.asked_width)
        return DIFFEDIT_OK;
    diffedit_status status = de_editor_plan(plan, editor, plan->goal, options, texts, at, error);
    if (status != DIFFEDIT_OK)
        return status;
    bool is_there = memcmp(&at, &editor->box_at, sizeof at) == 0;
    c->frame = is_there ? &editor->box : NULL;
    *held = *held && is_region_held(c);
    count_latent(c);
    if (plan->map.samples)
        count_map(c);
    return DIFFEDIT_OK;
}

/* ---- all of it ---- */

static diffedit_status count_all(counting *c, de_plan *plan, const diffedit_options *options,
                                 const de_texts *texts, diffedit_error *error)
{
    const diffedit_editor *editor = c->editor;
    const de_frame *whole = &editor->whole;
    const de_goal goal = plan->goal;
    bool maps = goal < DE_GOAL_INVERT || goal == DE_GOAL_EDIT, cuts = plan->region.room > 0;
    bool finds = maps && plan->map.samples;
    if (goal != DE_GOAL_GENERATE && (!plan->crops || finds))
        count_latent(c);
    if (finds)
        count_map(c);
    if (goal < DE_GOAL_INVERT)
        return DIFFEDIT_OK;
    bool held = is_region_held(c);
    if (goal >= DE_GOAL_EDIT && goal != DE_GOAL_GENERATE && held && whole->region.changed == 0)
        return DIFFEDIT_OK;
    if (plan->crops) {
        diffedit_status status = count_box(c, plan, options, texts, &held, error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    count_inversion(c);
    if (goal == DE_GOAL_INVERT)
        return DIFFEDIT_OK;
    count_decode(c, held);
    if (cuts)
        count_cut(c);
    if (goal != DE_GOAL_GENERATE)
        c->costs[DIFFEDIT_STAGE_COMPOSITE] += COMPOSITE;
    return DIFFEDIT_OK;
}

diffedit_status de_editor_count(double costs[DE_STAGE_COUNT], const diffedit_editor *editor,
                                de_goal goal, const diffedit_options *options,
                                diffedit_error *error)
{
    const de_texts_given given = {options->from, options->to, options->negative,
                                  options->prompt_syntax};
    de_texts texts;
    de_plan plan;
    counting c = {.editor = editor, .frame = &editor->whole, .plan = &plan, .costs = costs};
    memset(costs, 0, DE_STAGE_COUNT * sizeof *costs);
    diffedit_status status = de_texts_foresee(&texts, &editor->texts, &given, editor->model,
                                              &editor->networks, error);
    if (status == DIFFEDIT_OK)
        status = de_editor_plan(&plan, editor, goal, options, &texts, (de_rectangle){0}, error);
    if (status == DIFFEDIT_OK)
        status = count_all(&c, &plan, options, &texts, error);
    de_texts_free(&texts);
    return status;
}
