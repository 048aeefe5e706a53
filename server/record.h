/* The record of a result: what a PNG says of how it was made. */
#ifndef SERVER_RECORD_H
#define SERVER_RECORD_H

#include <jansson.h>

#include "common/error.h"

/* The options, what the model's networks ran on and how, and the members of `more` (may be empty)
 * as one JSON object in ASCII; *record is freed by the caller. Errors: ARGUMENT, MEMORY. */
diffedit_status record_make(char **record, const diffedit_options *options,
                            const diffedit_model_info *model, json_t *more, diffedit_error *error);

#endif
