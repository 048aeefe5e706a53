#include "edit/texts.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What setting a text needs. */
typedef struct setting {
    de_texts *texts;
    const diffedit_model *model;
    const de_network_set *networks;
    de_log log;
} setting;

static bool knows(char *const *known, const char *word)
{
    for (; *known; known++)
        if (strcasecmp(*known, word) == 0)
            return true;
    return false;
}

/* A model that lists its words has never seen others. */
static diffedit_status warn_of_unknown_words(const setting *set, const char *text,
                                             diffedit_error *error)
{
    char *const *known = set->model->parts.hints.words;
    if (!known)
        return DIFFEDIT_OK;
    char **words;
    diffedit_status status = de_text_words(&words, text, error);
    if (status != DIFFEDIT_OK)
        return status;
    for (char **word = words; *word; word++)
        if (!knows(known, *word))
            de_log_write(set->log, DIFFEDIT_LOG_WARNING,
                         "this model has never seen the word \"%s\" and cannot know what it means",
                         *word);
    free(words);
    return DIFFEDIT_OK;
}

static diffedit_status tokenize(const setting *set, const char *text, int32_t *tokens,
                                diffedit_error *error)
{
    char *cut = NULL;
    const de_tokenizer *tokenizer = set->model->tokenizer;
    diffedit_status status = de_tokenizer_encode(tokenizer, text, tokens, &cut, error);
    if (status == DIFFEDIT_OK && cut)
        de_log_write(set->log, DIFFEDIT_LOG_WARNING,
                     "a text is longer than the model's %d tokens; this part is cut: \"%s\"",
                     de_tokenizer_length(tokenizer), cut);
    free(cut);
    return status;
}

static const de_text *find_equal(const de_texts *texts, const int32_t *tokens, size_t bytes)
{
    for (int role = 0; role < DE_TEXT_COUNT; role++)
        if (texts->roles[role].serial && memcmp(texts->roles[role].tokens, tokens, bytes) == 0)
            return &texts->roles[role];
    return NULL;
}

static void free_text(de_text *text)
{
    free(text->text);
    free(text->tokens);
    free(text->embedding);
    *text = (de_text){0};
}

/* The embedding of new->tokens, copied from a role that holds the same tokens. */
static diffedit_status embed(const setting *set, de_text *new, size_t token_bytes,
                             size_t embedding_bytes, diffedit_error *error)
{
    const de_text *equal = find_equal(set->texts, new->tokens, token_bytes);
    if (equal) {
        memcpy(new->embedding, equal->embedding, embedding_bytes);
        new->serial = equal->serial;
        return DIFFEDIT_OK;
    }
    new->serial = ++set->texts->last_serial;
    return set->networks->encode_text(set->networks->self, new->tokens, new->embedding, error);
}

static diffedit_status set_text(const setting *set, de_text *slot, const char *text,
                                diffedit_error *error)
{
    if (slot->serial && strcmp(slot->text, text) == 0)
        return DIFFEDIT_OK;
    const de_network_set *networks = set->networks;
    size_t n = (size_t)networks->text_tokens, token_bytes = n * sizeof(int32_t);
    size_t embedding_bytes = n * (size_t)networks->text_width * sizeof(float);
    de_text new = {
        .text = strdup(text), .tokens = malloc(token_bytes), .embedding = malloc(embedding_bytes)};
    diffedit_status status = new.text &&new.tokens &&new.embedding
                                 ? tokenize(set, text, new.tokens, error)
                                 : de_fail_memory(error, embedding_bytes, "a text");
    if (status == DIFFEDIT_OK)
        status = embed(set, &new, token_bytes, embedding_bytes, error);
    if (status == DIFFEDIT_OK)
        status = warn_of_unknown_words(set, text, error);
    if (status != DIFFEDIT_OK) {
        free_text(&new);
        return status;
    }
    free_text(slot);
    *slot = new;
    return DIFFEDIT_OK;
}

diffedit_status de_texts_set(de_texts *texts, const char *from, const char *to,
                             const char *negative, const diffedit_model *model,
                             const de_network_set *networks, de_log log, diffedit_error *error)
{
    const setting set = {.texts = texts, .model = model, .networks = networks, .log = log};
    const char *given[DE_TEXT_COUNT] = {
        [DE_TEXT_FROM] = from, [DE_TEXT_TO] = to, [DE_TEXT_NEGATIVE] = negative};
    diffedit_status status = DIFFEDIT_OK;
    for (int role = 0; role < DE_TEXT_COUNT && status == DIFFEDIT_OK; role++)
        status = set_text(&set, &texts->roles[role], given[role] ? given[role] : "", error);
    return status;
}

void de_texts_free(de_texts *texts)
{
    for (int role = 0; role < DE_TEXT_COUNT; role++)
        free_text(&texts->roles[role]);
}

de_text_input de_texts_input(const de_texts *texts, de_text_role role)
{
    return (de_text_input){texts->roles[role].embedding, texts->roles[role].serial};
}
