/* PIE-Bench's masks: run lengths, as its mapping file has them. */
#ifndef BATCH_PIE_MASK_H
#define BATCH_PIE_MASK_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "common/error.h"

enum { PIE_SIDE = 512 }; /* of every picture of the benchmark, pixels */

/* Whether a true mask is run lengths, and not a path: [ at its beginning and ] at its end, where a
 * picture's path has its format. */
bool pie_mask_is(const char *text);
/* mask [PIE_SIDE, PIE_SIDE], 0 or 1, of an array [start, length, start, length, ...] of pixels
 * counted row by row. As in the benchmark's own code a run may go on behind the last pixel, and the
 * outermost rows and columns are part of every mask. Errors: ARGUMENT (no such array, a pair that
 * is not whole, a start outside of the picture). */
diffedit_status pie_mask_decode(uint8_t *mask, const json_t *runs, diffedit_error *error);
/* The same of the array as text. */
diffedit_status pie_mask_read(uint8_t *mask, const char *text, diffedit_error *error);

#endif
