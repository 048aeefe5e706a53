/* The chunks of a PNG file in memory. The bytes may be hostile. */
#ifndef DE_PNG_CHUNKS_H
#define DE_PNG_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct de_png_chunk {
    const uint8_t *whole; /* points into the file: length, type, data, checksum */
    size_t whole_size;
    const uint8_t *data;
    size_t size; /* of the data */
} de_png_chunk;

bool de_png_is_png(const void *bytes, size_t size);
/* The chunk that begins at *at, which is moved behind it; 0 stands for the first one. False at the
 * end of the file and where it is cut. */
bool de_png_next(const uint8_t *png, size_t size, size_t *at, de_png_chunk *chunk);
bool de_png_has_type(const de_png_chunk *chunk, const char *type);
/* Whether the checksum is right. */
bool de_png_is_sound(const de_png_chunk *chunk);
/* Whether the chunk is a text (tEXt, zTXt or iTXt) under that keyword; NULL: under any. */
bool de_png_is_text(const de_png_chunk *chunk, const char *keyword);
/* Writes a chunk of the data at `to`, which has room for size + DE_PNG_FRAME bytes; returns how
 * many were written. The data may be at to + 8 already. */
size_t de_png_write(uint8_t *to, const char *type, const void *data, size_t size);

enum { DE_PNG_FRAME = 12 /* bytes of a chunk beside its data */, DE_PNG_SIGNATURE = 8 };

#endif
