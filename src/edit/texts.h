/* The texts of an edit, as the networks read them. */
#ifndef DE_TEXTS_H
#define DE_TEXTS_H

#include "edit/stage.h"
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
    int32_t *tokens;  /* [text_tokens] */
    float *embedding; /* [text_tokens, text_width] */
    uint64_t serial;  /* equal for equal tokens; 0: not encoded yet */
} de_text;

typedef struct de_texts {
    de_text roles[DE_TEXT_COUNT];
    uint64_t last_serial;
} de_texts;

/* Tokenises and encodes what has changed; NULL texts are empty. Tells the log of words that were
 * cut or that the model does not know. Errors: MEMORY, networks'. */
diffedit_status de_texts_set(de_texts *texts, const char *from, const char *to,
                             const char *negative, const diffedit_model *model,
                             const de_network_set *networks, de_log log, diffedit_error *error);
void de_texts_free(de_texts *texts);
de_text_input de_texts_input(const de_texts *texts, de_text_role role);

#endif
