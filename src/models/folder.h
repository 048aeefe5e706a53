/* Reader of a folder in the diffusers layout, as the hub's tools leave it: variants, shards, older
 * names, or the hub cache's folder of one repository. */
#ifndef DE_FOLDER_H
#define DE_FOLDER_H

#include "models/parts.h"

/* Errors of all: FILE, MODEL, MEMORY. */
diffedit_status de_folder_read(de_model_parts *parts, const char *folder, de_problems *problems,
                               diffedit_error *error);
/* One network's folder (config.json and weights), wherever it lies. */
diffedit_status de_folder_read_part(de_model_parts *parts, de_part part, const char *folder,
                                    de_problems *problems, diffedit_error *error);
/* Whether a file of weights is one of such a folder: what its shapes do not say stands in the
 * config beside it. */
bool de_folder_has_file(de_part part, const de_weight_file *file);
diffedit_status de_folder_read_file(de_model_parts *parts, de_part part, const char *file,
                                    diffedit_error *error);

#endif
