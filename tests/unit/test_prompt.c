/* Weighted texts: pieces and chunks equal to those of tests/golden/weighted.py
 * (tests/golden/data/weighted), what is refused, and what is no ordinary punctuation. */
#include "models/chunks.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static de_tokenizer *open_tokenizer(const char *path)
{
    de_tokenizer *tokenizer;
    assert_int_equal(de_tokenizer_open(&tokenizer, &(de_documents){.path = path}, NULL),
                     DIFFEDIT_OK);
    return tokenizer;
}

/* ---- against the reference ---- */

/* golden: [tokens without the padding, {place: weight that is not 1}] */
static bool is_chunk(const json_t *golden, const int32_t *tokens, const float *weights, int length,
                     int32_t pad)
{
    const json_t *ids = json_array_get(golden, 0), *heavy = json_array_get(golden, 1);
    bool same = true;
    for (int i = 0; i < length; i++) {
        char place[16];
        snprintf(place, sizeof place, "%d", i);
        const json_t *id = json_array_get(ids, (size_t)i), *weight = json_object_get(heavy, place);
        same &= tokens[i] == (id ? json_integer_value(id) : pad);
        same &= weights[i] == (weight ? (float)json_number_value(weight) : 1);
    }
    return same;
}

static bool is_row(const json_t *row, const de_tokenizer *tokenizer)
{
    const char *text = json_string_value(json_array_get(row, 0));
    const json_t *golden = json_array_get(row, 1);
    size_t length = (size_t)de_tokenizer_length(tokenizer);
    de_prompt prompt;
    de_chunks chunks = {.count = 0};
    assert_int_equal(de_prompt_parse(&prompt, "to", text, NULL), DIFFEDIT_OK);
    assert_int_equal(de_chunks_of_prompt(&chunks, tokenizer, "to", &prompt, NULL), DIFFEDIT_OK);
    bool same = chunks.count == (int)json_array_size(golden);
    for (size_t i = 0; same && i < (size_t)chunks.count; i++)
        same = is_chunk(json_array_get(golden, i), chunks.tokens + i * length,
                        chunks.weights + i * length, (int)length,
                        de_tokenizer_specials(tokenizer).pad);
    if (!same)
        print_error("differs: \"%s\"\n", text);
    de_chunks_free(&chunks);
    de_prompt_free(&prompt);
    return same;
}

static void test_chunks_of_the_reference(void **state)
{
    (void)state;
    static const char *const models[] = {"tiny-sd1", "tiny-sd2", "tiny-odd"};
    json_t *golden = json_load_file(GOLDEN "/weighted/prompts.json", 0, NULL), *row;
    assert_non_null(golden);
    int wrong = 0;
    for (size_t m = 0; m < sizeof models / sizeof *models; m++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s/model", GOLDEN, models[m]);
        de_tokenizer *tokenizer = open_tokenizer(path);
        size_t i;
        json_array_foreach (json_object_get(golden, models[m]), i, row)
            wrong += !is_row(row, tokenizer);
        assert_true(i > 100);
        de_tokenizer_close(tokenizer);
    }
    assert_int_equal(wrong, 0);
    json_decref(golden);
}

/* ---- pieces ---- */

static void test_pieces(void **state)
{
    (void)state;
    de_prompt prompt;
    assert_int_equal(de_prompt_parse(&prompt, "to", "a \\(b\\) (c (d:0.5)) BREAK [e", NULL), 0);
    static const struct {
        const char *text;
        double weight;
    } expected[] = {{"a (b) ", 1}, {"c ", 1.1}, {"d", 0.55},   {" ", 1},
                    {NULL, 1},     {" ", 1},    {"e", 1 / 1.1}};
    assert_int_equal(prompt.count, sizeof expected / sizeof *expected);
    for (size_t i = 0; i < prompt.count; i++) {
        if (expected[i].text)
            assert_string_equal(prompt.pieces[i].text, expected[i].text);
        else
            assert_null(prompt.pieces[i].text);
        assert_true(fabs(prompt.pieces[i].weight - expected[i].weight) < 1e-12);
    }
    de_prompt_free(&prompt);
}

/* ---- what is refused, each with a sentence ---- */

static void test_refused(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"a <lora:x:1> b",
         "`to`: \"<lora:x:1>\": networks are added by `settings.lora`, not by a text"},
        {"<hypernet:a>",
         "`to`: \"<hypernet:a>\": networks are added by `settings.lora`, not by a text"},
        {"a AND b",
         "`to`: \"AND\": joining prompts is not supported; the word itself is written in lower "
         "case"},
        {"a [b:c:0.5]", "`to`: \"[b:c:0.5]\": prompt editing is not supported"},
        {"[b: 10 ] a", "`to`: \"[b: 10 ]\": prompt editing is not supported"},
        {"[(b:1.2):c:.5]", "`to`: \"[(b:1.2):c:.5]\": prompt editing is not supported"},
        {"a [b|c] d", "`to`: \"[b|c]\": alternating words are not supported"},
        {"([|])", "`to`: \"[|]\": alternating words are not supported"},
        {"(a:1.2.3)", "`to`: \"(a:1.2.3)\": expected a weight from -10 to 10"},
        {"(a:.)", "`to`: \"(a:.)\": expected a weight from -10 to 10"},
        {"(a:10.01)", "`to`: \"(a:10.01)\": expected a weight from -10 to 10"},
        {"(a:-11)", "`to`: \"(a:-11)\": expected a weight from -10 to 10"},
        {"(a:99999999999999999999999999999999)",
         "`to`: \"(a:99999999999999999999999999999999)\": expected a weight from -10 to 10"},
        {"(((a:9):9):9)",
         "`to`: brackets inside each other make a weight of 729; expected -100 to 100"}};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        de_prompt prompt;
        diffedit_error error;
        assert_int_equal(de_prompt_parse(&prompt, "to", refused[i][0], &error),
                         DIFFEDIT_ERROR_ARGUMENT);
        assert_string_equal(error.message, refused[i][1]);
        assert_null(prompt.pieces);
    }
}

static void test_what_is_like_it_but_allowed(void **state)
{
    (void)state;
    static const char *const allowed[] = {
        "<3 a: b>", "<lora>",    "<:a>",       "BRAND ANDY and LAND_AND_SEA",
        "[b:c]",    "[a\\|b]",   "[a\\:0.5]",  "a|b [c] d|e",
        "[(a|b)]",  "[a|b",      "a]|b[",      "\\[a|b]",
        "[a:(b:1)", "(a:1.2.3]", "a:99) b:.)", "\xff BREAK \xf0"};
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++) {
        de_prompt prompt;
        diffedit_error error = {.message = ""};
        assert_int_equal(de_prompt_parse(&prompt, "to", allowed[i], &error), DIFFEDIT_OK);
        de_prompt_free(&prompt);
    }
}

/* What a plain text is warned of. */
static void test_marked(void **state)
{
    (void)state;
    static const char *const marked[][2] = {{"a (b:1.2) (c:1.3)", "(b:1.2)"},
                                            {"((a)) b", "((a))"},
                                            {"x [[a]] b", "[[a]]"},
                                            {"a BREAK b", "BREAK"},
                                            {"(a)", NULL},
                                            {"[a]", NULL},
                                            {"(a (b))", NULL},
                                            {":((", NULL},
                                            {"((a) b)", NULL},
                                            {"a:1.2)", NULL},
                                            {"\\((a)\\)", NULL}};
    for (size_t i = 0; i < sizeof marked / sizeof *marked; i++) {
        de_prompt prompt;
        assert_int_equal(de_prompt_parse(&prompt, "to", marked[i][0], NULL), DIFFEDIT_OK);
        assert_int_equal(prompt.marked != NULL, marked[i][1] != NULL);
        if (prompt.marked) {
            assert_int_equal(prompt.marked_length, strlen(marked[i][1]));
            assert_memory_equal(prompt.marked, marked[i][1], prompt.marked_length);
        }
        de_prompt_free(&prompt);
    }
}

/* ---- bounds ---- */

static char *repeat(const char *text, size_t count)
{
    size_t length = strlen(text);
    char *all = malloc(count * length + 1);
    assert_non_null(all);
    for (size_t i = 0; i < count; i++)
        memcpy(all + i * length, text, length);
    all[count * length] = '\0';
    return all;
}

static void test_depth_and_length_are_bounded(void **state)
{
    (void)state;
    de_prompt prompt;
    diffedit_error error;
    char *deep = repeat("[", 64), *deeper = repeat("(", 65), *many = repeat("(a)[", 50),
         *wide = repeat("[(a)]\\", 20000), *breaks = repeat("a BREAK ", 32);
    assert_int_equal(de_prompt_parse(&prompt, "to", deep, &error), DIFFEDIT_OK);
    de_prompt_free(&prompt);
    assert_int_equal(de_prompt_parse(&prompt, "to", deeper, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`to`: more than 64 brackets inside each other");
    assert_int_equal(de_prompt_parse(&prompt, "to", many, &error), DIFFEDIT_OK);
    de_prompt_free(&prompt);

    de_tokenizer *tokenizer = open_tokenizer(GOLDEN "/tiny-odd/model");
    de_chunks chunks = {.count = 0};
    assert_int_equal(de_prompt_parse(&prompt, "to", wide, &error), DIFFEDIT_OK);
    assert_int_equal(de_chunks_of_prompt(&chunks, tokenizer, "to", &prompt, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "`to`: longer than 32 chunks of 14 tokens (BREAK begins one)");
    assert_null(chunks.tokens);
    de_prompt_free(&prompt);
    assert_int_equal(de_prompt_parse(&prompt, "to", breaks, &error), DIFFEDIT_OK);
    assert_int_equal(de_chunks_of_prompt(&chunks, tokenizer, "to", &prompt, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    de_prompt_free(&prompt);
    breaks[strlen(breaks) - strlen("BREAK ")] = '\0';
    assert_int_equal(de_prompt_parse(&prompt, "to", breaks, &error), DIFFEDIT_OK);
    assert_int_equal(de_chunks_of_prompt(&chunks, tokenizer, "to", &prompt, &error), DIFFEDIT_OK);
    assert_int_equal(chunks.count, DE_MOST_CHUNKS);
    de_prompt_free(&prompt);
    de_chunks_free(&chunks);
    de_tokenizer_close(tokenizer);
    free(deep);
    free(deeper);
    free(many);
    free(wide);
    free(breaks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks_of_the_reference),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_what_is_like_it_but_allowed),
        cmocka_unit_test(test_marked),
        cmocka_unit_test(test_depth_and_length_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
