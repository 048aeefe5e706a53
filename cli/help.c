#include "help.h"

#include "commands.h"

#include <stdarg.h>
#include <string.h>

enum { COLUMN = 27, SCREEN_WIDTH = 80 };

void cli_help_program(FILE *stream)
{
    fputs("usage: diffedit COMMAND ...\n\n"
          "Change what a picture shows by saying so, and leave the rest of it alone.\n\n",
          stream);
    for (const cli_command *const *command = cli_commands; *command; command++)
        fprintf(stream, "  diffedit %s %s\n      %s\n", (*command)->name, (*command)->usage,
                (*command)->summary);
    fputs("\n  diffedit COMMAND --help     the main options of a command\n"
          "  diffedit COMMAND --help-all all of them, with ranges and defaults\n"
          "  diffedit --version\n",
          stream);
}

/* ---- what is said about one option ---- */

/* A text that grows, cut where it is full. */
typedef struct writing {
    char text[512];
    size_t length;
} writing;

static void add(writing *to, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(writing *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(to->text + to->length, sizeof to->text - to->length, format, arguments);
    va_end(arguments);
    to->length += strlen(to->text + to->length);
}

static void add_name(writing *to, const cli_option *option)
{
    const char *argument = option->argument;
    if (cli_library_row(option) && !argument)
        argument = cli_library_row(option)->argument;
    if (option->letter)
        add(to, "  -%c, --%s", option->letter, option->name);
    else
        add(to, "      --%s", option->name);
    if (argument)
        add(to, " %s", argument);
}

static void add_help(writing *to, const cli_option *option)
{
    add(to, "%s", option->help ? option->help : cli_library_row(option)->help);
    cli_add_dashes(to->text);
}

static const char *default_of(const cli_option *option)
{
    const diffedit_option *row = cli_library_row(option);
    const char *shown = row && !option->shown_default ? diffedit_option_default(row, NULL)
                                                      : option->shown_default;
    return shown && shown[0] ? shown : NULL;
}

static void add_library_range(writing *to, const diffedit_option *row)
{
    switch (row->type) {
    case DIFFEDIT_TYPE_TEXT: return;
    case DIFFEDIT_TYPE_SEED: add(to, "0..2^64-1"); break;
    case DIFFEDIT_TYPE_SIZE: add(to, "sides %.0f..%.0f", row->minimum, row->maximum); break;
    case DIFFEDIT_TYPE_INT:
    case DIFFEDIT_TYPE_REAL:
        add(to, row->minimum_excluded ? "above %.0f..%.0f" : "%.0f..%.0f", row->minimum,
            row->maximum);
        break;
    case DIFFEDIT_TYPE_CHOICE:
        for (int i = 0; row->choices[i]; i++)
            add(to, "%s%s", i ? " or " : "", row->choices[i]);
        break;
    }
    if (row->word)
        add(to, " or %s", row->word);
    add(to, "; ");
}

/* "(1..999; default 50, notebook 30, fast 14)" */
static void add_range_and_defaults(writing *to, const cli_option *option)
{
    const diffedit_option *row = cli_library_row(option);
    if (option->kind == CLI_WHOLE)
        add(to, " (%jd..%jd; default %s)", (intmax_t)option->minimum, (intmax_t)option->maximum,
            option->shown_default);
    else if (option->kind == CLI_DEVICE)
        add(to, " (cpu or auto or gpu; default %s)", option->shown_default);
    else if (!row && default_of(option))
        add(to, " (default %s)", default_of(option));
    if (!row || !default_of(option))
        return;
    add(to, " (");
    add_library_range(to, row);
    add(to, "default %s", default_of(option));
    for (const char *const *preset = diffedit_presets(); *preset && !option->shown_default;
         preset++) {
        const char *value = diffedit_option_default(row, *preset);
        if (strcmp(value, default_of(option)) != 0)
            add(to, ", %s %s", *preset, value);
    }
    add(to, ")");
}

/* The first clause of the help line and the default. */
static void print_short(FILE *stream, const cli_option *option)
{
    writing name = {.length = 0}, help = {.length = 0};
    const char *shown = default_of(option);
    add_name(&name, option);
    add_help(&help, option);
    fprintf(stream, "%-*s%.*s", COLUMN, name.text, (int)strcspn(help.text, ";"), help.text);
    if (shown)
        fprintf(stream, " [%s]", shown);
    fputc('\n', stream);
}

/* All there is to say, in lines that fit the screen. */
static void print_long(FILE *stream, const cli_option *option)
{
    writing name = {.length = 0}, about = {.length = 0};
    add_name(&name, option);
    add_help(&about, option);
    add_range_and_defaults(&about, option);
    fprintf(stream, "%-*s", COLUMN, name.text);
    size_t column = name.length < COLUMN ? COLUMN : name.length;
    for (char *word = strtok(about.text, " "); word; word = strtok(NULL, " ")) {
        if (column + 1 + strlen(word) > SCREEN_WIDTH) {
            fprintf(stream, "\n%*s", COLUMN, "");
            column = COLUMN;
        }
        column += (size_t)fprintf(stream, column == COLUMN ? "%s" : " %s", word);
    }
    fputc('\n', stream);
}

/* The main options, in the order of the table. */
static void print_main(FILE *stream, const cli_command *command)
{
    size_t count;
    const cli_option *table = cli_option_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].commands & command->bit && table[i].main)
            print_short(stream, &table[i]);
}

static const char *group_of(const cli_option *option)
{
    const diffedit_option *row = cli_library_row(option);
    return row ? row->group : "files and program";
}

/* All options, group by group, each as far up as its first option is in the table. */
static void print_groups(FILE *stream, const cli_command *command)
{
    size_t count;
    const cli_option *table = cli_option_table(&count);
    const char *printed[16] = {NULL};
    for (size_t i = 0; i < count; i++) {
        const char *group = group_of(&table[i]);
        size_t known = 0;
        while (printed[known] && strcmp(printed[known], group) != 0)
            known++;
        if (printed[known] || !(table[i].commands & command->bit))
            continue;
        printed[known] = group;
        fprintf(stream, "%s:\n", group);
        for (size_t j = i; j < count; j++)
            if (table[j].commands & command->bit && strcmp(group_of(&table[j]), group) == 0)
                print_long(stream, &table[j]);
    }
}

void cli_help_command(FILE *stream, const cli_command *command, bool all)
{
    fprintf(stream, "usage: diffedit %s %s\n%s\n\n", command->name, command->usage,
            command->summary);
    (all ? print_groups : print_main)(stream, command);
    fprintf(stream, "\n%s", command->examples);
    if (!all)
        fprintf(stream, "\ndiffedit %s --help-all: all options, with ranges and defaults\n",
                command->name);
}
