/* The models that are offered. Each is opened when it is first used, and stays open; for another
 * arithmetic, or where its GPU was lost, it is closed and opened again, so that there is one copy
 * of its weights. One thread works with models (models_open() and what is made of them); any thread
 * may look at them. */
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
/* For the thread that works with models: opens it, for this arithmetic, unless it is open so; which
 * may take seconds. Nothing made of it may be left where it is open for another. Errors: as
 * diffedit_model_open(). */
diffedit_status models_open(const diffedit_model **model, struct models *models, int index,
                            diffedit_arithmetic arithmetic, diffedit_error *error);
/* Whether it is open, for this arithmetic, and its GPU not lost. */
bool models_are_open_for(struct models *models, int index, diffedit_arithmetic arithmetic);
/* For any thread, which looks and soon leaves: it stays open until models_leave(), which follows in
 * every case. NULL: it is not open. */
const diffedit_model *models_look(struct models *models, int index);
void models_leave(struct models *models, int index);
/* The same of a model that is opened if it is not, for the arithmetic that it will most likely be
 * used with. Errors: as diffedit_model_open(); then nothing is to be left. */
diffedit_status models_open_to_look(const diffedit_model **model, struct models *models, int index,
                                    diffedit_error *error);
/* [{name, title, open, default, info, loras}] */
json_t *models_json(struct models *models);

#endif
