/* The pictures that come with the pocket model. */
#ifndef SERVER_SAMPLES_H
#define SERVER_SAMPLES_H

#include <jansson.h>

#include "serve.h"

/* [{name, title, from, to}] of those that are there. */
json_t *samples_json(const serve_settings *settings);
bool samples_has(const serve_settings *settings, const char *name);
/* The file of one; *bytes is freed by the caller. Errors: FILE, MEMORY. */
diffedit_status samples_read(void **bytes, size_t *size, const serve_settings *settings,
                             const char *name, diffedit_error *error);

#endif
