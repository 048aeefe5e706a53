/* What is read from a JPEG beside libvips: segments, comments, where it ends. */
#include "picture/jpeg_segments.h"

#include "picture/text_chunks.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    de_jpeg_reader reader = {.bytes = bytes, .size = size};
    de_jpeg_segment segment;
    GByteArray *chunks = g_byte_array_new();
    while (de_jpeg_next(&reader, &segment)) {
        if (segment.data < bytes || segment.size > size - (size_t)(segment.data - bytes))
            abort();
        if (segment.marker == DE_JPEG_COMMENT)
            de_png_append_comment(chunks, segment.data, segment.size);
    }
    g_byte_array_unref(chunks);
    if (de_jpeg_look(bytes, size).length > size)
        abort();
    return 0;
}
