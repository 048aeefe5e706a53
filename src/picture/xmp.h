/* XMP packets that must stay true when the picture changes. The bytes may be hostile. */
#ifndef DE_XMP_H
#define DE_XMP_H

#include <stdbool.h>
#include <stddef.h>

typedef enum de_xmp_result {
    DE_XMP_SAME,      /* nothing in it is false */
    DE_XMP_CORRECTED, /* there is a new packet */
    DE_XMP_EMPTY,     /* nothing is left */
    DE_XMP_BROKEN     /* cannot be read, so nobody knows what it shows */
} de_xmp_result;

/* Of a picture that was turned upright. */
typedef struct de_xmp_size {
    int width, height;
} de_xmp_size;

/* Takes out of a packet what shows the picture as it was (thumbnails, embedded pictures) and what
 * describes parts of the file that are not written (gain maps, motion, depth, extended XMP). Where
 * the picture was turned, its orientation becomes 1 and its size `turned`, if the packet has them;
 * NULL: it was not. *corrected is allocated with malloc for DE_XMP_CORRECTED only. *gain_map:
 * whether the packet spoke of one. */
de_xmp_result de_xmp_correct(const char *xmp, size_t size, const de_xmp_size *turned,
                             char **corrected, size_t *corrected_size, bool *gain_map);

#endif
