/* The options table: every range at both ends, words, fractions, locales, and the record. */
#include "api/options.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static diffedit_options initial(const char *preset)
{
    diffedit_options options;
    assert_int_equal(diffedit_options_init(&options, sizeof options, preset, NULL, NULL),
                     DIFFEDIT_OK);
    return options;
}

static void assert_accepted(const char *name, const char *value, const char *read_back)
{
    diffedit_options options = initial(NULL);
    diffedit_error error = {.message = ""};
    char text[64];
    if (diffedit_options_set(&options, name, value, &error) != DIFFEDIT_OK)
        fail_msg("--%s %s: %s", name, value, error.message);
    assert_int_equal(diffedit_options_get(text, sizeof text, &options, name), strlen(read_back));
    assert_string_equal(text, read_back);
    assert_int_equal(diffedit_options_check(&options, NULL), DIFFEDIT_OK);
}

static void assert_refused(const char *name, const char *value, const char *message)
{
    diffedit_options options = initial(NULL), before = options;
    diffedit_error error;
    if (diffedit_options_set(&options, name, value, &error) != DIFFEDIT_ERROR_ARGUMENT)
        fail_msg("--%s accepts \"%s\"", name, value);
    assert_memory_equal(&options, &before, sizeof options);
    if (message)
        assert_string_equal(error.message, message);
}

/* ---- presets ---- */

static void test_presets(void **state)
{
    (void)state;
    diffedit_options paper = initial("paper"), notebook = initial("notebook"),
                     diffusers = initial("diffusers");
    assert_int_equal(paper.steps, 50);
    assert_true(paper.ratio == 0.8 && paper.guidance == 7.5 && paper.encode_guidance == 1);
    assert_int_equal(paper.background, DIFFEDIT_BACKGROUND_SAME);
    assert_int_equal(paper.mask_samples, 10);
    assert_int_equal(paper.seed, 42);
    assert_string_equal(paper.from, "");
    assert_null(paper.to);
    assert_true(paper.feather < 0);
    assert_int_equal(paper.width, 0);
    assert_int_equal(notebook.steps, 30);
    assert_true(notebook.ratio == 2.0 / 3 && notebook.guidance == 0.15);
    assert_int_equal(notebook.guidance_kind, DIFFEDIT_GUIDANCE_NORMALISED);
    assert_int_equal(notebook.scheduler, DIFFEDIT_SCHEDULER_LMS);
    assert_int_equal(notebook.background, DIFFEDIT_BACKGROUND_START);
    assert_int_equal(notebook.posterior, DIFFEDIT_POSTERIOR_SAMPLE);
    assert_int_equal(notebook.mask_method, DIFFEDIT_MASK_PLUS_MINUS);
    assert_int_equal(notebook.mask_samples, 20);
    assert_int_equal(diffusers.background, DIFFEDIT_BACKGROUND_LAGGED);
    assert_true(isnan(diffusers.encode_guidance));
}

static void test_init_refuses(void **state)
{
    (void)state;
    diffedit_options options;
    diffedit_error error;
    assert_int_equal(diffedit_options_init(&options, sizeof options, "papers", NULL, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(
        error.message,
        "`preset`: expected one of paper, notebook, diffusers, fast, lcm, turbo, found \"papers\"");
    assert_int_equal(diffedit_options_init(&options, 4, NULL, NULL, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    memset(&options, 0, sizeof options);
    assert_int_equal(diffedit_options_check(&options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "a diffedit_options whose struct_size is not set");
}

static void test_every_default_reads_back(void **state)
{
    (void)state;
    const diffedit_option *row;
    for (const char *const *preset = diffedit_presets(); *preset; preset++) {
        diffedit_options options = initial(*preset);
        for (size_t i = 0; (row = diffedit_option_at(i)); i++) {
            diffedit_options copy = initial(NULL);
            char text[64], again[64];
            if (row->type == DIFFEDIT_TYPE_TEXT)
                continue;
            diffedit_options_get(text, sizeof text, &options, row->name);
            assert_int_equal(diffedit_options_set(&copy, row->name, text, NULL), DIFFEDIT_OK);
            diffedit_options_get(again, sizeof again, &copy, row->name);
            assert_string_equal(text, again);
        }
    }
}

static void test_rows(void **state)
{
    (void)state;
    const diffedit_option *row;
    size_t count = 0;
    static const char *const groups[] = {"texts", "sampling", "region", "result"};
    while ((row = diffedit_option_at(count))) {
        int group = 0;
        while (group < 4 && strcmp(groups[group], row->group) != 0)
            group++;
        assert_in_range(group, 0, 3);
        assert_ptr_equal(diffedit_option_find(row->name), row);
        count++;
    }
    assert_true(count > 20);
    assert_null(diffedit_option_at(SIZE_MAX));
    assert_null(diffedit_option_find("nothing"));
    row = diffedit_option_find("steps");
    assert_string_equal(diffedit_option_default(row, NULL), "50");
    assert_string_equal(diffedit_option_default(row, "notebook"), "30");
    assert_null(diffedit_option_default(row, "papers"));
    assert_null(diffedit_option_default(diffedit_option_find("to"), NULL));
}

/* ---- values ---- */

static void test_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *name, *lowest, *highest, *below, *above;
    } ranges[] = {
        {"seed", "0", "18446744073709551615", "-1", "18446744073709551616"},
        {"steps", "1", "999", "0", "1000"},
        {"ratio", "1e-09", "1", "0", "1.0000001"},
        {"guidance", "-100", "100", "-100.001", "100.001"},
        {"encode-guidance", "-100", "100", "-100.001", "100.001"},
        {"mask-noise-level", "1e-09", "1", "0", "1.0000001"},
        {"mask-samples", "1", "1000", "0", "1001"},
        {"mask-threshold", "0", "1", "-0.001", "1.001"},
        {"mask-grow", "-4096", "4096", "-4097", "4097"},
        {"mask-blur", "0", "4096", "-0.5", "4096.5"},
        {"feather", "0", "4096", "-1", "4096.5"},
        {"size", "1x1", "16384x16384", "0x8", "8x16385"},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        assert_accepted(ranges[i].name, ranges[i].lowest, ranges[i].lowest);
        assert_accepted(ranges[i].name, ranges[i].highest, ranges[i].highest);
        assert_refused(ranges[i].name, ranges[i].below, NULL);
        assert_refused(ranges[i].name, ranges[i].above, NULL);
    }
}

static void test_messages(void **state)
{
    (void)state;
    assert_refused("steps", "0", "`steps`: expected a whole number from 1 to 999, found \"0\"");
    assert_refused("ratio", "0", "`ratio`: expected a number above 0 and up to 1, found \"0\"");
    assert_refused("guidance", "x", "`guidance`: expected a number from -100 to 100, found \"x\"");
    assert_refused(
        "encode-guidance", "",
        "`encode-guidance`: expected a number from -100 to 100 or \"guidance\", found \"\"");
    assert_refused("seed", "x",
                   "`seed`: expected a whole number from 0 to 18446744073709551615, decimal or 0x, "
                   "found \"x\"");
    assert_refused(
        "scheduler", "euler",
        "`scheduler`: expected one of ddim, lms, dpm++2m, lcm, euler-a, found \"euler\"");
    assert_refused("size", "512",
                   "`size`: expected WxH with sides from 1 to 16384 or \"fit\", found \"512\"");
    assert_refused("feather", "-1",
                   "`feather`: expected a number from 0 to 4096 or \"cell\", found \"-1\"");
    assert_refused("stepz", "1", "there is no option \"stepz\"");
}

static void test_numbers_are_strict(void **state)
{
    (void)state;
    static const char *const not_whole[] = {
        "",  " 5", "5 ", "5.0", "5e1", "0x5", "--5", "+-5", "five", "5\n", "99999999999999999999",
        "-", "1/2"};
    static const char *const not_real[] = {"",      " 0.5",   "0.5 ", "nan", "inf", "-inf",
                                           "1e999", "0x1p-1", "0,5",  ".",   "1/0", "0/0",
                                           "1/2/3", "/2",     "1/",   "1-2", "1e",  "e1"};
    static const char *const not_seed[] = {
        "", "-1", "+1", " 1", "0x", "0xg", "0x0x1", "1e3", "1.0", "random", "0x10000000000000000"};
    static const char *const not_size[] = {"",      "x",   "8x",   "x8",    "8 x8",
                                           "8x8x8", "8X8", "-8x8", "8.0x8", "fits"};
    for (size_t i = 0; i < sizeof not_whole / sizeof *not_whole; i++)
        assert_refused("steps", not_whole[i], NULL);
    for (size_t i = 0; i < sizeof not_real / sizeof *not_real; i++)
        assert_refused("ratio", not_real[i], NULL);
    for (size_t i = 0; i < sizeof not_seed / sizeof *not_seed; i++)
        assert_refused("seed", not_seed[i], NULL);
    for (size_t i = 0; i < sizeof not_size / sizeof *not_size; i++)
        assert_refused("size", not_size[i], NULL);
}

static void test_ways_to_write_a_value(void **state)
{
    (void)state;
    assert_accepted("ratio", "2/3", "0.6666666666666666");
    assert_accepted("ratio", "1e-1", "0.1");
    assert_accepted("ratio", ".5", "0.5");
    assert_accepted("guidance", "+7.50", "7.5");
    assert_accepted("guidance", "-3/2", "-1.5");
    assert_accepted("seed", "0xFFFFffffFFFFffff", "18446744073709551615");
    assert_accepted("seed", "007", "7");
    assert_accepted("mask-grow", "+4", "4");
    assert_accepted("encode-guidance", "guidance", "guidance");
    assert_accepted("feather", "cell", "cell");
    assert_accepted("size", "fit", "fit");
    assert_accepted("size", "512x384", "512x384");
    assert_accepted("from", "a \"horse\", un zèbre", "a \"horse\", un zèbre");
}

static void test_any_negative_feather_is_a_cell(void **state)
{
    (void)state;
    diffedit_options options = initial(NULL);
    char text[64];
    options.feather = -2.5;
    assert_int_equal(diffedit_options_check(&options, NULL), DIFFEDIT_OK);
    diffedit_options_get(text, sizeof text, &options, "feather");
    assert_string_equal(text, "cell");
}

static void test_get_counts_like_snprintf(void **state)
{
    (void)state;
    diffedit_options options = initial("notebook");
    char text[4];
    assert_int_equal(diffedit_options_get(text, sizeof text, &options, "guidance-kind"),
                     strlen("normalised"));
    assert_string_equal(text, "nor");
    assert_int_equal(diffedit_options_get(NULL, 0, &options, "guidance-kind"),
                     strlen("normalised"));
    assert_int_equal(diffedit_options_get(text, sizeof text, &options, "nothing"), 0);
    assert_string_equal(text, "");
}

static void test_doubles_are_exact(void **state)
{
    (void)state;
    diffedit_options options = initial(NULL), copy = initial(NULL);
    for (int i = 1; i < 2000; i++) {
        char text[64];
        options.guidance = i * 0.1 / 7 - 1 / (i + 0.3);
        diffedit_options_get(text, sizeof text, &options, "guidance");
        assert_int_equal(diffedit_options_set(&copy, "guidance", text, NULL), DIFFEDIT_OK);
        assert_memory_equal(&copy.guidance, &options.guidance, sizeof copy.guidance);
    }
}

/* ---- checking a struct that a program filled ---- */

static void test_check(void **state)
{
    (void)state;
    diffedit_error error;
    diffedit_options options = initial(NULL);
    options.steps = 0;
    assert_int_equal(diffedit_options_check(&options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "`steps`: expected a whole number from 1 to 999, found \"0\"");
    options = initial(NULL);
    options.guidance = NAN;
    assert_int_equal(diffedit_options_check(&options, NULL), DIFFEDIT_ERROR_ARGUMENT);
    options.guidance = INFINITY;
    assert_int_equal(diffedit_options_check(&options, NULL), DIFFEDIT_ERROR_ARGUMENT);
    options = initial(NULL);
    options.scheduler = 7;
    assert_int_equal(diffedit_options_check(&options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(
        error.message,
        "`scheduler`: expected one of ddim, lms, dpm++2m, lcm, euler-a, found \"7\"");
    options = initial(NULL);
    options.width = 512;
    assert_int_equal(diffedit_options_check(&options, NULL), DIFFEDIT_ERROR_ARGUMENT);
}

static void test_needs(void **state)
{
    (void)state;
    diffedit_error error;
    diffedit_options options = initial("notebook"), known;
    assert_int_equal(de_options_read_run(&known, &options, DE_NEED_TO, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`to` is required; it may be empty");
    options.to = "";
    assert_int_equal(de_options_read_run(&known, &options, DE_NEED_TO, &error), DIFFEDIT_OK);
    assert_int_equal(de_options_read_run(&known, &options, DE_NEED_MAP, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    options.from = "a horse";
    assert_int_equal(de_options_read_run(&known, &options, DE_NEED_MAP | DE_NEED_START, &error),
                     DIFFEDIT_OK);
    options.encode = DIFFEDIT_ENCODE_INVERSION;
    assert_int_equal(de_options_read_run(&known, &options, DE_NEED_START, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_int_equal(de_options_read_run(&known, &options, DE_NEED_TO, &error), DIFFEDIT_OK);
    options.scheduler = DIFFEDIT_SCHEDULER_DDIM;
    assert_int_equal(de_options_read_run(&known, &options, DE_NEED_START, &error), DIFFEDIT_OK);
}

/* docs/SAMPLERS.md has this table. */
static void test_what_a_sampler_can(void **state)
{
    static const struct {
        bool inverts;
        const char *spacings; /* leading, trailing, ... */
    } can[] = {[DIFFEDIT_SCHEDULER_DDIM] = {true, "yyyy"},
               [DIFFEDIT_SCHEDULER_LMS] = {false, "nnny"},
               [DIFFEDIT_SCHEDULER_DPMPP_2M] = {true, "yyyy"},
               [DIFFEDIT_SCHEDULER_LCM] = {false, "nynn"},
               [DIFFEDIT_SCHEDULER_EULER_A] = {false, "nyyy"}};
    (void)state;
    diffedit_options options = initial(NULL), known;
    for (int s = 0; s < (int)(sizeof can / sizeof *can); s++)
        for (int e = DIFFEDIT_ENCODE_AUTO; e <= DIFFEDIT_ENCODE_NONE; e++)
            for (int p = 0; p < 5; p++) {
                options.scheduler = s;
                options.encode = e;
                options.spacing = p;
                bool edits = can[s].inverts || e != DIFFEDIT_ENCODE_INVERSION;
                bool spaces = p == DIFFEDIT_SPACING_AUTO || can[s].spacings[p - 1] == 'y';
                assert_int_equal(de_options_read_run(&known, &options, DE_NEED_START, NULL),
                                 edits && spaces ? DIFFEDIT_OK : DIFFEDIT_ERROR_ARGUMENT);
                assert_int_equal(diffedit_options_check(&options, NULL),
                                 spaces ? DIFFEDIT_OK : DIFFEDIT_ERROR_ARGUMENT);
            }
}

static void test_why_a_sampler_cannot(void **state)
{
    (void)state;
    diffedit_options options = initial("lcm"), known;
    diffedit_error error;
    options.spacing = DIFFEDIT_SPACING_KARRAS;
    assert_int_equal(diffedit_options_check(&options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "`scheduler` lcm needs `spacing` auto or trailing, found \"karras\"");
    options = initial("turbo");
    options.encode = DIFFEDIT_ENCODE_INVERSION;
    assert_int_equal(de_options_read_run(&known, &options, DE_NEED_START, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`scheduler` euler-a inverts nothing; `encode` inversion "
                                       "needs ddim or dpm++2m");
}

/* ---- programs of other versions ---- */

/* A program that was built before `feather` and the working size came has a struct that ends where
 * feather begins; what lies behind it is not the library's. */
static void test_an_older_program(void **state)
{
    (void)state;
    enum { OLDER = offsetof(diffedit_options, feather) };
    const diffedit_options paper = initial("paper"), whole = initial("notebook");
    diffedit_options options, known;
    diffedit_error error;
    char text[64];
    memset(&options, 0xa5, sizeof options);
    assert_int_equal(diffedit_options_init(&options, OLDER, "notebook", NULL, NULL), 0);
    for (size_t i = OLDER; i < sizeof options; i++)
        assert_int_equal(((unsigned char *)&options)[i], 0xa5);
    assert_int_equal(options.struct_size, OLDER);
    assert_memory_equal(&options.preset, &whole.preset, OLDER - offsetof(diffedit_options, preset));
    assert_int_equal(diffedit_options_set(&options, "steps", "7", NULL), 0);
    assert_int_equal(diffedit_options_set(&options, "feather", "7", &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`feather`: the program was built against an older "
                                       "diffedit, whose options have no such field");
    diffedit_options_get(text, sizeof text, &options, "feather");
    assert_string_equal(text, "cell");
    assert_int_equal(de_options_read_run(&known, &options, 0, NULL), 0);
    assert_int_equal(known.struct_size, sizeof known);
    assert_int_equal(known.steps, 7);
    assert_true(known.feather == -1 && known.width == 0 && known.height == 0);
    /* what is not known has the default of the preset, not of the first one */
    options.struct_size = offsetof(diffedit_options, steps);
    assert_int_equal(de_options_read_run(&known, &options, 0, NULL), 0);
    assert_int_equal(known.steps, 30);
    assert_int_equal(known.scheduler, DIFFEDIT_SCHEDULER_LMS);
    options.struct_size = offsetof(diffedit_options, height);
    assert_int_equal(de_options_read_run(&known, &options, 0, NULL), 0);
    assert_int_equal(known.width, 0);
    options.struct_size = offsetof(diffedit_options, from);
    assert_int_equal(de_options_read_run(&known, &options, 0, NULL), 0);
    assert_string_equal(known.from, paper.from);
}

static void test_an_older_program_and_records(void **state)
{
    (void)state;
    diffedit_options older, whole = initial("paper");
    diffedit_error error;
    char *json;
    void *texts = NULL;
    assert_int_equal(
        diffedit_options_init(&older, offsetof(diffedit_options, feather), NULL, NULL, NULL), 0);
    assert_int_equal(diffedit_options_record(&json, &older, NULL), 0);
    assert_int_equal(diffedit_options_read_record(&whole, &texts, json, NULL), 0);
    assert_true(whole.feather < 0);
    diffedit_free(texts);
    assert_int_equal(diffedit_options_read_record(&older, &texts, json, NULL), 0);
    diffedit_free(texts);
    diffedit_free(json);
    whole = initial("paper");
    whole.feather = 9;
    assert_int_equal(diffedit_options_record(&json, &whole, NULL), 0);
    assert_int_equal(diffedit_options_read_record(&older, &texts, json, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_non_null(strstr(error.message, "`feather`"));
    diffedit_free(json);
}

static void test_a_newer_program(void **state)
{
    (void)state;
    struct {
        diffedit_options options;
        double unknown;
    } newer;
    diffedit_error error;
    memset(&newer, 0xa5, sizeof newer);
    assert_int_equal(diffedit_options_init(&newer.options, sizeof newer, NULL, NULL, NULL), 0);
    assert_true(newer.unknown == 0);
    assert_int_equal(newer.options.struct_size, sizeof newer);
    assert_int_equal(diffedit_options_check(&newer.options, NULL), 0);
    newer.unknown = 1;
    assert_int_equal(diffedit_options_check(&newer.options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message,
                        "a diffedit_options with a field that diffedit " DE_VERSION
                        " does not have: the program was built against a newer version");
    newer.options.struct_size = SIZE_MAX;
    assert_int_equal(diffedit_options_check(&newer.options, NULL), DIFFEDIT_ERROR_ARGUMENT);
}

/* ---- the record ---- */

static void assert_same_values(const diffedit_options *a, const diffedit_options *b)
{
    const diffedit_option *row;
    for (size_t i = 0; (row = diffedit_option_at(i)); i++) {
        char of_a[256], of_b[256];
        diffedit_options_get(of_a, sizeof of_a, a, row->name);
        diffedit_options_get(of_b, sizeof of_b, b, row->name);
        assert_string_equal(of_a, of_b);
    }
}

static void assert_record_reads_back(const diffedit_options *options)
{
    char *json;
    void *texts;
    diffedit_options copy = initial("diffusers");
    assert_int_equal(diffedit_options_record(&json, options, NULL), DIFFEDIT_OK);
    for (const char *c = json; *c; c++)
        assert_in_range(*c, 32, 126);
    assert_int_equal(diffedit_options_read_record(&copy, &texts, json, NULL), DIFFEDIT_OK);
    assert_same_values(options, &copy);
    assert_memory_equal(&options->ratio, &copy.ratio, sizeof copy.ratio);
    diffedit_free(texts);
    diffedit_free(json);
}

static void test_record_round_trip(void **state)
{
    (void)state;
    for (const char *const *preset = diffedit_presets(); *preset; preset++) {
        diffedit_options options = initial(*preset);
        assert_record_reads_back(&options);
        options.from = "ein \"Pferd\"\n\\ \t 馬 🐴";
        options.to = "";
        options.negative = "x";
        options.seed = UINT64_MAX;
        options.ratio = 0.1 + 0.2;
        options.encode_guidance = -1.0 / 3;
        options.width = 512;
        options.height = 320;
        options.feather = 2.5;
        assert_record_reads_back(&options);
    }
}

static void test_record_text(void **state)
{
    (void)state;
    diffedit_options options = initial("notebook");
    char *json;
    options.from = "é";
    assert_int_equal(diffedit_options_record(&json, &options, NULL), DIFFEDIT_OK);
    assert_non_null(strstr(json, "\"diffedit\": \""));
    assert_non_null(strstr(json, "\"from\": \"\\u00E9\""));
    assert_non_null(strstr(json, "\"seed\": \"42\""));
    assert_non_null(strstr(json, "\"steps\": 30"));
    assert_non_null(strstr(json, "\"ratio\": 0.6666666666666666,"));
    assert_non_null(strstr(json, "\"guidance\": 0.15,"));
    assert_non_null(strstr(json, "\"size\": \"fit\""));
    diffedit_free(json);
}

static void test_record_refuses_to_write(void **state)
{
    (void)state;
    diffedit_options options = initial(NULL);
    diffedit_error error;
    char *json = NULL;
    options.from = "\xff";
    assert_int_equal(diffedit_options_record(&json, &options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`from` is not valid UTF-8");
    options.from = "";
    options.steps = -1;
    assert_int_equal(diffedit_options_record(&json, &options, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_null(json);
}

static void test_records_of_others(void **state)
{
    (void)state;
    diffedit_options options = initial(NULL);
    void *texts;
    static const char *const json = "{\"diffedit\": \"9.9\", \"model\": \"x\", \"new-option\": "
                                    "[1], \"steps\": 7, \"ratio\": \"1/2\", \"seed\": 5}";
    assert_int_equal(diffedit_options_read_record(&options, &texts, json, NULL), DIFFEDIT_OK);
    assert_int_equal(options.steps, 7);
    assert_int_equal(options.seed, 5);
    assert_true(options.ratio == 0.5);
    assert_true(options.guidance == 7.5);
    diffedit_free(texts);
}

static void test_hostile_records(void **state)
{
    (void)state;
    static const char *const hostile[] = {
        "",
        "{",
        "[]",
        "null",
        "\"diffedit\"",
        "{}",
        "{\"diffedit\": 1}",
        "\xff\xfe",
        "{\"diffedit\": \"1\",}",
        "{\"diffedit\": \"1\", \"steps\": 0}",
        "{\"diffedit\": \"1\", \"steps\": 1e300}",
        "{\"diffedit\": \"1\", \"steps\": 99999999999999999999}",
        "{\"diffedit\": \"1\", \"steps\": null}",
        "{\"diffedit\": \"1\", \"steps\": [50]}",
        "{\"diffedit\": \"1\", \"steps\": true}",
        "{\"diffedit\": \"1\", \"steps\": 50.5}",
        "{\"diffedit\": \"1\", \"from\": 5}",
        "{\"diffedit\": \"1\", \"from\": {}}",
        "{\"diffedit\": \"1\", \"from\": \"a\\u0000b\"}",
        "{\"diffedit\": \"1\", \"to\": null}",
        "{\"diffedit\": \"1\", \"seed\": -1}",
        "{\"diffedit\": \"1\", \"ratio\": 1e999}",
        "{\"diffedit\": \"1\", \"ratio\": -1e-308}",
        "{\"diffedit\": \"1\", \"scheduler\": 1}",
        "{\"diffedit\": \"1\", \"size\": 512}",
        "{\"diffedit\": \"1\", \"from\": \"kept\", \"mask-grow\": 5000}"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        diffedit_options options = initial(NULL), before = options;
        diffedit_error error = {.message = ""};
        void *texts = NULL;
        if (diffedit_options_read_record(&options, &texts, hostile[i], &error) !=
            DIFFEDIT_ERROR_FILE)
            fail_msg("not refused: %s", hostile[i]);
        assert_true(error.message[0] != '\0');
        assert_memory_equal(&options, &before, sizeof options);
        assert_null(texts);
    }
}

/* A record whose last value is `count` times a character. */
static void write_long_record(char *json, const char *beginning, int character, size_t count)
{
    size_t length = strlen(beginning);
    memcpy(json, beginning, length);
    memset(json + length, character, count);
    memcpy(json + length + count, "\"}", sizeof "\"}");
}

static void test_deep_and_long_records(void **state)
{
    (void)state;
    enum { SIZE = 1 << 20 };
    char *json = malloc(SIZE + 64);
    void *texts = NULL;
    diffedit_options options = initial(NULL);
    memset(json, '[', SIZE);
    json[SIZE] = '\0';
    assert_int_equal(diffedit_options_read_record(&options, &texts, json, NULL),
                     DIFFEDIT_ERROR_FILE);
    write_long_record(json, "{\"diffedit\": \"1\", \"steps\": \"", '9', SIZE);
    assert_int_equal(diffedit_options_read_record(&options, &texts, json, NULL),
                     DIFFEDIT_ERROR_FILE);
    write_long_record(json, "{\"diffedit\": \"1\", \"from\": \"", 'a', SIZE);
    assert_int_equal(diffedit_options_read_record(&options, &texts, json, NULL), DIFFEDIT_OK);
    assert_int_equal(strlen(options.from), SIZE);
    diffedit_free(texts);
    free(json);
}

/* ---- a host program's locale ---- */

/* A locale with a decimal comma, made on the spot: a bare Debian has none. */
static void make_comma_locale(const char *folder)
{
    char command[256];
    snprintf(
        command, sizeof command,
        "cd %s && printf 'LC_NUMERIC\\ndecimal_point \",\"\\nthousands_sep \".\"\\ngrouping 3;3\\n"
        "END LC_NUMERIC\\n' > source && localedef -c -i source ./comma 2>/dev/null",
        folder);
    (void)!system(
        command); /* localedef warns about what it was not given; setlocale() shows if it worked */
}

static void test_decimal_comma(void **state)
{
    char folder[] = "/tmp/test_options.XXXXXX", command[64];
    assert_non_null(mkdtemp(folder));
    make_comma_locale(folder);
    setenv("LOCPATH", folder, 1);
    assert_non_null(setlocale(LC_NUMERIC, "comma"));
    assert_string_equal(localeconv()->decimal_point, ",");
    test_ways_to_write_a_value(state);
    test_numbers_are_strict(state);
    test_record_round_trip(state);
    test_record_text(state);
    assert_string_equal(localeconv()->decimal_point, ",");
    setlocale(LC_NUMERIC, "C");
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_presets),
        cmocka_unit_test(test_init_refuses),
        cmocka_unit_test(test_every_default_reads_back),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_numbers_are_strict),
        cmocka_unit_test(test_ways_to_write_a_value),
        cmocka_unit_test(test_any_negative_feather_is_a_cell),
        cmocka_unit_test(test_get_counts_like_snprintf),
        cmocka_unit_test(test_doubles_are_exact),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_what_a_sampler_can),
        cmocka_unit_test(test_why_a_sampler_cannot),
        cmocka_unit_test(test_an_older_program),
        cmocka_unit_test(test_an_older_program_and_records),
        cmocka_unit_test(test_a_newer_program),
        cmocka_unit_test(test_record_round_trip),
        cmocka_unit_test(test_record_text),
        cmocka_unit_test(test_record_refuses_to_write),
        cmocka_unit_test(test_records_of_others),
        cmocka_unit_test(test_hostile_records),
        cmocka_unit_test(test_deep_and_long_records),
        cmocka_unit_test(test_decimal_comma),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
