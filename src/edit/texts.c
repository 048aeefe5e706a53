#include "edit/texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* What setting a text needs. */
typedef struct setting {
    de_texts *texts;
    const diffedit_model *model;
    const de_network_set *networks;
    de_log log;
    bool foresees; /* nothing is encoded, and nobody is warned */
} setting;

static const char *const role_names[DE_TEXT_COUNT] = {"from", "to", "negative", "empty"};

/* ---- what a person should know about a text ---- */

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

/* A plain text that somebody wrote for the other syntax. */
static diffedit_status warn_of_syntax(const setting *set, const char *name, const char *text,
                                      diffedit_error *error)
{
    de_prompt prompt;
    diffedit_error reason;
    diffedit_status status = de_prompt_parse(&prompt, name, text, &reason);
    if (status == DIFFEDIT_ERROR_MEMORY) {
        *error = reason;
        return status;
    }
    if (status != DIFFEDIT_OK)
        de_log_write(set->log, DIFFEDIT_LOG_WARNING, "%s; `prompt-syntax` plain reads it as words",
                     reason.message);
    else if (prompt.marked)
        de_log_write(set->log, DIFFEDIT_LOG_WARNING,
                     "`%s`: \"%.*s\" is read as it stands; to give weights, use `prompt-syntax` "
                     "weighted",
                     name, (int)prompt.marked_length, prompt.marked);
    if (status == DIFFEDIT_OK)
        de_prompt_free(&prompt);
    return DIFFEDIT_OK;
}

/* ---- a text's chunks ---- */

static diffedit_status read_plain(const setting *set, de_text *made, const char *name, bool is_news,
                                  diffedit_error *error)
{
    char *cut = NULL;
    const de_tokenizer *tokenizer = set->model->tokenizer;
    diffedit_status status = de_chunks_of_plain(&made->chunks, tokenizer, made->text, &cut, error);
    if (status == DIFFEDIT_OK && is_news && cut)
        de_log_write(set->log, DIFFEDIT_LOG_WARNING,
                     "a text is longer than the model's %d tokens; this part is cut: \"%s\" "
                     "(`prompt-syntax` weighted cuts nothing)",
                     de_tokenizer_length(tokenizer), cut);
    free(cut);
    if (status == DIFFEDIT_OK && is_news)
        status = warn_of_syntax(set, name, made->text, error);
    if (status == DIFFEDIT_OK && is_news)
        status = warn_of_unknown_words(set, made->text, error);
    return status;
}

static diffedit_status read_weighted(const setting *set, de_text *made, const char *name,
                                     bool is_news, diffedit_error *error)
{
    de_prompt prompt;
    diffedit_status status = de_prompt_parse(&prompt, name, made->text, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_chunks_of_prompt(&made->chunks, set->model->tokenizer, name, &prompt, error);
    for (size_t i = 0; i < prompt.count && is_news && status == DIFFEDIT_OK; i++)
        if (prompt.pieces[i].text)
            status = warn_of_unknown_words(set, prompt.pieces[i].text, error);
    de_prompt_free(&prompt);
    return status;
}

/* The text of a role and its chunks, without padding. */
static diffedit_status read_text(const setting *set, de_text *made, de_text_role role,
                                 const char *text, diffedit_prompt_syntax syntax,
                                 diffedit_error *error)
{
    const de_text *old = &set->texts->roles[role];
    bool is_news = !set->foresees &&
                   (!old->serial || old->syntax != (int)syntax || strcmp(old->text, text) != 0);
    *made = (de_text){.text = strdup(text), .syntax = (int)syntax};
    if (!made->text)
        return de_fail_memory(error, strlen(text) + 1, "a text");
    return (syntax == DIFFEDIT_PROMPT_WEIGHTED ? read_weighted : read_plain)(
        set, made, role_names[role], is_news, error);
}

static void free_text(de_text *text)
{
    free(text->text);
    de_chunks_free(&text->chunks);
    free(text->embedding);
    *text = (de_text){0};
}

/* ---- embeddings ---- */

/* Whether `count` chunks of a from chunk i, and of b from chunk j, are the same. */
static bool equal(const de_chunks *a, int i, const de_chunks *b, int j, int count, size_t n)
{
    size_t of_a = (size_t)i * n, of_b = (size_t)j * n, numbers = (size_t)count * n;
    return memcmp(a->tokens + of_a, b->tokens + of_b, numbers * sizeof *a->tokens) == 0 &&
           memcmp(a->weights + of_a, b->weights + of_b, numbers * sizeof *a->weights) == 0;
}

/* Each token's state times its weight, then all times what keeps the mean (AUTOMATIC1111's
 * EmphasisOriginal). */
static diffedit_status weigh(float *embedding, const float *weights, int64_t tokens, int64_t width,
                             diffedit_error *error)
{
    double before = 0, after = 0;
    bool differ = false;
    for (int64_t i = 0; i < tokens; i++)
        differ |= weights[i] != 1;
    if (!differ)
        return DIFFEDIT_OK;
    for (int64_t i = 0; i < tokens * width; i++) {
        before += embedding[i];
        embedding[i] *= weights[i / width];
        after += embedding[i];
    }
    float ratio = (float)(before / after);
    if (!isfinite(ratio))
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "the weights of a text cancel each other: its embedding has a mean of 0");
    for (int64_t i = 0; i < tokens * width; i++)
        embedding[i] *= ratio;
    return DIFFEDIT_OK;
}

/* Chunk i of `made`: copied where any role has it, or an earlier chunk. */
static diffedit_status embed_chunk(const setting *set, de_text *made, int i, diffedit_error *error)
{
    size_t n = (size_t)set->networks->text_tokens, count = n * (size_t)set->networks->text_width;
    float *embedding = made->embedding + (size_t)i * count;
    for (int role = 0; role <= DE_TEXT_COUNT; role++) {
        const de_text *known = role < DE_TEXT_COUNT ? &set->texts->roles[role] : made;
        int chunks = known == made ? i : known->serial ? known->chunks.count : 0;
        for (int j = 0; j < chunks; j++)
            if (equal(&made->chunks, i, &known->chunks, j, 1, n)) {
                memcpy(embedding, known->embedding + (size_t)j * count, count * sizeof *embedding);
                return DIFFEDIT_OK;
            }
    }
    diffedit_status status = set->networks->encode_text(
        set->networks->self, made->chunks.tokens + (size_t)i * n, embedding, error);
    return status == DIFFEDIT_OK ? weigh(embedding, made->chunks.weights + (size_t)i * n,
                                         (int64_t)n, set->networks->text_width, error)
                                 : status;
}

static uint64_t serial_of(const setting *set, const de_chunks *chunks)
{
    for (int role = 0; role < DE_TEXT_COUNT; role++) {
        const de_text *known = &set->texts->roles[role];
        if (known->serial && known->chunks.count == chunks->count &&
            equal(&known->chunks, 0, chunks, 0, chunks->count, (size_t)set->networks->text_tokens))
            return known->serial;
    }
    return ++set->texts->last_serial;
}

static diffedit_status embed(const setting *set, de_text *made, diffedit_error *error)
{
    int64_t count = (int64_t)made->chunks.count * set->networks->text_tokens;
    diffedit_status status = DIFFEDIT_OK;
    if (!set->foresees)
        status = de_allocate_floats(&made->embedding, count * set->networks->text_width, "a text",
                                    error);
    for (int i = 0; i < made->chunks.count && !set->foresees && status == DIFFEDIT_OK; i++)
        status = embed_chunk(set, made, i, error);
    if (status == DIFFEDIT_OK)
        made->serial = serial_of(set, &made->chunks);
    return status;
}

/* ---- all of them ---- */

static diffedit_status set_all(const setting *set, const de_texts_given *given,
                               diffedit_error *error)
{
    const char *said[DE_TEXT_COUNT] = {[DE_TEXT_FROM] = given->from,
                                       [DE_TEXT_TO] = given->to,
                                       [DE_TEXT_NEGATIVE] = given->negative};
    de_text made[DE_TEXT_COUNT] = {{0}};
    diffedit_status status = DIFFEDIT_OK;
    int most = 0;
    for (int role = 0; role < DE_TEXT_COUNT && status == DIFFEDIT_OK; role++) {
        status = read_text(set, &made[role], role, said[role] ? said[role] : "", given->syntax,
                           error);
        most = made[role].chunks.count > most ? made[role].chunks.count : most;
    }
    for (int role = 0; role < DE_TEXT_COUNT && status == DIFFEDIT_OK; role++) {
        status = de_chunks_pad(&made[role].chunks, set->model->tokenizer, most, error);
        if (status == DIFFEDIT_OK)
            status = embed(set, &made[role], error);
        if (status == DIFFEDIT_OK) {
            free_text(&set->texts->roles[role]);
            set->texts->roles[role] = made[role];
            made[role] = (de_text){0};
        }
    }
    for (int role = 0; role < DE_TEXT_COUNT; role++)
        free_text(&made[role]);
    return status;
}

diffedit_status de_texts_set(de_texts *texts, const de_texts_given *given,
                             const diffedit_model *model, const de_network_set *networks,
                             de_log log, diffedit_error *error)
{
    const setting set = {.texts = texts, .model = model, .networks = networks, .log = log};
    return set_all(&set, given, error);
}

/* The text's chunks and serial, as far as they are known. */
static diffedit_status copy_chunks(de_text *copy, const de_text *text, size_t tokens,
                                   diffedit_error *error)
{
    size_t count = (size_t)text->chunks.count * tokens, bytes = count * sizeof(int32_t);
    if (!text->serial)
        return DIFFEDIT_OK;
    *copy = (de_text){.serial = text->serial, .chunks = {.count = text->chunks.count}};
    copy->chunks.tokens = malloc(bytes);
    copy->chunks.weights = malloc(count * sizeof(float));
    if (!copy->chunks.tokens || !copy->chunks.weights)
        return de_fail_memory(error, bytes, "a text");
    memcpy(copy->chunks.tokens, text->chunks.tokens, bytes);
    memcpy(copy->chunks.weights, text->chunks.weights, count * sizeof(float));
    return DIFFEDIT_OK;
}

diffedit_status de_texts_foresee(de_texts *foreseen, const de_texts *texts,
                                 const de_texts_given *given, const diffedit_model *model,
                                 const de_network_set *networks, diffedit_error *error)
{
    const setting set = {.texts = foreseen, .model = model, .networks = networks, .foresees = true};
    diffedit_status status = DIFFEDIT_OK;
    *foreseen = (de_texts){.last_serial = texts->last_serial};
    for (int role = 0; role < DE_TEXT_COUNT && status == DIFFEDIT_OK; role++)
        status = copy_chunks(&foreseen->roles[role], &texts->roles[role],
                             (size_t)networks->text_tokens, error);
    return status == DIFFEDIT_OK ? set_all(&set, given, error) : status;
}

void de_texts_free(de_texts *texts)
{
    for (int role = 0; role < DE_TEXT_COUNT; role++)
        free_text(&texts->roles[role]);
}

de_text_input de_texts_input(const de_texts *texts, de_text_role role)
{
    const de_text *text = &texts->roles[role];
    return (de_text_input){text->embedding, text->serial, text->chunks.count};
}
