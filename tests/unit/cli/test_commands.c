/* Whole command lines that are refused before any work: the sentence, and no file made. */
#include "cli/commands.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXTS "--from", "a horse", "--to", "a zebra"
enum { MOST_WORDS = 16 };

static void expect(diffedit_status status, const char *sentence, const char *const *words)
{
    char *copies[MOST_WORDS];
    int count = 0, files = scratch_count();
    diffedit_error error = {.message = ""};
    for (; words[count]; count++)
        copies[count] = (char *)words[count];
    assert_int_equal(cli_run(count, copies, &error), status);
    assert_string_equal(error.message, sentence);
    assert_int_equal(error.code, status);
    assert_int_equal(scratch_count(), files);
}

#define EXPECT(status, sentence, ...) \
    expect(status, sentence, (const char *const[]){__VA_ARGS__, NULL})

/* ---- wrong usage: before anything is opened, so that no file need exist ---- */

static const struct {
    const char *sentence;
    const char *words[MOST_WORDS];
} USAGE[] = {
    {"unknown command \"edti\"; did you mean \"edit\"?", {"edti"}},
    {"expected a command before --from; did you mean: diffedit edit --from ...?", {"--from", "x"}},
    {"photo.png is not a command; did you mean: diffedit edit photo.png ...?",
     {"photo.png", TEXTS}},
    {"unknown option --stpes; did you mean --steps?", {"edit", "--stpes", "3"}},
    {"diffedit mask takes no option --ratio", {"mask", "--ratio", "0.5"}},
    {"diffedit model info takes no option --steps", {"model", "info", "x", "--steps", "3"}},
    {"--steps needs a value", {"edit", "in.png", "--steps"}},
    {"unexpected argument \"b.png\": diffedit edit takes one picture", {"edit", "a.png", "b.png"}},
    {"a picture is required", {"edit", TEXTS, "-o", "x.png"}},
    {"a picture is required", {"invert", "-o", "x.npy"}},
    {"--output is required", {"edit", "no.png", TEXTS}},
    {"--output is required", {"generate", "--to", "x"}},
    {"--to is required; it may be empty", {"edit", "no.png", "--from", "x", "-o", "x.png"}},
    {"--to is required; it may be empty", {"generate", "-o", "x.png"}},
    {"--mask is required", {"inpaint", "no.png", "--to", "x", "-o", "x.png"}},
    {"--mask and --map-in cannot be used together",
     {"edit", "no.png", TEXTS, "-o", "x.png", "--mask", "m.png", "--map-in", "m.npy"}},
    {"--map-out cannot be used with --mask: no map is computed",
     {"edit", "no.png", TEXTS, "-o", "x.png", "--mask", "m.png", "--map-out", "m2.png"}},
    {"the picture and --mask cannot both come from standard input",
     {"edit", "-", TEXTS, "-o", "x.png", "--mask", "-"}},
    {"--json cannot be used with --output -: both write to standard output",
     {"edit", "no.png", TEXTS, "--json", "-o", "-"}},
    {"--preset: expected one of paper, notebook, diffusers, fast, lcm, turbo, found \"papers\"",
     {"edit", "no.png", TEXTS, "-o", "x.png", "--preset", "papers"}},
    {"x.png: given for two outputs",
     {"edit", "no.png", TEXTS, "-o", "x.png", "--mask-out", "x.png"}},
    {"x.png: given for two outputs",
     {"edit", "no.png", TEXTS, "-o", "y.png", "--map-out", "x.png", "--sheet", "x.png"}},
    {"x.xyz: unsupported output format; use .png, .jpg, .webp or .tif",
     {"edit", "no.png", TEXTS, "-o", "x.xyz"}},
    {"m.gif: unsupported output format; use .png, .jpg, .webp or .tif",
     {"edit", "no.png", TEXTS, "-o", "x.png", "--map-out", "m.gif"}},
    {"x.png: unsupported output format; use .npy", {"invert", "no.png", "-o", "x.png"}},
    {"a model is required", {"model", "check"}},
    {"a model is required", {"model", "info"}},
    {"a model is required", {"model", "pull"}},
    {"expected OWNER/NAME, found \"a\"", {"model", "pull", "a"}},
    {"--endpoint: expected an http or https address, found \"ftp://x\"",
     {"model", "pull", "a/b", "--endpoint", "ftp://x"}},
    {"--prediction: expected v or epsilon, found \"x0\"",
     {"model", "info", POCKET, "--prediction", "x0"}},
    {"--precision: expected f16 or f32, found \"f8\"",
     {"model", "convert", POCKET, "-o", "x.safetensors", "--precision", "f8"}},
};

static void test_usage(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof USAGE / sizeof *USAGE; i++)
        expect(DIFFEDIT_ERROR_ARGUMENT, USAGE[i].sentence, USAGE[i].words);
}

/* ---- ranges ---- */

static const struct {
    const char *name, *expected;
    const char *values[8];
} RANGES[] = {
    {"seed",
     "a whole number from 0 to 18446744073709551615, decimal or 0x",
     {"-2", "18446744073709551616", "1.5", "0x", "Random", ""}},
    {"rng", "one of cpu, cuda", {"gpu", "CPU", ""}},
    {"prompt-syntax", "one of plain, weighted", {"a1111", "Weighted"}},
    {"steps", "a whole number from 1 to 999", {"0", "1000", "5.5", "", "five", "-1", "0x5"}},
    {"ratio", "a number above 0 and up to 1", {"0", "1.01", "nan", "-0.5", "1/0", "0,5", "2/1"}},
    {"guidance", "a number from -100 to 100", {"-100.1", "100.1", "inf", "nan", ""}},
    {"guidance-kind", "one of cfg, normalised", {"normalized"}},
    {"scheduler", "one of ddim, lms, dpm++2m, lcm, euler-a", {"euler"}},
    {"encode-guidance", "a number from -100 to 100 or \"guidance\"", {"101", "same"}},
    {"background", "one of same, lagged, start", {"x"}},
    {"posterior", "one of mean, sample", {"mode"}},
    {"mask-method", "one of contrast, plus-minus", {"x"}},
    {"mask-noise-level", "a number above 0 and up to 1", {"0", "1.5"}},
    {"mask-samples", "a whole number from 1 to 1000", {"0", "1001"}},
    {"mask-limit", "one of method, percentile", {"mean", "99"}},
    {"mask-filter", "one of none, bilateral", {"median", ""}},
    {"mask-fill", "one of off, on", {"yes", "1"}},
    {"mask-refine", "one of off, on", {"true", "2"}},
    {"mask-threshold", "a number from 0 to 1", {"-0.1", "1.1"}},
    {"mask-grow", "a whole number from -4096 to 4096", {"-4097", "4097", "0.5"}},
    {"mask-blur", "a number from 0 to 4096", {"-1", "4097"}},
    {"composite", "one of pixel, latent, changed", {"x"}},
    {"feather", "a number from 0 to 4096 or \"cell\"", {"-1", "4097"}},
    {"region", "one of whole, crop, zoom", {"box", ""}},
    {"region-margin", "a number from 0 to 4096 or \"auto\"", {"-1", "4097", "cell"}},
    {"size",
     "WxH with sides from 1 to 16384 or \"fit\"",
     {"64", "64x", "x64", "0x64", "64x99999", "64 x 64", "64x64x64"}},
    {"max-pixels", "a whole number from 1 to 1099511627776", {"0", "2^28", "1099511627777"}},
    {"quality", "a whole number from 1 to 100", {"0", "101", "95.5"}},
    {"threads", "a whole number from 1 to 1024", {"0", "1025", "all"}},
};

static void test_ranges(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof RANGES / sizeof *RANGES; i++)
        for (int j = 0; RANGES[i].values[j]; j++) {
            char word[64], sentence[200];
            snprintf(word, sizeof word, "--%s=%s", RANGES[i].name, RANGES[i].values[j]);
            snprintf(sentence, sizeof sentence, "--%s: expected %s, found \"%s\"", RANGES[i].name,
                     RANGES[i].expected, RANGES[i].values[j]);
            EXPECT(DIFFEDIT_ERROR_ARGUMENT, sentence, "edit", "no.png", TEXTS, "-o", "x.png", word);
        }
}

/* Of several wrong values the last is read, as of several right ones. */
static void test_the_last_value_counts(void **state)
{
    (void)state;
    EXPECT(DIFFEDIT_ERROR_ARGUMENT, "--steps: expected a whole number from 1 to 999, found \"0\"",
           "edit", "no.png", TEXTS, "-o", "x.png", "--steps=5", "--steps=0");
}

/* ---- outputs ---- */

static void test_outputs(void **state)
{
    (void)state;
    EXPECT(DIFFEDIT_ERROR_FILE, "none/x.png: cannot be written: No such file or directory", "edit",
           "in.png", TEXTS, "-o", "none/x.png");
    EXPECT(DIFFEDIT_ERROR_FILE, "none/m.png: cannot be written: No such file or directory", "edit",
           "in.png", TEXTS, "-o", "x.png", "--mask-out", "none/m.png");
    EXPECT(DIFFEDIT_ERROR_FILE, "none/x.npy: cannot be written: No such file or directory",
           "invert", "in.png", "-o", "none/x.npy");
    EXPECT(DIFFEDIT_ERROR_FILE, "none/stages: cannot be created: No such file or directory", "edit",
           "in.png", TEXTS, "-o", "x.png", "--stages", "none/stages");
    EXPECT(DIFFEDIT_ERROR_FILE, "in.png: not a writable folder", "edit", "in.png", TEXTS, "-o",
           "x.png", "--stages", "in.png");
    EXPECT(DIFFEDIT_ERROR_FILE, "folder.png: cannot be written: it is a folder", "edit", "in.png",
           TEXTS, "-o", "folder.png");
}

/* By any of its names. */
static void test_an_output_that_is_an_input(void **state)
{
    static const char *const names[] = {"in.png", "./in.png", "soft.png", "hard.png"};
    char sentence[100];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(sentence, sizeof sentence, "%s: is also an input; use --force to overwrite it",
                 names[i]);
        EXPECT(DIFFEDIT_ERROR_ARGUMENT, sentence, "edit", "in.png", TEXTS, "-o", names[i]);
        EXPECT(DIFFEDIT_ERROR_ARGUMENT, sentence, "edit", "in.png", TEXTS, "-o", "x.png",
               "--mask-out", names[i]);
        EXPECT(DIFFEDIT_ERROR_ARGUMENT, sentence, "inpaint", "no.png", "--to", "x", "--mask",
               "in.png", "-o", names[i]);
    }
}

/* ---- inputs ---- */

static void test_inputs(void **state)
{
    (void)state;
    EXPECT(DIFFEDIT_ERROR_FILE, "no/such/model: no such model", "edit", "in.png", TEXTS, "-o",
           "x.png", "-m", "no/such/model");
    EXPECT(DIFFEDIT_ERROR_FILE, "no: no such model", "model", "check", "no");
    EXPECT(DIFFEDIT_ERROR_FILE, "in.png: has no record of how diffedit made it", "edit", "in.png",
           TEXTS, "-o", "x.png", "--again", "in.png");
    EXPECT(DIFFEDIT_ERROR_FILE,
           "old.png: the record is damaged: --steps: expected a whole number from 1 to 999, found "
           "\"0\"",
           "edit", "in.png", "-o", "x.png", "--again", "old.png");
    EXPECT(DIFFEDIT_ERROR_PICTURE, "in.png: 4x3 is 12 pixels; at most 11 are read (--max-pixels)",
           "edit", "in.png", TEXTS, "-o", "x.png", "--max-pixels", "11");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_usage),
                                       cmocka_unit_test(test_ranges),
                                       cmocka_unit_test(test_the_last_value_counts),
                                       cmocka_unit_test(test_outputs),
                                       cmocka_unit_test(test_an_output_that_is_an_input),
                                       cmocka_unit_test(test_inputs)};
    unsetenv("DIFFEDIT_MODEL");
    unsetenv("HF_ENDPOINT");
    scratch_make();
    scratch_enter();
    scratch_picture("in.png", 4, 3, NULL);
    scratch_picture("old.png", 4, 3, "{\"diffedit\": \"1\", \"steps\": 0}");
    int failed = mkdir("folder.png", 0777) != 0 || symlink("in.png", "soft.png") != 0 ||
                 link("in.png", "hard.png") != 0;
    failed += cmocka_run_group_tests(tests, NULL, NULL);
    rmdir("folder.png");
    scratch_remove();
    return failed;
}
