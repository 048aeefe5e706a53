/* Pictures made smaller, for screens: in sRGB of 8 bits, upright, without metadata. */
#ifndef SERVER_SHRINK_H
#define SERVER_SHRINK_H

#include <stddef.h>

#include <vips/vips.h>

/* The longest side is at most `side`; NULL: failed, and libvips has the reason. */
VipsImage *shrink_file(const char *path, int side);
/* The same of an encoded file in memory, which must outlive the image. */
VipsImage *shrink_bytes(const void *bytes, size_t size, int side);

#endif
