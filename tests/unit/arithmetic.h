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

#endif
