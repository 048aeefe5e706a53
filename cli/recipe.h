/* Where the options of a run come from, and the record from which --again runs it once more. */
#ifndef CLI_RECIPE_H
#define CLI_RECIPE_H

#include "arguments.h"

#include <jansson.h>

/* What --again found. */
typedef struct cli_recipe {
    char *record;   /* the JSON text, or NULL */
    json_t *extras; /* the same, for what is not in the library's options */
    void *texts;    /* owns the texts of the options laid last */
} cli_recipe;

/* Reads the record of --again, if given, and takes from it the model and the mask or map that were
 * not given. Errors: FILE, PICTURE, MEMORY. */
diffedit_status cli_recipe_read(cli_recipe *recipe, cli_arguments *arguments,
                                diffedit_error *error);
/* Fills the options: the preset's, the model's own (NULL: left out), the record's, those given.
 * They borrow from the recipe and the arguments. Errors: ARGUMENT, FILE, MODEL, MEMORY. */
diffedit_status cli_recipe_lay(cli_recipe *recipe, diffedit_options *options,
                               const cli_arguments *arguments, const diffedit_model *model,
                               diffedit_error *error);
void cli_recipe_free(cli_recipe *recipe);

/* The record of a run; *json is freed by the caller. Errors: ARGUMENT, MEMORY. */
diffedit_status cli_record(char **json, const diffedit_options *options,
                           const cli_arguments *arguments, diffedit_error *error);

#endif
