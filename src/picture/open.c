/* File -> picture. Only the loaders named here are ever called, even if libvips has others. */
#include "picture/jpeg_segments.h"
#include "picture/metadata.h"
#include "picture/remark.h"
#include "picture/text_chunks.h"

#include "common/read_all.h"

#include <stdlib.h>
#include <string.h>

typedef struct file_kind {
    const char *loader; /* libvips operation on bytes in memory */
    size_t offset;      /* of the signature */
    const char *signature;
    size_t length;
} file_kind;

static const file_kind KINDS[] = {
    {"pngload_buffer", 0, "\x89PNG\r\n\x1a\n", 8},
    {"jpegload_buffer", 0, "\xff\xd8\xff", 3},
    {"webpload_buffer", 8, "WEBP", 4},
    {"tiffload_buffer", 0, "II*\0", 4},
    {"tiffload_buffer", 0, "MM\0*", 4},
    {"tiffload_buffer", 0, "II+\0", 4},
    {"tiffload_buffer", 0, "MM\0+", 4},
    {"heifload_buffer", 4, "ftyp", 4},
};

static const file_kind *find_kind(const void *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++)
        if (size >= KINDS[i].offset + KINDS[i].length &&
            memcmp((const char *)bytes + KINDS[i].offset, KINDS[i].signature, KINDS[i].length) == 0)
            return &KINDS[i];
    return NULL;
}

/* HEIC and AVIF turn the picture in their own way, whatever its EXIF says, and libvips does so. */
static bool is_turned_by_loader(const void *bytes, size_t size)
{
    const file_kind *kind = find_kind(bytes, size);
    return kind && strcmp(kind->loader, "heifload_buffer") == 0;
}

/* The header only: libvips decodes when pixels are asked for. The bytes must outlive the image. */
static diffedit_status load(VipsImage **image, const void *bytes, size_t size, const char *name,
                            diffedit_error *error)
{
    const file_kind *kind = find_kind(bytes, size);
    if (!kind || !vips_type_find("VipsOperation", kind->loader))
        return de_fail(
            error, DIFFEDIT_ERROR_PICTURE,
            "%s: unsupported picture format; expected PNG, JPEG, WebP, TIFF, HEIC or AVIF", name);
    VipsBlob *blob = vips_blob_new(NULL, bytes, size);
    int result = vips_call(kind->loader, blob, image, "access", VIPS_ACCESS_SEQUENTIAL, "fail_on",
                           VIPS_FAIL_ON_TRUNCATED, NULL);
    vips_area_unref(VIPS_AREA(blob));
    return result == 0 ? DIFFEDIT_OK
                       : de_vips_fail(error, DIFFEDIT_ERROR_PICTURE, name, "cannot be read");
}

static diffedit_status check_size(const VipsImage *image, const char *name, int64_t max_pixels,
                                  diffedit_error *error)
{
    int64_t pixels = (int64_t)image->Xsize * image->Ysize;
    if (max_pixels == 0)
        max_pixels = DIFFEDIT_MAX_PIXELS_DEFAULT;
    if (pixels > max_pixels)
        return de_fail(error, DIFFEDIT_ERROR_PICTURE,
                       "%s: %dx%d is %lld pixels; at most %lld are read (`max_pixels`)", name,
                       image->Xsize, image->Ysize, (long long)pixels, (long long)max_pixels);
    return DIFFEDIT_OK;
}

/* Replaces *image by the result of a step that made `next`. */
static void replace(VipsImage **image, VipsImage *next)
{
    g_object_unref(*image);
    *image = next;
}

/* Rotates the picture as its EXIF orientation says. */
static int turn_upright(VipsImage **image)
{
    VipsImage *next;
    if (vips_autorot(*image, &next, NULL))
        return -1;
    replace(image, next);
    return 0;
}

/* Decodes the whole picture into memory, upright. */
static int make_upright(VipsImage **image)
{
    /* By one thread: where several take turns to read lines, libvips 8.14 reports a broken file to
     * only one of them. */
    vips_image_set_int(*image, VIPS_META_CONCURRENCY, 1);
    /* decodes here, because rotating needs pixels in any order */
    VipsImage *next = vips_image_copy_memory(*image);
    if (!next)
        return -1;
    replace(image, next);
    vips_image_remove(*image, VIPS_META_CONCURRENCY);
    if (turn_upright(image))
        return -1;
    next = vips_image_copy_memory(*image);
    if (!next)
        return -1;
    replace(image, next);
    return 0;
}

/* Extra bands are dropped, and the picture is in memory. */
static int keep_four_bands(VipsImage **image)
{
    VipsImage *next;
    if ((*image)->Bands > 4) {
        if (vips_extract_band(*image, &next, 0, "n", 4, NULL))
            return -1;
        replace(image, next);
    }
    next = vips_image_copy_memory(*image);
    if (!next)
        return -1;
    replace(image, next);
    return 0;
}

/* Converts to one of the forms that the rest of the program handles: grey or RGB, 8 or 16 bit.
 * *remark: what a person should know about it, or NULL. */
static diffedit_status normalise(VipsImage **image, const char *name, const char **remark,
                                 diffedit_error *error)
{
    if (make_upright(image))
        return de_vips_fail(error, DIFFEDIT_ERROR_PICTURE, name, "cannot be decoded");
    diffedit_status status = de_image_to_integers(image, name, remark, error);
    if (status == DIFFEDIT_OK && keep_four_bands(image))
        status = de_vips_fail(error, DIFFEDIT_ERROR_PICTURE, name, "cannot be decoded");
    return status;
}

/* Whether the picture's profile leaves 8-bit RGB or grey values as they are. */
static bool profile_is_srgb(const VipsImage *image)
{
    enum { STEPS = 6, COLOURS = STEPS * STEPS * STEPS };
    uint8_t ramp[COLOURS][3];
    int bands = de_image_colours(image);
    if (!vips_image_get_typeof(image, VIPS_META_ICC_NAME))
        return true;
    for (int i = 0; i < COLOURS; i++)
        for (int j = 0, rest = i; j < 3; j++, rest /= STEPS)
            ramp[i][j] = (uint8_t)(rest % STEPS * 51);
    VipsImage *over = de_image_over(ramp, COLOURS * 3 / bands, 1, bands, VIPS_FORMAT_UCHAR),
              *converted = NULL;
    bool same = false;
    if (over) {
        VipsImage *tagged;
        if (vips_copy(over, &tagged, NULL) == 0) {
            de_image_copy_metadata(tagged, image);
            if (vips_icc_transform(tagged, &converted, "srgb", "embedded", TRUE, "depth", 8,
                                   NULL) == 0) {
                size_t size;
                uint8_t *values = vips_image_write_to_memory(converted, &size);
                same = values != NULL;
                for (int i = 0; same && i < COLOURS * 3; i++) {
                    int found = bands == 3 ? values[i] : values[3 * i];
                    same = abs(found - ((uint8_t *)ramp)[i]) <= 1;
                }
                g_free(values);
                g_object_unref(converted);
            }
            g_object_unref(tagged);
        }
        g_object_unref(over);
    }
    vips_error_clear();
    return same;
}

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

/* Drops a profile that is for another kind of pixels, such as CMYK in an RGB file. */
static bool drop_unfit_profile(VipsImage *image)
{
    const void *profile;
    size_t size;
    if (!vips_image_get_typeof(image, VIPS_META_ICC_NAME) ||
        vips_image_get_blob(image, VIPS_META_ICC_NAME, &profile, &size))
        return false;
    if (vips_icc_is_compatible_profile(image, profile, size))
        return false;
    vips_image_remove(image, VIPS_META_ICC_NAME);
    return true;
}

static void add_remarks(char **remarks, const char *conversion, bool dropped_profile)
{
    if (conversion)
        de_remark_add(remarks, conversion);
    else if (dropped_profile)
        de_remark_add(remarks, "the picture's colour profile does not fit its pixels and was "
                               "ignored");
}

static diffedit_status wrap(diffedit_picture **picture, VipsImage *image, char *remarks,
                            diffedit_error *error)
{
    const char *record = de_image_text(image, "diffedit");
    diffedit_status status = de_picture_wrap(picture, image, error);
    if (status == DIFFEDIT_OK) {
        (*picture)->is_srgb = profile_is_srgb(image);
        (*picture)->record = copy_text(record);
        (*picture)->warning = copy_text(remarks);
    }
    return status;
}

/* `added`: how many bytes of an end marker a JPEG was given, without which it may end too early. */
static diffedit_status decode(diffedit_picture **picture, const void *bytes, size_t size,
                              size_t added, const char *name, int64_t max_pixels,
                              diffedit_error *error)
{
    VipsImage *image;
    diffedit_status status = load(&image, bytes, size, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    char *remarks = NULL;
    const char *conversion = NULL;
    bool turned = false;
    status = check_size(image, name, max_pixels, error);
    if (status == DIFFEDIT_OK && added && !de_jpeg_decodes(bytes, size)) {
        g_object_unref(image); /* libvips says what is wrong with the file as it is */
        return decode(picture, bytes, size - added, 0, name, max_pixels, error);
    }
    if (status == DIFFEDIT_OK) {
        de_metadata_collect(image, bytes, size, &remarks);
        turned = vips_image_get_orientation(image) != 1 || is_turned_by_loader(bytes, size);
        status = normalise(&image, name, &conversion, error);
    }
    if (status == DIFFEDIT_OK) {
        if (added)
            de_remark_add(&remarks, "the file lacks its end marker; the picture is complete");
        add_remarks(&remarks, conversion, drop_unfit_profile(image));
        de_metadata_correct(image, turned, &remarks);
        status = wrap(picture, image, remarks, error);
    } else {
        g_object_unref(image);
    }
    free(remarks);
    return status;
}

/* Decodes a JPEG that lacks its end marker as if it had one. */
static diffedit_status decode_without_end(diffedit_picture **picture, const uint8_t *bytes,
                                          size_t size, const char *name, int64_t max_pixels,
                                          diffedit_error *error)
{
    static const uint8_t end[] = {0xff, DE_JPEG_END};
    uint8_t *whole = malloc(size + sizeof end);
    if (!whole)
        return de_fail_memory(error, size + sizeof end, name);
    memcpy(whole, bytes, size);
    size_t have = whole[size - 1] == end[0], added = sizeof end - have; /* half may be there */
    memcpy(whole + size, end + have, added);
    diffedit_status status = decode(picture, whole, size + added, added, name, max_pixels, error);
    free(whole);
    return status;
}

diffedit_status diffedit_picture_decode(diffedit_picture **picture, const void *bytes, size_t size,
                                        const char *name, int64_t max_pixels, diffedit_error *error)
{
    diffedit_status status = de_vips_start(error);
    if (status != DIFFEDIT_OK)
        return status;
    if (de_jpeg_is_jpeg(bytes, size) && de_jpeg_look(bytes, size).only_end)
        return decode_without_end(picture, bytes, size, name, max_pixels, error);
    return decode(picture, bytes, size, 0, name, max_pixels, error);
}

diffedit_status diffedit_picture_open(diffedit_picture **picture, const char *path,
                                      int64_t max_pixels, diffedit_error *error)
{
    void *bytes;
    size_t size;
    diffedit_status status = de_read_file(&bytes, &size, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = diffedit_picture_decode(picture, bytes, size, path, max_pixels, error);
    free(bytes);
    return status;
}
