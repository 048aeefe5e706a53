/* The settings of a model inside the library. */
#ifndef DE_SETTINGS_H
#define DE_SETTINGS_H

#include "models/model.h"

/* The settings of any program as this library's own; NULL: the defaults. Errors: ARGUMENT. */
diffedit_status de_settings_read(diffedit_model_settings *known,
                                 const diffedit_model_settings *given, diffedit_error *error);

#endif
