/* Texts in pictures: chunks of a PNG, comments of a JPEG, and each as the other. The bytes may be
 * hostile. */
#ifndef DE_TEXT_CHUNKS_H
#define DE_TEXT_CHUNKS_H

#include "picture/png_chunks.h"

#include <vips/vips.h>

/* Appends as long as all stays below 2 GB; false beyond that. */
bool de_bytes_append(GByteArray *array, const void *bytes, size_t size);

/* Appends a chunk. */
void de_png_append(GByteArray *chunks, const char *type, const void *data, size_t size);
/* The text that libvips found in front of a PNG's pixels, unpacked, or NULL. It belongs to the
 * image. */
const char *de_image_text(const VipsImage *image, const char *keyword);
/* The text of a chunk as it stands in the file: of tEXt in Latin-1, of iTXt in UTF-8. False where
 * it is compressed or there is none. It is not terminated. */
bool de_png_plain_text(const de_png_chunk *chunk, const uint8_t **text, size_t *size);
/* The profile in a text chunk whose keyword is "Raw profile type KIND": hexadecimal, in the manner
 * of ImageMagick. NULL if it is none. *kind points into the chunk. Unref after use. `image` is what
 * libvips opened: it unpacks compressed texts. */
GByteArray *de_png_raw_profile(const VipsImage *image, const de_png_chunk *chunk,
                               const char **kind);
void de_png_append_raw_profile(GByteArray *chunks, const char *kind, const uint8_t *profile,
                               size_t size);

/* A comment of a JPEG as segments, several where it is longer than one may be. */
void de_jpeg_append_comment(GByteArray *segments, const void *text, size_t size);
/* A comment of a JPEG as a PNG's text: Latin-1, or UTF-8 where it is that. */
void de_png_append_comment(GByteArray *chunks, const uint8_t *text, size_t size);
/* A text of a PNG as a JPEG's comment in UTF-8, "keyword: text"; without the keyword where that is
 * "Comment". */
void de_jpeg_append_png_text(GByteArray *segments, const VipsImage *image,
                             const de_png_chunk *chunk);

#endif
