/* Pictures of a request to /sdapi/v1: from base64, and brought to the size that was asked for. */
#ifndef SDAPI_PICTURES_H
#define SDAPI_PICTURES_H

#include "sdapi_fields.h"

/* A file in memory; released with free(). */
typedef struct sdapi_file {
    void *bytes;
    size_t size;
} sdapi_file;

/* What stands in base64 (RFC 4648), perhaps behind "data:image/png;base64,". `name` is the field's.
 * Errors: ARGUMENT, MEMORY. */
diffedit_status sdapi_decode(sdapi_file *file, const char *text, const char *name,
                             diffedit_error *error);

/* What is worked on, as PNG files of the same size. */
typedef struct sdapi_inputs {
    sdapi_file picture;
    sdapi_file mask; /* white is changed */
} sdapi_inputs;

/* The picture and mask of a wish: 8-bit RGB, clear parts white, as the web UI has them; resized,
 * but for `only_masked`. Without a mask everything is to be changed. Errors: ARGUMENT, PICTURE,
 * MEMORY.
 */
diffedit_status sdapi_prepare(sdapi_inputs *inputs, const sdapi_wish *wish, int64_t max_pixels,
                              diffedit_error *error);
void sdapi_inputs_free(sdapi_inputs *inputs);

#endif
