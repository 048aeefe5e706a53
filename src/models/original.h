/* Reader of one file in the layout of the original code (CompVis' and Stability's): which model it
 * is follows from the names and shapes of its tensors; the names become those of diffusers and
 * transformers. */
#ifndef DE_ORIGINAL_H
#define DE_ORIGINAL_H

#include "models/parts.h"

/* Gives the arrays of a file their usual names where tools wrote others: `vae.` before those of the
 * autoencoder, `text_encoders.clip_l.transformer.` before those of the text encoder, anything
 * before all. To be called before anyone else holds the file. Errors: MODEL, MEMORY. */
diffedit_status de_original_use_names(de_weight_file *file, diffedit_error *error);
/* Of the settings it honours NO_EMA and the prediction. Errors: MODEL, MEMORY. */
diffedit_status de_original_read(de_model_parts *parts, de_weight_file *file,
                                 const diffedit_model_settings *settings, de_problems *problems,
                                 diffedit_error *error);
/* The autoencoder or the text encoder from such a file, or from one that holds nothing else.
 * Errors: MODEL, MEMORY. */
diffedit_status de_original_read_part(de_model_parts *parts, de_part part, de_weight_file *file,
                                      diffedit_error *error);

#endif
