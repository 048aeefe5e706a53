/* Texts in the syntax of AUTOMATIC1111's web interface: brackets give weights, BREAK begins another
 * chunk. */
#ifndef DE_PROMPT_H
#define DE_PROMPT_H

#include "base/base.h"

/* A part of a text under one weight. */
typedef struct de_prompt_piece {
    const char *text; /* without the marks; NULL: BREAK */
    double weight;
} de_prompt_piece;

typedef struct de_prompt {
    de_prompt_piece *pieces;
    size_t count;
    char *buffer; /* that the pieces point into */
    /* the first thing that is no ordinary punctuation, as in (a:1.2), ((a)), BREAK, inside the text
     * that was read; NULL: none */
    const char *marked;
    size_t marked_length;
} de_prompt;

/* Reads `text`; `name` names it in messages. Errors: ARGUMENT (a weight that is no number or out of
 * range, brackets too deep, what is not supported: <lora:...>, [a:b:0.5], [a|b], AND), MEMORY. */
diffedit_status de_prompt_parse(de_prompt *prompt, const char *name, const char *text,
                                diffedit_error *error);
void de_prompt_free(de_prompt *prompt);

#endif
