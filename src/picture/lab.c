/* Lab in any of its codings -> 16-bit sRGB.
 *
 * A TIFF's Lab is relative to D50, as Adobe's notes and libtiff have it; libvips takes it for D65,
 * and where it keeps 8 bit it stores a lightness of 255 as 99.7. */
#include "picture/image.h"

#include <math.h>
#include <stdlib.h>

/* L* in 0..100, a* and b* of pixel i. */
static void read_lab(const VipsImage *image, const void *pixels, size_t i, double lab[3])
{
    size_t at = i * (size_t)image->Bands;
    const uint8_t *bytes = (const uint8_t *)pixels + at;
    const int16_t *shorts = (const int16_t *)pixels + at;
    const float *floats = (const float *)pixels + at;
    if (image->Coding == VIPS_CODING_LABQ) { /* the fourth byte holds nothing */
        lab[0] = bytes[0] / 2.55;
        lab[1] = (int8_t)bytes[1];
        lab[2] = (int8_t)bytes[2];
    } else if (image->BandFmt == VIPS_FORMAT_SHORT) {
        lab[0] = shorts[0] / 327.67;
        lab[1] = shorts[1] / 256.0;
        lab[2] = shorts[2] / 256.0;
    } else {
        for (int j = 0; j < 3; j++)
            lab[j] = (double)floats[j];
    }
}

/* Alpha of pixel i. libvips reads it as signed, as it does colours. */
static uint16_t read_alpha(const VipsImage *image, const void *pixels, size_t i)
{
    size_t at = i * (size_t)image->Bands + 3;
    if (image->BandFmt == VIPS_FORMAT_SHORT)
        return (uint16_t)((const int16_t *)pixels)[at];
    float alpha = ((const float *)pixels)[at];
    return (uint16_t)(alpha > 0 ? fminf(alpha, 1) * 65535 + 0.5f : 0);
}

/* CIE 15: the inverse of f() in L* = 116 f(Y) - 16. */
static double uncompress(double f)
{
    static const double TOE = 6.0 / 29;
    return f > TOE ? f * f * f : 3 * TOE * TOE * (f - 4.0 / 29);
}

/* sRGB's curve (IEC 61966-2-1), in 16 bit; colours beyond sRGB go to its border. */
static uint16_t encode(double linear)
{
    double value = linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
    return (uint16_t)(value > 0 ? fmin(value, 1) * 65535 + 0.5 : 0);
}

static void to_rgb(const double lab[3], uint16_t rgb[3])
{
    static const double WHITE[3] = {0.96422, 1, 0.82521}; /* D50 */
    /* XYZ at D50 -> linear sRGB at D65, adapted after Bradford */
    static const double MATRIX[3][3] = {{3.1338561, -1.6168667, -0.4906146},
                                        {-0.9787684, 1.9161415, 0.0334540},
                                        {0.0719453, -0.2289914, 1.4052427}};
    double y = (lab[0] + 16) / 116,
           xyz[3] = {WHITE[0] * uncompress(y + lab[1] / 500), WHITE[1] * uncompress(y),
                     WHITE[2] * uncompress(y - lab[2] / 200)};
    for (int j = 0; j < 3; j++)
        rgb[j] = encode(MATRIX[j][0] * xyz[0] + MATRIX[j][1] * xyz[1] + MATRIX[j][2] * xyz[2]);
}

int de_image_from_lab(VipsImage **image)
{
    const VipsImage *lab = *image;
    const void *pixels = VIPS_IMAGE_ADDR(lab, 0, 0);
    bool has_alpha = lab->Coding == VIPS_CODING_NONE && lab->Bands > 3;
    size_t count = (size_t)lab->Xsize * (size_t)lab->Ysize, bands = has_alpha ? 4 : 3;
    uint16_t *values = malloc(count * bands * sizeof *values);
    VipsImage *rgb = values ? de_image_over(values, lab->Xsize, lab->Ysize, (int)bands,
                                            VIPS_FORMAT_USHORT)
                            : NULL;
    if (!rgb) {
        free(values);
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        double colour[3];
        read_lab(lab, pixels, i, colour);
        to_rgb(colour, values + i * bands);
        if (has_alpha)
            values[i * bands + 3] = read_alpha(lab, pixels, i);
    }
    g_object_set_data_full(G_OBJECT(rgb), "diffedit-pixels", values, free);
    de_image_copy_metadata(rgb, lab);
    vips_image_remove(rgb, VIPS_META_ICC_NAME);
    g_object_unref(*image);
    *image = rgb;
    return 0;
}
