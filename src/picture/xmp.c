#include "picture/xmp.h"

#include <exempi/xmp.h>
#include <exempi/xmpconsts.h>
#include <glib.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Namespaces whose properties go: all of them, or those that have `part` in their names. */
static const struct {
    const char *uri;
    bool gain_map;
    const char *part;
} DROPPED[] = {
    {"http://ns.adobe.com/hdr-gain-map/1.0/", true, NULL},
    {"http://ns.apple.com/HDRGainMap/1.0/", true, NULL},
    {"http://ns.google.com/photos/1.0/container/", false, NULL},
    {"http://ns.google.com/photos/1.0/camera/", false, ":Motion"},
    {"http://ns.google.com/photos/1.0/camera/", false, ":MicroVideo"},
    {"http://ns.google.com/photos/1.0/image/", false, NULL},
    {"http://ns.google.com/photos/1.0/depthmap/", false, NULL},
    {"http://ns.google.com/photos/dd/1.0/device/", false, NULL},
    {"http://ns.adobe.com/xmp/note/", false, NULL}, /* of XMP in further segments */
};

static pthread_once_t started = PTHREAD_ONCE_INIT;
static bool is_started;

static void start(void)
{
    is_started = xmp_init();
}

/* ---- what the toolkit is given ---- */

typedef struct outline {
    int depth;
    bool harmful;
} outline;

static void open_element(GMarkupParseContext *context, const char *name, const char **attributes,
                         const char **values, void *data, GError **error)
{
    enum { DEEPEST = 200 };
    outline *found = data;
    (void)context, (void)name, (void)attributes, (void)values, (void)error;
    found->harmful |= ++found->depth > DEEPEST;
}

static void close_element(GMarkupParseContext *context, const char *name, void *data,
                          GError **error)
{
    (void)context, (void)name, (void)error;
    ((outline *)data)->depth--;
}

static void note_declaration(GMarkupParseContext *context, const char *text, size_t size,
                             void *data, GError **error)
{
    (void)context, (void)error;
    ((outline *)data)->harmful |= size > 2 && text[0] == '<' && text[1] == '!' && text[2] != '-' &&
                                  text[2] != '[' /* a comment, CDATA */;
}

/* Whether the text is XML for the toolkit. Of what is not well-formed it would print a message; it
 * goes into nested elements by recursion; and a document type may define entities that grow. */
static bool is_harmless(const char *xmp, size_t size)
{
    static const GMarkupParser parser = {.start_element = open_element,
                                         .end_element = close_element,
                                         .passthrough = note_declaration};
    outline found = {.depth = 0};
    GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, &found, NULL);
    bool whole = g_markup_parse_context_parse(context, xmp, (gssize)size, NULL) &&
                 g_markup_parse_context_end_parse(context, NULL);
    g_markup_parse_context_free(context);
    return whole && !found.harmful;
}

/* The packet as the toolkit holds it, or NULL. */
static XmpPtr parse(const char *xmp, size_t size)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8 */
    if (size >= 3 && memcmp(xmp, mark, 3) == 0) {
        xmp += 3;
        size -= 3;
    }
    while (size > 0 && xmp[size - 1] == 0)
        size--;
    if (!is_started || size > INT_MAX || !is_harmless(xmp, size))
        return NULL;
    XmpPtr packet = xmp_new_empty();
    if (packet && !xmp_parse(packet, xmp, size)) {
        xmp_free(packet);
        packet = NULL;
    }
    return packet;
}

/* ---- what it becomes ---- */

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), wanted = strlen(ending);
    return length >= wanted && strcmp(text + length - wanted, ending) == 0;
}

/* Whether a property goes. `schema` is the namespace of the outermost one, `path` leads from there
 * to the property. */
static bool is_dropped(const char *schema, const char *path, bool *gain_map)
{
    for (size_t i = 0; i < sizeof DROPPED / sizeof *DROPPED; i++)
        if (strcmp(schema, DROPPED[i].uri) == 0 && *path &&
            (!DROPPED[i].part || strstr(path, DROPPED[i].part))) {
            *gain_map |= DROPPED[i].gain_map;
            return true;
        }
    return ends_with(path, ":Thumbnails") || ends_with(path, "GImg:image") ||
           ends_with(path, ":EmbeddedImage");
}

/* Deletes the first property that goes. False: there is none. */
static bool drop_one(XmpPtr xmp, bool *gain_map)
{
    XmpStringPtr schema = xmp_string_new(), path = xmp_string_new(), value = xmp_string_new();
    XmpIteratorPtr iterator = xmp_iterator_new(xmp, NULL, NULL, XMP_ITER_PROPERTIES);
    bool found = false;
    while (!found && iterator && xmp_iterator_next(iterator, schema, path, value, NULL))
        found = is_dropped(xmp_string_cstr(schema), xmp_string_cstr(path), gain_map);
    if (iterator)
        xmp_iterator_free(iterator);
    found = found && xmp_delete_property(xmp, xmp_string_cstr(schema), xmp_string_cstr(path)) &&
            !xmp_has_property(xmp, xmp_string_cstr(schema), xmp_string_cstr(path));
    xmp_string_free(schema);
    xmp_string_free(path);
    xmp_string_free(value);
    return found;
}

static bool is_empty(XmpPtr xmp)
{
    XmpIteratorPtr iterator = xmp_iterator_new(xmp, NULL, NULL, XMP_ITER_JUSTLEAFNODES);
    bool any = iterator && xmp_iterator_next(iterator, NULL, NULL, NULL, NULL);
    if (iterator)
        xmp_iterator_free(iterator);
    return !any;
}

/* Gives a property that the packet has this value. False: nothing had to change. */
static bool set_number(XmpPtr xmp, const char *schema, const char *name, int number)
{
    char text[16];
    snprintf(text, sizeof text, "%d", number);
    XmpStringPtr value = xmp_string_new();
    bool wrong = xmp_get_property(xmp, schema, name, value, NULL) &&
                 strcmp(xmp_string_cstr(value), text) != 0;
    xmp_string_free(value);
    return wrong && xmp_set_property(xmp, schema, name, text, 0);
}

static bool set_upright(XmpPtr xmp, const de_xmp_size *size)
{
    bool changed = set_number(xmp, NS_TIFF, "Orientation", 1);
    changed |= set_number(xmp, NS_TIFF, "ImageWidth", size->width);
    changed |= set_number(xmp, NS_TIFF, "ImageLength", size->height);
    changed |= set_number(xmp, NS_EXIF, "PixelXDimension", size->width);
    changed |= set_number(xmp, NS_EXIF, "PixelYDimension", size->height);
    return changed;
}

/* The packet in its shortest form, because JPEG has room for 64 KiB. */
static char *serialise(XmpPtr xmp, size_t *size)
{
    XmpStringPtr text = xmp_string_new();
    char *copy = NULL;
    if (xmp_serialize(xmp, text, XMP_SERIAL_USECOMPACTFORMAT | XMP_SERIAL_OMITALLFORMATTING, 1)) {
        copy = strdup(xmp_string_cstr(text));
        *size = copy ? strlen(copy) : 0;
    }
    xmp_string_free(text);
    return copy;
}

static de_xmp_result correct(XmpPtr packet, const de_xmp_size *turned, char **corrected,
                             size_t *size, bool *gain_map)
{
    enum { MOST = 10000 }; /* properties dropped: each costs a pass */
    int dropped = 0;
    while (dropped < MOST && drop_one(packet, gain_map))
        dropped++;
    if (dropped == MOST)
        return DE_XMP_BROKEN;
    bool changed = turned && set_upright(packet, turned);
    if (dropped && is_empty(packet))
        return DE_XMP_EMPTY;
    if (!dropped && !changed)
        return DE_XMP_SAME;
    *corrected = serialise(packet, size);
    return *corrected ? DE_XMP_CORRECTED : DE_XMP_BROKEN;
}

de_xmp_result de_xmp_correct(const char *xmp, size_t size, const de_xmp_size *turned,
                             char **corrected, size_t *corrected_size, bool *gain_map)
{
    static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER; /* the toolkit has globals */
    *gain_map = false;
    pthread_once(&started, start);
    pthread_mutex_lock(&one_at_a_time);
    XmpPtr packet = parse(xmp, size);
    de_xmp_result result = DE_XMP_BROKEN;
    if (packet) {
        result = correct(packet, turned, corrected, corrected_size, gain_map);
        xmp_free(packet);
    }
    pthread_mutex_unlock(&one_at_a_time);
    return result;
}
