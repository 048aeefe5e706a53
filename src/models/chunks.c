#include "models/chunks.h"

#include <stdlib.h>
#include <string.h>

enum { COMMA_REACH = 20 }; /* how far back a comma may end a chunk, in tokens */

void de_chunks_free(de_chunks *chunks)
{
    free(chunks->tokens);
    free(chunks->weights);
    *chunks = (de_chunks){.count = 0};
}

/* Room for `count` chunks in all. */
static diffedit_status reserve(de_chunks *chunks, int length, int count, diffedit_error *error)
{
    size_t numbers = (size_t)count * (size_t)length;
    int32_t *tokens = realloc(chunks->tokens, numbers * sizeof *tokens);
    chunks->tokens = tokens ? tokens : chunks->tokens;
    float *weights = tokens ? realloc(chunks->weights, numbers * sizeof *weights) : NULL;
    chunks->weights = weights ? weights : chunks->weights;
    return weights ? DIFFEDIT_OK : de_fail_memory(error, numbers * sizeof *tokens, "a text");
}

/* ---- plain ---- */

diffedit_status de_chunks_of_plain(de_chunks *chunks, const de_tokenizer *tokenizer,
                                   const char *text, char **cut, diffedit_error *error)
{
    int length = de_tokenizer_length(tokenizer);
    diffedit_status status = reserve(chunks, length, 1, error);
    if (status == DIFFEDIT_OK)
        status = de_tokenizer_encode(tokenizer, text, chunks->tokens, cut, error);
    for (int i = 0; i < length && status == DIFFEDIT_OK; i++)
        chunks->weights[i] = 1;
    if (status == DIFFEDIT_OK)
        chunks->count = 1;
    else
        de_chunks_free(chunks);
    return status;
}

/* ---- weighted ---- */

/* The last chunk on the way, in which `used` tokens stand between start and end. */
typedef struct filling {
    de_chunks *chunks;
    const char *name;
    de_special_tokens specials;
    int length;
    int used, behind_comma; /* tokens as far as the last comma, itself included; 0: none */
} filling;

/* Begins a chunk behind the present ones, without text. */
static diffedit_status begin_chunk(filling *fill, diffedit_error *error)
{
    de_chunks *chunks = fill->chunks;
    if (chunks->count == DE_MOST_CHUNKS)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "`%s`: longer than %d chunks of %d tokens (BREAK begins one)", fill->name,
                       DE_MOST_CHUNKS, fill->length - 2);
    diffedit_status status = reserve(chunks, fill->length, chunks->count + 1, error);
    if (status != DIFFEDIT_OK)
        return status;
    int32_t *tokens = chunks->tokens + (size_t)chunks->count * (size_t)fill->length;
    float *weights = chunks->weights + (size_t)chunks->count * (size_t)fill->length;
    for (int i = 0; i < fill->length; i++) {
        tokens[i] = i == 0   ? fill->specials.start
                    : i == 1 ? fill->specials.end
                             : fill->specials.pad;
        weights[i] = 1;
    }
    chunks->count++;
    fill->used = 0;
    fill->behind_comma = 0;
    return DIFFEDIT_OK;
}

/* Adds a token to a chunk that has room for it; the end token moves on. */
static void put(filling *fill, int32_t token, float weight)
{
    size_t at = (size_t)(fill->chunks->count - 1) * (size_t)fill->length + 1 + (size_t)fill->used;
    fill->chunks->tokens[at] = token;
    fill->chunks->weights[at] = weight;
    fill->chunks->tokens[at + 1] = fill->specials.end;
    fill->used++;
}

/* Begins a chunk with the `moved` last tokens of the one before it, which is full. */
static diffedit_status begin_with_rest(filling *fill, int moved, diffedit_error *error)
{
    int length = fill->length, used = fill->used;
    diffedit_status status = begin_chunk(fill, error);
    if (status != DIFFEDIT_OK)
        return status;
    size_t chunk = (size_t)(fill->chunks->count - 2) * (size_t)length;
    int32_t *tokens = fill->chunks->tokens + chunk;
    float *weights = fill->chunks->weights + chunk;
    for (int i = 1 + used - moved; i <= used; i++)
        put(fill, tokens[i], weights[i]);
    for (int i = 1 + used - moved; i < length; i++) {
        tokens[i] = i == 1 + used - moved ? fill->specials.end : fill->specials.pad;
        weights[i] = 1;
    }
    return DIFFEDIT_OK;
}

static diffedit_status add(filling *fill, int32_t token, float weight, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    bool is_comma = token == fill->specials.comma;
    if (is_comma)
        fill->behind_comma = fill->used + 1;
    if (fill->used == fill->length - 2) {
        int moved = fill->used - fill->behind_comma; /* the comma itself counts in its reach */
        bool near = !is_comma && fill->behind_comma && moved < COMMA_REACH;
        status = begin_with_rest(fill, near ? moved : 0, error);
    }
    if (status == DIFFEDIT_OK)
        put(fill, token, weight);
    return status;
}

static diffedit_status add_piece(filling *fill, const de_tokenizer *tokenizer,
                                 const de_prompt_piece *piece, diffedit_error *error)
{
    de_token_list list = {.count = 0};
    diffedit_status status = de_tokenizer_append(tokenizer, piece->text, &list, error);
    for (size_t i = 0; i < list.count && status == DIFFEDIT_OK; i++)
        status = add(fill, list.tokens[i], (float)piece->weight, error);
    free(list.tokens);
    return status;
}

diffedit_status de_chunks_of_prompt(de_chunks *chunks, const de_tokenizer *tokenizer,
                                    const char *name, const de_prompt *prompt,
                                    diffedit_error *error)
{
    filling fill = {.chunks = chunks,
                    .name = name,
                    .specials = de_tokenizer_specials(tokenizer),
                    .length = de_tokenizer_length(tokenizer)};
    if (fill.length < 3)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "`%s`: the model's texts have no room for a word", name);
    diffedit_status status = begin_chunk(&fill, error);
    for (size_t i = 0; i < prompt->count && status == DIFFEDIT_OK; i++)
        status = prompt->pieces[i].text ? add_piece(&fill, tokenizer, &prompt->pieces[i], error)
                                        : begin_chunk(&fill, error);
    if (status != DIFFEDIT_OK)
        de_chunks_free(chunks);
    else if (!fill.used && chunks->count > 1)
        chunks->count--; /* a BREAK at the end begins nothing */
    return status;
}

diffedit_status de_chunks_pad(de_chunks *chunks, const de_tokenizer *tokenizer, int count,
                              diffedit_error *error)
{
    filling fill = {.chunks = chunks,
                    .name = "",
                    .specials = de_tokenizer_specials(tokenizer),
                    .length = de_tokenizer_length(tokenizer)};
    diffedit_status status = DIFFEDIT_OK;
    while (chunks->count < count && status == DIFFEDIT_OK)
        status = begin_chunk(&fill, error);
    return status;
}
