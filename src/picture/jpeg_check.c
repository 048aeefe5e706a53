#include "picture/jpeg_segments.h"

#include <setjmp.h>
#include <stdio.h> /* which jpeglib.h needs */
#include <stdlib.h>

#include <jpeglib.h>

typedef struct jumper {
    struct jpeg_error_mgr manager;
    jmp_buf back;
} jumper;

static void jump(j_common_ptr jpeg)
{
    longjmp(((jumper *)(void *)jpeg->err)->back, 1);
}

static void count(j_common_ptr jpeg, int level)
{
    if (level < 0)
        jpeg->err->num_warnings++;
}

static void stay_silent(j_common_ptr jpeg)
{
    (void)jpeg;
}

/* Decodes without keeping anything, at an eighth of the size: all coded data are read. */
bool de_jpeg_decodes(const uint8_t *jpeg, size_t size)
{
    jumper errors;
    struct jpeg_decompress_struct decoder = {.err = jpeg_std_error(&errors.manager)};
    errors.manager.error_exit = jump;
    errors.manager.emit_message = count;
    errors.manager.output_message = stay_silent;
    if (setjmp(errors.back)) {
        jpeg_destroy_decompress(&decoder);
        return false;
    }
    jpeg_create_decompress(&decoder);
    jpeg_mem_src(&decoder, jpeg, (unsigned long)size);
    jpeg_read_header(&decoder, TRUE);
    decoder.scale_num = 1;
    decoder.scale_denom = 8;
    jpeg_start_decompress(&decoder);
    JSAMPARRAY row = decoder.mem->alloc_sarray(
        (j_common_ptr)&decoder, JPOOL_IMAGE,
        decoder.output_width * (JDIMENSION)decoder.output_components, 1);
    while (decoder.output_scanline < decoder.output_height)
        jpeg_read_scanlines(&decoder, row, 1);
    jpeg_finish_decompress(&decoder);
    bool sound = errors.manager.num_warnings == 0;
    jpeg_destroy_decompress(&decoder);
    return sound;
}
