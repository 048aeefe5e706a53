/* The editor: one picture under one model, and frames: pictures that are worked on, each with a row
 * of slots, which hold what a stage made and the parameters that made it. */
#ifndef DE_EDITOR_H
#define DE_EDITOR_H

#include "edit/latent_colours.h"
#include "edit/model_networks.h"
#include "edit/plan.h"

enum { DE_STAGE_COUNT = DIFFEDIT_STAGE_COMPOSITE + 1 };

/* What an inpainting UNet reads beside the latent. */
typedef struct de_condition_slot {
    de_condition_params params;
    float *values; /* [1 + c, h, w] */
} de_condition_slot;

/* What a region follows from, beside maps and masks themselves; not a key of a slot. */
typedef struct de_region_key {
    de_clean_params clean;
    de_region_params region;
    uint64_t mask, correction; /* which of those that were given; 0: none */
} de_region_key;
static_assert(sizeof(de_region_key) == 192, "a key has no padding");

/* A picture that is worked on, and its slots. What is NULL was not made; params are those of what
 * is there. */
typedef struct de_frame {
    diffedit_picture *picture; /* own copy; NULL: generates only */
    de_map given_map;          /* instead of one that is found; values NULL: none */
    uint8_t *given_mask;       /* likewise, at picture size, 0 or 1 */
    uint8_t *given_room;       /* of a box: room around given_mask, or NULL */
    uint8_t *correction;       /* of the mask, DE_CORRECTION_..., at picture size; or NULL */
    struct {
        int32_t width, height;
        uint8_t *pixels; /* [height, width, 3] */
    } input;
    struct {
        de_latent_params params;
        float *values; /* x_0 [c, h, w] */
    } latent;
    de_condition_slot everything, masked; /* of the whole picture; of the region */
    struct {
        de_map_params params;
        de_map result;
    } map;
    struct {
        de_clean_params params;
        de_cleaned result;
    } clean;
    de_region region; /* of the last call that had one; it is made each time */
    de_region_key region_key;
    de_rectangle region_bounds; /* of its reach, as the box was chosen by; width 0: not asked for */
    struct {
        de_inversion_params params;
        de_inversion result;
        int shown; /* states of the last call */
    } inversion;
    struct {
        de_denoise_params params;
        de_final result;
    } final;
    struct {
        de_denoise_params params;
        uint8_t *pixels; /* [height, width, 3] */
    } decoded;
    struct {
        de_latent_params params;
        uint8_t *pixels; /* [height, width, 3]: x_0 decoded */
    } reconstructed;
    struct {
        de_latent_params params;
        float *weights; /* [3, c + 1], of de_colours_fit() to the picture and the chart */
    } colours;
} de_frame;

struct diffedit_editor {
    const diffedit_model *model;
    de_schedule schedule;
    de_network_set networks;
    de_model_networks model_networks; /* what they are */
    de_stage_context context;
    diffedit_stats stats; /* of the last call */
    double seconds[DE_STAGE_COUNT];
    de_texts texts;

    de_frame whole;
    de_frame box;          /* a part of the picture, with the region in it as its given mask */
    de_rectangle box_at;   /* that part; width 0: none */
    de_box_params box_for; /* how it was chosen */
    /* of what was given last: a new number each time */
    uint64_t map_serial, mask_serial, correction_serial;
    de_frame *shown;  /* the frame that the last call worked on */
    float *chart;     /* [c, DE_CHART_CELLS, DE_CHART_CELLS], the chart's latent, or NULL */
    float *mask_view; /* [h, w], what diffedit_editor_array() shows of the region's cells */
};

/* Releases what it holds and makes it zeros. */
void de_frame_free(de_frame *frame);

/* Starts a public call: clears the statistics, encodes the texts and plans. Errors: ARGUMENT,
 * MEMORY, networks'. */
diffedit_status de_editor_begin(de_plan *plan, diffedit_editor *editor, de_goal goal,
                                const diffedit_options *options, diffedit_error *error);
void de_editor_end(diffedit_editor *editor);
/* Where the plan crops and the region is known, and not empty: chooses the box, makes its frame
 * ready, with a region of its own, and plans the rest of the call anew in it. *frame is what the
 * call goes on with: the box, or the whole picture where the box has all of it. Errors: ARGUMENT (a
 * size that does not fit the model), MEMORY. */
diffedit_status de_editor_crop(de_frame **frame, de_plan *plan, diffedit_editor *editor,
                               const diffedit_options *options, diffedit_error *error);
/* The box of the call before, if one is kept for such a box; width 0: none. */
de_rectangle de_editor_kept_box(const diffedit_editor *editor, const de_box_params *params);
/* The mask of the whole picture becomes that of the box. */
void de_editor_take_mask(diffedit_editor *editor);
/* What is worked on, for the statistics: a box, or (width 0) the whole picture. */
void de_editor_say_part(diffedit_editor *editor, const de_plan *plan, de_rectangle at);
/* Says at which size the whole picture is worked on, where that is not its own. */
void de_editor_say_size(const diffedit_editor *editor, const de_latent_params *working);
/* The plan of a call for the whole picture, or for a box of it, with these texts. Errors: as
 * de_plan_make(). */
diffedit_status de_editor_plan(de_plan *plan, const diffedit_editor *editor, de_goal goal,
                               const diffedit_options *options, const de_texts *texts,
                               de_rectangle at, diffedit_error *error);

/* Each fills its slot unless what it would make is there; in the order in which a call needs them.
 * Errors: of their stages. */
diffedit_status de_frame_latent(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                diffedit_error *error);
diffedit_status de_frame_map(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                             diffedit_error *error);
de_region_key de_region_key_of(const diffedit_editor *editor, const de_plan *plan);
/* From the given mask, the given map, or the map's slot. */
diffedit_status de_frame_region(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                diffedit_error *error);
diffedit_status de_frame_inversion(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                   diffedit_error *error);
/* plan->denoise.mask is set here. */
diffedit_status de_frame_denoise(de_frame *frame, diffedit_editor *editor, de_plan *plan,
                                 diffedit_error *error);
diffedit_status de_frame_decode(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                                diffedit_error *error);
/* Where the region has room: its mask becomes what the composite takes. Once a call. */
diffedit_status de_frame_cut(de_frame *frame, diffedit_editor *editor, const de_plan *plan,
                             diffedit_error *error);
diffedit_status de_frame_blend(diffedit_picture **result, de_frame *frame, diffedit_editor *editor,
                               const de_plan *plan, diffedit_error *error);

/* The condition at this size for an inpainting UNet, of the region with this content (0: of
 * everything); NULL for other UNets. Errors: MEMORY, networks'. */
diffedit_status de_frame_condition(const float **condition, de_frame *frame,
                                   diffedit_editor *editor, const de_latent_params *latent,
                                   uint64_t mask, diffedit_error *error);
/* What the stages of a call would cost now, in evaluations of one sample at the native size. The
 * work in a box that is not known yet is that of half the picture's sides. Errors: ARGUMENT,
 * MEMORY. */
diffedit_status de_editor_count(double costs[DE_STAGE_COUNT], const diffedit_editor *editor,
                                de_goal goal, const diffedit_options *options,
                                diffedit_error *error);
/* *picture: what the running decode predicts, a pixel for each cell, or NULL where none is heard
 * of. The chart is encoded when this is first called. Errors: MEMORY, networks'. */
diffedit_status de_editor_preview(diffedit_picture **picture, diffedit_editor *editor,
                                  diffedit_error *error);
/* The map in use: the given one, or the slot's; values NULL: none. */
const de_map *de_frame_map_in_use(const de_frame *frame);

#endif
