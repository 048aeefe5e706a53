/* A text as the text encoder reads it: chunks of one number of tokens, each with its own start and
 * end, and a weight for each token. */
#ifndef DE_CHUNKS_H
#define DE_CHUNKS_H

#include "models/prompt.h"
#include "models/tokenizer.h"

/* The chunks that a text may have; begins as zeros. */
enum { DE_MOST_CHUNKS = 32 };

typedef struct de_chunks {
    int32_t *tokens; /* [count, de_tokenizer_length()] */
    float *weights;  /* of each token */
    int count;
} de_chunks;

/* One chunk of weights of 1; what does not fit is cut as de_tokenizer_encode() does. */
diffedit_status de_chunks_of_plain(de_chunks *chunks, const de_tokenizer *tokenizer,
                                   const char *text, char **cut, diffedit_error *error);
/* As many chunks as the text needs, and one more at each BREAK; a chunk ends behind a comma where
 * one of its last 20 tokens is one. `name` names the text in messages. Errors: ARGUMENT (not valid
 * UTF-8, more than DE_MOST_CHUNKS), MEMORY. */
diffedit_status de_chunks_of_prompt(de_chunks *chunks, const de_tokenizer *tokenizer,
                                    const char *name, const de_prompt *prompt,
                                    diffedit_error *error);
/* Adds chunks of no text until there are `count`. Errors: MEMORY. */
diffedit_status de_chunks_pad(de_chunks *chunks, const de_tokenizer *tokenizer, int count,
                              diffedit_error *error);
void de_chunks_free(de_chunks *chunks);

#endif
