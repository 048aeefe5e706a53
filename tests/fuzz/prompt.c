/* A text in weighted syntax: its pieces, and its chunks under the published vocabulary. */
#include "fuzz.h"
#include "models/chunks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void check_pieces(const de_prompt *prompt, size_t size)
{
    size_t length = 0;
    for (size_t i = 0; i < prompt->count; i++) {
        if (!isfinite(prompt->pieces[i].weight))
            abort();
        if (prompt->pieces[i].text)
            length += strlen(prompt->pieces[i].text);
    }
    if (length > size)
        abort();
}

static void check_chunks(const de_prompt *prompt)
{
    static de_tokenizer *tokenizer;
    diffedit_error error = {.message = ""};
    if (!tokenizer && de_tokenizer_open_builtin(&tokenizer, "<|endoftext|>", &error) != DIFFEDIT_OK)
        abort();
    de_chunks chunks = {.count = 0};
    diffedit_status status = de_chunks_of_prompt(&chunks, tokenizer, "to", prompt, &error);
    fuzz_check_error(status, &error);
    size_t numbers = (size_t)chunks.count * (size_t)de_tokenizer_length(tokenizer);
    for (size_t i = 0; i < numbers; i++)
        if (!isfinite(chunks.weights[i]) || chunks.tokens[i] < 0 ||
            chunks.tokens[i] >= de_tokenizer_vocab_size(tokenizer))
            abort();
    de_chunks_free(&chunks);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size)
        memcpy(text, bytes, size);
    text[size] = '\0';
    de_prompt prompt;
    diffedit_error error = {.message = ""};
    diffedit_status status = de_prompt_parse(&prompt, "to", text, &error);
    fuzz_check_error(status, &error);
    if (status == DIFFEDIT_OK) {
        check_pieces(&prompt, size);
        check_chunks(&prompt);
        de_prompt_free(&prompt);
    }
    free(text);
    return 0;
}
