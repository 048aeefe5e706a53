#include "store_says.h"

#include <glib.h>
#include <string.h>

/* GMarkup knows no document types and does not recurse: nothing in a body can make it grow. */

struct reading {
    struct store_says said;
    char *to; /* where text goes; NULL: nowhere */
    size_t room;
};

static void begin(GMarkupParseContext *context, const char *name, const char **attributes,
                  const char **values, void *data, GError **error)
{
    (void)context, (void)attributes, (void)values, (void)error;
    struct reading *reading = data;
    reading->to = NULL;
    if (strcmp(name, "Code") == 0 && !reading->said.code[0]) {
        reading->to = reading->said.code;
        reading->room = sizeof reading->said.code;
    } else if (strcmp(name, "Message") == 0 && !reading->said.message[0]) {
        reading->to = reading->said.message;
        reading->room = sizeof reading->said.message;
    }
}

static void end(GMarkupParseContext *context, const char *name, void *data, GError **error)
{
    (void)context, (void)name, (void)error;
    ((struct reading *)data)->to = NULL;
}

static void text(GMarkupParseContext *context, const char *bytes, size_t size, void *data,
                 GError **error)
{
    (void)context, (void)error;
    struct reading *reading = data;
    if (!reading->to)
        return;
    size_t used = strlen(reading->to), more = reading->room - 1 - used;
    memcpy(reading->to + used, bytes, size < more ? size : more);
    reading->to[used + (size < more ? size : more)] = '\0';
}

struct store_says store_says(const char *body, size_t size)
{
    enum { MOST = 1 << 16 };
    static const GMarkupParser parser = {.start_element = begin, .end_element = end, .text = text};
    struct reading reading = {.to = NULL};
    GMarkupParseContext *context = g_markup_parse_context_new(&parser, 0, &reading, NULL);
    /* what came before a fault in the text counts */
    g_markup_parse_context_parse(context, body, (gssize)(size < MOST ? size : MOST), NULL);
    g_markup_parse_context_free(context);
    char *message = reading.said.message;
    for (size_t length = strlen(message); length > 0 && message[length - 1] == '.'; length--)
        message[length - 1] = '\0';
    return reading.said;
}
