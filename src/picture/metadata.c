#include "picture/metadata.h"

#include "picture/exif.h"
#include "picture/jpeg_segments.h"
#include "picture/png_colour.h"
#include "picture/remark.h"
#include "picture/text_chunks.h"
#include "picture/xmp.h"

#include <stdlib.h>
#include <string.h>

#define XMP_KEYWORD "XML:com.adobe.xmp"

static const char COLOUR_CHUNKS[] = "diffedit-png-colour", TEXT_CHUNKS[] = "diffedit-png-texts",
                  COMMENTS[] = "diffedit-jpeg-comments", /* whole segments */
    MADE_PROFILE[] = "diffedit-made-profile";            /* the profile stands for colour chunks */

static bool has(const VipsImage *image, const char *field)
{
    return vips_image_get_typeof(image, field) != 0;
}

static void set_bytes(VipsImage *image, const char *field, GByteArray *bytes)
{
    if (bytes->len)
        vips_image_set_blob_copy(image, field, bytes->data, bytes->len);
    g_byte_array_unref(bytes);
}

/* An EXIF block that libvips passed over; it goes by its orientation later. */
static void set_exif(VipsImage *image, const uint8_t *exif, size_t size)
{
    uint32_t orientation;
    if (has(image, VIPS_META_EXIF_NAME) || size == 0)
        return;
    vips_image_set_blob_copy(image, VIPS_META_EXIF_NAME, exif, size);
    if (de_exif_find(exif, size, DE_EXIF_ORIENTATION, &orientation) && orientation >= 1 &&
        orientation <= 8)
        vips_image_set_int(image, VIPS_META_ORIENTATION, (int)orientation);
}

static void set_xmp(VipsImage *image, const void *xmp, size_t size)
{
    if (!has(image, VIPS_META_XMP_NAME) && size > 0)
        vips_image_set_blob_copy(image, VIPS_META_XMP_NAME, xmp, size);
}

/* ---- what libvips passes over ---- */

static void note_colour(VipsImage *image, const uint8_t *png, size_t size, char **remarks)
{
    de_png_colour colour = {.has_cicp = false};
    de_png_chunk chunk;
    GByteArray *chunks = g_byte_array_new();
    for (size_t at = 0; de_png_next(png, size, &at, &chunk);)
        if (!de_png_has_type(&chunk, "IDAT") && de_png_is_sound(&chunk))
            de_png_note_colour(&colour, &chunk);
    size_t profile_size;
    const char *remark;
    void *profile = de_png_colour_profile(&colour, de_image_colours(image), &profile_size, &remark);
    for (size_t at = 0; de_png_next(png, size, &at, &chunk);) {
        de_png_colour one = {.has_cicp = false};
        if (de_png_has_type(&chunk, "IDAT") || !de_png_is_sound(&chunk) ||
            !de_png_note_colour(&one, &chunk))
            continue;
        /* libvips writes the file's own profile, unless one for cICP takes its place here */
        if (!one.has_icc || profile)
            de_bytes_append(chunks, chunk.whole, chunk.whole_size);
    }
    set_bytes(image, COLOUR_CHUNKS, chunks);
    if (profile) {
        vips_image_set_blob_copy(image, VIPS_META_ICC_NAME, profile, profile_size);
        vips_image_set_int(image, MADE_PROFILE, 1);
        free(profile);
    }
    if (remark)
        de_remark_add(remarks, remark);
}

/* Profiles that ImageMagick and others wrote as text in hexadecimal, before PNG had chunks for
 * them. False: the text is none that concerns us. */
static bool note_raw_profile(VipsImage *image, const de_png_chunk *chunk, GByteArray *texts)
{
    static const char xmp_prefix[] = "http://ns.adobe.com/xap/1.0/";
    const char *kind;
    GByteArray *profile = de_png_raw_profile(image, chunk, &kind);
    if (!profile)
        return false;
    bool known = true;
    if (strcmp(kind, "xmp") == 0)
        set_xmp(image, profile->data, profile->len);
    else if (profile->len > sizeof xmp_prefix &&
             memcmp(profile->data, xmp_prefix, sizeof xmp_prefix) == 0)
        set_xmp(image, profile->data + sizeof xmp_prefix, profile->len - sizeof xmp_prefix);
    else if (strcmp(kind, "exif") == 0 || strcmp(kind, "APP1") == 0)
        set_exif(image, profile->data, profile->len);
    else if (strcmp(kind, "iptc") == 0 || strcmp(kind, "8bim") == 0)
        de_png_append_raw_profile(texts, kind, profile->data,
                                  de_photoshop_correct(profile->data, profile->len));
    else
        known = false;
    g_byte_array_unref(profile);
    return known;
}

static void note_texts(VipsImage *image, const uint8_t *png, size_t size)
{
    GByteArray *texts = g_byte_array_new(), *comments = g_byte_array_new();
    de_png_chunk chunk;
    for (size_t at = 0; de_png_next(png, size, &at, &chunk);) {
        const uint8_t *text;
        size_t length;
        if (de_png_has_type(&chunk, "IDAT") || !de_png_is_sound(&chunk))
            continue;
        if (de_png_has_type(&chunk, "eXIf"))
            set_exif(image, chunk.data, chunk.size);
        else if (de_png_is_text(&chunk, XMP_KEYWORD) && de_png_plain_text(&chunk, &text, &length))
            set_xmp(image, text, length);
        else if (de_png_is_text(&chunk, NULL) && !de_png_is_text(&chunk, XMP_KEYWORD) &&
                 !de_png_is_text(&chunk, "diffedit") && !note_raw_profile(image, &chunk, texts)) {
            de_bytes_append(texts, chunk.whole, chunk.whole_size);
            de_jpeg_append_png_text(comments, image, &chunk);
        }
    }
    set_bytes(image, TEXT_CHUNKS, texts);
    set_bytes(image, COMMENTS, comments);
}

static bool is_animated(const uint8_t *png, size_t size)
{
    de_png_chunk chunk;
    for (size_t at = 0; de_png_next(png, size, &at, &chunk) && !de_png_has_type(&chunk, "IDAT");)
        if (de_png_has_type(&chunk, "acTL"))
            return chunk.size >= 4 && memcmp(chunk.data, "\0\0\0\0", 4) != 0 &&
                   memcmp(chunk.data, "\0\0\0\1", 4) != 0;
    return false;
}

static void note_comments(VipsImage *image, const uint8_t *jpeg, size_t size)
{
    GByteArray *texts = g_byte_array_new(), *comments = g_byte_array_new();
    de_jpeg_reader reader = {.bytes = jpeg, .size = size};
    de_jpeg_segment segment;
    while (de_jpeg_next(&reader, &segment) && segment.marker != DE_JPEG_END)
        if (segment.marker == DE_JPEG_COMMENT) {
            de_jpeg_append_comment(comments, segment.data, segment.size);
            de_png_append_comment(texts, segment.data, segment.size);
        }
    set_bytes(image, TEXT_CHUNKS, texts);
    set_bytes(image, COMMENTS, comments);
}

/* libvips leaves what it reads of a HEIC or AVIF (EXIF, XMP) in memory of the loaded image, to
 * which the fields of images made from it point when that memory is gone. */
static void own_fields(VipsImage *image)
{
    const void *bytes;
    size_t size;
    char **names = vips_image_get_fields(image);
    for (char **name = names; name && *name; name++)
        if (vips_image_get_typeof(image, *name) == VIPS_TYPE_BLOB &&
            vips_image_get_blob(image, *name, &bytes, &size) == 0)
            vips_image_set_blob_copy(image, *name, bytes, size);
    g_strfreev(names);
}

void de_metadata_collect(VipsImage *image, const void *bytes, size_t size, char **remarks)
{
    int pictures = 1;
    own_fields(image);
    if (has(image, VIPS_META_N_PAGES) && vips_image_get_int(image, VIPS_META_N_PAGES, &pictures))
        pictures = 1;
    if (de_png_is_png(bytes, size)) {
        note_colour(image, bytes, size, remarks);
        note_texts(image, bytes, size);
        if (is_animated(bytes, size))
            pictures = 2;
    } else if (de_jpeg_is_jpeg(bytes, size)) {
        note_comments(image, bytes, size);
        pictures = de_jpeg_look(bytes, size).pictures;
    }
    if (pictures > 1)
        de_remark_add(remarks, "the file contains several pictures; only the first is used");
    vips_error_clear();
}

/* ---- what became false ---- */

/* A copy of a field's bytes, or NULL where it has none; freed by g_free(). */
static uint8_t *copy_field(const VipsImage *image, const char *field, size_t *size)
{
    const void *bytes;
    if (!has(image, field) || vips_image_get_blob(image, field, &bytes, size) || *size == 0)
        return NULL;
    uint8_t *copy = g_malloc(*size);
    memcpy(copy, bytes, *size);
    return copy;
}

static void correct_exif(VipsImage *image, bool turned)
{
    size_t size;
    uint8_t *exif = copy_field(image, VIPS_META_EXIF_NAME, &size);
    if (!exif)
        return;
    if (turned)
        de_exif_set_size(exif, size, image->Xsize, image->Ysize);
    size = de_exif_correct(exif, size);
    vips_image_set_blob_copy(image, VIPS_META_EXIF_NAME, exif, size);
    g_free(exif);
    /* libvips makes a block from its fields again */
    char **names = vips_image_get_fields(image);
    for (char **name = names; name && *name; name++)
        if (strncmp(*name, "exif-ifd1-", 10) == 0 ||
            (turned && (strcmp(*name, "exif-ifd0-ImageWidth") == 0 ||
                        strcmp(*name, "exif-ifd0-ImageLength") == 0)))
            vips_image_remove(image, *name);
    g_strfreev(names);
    vips_image_remove(image, "jpeg-thumbnail-data");
}

static void correct_photoshop(VipsImage *image)
{
    size_t size;
    uint8_t *resources = copy_field(image, VIPS_META_IPTC_NAME, &size);
    if (!resources)
        return;
    size = de_photoshop_correct(resources, size);
    if (size)
        vips_image_set_blob_copy(image, VIPS_META_IPTC_NAME, resources, size);
    else
        vips_image_remove(image, VIPS_META_IPTC_NAME);
    g_free(resources);
}

static void correct_xmp(VipsImage *image, bool turned, char **remarks)
{
    const void *bytes;
    const de_xmp_size upright = {image->Xsize, image->Ysize};
    char *corrected;
    size_t size;
    bool gain_map;
    if (!has(image, VIPS_META_XMP_NAME) ||
        vips_image_get_blob(image, VIPS_META_XMP_NAME, &bytes, &size))
        return;
    switch (de_xmp_correct(bytes, size, turned ? &upright : NULL, &corrected, &size, &gain_map)) {
    case DE_XMP_SAME: break;
    case DE_XMP_CORRECTED:
        vips_image_set_blob_copy(image, VIPS_META_XMP_NAME, corrected, size);
        free(corrected);
        break;
    case DE_XMP_EMPTY: vips_image_remove(image, VIPS_META_XMP_NAME); break;
    case DE_XMP_BROKEN:
        vips_image_remove(image, VIPS_META_XMP_NAME);
        de_remark_add(remarks, "the picture's XMP cannot be read and is not kept");
    }
    if (gain_map)
        de_remark_add(remarks, "the picture's gain map for HDR is not kept");
}

void de_metadata_correct(VipsImage *image, bool turned, char **remarks)
{
    correct_exif(image, turned);
    correct_photoshop(image);
    correct_xmp(image, turned, remarks);
    vips_error_clear();
}

/* ---- into files ---- */

/* A file as it is made again: an allocation with room for what is appended. */
typedef struct new_bytes {
    uint8_t *data;
    size_t size;
} new_bytes;

static void append(new_bytes *file, const void *bytes, size_t size)
{
    if (size) /* else `bytes` may be NULL */
        memcpy(file->data + file->size, bytes, size);
    file->size += size;
}

static const void *get_field(const VipsImage *image, const char *field, size_t *size)
{
    const void *bytes;
    if (has(image, field) && vips_image_get_blob(image, field, &bytes, size) == 0)
        return bytes;
    *size = 0;
    return "";
}

static void take_over(const new_bytes *file, void **bytes, size_t *size)
{
    g_free(*bytes);
    *bytes = file->data;
    *size = file->size;
}

/* The image's XMP as the chunk that the PNG specification asks for; libvips 8.14 writes another. */
static GByteArray *make_xmp_chunk(const VipsImage *image)
{
    static const char head[] = XMP_KEYWORD "\0\0\0\0"; /* uncompressed, no language */
    size_t size;
    const void *xmp = get_field(image, VIPS_META_XMP_NAME, &size);
    GByteArray *data = g_byte_array_new(), *chunk = g_byte_array_new();
    if (size && de_bytes_append(data, head, sizeof head) && de_bytes_append(data, xmp, size))
        de_png_append(chunk, "iTXt", data->data, data->len);
    g_byte_array_unref(data);
    return chunk;
}

int de_metadata_place_in_png(const VipsImage *image, void **bytes, size_t *size)
{
    size_t colour_size, text_size;
    const void *colour = get_field(image, COLOUR_CHUNKS, &colour_size),
               *texts = get_field(image, TEXT_CHUNKS, &text_size);
    de_png_chunk chunk;
    bool has_exif = false, in_pixels = false, made_profile = has(image, MADE_PROFILE);
    GByteArray *xmp = make_xmp_chunk(image);
    new_bytes file = {.data = g_try_malloc(*size + colour_size + text_size + xmp->len)};
    if (file.data) {
        append(&file, *bytes, DE_PNG_SIGNATURE);
        for (size_t at = 0; de_png_next(*bytes, *size, &at, &chunk);) {
            if (de_png_has_type(&chunk, "IDAT") && !in_pixels) {
                append(&file, texts, text_size);
                append(&file, xmp->data, xmp->len);
                in_pixels = true;
            }
            bool again = has_exif && de_png_has_type(&chunk, "eXIf"); /* libpng writes it twice */
            has_exif |= de_png_has_type(&chunk, "eXIf");
            if (!again && !de_png_is_text(&chunk, XMP_KEYWORD) &&
                !(made_profile && de_png_has_type(&chunk, "iCCP")))
                append(&file, chunk.whole, chunk.whole_size);
            if (de_png_has_type(&chunk, "IHDR"))
                append(&file, colour, colour_size);
        }
        take_over(&file, bytes, size);
    }
    g_byte_array_unref(xmp);
    return file.data ? 0 : -1;
}

int de_metadata_place_in_jpeg(const VipsImage *image, void **bytes, size_t *size)
{
    size_t comment_size, head = 0; /* the start and all application segments */
    const void *comments = get_field(image, COMMENTS, &comment_size);
    de_jpeg_reader reader = {.bytes = *bytes, .size = *size};
    de_jpeg_segment segment;
    if (comment_size == 0)
        return 0;
    new_bytes file = {.data = g_try_malloc(*size + comment_size)};
    if (!file.data)
        return -1;
    while (de_jpeg_next(&reader, &segment) &&
           (segment.marker == DE_JPEG_START || (segment.marker & 0xf0) == DE_JPEG_APP))
        head = reader.at;
    append(&file, *bytes, head);
    append(&file, comments, comment_size);
    append(&file, reader.bytes + head, *size - head);
    take_over(&file, bytes, size);
    return 0;
}
