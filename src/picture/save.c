/* Picture -> file: encoded in memory, written beside the target, renamed. */
#include "picture/metadata.h"

#include "base/sized.h"
#include "common/new_file.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { QUALITY_DEFAULT = 95, LOSSLESS = 100 };

typedef enum file_format {
    FORMAT_PNG,
    FORMAT_JPEG,
    FORMAT_WEBP,
    FORMAT_TIFF,
    FORMAT_NONE
} file_format;

static file_format find_format(const char *path)
{
    static const struct {
        const char *ending;
        file_format format;
    } endings[] = {{".png", FORMAT_PNG},   {".jpg", FORMAT_JPEG}, {".jpeg", FORMAT_JPEG},
                   {".webp", FORMAT_WEBP}, {".tif", FORMAT_TIFF}, {".tiff", FORMAT_TIFF}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i].ending) == 0)
            return endings[i].format;
    return FORMAT_NONE;
}

static diffedit_status unsupported(const char *path, diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                   "%s: unsupported output format; use .png, .jpg, .webp or .tif", path);
}

/* ---- encoding ---- */

/* 16 bit to 8: v / 257, rounded. */
static VipsImage *reduce_depth(const VipsImage *image, uint8_t **bytes)
{
    size_t count = (size_t)image->Xsize * (size_t)image->Ysize * (size_t)image->Bands;
    const uint16_t *values = (const uint16_t *)(const void *)VIPS_IMAGE_ADDR(image, 0, 0);
    *bytes = malloc(count);
    if (!*bytes)
        return NULL;
    for (size_t i = 0; i < count; i++)
        (*bytes)[i] = (uint8_t)((values[i] + 128u) / 257u);
    return de_image_over(*bytes, image->Xsize, image->Ysize, image->Bands, VIPS_FORMAT_UCHAR);
}

static int save_jpeg(VipsImage *image, int quality, void **bytes, size_t *size)
{
    /* alpha is flattened onto white */
    VipsArrayDouble *white = vips_array_double_newv(1, 255.0);
    int failed = vips_jpegsave_buffer(image, bytes, size, "Q", quality, "subsample_mode",
                                      VIPS_FOREIGN_SUBSAMPLE_OFF, "background", white, NULL);
    vips_area_unref(VIPS_AREA(white));
    return failed;
}

/* Encodes a copy of the picture's header with its metadata and the record, over the same pixels or
 * pixels reduced to 8 bit. */
static int encode(const diffedit_picture *picture, file_format format,
                  const diffedit_save_options *options, void **bytes, size_t *size)
{
    uint8_t *reduced = NULL;
    bool narrow = (format == FORMAT_JPEG || format == FORMAT_WEBP) &&
                  de_image_bits(picture->image) == 16;
    const VipsImage *from = picture->image;
    int quality = options->quality ? options->quality : QUALITY_DEFAULT;
    VipsImage *image = narrow ? reduce_depth(from, &reduced)
                              : de_image_over(VIPS_IMAGE_ADDR(from, 0, 0), from->Xsize, from->Ysize,
                                              from->Bands, from->BandFmt);
    int failed = -1;
    if (image) {
        de_image_copy_metadata(image, from);
        if (options->record)
            vips_image_set_string(image, "png-comment-0-diffedit", options->record);
        switch (format) {
        case FORMAT_PNG:
            /* of a photograph a third of the time of level 6 without a filter, and smaller */
            failed = vips_pngsave_buffer(image, bytes, size, "compression", 1, "filter",
                                         VIPS_FOREIGN_PNG_FILTER_UP, NULL) ||
                     de_metadata_place_in_png(image, bytes, size);
            break;
        case FORMAT_JPEG:
            failed = save_jpeg(image, quality, bytes, size) ||
                     de_metadata_place_in_jpeg(image, bytes, size);
            break;
        case FORMAT_WEBP:
            failed = vips_webpsave_buffer(image, bytes, size, "Q", quality, "lossless",
                                          quality == LOSSLESS, NULL);
            break;
        default:
            failed = vips_tiffsave_buffer(image, bytes, size, "compression",
                                          VIPS_FOREIGN_TIFF_COMPRESSION_DEFLATE, NULL);
        }
        g_object_unref(image);
    }
    free(reduced);
    return failed;
}

/* `path` NULL: into memory. */
static diffedit_status encode_as(void **bytes, size_t *size, const diffedit_picture *picture,
                                 const char *path, const diffedit_save_options *options,
                                 diffedit_error *error)
{
    diffedit_save_options known = {.struct_size = sizeof known};
    diffedit_status status = DIFFEDIT_OK;
    if (options)
        status = de_sized_read(&known, sizeof known, options, "diffedit_save_options", error);
    if (status != DIFFEDIT_OK)
        return status;
    const char *ending = known.format ? known.format : path ? path : ".png";
    file_format format = find_format(ending);
    if (format == FORMAT_NONE)
        return unsupported(ending, error);
    if (known.quality < 0 || known.quality > 100)
        return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`quality`: expected 1 to 100, found %d",
                       known.quality);
    void *encoded = NULL;
    if (encode(picture, format, &known, &encoded, size))
        return de_vips_fail(error, DIFFEDIT_ERROR_PICTURE, path ? path : "the picture",
                            "cannot be encoded");
    *bytes = encoded;
    return DIFFEDIT_OK;
}

diffedit_status diffedit_picture_encode(void **bytes, size_t *size, const diffedit_picture *picture,
                                        const diffedit_save_options *options, diffedit_error *error)
{
    void *encoded;
    diffedit_status status = encode_as(&encoded, size, picture, NULL, options, error);
    if (status != DIFFEDIT_OK)
        return status;
    *bytes = malloc(*size); /* diffedit_free() is free(), not g_free() */
    if (*bytes)
        memcpy(*bytes, encoded, *size);
    else
        status = de_fail_memory(error, *size, "an encoded picture");
    g_free(encoded);
    return status;
}

/* ---- writing ---- */

diffedit_status diffedit_picture_check_output(const char *path, diffedit_error *error)
{
    if (find_format(path) == FORMAT_NONE)
        return unsupported(path, error);
    return de_new_file_check(path, error);
}

static diffedit_status write_file(const char *path, const void *bytes, size_t size,
                                  diffedit_error *error)
{
    de_new_file file;
    diffedit_status status = de_new_file_create(&file, path, error);
    if (status != DIFFEDIT_OK)
        return status;
    return de_new_file_finish(&file, de_new_file_write(&file, bytes, size, error), error);
}

diffedit_status diffedit_picture_save(const diffedit_picture *picture, const char *path,
                                      const diffedit_save_options *options, diffedit_error *error)
{
    void *bytes;
    size_t size;
    diffedit_status status = encode_as(&bytes, &size, picture, path, options, error);
    if (status == DIFFEDIT_OK) {
        status = write_file(path, bytes, size, error);
        g_free(bytes);
    }
    return status;
}
