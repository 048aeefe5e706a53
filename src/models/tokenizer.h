/* CLIP's byte-level BPE tokenizer (Radford et al. 2021), as transformers' CLIPTokenizer with ftfy.
 */
#ifndef DE_TOKENIZER_H
#define DE_TOKENIZER_H

#include "models/documents.h"

typedef struct de_tokenizer de_tokenizer;

/* From a model's documents. A packed file without a vocabulary has the published one. Errors: FILE,
 * MODEL, MEMORY. */
diffedit_status de_tokenizer_open(de_tokenizer **tokenizer, const de_documents *from,
                                  diffedit_error *error);
/* The published CLIP vocabulary, which is built in; `pad` is "<|endoftext|>" or "!" (SD 2). */
diffedit_status de_tokenizer_open_builtin(de_tokenizer **tokenizer, const char *pad,
                                          diffedit_error *error);
void de_tokenizer_close(de_tokenizer *tokenizer);
int de_tokenizer_length(const de_tokenizer *tokenizer);     /* model_max_length, e.g. 77 */
int de_tokenizer_vocab_size(const de_tokenizer *tokenizer); /* largest id + 1 */

/* The tokens that stand for something; DE_NOT_FOUND where a vocabulary has none. */
typedef struct de_special_tokens {
    int32_t start, end, pad, comma;
} de_special_tokens;
de_special_tokens de_tokenizer_specials(const de_tokenizer *tokenizer);

/* Tokens that are added one after another; begins as zeros. */
typedef struct de_token_list {
    int32_t *tokens; /* to be freed */
    size_t count, capacity;
} de_token_list;

/* Adds the tokens of a text, without start, end and padding. Errors: ARGUMENT (not valid UTF-8),
 * MEMORY. */
diffedit_status de_tokenizer_append(const de_tokenizer *tokenizer, const char *text,
                                    de_token_list *list, diffedit_error *error);
/* tokens[length] = start, the text's, end, padding. If the text is too long it is cut, the end
 * token is kept, and *cut (may be NULL) receives the text of what was cut (to be freed), else NULL.
 * Errors: ARGUMENT (the text is not valid UTF-8), MEMORY. */
diffedit_status de_tokenizer_encode(const de_tokenizer *tokenizer, const char *text,
                                    int32_t *tokens, char **cut, diffedit_error *error);
/* The cleaned, lower-case words of a text (runs of letters), for the warning about unknown words:
 * NULL-terminated, one allocation, to be freed. */
diffedit_status de_text_words(char ***words, const char *text, diffedit_error *error);

#endif
