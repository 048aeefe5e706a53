/* The plan of a call: what the options, the model and the texts mean to each stage. */
#ifndef DE_PLAN_H
#define DE_PLAN_H

#include "edit/box.h"
#include "edit/texts.h"

/* What a call is going to do. */
typedef enum de_goal {
    DE_GOAL_MAP,
    DE_GOAL_MASK,     /* the map, and the region that follows from it */
    DE_GOAL_INVERT,   /* the encoding to the ratio */
    DE_GOAL_EDIT,     /* the whole edit */
    DE_GOAL_INPAINT,  /* from noise alone, with a UNet that reads the mask */
    DE_GOAL_GENERATE, /* text to image */
} de_goal;

/* What the plan of a call depends on. */
typedef struct de_plan_inputs {
    const de_network_set *networks;
    const de_schedule *schedule;
    const de_texts *texts;
    const diffedit_picture *picture; /* NULL: generates only */
    int native_width, native_height; /* of the model, pixels */
    bool finds_map;                  /* nothing was given that makes a map needless */
    de_rectangle at;                 /* the box that is worked on; width 0: the whole picture */
    bool mask_given;                 /* by somebody, for the whole picture */
    uint64_t map_given;              /* which map, likewise; 0: none */
} de_plan_inputs;

typedef struct de_plan {
    de_goal goal;
    bool crops; /* what follows the region happens in a box around it, with a plan of its own */
    de_box_params box;
    de_latent_params latent;
    de_map_params map; /* zeros where a map or a mask was given, but for latent and method */
    de_clean_params clean;
    de_region_params region;
    de_cut_params cut;
    de_inversion_params inversion;
    int k;                      /* how far it goes; 0: nothing is inverted */
    de_text_role unconditional; /* what `to` is guided away from */
    de_denoise_params denoise;  /* but for `mask`, which is known when the region is */
    de_blend_params blend;
} de_plan;

/* Errors: ARGUMENT (a size that does not fit the model, too many steps), MEMORY. */
diffedit_status de_plan_make(de_plan *plan, de_goal goal, const diffedit_options *options,
                             const de_plan_inputs *inputs, diffedit_error *error);

#endif
