/* What is said while something runs: lines, bars, warnings, rates. */
#define _XOPEN_SOURCE 700 /* for a terminal of our own */
#include "cli/progress.h"
#include "cli/transfer.h"
#include "scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- standard error, in a file for a while ---- */

static int kept_stderr = -1;

static void catch_stderr(void)
{
    fflush(stderr);
    kept_stderr = dup(STDERR_FILENO);
    assert_true(kept_stderr >= 0);
    assert_non_null(freopen(scratch_path("stderr"), "w", stderr));
}

/* What was written since; static storage. */
static const char *release_stderr(void)
{
    static char text[4096];
    fflush(stderr);
    assert_true(dup2(kept_stderr, STDERR_FILENO) >= 0);
    close(kept_stderr);
    FILE *file = fopen(scratch_path("stderr"), "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

/* ---- stages ---- */

static cli_progress start(bool quiet, bool verbose, bool terminal)
{
    cli_progress progress;
    diffedit_error error;
    assert_int_equal(cli_progress_start(&progress, quiet, verbose, &error), DIFFEDIT_OK);
    progress.terminal = terminal;
    return progress;
}

/* All the steps of a stage; each of them took so many seconds. */
static void run_stage(cli_progress *progress, diffedit_stage_id stage, int total, double seconds)
{
    for (int done = 0; done <= total; done++) {
        assert_int_equal(cli_progress_step(progress, stage, done, total), 0);
        progress->began -= seconds;
        progress->last -= seconds;
    }
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

static void test_ten_lines_a_stage(void **state)
{
    int half, total, end = 0;
    double step, seconds;
    (void)state;
    catch_stderr();
    cli_progress progress = start(false, false, false);
    run_stage(&progress, DIFFEDIT_STAGE_DENOISE, 40, 2);
    cli_progress_free(&progress);
    const char *text = release_stderr();
    assert_int_equal(count_of(text, "\n"), 10);
    assert_int_equal(count_of(text, "denoise "), 10);
    const char *middle = strstr(text, "denoise    20/40");
    assert_non_null(middle);
    assert_int_equal(
        sscanf(middle, "denoise %d/%d %lf s/step  0:00 left\n%n", &half, &total, &step, &end), 3);
    assert_true(end > 0 && step >= 2 && step < 3);
    assert_int_equal(sscanf(strstr(text, "denoise    40/40"), "denoise %d/%d %lf s/step %lf s\n",
                            &half, &total, &step, &seconds),
                     4);
    assert_true(seconds >= 80 && seconds < 120);
}

/* The seconds that are left to the end of all stages, after so many of a step. */
static double seconds_left(diffedit_stage_id stage, int done, int total, double elapsed)
{
    static const double costs[CLI_STAGES] = {[DIFFEDIT_STAGE_ENCODE] = 1,
                                             [DIFFEDIT_STAGE_MAP] = 20,
                                             [DIFFEDIT_STAGE_INVERT] = 39,
                                             [DIFFEDIT_STAGE_DENOISE] = 58,
                                             [DIFFEDIT_STAGE_DECODE] = 2};
    int hours = 0, minutes = 0, seconds = 0;
    catch_stderr();
    cli_progress progress = start(false, true, false);
    cli_progress_plan(&progress, costs);
    progress.opened -= elapsed;
    cli_progress_step(&progress, stage, done, total);
    cli_progress_free(&progress);
    const char *left = strstr(release_stderr(), "s/step  ");
    assert_non_null(left);
    if (sscanf(left, "s/step %d:%d:%d left", &hours, &minutes, &seconds) != 3) {
        hours = 0;
        assert_int_equal(sscanf(left, "s/step %d:%d left", &minutes, &seconds), 2);
    }
    return 3600 * hours + 60 * minutes + seconds;
}

static void expect_near(double found, double expected)
{
    if (found < expected - 1 || found > 1.05 * expected + 2)
        fail_msg("%g s are left; expected %g s", found, expected);
}

static void test_the_time_left_is_that_of_all_stages(void **state)
{
    (void)state;
    expect_near(seconds_left(DIFFEDIT_STAGE_MAP, 9, 20, 10), 110); /* 1 + 9 of 120 are done */
    expect_near(seconds_left(DIFFEDIT_STAGE_INVERT, 13, 39, 34), 86);
    expect_near(seconds_left(DIFFEDIT_STAGE_DENOISE, 57, 58, 117), 3);
    expect_near(seconds_left(DIFFEDIT_STAGE_MAP, 9, 20, 1000), 11000); /* hours */
    assert_true(seconds_left(DIFFEDIT_STAGE_COMPOSITE, 1, 2, 100) == 0);
}

static void test_few_steps_and_one(void **state)
{
    (void)state;
    catch_stderr();
    cli_progress progress = start(false, false, false);
    run_stage(&progress, DIFFEDIT_STAGE_MAP, 3, 0);
    run_stage(&progress, DIFFEDIT_STAGE_DECODE, 1, 0);
    run_stage(&progress, DIFFEDIT_STAGE_ENCODE, 0, 0); /* which has no steps */
    cli_progress_free(&progress);
    const char *text = release_stderr();
    assert_int_equal(count_of(text, "\n"), 4);
    assert_int_equal(count_of(text, "map         1/3 "), 1);
    assert_int_equal(count_of(text, "map         2/3 "), 1);
    assert_int_equal(count_of(text, "map         3/3 "), 1);
    assert_int_equal(count_of(text, "decode      1/1 "), 1);
}

static void test_quiet_and_verbose(void **state)
{
    (void)state;
    catch_stderr();
    cli_progress progress = start(true, false, false);
    run_stage(&progress, DIFFEDIT_STAGE_MAP, 40, 0);
    cli_progress_free(&progress);
    assert_string_equal(release_stderr(), "");
    catch_stderr();
    progress = start(false, true, false);
    run_stage(&progress, DIFFEDIT_STAGE_MAP, 40, 0);
    cli_progress_free(&progress);
    assert_int_equal(count_of(release_stderr(), "\n"), 40);
}

/* A stage that first speaks after a step began when the stage before it ended. */
static void test_a_stage_without_a_beginning(void **state)
{
    double step = 0;
    (void)state;
    catch_stderr();
    cli_progress progress = start(false, true, false);
    run_stage(&progress, DIFFEDIT_STAGE_MAP, 1, 0);
    progress.last -= 8;
    cli_progress_step(&progress, DIFFEDIT_STAGE_INVERT, 1, 2);
    cli_progress_free(&progress);
    const char *line = strstr(release_stderr(), "invert");
    assert_non_null(line);
    assert_int_equal(sscanf(line, "invert 1/2 %lf s/step", &step), 1);
    assert_true(step >= 8 && step < 60);
}

static void test_a_bar(void **state)
{
    (void)state;
    catch_stderr();
    cli_progress progress = start(false, false, true);
    cli_progress_step(&progress, DIFFEDIT_STAGE_MAP, 0, 4);
    cli_progress_step(&progress, DIFFEDIT_STAGE_MAP, 1, 4);
    cli_progress_log(&progress, DIFFEDIT_LOG_WARNING, "careful");
    cli_progress_step(&progress, DIFFEDIT_STAGE_MAP, 4, 4);
    cli_progress_step(&progress, DIFFEDIT_STAGE_DENOISE, 0, 4);
    cli_progress_end_line(&progress); /* where a run broke off */
    cli_progress_end_line(&progress);
    cli_progress_free(&progress);
    const char *text = release_stderr();
    assert_non_null(strstr(text, "\r\033[Kmap       [........................]   0/4 "));
    assert_non_null(strstr(text, "\r\033[Kmap       [######..................]   1/4 "));
    assert_non_null(strstr(text, " left\ndiffedit: warning: careful\n\r\033[K"));
    assert_non_null(strstr(text, "\r\033[Kmap       [########################]   4/4 "));
    assert_int_equal(count_of(text, "\n"), 4);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

/* What two bars look like on a terminal of so many columns; static storage. */
static const char *on_a_terminal(unsigned short columns)
{
    static char text[1024];
    static const char end[] = "END";
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    diffedit_error error;
    cli_progress progress;
    int master = posix_openpt(O_RDWR | O_NOCTTY), kept = dup(STDERR_FILENO);
    assert_true(master >= 0 && kept >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int terminal = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0 && ioctl(terminal, TIOCSWINSZ, &size) == 0);
    fflush(stderr);
    assert_true(dup2(terminal, STDERR_FILENO) >= 0);
    close(terminal);
    diffedit_status status = cli_progress_start(&progress, false, false, &error);
    cli_progress_step(&progress, DIFFEDIT_STAGE_COMPOSITE, 500, 1000);
    cli_progress_step(&progress, DIFFEDIT_STAGE_COMPOSITE, 1000, 1000);
    bool is_terminal = progress.terminal;
    cli_progress_free(&progress);
    fputs(end, stderr);
    fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    assert_true(status == DIFFEDIT_OK && is_terminal);
    size_t length = 0;
    do {
        ssize_t count = read(master, text + length, sizeof text - 1 - length);
        assert_true(count > 0);
        length += (size_t)count;
        text[length] = '\0';
    } while (!strstr(text, end));
    close(master);
    return text;
}

/* A line that is full would be broken, and could not be drawn over. */
static void test_bars_that_fit_the_terminal(void **state)
{
    static const struct {
        unsigned short columns;
        const char *half; /* but for its times */
    } cases[] = {{200, "composite [############............] 500/1000  "},
                 {80, "composite [############............] 500/1000  "},
                 {60, "composite ["},
                 {40, "composite [#"},
                 {35, "composite 500/1000  0:00 left"},
                 {20, "composite 500/1000 "},
                 {5, "comp"},
                 {0, "composite [############............] 500/1000  "}}; /* not known */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *text = on_a_terminal(cases[i].columns);
        size_t most = cases[i].columns ? cases[i].columns - 1u : 79, lines = 0;
        for (const char *line = text; (line = strstr(line, "\r\033[K")); lines++) {
            line += strlen("\r\033[K");
            if (strcspn(line, "\r\n") > most ||
                (lines == 0 && strncmp(line, cases[i].half, strlen(cases[i].half)) != 0))
                fail_msg("%d columns: %s", cases[i].columns, line);
        }
        assert_int_equal(lines, 2);
    }
}

static void test_warnings_are_kept(void **state)
{
    (void)state;
    catch_stderr();
    cli_progress progress = start(true, false, false);
    cli_progress_log(&progress, DIFFEDIT_LOG_WARNING, "first \xc3\xa9");
    cli_progress_log(&progress, DIFFEDIT_LOG_INFO, "quiet has no such lines");
    cli_progress_log(&progress, DIFFEDIT_LOG_WARNING, "second");
    assert_int_equal(json_array_size(progress.warnings), 2);
    assert_string_equal(json_string_value(json_array_get(progress.warnings, 0)), "first \xc3\xa9");
    cli_progress_free(&progress);
    assert_string_equal(release_stderr(),
                        "diffedit: warning: first \xc3\xa9\ndiffedit: warning: second\n");
    catch_stderr();
    progress = start(false, false, false);
    cli_progress_log(&progress, DIFFEDIT_LOG_INFO, "more");
    assert_int_equal(json_array_size(progress.warnings), 0);
    cli_progress_free(&progress);
    assert_string_equal(release_stderr(), "diffedit: more\n");
}

/* ---- transfers ---- */

static void test_bytes(void **state)
{
    static const struct {
        int64_t bytes;
        const char *text;
    } cases[] = {{0, "0 B"},
                 {999, "999 B"},
                 {1000, "1.0 kB"},
                 {999949, "999.9 kB"},
                 {999950, "1.0 MB"},
                 {1704000000, "1.7 GB"},
                 {INT64_C(5000000000000000), "5000.0 TB"},
                 {INT64_MAX, "9223372.0 TB"}};
    char text[16];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cli_format_bytes(text, cases[i].bytes);
        assert_string_equal(text, cases[i].text);
    }
}

static void test_a_transfer(void **state)
{
    cli_transfer transfer;
    (void)state;
    catch_stderr();
    cli_transfer_start(&transfer, "a/file", false);
    transfer.terminal = false;
    for (int64_t done = 0; done <= 2000; done += 40)
        assert_int_equal(cli_transfer_step(&transfer, done, 2000), 0);
    cli_transfer_end(&transfer);
    const char *text = release_stderr();
    assert_int_equal(count_of(text, "\n"), 10);
    assert_int_equal(count_of(text, "a/file "), 10);
    assert_non_null(strstr(text, "  10 % of   2.0 kB "));
    assert_non_null(strstr(text, " 100 % of   2.0 kB "));
    catch_stderr();
    cli_transfer_start(&transfer, "a/file", true);
    cli_transfer_step(&transfer, 0, 10);
    cli_transfer_step(&transfer, 10, 10);
    cli_transfer_end(&transfer);
    assert_string_equal(release_stderr(), "");
}

/* The rate counts what came now, not what an earlier run left. */
static void test_a_transfer_that_goes_on(void **state)
{
    cli_transfer transfer;
    double rate = 0;
    (void)state;
    catch_stderr();
    cli_transfer_start(&transfer, "x", false);
    transfer.terminal = true;
    cli_transfer_step(&transfer, 500000, 1000000);
    transfer.began -= 10;
    transfer.last -= 10;
    cli_transfer_step(&transfer, 600000, 1000000);
    cli_transfer_end(&transfer);
    const char *line = strstr(release_stderr(), " 60 % of   1.0 MB ");
    assert_non_null(line);
    assert_int_equal(sscanf(line, " 60 %% of 1.0 MB %lf kB/s", &rate), 1);
    assert_true(rate > 1 && rate <= 10);
    assert_int_equal(line[strlen(line) - 1], '\n');
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ten_lines_a_stage),
                                       cmocka_unit_test(test_few_steps_and_one),
                                       cmocka_unit_test(test_quiet_and_verbose),
                                       cmocka_unit_test(test_the_time_left_is_that_of_all_stages),
                                       cmocka_unit_test(test_a_stage_without_a_beginning),
                                       cmocka_unit_test(test_a_bar),
                                       cmocka_unit_test(test_bars_that_fit_the_terminal),
                                       cmocka_unit_test(test_warnings_are_kept),
                                       cmocka_unit_test(test_bytes),
                                       cmocka_unit_test(test_a_transfer),
                                       cmocka_unit_test(test_a_transfer_that_goes_on)};
    scratch_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
