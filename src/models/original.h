/* Reader of one file in the layout of the original code (CompVis' and Stability's): which model it
 * is follows from the names and shapes of its tensors; the names become those of diffusers and
 * transformers. */
#ifndef DE_ORIGINAL_H
#define DE_ORIGINAL_H

#include "models/parts.h"

/* Of the settings it honours NO_EMA and the prediction. Errors: MODEL, MEMORY. */
diffedit_status de_original_read(de_model_parts *parts, de_weight_file *file,
                                 const diffedit_model_settings *settings, de_problems *problems,
                                 diffedit_error *error);
/* The autoencoder or the text encoder from such a file, or from one that holds nothing else.
 * Errors: MODEL, MEMORY. */
diffedit_status de_original_read_part(de_model_parts *parts, de_part part, de_weight_file *file,
                                      diffedit_error *error);

#endif
