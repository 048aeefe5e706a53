/* The settings of a model inside the library. */
#ifndef DE_SETTINGS_H
#define DE_SETTINGS_H

#include "models/model.h"

/* The settings of any program as this library's own, whose LoRAs are freed by de_settings_free()
 * after OK; the paths are borrowed. NULL: the defaults. Errors: ARGUMENT, MEMORY. */
diffedit_status de_settings_read(diffedit_model_settings *known,
                                 const diffedit_model_settings *given, diffedit_error *error);
void de_settings_free(diffedit_model_settings *known);

#endif
