/* The parser of the command line: `--name VALUE`, `--name=VALUE`, `-n VALUE`, `-nVALUE`, flags,
 * `--`. */
#include "arguments.h"

#include "commands.h"
#include "fail.h"

#include "common/near_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

/* ---- the nearest known name, for those who mistyped ---- */

static const char *nearest_option(const cli_command *command, const char *typed, size_t length)
{
    size_t count, best = SIZE_MAX;
    const cli_option *table = cli_option_table(&count);
    const char *nearest = "";
    for (size_t i = 0; i < count; i++) {
        size_t found = de_name_distance(typed, length, table[i].name);
        if (table[i].commands & command->bit && found < best) {
            best = found;
            nearest = table[i].name;
        }
    }
    return nearest;
}

enum { NEAR = 3 }; /* edits at most between a mistyped command and what was meant */

/* Whether a word in a command's place is rather what the command is to work on. */
static bool is_file(const char *name)
{
    return strpbrk(name, "./") || access(name, F_OK) == 0;
}

static bool is_model(const char *name)
{
    const char *ending = strrchr(name, '.');
    return ending && (strcmp(ending, ".safetensors") == 0 || strcmp(ending, ".ckpt") == 0);
}

static diffedit_status fail_unknown_command(const char *name, const char *nearest,
                                            diffedit_error *error)
{
    if (is_file(name))
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "%.200s is not a command; did you mean: diffedit %s %.200s ...?", name,
                        is_model(name) ? cli_model_info.name : cli_edit.name, name);
    if (strcmp(name, "help") == 0 || strcmp(name, "version") == 0)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "unknown command \"%s\"; did you mean: diffedit --%s?", name, name);
    if (!nearest)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "unknown command \"%.80s\"; `diffedit --help` lists them", name);
    return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                    "unknown command \"%.80s\"; did you mean \"%s\"?", name, nearest);
}

static diffedit_status find_named(const cli_command **command, const char *name,
                                  diffedit_error *error)
{
    size_t best = NEAR + 1;
    const char *nearest = NULL;
    for (const cli_command *const *known = cli_commands; *known; known++) {
        const char *full = (*known)->name;
        if (strcmp(name, full) == 0) {
            *command = *known;
            return DIFFEDIT_OK;
        }
        size_t found = de_name_distance(name, strlen(name), full);
        if (found < best) {
            best = found;
            nearest = full;
        }
    }
    return fail_unknown_command(name, nearest, error);
}

diffedit_status cli_command_find(const cli_command **command, int *words, int count, char **values,
                                 diffedit_error *error)
{
    char name[2 * DE_LONGEST_NAME];
    if (values[0][0] == '-')
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "expected a command before %.80s; did you mean: diffedit edit %.80s ...?",
                        values[0], values[0]);
    *words = strcmp(values[0], "model") == 0 ? 2 : 1;
    if (*words == 1)
        return find_named(command, values[0], error);
    if (count < 2 || values[1][0] == '-')
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "expected info, check, convert or pull after model; see `diffedit --help`");
    snprintf(name, sizeof name, "%s %.*s", values[0], DE_LONGEST_NAME, values[1]);
    return find_named(command, name, error);
}

/* ---- values ---- */

static diffedit_status draw_seed(cli_arguments *arguments, diffedit_error *error)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        return cli_fail(error, DIFFEDIT_ERROR_FILE, "cannot get a random seed: %s",
                        strerror(errno));
    snprintf(arguments->random_seed, sizeof arguments->random_seed, "%ju", (uintmax_t)seed);
    return DIFFEDIT_OK;
}

static diffedit_status give_library(cli_arguments *arguments, const cli_option *option,
                                    const char *value, diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    if (cli_library_row(option)->type == DIFFEDIT_TYPE_SEED) {
        arguments->random_seed[0] = '\0';
        if (strcmp(value, "random") == 0 || strcmp(value, "-1") == 0) {
            status = draw_seed(arguments, error);
            value = arguments->random_seed;
        }
    }
    arguments->given[arguments->given_count++] = (cli_given){option->name, value};
    return status;
}

static diffedit_status give_whole(int64_t *field, const cli_option *option, const char *value,
                                  diffedit_error *error)
{
    errno = 0;
    long long number = strtoll(value, NULL, 10);
    if (!value[0] || strspn(value, "0123456789") != strlen(value) || errno ||
        number < option->minimum || number > option->maximum)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "--%s: expected a whole number from %jd to %jd, found \"%.80s\"",
                        option->name, (intmax_t)option->minimum, (intmax_t)option->maximum, value);
    *field = number;
    return DIFFEDIT_OK;
}

static diffedit_status give_text(cli_texts *field, const char *value, diffedit_error *error)
{
    const char **grown = realloc(field->rows, (field->count + 1) * sizeof *grown);
    if (!grown)
        return cli_fail_memory(error);
    field->rows = grown;
    field->rows[field->count++] = value;
    return DIFFEDIT_OK;
}

static diffedit_status give(cli_arguments *arguments, const cli_option *option, const char *value,
                            diffedit_error *error)
{
    void *field = (char *)arguments + option->offset;
    switch (option->kind) {
    case CLI_LIBRARY: return give_library(arguments, option, value, error);
    case CLI_WHOLE: return give_whole(field, option, value, error);
    case CLI_TEXT:
    case CLI_TEXTS:
        if (!value[0])
            return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--%s: expected a %s, found \"\"",
                            option->name, option->argument);
        if (option->kind == CLI_TEXTS)
            return give_text(field, value, error);
        *(const char **)field = value;
        return DIFFEDIT_OK;
    case CLI_SETTING:
        *(const char **)field = value;
        return diffedit_arithmetic_read(&(diffedit_arithmetic){0}, value, error);
    case CLI_DEVICE:
        *(const char **)field = value;
        return diffedit_device_read(&(diffedit_device){0}, value, error);
    case CLI_FLAG: *(bool *)field = true; return DIFFEDIT_OK;
    case CLI_LORAS: return cli_loras_add(field, value, error);
    }
    return DIFFEDIT_OK;
}

/* ---- words ---- */

/* What stands in one word of the command line before its value. */
typedef struct word {
    const char *name; /* without the dashes */
    size_t length;
    const char *attached; /* the value in the same word, or NULL */
    bool is_short;
} word;

static word split(const char *text)
{
    if (text[1] != '-')
        return (word){text + 1, 1, text[2] ? text + 2 : NULL, true};
    size_t length = strcspn(text + 2, "=");
    return (word){text + 2, length, text[2 + length] ? text + 2 + length + 1 : NULL, false};
}

static bool matches(const cli_option *option, word found)
{
    return found.is_short ? option->letter == found.name[0]
                          : strlen(option->name) == found.length &&
                                strncmp(option->name, found.name, found.length) == 0;
}

static diffedit_status find_option(const cli_option **option, const cli_command *command,
                                   word found, diffedit_error *error)
{
    size_t count;
    const cli_option *table = cli_option_table(&count);
    const char *dashes = found.is_short ? "-" : "--";
    int shown = found.length < 80 ? (int)found.length : 80;
    bool known = false;
    for (size_t i = 0; i < count; i++) {
        if (!matches(&table[i], found))
            continue;
        known = true;
        *option = &table[i];
        if (table[i].commands & command->bit)
            return DIFFEDIT_OK;
    }
    if (known)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "diffedit %s takes no option %s%.*s",
                        command->name, dashes, shown, found.name);
    return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "unknown option %s%.*s; did you mean --%s?",
                    dashes, shown, found.name, nearest_option(command, found.name, found.length));
}

/* `-o=FILE` would be a file named =FILE, and `-output FILE` one named utput. */
static diffedit_status check_short(const cli_option *option, word found, const char *text,
                                   diffedit_error *error)
{
    if (!found.is_short || !found.attached)
        return DIFFEDIT_OK;
    size_t length = strcspn(text + 1, "=");
    const char *value = found.attached[1] ? found.attached + 1 : option->argument;
    const word whole = {.name = text + 1, .length = length};
    size_t count;
    const cli_option *table = cli_option_table(&count);
    for (size_t i = 0; i < count && length > 1; i++)
        if (matches(&table[i], whole))
            return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                            "unknown option -%s; did you mean --%s?", table[i].name, table[i].name);
    if (found.attached[0] == '=' && option->kind != CLI_FLAG)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                        "%.80s: a short option takes its value without =; write -%c %.80s or "
                        "--%s=%.80s",
                        text, option->letter, value, option->name, value);
    return DIFFEDIT_OK;
}

/* Reads the option at values[*next] and its value, and moves *next behind them. */
static diffedit_status read_option(cli_arguments *arguments, int count, char **values, int *next,
                                   diffedit_error *error)
{
    const char *text = values[(*next)++];
    word found = split(text);
    const cli_option *option = NULL;
    diffedit_status status = find_option(&option, arguments->command, found, error);
    if (status == DIFFEDIT_OK)
        status = check_short(option, found, text, error);
    if (status != DIFFEDIT_OK)
        return status;
    const char *value = found.attached;
    if (option->kind == CLI_FLAG && value)
        return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--%s takes no value, found \"%.80s\"",
                        option->name, value);
    if (option->kind != CLI_FLAG && !value) {
        if (*next == count)
            return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT, "--%s needs a value", option->name);
        value = values[(*next)++];
    }
    return give(arguments, option, value, error);
}

/* What stands without an option: the one thing that the command takes. */
static diffedit_status read_operand(cli_arguments *arguments, const char *value,
                                    diffedit_error *error)
{
    const cli_command *command = arguments->command;
    const char **operand = command->takes_picture ? &arguments->picture
                           : command->operand     ? &arguments->operand
                                                  : &arguments->model;
    const char *what = command->takes_picture ? "picture"
                       : command->takes_model ? "model"
                                              : command->operand;
    if (what && !*operand) {
        *operand = value;
        return DIFFEDIT_OK;
    }
    return cli_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                    "unexpected argument \"%.80s\": diffedit %s takes %s%s", value, command->name,
                    what ? "one " : "none", what ? what : "");
}

static void set_initial_values(cli_arguments *arguments)
{
    size_t count;
    const cli_option *table = cli_option_table(&count);
    for (size_t i = 0; i < count; i++)
        if (table[i].kind == CLI_WHOLE)
            *(int64_t *)(void *)((char *)arguments + table[i].offset) = table[i].initial;
}

diffedit_status cli_arguments_parse(cli_arguments *arguments, const cli_command *command, int count,
                                    char **values, diffedit_error *error)
{
    *arguments = (cli_arguments){.command = command};
    set_initial_values(arguments);
    arguments->given = calloc((size_t)count + 1, sizeof *arguments->given);
    if (!arguments->given)
        return cli_fail_memory(error);
    diffedit_status status = DIFFEDIT_OK;
    bool only_operands = false;
    for (int next = 0; next < count && status == DIFFEDIT_OK;) {
        const char *value = values[next];
        if (only_operands || value[0] != '-' || !value[1]) {
            status = read_operand(arguments, value, error);
            next++;
        } else if (strcmp(value, "--") == 0) {
            only_operands = true;
            next++;
        } else {
            status = read_option(arguments, count, values, &next, error);
        }
    }
    if (arguments->models.count)
        arguments->model = arguments->models.rows[arguments->models.count - 1];
    return status;
}

void cli_arguments_free(cli_arguments *arguments)
{
    free(arguments->given);
    free(arguments->models.rows);
    free(arguments->host_names.rows);
    free(arguments->columns.rows);
    cli_loras_free(&arguments->loras);
}
