/* The command line: the commands and options there are, and those that were given. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loras.h"

#include <diffedit/diffedit.h>

enum {
    CLI_EDIT = 1,
    CLI_MASK = 2,
    CLI_INPAINT = 4,
    CLI_INVERT = 8,
    CLI_GENERATE = 16,
    CLI_BENCH = 32,
    CLI_MODEL_INFO = 64,
    CLI_MODEL_CHECK = 128,
    CLI_MODEL_CONVERT = 256,
    CLI_MODEL_PULL = 512,
    CLI_SERVE = 1024,
    CLI_BATCH = 2048,
    CLI_WORK = 4096,
    CLI_EVAL = 8192,
    CLI_DEVICES = 16384
};

typedef struct cli_arguments cli_arguments;

/* One subcommand; each is defined in its cmd_*.c. */
typedef struct cli_command {
    const char *name;
    unsigned bit;       /* CLI_EDIT ... */
    diffedit_call call; /* of the library, where it opens an editor */
    bool takes_picture, takes_model, needs_mask;
    const char *operand; /* what else it takes one of ("list of edits"); NULL: nothing */
    const char *usage;   /* after "diffedit NAME" */
    const char *summary;
    const char *examples;
    diffedit_status (*run)(cli_arguments *arguments, diffedit_error *error);
} cli_command;

typedef enum cli_kind {
    CLI_LIBRARY, /* an option of the library, described by its diffedit_option */
    CLI_TEXT,    /* const char * */
    CLI_WHOLE,   /* int64_t */
    CLI_FLAG,    /* bool, without a value */
    CLI_TEXTS,   /* cli_texts; may be given several times */
    CLI_LORAS,   /* cli_loras; likewise */
    CLI_SETTING, /* const char *, a choice of the library's row, which has no field in options */
    CLI_DEVICE   /* const char *, the name of a device */
} cli_kind;

/* One option. Those of the library fill only the first columns. */
typedef struct cli_option {
    const char *name;
    unsigned commands; /* that take it */
    bool main;         /* shown by --help too, not only by --help-all */
    cli_kind kind;
    char letter;                       /* of the short form, or 0 */
    size_t offset;                     /* of its field in cli_arguments */
    int64_t minimum, maximum, initial; /* of CLI_WHOLE */
    const char *argument, *shown_default, *help;
} cli_option;

/* All options in the order of help; static storage. A name may have several rows, of different
 * commands. */
const cli_option *cli_option_table(size_t *count);
/* The library's row of an option of kind CLI_LIBRARY or CLI_SETTING; NULL for others, whose names
 * the library does not have. */
const diffedit_option *cli_library_row(const cli_option *option);
/* Whether the presets have different defaults for it. */
bool cli_presets_differ(const diffedit_option *row);
bool cli_takes(const cli_command *command, const char *name);
/* In a message of the library, every `name` or `settings.name` that is an option here becomes
 * --name; in place. */
void cli_add_dashes(char *message);
/* The same in a message about a model's files, where `name` may be a tensor's: `settings.name`
 * alone. */
void cli_add_dashes_to_settings(char *message);

typedef struct cli_given {
    const char *name, *value;
} cli_given;

typedef struct cli_texts {
    const char **rows; /* [count]; the array is owned, the texts are borrowed */
    size_t count;
} cli_texts;

/* What was given. Texts are borrowed from argv. */
struct cli_arguments {
    const cli_command *command;
    const char *picture, *operand; /* operand: of a command that takes another thing */
    const char *model, *output, *preset, *mask, *correction, *mask_out, *map_out, *map_in, *sheet,
        *again, *stages;
    const char *vae, *text_encoder, *prediction, *shape, *arithmetic, *device;
    const char *precision, *endpoint, *revision;
    const char *listen, *token, *data, *store_limit, *queue, *root;
    cli_texts models, host_names, columns; /* `model` is the last of --model, or the operand */
    cli_loras loras;
    int64_t max_pixels, quality, threads, repeat; /* threads 0: all cores */
    int64_t port, editors, limit, edge, idle_exit, silence, tries;
    const char *format, *shard;
    bool dry_run, stop, keep_going, use_masks;
    bool edit, low_memory, no_ema, force, no_parameters, json, quiet, verbose, help, help_all;
    cli_given *given; /* options of the library, in the order given; owned */
    int given_count;
    /* the seed drawn for --seed random or -1, else ""; `given` points here: not to be copied */
    char random_seed[24];
};

/* Parses what follows the command's name. Values of the program's own options are checked here,
 * those of the library's options when they are applied to the defaults. Errors: ARGUMENT, MEMORY.
 */
diffedit_status cli_arguments_parse(cli_arguments *arguments, const cli_command *command, int count,
                                    char **values, diffedit_error *error);
void cli_arguments_free(cli_arguments *arguments);
/* The command that the first words name, and the number of those words. Errors: ARGUMENT, which
 * suggests what was meant. */
diffedit_status cli_command_find(const cli_command **command, int *words, int count, char **values,
                                 diffedit_error *error);

#endif
