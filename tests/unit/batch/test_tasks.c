/* Tasks: their texts, names and options; and whose part of a list is whose. */
#include "batch/batch.h"
#include "batch/task.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const task_files one_picture = {.picture = "0123456789abcdef0123456789abcdef"};

static void give(batch_line *line, const char *name, const char *value)
{
    assert_int_equal(line_set(line, line_field(name), value, strlen(value), NULL), DIFFEDIT_OK);
}

/* A line of names and values, NULL at the end. */
static batch_line make_line(const char *const *words)
{
    batch_line line = {.number = 1};
    for (; *words; words += 2)
        give(&line, words[0], words[1]);
    return line;
}

static task_text make(const char *const *words, const char *const *defaults)
{
    diffedit_error error;
    task_text made;
    batch_line line = make_line(words), under = make_line(defaults);
    if (task_make(&made, &line, &under, &one_picture, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    line_clear(&line);
    line_clear(&under);
    return made;
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NOTHING ((const char *const[]){NULL})

static void a_text_is_canonical(void **state)
{
    (void)state;
    task_text made = make(WORDS("picture", "a.png", "to", "x", "mask-threshold", "0.40", "ratio",
                                "2/4", "seed", "0x10"),
                          WORDS("steps", "020", "mask-threshold", "0.3"));
    assert_string_equal(made.text, "{\"options\":{\"mask-threshold\":\"0.4\",\"ratio\":\"0.5\","
                                   "\"seed\":\"16\",\"steps\":\"20\",\"to\":\"x\"},\"picture\":"
                                   "\"0123456789abcdef0123456789abcdef\"}");
    assert_string_equal(made.id, "fb2671e5932affb9"); /* names of results never change */
    free(made.text);
}

static void the_same_line_has_the_same_name(void **state)
{
    (void)state;
    task_text a = make(WORDS("picture", "a.png", "to", "x", "steps", "20"), NOTHING);
    task_text b = make(WORDS("picture", "elsewhere/b.png", "to", "x"),
                       WORDS("steps", "020", "preset", "paper"));
    assert_string_equal(a.id, b.id);
    free(b.text);
    b = make(WORDS("picture", "a.png", "to", "x", "steps", "20", "preset", "fast"), NOTHING);
    assert_string_not_equal(a.id, b.id);
    free(a.text);
    free(b.text);
}

static void kin_share_what_is_slow(void **state)
{
    (void)state;
    task_text a = make(WORDS("picture", "p", "from", "f", "to", "x"), NOTHING);
    task_text b = make(WORDS("picture", "p", "from", "f", "to", "x", "mask-grow", "4",
                             "mask-filter", "bilateral", "mask-refine", "on", "mask-fill", "on"),
                       NOTHING);
    task_text c = make(WORDS("picture", "p", "from", "f", "to", "y"), NOTHING);
    task_text d = make(WORDS("picture", "p", "from", "f", "to", "x", "steps", "20"), NOTHING);
    const size_t of_to = strlen(" 0123456789abcdef 0123456789abcdef ");
    assert_string_equal(a.kin, b.kin);
    assert_string_not_equal(a.kin, c.kin);
    assert_memory_equal(a.kin, c.kin, of_to);
    assert_memory_not_equal(a.kin, d.kin, of_to);
    free(d.text);
    free(a.text);
    free(b.text);
    free(c.text);
}

static void expect_refused(const char *const *words, const char *sentence)
{
    diffedit_error error = {.message = ""};
    task_text made;
    batch_line line = make_line(words), under = {.number = 0};
    assert_int_equal(task_make(&made, &line, &under, &one_picture, &error),
                     DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, sentence);
    assert_null(made.text);
    line_clear(&line);
}

static void lines_that_are_no_tasks_are_refused(void **state)
{
    (void)state;
    expect_refused(WORDS("picture", "a.png"), "has no `to`; it may be empty");
    expect_refused(WORDS("to", "x"), "has no `picture`");
    expect_refused(WORDS("picture", "a.png", "to", "x", "steps", "0"),
                   "`steps`: expected a whole number from 1 to 999, found \"0\"");
    expect_refused(WORDS("picture", "a.png", "to", "x", "preset", "quick"),
                   "`preset`: expected one of paper, notebook, diffusers, fast, lcm, turbo, found "
                   "\"quick\"");
}

static void a_task_has_its_options(void **state)
{
    (void)state;
    json_t *task;
    diffedit_options options;
    task_text made = make(WORDS("picture", "a.png", "to", "x", "steps", "7", "preset", "fast"),
                          NOTHING);
    assert_int_equal(task_read(&task, made.text, NULL), DIFFEDIT_OK);
    assert_int_equal(task_options(&options, task, NULL, NULL), DIFFEDIT_OK);
    assert_int_equal(options.steps, 7);
    assert_string_equal(options.to, "x");
    assert_int_equal(options.scheduler, DIFFEDIT_SCHEDULER_DPMPP_2M);
    json_decref(task);
    free(made.text);
}

/* Whatever a queue holds. */
static void texts_that_are_no_tasks_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"options\":{}}",
        "{\"options\":{},\"picture\":\"../x\"}",
        "{\"options\":{},\"picture\":7}",
        "{\"options\":[],\"picture\":\"0123456789abcdef0123456789abcdef\"}",
    };
    json_t *task;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(task_read(&task, wrong[i], NULL), DIFFEDIT_ERROR_FILE);
    diffedit_options options;
    diffedit_error error;
    const char *text =
        "{\"options\":{\"steps\":7},\"picture\":\"0123456789abcdef0123456789abcdef\"}";
    assert_int_equal(task_read(&task, text, NULL), DIFFEDIT_OK);
    assert_int_equal(task_options(&options, task, NULL, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, "`steps`: expected a text");
    json_decref(task);
}

static void files_are_known_by_their_bytes(void **state)
{
    (void)state;
    char of_file[TASK_HASH], of_bytes[TASK_HASH];
    diffedit_error error;
    assert_int_equal(task_hash_file(of_file, scratch_write_text("abc", "abc"), NULL, &error),
                     DIFFEDIT_OK);
    task_hash(of_bytes, "abc", 3);
    assert_string_equal(of_file, of_bytes);
    assert_string_equal(of_file, "ba7816bf8f01cfea414140de5dae2223");
    assert_int_equal(task_hash_file(of_file, "/dev/zero", NULL, &error), DIFFEDIT_ERROR_FILE);
    assert_string_equal(error.message, "/dev/zero: is not a file");
}

/* ---- shards ---- */

static void expect_shard(const char *text, int shard, int shards)
{
    int own, all;
    diffedit_error error;
    if (batch_shard(&own, &all, text, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    assert_int_equal(own, shard);
    assert_int_equal(all, shards);
}

static void expect_no_shard(const char *text, const char *sentence)
{
    int own, all;
    diffedit_error error;
    assert_int_equal(batch_shard(&own, &all, text, &error), DIFFEDIT_ERROR_ARGUMENT);
    assert_string_equal(error.message, sentence);
}

static void shards_are_counted_from_one(void **state)
{
    (void)state;
    expect_shard("1/1", 1, 1);
    expect_shard("3/8", 3, 8);
    expect_no_shard("0/8", "`shard`: expected I/N with I from 1 to N, slurm or kubernetes, found "
                           "\"0/8\"");
    expect_no_shard("9/8", "`shard`: expected I/N with I from 1 to N, slurm or kubernetes, found "
                           "\"9/8\"");
    expect_no_shard("2", "`shard`: expected I/N with I from 1 to N, slurm or kubernetes, found "
                         "\"2\"");
    expect_no_shard("1/8x", "`shard`: expected I/N with I from 1 to N, slurm or kubernetes, found "
                            "\"1/8x\"");
}

static void slurm_says_which_shard(void **state)
{
    (void)state;
    unsetenv("SLURM_ARRAY_TASK_ID");
    expect_no_shard("slurm", "`shard` slurm: SLURM_ARRAY_TASK_ID is not set; is this a task of an "
                             "array job?");
    setenv("SLURM_ARRAY_TASK_ID", "12", 1);
    setenv("SLURM_ARRAY_TASK_MIN", "10", 1);
    setenv("SLURM_ARRAY_TASK_COUNT", "4", 1);
    expect_shard("slurm", 3, 4);
    setenv("SLURM_ARRAY_TASK_STEP", "2", 1);
    expect_shard("slurm", 2, 4);
    setenv("SLURM_ARRAY_TASK_ID", "11", 1);
    expect_no_shard("slurm", "`shard` slurm: expected an array of evenly spaced tasks, such as "
                             "0-7, found task 11 of 4 that begin with 10");
}

static void kubernetes_says_which_shard(void **state)
{
    (void)state;
    setenv("JOB_COMPLETION_INDEX", "0", 1);
    unsetenv("JOB_COMPLETIONS");
    expect_no_shard("kubernetes", "`shard` kubernetes: JOB_COMPLETIONS is not set; is this a task "
                                  "of an array job?");
    setenv("JOB_COMPLETIONS", "8", 1);
    expect_shard("kubernetes", 1, 8);
    setenv("JOB_COMPLETION_INDEX", "8", 1);
    expect_no_shard("kubernetes", "`shard` kubernetes: expected JOB_COMPLETION_INDEX below "
                                  "JOB_COMPLETIONS, found 8 and 8");
    setenv("JOB_COMPLETION_INDEX", "one", 1);
    expect_no_shard("kubernetes", "`shard` kubernetes: expected a whole number in "
                                  "JOB_COMPLETION_INDEX, found \"one\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_canonical),
        cmocka_unit_test(the_same_line_has_the_same_name),
        cmocka_unit_test(kin_share_what_is_slow),
        cmocka_unit_test(lines_that_are_no_tasks_are_refused),
        cmocka_unit_test(a_task_has_its_options),
        cmocka_unit_test(texts_that_are_no_tasks_are_refused),
        cmocka_unit_test(files_are_known_by_their_bytes),
        cmocka_unit_test(shards_are_counted_from_one),
        cmocka_unit_test(slurm_says_which_shard),
        cmocka_unit_test(kubernetes_says_which_shard),
    };
    scratch_make();
    int failed = cmocka_run_group_tests_name("tasks", tests, NULL, NULL);
    scratch_remove();
    return failed;
}
