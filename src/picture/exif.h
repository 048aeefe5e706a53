/* EXIF blocks: a TIFF header and chained lists of entries. The bytes may be hostile. */
#ifndef DE_EXIF_H
#define DE_EXIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DE_EXIF_ORIENTATION = 0x112 };

/* The value of a tag in the first list of a block, which may begin with "Exif" and two zeros: a
 * single number of 16 or 32 bits. False if there is none. */
bool de_exif_find(const uint8_t *exif, size_t size, int tag, uint32_t *value);
/* Makes a block true of a picture that was edited: its orientation, if it has one, becomes
 * "upright"; the second list, which describes the thumbnail, is unlinked; the thumbnail and every
 * other JPEG in the block (makers' notes hold previews) become zeros, so that what stands behind
 * them stays where it is. A thumbnail at the end is cut off. Returns the new size. */
size_t de_exif_correct(uint8_t *exif, size_t size);
/* Sets the picture's size wherever the block has it. */
void de_exif_set_size(uint8_t *exif, size_t size, int width, int height);
/* Photoshop's resources as JPEG and TIFF hold them, without those that show the picture or repeat
 * its EXIF and XMP. Moves the rest together and returns the new size. IPTC data that does not stand
 * in resources is left alone. */
size_t de_photoshop_correct(uint8_t *data, size_t size);

#endif
