/* The command line: which command its words name, and what they give it. */
#include "cli/commands.h"
#include "words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- commands ---- */

static void test_every_command_is_found(void **state)
{
    (void)state;
    for (const cli_command *const *known = cli_commands; *known; known++) {
        char name[64], more[] = "--steps";
        snprintf(name, sizeof name, "%s", (*known)->name);
        char *space = strchr(name, ' ');
        if (space)
            *space = '\0';
        char **words = space ? WORDS(name, space + 1, more) : WORDS(name, more);
        const cli_command *found;
        int taken;
        diffedit_error error;
        assert_int_equal(cli_command_find(&found, &taken, count_words(words), words, &error),
                         DIFFEDIT_OK);
        assert_ptr_equal(found, *known);
        assert_int_equal(taken, space ? 2 : 1);
    }
}

static void test_words_that_name_no_command(void **state)
{
    static const struct {
        char *words[3];
        const char *sentence;
    } cases[] = {
        {{"edti"}, "unknown command \"edti\"; did you mean \"edit\"?"},
        {{"Mask"}, "unknown command \"Mask\"; did you mean \"mask\"?"},
        {{""}, "unknown command \"\"; `diffedit --help` lists them"},
        {{"model", "inof"}, "unknown command \"model inof\"; did you mean \"model info\"?"},
        {{"model", "chek"}, "unknown command \"model chek\"; did you mean \"model check\"?"},
        {{"info", "x"}, "unknown command \"info\"; did you mean \"model info\"?"},
        {{"photograph"}, "unknown command \"photograph\"; `diffedit --help` lists them"},
        {{"help", "edit"}, "unknown command \"help\"; did you mean: diffedit --help?"},
        {{"version"}, "unknown command \"version\"; did you mean: diffedit --version?"},
        {{"model"}, "expected info, check, convert or pull after model; see `diffedit --help`"},
        {{"model", "-h"},
         "expected info, check, convert or pull after model; see `diffedit --help`"},
        /* what a command is to work on, without one */
        {{"photo.png"}, "photo.png is not a command; did you mean: diffedit edit photo.png ...?"},
        {{"a/photo"}, "a/photo is not a command; did you mean: diffedit edit a/photo ...?"},
        {{"x.safetensors"},
         "x.safetensors is not a command; did you mean: diffedit model info x.safetensors ...?"},
        {{"x.ckpt"}, "x.ckpt is not a command; did you mean: diffedit model info x.ckpt ...?"},
        {{"--from", "x"},
         "expected a command before --from; did you mean: diffedit edit --from ...?"},
        {{"-", "--from"}, "expected a command before -; did you mean: diffedit edit - ...?"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const cli_command *found;
        int taken;
        diffedit_error error;
        char **words = (char **)cases[i].words;
        assert_int_equal(cli_command_find(&found, &taken, count_words(words), words, &error),
                         DIFFEDIT_ERROR_ARGUMENT);
        assert_string_equal(error.message, cases[i].sentence);
    }
}

/* ---- values ---- */

static void expect_refused(const cli_command *command, char **words, const char *sentence)
{
    cli_arguments arguments;
    diffedit_error error;
    assert_int_equal(cli_arguments_parse(&arguments, command, count_words(words), words, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, sentence);
    cli_arguments_free(&arguments);
}

static void test_nothing_given(void **state)
{
    (void)state;
    cli_arguments a;
    parse_words(&a, &cli_edit, (char *[]){NULL});
    assert_null(a.picture);
    assert_null(a.model);
    assert_null(a.output);
    assert_int_equal(a.given_count, 0);
    assert_int_equal(a.threads, 0);
    assert_int_equal(a.quality, 95);
    assert_int_equal(a.repeat, 3);
    assert_int_equal(a.max_pixels, DIFFEDIT_MAX_PIXELS_DEFAULT);
    assert_false(a.force || a.json || a.quiet || a.help);
    assert_string_equal(a.random_seed, "");
    cli_arguments_free(&a);
}

/* --name VALUE, --name=VALUE, -n VALUE and -nVALUE are one. */
static void test_forms(void **state)
{
    char **forms[] = {WORDS("--output", "x.png"), WORDS("--output=x.png"), WORDS("-o", "x.png"),
                      WORDS("-ox.png")};
    (void)state;
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        cli_arguments a;
        parse_words(&a, &cli_edit, forms[i]);
        assert_string_equal(a.output, "x.png");
        cli_arguments_free(&a);
    }
    cli_arguments a;
    parse_words(
        &a, &cli_edit,
        WORDS("-ox=y", "--sheet==", "--stages", "--json", "-j8", "--quality=100", "-m", "-"));
    assert_string_equal(a.output, "x=y");
    assert_string_equal(a.sheet, "=");
    assert_string_equal(a.stages, "--json"); /* what an option asks for is its value */
    assert_false(a.json);
    assert_int_equal(a.threads, 8);
    assert_int_equal(a.quality, 100);
    assert_string_equal(a.model, "-");
    cli_arguments_free(&a);
}

static void test_flags(void **state)
{
    (void)state;
    cli_arguments a;
    parse_words(&a, &cli_edit,
                WORDS("-q", "--json", "--force", "-v", "--low-memory", "--no-ema",
                      "--no-parameters", "-q", "--help-all"));
    assert_true(a.quiet && a.json && a.force && a.verbose && a.low_memory && a.no_ema &&
                a.no_parameters && a.help_all);
    assert_false(a.help);
    cli_arguments_free(&a);
}

/* What the library reads is kept as it was given, in its order: there the last wins. */
static void test_options_of_the_library(void **state)
{
    static const cli_given expected[] = {
        {"steps", "9"}, {"from", ""}, {"steps", "4"}, {"to", "a = b"}, {"guidance", "-3"}};
    enum { COUNT = sizeof expected / sizeof *expected };
    (void)state;
    cli_arguments a;
    parse_words(&a, &cli_edit,
                WORDS("--steps=9", "--from=", "--steps", "4", "--to=a = b", "--guidance", "-3"));
    assert_int_equal(a.given_count, COUNT);
    for (int i = 0; i < COUNT; i++) {
        assert_string_equal(a.given[i].name, expected[i].name);
        assert_string_equal(a.given[i].value, expected[i].value);
    }
    cli_arguments_free(&a);
}

static void test_the_last_wins(void **state)
{
    (void)state;
    cli_arguments a;
    parse_words(&a, &cli_edit,
                WORDS("-oa", "--threads=1", "--output", "b", "-j", "2", "--preset=paper",
                      "--preset", "notebook", "-oc"));
    assert_string_equal(a.output, "c");
    assert_int_equal(a.threads, 2);
    assert_string_equal(a.preset, "notebook");
    cli_arguments_free(&a);
}

static void test_operands(void **state)
{
    (void)state;
    cli_arguments a;
    parse_words(&a, &cli_edit, WORDS("-q", "in.png", "-oo.png"));
    assert_string_equal(a.picture, "in.png");
    cli_arguments_free(&a);
    parse_words(&a, &cli_edit, WORDS("-")); /* standard input */
    assert_string_equal(a.picture, "-");
    cli_arguments_free(&a);
    parse_words(&a, &cli_mask, WORDS("-oo.png", "--", "--json")); /* a file's name from here on */
    assert_string_equal(a.picture, "--json");
    assert_false(a.json);
    cli_arguments_free(&a);
    parse_words(&a, &cli_model_info, WORDS("--json", "owner/name"));
    assert_null(a.picture);
    assert_string_equal(a.model, "owner/name");
    cli_arguments_free(&a);
    expect_refused(&cli_edit, WORDS("a.png", "b.png"),
                   "unexpected argument \"b.png\": diffedit edit takes one picture");
    expect_refused(&cli_mask, WORDS("a.png", "--", "--"),
                   "unexpected argument \"--\": diffedit mask takes one picture");
    expect_refused(&cli_generate, WORDS("a.png"),
                   "unexpected argument \"a.png\": diffedit generate takes none");
    expect_refused(&cli_model_check, WORDS("a", "b"),
                   "unexpected argument \"b\": diffedit model check takes one model");
    expect_refused(&cli_bench, WORDS("a"), "unexpected argument \"a\": diffedit bench takes none");
}

static void test_a_random_seed(void **state)
{
    (void)state;
    cli_arguments a;
    parse_words(&a, &cli_edit, WORDS("--seed", "random"));
    assert_int_equal(a.given_count, 1);
    assert_string_equal(a.given[0].name, "seed");
    assert_ptr_equal(a.given[0].value, a.random_seed);
    assert_true(a.random_seed[0] && strspn(a.random_seed, "0123456789") == strlen(a.random_seed));
    cli_arguments b;
    parse_words(&b, &cli_edit, WORDS("--seed", "random"));
    assert_string_not_equal(a.random_seed, b.random_seed);
    cli_arguments_free(&a);
    cli_arguments_free(&b);
    parse_words(&a, &cli_edit, WORDS("--seed=random", "--seed=7"));
    assert_string_equal(a.given[a.given_count - 1].value, "7");
    assert_string_equal(a.random_seed, ""); /* nothing to tell */
    cli_arguments_free(&a);
    parse_words(&a, &cli_edit, WORDS("--seed", "-1"));
    assert_string_equal(a.given[0].value, a.random_seed);
    assert_string_not_equal(a.random_seed, "");
    cli_arguments_free(&a);
    parse_words(&a, &cli_edit, WORDS("--seed=7", "--seed=random"));
    assert_string_equal(a.given[a.given_count - 1].value, a.random_seed);
    assert_string_not_equal(a.random_seed, "");
    cli_arguments_free(&a);
}

/* ---- every option of every command ---- */

/* Whole numbers: the least above 0. */
static int64_t good_number(const cli_option *option)
{
    return option->minimum > 1 ? option->minimum : 1;
}

static void expect_taken(const cli_command *command, const cli_option *option)
{
    char name[64], value[32];
    snprintf(name, sizeof name, "--%s", option->name);
    if (option->kind == CLI_WHOLE)
        snprintf(value, sizeof value, "%jd", (intmax_t)good_number(option));
    else
        snprintf(value, sizeof value, "%s",
                 option->kind == CLI_SETTING  ? "quick"
                 : option->kind == CLI_DEVICE ? "gpu:1"
                                              : "x");
    cli_arguments a;
    parse_words(&a, command, option->kind == CLI_FLAG ? WORDS(name) : WORDS(name, value));
    const char *field = (const char *)&a + option->offset;
    switch (option->kind) {
    case CLI_LIBRARY:
        assert_int_equal(a.given_count, 1);
        assert_ptr_equal(a.given[0].value, value);
        break;
    case CLI_SETTING:
    case CLI_DEVICE:
    case CLI_TEXT: assert_ptr_equal(*(const char *const *)(const void *)field, value); break;
    case CLI_TEXTS:
        assert_int_equal(((const cli_texts *)(const void *)field)->count, 1);
        assert_ptr_equal(((const cli_texts *)(const void *)field)->rows[0], value);
        break;
    case CLI_WHOLE:
        assert_int_equal(*(const int64_t *)(const void *)field, good_number(option));
        break;
    case CLI_FLAG: assert_true(*(const bool *)field); break;
    case CLI_LORAS:
        assert_int_equal(a.loras.count, 1);
        assert_string_equal(a.loras.rows[0]->path, value);
        break;
    }
    cli_arguments_free(&a);
}

static void expect_not_taken(const cli_command *command, const cli_option *option)
{
    char name[64], letter[3], sentence[160];
    snprintf(name, sizeof name, "--%s", option->name);
    snprintf(sentence, sizeof sentence, "diffedit %s takes no option --%s", command->name,
             option->name);
    expect_refused(command, WORDS(name), sentence);
    if (!option->letter)
        return;
    snprintf(letter, sizeof letter, "-%c", option->letter);
    snprintf(sentence, sizeof sentence, "diffedit %s takes no option -%c", command->name,
             option->letter);
    expect_refused(command, WORDS(letter), sentence);
}

static void test_every_option_of_every_command(void **state)
{
    size_t count;
    const cli_option *table = cli_option_table(&count);
    (void)state;
    for (const cli_command *const *command = cli_commands; *command; command++)
        for (size_t i = 0; i < count; i++) {
            /* a name may have several rows, of different commands */
            bool takes = (table[i].commands & (*command)->bit) != 0;
            bool known = cli_takes(*command, table[i].name);
            assert_true(known || !takes);
            if (takes || !known)
                (takes ? expect_taken : expect_not_taken)(*command, &table[i]);
        }
    assert_false(cli_takes(&cli_edit, "nothing"));
}

/* Names and letters stand for one option of a command each, those of the library are its own. */
static void test_the_table(void **state)
{
    size_t count, library_count = 0;
    const cli_option *table = cli_option_table(&count);
    (void)state;
    for (size_t i = 0; i < count; i++) {
        assert_int_not_equal(table[i].commands, 0);
        for (size_t j = 0; j < i; j++) {
            bool apart = (table[i].commands & table[j].commands) == 0;
            assert_true(apart || strcmp(table[i].name, table[j].name) != 0);
            assert_true(apart || !table[i].letter || table[i].letter != table[j].letter);
        }
        const diffedit_option *row = cli_library_row(&table[i]);
        assert_int_equal(row != NULL, table[i].kind == CLI_LIBRARY || table[i].kind == CLI_SETTING);
        assert_true(row || table[i].help);
        assert_true(row || table[i].kind == CLI_FLAG || table[i].argument);
        assert_true(!row || strcmp(row->name, table[i].name) == 0);
        library_count += table[i].kind == CLI_LIBRARY;
    }
    size_t known = 0;
    for (; diffedit_option_at(known); known++)
        assert_true(cli_takes(&cli_edit, diffedit_option_at(known)->name));
    assert_int_equal(library_count, known);
}

/* ---- refused ---- */

static void test_wrong_options(void **state)
{
    char endless[300], shown[200];
    (void)state;
    expect_refused(&cli_edit, WORDS("--stpes", "3"),
                   "unknown option --stpes; did you mean --steps?");
    expect_refused(&cli_edit, WORDS("--mask-treshold=3"),
                   "unknown option --mask-treshold; did you mean --mask-threshold?");
    expect_refused(&cli_edit, WORDS("--treshold=3"),
                   "unknown option --treshold; did you mean --mask-threshold?");
    expect_refused(&cli_edit, WORDS("--step", "3"), "unknown option --step; did you mean --steps?");
    expect_refused(&cli_edit, WORDS("--Steps", "3"),
                   "unknown option --Steps; did you mean --steps?");
    expect_refused(&cli_edit, WORDS("--mask_threshold=0.1"),
                   "unknown option --mask_threshold; did you mean --mask-threshold?");
    expect_refused(&cli_generate, WORDS("--fro=x"), /* not --from, which it does not take */
                   "unknown option --fro; did you mean --to?");
    expect_refused(&cli_edit, WORDS("--=3"), "unknown option --; did you mean --to?");
    expect_refused(&cli_edit, WORDS("-x"), "unknown option -x; did you mean --to?");
    memset(endless, 'a', sizeof endless - 1);
    memcpy(endless, "--", 2);
    endless[sizeof endless - 1] = '\0';
    snprintf(shown, sizeof shown, "unknown option %.82s; did you mean --again?", endless);
    expect_refused(&cli_edit, WORDS(endless), shown);
    expect_refused(&cli_edit, WORDS("--json=yes"), "--json takes no value, found \"yes\"");
    expect_refused(&cli_edit, WORDS("--json="), "--json takes no value, found \"\"");
    expect_refused(&cli_edit, WORDS("-qv"), "--quiet takes no value, found \"v\"");
    expect_refused(&cli_edit, WORDS("in.png", "--steps"), "--steps needs a value");
    expect_refused(&cli_edit, WORDS("-o"), "--output needs a value");
    expect_refused(&cli_edit, WORDS("-o", ""), "--output: expected a FILE, found \"\"");
    expect_refused(&cli_edit, WORDS("--preset="), "--preset: expected a NAME, found \"\"");
}

/* A file named =x.png is hardly meant. */
static void test_short_options_as_long_ones(void **state)
{
    (void)state;
    expect_refused(&cli_edit, WORDS("-o=x.png"),
                   "-o=x.png: a short option takes its value without =; write -o x.png or "
                   "--output=x.png");
    expect_refused(&cli_edit, WORDS("-j=4"),
                   "-j=4: a short option takes its value without =; write -j 4 or --threads=4");
    expect_refused(&cli_edit, WORDS("-m="),
                   "-m=: a short option takes its value without =; write -m PATH or --model=PATH");
    expect_refused(&cli_edit, WORDS("-q=1"), "--quiet takes no value, found \"=1\"");
    expect_refused(&cli_edit, WORDS("-output", "x.png"),
                   "unknown option -output; did you mean --output?");
    expect_refused(&cli_edit, WORDS("-mask=x.png"), "unknown option -mask; did you mean --mask?");
    cli_arguments a;
    parse_words(&a, &cli_edit, WORDS("-o", "=x.png", "-mmask2"));
    assert_string_equal(a.output, "=x.png");
    assert_string_equal(a.model, "mask2");
    cli_arguments_free(&a);
}

static void test_wrong_numbers(void **state)
{
    static const struct {
        const char *option, *value, *expected;
    } cases[] = {
        {"threads", "0", "1 to 1024"},
        {"threads", "1025", "1 to 1024"},
        {"threads", "all", "1 to 1024"},
        {"threads", "", "1 to 1024"},
        {"threads", " 4", "1 to 1024"},
        {"threads", "+4", "1 to 1024"},
        {"threads", "4 ", "1 to 1024"},
        {"threads", "0x4", "1 to 1024"},
        {"quality", "0", "1 to 100"},
        {"quality", "101", "1 to 100"},
        {"quality", "95.5", "1 to 100"},
        {"max-pixels", "0", "1 to 1099511627776"},
        {"max-pixels", "-1", "1 to 1099511627776"},
        {"max-pixels", "2^28", "1 to 1099511627776"},
        {"max-pixels", "1099511627777", "1 to 1099511627776"},
        {"max-pixels", "99999999999999999999", "1 to 1099511627776"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char word[64], sentence[160];
        snprintf(word, sizeof word, "--%s=%s", cases[i].option, cases[i].value);
        snprintf(sentence, sizeof sentence, "--%s: expected a whole number from %s, found \"%s\"",
                 cases[i].option, cases[i].expected, cases[i].value);
        expect_refused(&cli_edit, WORDS(word), sentence);
    }
    cli_arguments a;
    parse_words(&a, &cli_edit, WORDS("--max-pixels=1099511627776", "-j", "1024", "--quality=1"));
    assert_true(a.max_pixels == INT64_C(1) << 40);
    assert_int_equal(a.threads, 1024);
    assert_int_equal(a.quality, 1);
    cli_arguments_free(&a);
}

/* ---- messages of the library ---- */

static void test_dashes(void **state)
{
    static const struct {
        const char *given, *all, *settings;
    } cases[] = {
        {"plain", "plain", "plain"},
        {"`steps`: 0", "--steps: 0", "`steps`: 0"},
        {"`mask_threshold` and `settings.vae`", "--mask-threshold and --vae",
         "`mask_threshold` and --vae"},
        {"`settings.text_encoder`", "--text-encoder", "--text-encoder"},
        {"tensor `to_q.weight`", "tensor `to_q.weight`", "tensor `to_q.weight`"},
        {"`", "`", "`"},
        {"``", "``", "``"},
        {"`settings.`", "`settings.`", "`settings.`"},
        {"`settings.nothing`", "`settings.nothing`", "`settings.nothing`"},
        {"`step` `steps", "`step` `steps", "`step` `steps"},
        {"`steps``ratio`", "--steps--ratio", "`steps``ratio`"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", cases[i].given);
        cli_add_dashes(text);
        assert_string_equal(text, cases[i].all);
        snprintf(text, sizeof text, "%s", cases[i].given);
        cli_add_dashes_to_settings(text);
        assert_string_equal(text, cases[i].settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_command_is_found),
                                       cmocka_unit_test(test_words_that_name_no_command),
                                       cmocka_unit_test(test_nothing_given),
                                       cmocka_unit_test(test_forms),
                                       cmocka_unit_test(test_flags),
                                       cmocka_unit_test(test_options_of_the_library),
                                       cmocka_unit_test(test_the_last_wins),
                                       cmocka_unit_test(test_operands),
                                       cmocka_unit_test(test_a_random_seed),
                                       cmocka_unit_test(test_every_option_of_every_command),
                                       cmocka_unit_test(test_the_table),
                                       cmocka_unit_test(test_wrong_options),
                                       cmocka_unit_test(test_short_options_as_long_ones),
                                       cmocka_unit_test(test_wrong_numbers),
                                       cmocka_unit_test(test_dashes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
