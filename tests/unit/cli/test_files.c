/* Paths, and the models that names stand for. */
#include "cli/commands.h"
#include "cli/files.h"
#include "cli/find_model.h"
#include "scratch.h"
#include "words.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- "-" ---- */

static void test_standard(void **state)
{
    (void)state;
    assert_true(cli_is_standard("-"));
    assert_false(cli_is_standard("--"));
    assert_false(cli_is_standard(""));
}

/* "-", or any other name of what standard input is, unless that is a file, which can be read
 * twice. */
static void test_names_of_standard_input(void **state)
{
    char name[40];
    int ends[2], kept = dup(STDIN_FILENO);
    (void)state;
    assert_true(kept >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    assert_true(cli_is_standard_input("-"));
    assert_true(cli_is_standard_input("/dev/stdin"));
    assert_true(cli_is_standard_input(name));
    assert_false(cli_is_standard_input("/dev/null"));
    assert_false(cli_is_standard_input("none"));
    close(ends[0]);
    close(ends[1]);
    scratch_write_text("in", "x");
    int file = open("in", O_RDONLY);
    assert_true(file >= 0 && dup2(file, STDIN_FILENO) >= 0);
    close(file);
    assert_true(cli_is_standard_input("-"));
    assert_false(cli_is_standard_input("/dev/stdin"));
    assert_false(cli_is_standard_input("in"));
    assert_true(dup2(kept, STDIN_FILENO) >= 0);
    close(kept);
}

/* ---- models by name ---- */

static void test_names_of_models(void **state)
{
    static const char *const good[] = {"a/b", "owner/name", "Own-er/na_me.v1-5", "0/_", "a./b.."};
    static const char *const bad[] = {"",    "name", "a/b/c", "../b", "a/..",      "a/.b",  "a/b?c",
                                      "a/",  "/b",   "-a/b",  "a/-b", "a b/c",     "a/b\n", "a//b",
                                      "./b", "a\\b", "~/b",   "a/b/", "a/\xc3\xa9"};
    char *path, expected[600];
    diffedit_error error;
    (void)state;
    setenv("XDG_DATA_HOME", "/data", 1);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(cli_fetched_folder(&path, good[i], &error), DIFFEDIT_OK);
        snprintf(expected, sizeof expected, "/data/diffedit/models/%s", good[i]);
        assert_string_equal(path, expected);
        free(path);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(cli_fetched_folder(&path, bad[i], &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_int_equal(cli_fetched_folder(&path, "a/b/../c\x1b", &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "expected OWNER/NAME, found \"a/b/../c?\"");
}

/* XDG_DATA_HOME counts if it is a whole path, as its specification wants it. */
static void test_where_models_are_kept(void **state)
{
    static const struct {
        const char *data, *home, *folder;
    } cases[] = {{"/data", "/home/me", "/data/diffedit/models/a/b"},
                 {"data", "/home/me", "/home/me/.local/share/diffedit/models/a/b"},
                 {"", "/home/me", "/home/me/.local/share/diffedit/models/a/b"},
                 {NULL, "/home/me", "/home/me/.local/share/diffedit/models/a/b"},
                 {NULL, NULL, "/.local/share/diffedit/models/a/b"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path;
        diffedit_error error;
        if (cases[i].data)
            setenv("XDG_DATA_HOME", cases[i].data, 1);
        else
            unsetenv("XDG_DATA_HOME");
        if (cases[i].home)
            setenv("HOME", cases[i].home, 1);
        else
            unsetenv("HOME");
        assert_int_equal(cli_fetched_folder(&path, "a/b", &error), DIFFEDIT_OK);
        assert_string_equal(path, cases[i].folder);
        free(path);
    }
}

static void expect_no_model(const char *named, const char *sentence)
{
    char *path;
    diffedit_error error;
    assert_int_equal(cli_find_model(&path, named, &error), DIFFEDIT_ERROR_FILE);
    assert_string_equal(error.message, sentence);
    assert_null(path);
}

static void expect_model(const char *named, const char *expected)
{
    char *path;
    diffedit_error error;
    if (cli_find_model(&path, named, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    assert_string_equal(path, expected);
    free(path);
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) != 0)
        fail_msg("%s", path);
}

static void test_finding_a_model(void **state)
{
    char data[300], whole[400], sentence[900];
    (void)state;
    snprintf(data, sizeof data, "%s", scratch_path("data"));
    setenv("XDG_DATA_HOME", data, 1);
    snprintf(whole, sizeof whole, "%s/diffedit/models/own/name", data);
    expect_no_model("no/such/model", "no/such/model: no such model");
    snprintf(sentence, sizeof sentence, "own/name: no such model (nor %.200s)", whole);
    expect_no_model("own/name", sentence);
    make_folder("data");
    make_folder("data/diffedit");
    make_folder("data/diffedit/models");
    make_folder("data/diffedit/models/own");
    make_folder("data/diffedit/models/own/name");
    expect_no_model("own/name",
                    "own/name: is only partly downloaded; `diffedit model pull own/name` resumes");
    scratch_write_text("data/diffedit/models/own/name/model_index.json", "{}");
    expect_model("own/name", whole);
    scratch_write_text("file", "");
    expect_model("file", "file"); /* whatever is in it */
    expect_model("data/diffedit", "data/diffedit");
    unlink("data/diffedit/models/own/name/model_index.json");
    rmdir("data/diffedit/models/own/name");
    rmdir("data/diffedit/models/own");
    rmdir("data/diffedit/models");
    rmdir("data/diffedit");
    rmdir("data");
}

/* ---- options about models ---- */

static void test_settings(void **state)
{
    cli_arguments a;
    diffedit_model_settings settings;
    diffedit_precision precision;
    diffedit_error error;
    (void)state;
    parse_words(&a, &cli_edit, (char *[]){NULL});
    assert_int_equal(cli_model_settings(&settings, &a, &error), DIFFEDIT_OK);
    assert_int_equal(settings.struct_size, sizeof settings);
    assert_true(settings.flags == 0 && !settings.vae && !settings.text_encoder);
    cli_arguments_free(&a);
    parse_words(&a, &cli_edit,
                WORDS("--low-memory", "--no-ema", "--vae=v", "--text-encoder=t", "--prediction=v"));
    assert_int_equal(cli_model_settings(&settings, &a, &error), DIFFEDIT_OK);
    assert_int_equal(settings.flags, DIFFEDIT_MODEL_LOW_MEMORY | DIFFEDIT_MODEL_NO_EMA);
    assert_string_equal(settings.vae, "v");
    assert_string_equal(settings.text_encoder, "t");
    assert_int_equal(settings.prediction, DIFFEDIT_PREDICTION_V);
    cli_arguments_free(&a);
    parse_words(&a, &cli_model_convert, WORDS("--prediction=epsilon", "--precision=f16"));
    assert_int_equal(cli_model_settings(&settings, &a, &error), DIFFEDIT_OK);
    assert_int_equal(settings.prediction, DIFFEDIT_PREDICTION_EPSILON);
    assert_int_equal(cli_precision(&precision, &a, &error), DIFFEDIT_OK);
    assert_int_equal(precision, DIFFEDIT_PRECISION_F16);
    cli_arguments_free(&a);
    parse_words(&a, &cli_model_convert, WORDS("--precision=F32", "--prediction=V"));
    assert_int_equal(cli_precision(&precision, &a, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "--precision: expected f16 or f32, found \"F32\"");
    assert_int_equal(cli_model_settings(&settings, &a, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "--prediction: expected v or epsilon, found \"V\"");
    cli_arguments_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_standard),        cmocka_unit_test(test_names_of_standard_input),
        cmocka_unit_test(test_names_of_models), cmocka_unit_test(test_where_models_are_kept),
        cmocka_unit_test(test_finding_a_model), cmocka_unit_test(test_settings)};
    scratch_make();
    scratch_enter();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
