/* Where the options of a run come from, and the record with which --again repeats it. */
#ifndef CLI_RECIPE_H
#define CLI_RECIPE_H

#include "arguments.h"

#include <jansson.h>

/* What --again found. */
typedef struct cli_recipe {
    char *record;   /* the JSON text, or NULL */
    json_t *extras; /* the same, parsed: what it has beside the options of the library */
    void *texts;    /* owns the texts of the options filled last */
} cli_recipe;

/* Reads the record of --again, if given. The model with its LoRAs, the arithmetic, and the mask or
 * map, come from it unless they were given. Errors: FILE, PICTURE, MEMORY. */
diffedit_status cli_recipe_read(cli_recipe *recipe, cli_arguments *arguments,
                                diffedit_error *error);
/* Fills the options from the preset, the model's own defaults (unless `model` is NULL), the record
 * and the options given, later ones overriding earlier ones. They borrow from the recipe and the
 * arguments. Errors: ARGUMENT, FILE, MODEL, MEMORY. */
diffedit_status cli_recipe_lay(cli_recipe *recipe, diffedit_options *options,
                               const cli_arguments *arguments, const diffedit_model *model,
                               diffedit_error *error);
void cli_recipe_free(cli_recipe *recipe);

/* Says in one sentence where the record was made if that is not where the model is open, and what
 * this changes; else returns false. */
bool cli_recipe_moved(char *text, size_t size, const cli_recipe *recipe,
                      const diffedit_model_info *model);

/* The record of a run with this model; *json is freed by the caller. Errors: ARGUMENT, MEMORY. */
diffedit_status cli_record(char **json, const diffedit_options *options,
                           const cli_arguments *arguments, const diffedit_model_info *model,
                           diffedit_error *error);

#endif
