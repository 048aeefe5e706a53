/* Pictures in memory: creation, accessors, destruction. */
#include "picture/image.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t started = PTHREAD_ONCE_INIT;
static int start_result;

static void start(void)
{
    start_result = VIPS_INIT("diffedit");
    vips_cache_set_max(0); /* each picture is read once: a cache would not be used */
}

diffedit_status de_vips_start(diffedit_error *error)
{
    pthread_once(&started, start);
    return start_result == 0 ? DIFFEDIT_OK
                             : de_fail(error, DIFFEDIT_ERROR_MEMORY, "libvips failed to start");
}

diffedit_status de_vips_fail(diffedit_error *error, diffedit_status code, const char *name,
                             const char *what)
{
    char reason[256];
    snprintf(reason, sizeof reason, "%s", vips_error_buffer());
    vips_error_clear();
    reason[strcspn(reason, "\n")] = 0;
    return de_fail(error, code, "%s: %s: %s", name, what,
                   *reason ? reason : "libvips gave no reason");
}

diffedit_status de_picture_wrap(diffedit_picture **picture, VipsImage *image, diffedit_error *error)
{
    diffedit_picture *new = calloc(1, sizeof *new);
    if (!new) {
        g_object_unref(image);
        return de_fail_memory(error, sizeof *new, "a picture");
    }
    new->image = image;
    new->is_srgb = true;
    *picture = new;
    return DIFFEDIT_OK;
}

VipsImage *de_image_over(const void *pixels, int width, int height, int bands,
                         VipsBandFormat format)
{
    size_t size = (size_t)width * (size_t)height * (size_t)bands *
                  (format == VIPS_FORMAT_USHORT ? 2 : 1);
    VipsImage *image = vips_image_new_from_memory(pixels, size, width, height, bands, format);
    if (image) {
        bool wide = format == VIPS_FORMAT_USHORT, grey = bands < 3;
        image->Type = grey   ? wide ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W
                      : wide ? VIPS_INTERPRETATION_RGB16
                             : VIPS_INTERPRETATION_sRGB;
    }
    return image;
}

void de_image_copy_metadata(VipsImage *to, const VipsImage *from)
{
    static const char *const kept[] = {"exif-",
                                       VIPS_META_ICC_NAME,
                                       VIPS_META_XMP_NAME,
                                       VIPS_META_IPTC_NAME,
                                       VIPS_META_RESOLUTION_UNIT,
                                       "diffedit-"};
    to->Xres = from->Xres;
    to->Yres = from->Yres;
    char **names = vips_image_get_fields((VipsImage *)from);
    for (char **name = names; name && *name; name++)
        for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
            if (strncmp(*name, kept[i], strlen(kept[i])) == 0) {
                GValue value = G_VALUE_INIT;
                if (vips_image_get(from, *name, &value) == 0) {
                    vips_image_set(to, *name, &value);
                    g_value_unset(&value);
                }
            }
    g_strfreev(names);
}

diffedit_status diffedit_picture_new(diffedit_picture **picture, int width, int height,
                                     int channels, int bits, const void *pixels, size_t stride,
                                     diffedit_error *error)
{
    enum { LONGEST_SIDE = 1 << 20 };
    if (width < 1 || height < 1 || width > LONGEST_SIDE || height > LONGEST_SIDE || channels < 1 ||
        channels > 4 || (bits != 8 && bits != 16))
        return de_fail(
            error, DIFFEDIT_ERROR_ARGUMENT,
            "expected a picture of at most %dx%d pixels, 1 to 4 channels and 8 or 16 bits, "
            "found %dx%d pixels, %d channels and %d bits",
            LONGEST_SIDE, LONGEST_SIDE, width, height, channels, bits);
    size_t row = (size_t)width * (size_t)channels * (size_t)(bits / 8);
    if (stride < row)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                       "expected a stride of at least %zu bytes, the length of a row, found %zu",
                       row, stride);
    diffedit_status status = de_vips_start(error);
    if (status != DIFFEDIT_OK)
        return status;
    char *copy = malloc(row * (size_t)height);
    if (!copy)
        return de_fail_memory(error, row * (size_t)height, "a picture");
    for (int y = 0; y < height; y++)
        memcpy(copy + (size_t)y * row, (const char *)pixels + (size_t)y * stride, row);
    VipsImage *image = de_image_over(copy, width, height, channels,
                                     bits == 16 ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR);
    if (!image) {
        free(copy);
        return de_vips_fail(error, DIFFEDIT_ERROR_MEMORY, "a picture", "cannot be made");
    }
    g_object_set_data_full(G_OBJECT(image), "diffedit-pixels", copy, free);
    return de_picture_wrap(picture, image, error);
}

diffedit_status de_picture_copy(diffedit_picture **copy, const diffedit_picture *picture,
                                diffedit_error *error)
{
    diffedit_status status = de_picture_wrap(copy, g_object_ref(picture->image), error);
    if (status == DIFFEDIT_OK)
        (*copy)->is_srgb = picture->is_srgb;
    return status;
}

diffedit_status de_picture_crop(diffedit_picture **part, const diffedit_picture *picture,
                                de_rectangle at, diffedit_error *error)
{
    VipsImage *lazy, *image = NULL;
    if (vips_extract_area(picture->image, &lazy, at.x, at.y, at.width, at.height, NULL) == 0) {
        image = vips_image_copy_memory(lazy);
        g_object_unref(lazy);
    }
    if (!image)
        return de_vips_fail(error, DIFFEDIT_ERROR_MEMORY, "a part of the picture",
                            "cannot be copied");
    diffedit_status status = de_picture_wrap(part, image, error);
    if (status == DIFFEDIT_OK)
        (*part)->is_srgb = picture->is_srgb;
    return status;
}

void diffedit_picture_free(diffedit_picture *picture)
{
    if (!picture)
        return;
    g_object_unref(picture->image);
    free(picture->record);
    free(picture->warning);
    free(picture);
}

void diffedit_free(void *memory)
{
    free(memory);
}

int diffedit_picture_width(const diffedit_picture *picture)
{
    return picture->image->Xsize;
}

int diffedit_picture_height(const diffedit_picture *picture)
{
    return picture->image->Ysize;
}

int diffedit_picture_channels(const diffedit_picture *picture)
{
    return picture->image->Bands;
}

int diffedit_picture_bits(const diffedit_picture *picture)
{
    return de_image_bits(picture->image);
}

const void *diffedit_picture_pixels(const diffedit_picture *picture)
{
    return VIPS_IMAGE_ADDR(picture->image, 0, 0);
}

const char *diffedit_picture_record(const diffedit_picture *picture)
{
    return picture->record;
}

const char *diffedit_picture_warning(const diffedit_picture *picture)
{
    return picture->warning;
}
