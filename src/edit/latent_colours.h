/* What a latent looks like, roughly and at once: colours that are linear in it, at the size of its
 * cells. */
#ifndef DE_LATENT_COLOURS_H
#define DE_LATENT_COLOURS_H

#include "edit/stage.h"

/* A picture and its latent, to learn from. */
typedef struct de_example {
    const float *latent;   /* [c, h, w] */
    const uint8_t *pixels; /* [h factor, w factor, 3] */
    de_cells size;
    double weight; /* of all its cells together */
} de_example;

/* weights [3, c + 1], the last of each row a constant, so that colours of 0..255 follow from a
 * latent: least squares over the examples' cells. Errors: MEMORY. */
diffedit_status de_colours_fit(float *weights, const de_example *examples, int count,
                               const de_network_set *networks, diffedit_error *error);
/* pixels [h, w, 3] of a latent [c, h, w] */
void de_colours_apply(uint8_t *pixels, const float *weights, const float *latent, int channels,
                      de_cells size);

/* A chart of smooth colours, for what a picture does not have. */
enum { DE_CHART_CELLS = 16 }; /* along each side */
/* pixels [side, side, 3], side = DE_CHART_CELLS factor */
void de_chart_draw(uint8_t *pixels, int side);

#endif
