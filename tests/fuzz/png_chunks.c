/* What is read from a PNG beside libvips: chunks, colours, texts. */
#include "picture/image.h"
#include "picture/png_colour.h"
#include "picture/text_chunks.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    de_png_colour colour = {.has_cicp = false};
    de_png_chunk chunk;
    if (de_vips_start(NULL) != DIFFEDIT_OK)
        abort();
    VipsImage *image = vips_image_new(); /* without texts that libvips unpacked */
    GByteArray *segments = g_byte_array_new();
    for (size_t at = 0; de_png_next(bytes, size, &at, &chunk);) {
        if (chunk.whole < bytes || chunk.whole_size > size - (size_t)(chunk.whole - bytes))
            abort();
        const char *kind;
        de_png_is_sound(&chunk);
        de_png_note_colour(&colour, &chunk); /* whatever the checksum: a fuzzer has none right */
        if (!de_png_is_text(&chunk, NULL))
            continue;
        GByteArray *profile = de_png_raw_profile(image, &chunk, &kind);
        if (profile)
            g_byte_array_unref(profile);
        de_jpeg_append_png_text(segments, image, &chunk);
    }
    for (int bands = 1; bands <= 3; bands += 2) {
        size_t profile_size;
        const char *remark;
        free(de_png_colour_profile(&colour, bands, &profile_size, &remark));
    }
    g_byte_array_unref(segments);
    g_object_unref(image);
    return 0;
}
