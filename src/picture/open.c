/* File -> picture. Only the loaders named here are ever called, even if libvips has others. */
#include "picture/image.h"

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

static uint32_t exif_number(const uint8_t *bytes, int count, bool little)
{
    uint32_t number = 0;
    for (int i = 0; i < count; i++)
        number |= (uint32_t)bytes[i] << 8 * (little ? i : count - 1 - i);
    return number;
}

/* Sets the orientation in an EXIF block, if it has one, to "upright". The block may begin with
 * "Exif" and two zeros; then come a TIFF header and a list of entries of 12 bytes. libvips updates
 * some blocks when it writes a file, but copies others as they were. */
static void set_exif_upright(uint8_t *tiff, size_t size)
{
    enum { PREFIX = 6, HEADER = 8, ORIENTATION = 0x112, UPRIGHT = 1, ENTRY = 12 };
    if (size >= PREFIX && memcmp(tiff, "Exif\0", PREFIX) == 0) {
        tiff += PREFIX;
        size -= PREFIX;
    }
    if (size < HEADER + 2)
        return;
    bool little = tiff[0] == 'I';
    size_t list = exif_number(tiff + 4, 4, little);
    if (list > size - 2)
        return;
    size_t count = exif_number(tiff + list, 2, little);
    for (size_t at = list + 2; count > 0 && at + ENTRY <= size; at += ENTRY, count--)
        if (exif_number(tiff + at, 2, little) == ORIENTATION) {
            tiff[at + 8] = little ? UPRIGHT : 0;
            tiff[at + 9] = little ? 0 : UPRIGHT;
        }
}

/* Rotates the picture as its EXIF orientation says, and sets that to "upright". */
static int turn_upright(VipsImage **image)
{
    VipsImage *next;
    const void *exif;
    size_t size;
    if (vips_autorot(*image, &next, NULL))
        return -1;
    replace(image, next);
    if (!vips_image_get_typeof(*image, VIPS_META_EXIF_NAME))
        return 0;
    uint8_t *upright = vips_image_get_blob(*image, VIPS_META_EXIF_NAME, &exif, &size)
                           ? NULL
                           : malloc(size);
    if (!upright)
        return -1;
    memcpy(upright, exif, size);
    set_exif_upright(upright, size);
    vips_image_set_blob_copy(*image, VIPS_META_EXIF_NAME, upright, size);
    free(upright);
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

static const char *remark(const char *conversion, bool dropped_profile, int pages)
{
    if (conversion)
        return conversion;
    if (dropped_profile)
        return "the picture's colour profile does not fit its pixels and was ignored";
    return pages > 1 ? "the file contains several pictures; only the first is used" : NULL;
}

static diffedit_status decode(diffedit_picture **picture, const void *bytes, size_t size,
                              const char *name, int64_t max_pixels, diffedit_error *error)
{
    VipsImage *image;
    diffedit_status status = load(&image, bytes, size, name, error);
    if (status != DIFFEDIT_OK)
        return status;
    const char *record = NULL, *conversion = NULL;
    int pages = 1;
    status = check_size(image, name, max_pixels, error);
    if (status == DIFFEDIT_OK && vips_image_get_typeof(image, VIPS_META_N_PAGES))
        vips_image_get_int(image, VIPS_META_N_PAGES, &pages);
    if (status == DIFFEDIT_OK)
        status = normalise(&image, name, &conversion, error);
    if (status != DIFFEDIT_OK) {
        g_object_unref(image);
        return status;
    }
    bool dropped = drop_unfit_profile(image);
    if (vips_image_get_typeof(image, "png-comment-0-diffedit"))
        vips_image_get_string(image, "png-comment-0-diffedit", &record);
    status = de_picture_wrap(picture, image, error);
    if (status == DIFFEDIT_OK) {
        (*picture)->is_srgb = profile_is_srgb(image);
        (*picture)->record = copy_text(record);
        (*picture)->warning = copy_text(remark(conversion, dropped, pages));
    }
    return status;
}

diffedit_status diffedit_picture_decode(diffedit_picture **picture, const void *bytes, size_t size,
                                        const char *name, int64_t max_pixels, diffedit_error *error)
{
    diffedit_status status = de_vips_start(error);
    return status == DIFFEDIT_OK ? decode(picture, bytes, size, name, max_pixels, error) : status;
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
