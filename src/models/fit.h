/* Whether the parts of a model are all there, and fit each other. */
#ifndef DE_FIT_H
#define DE_FIT_H

#include "models/parts.h"
#include "models/tokenizer.h"

/* `tokenizer` may be NULL, where it could not be read; `path` is what messages call the model.
 * Errors: MODEL. */
diffedit_status de_parts_check_fit(const de_model_parts *parts, const de_tokenizer *tokenizer,
                                   const char *path, de_problems *problems, diffedit_error *error);

#endif
