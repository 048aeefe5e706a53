#include "edit/editor.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

diffedit_status de_editor_embed(diffedit_editor *editor, const int32_t *tokens, float *embedding,
                                diffedit_error *error)
{
    const diffedit_model *model = editor->model;
    int n = de_tokenizer_length(model->tokenizer);
    de_tensor y = {1, 1, n, model->text_config.width, embedding};
    diffedit_status status = de_editor_use(editor, DE_PART_TEXT, error);
    if (status != DIFFEDIT_OK)
        return status;
    const de_text_encoder *encoder = de_networks_text_encoder(model->networks);
    de_arena_start_measuring(&editor->context.arena);
    de_text_encoder_run(&editor->context, encoder, tokens, n, y);
    status = de_arena_allocate(&editor->context.arena, error);
    if (status == DIFFEDIT_OK)
        de_text_encoder_run(&editor->context, encoder, tokens, n, y);
    de_networks_done(model->networks, DE_PART_TEXT);
    return status;
}

static bool knows(char *const *known, const char *word)
{
    for (; *known; known++)
        if (strcasecmp(*known, word) == 0)
            return true;
    return false;
}

/* A model that lists its words has never seen others. */
static diffedit_status warn_of_unknown_words(diffedit_editor *editor, const char *text,
                                             diffedit_error *error)
{
    char *const *known = editor->model->hints.words;
    if (!known)
        return DIFFEDIT_OK;
    char **words;
    diffedit_status status = de_text_words(&words, text, error);
    if (status != DIFFEDIT_OK)
        return status;
    for (char **word = words; *word; word++)
        if (!knows(known, *word))
            de_log_write(editor->log, DIFFEDIT_LOG_WARNING,
                         "this model has never seen the word \"%s\" and cannot know what it means",
                         *word);
    free(words);
    return DIFFEDIT_OK;
}

static diffedit_status tokenize(diffedit_editor *editor, const char *text, int32_t *tokens,
                                diffedit_error *error)
{
    char *cut = NULL;
    const de_tokenizer *tokenizer = editor->model->tokenizer;
    diffedit_status status = de_tokenizer_encode(tokenizer, text, tokens, &cut, error);
    if (status == DIFFEDIT_OK && cut)
        de_log_write(editor->log, DIFFEDIT_LOG_WARNING,
                     "a text is longer than the model's %d tokens; this part is cut: \"%s\"",
                     de_tokenizer_length(tokenizer), cut);
    free(cut);
    return status;
}

static const de_text *find_equal(const diffedit_editor *editor, const int32_t *tokens, size_t bytes)
{
    for (int role = 0; role < DE_TEXT_COUNT; role++)
        if (editor->texts[role].serial && memcmp(editor->texts[role].tokens, tokens, bytes) == 0)
            return &editor->texts[role];
    return NULL;
}

/* Fills a slot with a text, reusing the embedding of any slot that holds the same tokens. */
static diffedit_status set_text(diffedit_editor *editor, de_text *slot, const char *text,
                                diffedit_error *error)
{
    if (slot->serial && strcmp(slot->text, text) == 0)
        return DIFFEDIT_OK;
    int n = de_tokenizer_length(editor->model->tokenizer);
    size_t token_bytes = (size_t)n * sizeof(int32_t);
    size_t embedding_bytes = (size_t)n * (size_t)editor->model->text_config.width * sizeof(float);
    de_text new = {
        .text = strdup(text), .tokens = malloc(token_bytes), .embedding = malloc(embedding_bytes)};
    diffedit_status status = new.text &&new.tokens &&new.embedding
                                 ? tokenize(editor, text, new.tokens, error)
                                 : de_fail_memory(error, embedding_bytes, "a text");
    if (status == DIFFEDIT_OK) {
        const de_text *equal = find_equal(editor, new.tokens, token_bytes);
        if (equal) {
            memcpy(new.embedding, equal->embedding, embedding_bytes);
            new.serial = equal->serial;
        } else {
            status = de_editor_embed(editor, new.tokens, new.embedding, error);
            new.serial = ++editor->last_serial;
        }
    }
    if (status == DIFFEDIT_OK)
        status = warn_of_unknown_words(editor, text, error);
    de_text *dropped = status == DIFFEDIT_OK ? slot : &new;
    free(dropped->text);
    free(dropped->tokens);
    free(dropped->embedding);
    if (status == DIFFEDIT_OK)
        *slot = new;
    return status;
}

diffedit_status de_editor_set_texts(diffedit_editor *editor, const diffedit_options *options,
                                    diffedit_error *error)
{
    const char *texts[DE_TEXT_COUNT] = {[DE_TEXT_FROM] = options->from,
                                        [DE_TEXT_TO] = options->to,
                                        [DE_TEXT_NEGATIVE] = options->negative};
    double start = de_seconds();
    diffedit_status status = DIFFEDIT_OK;
    for (int role = 0; role < DE_TEXT_COUNT && status == DIFFEDIT_OK; role++)
        status = set_text(editor, &editor->texts[role], texts[role] ? texts[role] : "", error);
    editor->stats.seconds[DIFFEDIT_STAGE_TEXT] += de_seconds() - start;
    return status;
}

void de_editor_free_texts(diffedit_editor *editor)
{
    for (int role = 0; role < DE_TEXT_COUNT; role++) {
        free(editor->texts[role].text);
        free(editor->texts[role].tokens);
        free(editor->texts[role].embedding);
    }
}
