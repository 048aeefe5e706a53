/* The texts of an edit, as the networks read them. */
#ifndef DE_TEXTS_H
#define DE_TEXTS_H

#include "edit/stage.h"
#include "models/chunks.h"
#include "models/model.h"

typedef enum de_text_role {
    DE_TEXT_FROM,
    DE_TEXT_TO,
    DE_TEXT_NEGATIVE,
    DE_TEXT_EMPTY, /* "", what "no text" means to the model */
    DE_TEXT_COUNT
} de_text_role;

typedef struct de_text {
    char *text;
    int syntax;       /* DIFFEDIT_PROMPT_... */
    de_chunks chunks; /* of all texts of a call as many */
    float *embedding; /* [chunks, text_tokens, text_width], weighted */
    uint64_t serial;  /* equal for equal chunks; 0: not encoded yet */
} de_text;

typedef struct de_texts {
    de_text roles[DE_TEXT_COUNT];
    uint64_t last_serial;
} de_texts;

/* What is to be set; NULL texts are empty. */
typedef struct de_texts_given {
    const char *from, *to, *negative;
    diffedit_prompt_syntax syntax;
} de_texts_given;

/* Tokenises all and encodes what has changed. Tells the log of new texts that were cut, have words
 * that the model does not know, or look like the other syntax. Errors: ARGUMENT, MEMORY,
 * networks'. */
diffedit_status de_texts_set(de_texts *texts, const de_texts_given *given,
                             const diffedit_model *model, const de_network_set *networks,
                             de_log log, diffedit_error *error);
/* What de_texts_set() would make of `texts`, but for embeddings: chunks, and serials as they would
 * be. *foreseen is freed by the caller, whatever this returns. Errors: ARGUMENT, MEMORY. */
diffedit_status de_texts_foresee(de_texts *foreseen, const de_texts *texts,
                                 const de_texts_given *given, const diffedit_model *model,
                                 const de_network_set *networks, diffedit_error *error);
void de_texts_free(de_texts *texts);
de_text_input de_texts_input(const de_texts *texts, de_text_role role);

#endif
