/* Reader of a whole model in one file, as convert.c writes it: a folder in a file. The documents
 * are the file's notes under their paths, and the tensors have their published names behind the
 * name of their folder ("unet.conv_in.weight"), so that nothing is renamed. */
#ifndef DE_PACKED_H
#define DE_PACKED_H

#include "models/parts.h"

/* The note that tells such a file, and what it says in the only version there is. */
#define DE_PACKED_NOTE "diffedit"
#define DE_PACKED_VERSION "1"

/* Notes that LoRAs were added to the weights. */
#define DE_PACKED_MERGED "diffedit.lora"

bool de_packed_is(const de_weight_file *file);
/* Errors of both: MODEL, MEMORY. */
diffedit_status de_packed_read(de_model_parts *parts, de_weight_file *file, de_problems *problems,
                               diffedit_error *error);
diffedit_status de_packed_read_part(de_model_parts *parts, de_part part, de_weight_file *file,
                                    diffedit_error *error);

#endif
