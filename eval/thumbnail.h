/* Small pictures that stand in a page: addresses with the picture in them ("data:image/webp;..."),
 * freed by the caller. NULL: it cannot be made, which costs the page a picture and nothing else. */
#ifndef EVAL_THUMBNAIL_H
#define EVAL_THUMBNAIL_H

#include <stddef.h>
#include <stdint.h>

enum { THUMBNAIL_SIDE = 128 }; /* longest, pixels */

/* Of an encoded picture that the library has decoded before. */
char *thumbnail_of_file(const void *bytes, size_t size);
/* Of a mask of bytes 0 or 1 [height, width]. */
char *thumbnail_of_mask(const uint8_t *mask, int width, int height);

#endif
