/* Where a run's options come from: the preset, a record, what was given; and the record of a run.
 */
#include "cli/commands.h"
#include "cli/recipe.h"
#include "scratch.h"
#include "words.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- one run ---- */

typedef struct run {
    cli_arguments arguments;
    cli_recipe recipe;
    diffedit_options options;
} run;

/* Everything up to the options, without a model. */
static diffedit_status start(run *r, const cli_command *command, char **words,
                             diffedit_error *error)
{
    r->recipe = (cli_recipe){0};
    parse_words(&r->arguments, command, words);
    diffedit_status status = cli_recipe_read(&r->recipe, &r->arguments, error);
    if (status == DIFFEDIT_OK)
        status = cli_recipe_lay(&r->recipe, &r->options, &r->arguments, NULL, error);
    return status;
}

static void end(run *r)
{
    cli_recipe_free(&r->recipe);
    cli_arguments_free(&r->arguments);
}

static void begin(run *r, const cli_command *command, char **words)
{
    diffedit_error error;
    if (start(r, command, words, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
}

static void expect_refused(const cli_command *command, char **words, diffedit_status status,
                           const char *sentence)
{
    run r;
    diffedit_error error = {.message = ""};
    assert_int_equal(start(&r, command, words, &error), status);
    assert_string_equal(error.message, sentence);
    end(&r);
}

static char *record_of(const run *r)
{
    char *record;
    diffedit_error error;
    const diffedit_model_info info = {.struct_size = sizeof info,
                                      .arithmetic = DIFFEDIT_ARITHMETIC_QUICK,
                                      .device = 1,
                                      .family = "matrix"};
    if (cli_record(&record, &r->options, &r->arguments, &info, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    return record;
}

/* A picture with this record under a name in the scratch folder, which is the working one. */
static void write_record(const char *name, const char *record)
{
    scratch_picture(name, 8, 8, record);
}

/* A record of what these words give. */
static void write_run(const char *name, const cli_command *command, char **words)
{
    run r;
    begin(&r, command, words);
    char *record = record_of(&r);
    write_record(name, record);
    free(record);
    end(&r);
}

/* ---- without a record ---- */

static void test_presets_and_what_is_given(void **state)
{
    run r;
    (void)state;
    begin(&r, &cli_edit, WORDS("in.png", "--to", "x"));
    assert_string_equal(r.options.preset, "paper");
    assert_int_equal(r.options.steps, 50);
    assert_string_equal(r.options.from, "");
    assert_string_equal(r.options.to, "x");
    assert_null(r.arguments.model);
    end(&r);
    /* the preset comes first, wherever it stands, and the last of what is given counts */
    begin(&r, &cli_edit,
          WORDS("--steps=7", "--ratio=2/3", "--preset=notebook", "--steps=9", "--size=64x32"));
    assert_int_equal(r.options.steps, 9);
    assert_int_equal(r.options.scheduler, DIFFEDIT_SCHEDULER_LMS);
    assert_float_equal(r.options.ratio, 2.0 / 3, 1e-15);
    assert_int_equal(r.options.width, 64);
    assert_int_equal(r.options.height, 32);
    assert_null(r.options.to);
    end(&r);
}

/* ---- a record ---- */

static void test_a_run_once_more(void **state)
{
    run first, second;
    (void)state;
    begin(&first, &cli_edit,
          WORDS("in.png", "--from", "ein \"Pferd\" \\ \xe9\xa6\xac \xf0\x9f\x90\xb4\t\x01", "--to",
                "", "--negative", "\xc3\xa9", "--seed", "18446744073709551615", "--ratio=1/3",
                "--feather=cell", "--encode-guidance=guidance", "--size=fit", "--guidance=-0.1",
                "--mask-threshold=0.30000000000000004", "--model", "a \"model\"", "--mask",
                "m\xc3\xbc.png"));
    char *record = record_of(&first);
    for (const char *at = record; *at; at++)
        assert_true(*at >= ' ' && *at <= '~');
    write_record("again.png", record);
    begin(&second, &cli_edit, WORDS("other.png", "--again", "again.png"));
    assert_string_equal(second.options.from, first.options.from);
    assert_string_equal(second.options.to, "");
    assert_true(second.options.seed == UINT64_MAX);
    assert_true(second.options.ratio == first.options.ratio);
    assert_true(second.options.mask_threshold == first.options.mask_threshold);
    assert_true(isnan(second.options.encode_guidance));
    assert_string_equal(second.arguments.model, "a \"model\"");
    assert_string_equal(second.arguments.mask, "m\xc3\xbc.png");
    assert_string_equal(second.arguments.picture, "other.png"); /* which is not recorded */
    char *same = record_of(&second);
    assert_string_equal(same, record);
    free(same);
    free(record);
    end(&first);
    end(&second);
}

static void test_what_is_given_overrides_a_record(void **state)
{
    run r;
    (void)state;
    write_run("again.png", &cli_edit,
              WORDS("--from=a", "--to=b", "--steps=7", "--seed=5", "-m", "recorded"));
    begin(&r, &cli_edit, WORDS("--again=again.png", "--steps=8", "--to=c", "-m", "given"));
    assert_int_equal(r.options.steps, 8);
    assert_true(r.options.seed == 5);
    assert_string_equal(r.options.from, "a");
    assert_string_equal(r.options.to, "c");
    assert_string_equal(r.arguments.model, "given");
    end(&r);
}

/* A preset that is named changes the options in which presets differ, and no other. */
static void test_a_preset_over_a_record(void **state)
{
    run r;
    (void)state;
    write_run(
        "again.png", &cli_edit,
        WORDS("--from=a", "--to=b", "--steps=7", "--seed=5", "--mask-grow=3", "--mask-samples=2"));
    begin(&r, &cli_edit, WORDS("--again=again.png", "--preset=notebook", "--guidance=2"));
    assert_int_equal(r.options.steps, 30);
    assert_int_equal(r.options.mask_samples, 20);
    assert_int_equal(r.options.scheduler, DIFFEDIT_SCHEDULER_LMS);
    assert_int_equal(r.options.mask_grow, 3);
    assert_true(r.options.seed == 5);
    assert_float_equal(r.options.guidance, 2, 0);
    assert_string_equal(r.options.to, "b");
    end(&r);
}

static void test_masks_and_maps_of_a_record(void **state)
{
    run r;
    (void)state;
    write_run("mask.png", &cli_edit, WORDS("--to=b", "--mask", "m.png"));
    write_run("map.png", &cli_edit, WORDS("--to=b", "--map-in", "m.npy"));
    begin(&r, &cli_edit, WORDS("--again=map.png"));
    assert_string_equal(r.arguments.map_in, "m.npy");
    assert_null(r.arguments.mask);
    end(&r);
    begin(&r, &cli_edit, WORDS("--again=map.png", "--mask=given.png")); /* in place of it */
    assert_null(r.arguments.map_in);
    assert_string_equal(r.arguments.mask, "given.png");
    end(&r);
    begin(&r, &cli_edit, WORDS("--again=mask.png", "--map-in=given.npy"));
    assert_null(r.arguments.mask);
    assert_string_equal(r.arguments.map_in, "given.npy");
    end(&r);
    /* a command that takes none gets none */
    begin(&r, &cli_generate, WORDS("--again=mask.png"));
    assert_null(r.arguments.mask);
    end(&r);
    begin(&r, &cli_inpaint, WORDS("--again=map.png"));
    assert_null(r.arguments.map_in);
    end(&r);
}

static void test_masks_that_came_from_a_stream(void **state)
{
    static const char *const streams[] = {"-", "/dev/stdin", "/dev/fd/63", "/proc/self/fd/0"};
    char record[100], sentence[200];
    run r;
    (void)state;
    for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
        snprintf(record, sizeof record, "{\"diffedit\": \"0.1.0\", \"mask\": \"%s\"}", streams[i]);
        write_record("again.png", record);
        snprintf(sentence, sizeof sentence,
                 "again.png: its mask came from a stream (\"%s\"), which is gone; give it as "
                 "--mask FILE",
                 streams[i]);
        expect_refused(&cli_edit, WORDS("--again", "again.png"), DIFFEDIT_ERROR_ARGUMENT, sentence);
        begin(&r, &cli_edit, WORDS("--again", "again.png", "--mask", "m.png"));
        end(&r);
    }
    write_record("again.png", "{\"diffedit\": \"0.1.0\", \"map-in\": \"/dev/stdin\"}");
    expect_refused(&cli_mask, WORDS("--again", "again.png"), DIFFEDIT_ERROR_ARGUMENT,
                   "again.png: its map-in came from a stream (\"/dev/stdin\"), which is gone; give "
                   "it as --map-in FILE");
}

static void test_names_that_are_no_texts(void **state)
{
    run r;
    (void)state;
    write_record("again.png", "{\"diffedit\": \"1\", \"model\": 3, \"mask\": null, \"to\": \"x\"}");
    begin(&r, &cli_edit, WORDS("--again", "again.png"));
    assert_null(r.arguments.model);
    assert_null(r.arguments.mask);
    assert_string_equal(r.options.to, "x");
    end(&r);
    /* a name that JSON cannot hold is not recorded */
    begin(&r, &cli_edit, WORDS("--to=x", "-m", "caf\xe9"));
    char *record = record_of(&r);
    assert_null(strstr(record, "model"));
    free(record);
    end(&r);
}

static void test_records_that_are_none(void **state)
{
    static const struct {
        const char *record;
        diffedit_status status;
        const char *sentence;
    } cases[] = {
        {NULL, DIFFEDIT_ERROR_FILE, "again.png: has no record of how diffedit made it"},
        {"{", DIFFEDIT_ERROR_FILE,
         "again.png: the record is not JSON: string or '}' expected near end of file"},
        {"[]", DIFFEDIT_ERROR_FILE, "again.png: the record was not written by diffedit"},
        {"{}", DIFFEDIT_ERROR_FILE, "again.png: the record was not written by diffedit"},
        {"{\"diffedit\": \"1\", \"steps\": 0}", DIFFEDIT_ERROR_FILE,
         "again.png: the record is damaged: `steps`: expected a whole number from 1 to 999, found "
         "\"0\""},
        {"{\"diffedit\": \"1\", \"to\": 3}", DIFFEDIT_ERROR_FILE,
         "again.png: the record's \"to\" is not a text"},
        {"{\"diffedit\": \"1\", \"arithmetic\": \"slow\"}", DIFFEDIT_ERROR_FILE,
         "again.png: the record is damaged: `arithmetic`: expected one of exact, quick, found "
         "\"slow\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_record("again.png", cases[i].record);
        expect_refused(&cli_edit, WORDS("--again", "again.png"), cases[i].status,
                       cases[i].sentence);
    }
    run r;
    diffedit_error error;
    assert_int_equal(start(&r, &cli_edit, WORDS("--again", "none.png"), &error),
                     DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "none.png: "));
    end(&r);
}

/* The options may be laid again, when the model is known: texts of the time before are let go. */
static void test_laid_twice(void **state)
{
    run r;
    diffedit_error error;
    (void)state;
    write_run("again.png", &cli_edit, WORDS("--from=a", "--to=b"));
    begin(&r, &cli_edit, WORDS("--again=again.png", "--preset=diffusers"));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(cli_recipe_lay(&r.recipe, &r.options, &r.arguments, NULL, &error),
                         DIFFEDIT_OK);
        assert_string_equal(r.options.to, "b");
        assert_int_equal(r.options.background, DIFFEDIT_BACKGROUND_LAGGED);
    }
    end(&r);
}

/* A model is opened for the arithmetic of the record, unless one or a preset is named. */
static void test_the_arithmetic_of_a_record(void **state)
{
    run r;
    (void)state;
    write_run("again.png", &cli_edit, WORDS("--to=b")); /* quick, as every record here */
    begin(&r, &cli_edit, WORDS("--again=again.png"));
    assert_string_equal(r.arguments.arithmetic, "quick");
    end(&r);
    begin(&r, &cli_edit, WORDS("--again=again.png", "--arithmetic=exact"));
    assert_string_equal(r.arguments.arithmetic, "exact");
    end(&r);
    begin(&r, &cli_edit, WORDS("--again=again.png", "--preset=paper"));
    assert_null(r.arguments.arithmetic);
    end(&r);
    write_record("again.png", "{\"diffedit\": \"0.1.0\", \"to\": \"x\"}"); /* older than quick */
    begin(&r, &cli_edit, WORDS("--again=again.png"));
    assert_null(r.arguments.arithmetic);
    end(&r);
}

/* ---- where it was made ---- */

static void expect_moved(const char *json, diffedit_device device, const char *family,
                         const char *sentence)
{
    char text[256] = "";
    const diffedit_model_info info = {
        .struct_size = sizeof info, .device = device, .family = family};
    cli_recipe recipe = {.extras = json ? json_loads(json, 0, NULL) : NULL};
    assert_int_equal(cli_recipe_moved(text, sizeof text, &recipe, &info), sentence[0] != '\0');
    assert_string_equal(text, sentence);
    cli_recipe_free(&recipe);
}

static void test_where_a_record_was_made(void **state)
{
    static const char on_gpu[] = "{\"device\": \"gpu:0\", \"family\": \"matrix\"}";
    static const char on_cpu[] = "{\"device\": \"cpu\", \"family\": \"avx2\"}";
    (void)state;
    expect_moved(on_gpu, 1, "matrix", "");
    expect_moved(on_cpu, 0, "avx512", "");
    expect_moved(NULL, 1, "matrix", "");
    expect_moved("{\"kernels\": \"avx2\"}", 1, "matrix", ""); /* an older record */
    expect_moved("{\"device\": \"tpu\", \"family\": \"x\"}", 0, "avx2", "");
    expect_moved(on_gpu, 0, "avx2",
                 "it was made on gpu:0 (matrix) and is made again on cpu (avx2), so it may look a "
                 "little different");
    expect_moved(on_cpu, 1, "scalar",
                 "it was made on cpu (avx2) and is made again on gpu:0 (scalar), so it may look a "
                 "little different");
    expect_moved(on_gpu, 1, "scalar",
                 "it was made on gpu:0 (matrix) and is made again on gpu:0 (scalar), so it may "
                 "look a little different");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_presets_and_what_is_given),
                                       cmocka_unit_test(test_a_run_once_more),
                                       cmocka_unit_test(test_what_is_given_overrides_a_record),
                                       cmocka_unit_test(test_a_preset_over_a_record),
                                       cmocka_unit_test(test_masks_and_maps_of_a_record),
                                       cmocka_unit_test(test_masks_that_came_from_a_stream),
                                       cmocka_unit_test(test_names_that_are_no_texts),
                                       cmocka_unit_test(test_records_that_are_none),
                                       cmocka_unit_test(test_laid_twice),
                                       cmocka_unit_test(test_the_arithmetic_of_a_record),
                                       cmocka_unit_test(test_where_a_record_was_made)};
    scratch_make();
    scratch_enter();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
