/* What a file's values are: 8 and 16 bit are worked with as they are, floating point from 0 to 1
 * and Lab become 16 bit, and everything else is refused rather than clipped. */
#include "picture/image.h"

#include <math.h>

/* Replaces *image by the result of a step that made `next`. */
static void replace(VipsImage **image, VipsImage *next)
{
    g_object_unref(*image);
    *image = next;
}

static diffedit_status undecodable(const char *name, diffedit_error *error)
{
    return de_vips_fail(error, DIFFEDIT_ERROR_PICTURE, name, "cannot be decoded");
}

static double value_at(const void *values, VipsBandFormat format, size_t i)
{
    switch (format) {
    case VIPS_FORMAT_CHAR: return ((const int8_t *)values)[i];
    case VIPS_FORMAT_SHORT: return ((const int16_t *)values)[i];
    case VIPS_FORMAT_INT: return ((const int32_t *)values)[i];
    case VIPS_FORMAT_UINT: return ((const uint32_t *)values)[i];
    case VIPS_FORMAT_FLOAT: return (double)((const float *)values)[i];
    case VIPS_FORMAT_DOUBLE: return ((const double *)values)[i];
    default: return NAN;
    }
}

/* The least and the greatest of all values; false if one is not a number. The image is in memory.
 */
static bool find_range(const VipsImage *image, double *least, double *greatest)
{
    const void *values = VIPS_IMAGE_ADDR(image, 0, 0);
    size_t count = (size_t)image->Xsize * (size_t)image->Ysize * (size_t)image->Bands;
    *least = INFINITY;
    *greatest = -INFINITY;
    for (size_t i = 0; i < count; i++) {
        double value = value_at(values, image->BandFmt, i);
        if (isnan(value))
            return false;
        *least = fmin(*least, value);
        *greatest = fmax(*greatest, value);
    }
    return true;
}

#define EXPECTED "expected unsigned integers of 8 or 16 bit, or floating point from 0 to 1"

static const char *describe(VipsBandFormat format)
{
    switch (format) {
    case VIPS_FORMAT_CHAR: return "signed 8-bit integers";
    case VIPS_FORMAT_SHORT: return "signed 16-bit integers";
    case VIPS_FORMAT_INT: return "signed 32-bit integers";
    case VIPS_FORMAT_UINT: return "32-bit integers";
    case VIPS_FORMAT_FLOAT: return "32-bit floating point";
    case VIPS_FORMAT_DOUBLE: return "64-bit floating point";
    default: return "complex numbers";
    }
}

static diffedit_status refuse(const VipsImage *image, const char *name, diffedit_error *error)
{
    double least, greatest;
    const char *kind = describe(image->BandFmt);
    if (vips_band_format_iscomplex(image->BandFmt))
        return de_fail(error, DIFFEDIT_ERROR_PICTURE, "%s: its values are %s; " EXPECTED, name,
                       kind);
    if (!find_range(image, &least, &greatest))
        return de_fail(error, DIFFEDIT_ERROR_PICTURE,
                       "%s: its values are %s, and some are not a number; " EXPECTED, name, kind);
    return de_fail(error, DIFFEDIT_ERROR_PICTURE,
                   "%s: its values are %s from %.10g to %.10g; " EXPECTED, name, kind, least,
                   greatest);
}

/* Floating point from 0 to 1 -> 16 bit. The values are taken as encoded like the integers that they
 * stand for: by the file's profile, or sRGB's curve where it has none. What is beyond the range by
 * less than rounding takes away is within it. */
static diffedit_status from_floats(VipsImage **image, const char *name, diffedit_error *error)
{
    static const double MOST = 65535, SLACK = 0.5 / 65535;
    double least, greatest;
    VipsImage *scaled, *rounded, *cast, *typed;
    if (!find_range(*image, &least, &greatest) || least < -SLACK || greatest > 1 + SLACK)
        return refuse(*image, name, error);
    if (vips_linear1(*image, &scaled, MOST, 0, NULL))
        return undecodable(name, error);
    replace(image, scaled);
    if (vips_rint(*image, &rounded, NULL))
        return undecodable(name, error);
    replace(image, rounded);
    if (vips_cast(*image, &cast, VIPS_FORMAT_USHORT, NULL))
        return undecodable(name, error);
    replace(image, cast);
    bool cmyk = (*image)->Type == VIPS_INTERPRETATION_CMYK, grey = (*image)->Bands < 3;
    if (vips_copy(*image, &typed, "interpretation",
                  cmyk   ? VIPS_INTERPRETATION_CMYK
                  : grey ? VIPS_INTERPRETATION_GREY16
                         : VIPS_INTERPRETATION_RGB16,
                  NULL))
        return undecodable(name, error);
    replace(image, typed);
    return DIFFEDIT_OK;
}

/* CMYK -> sRGB of the same depth. */
static diffedit_status from_cmyk(VipsImage **image, const char *name, diffedit_error *error)
{
    VipsImage *rgb;
    if (vips_icc_transform(*image, &rgb, "srgb", "embedded", TRUE, "input_profile", "cmyk", "depth",
                           de_image_bits(*image), NULL))
        return undecodable(name, error);
    replace(image, rgb);
    vips_image_remove(*image, VIPS_META_ICC_NAME);
    return DIFFEDIT_OK;
}

diffedit_status de_image_to_integers(VipsImage **image, const char *name, const char **remark,
                                     diffedit_error *error)
{
    diffedit_status status = DIFFEDIT_OK;
    switch ((*image)->Type) {
    case VIPS_INTERPRETATION_LAB:
    case VIPS_INTERPRETATION_LABQ:
    case VIPS_INTERPRETATION_LABS:
        *remark = "the picture is Lab; it was converted to 16-bit sRGB, and the result will be too";
        return de_image_from_lab(image) ? undecodable(name, error) : DIFFEDIT_OK;
    case VIPS_INTERPRETATION_XYZ:
        return de_fail(error, DIFFEDIT_ERROR_PICTURE,
                       "%s: its values are XYZ (such as LogLuv); " EXPECTED, name);
    default: break;
    }
    if ((*image)->BandFmt == VIPS_FORMAT_FLOAT || (*image)->BandFmt == VIPS_FORMAT_DOUBLE) {
        *remark = "the picture's values are floating point; they were converted to 16-bit integers,"
                  " and the result will be 16 bit";
        status = from_floats(image, name, error);
    } else if ((*image)->BandFmt != VIPS_FORMAT_UCHAR && (*image)->BandFmt != VIPS_FORMAT_USHORT) {
        status = refuse(*image, name, error);
    }
    if (status == DIFFEDIT_OK && (*image)->Type == VIPS_INTERPRETATION_CMYK) {
        *remark = "the picture is CMYK; it was converted to sRGB, and the result will be sRGB";
        status = from_cmyk(image, name, error);
    }
    return status;
}
