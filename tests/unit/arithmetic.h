/* An editor whose networks are arithmetic: the latent is the red of a cell, far from 0 where that
 * is bright; what the UNet predicts depends on the letters of the text. */
#ifndef ARITHMETIC_H
#define ARITHMETIC_H

#include "edit/editor.h"

/* The UNet of all such editors. */
typedef struct arithmetic_state {
    float texts[2];
    int n, h, w;
    int blind; /* all texts are one at this width */
} arithmetic_state;
extern arithmetic_state arithmetic_unet;

/* `picture` may be NULL. */
diffedit_editor *new_arithmetic_editor(const diffedit_model *of, const diffedit_picture *picture);

/* Models of two kinds, whose networks are not used; opened and closed by a group's functions. */
extern diffedit_model *model, *inpainting;
int open_models(void **state);
int close_models(void **state);

/* A picture of side x side pixels, dark, with a bright rectangle. */
diffedit_picture *new_bright_picture(int side, de_rectangle bright, int channels, int bits);
/* "a horse" to "a zebra" under preset paper. */
diffedit_options new_edit_options(int steps, int mask_samples);
/* The result; the test fails where there is none. */
diffedit_picture *edit(diffedit_editor *editor, const diffedit_options *options);
/* Evaluations that the edit took. */
int cost(diffedit_editor *editor, const diffedit_options *options);

#endif
