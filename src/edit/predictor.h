/* What the UNet predicts under texts, as epsilon; with guidance, as one prediction. */
#ifndef DE_PREDICTOR_H
#define DE_PREDICTOR_H

#include "edit/stage.h"

/* The UNet under one or two texts, ready for many evaluations without allocation. */
typedef struct de_predictor {
    const de_network_set *networks;
    de_stage_context *context;
    const float *condition; /* borrowed; NULL unless the UNet inpaints */
    int n;                  /* texts, and eps made by an evaluation */
    int64_t count;          /* values of a latent */
    float *eps;             /* [n, c, h, w], what the last evaluation found */
} de_predictor;

/* texts: n of them, 1 or 2, of one number of chunks. While a predictor lives, no other network may
 * run. Errors: MEMORY, networks'. */
diffedit_status de_predictor_new(de_predictor *predictor, const de_network_set *networks,
                                 de_stage_context *context, const de_text_input *texts, int n,
                                 de_cells size, const float *condition, diffedit_error *error);
/* A predictor of zeros may be freed too. */
void de_predictor_free(de_predictor *predictor);
/* predictor->eps of x [c, h, w], a sample at this level, at time t. Errors: networks'. */
diffedit_status de_predictor_run(de_predictor *predictor, const float *x, double t, double level,
                                 diffedit_error *error);

/* A predictor with guidance: one evaluation where it makes no difference, else two. */
typedef struct de_guided {
    de_predictor predictor;
    int kind; /* DIFFEDIT_GUIDANCE_... */
    double scale;
} de_guided;

/* How many texts a step evaluates, 1 or 2; serials as in de_text_input. */
int de_guided_count(uint64_t unconditional, uint64_t text, int kind, double scale);
/* Errors: MEMORY, networks'. */
diffedit_status de_guided_new(de_guided *guided, const de_network_set *networks,
                              de_stage_context *context, de_text_input unconditional,
                              de_text_input text, int kind, double scale, de_cells size,
                              const float *condition, diffedit_error *error);
void de_guided_free(de_guided *guided);
/* *eps [c, h, w], in memory of the predictor, valid until the next run. Errors: networks'. */
diffedit_status de_guided_run(const float **eps, de_guided *guided, const float *x, double t,
                              double level, diffedit_error *error);

#endif
