/* latent -> the decoder's picture, 8-bit sRGB at working size. */
#include "edit/editor.h"

#include <math.h>
#include <stdlib.h>

static uint8_t to_byte(float value)
{
    return (uint8_t)rintf(255 * fminf(fmaxf(value / 2 + 0.5f, 0), 1));
}

diffedit_status de_stage_decode(diffedit_editor *editor, diffedit_error *error)
{
    if (editor->decoded)
        return DIFFEDIT_OK;
    double start = de_seconds();
    int64_t values = (int64_t)editor->width * editor->height * 3;
    float *pixels;
    uint8_t *bytes = NULL;
    diffedit_status status = de_allocate_floats(&pixels, values, "a decoded picture", error);
    if (status == DIFFEDIT_OK)
        status = de_editor_decode(editor, editor->final, pixels, error);
    if (status == DIFFEDIT_OK)
        status = de_allocate_bytes(&bytes, values, "a decoded picture", error);
    for (int64_t i = 0; i < values && status == DIFFEDIT_OK; i++)
        bytes[i] = to_byte(pixels[i]);
    free(pixels);
    if (status == DIFFEDIT_OK) {
        editor->decoded = bytes;
        status = de_editor_step(editor, DIFFEDIT_STAGE_DECODE, 1, 1, error);
    }
    editor->stats.seconds[DIFFEDIT_STAGE_DECODE] += de_seconds() - start;
    return status;
}
