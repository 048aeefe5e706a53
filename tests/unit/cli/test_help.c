/* What --help prints: one screen a command, and every option that the command takes. */
#include "cli/commands.h"
#include "cli/help.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SCREEN_LINES = 40, SCREEN_COLUMNS = 80 };

/* The help of a command, or (NULL) of the program; freed by the caller. */
static char *help_text(const cli_command *command, bool all)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    assert_non_null(stream);
    if (command)
        cli_help_command(stream, command, all);
    else
        cli_help_program(stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void expect_narrow(const char *text)
{
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        if (strcspn(line, "\n") > SCREEN_COLUMNS || line[strcspn(line, "\n")] != '\n')
            fail_msg("%.*s", (int)strcspn(line, "\n"), line);
}

static int count_lines(const char *text)
{
    int lines = 0;
    for (; (text = strchr(text, '\n')); text++)
        lines++;
    return lines;
}

static void test_the_program(void **state)
{
    (void)state;
    char *text = help_text(NULL, false), usage[200];
    assert_true(count_lines(text) <= SCREEN_LINES);
    expect_narrow(text);
    for (const cli_command *const *command = cli_commands; *command; command++) {
        snprintf(usage, sizeof usage, "\n  diffedit %s %s\n", (*command)->name, (*command)->usage);
        assert_non_null(strstr(text, usage));
        assert_non_null(strstr(text, (*command)->summary));
    }
    free(text);
}

static void test_one_screen_a_command(void **state)
{
    (void)state;
    for (const cli_command *const *command = cli_commands; *command; command++) {
        char *text = help_text(*command, false), example[64];
        assert_true(count_lines(text) <= SCREEN_LINES);
        expect_narrow(text);
        snprintf(example, sizeof example, "\n  diffedit %s ", (*command)->name);
        assert_non_null(strstr(text, example));
        assert_non_null(strstr(text, "--help-all: all options"));
        free(text);
    }
}

/* "  -o, --output " or "      --mask ", at the beginning of a line */
static bool shows(const char *text, const cli_option *option)
{
    char name[80];
    size_t length = (size_t)(option->letter
                                 ? snprintf(name, sizeof name, "\n  -%c, --%s", option->letter,
                                            option->name)
                                 : snprintf(name, sizeof name, "\n      --%s", option->name));
    for (const char *at = text; (at = strstr(at, name)); at++)
        if (at[length] == ' ' || at[length] == '\n')
            return true;
    return false;
}

static void test_every_option_is_shown(void **state)
{
    size_t count;
    const cli_option *table = cli_option_table(&count);
    (void)state;
    for (const cli_command *const *command = cli_commands; *command; command++) {
        char *some = help_text(*command, false), *all = help_text(*command, true);
        expect_narrow(all);
        for (size_t i = 0; i < count; i++) {
            bool takes = table[i].commands & (*command)->bit;
            if (!takes && cli_takes(*command, table[i].name))
                continue; /* by another row of that name */
            assert_int_equal(shows(all, &table[i]), takes);
            assert_int_equal(shows(some, &table[i]), takes && table[i].main);
        }
        free(some);
        free(all);
    }
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)); text++)
        count++;
    return count;
}

static void test_all_options_stand_in_groups(void **state)
{
    (void)state;
    static const char *const groups[] = {"\ntexts:\n", "\nfiles and program:\n", "\nregion:\n",
                                         "\nsampling:\n", "\nresult:\n"};
    char *text = help_text(&cli_edit, true), *at = text;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        assert_int_equal(count_of(text, groups[i]), 1);
        at = strstr(at, groups[i]); /* after the one before it */
        assert_non_null(at);
    }
    assert_non_null(strstr(at, "--feather"));
    free(text);
}

/* The words of a text with one space between any two. */
static void squeeze(char *text)
{
    char *to = text;
    for (const char *word = text; *word; word++)
        if ((*word != ' ' && *word != '\n') || (to > text && to[-1] != ' '))
            *to++ = *word == '\n' ? ' ' : *word;
    *to = '\0';
}

static void test_ranges_and_defaults(void **state)
{
    static const char *const parts[] = {
        "(1..999; default 50, notebook 30, fast 14, lcm 5, turbo 4)",
        "(0..2^64-1; default 42)",
        "(above 0..1; default 0.8, notebook 2/3, turbo 0.75)",
        "(cpu or cuda; default cpu)",
        "(sides 1..16384 or fit; default fit)",
        "(0..4096 or cell; default cell)",
        "(1..1024; default all cores)",
        "(1..1099511627776; default 2^28)",
        "(1..100; default 95)",
        "(default paper)",
    };
    (void)state;
    char *text = help_text(&cli_edit, true);
    squeeze(text);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (!strstr(text, parts[i]))
            fail_msg("no %s in %s", parts[i], text);
    /* a message of the library names a field, help the option */
    assert_null(strchr(text, '`'));
    free(text);
    text = help_text(&cli_edit, false); /* the default alone */
    squeeze(text);
    assert_non_null(strstr(text, " [50] "));
    assert_null(strstr(text, "notebook 30"));
    free(text);
}

/* The short help of --preset names them all. */
static void test_presets(void **state)
{
    size_t count, row = 0;
    const cli_option *table = cli_option_table(&count);
    (void)state;
    while (row < count && strcmp(table[row].name, "preset") != 0)
        row++;
    assert_true(row < count);
    for (const char *const *preset = diffedit_presets(); *preset; preset++) {
        const char *at = strstr(table[row].help, *preset);
        if (!at || at > strchr(table[row].help, ';'))
            fail_msg("no %s in %s", *preset, table[row].help);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_program),
                                       cmocka_unit_test(test_one_screen_a_command),
                                       cmocka_unit_test(test_every_option_is_shown),
                                       cmocka_unit_test(test_all_options_stand_in_groups),
                                       cmocka_unit_test(test_ranges_and_defaults),
                                       cmocka_unit_test(test_presets)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
