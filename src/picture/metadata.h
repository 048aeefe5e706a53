/* What a file says beside its pixels: kept where it stays true, corrected where it does not. */
#ifndef DE_METADATA_H
#define DE_METADATA_H

#include "picture/image.h"

/* Notes in the image what the file holds and libvips passes over: colour chunks and texts of a PNG,
 * comments of a JPEG. The image's fields that libvips does not know begin with "diffedit-"; they
 * travel with the rest of its metadata. */
void de_metadata_collect(VipsImage *image, const void *bytes, size_t size, char **remarks);
/* Makes the metadata true of a picture that was turned upright (`turned`), is about to be edited
 * and loses its previews. */
void de_metadata_correct(VipsImage *image, bool turned, char **remarks);

/* *bytes is a PNG, or a JPEG, that libvips encoded from the image; it is replaced by one that holds
 * the image's noted chunks or comments too. Both are freed by g_free(). Returns -1 without memory.
 */
int de_metadata_place_in_png(const VipsImage *image, void **bytes, size_t *size);
int de_metadata_place_in_jpeg(const VipsImage *image, void **bytes, size_t *size);

#endif
