#include "pictures.h"

#include "clock.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- formats ---- */

struct format {
    const char *ending, *type, *name;
    bool written; /* by the library */
};

static const struct format formats[] = {
    {".png", "image/png", "PNG", true},     {".jpg", "image/jpeg", "JPEG", true},
    {".webp", "image/webp", "WebP", true},  {".tif", "image/tiff", "TIFF", true},
    {".heic", "image/heic", "HEIC", false}, {".avif", "image/avif", "AVIF", false},
};
enum { FORMATS = sizeof formats / sizeof *formats };

static bool begins(const unsigned char *bytes, size_t size, size_t at, const char *with)
{
    return size >= at + strlen(with) && memcmp(bytes + at, with, strlen(with)) == 0;
}

const char *pictures_format(const void *file, size_t size)
{
    const unsigned char *bytes = file;
    if (begins(bytes, size, 0, "\x89PNG"))
        return ".png";
    if (begins(bytes, size, 0, "\xff\xd8\xff"))
        return ".jpg";
    if (begins(bytes, size, 0, "RIFF") && begins(bytes, size, 8, "WEBP"))
        return ".webp";
    if (begins(bytes, size, 0, "II") || begins(bytes, size, 0, "MM"))
        return ".tif";
    if (begins(bytes, size, 4, "ftyp"))
        return begins(bytes, size, 8, "avif") ? ".avif" : ".heic";
    return "";
}

static const struct format *find_format(const char *ending)
{
    for (int i = 0; i < FORMATS; i++)
        if (strcmp(formats[i].ending, ending) == 0)
            return &formats[i];
    return NULL;
}

const char *pictures_type(const char *ending)
{
    const struct format *found = find_format(ending);
    return found ? found->type : "application/octet-stream";
}

const char *pictures_result_format(const char *ending)
{
    const struct format *found = find_format(ending);
    return found && found->written ? found->ending : ".png";
}

/* ---- adding ---- */

/* The last part of what a client calls a file, clean, and not too long. */
static char *clean_name(const char *given)
{
    enum { LONGEST = 200 };
    char name[LONGEST];
    const char *base = given ? given : "";
    for (const char *at = base; *at; at++)
        if (*at == '/' || *at == '\\')
            base = at + 1;
    de_sentence(name, sizeof name, "%s", *base ? base : "picture");
    return strdup(name);
}

void pictures_unsettle(struct server *server, const files_draft *draft)
{
    if (draft->id[0] && !draft->temporary && !store_has_file(server->store, draft->id))
        files_remove(server->files, draft->id);
}

/* Puts a file and its row in place; `row` adds the row. */
typedef diffedit_status (*add_row_fn)(struct store *store, const void *row, diffedit_error *error);

static diffedit_status keep(struct server *server, files_draft *draft, add_row_fn add,
                            const void *row, diffedit_error *error)
{
    files_lock(server->files);
    diffedit_status status = files_settle(server->files, draft, error);
    if (status == DIFFEDIT_OK)
        status = store_begin(server->store, error);
    if (status == DIFFEDIT_OK) {
        status = store_add_file(server->store, draft->id, draft->size, error);
        if (status == DIFFEDIT_OK)
            status = add(server->store, row, error);
        status = store_end(server->store, status, error);
    }
    if (status != DIFFEDIT_OK)
        pictures_unsettle(server, draft);
    files_unlock(server->files);
    return status;
}

static diffedit_status add_picture_row(struct store *store, const void *row, diffedit_error *error)
{
    return store_add_picture(store, row, error);
}

static diffedit_status add_mask_row(struct store *store, const void *row, diffedit_error *error)
{
    return store_add_mask(store, row, error);
}

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

diffedit_status pictures_add(store_picture *picture, bool *is_new, struct server *server,
                             const void *bytes, size_t size, const char *name,
                             diffedit_error *error)
{
    diffedit_picture *decoded;
    files_draft draft;
    *picture = (store_picture){.created = clock_date(), .name = clean_name(name)};
    if (!picture->name)
        return de_fail_memory(error, 1, "a name");
    diffedit_status status = diffedit_picture_decode(&decoded, bytes, size, picture->name,
                                                     server->settings->max_pixels, error);
    if (status != DIFFEDIT_OK) {
        store_picture_free(picture);
        return status;
    }
    picture->width = diffedit_picture_width(decoded);
    picture->height = diffedit_picture_height(decoded);
    picture->warning = copy_text(diffedit_picture_warning(decoded));
    picture->record = copy_text(diffedit_picture_record(decoded));
    picture->bytes = (int64_t)size;
    snprintf(picture->format, sizeof picture->format, "%s", pictures_format(bytes, size));
    diffedit_picture_free(decoded);
    status = files_write(&draft, server->files, bytes, size, error);
    if (status == DIFFEDIT_OK) {
        store_picture there;
        snprintf(picture->id, sizeof picture->id, "%s", draft.id);
        *is_new = !store_get_picture(&there, server->store, draft.id);
        /* always: a file that was lost comes back so */
        status = keep(server, &draft, add_picture_row, picture, error);
        if (!*is_new) {
            store_picture_free(picture);
            there.created = picture->created;
            *picture = there;
        }
        files_drop(&draft);
    }
    if (status != DIFFEDIT_OK)
        store_picture_free(picture);
    return status;
}

diffedit_status pictures_add_mask(store_mask *mask, bool *is_new, struct server *server,
                                  const void *bytes, size_t size, diffedit_error *error)
{
    diffedit_picture *decoded;
    files_draft draft;
    diffedit_status status = diffedit_picture_decode(&decoded, bytes, size, "the mask",
                                                     server->settings->max_pixels, error);
    if (status != DIFFEDIT_OK)
        return status;
    *mask = (store_mask){.width = diffedit_picture_width(decoded),
                         .height = diffedit_picture_height(decoded),
                         .created = clock_date()};
    snprintf(mask->format, sizeof mask->format, "%s", pictures_format(bytes, size));
    diffedit_picture_free(decoded);
    status = files_write(&draft, server->files, bytes, size, error);
    if (status == DIFFEDIT_OK) {
        store_mask there;
        snprintf(mask->id, sizeof mask->id, "%s", draft.id);
        *is_new = !store_get_mask(&there, server->store, draft.id);
        status = keep(server, &draft, add_mask_row, mask, error);
        files_drop(&draft);
    }
    return status;
}

/* ---- as JSON ---- */

static double screen_scale(int width, int height)
{
    int longest = width > height ? width : height;
    return longest > PICTURES_SCREEN ? (double)PICTURES_SCREEN / longest : 1;
}

static json_t *note_of(const store_picture *picture)
{
    const struct format *found = find_format(picture->format);
    if (!found || found->written)
        return json_null();
    return json_sprintf("%s cannot be written; results are PNG", found->name);
}

json_t *pictures_json(const store_picture *picture)
{
    json_t *record = picture->record ? json_loads(picture->record, 0, NULL) : NULL;
    double scale = screen_scale(picture->width, picture->height);
    return json_pack("{s:s, s:s, s:i, s:i, s:s, s:s, s:o, s:s?, s:o, s:{s:i, s:i}, s:I, s:f}", "id",
                     picture->id, "name", picture->name, "width", picture->width, "height",
                     picture->height, "format", picture->format, "result_format",
                     pictures_result_format(picture->format), "note", note_of(picture), "warning",
                     picture->warning, "record", record ? record : json_null(), "screen", "width",
                     (int)fmax(1, rint(picture->width * scale)), "height",
                     (int)fmax(1, rint(picture->height * scale)), "bytes",
                     (json_int_t)picture->bytes, "created", picture->created);
}

/* ---- opening ---- */

diffedit_status pictures_open(diffedit_picture **picture, const struct server *server,
                              const char *id, diffedit_error *error)
{
    char *path = files_path(server->files, id);
    if (!path)
        return de_fail_memory(error, FILES_ID, "a path");
    diffedit_status status = diffedit_picture_open(picture, path, server->settings->max_pixels,
                                                   error);
    free(path);
    return status;
}

bool pictures_fit(int width, int height, int other_width, int other_height)
{
    /* as much as rounding to whole pixels makes of a copy of a few hundred pixels, and some more */
    double a = (double)width * other_height, b = (double)height * other_width;
    double most = fmax(0.01 * fmax(a, b), fmax(other_width, other_height));
    return width > 0 && height > 0 && fabs(a - b) <= most;
}

/* Each pixel of the result is the one of `picture` in which its centre lies. */
static diffedit_status scale(diffedit_picture **scaled, const diffedit_picture *picture, int width,
                             int height, diffedit_error *error)
{
    int64_t from_width = diffedit_picture_width(picture);
    int64_t from_height = diffedit_picture_height(picture);
    int channels = diffedit_picture_channels(picture), bits = diffedit_picture_bits(picture);
    size_t pixel = (size_t)channels * (size_t)bits / 8, stride = pixel * (size_t)width;
    const unsigned char *from = diffedit_picture_pixels(picture);
    unsigned char *pixels = malloc(stride * (size_t)height);
    if (!pixels || !from) {
        free(pixels);
        return de_fail_memory(error, stride * (size_t)height, "a mask");
    }
    for (int64_t y = 0; y < height; y++) {
        const unsigned char *row = from +
                                   (size_t)((2 * y + 1) * from_height / (2 * height) * from_width) *
                                       pixel;
        unsigned char *to = pixels + (size_t)y * stride;
        for (int64_t x = 0; x < width; x++, to += pixel)
            memcpy(to, row + (size_t)((2 * x + 1) * from_width / (2 * width)) * pixel, pixel);
    }
    diffedit_status status = diffedit_picture_new(scaled, width, height, channels, bits, pixels,
                                                  stride, error);
    free(pixels);
    return status;
}

diffedit_status pictures_open_mask(diffedit_picture **mask, const struct server *server,
                                   const char *id, int width, int height, diffedit_error *error)
{
    diffedit_picture *opened;
    diffedit_status status = pictures_open(&opened, server, id, error);
    if (status != DIFFEDIT_OK)
        return status;
    if (diffedit_picture_width(opened) == width && diffedit_picture_height(opened) == height) {
        *mask = opened;
        return DIFFEDIT_OK;
    }
    status = scale(mask, opened, width, height, error);
    diffedit_picture_free(opened);
    return status;
}
