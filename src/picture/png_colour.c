#include "picture/png_colour.h"

#include <lcms2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* White, red, green and blue by their code in ITU-T H.273. */
static const struct {
    uint8_t code;
    double chromaticities[4][2];
} PRIMARIES[] = {
    {1, {{0.3127, 0.3290}, {0.640, 0.330}, {0.300, 0.600}, {0.150, 0.060}}},
    {4, {{0.310, 0.316}, {0.67, 0.33}, {0.21, 0.71}, {0.14, 0.08}}},
    {5, {{0.3127, 0.3290}, {0.64, 0.33}, {0.29, 0.60}, {0.15, 0.06}}},
    {6, {{0.3127, 0.3290}, {0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}}},
    {7, {{0.3127, 0.3290}, {0.630, 0.340}, {0.310, 0.595}, {0.155, 0.070}}},
    {9, {{0.3127, 0.3290}, {0.708, 0.292}, {0.170, 0.797}, {0.131, 0.046}}},
    {11, {{0.314, 0.351}, {0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}}},
    {12, {{0.3127, 0.3290}, {0.680, 0.320}, {0.265, 0.690}, {0.150, 0.060}}},
    {22, {{0.3127, 0.3290}, {0.630, 0.340}, {0.295, 0.605}, {0.155, 0.077}}},
};

enum { SRGB_PRIMARIES = 1, SRGB_TRANSFER = 13, PQ = 16, HLG = 18, PER_UNIT = 100000 };

static double number_at(const uint8_t *bytes)
{
    return ((double)bytes[0] * 16777216 + bytes[1] * 65536 + bytes[2] * 256 + bytes[3]) / PER_UNIT;
}

bool de_png_note_colour(de_png_colour *colour, const de_png_chunk *chunk)
{
    if (de_png_has_type(chunk, "cICP") && chunk->size == sizeof colour->cicp) {
        colour->has_cicp = true;
        memcpy(colour->cicp, chunk->data, sizeof colour->cicp);
    } else if (de_png_has_type(chunk, "iCCP")) {
        colour->has_icc = true;
    } else if (de_png_has_type(chunk, "sRGB") && chunk->size == 1) {
        colour->has_srgb = true;
    } else if (de_png_has_type(chunk, "gAMA") && chunk->size == 4) {
        colour->has_gamma = number_at(chunk->data) > 0;
        colour->gamma = colour->has_gamma ? 1 / number_at(chunk->data) : 0;
    } else if (de_png_has_type(chunk, "cHRM") && chunk->size == 32) {
        colour->has_chromaticities = true;
        for (int i = 0; i < 8; i++)
            colour->chromaticities[i / 2][i % 2] = number_at(chunk->data + 4 * i);
    } else {
        return de_png_has_type(chunk, "mDCV") || de_png_has_type(chunk, "cLLI");
    }
    return true;
}

/* ---- curves ---- */

/* The transfer of sRGB and the one of BT.709, which other standards share, as parameters of an ICC
 * curve: (a x + b)^g from d on, below that c x. */
static const double SRGB_CURVE[] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};
static const double BT709_CURVE[] = {1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081};

static cmsToneCurve *parametric(const double curve[5])
{
    return cmsBuildParametricToneCurve(NULL, 4, curve);
}

/* The curve of a transfer by its code in H.273; NULL if no profile has it. */
static cmsToneCurve *curve_of(int transfer)
{
    switch (transfer) {
    case 1:
    case 6:
    case 14:
    case 15: return parametric(BT709_CURVE);
    case 4: return cmsBuildGamma(NULL, 2.2);
    case 5: return cmsBuildGamma(NULL, 2.8);
    case 8: return cmsBuildGamma(NULL, 1);
    case SRGB_TRANSFER: return parametric(SRGB_CURVE);
    default: return NULL;
    }
}

/* ---- profiles ---- */

/* Takes the curve. The profile's date is fixed: equal pictures make equal files. */
static void *make_profile(const double c[4][2], cmsToneCurve *curve, int bands, size_t *size)
{
    enum { DATE = 24, DATE_SIZE = 12 };
    static const uint8_t date[DATE_SIZE] = {0x07, 0xd0, 0, 1, 0, 1}; /* 1 January 2000 */
    const cmsCIExyY white = {c[0][0], c[0][1], 1};
    const cmsCIExyYTRIPLE primaries = {
        {c[1][0], c[1][1], 1}, {c[2][0], c[2][1], 1}, {c[3][0], c[3][1], 1}};
    cmsToneCurve *const curves[3] = {curve, curve, curve};
    cmsHPROFILE profile = bands == 1 ? cmsCreateGrayProfile(&white, curve)
                                     : cmsCreateRGBProfile(&white, &primaries, curves);
    cmsUInt32Number needed = 0;
    uint8_t *bytes = NULL;
    if (profile && cmsSaveProfileToMem(profile, NULL, &needed) && needed > DATE + DATE_SIZE &&
        (bytes = malloc(needed)) && !cmsSaveProfileToMem(profile, bytes, &needed)) {
        free(bytes);
        bytes = NULL;
    }
    if (bytes) {
        memcpy(bytes + DATE, date, sizeof date);
        *size = needed;
    }
    if (profile)
        cmsCloseProfile(profile);
    cmsFreeToneCurve(curve);
    return bytes;
}

/* Whether white and three primaries span a space: x and y lie in the diagram, the primaries make a
 * triangle, and white lies inside it. */
static bool is_space(const double c[4][2])
{
    double sign = 0;
    for (int i = 0; i < 4; i++)
        if (!(c[i][0] >= 0 && c[i][1] > 0.001 && c[i][0] + c[i][1] <= 1.5))
            return false;
    for (int i = 1; i <= 3; i++) {
        const double *from = c[i], *to = c[i % 3 + 1];
        double side = (to[0] - from[0]) * (c[0][1] - from[1]) -
                      (to[1] - from[1]) * (c[0][0] - from[0]);
        if (fabs(side) < 1e-5 || side * sign < 0)
            return false;
        sign = side;
    }
    return true;
}

static void *profile_of_cicp(const uint8_t cicp[4], int bands, size_t *size, const char **remark)
{
    const double(*primaries)[2] = NULL;
    if (cicp[1] == PQ || cicp[1] == HLG) {
        *remark = cicp[1] == PQ
                      ? "the picture's colours are PQ (HDR, in its cICP chunk), which are "
                        "kept in a PNG only; the model sees them as sRGB"
                      : "the picture's colours are HLG (HDR, in its cICP chunk), which "
                        "are kept in a PNG only; the model sees them as sRGB";
        return NULL;
    }
    for (size_t i = 0; i < sizeof PRIMARIES / sizeof *PRIMARIES; i++)
        if (PRIMARIES[i].code == cicp[0])
            primaries = PRIMARIES[i].chromaticities;
    cmsToneCurve *curve = primaries && cicp[2] == 0 && cicp[3] == 1 ? curve_of(cicp[1]) : NULL;
    if (!curve) {
        *remark = "the picture's cICP chunk describes colours that are not known here, which are "
                  "kept in a PNG only; the model sees them as sRGB";
        return NULL;
    }
    if (cicp[0] == SRGB_PRIMARIES && cicp[1] == SRGB_TRANSFER) {
        cmsFreeToneCurve(curve);
        return NULL;
    }
    return make_profile(primaries, curve, bands, size);
}

/* Whether the primaries are sRGB's, as far as files state them. */
static bool is_srgb_gamut(const double c[4][2])
{
    for (int i = 0; i < 8; i++)
        if (fabs(c[i / 2][i % 2] - PRIMARIES[0].chromaticities[i / 2][i % 2]) > 0.002)
            return false;
    return true;
}

/* A gamma of 1/2.2 beside sRGB's primaries is how files say sRGB to readers that know no more. */
static void *profile_of_gamma(const de_png_colour *colour, int bands, size_t *size,
                              const char **remark)
{
    enum { MOST = 10 };
    const double(*c)[2] = colour->has_chromaticities && bands == 3 ? colour->chromaticities
                                                                   : PRIMARIES[0].chromaticities;
    bool srgb_curve = !colour->has_gamma || fabs(1 / colour->gamma - 0.45455) < 0.001;
    if (srgb_curve && is_srgb_gamut(c))
        return NULL;
    if (!is_space(c) ||
        (colour->has_gamma && (colour->gamma > MOST || colour->gamma < 1.0 / MOST))) {
        *remark = "the picture's gAMA and cHRM chunks make no sense; the model sees its colours as "
                  "sRGB";
        return NULL;
    }
    cmsToneCurve *curve = colour->has_gamma ? cmsBuildGamma(NULL, colour->gamma)
                                            : parametric(SRGB_CURVE);
    return curve ? make_profile(c, curve, bands, size) : NULL;
}

void *de_png_colour_profile(const de_png_colour *colour, int bands, size_t *size,
                            const char **remark)
{
    *remark = NULL;
    if (colour->has_cicp) {
        void *profile = profile_of_cicp(colour->cicp, bands, size, remark);
        if (colour->has_icc) /* then its own profile serves where cICP cannot */
            *remark = NULL;
        return profile;
    }
    if (colour->has_icc || colour->has_srgb || (!colour->has_gamma && !colour->has_chromaticities))
        return NULL;
    return profile_of_gamma(colour, bands, size, remark);
}
