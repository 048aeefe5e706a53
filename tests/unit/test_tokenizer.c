/* Tokens equal to those of transformers' CLIPTokenizer with ftfy (tests/golden/data/tokenizer, by
 * make.py). */
#include "models/tokenizer.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Counts the texts whose tokens differ; ids without the padding that follows. */
static void compare_all(const char *pad, const char *key)
{
    json_t *golden = json_load_file(GOLDEN "/tokenizer/strings.json", 0, NULL), *row;
    assert_non_null(golden);
    de_tokenizer *tokenizer;
    assert_int_equal(de_tokenizer_open_builtin(&tokenizer, pad, NULL), DIFFEDIT_OK);
    int length = de_tokenizer_length(tokenizer), wrong = 0;
    assert_int_equal(length, json_integer_value(json_object_get(golden, "length")));
    int32_t *tokens = malloc((size_t)length * sizeof *tokens);
    size_t i;
    json_array_foreach (json_object_get(golden, "strings"), i, row) {
        const char *text = json_string_value(json_object_get(row, "text"));
        const json_t *ids = json_object_get(row, key);
        assert_int_equal(de_tokenizer_encode(tokenizer, text, tokens, NULL, NULL), DIFFEDIT_OK);
        int32_t padding = strcmp(pad, "!") == 0 ? 0 : 49407;
        bool same = true;
        for (int j = 0; j < length; j++) {
            const json_t *id = json_array_get(ids, (size_t)j);
            same = same && tokens[j] == (id ? json_integer_value(id) : padding);
        }
        if (!same)
            print_error("differs: \"%s\"\n", text);
        wrong += !same;
    }
    assert_true(i > 200);
    assert_int_equal(wrong, 0);
    free(tokens);
    de_tokenizer_close(tokenizer);
    json_decref(golden);
}

static void test_tokens_padded_with_end(void **state)
{
    (void)state;
    compare_all("<|endoftext|>", "ids_eot");
}

static void test_tokens_padded_with_exclamation_mark(void **state)
{
    (void)state;
    compare_all("!", "ids_bang");
}

static void test_what_is_cut_is_told(void **state)
{
    (void)state;
    de_tokenizer *tokenizer;
    assert_int_equal(
        de_tokenizer_open(&tokenizer, &(de_documents){.path = GOLDEN "/tiny-odd/model"}, NULL),
        DIFFEDIT_OK);
    int32_t tokens[16];
    char *cut;
    assert_int_equal(
        de_tokenizer_encode(tokenizer, "a a a a a a a a a a a a a a b c", tokens, &cut, NULL), 0);
    assert_string_equal(cut, "b c");
    free(cut);
    assert_int_equal(de_tokenizer_encode(tokenizer, "a a a", tokens, &cut, NULL), 0);
    assert_null(cut);
    de_tokenizer_close(tokenizer);
}

static void test_what_is_cut_begins_with_a_whole_character(void **state)
{
    (void)state;
    de_tokenizer *tokenizer;
    assert_int_equal(
        de_tokenizer_open(&tokenizer, &(de_documents){.path = GOLDEN "/tiny-odd/model"}, NULL),
        DIFFEDIT_OK);
    int32_t tokens[16];
    char *cut;
    /* 14 tokens fit: 12 letters and two of the three bytes of U+5927 */
    assert_int_equal(de_tokenizer_encode(tokenizer, "a a a a a a a a a a a a \xe5\xa4\xa7 b",
                                         tokens, &cut, NULL),
                     0);
    assert_string_equal(cut, "\xe5\xa4\xa7 b");
    free(cut);
    de_tokenizer_close(tokenizer);
}

static void test_a_very_long_word_ends(void **state)
{
    (void)state;
    enum { LENGTH = 20000 };
    de_tokenizer *tokenizer;
    assert_int_equal(de_tokenizer_open_builtin(&tokenizer, "<|endoftext|>", NULL), DIFFEDIT_OK);
    char *text = malloc(LENGTH + 1);
    memset(text, 'a', LENGTH);
    text[LENGTH] = 0;
    int32_t tokens[77];
    assert_int_equal(de_tokenizer_encode(tokenizer, text, tokens, NULL, NULL), DIFFEDIT_OK);
    assert_int_equal(tokens[76], 49407);
    free(text);
    de_tokenizer_close(tokenizer);
}

static void test_invalid_utf8_is_refused(void **state)
{
    (void)state;
    de_tokenizer *tokenizer;
    diffedit_error error;
    int32_t tokens[77];
    assert_int_equal(de_tokenizer_open_builtin(&tokenizer, "<|endoftext|>", NULL), DIFFEDIT_OK);
    assert_int_equal(de_tokenizer_encode(tokenizer, "ab\xff", tokens, NULL, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "a text is not valid UTF-8 at byte 2 (0xff)");
    de_tokenizer_close(tokenizer);
}

static void test_words(void **state)
{
    (void)state;
    char **words;
    assert_int_equal(de_text_words(&words, "A Horse, caf\xc3\xa9 & 2 zebras", NULL), DIFFEDIT_OK);
    const char *expected[] = {"a", "horse", "caf\xc3\xa9", "zebras"};
    for (int i = 0; i < 4; i++)
        assert_string_equal(words[i], expected[i]);
    assert_null(words[4]);
    free(words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens_padded_with_end),
        cmocka_unit_test(test_tokens_padded_with_exclamation_mark),
        cmocka_unit_test(test_what_is_cut_is_told),
        cmocka_unit_test(test_what_is_cut_begins_with_a_whole_character),
        cmocka_unit_test(test_a_very_long_word_ends),
        cmocka_unit_test(test_invalid_utf8_is_refused),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
