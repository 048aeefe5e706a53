/* The editor: one picture under one model, and the stages of an edit, each of which remembers its
 * result with the options that made it.
 *
 *     encode.c   picture -> latent x_0
 *     map.c      where the two texts disagree
 *     mask.c     map -> mask
 *     invert.c   x_0 .. x_k (DDIM encoding)
 *     denoise.c  the guided decode inside the mask; text to image
 *     decode.c   latent -> pixels
 *     composite.c  pixels inside the mask, the input outside
 *
 * Latents are [c, h, w] here, as the references write them; the networks' [n, h, w, c] begins in
 * network.c. */
#ifndef DE_EDITOR_H
#define DE_EDITOR_H

#include "models/model.h"
#include "picture/picture.h"
#include "base/random.h"
#include "sampling/schedule.h"

/* ---- texts ---- */

typedef enum de_text_role {
    DE_TEXT_FROM,
    DE_TEXT_TO,
    DE_TEXT_NEGATIVE,
    DE_TEXT_EMPTY, /* "", what "no text" means to the model */
    DE_TEXT_COUNT
} de_text_role;

typedef struct de_text {
    char *text;
    int32_t *tokens;  /* [text_tokens] */
    float *embedding; /* [text_tokens, width] */
    uint64_t serial;  /* equal for equal tokens; 0: not encoded yet */
} de_text;

/* ---- keys: the options a stage's result depends on; compared as bytes, so set from zero ---- */

typedef struct de_latent_key {
    uint64_t seed; /* 0 unless the posterior is sampled */
    int width, height, posterior, rng;
} de_latent_key;

typedef struct de_map_key {
    de_latent_key latent;
    uint64_t seed, from, to;
    double noise_level, guidance;
    int method, samples, steps, rng, guidance_kind, padding;
} de_map_key;

typedef struct de_inversion_key {
    de_latent_key latent;
    uint64_t from; /* 0 where it is not guided */
    double guidance;
    int steps, guidance_kind;
} de_inversion_key;

typedef struct de_final_key {
    de_latent_key latent;
    de_inversion_key inversion;
    uint64_t seed, to, negative;
    double guidance;
    int guidance_kind, scheduler, background, k, steps, rng;
    uint64_t mask;   /* a hash, where the UNet reads the mask */
    int64_t inpaint; /* from noise alone */
} de_final_key;

struct diffedit_editor {
    const diffedit_model *model;
    de_schedule schedule;
    int factor, channels;      /* of the autoencoder: pixels per cell, latent channels */
    diffedit_picture *picture; /* own copy; NULL: generates only */
    de_context context;
    de_log log;
    diffedit_progress_fn progress;
    void *progress_user;
    diffedit_stats stats;

    de_text texts[DE_TEXT_COUNT];
    uint64_t last_serial;

    int width, height; /* working size in pixels */
    int latent_w, latent_h;

    uint8_t *input; /* [height, width, 3], of size input_width x input_height */
    int input_width, input_height;

    bool has_latent, has_map, has_final;
    de_latent_key latent_key;
    float *latent; /* x_0 [c, h, w] */

    de_map_key map_key;
    float *mask_noise; /* [mask_samples, c, h, w] */
    int mask_samples;
    float *map; /* [map_h, map_w] */
    int map_h, map_w;
    float *user_map; /* [user_map_h, user_map_w], or NULL */
    int user_map_h, user_map_w;

    uint8_t *user_mask; /* at picture size, 0 or 1, or NULL */
    uint8_t *mask;      /* at picture size */
    uint8_t *cells;     /* [h, w], 0 or 1 */
    bool mask_is_empty;

    de_inversion_key inversion_key;
    float *inverted;    /* x_0 .. x_inverted_count - 1 */
    int inverted_count; /* computed so far */
    int inverted_shown; /* k + 1 of the last call */

    de_final_key final_key;
    uint8_t *final_cells; /* the mask that made `final`, [h, w]; NULL: generated */
    float *noise;         /* [c, h, w], where a stage drew one, else NULL */
    float *final;         /* [c, h, w] */
    uint8_t *decoded;     /* [height, width, 3], or NULL */
    float *mask_view;     /* [h, w], what diffedit_editor_array shows */
    float *condition;     /* [1 + c, h, w], what an inpainting UNet reads beside the latent; see
                             condition.c */
};

static inline int64_t de_latent_count(const diffedit_editor *editor)
{
    return (int64_t)editor->channels * editor->latent_h * editor->latent_w;
}

/* ---- editor.c ---- */

/* Calls the progress callback. Errors: CANCELLED. */
diffedit_status de_editor_step(diffedit_editor *editor, diffedit_stage_id stage, int done,
                               int total, diffedit_error *error);
/* Sets the working size in pixels, multiples of the factor; what was made at another size is
 * forgotten. */
void de_editor_set_size(diffedit_editor *editor, int width, int height);
/* Starts a public call: clears the statistics, sets the working size of `options` and encodes its
 * texts. Errors: ARGUMENT, MEMORY. */
diffedit_status de_editor_begin(diffedit_editor *editor, const diffedit_options *options,
                                diffedit_error *error);
void de_editor_end(diffedit_editor *editor);
/* de_networks_use() for a stage that begins: where the network must be prepared first, it finds the
 * memory of the last stage's temporary arrays free. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_editor_use(diffedit_editor *editor, de_part part, diffedit_error *error);
/* malloc for `count` floats or bytes that says what they were for */
diffedit_status de_allocate_floats(float **memory, int64_t count, const char *what,
                                   diffedit_error *error);
diffedit_status de_allocate_bytes(uint8_t **memory, int64_t count, const char *what,
                                  diffedit_error *error);

/* ---- texts.c ---- */
diffedit_status de_editor_set_texts(diffedit_editor *editor, const diffedit_options *options,
                                    diffedit_error *error);
/* embedding [text_tokens, width] of tokens */
diffedit_status de_editor_embed(diffedit_editor *editor, const int32_t *tokens, float *embedding,
                                diffedit_error *error);
void de_editor_free_texts(diffedit_editor *editor);

/* ---- network.c: the networks on [c, h, w] arrays ---- */

/* The UNet under one or two texts, ready for many evaluations without allocation. */
typedef struct de_predictor {
    diffedit_editor *editor;
    const de_unet *unet; /* used until the predictor is freed */
    de_text_keys keys;
    int n;      /* texts, and eps made by an evaluation */
    float *x;   /* [h, w, the UNet's channels] */
    float *y;   /* [n, h, w, c] */
    float *eps; /* [n, c, h, w], what the last evaluation found */
} de_predictor;

/* embeddings: n of them, each [text_tokens, width]. While a predictor lives, no other network may
 * run. Errors: MEMORY. */
diffedit_status de_predictor_new(de_predictor *predictor, diffedit_editor *editor,
                                 const float *const *embeddings, int n, diffedit_error *error);
void de_predictor_free(de_predictor *predictor);
/* predictor->eps of x [c, h, w], a sample at level `level` (alphas_cumprod), at time t */
void de_predictor_run(de_predictor *predictor, const float *x, double t, double level);

/* A predictor with guidance: one evaluation where it makes no difference, else two. */
typedef struct de_guided {
    de_predictor predictor;
    int kind;
    double scale;
    int64_t count;
} de_guided;

/* Errors: MEMORY. */
diffedit_status de_guided_new(de_guided *guided, diffedit_editor *editor,
                              const de_text *unconditional, const de_text *text, int kind,
                              double scale, diffedit_error *error);
void de_guided_free(de_guided *guided);
/* eps [c, h, w], in memory of the predictor, valid until the next run */
const float *de_guided_run(de_guided *guided, const float *x, double t, double level);

/* latent [c, h, w], scaled -> pixels [h f, w f, 3], not clamped. Errors: MEMORY. */
diffedit_status de_editor_decode(diffedit_editor *editor, const float *latent, float *pixels,
                                 diffedit_error *error);
/* pixels [H, W, 3] in -1..1 -> moments [H/f, W/f, 2 c], not scaled. Errors: MEMORY. */
diffedit_status de_editor_encode(diffedit_editor *editor, const float *pixels, float *moments,
                                 diffedit_error *error);

/* ---- condition.c: to be set before a predictor is made ---- */

/* Everything is to be changed: mask 1, masked picture grey. Errors: FILE, MODEL, MEMORY. */
diffedit_status de_condition_everything(diffedit_editor *editor, const diffedit_options *options,
                                        diffedit_error *error);
/* The mask that was found or given. */
diffedit_status de_condition_mask(diffedit_editor *editor, const diffedit_options *options,
                                  diffedit_error *error);
/* A number that differs where the mask does, if the UNet reads it. */
uint64_t de_mask_hash(const diffedit_editor *editor);

/* ---- the stages ---- */

/* moments [h, w, 2 c] -> latent [c, h, w], scaled: the posterior's mean or a sample. Errors:
 * MEMORY. */
diffedit_status de_take_posterior(const diffedit_editor *editor, const diffedit_options *options,
                                  const float *moments, float *latent, diffedit_error *error);
diffedit_status de_stage_encode(diffedit_editor *editor, const diffedit_options *options,
                                diffedit_error *error);
diffedit_status de_stage_map(diffedit_editor *editor, const diffedit_options *options,
                             diffedit_error *error);
/* editor->mask and editor->cells from the map, or from the user's mask */
diffedit_status de_stage_mask(diffedit_editor *editor, const diffedit_options *options,
                              diffedit_error *error);
diffedit_status de_stage_invert(diffedit_editor *editor, const diffedit_options *options,
                                diffedit_error *error);
diffedit_status de_stage_denoise(diffedit_editor *editor, const diffedit_options *options,
                                 diffedit_error *error);
/* From noise, towards the query text, for a UNet that reads the mask; needs de_stage_encode and
 * de_stage_mask. */
diffedit_status de_stage_inpaint(diffedit_editor *editor, const diffedit_options *options,
                                 diffedit_error *error);
diffedit_status de_stage_generate(diffedit_editor *editor, const diffedit_options *options,
                                  diffedit_error *error);
diffedit_status de_stage_decode(diffedit_editor *editor, diffedit_error *error);
diffedit_status de_stage_composite(diffedit_editor *editor, const diffedit_options *options,
                                   diffedit_picture **result, diffedit_error *error);
/* The default feather: one latent cell in picture pixels. */
double de_cell_size(const diffedit_editor *editor);

#endif
