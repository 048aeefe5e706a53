#include "sdapi_pictures.h"

#include "common/error.h"

#include <limits.h>
#include <math.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <vips/vips.h>

/* ---- base64 ---- */

diffedit_status sdapi_decode(sdapi_file *file, const char *text, const char *name,
                             diffedit_error *error)
{
    const char *comma = strncmp(text, "data:", 5) == 0 ? strchr(text, ',') : NULL;
    text = comma ? comma + 1 : text;
    size_t length = strlen(text);
    *file = (sdapi_file){0};
    if (length > INT_MAX)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: too long", name);
    unsigned char *bytes = malloc(length / 4 * 3 + 4);
    EVP_ENCODE_CTX *context = EVP_ENCODE_CTX_new();
    if (!bytes || !context) {
        free(bytes);
        EVP_ENCODE_CTX_free(context);
        return de_fail_memory(error, length, name);
    }
    int first = 0, last = 0;
    EVP_DecodeInit(context);
    bool fine = EVP_DecodeUpdate(context, bytes, &first, (const unsigned char *)text,
                                 (int)length) >= 0 &&
                EVP_DecodeFinal(context, bytes + first, &last) >= 0 && first + last > 0;
    EVP_ENCODE_CTX_free(context);
    if (!fine) {
        free(bytes);
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "%s: expected a picture in base64", name);
    }
    *file = (sdapi_file){bytes, (size_t)first + (size_t)last};
    return DIFFEDIT_OK;
}

/* ---- pictures ---- */

/* Images made on the way, released together. */
typedef struct workshop {
    VipsImage *images[64];
    int count;
} workshop;

/* Where the next image goes. */
static VipsImage **next(workshop *shop)
{
    return &shop->images[shop->count++];
}

static VipsImage *latest(const workshop *shop)
{
    return shop->images[shop->count - 1];
}

static void close_shop(workshop *shop)
{
    while (shop->count > 0)
        g_clear_object(&shop->images[--shop->count]);
}

/* The pixels of a picture, as an image that borrows them. */
static VipsImage *around(const diffedit_picture *picture)
{
    int width = diffedit_picture_width(picture), height = diffedit_picture_height(picture);
    int channels = diffedit_picture_channels(picture);
    bool deep = diffedit_picture_bits(picture) == 16;
    size_t size = (size_t)width * (size_t)height * (size_t)channels * (deep ? 2 : 1);
    VipsImage *image = vips_image_new_from_memory(diffedit_picture_pixels(picture), size, width,
                                                  height, channels,
                                                  deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR);
    if (image)
        image->Type = channels < 3 ? (deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W)
                      : deep       ? VIPS_INTERPRETATION_RGB16
                                   : VIPS_INTERPRETATION_sRGB;
    return image;
}

/* In a colour space of 8 bits, clear parts white. */
static int flatten(workshop *shop, VipsImage *image, VipsInterpretation space)
{
    VipsImage **coloured = next(shop), **flat = next(shop);
    VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
    int failed = vips_colourspace(image, coloured, space, NULL);
    if (!failed)
        failed = vips_image_hasalpha(*coloured)
                     ? vips_flatten(*coloured, flat, "background", white, NULL)
                     : vips_copy(*coloured, flat, NULL);
    vips_area_unref(VIPS_AREA(white));
    return failed;
}

/* The latest image at the size that the wish has. */
static int resize(workshop *shop, const sdapi_wish *wish)
{
    VipsImage *image = latest(shop), **scaled = next(shop), **framed = next(shop);
    double x = (double)wish->width / image->Xsize, y = (double)wish->height / image->Ysize;
    if (wish->resize != SDAPI_STRETCH)
        x = y = wish->resize == SDAPI_CROP ? fmax(x, y) : fmin(x, y);
    if (vips_resize(image, scaled, x, "vscale", y, NULL) != 0)
        return -1;
    return vips_embed(*scaled, framed, (wish->width - (*scaled)->Xsize) / 2,
                      (wish->height - (*scaled)->Ysize) / 2, wish->width, wish->height, "extend",
                      VIPS_EXTEND_COPY, NULL);
}

/* Blurs of what is not masked, laid over one another, the widest at the bottom: modules/masking.py
 * of the web UI. seen is RGBA, premultiplied; *filled is RGB. */
static int blur(workshop *shop, VipsImage *seen, VipsImage **filled)
{
    static const struct {
        double sigma;
        int times;
    } blurs[] = {{256, 1}, {64, 1}, {16, 2}, {4, 4}, {2, 2}};
    VipsImage *base = NULL;
    for (size_t i = 0; i < sizeof blurs / sizeof *blurs; i++) {
        VipsImage **blurred = next(shop);
        if (vips_gaussblur(seen, blurred, blurs[i].sigma, NULL) != 0)
            return -1;
        for (int time = 0; time < blurs[i].times; time++) {
            VipsImage **over = next(shop);
            if (base ? vips_composite2(base, *blurred, over, VIPS_BLEND_MODE_OVER, "premultiplied",
                                       TRUE, NULL)
                     : vips_copy(*blurred, over, NULL))
                return -1;
            base = *over;
        }
    }
    VipsImage **plain = next(shop), **colours = next(shop);
    return vips_unpremultiply(base, plain, NULL) != 0 ||
           vips_extract_band(*plain, colours, 0, "n", 3, NULL) != 0 ||
           vips_cast_uchar(*colours, filled, NULL) != 0;
}

/* What is under the mask gets its surroundings' colours, at a small scale: noise will cover them.
 * picture and *whole are RGB, mask grey, 0 or 255. */
static int fill(workshop *shop, VipsImage *picture, VipsImage *mask, VipsImage **whole)
{
    const double longest = 512;
    double scale = fmin(1, longest / fmax(picture->Xsize, picture->Ysize));
    VipsImage **clear = next(shop), **joined = next(shop), **seen = next(shop),
              **small = next(shop), **filled = next(shop), **large = next(shop);
    return vips_invert(mask, clear, NULL) != 0 ||
           vips_bandjoin2(picture, *clear, joined, NULL) != 0 ||
           vips_premultiply(*joined, seen, NULL) != 0 ||
           vips_resize(*seen, small, scale, NULL) != 0 || blur(shop, *small, filled) != 0 ||
           vips_resize(*filled, large, (double)picture->Xsize / (*filled)->Xsize, "vscale",
                       (double)picture->Ysize / (*filled)->Ysize, NULL) != 0 ||
           vips_ifthenelse(mask, *large, picture, whole, NULL) != 0;
}

static diffedit_status fail_vips(diffedit_error *error)
{
    de_fail(error, DIFFEDIT_ERROR_PICTURE, "init_images: cannot be resized: %s",
            vips_error_buffer());
    vips_error_clear();
    return DIFFEDIT_ERROR_PICTURE;
}

static diffedit_status write_png(sdapi_file *file, VipsImage *image, diffedit_error *error)
{
    void *bytes;
    size_t size;
    if (vips_pngsave_buffer(image, &bytes, &size, "compression", 1, NULL) != 0)
        return fail_vips(error);
    *file = (sdapi_file){bytes, size};
    return DIFFEDIT_OK;
}

/* The mask, 0 or 255, of the picture's size; everything where none was given. */
static int make_mask(workshop *shop, const diffedit_picture *given, const VipsImage *picture,
                     const sdapi_wish *wish)
{
    if (!given) {
        VipsImage **nothing = next(shop), **everything = next(shop);
        return vips_black(nothing, picture->Xsize, picture->Ysize, NULL) != 0 ||
               vips_invert(*nothing, everything, NULL) != 0;
    }
    VipsImage **pixels = next(shop);
    *pixels = around(given);
    if (!*pixels || flatten(shop, *pixels, VIPS_INTERPRETATION_B_W) != 0 ||
        (!wish->only_masked && resize(shop, wish) != 0))
        return -1;
    VipsImage *grey = latest(shop), **fitted = next(shop), **white = next(shop);
    if (vips_resize(grey, fitted, (double)picture->Xsize / grey->Xsize, "vscale",
                    (double)picture->Ysize / grey->Ysize, NULL) != 0)
        return -1;
    return wish->invert_mask ? vips_less_const1(*fitted, white, 128, NULL)
                             : vips_moreeq_const1(*fitted, white, 128, NULL);
}

static diffedit_status prepare(sdapi_inputs *inputs, workshop *shop, const diffedit_picture *image,
                               const diffedit_picture *mask, const sdapi_wish *wish,
                               diffedit_error *error)
{
    VipsImage **pixels = next(shop);
    *pixels = around(image);
    bool fine = *pixels && flatten(shop, *pixels, VIPS_INTERPRETATION_sRGB) == 0 &&
                (wish->only_masked || resize(shop, wish) == 0);
    VipsImage *picture = latest(shop);
    fine = fine && make_mask(shop, mask, picture, wish) == 0;
    VipsImage *white = latest(shop);
    if (fine && wish->fill) {
        VipsImage **filled = next(shop);
        fine = fill(shop, picture, white, filled) == 0;
        picture = *filled;
    }
    if (!fine)
        return fail_vips(error);
    diffedit_status status = write_png(&inputs->picture, picture, error);
    return status == DIFFEDIT_OK ? write_png(&inputs->mask, white, error) : status;
}

/* The picture in a field of the request. */
static diffedit_status read_field(diffedit_picture **picture, const char *text, const char *name,
                                  int64_t max_pixels, diffedit_error *error)
{
    sdapi_file file;
    diffedit_status status = sdapi_decode(&file, text, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = diffedit_picture_decode(picture, file.bytes, file.size, name, max_pixels, error);
    free(file.bytes);
    return status;
}

diffedit_status sdapi_prepare(sdapi_inputs *inputs, const sdapi_wish *wish, int64_t max_pixels,
                              diffedit_error *error)
{
    diffedit_picture *image = NULL, *mask = NULL;
    workshop shop = {.count = 0};
    *inputs = (sdapi_inputs){.picture = {NULL, 0}};
    diffedit_status status = read_field(&image, wish->image, "init_images", max_pixels, error);
    if (status == DIFFEDIT_OK && wish->mask)
        status = read_field(&mask, wish->mask, "mask", max_pixels, error);
    if (status == DIFFEDIT_OK)
        status = prepare(inputs, &shop, image, mask, wish, error);
    close_shop(&shop);
    diffedit_picture_free(mask);
    diffedit_picture_free(image);
    if (status != DIFFEDIT_OK)
        sdapi_inputs_free(inputs);
    return status;
}

void sdapi_inputs_free(sdapi_inputs *inputs)
{
    g_free(inputs->picture.bytes);
    g_free(inputs->mask.bytes);
    *inputs = (sdapi_inputs){.picture = {NULL, 0}};
}
