/* The models that are offered. Each is opened when it is first used, and stays open. Any thread. */
#ifndef SERVER_MODELS_H
#define SERVER_MODELS_H

#include <jansson.h>

#include "serve.h"

struct models;

/* `settings` are borrowed. Errors: ARGUMENT (a name that JSON cannot hold), MEMORY. */
diffedit_status models_new(struct models **made, const serve_settings *settings,
                           diffedit_error *error);
void models_free(struct models *models);
/* The index of the model of this name, NULL: of the default; -1: there is none. */
int models_find(const struct models *models, const char *name);
/* The same of a name, or of the title that goes with it; -1: there is none. */
int models_find_title(const struct models *models, const char *title);
const char *models_name(const struct models *models, int index);
/* Opens it if it is not open yet, which may take seconds. Errors: as diffedit_model_open(). */
diffedit_status models_open(const diffedit_model **model, struct models *models, int index,
                            diffedit_error *error);
/* NULL: it is not open. */
const diffedit_model *models_opened(struct models *models, int index);
/* [{name, title, open, default, info, loras}] */
json_t *models_json(struct models *models);

#endif
