/* The stages of an edit. Each is {parameters, run, result}: de_X_run() sees its parameters, its
 * inputs, the networks and the context, and nothing else.
 *
 *     encode.c     picture -> latent x_0
 *     condition.c  what an inpainting UNet reads beside the latent
 *     map.c        where the two texts disagree
 *     region.c     map or given mask -> mask
 *     clean.c      the noise of a map
 *     refine.c     the edges of a map
 *     invert.c     x_0 .. x_k
 *     denoise.c    the guided decode inside the mask; text to image
 *     decode.c     latent -> pixels
 *     cut.c        decoded pixels -> the part of them that the composite takes
 *     blend.c      decoded pixels inside the mask, the input outside
 *
 * Parameters are the cache's keys (editor.c): they have no padding, begin as zeros, and hold all
 * that a result depends on beside the picture, the model and the maps and masks that a caller gave.
 * Texts stand in them as serial numbers that are equal where the tokens and weights are. */
#ifndef DE_STAGE_H
#define DE_STAGE_H

#include "edit/network_set.h"
#include "picture/picture.h"
#include "sampling/sampler.h"

#include <assert.h>

/* ---- what every stage may use ---- */

/* The size of latents: h x w cells. */
typedef struct de_cells {
    int h, w;
} de_cells;

/* What a decode holds while a step of it is heard of. */
typedef struct de_running {
    const float *x_0; /* [c, h, w]: the prediction of the result; the picture's outside the mask */
    de_cells size;
    bool of_picture; /* there is one */
} de_running;

typedef struct de_stage_context {
    de_log log;
    diffedit_progress_fn progress; /* NULL: nobody listens */
    void *progress_user;
    int threads;
    int64_t evaluations;       /* counted up: UNet forwards of one sample */
    const de_running *running; /* while `progress` runs, during a decode; else NULL */
} de_stage_context;

/* A stage is `done` of `total` steps on. Errors: CANCELLED. */
diffedit_status de_stage_step(const de_stage_context *context, diffedit_stage_id stage, int done,
                              int total, diffedit_error *error);

/* Whose steps they are that a loop over the picture makes. */
typedef struct de_stage_listener {
    const de_stage_context *context;
    diffedit_stage_id stage;
} de_stage_listener;

/* So many loops over the picture, as steps of a stage. The listener must outlive it. */
de_work de_stage_work(de_stage_listener *listener, int loops);

/* malloc for `count` values, or a failure that says what they were for. */
diffedit_status de_allocate_floats(float **memory, int64_t count, const char *what,
                                   diffedit_error *error);
diffedit_status de_allocate_bytes(uint8_t **memory, int64_t count, const char *what,
                                  diffedit_error *error);

/* A text as the networks know it; `embedding` belongs to the editor. */
typedef struct de_text_input {
    const float *embedding; /* [chunks text_tokens, text_width] */
    uint64_t serial;        /* equal for equal embeddings; never 0 */
    int chunks;             /* of all texts of an edit the same */
} de_text_input;

/* ---- encode: picture -> x_0 ---- */

typedef struct de_latent_params {
    int32_t width, height; /* working size in pixels, multiples of the factor */
    int32_t sample;        /* 1: a sample of the autoencoder's posterior, 0: its mean */
    int32_t rng;           /* DIFFEDIT_RNG_...; 0 for the mean, as the seed is */
    uint64_t seed;         /* of the sample */
} de_latent_params;
static_assert(sizeof(de_latent_params) == 24, "a key has no padding");

de_cells de_latent_cells(const de_latent_params *params, const de_network_set *networks);

/* pixels [height, width, 3] 8-bit sRGB -> latent [c, h, w], scaled. Errors: MEMORY, networks'. */
diffedit_status de_encode_run(float *latent, const de_latent_params *params, const uint8_t *pixels,
                              const de_network_set *networks, de_stage_context *context,
                              diffedit_error *error);
/* moments [h, w, 2 c] -> latent [c, h, w], scaled: the posterior's mean or a sample. Errors:
 * MEMORY.
 */
diffedit_status de_posterior_take(float *latent, const de_latent_params *params,
                                  const float *moments, const de_network_set *networks,
                                  diffedit_error *error);

/* ---- condition: what an inpainting UNet reads beside the latent ---- */

typedef struct de_condition_params {
    de_latent_params latent;
    uint64_t mask; /* de_region_content(); 0: everything is to be changed */
} de_condition_params;
static_assert(sizeof(de_condition_params) == 32, "a key has no padding");

struct de_region;

/* condition [1 + c, h, w]: the mask, and the latent of the picture with grey in its place (Rombach
 * et al. 2022, section 4.5). pixels as above and region, neither looked at where everything is to
 * be changed. Errors: MEMORY, networks'. */
diffedit_status de_condition_run(float *condition, const de_condition_params *params,
                                 const uint8_t *pixels, const struct de_region *region,
                                 const de_network_set *networks, diffedit_error *error);

/* ---- map ---- */

typedef struct de_map_params {
    de_latent_params latent;
    uint64_t seed;
    uint64_t from, to;             /* texts; to: the empty one for plus-minus */
    double timestep, level, sigma; /* of the noise; sigma: 0 for contrast */
    double guidance;               /* of plus-minus, as its kind is; else 0 */
    double quantile;               /* of the values, counts as 1; 0: the method's own limit does */
    int32_t guidance_kind;
    int32_t method; /* DIFFEDIT_MASK_... */
    int32_t samples, rng;
} de_map_params;
static_assert(sizeof(de_map_params) == 104, "a key has no padding");

typedef struct de_map {
    float *values; /* [h, w] in 0..1: cells, or (plus-minus) pixels at working size */
    int h, w;
    float *noise; /* [samples, c, latent h, latent w], or NULL */
    int samples;
} de_map;
void de_map_free(de_map *map);
/* The size of such a map. */
de_cells de_map_size(const de_map_params *params, const de_network_set *networks);

typedef struct de_map_inputs {
    const float *latent;    /* x_0 [c, h, w] */
    const float *condition; /* everything, or NULL */
    de_text_input from, to, empty;
} de_map_inputs;

/* Errors: CANCELLED, MEMORY, networks'. */
diffedit_status de_map_run(de_map *map, const de_map_params *params, const de_map_inputs *inputs,
                           const de_network_set *networks, de_stage_context *context,
                           diffedit_error *error);

/* ---- clean: the map as the threshold sees it ---- */

typedef struct de_clean_params {
    de_map_params map;     /* the map that is found, or the size and method of a given one */
    uint64_t given;        /* which given one; 0: none */
    int32_t width, height; /* of the picture */
    de_cells cells;
    int32_t filter; /* DIFFEDIT_MASK_FILTER_... */
    int32_t refine; /* 1: the map's edges become the picture's */
} de_clean_params;
static_assert(sizeof(de_clean_params) == 136, "a key has no padding");

typedef struct de_cleaned {
    float *cells;   /* [h, w], 0..1, filtered */
    float *refined; /* [height, width], 0..1: the same with the picture's edges, or NULL */
    int width, height, h, w;
} de_cleaned;
void de_cleaned_free(de_cleaned *cleaned);

/* values [h, w], a map, through a bilateral filter (Tomasi and Manduchi 1998) of 7 x 7 cells, the
 * edges replicated; smoothed [h, w]. */
void de_map_bilateral(float *smoothed, const float *values, int h, int w);

/* values [h, w], a map -> refined [height, width] in 0..1, the picture's size: bilinear, and
 * through a guided filter whose guide is the picture. Errors: CANCELLED, PICTURE, MEMORY. */
diffedit_status de_map_refine(float *refined, const float *values, de_cells cells,
                              const diffedit_picture *picture, de_stage_context *context,
                              diffedit_error *error);

/* The picture is looked at only to refine. Errors: CANCELLED, PICTURE, MEMORY. */
diffedit_status de_clean_run(de_cleaned *cleaned, const de_clean_params *params, const de_map *map,
                             const diffedit_picture *picture, de_stage_context *context,
                             diffedit_error *error);

/* ---- region: what is to be changed ---- */

typedef struct de_region_params {
    int32_t width, height; /* of the picture */
    de_cells cells;
    double threshold; /* of the map */
    int32_t fill;     /* 1: holes are changed too; of a map, not of a given mask */
    int32_t grow;     /* picture pixels; negative shrinks */
    int64_t room;     /* cells around mask and map that the decode may change as well; 0: none */
} de_region_params;

typedef struct de_region {
    uint8_t *mask;  /* [height, width], 0 or 1, at picture size */
    uint8_t *room;  /* [height, width], what the decode may change: mask, and around it; or NULL */
    uint8_t *cells; /* [h, w]: 1 where any pixel of the cell is, or is room */
    int width, height, h, w;
    int64_t changed;        /* pixels */
    const de_cleaned *from; /* borrowed: the map that it follows from; NULL: it was given */
} de_region;
void de_region_free(de_region *region);
/* What the decode may change: the room, or else the mask. */
const uint8_t *de_region_reach(const de_region *region);
/* Numbers, never 0, that differ where the cells, or cells and reach, do: a hash of 64 bits. */
uint64_t de_region_cells_content(const de_region *region);
uint64_t de_region_content(const de_region *region);
/* Of the two, what a decode by these networks depends on. */
uint64_t de_region_content_for(const de_region *region, const de_network_set *networks);

typedef struct de_region_inputs {
    const de_cleaned *cleaned; /* outlives the region */
    const uint8_t *given;      /* [height, width], a mask: then cleaned is not looked at; or NULL */
    const uint8_t *given_room; /* likewise, the room around it; or NULL */
    const uint8_t *correction; /* [height, width], DE_CORRECTION_..., of the mask; or NULL */
} de_region_inputs;

/* Errors: CANCELLED, MEMORY. */
diffedit_status de_region_run(de_region *region, const de_region_params *params,
                              const de_region_inputs *inputs, de_stage_context *context,
                              diffedit_error *error);

/* ---- cut: what the composite takes of a region with room ---- */

typedef struct de_cut_params {
    de_cells working; /* size of the decoded pixels */
    int64_t fill;     /* 1: holes too */
} de_cut_params;

typedef struct de_cut_inputs {
    const uint8_t *decoded;       /* [working.h, working.w, 3], the result */
    const uint8_t *reconstructed; /* likewise, x_0 */
    const uint8_t *correction;    /* as the region's */
} de_cut_inputs;

/* The mask becomes what the decode changed, and what was in the mask: what the correction added
 * always, and nothing that it removed. After a failure the mask is of no use. Errors: CANCELLED,
 * MEMORY. */
diffedit_status de_cut_run(de_region *region, const de_cut_params *params,
                           const de_cut_inputs *inputs, de_stage_context *context,
                           diffedit_error *error);

/* ---- invert: x_0 .. x_k (DiffEdit section 3.2, step 2) ---- */

typedef struct de_inversion_params {
    de_latent_params latent;
    const de_sampler *sampler; /* one that encodes */
    uint64_t empty;            /* the empty text, whose chunks are as many as the longest's */
    uint64_t from;             /* the text that guides it; 0: none */
    double guidance;           /* 1: without text */
    int64_t guidance_kind;     /* 0 where no text guides */
    int32_t spacing, steps;    /* of the whole grid */
} de_inversion_params;
static_assert(sizeof(de_inversion_params) == 72, "a key has no padding");

/* As far as it went: a run with a larger k goes on where it ended. */
typedef struct de_inversion {
    float *states; /* x_0 .. x_(count - 1), each [c, h, w] */
    int count;
    de_grid grid;
    de_walk walk;
} de_inversion;
void de_inversion_free(de_inversion *inversion);

typedef struct de_inversion_inputs {
    const float *latent;    /* x_0 */
    const float *condition; /* everything, or NULL */
    de_text_input from, empty;
} de_inversion_inputs;

/* After a failure the states so far stay. Errors: ARGUMENT (steps), CANCELLED, MEMORY, networks'.
 */
diffedit_status de_inversion_run(de_inversion *inversion, const de_inversion_params *params, int k,
                                 const de_inversion_inputs *inputs, const de_schedule *schedule,
                                 const de_network_set *networks, de_stage_context *context,
                                 diffedit_error *error);

/* ---- denoise: the guided decode (step 3), and text to image ---- */

typedef enum de_start {
    DE_START_INVERTED, /* x_k of the inversion */
    DE_START_NOISED,   /* x_0 with noise of node k */
    DE_START_NOISE,    /* nothing but noise, from the last node */
} de_start;

typedef struct de_denoise_params {
    de_latent_params latent;
    de_inversion_params inversion; /* zeros unless it starts there */
    const de_sampler *sampler;
    uint64_t seed; /* of the noise; 0 without, as rng is */
    uint64_t to, unconditional;
    uint64_t mask; /* the content of the region, or of its cells where the UNet does not read it;
                    * 0: no region */
    double guidance;
    int64_t guidance_kind;
    int32_t start;             /* de_start */
    int32_t background;        /* DIFFEDIT_BACKGROUND_...: what stands outside the mask, taken from
                                * where it starts; -1: no mask */
    int32_t spacing, steps, k; /* k: the node it starts from; `steps` from noise alone */
    int32_t rng;
} de_denoise_params;
static_assert(sizeof(de_denoise_params) == 176, "a key has no padding");

typedef struct de_final {
    float *latent; /* [c, h, w] */
    float *noise;  /* [c, h, w], or NULL */
} de_final;
void de_final_free(de_final *final);

typedef struct de_denoise_inputs {
    const float *latent;    /* x_0; NULL without a picture */
    const float *states;    /* x_0 .. x_k of the inversion, or NULL */
    const uint8_t *cells;   /* [h, w]; NULL: no mask */
    const float *condition; /* or NULL */
    de_text_input to, unconditional;
} de_denoise_inputs;

/* How many steps it has. */
int de_denoise_steps(const de_denoise_params *params);
/* Errors: ARGUMENT (steps), CANCELLED, MEMORY, networks'. */
diffedit_status de_denoise_run(de_final *final, const de_denoise_params *params,
                               const de_denoise_inputs *inputs, const de_schedule *schedule,
                               const de_network_set *networks, de_stage_context *context,
                               diffedit_error *error);

/* ---- decode: latent -> pixels ---- */

/* latent [c, h, w] -> pixels [height, width, 3] 8-bit sRGB. Errors: CANCELLED, MEMORY, networks'.
 */
diffedit_status de_decode_run(uint8_t *pixels, const de_latent_params *params, const float *latent,
                              const de_network_set *networks, de_stage_context *context,
                              diffedit_error *error);

/* ---- blend: the result ---- */

typedef struct de_blend_params {
    de_cells working; /* size of the decoded pixels */
    de_rectangle at;  /* the part of the picture that they show */
    double feather;   /* picture pixels, as blur is */
    double blur;
    int64_t everywhere; /* 1: the decoded picture as it is */
} de_blend_params;

typedef struct de_blend_inputs {
    const diffedit_picture *picture;
    const uint8_t *decoded;    /* [working.h, working.w, 3] */
    const uint8_t *mask;       /* [at.height, at.width] */
    const uint8_t *correction; /* likewise: where it removes, the soft edge is left out; or NULL */
} de_blend_inputs;

/* Errors: CANCELLED, PICTURE, MEMORY. */
diffedit_status de_blend_run(diffedit_picture **result, const de_blend_params *params,
                             const de_blend_inputs *inputs, de_stage_context *context,
                             diffedit_error *error);

#endif
