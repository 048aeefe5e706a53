/* The LoRAs that were named: --lora FILE[=WEIGHT], or by a record. */
#ifndef CLI_LORAS_H
#define CLI_LORAS_H

#include <diffedit/diffedit.h>

#include <jansson.h>

typedef struct cli_loras {
    diffedit_lora **rows; /* [count], owned, with their paths; NULL: none */
    size_t count;
} cli_loras;

/* Adds one as it is given: FILE, or FILE=WEIGHT. A file whose whole name is the text counts more.
 * Errors: ARGUMENT (a weight that is no finite number), MEMORY. */
diffedit_status cli_loras_add(cli_loras *loras, const char *given, diffedit_error *error);
/* What stands in a record: [{"file": TEXT, "weight": NUMBER}, ...]; NULL without memory. A name
 * that is not UTF-8 is null there. */
json_t *cli_loras_to_json(const cli_loras *loras);
/* Adds those of a record. Errors: FILE (they are damaged; messages call the record `name`),
 * MEMORY. */
diffedit_status cli_loras_from_json(cli_loras *loras, const json_t *array, const char *name,
                                    diffedit_error *error);
void cli_loras_free(cli_loras *loras);

#endif
