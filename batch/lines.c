#include "lines_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The first that recognises a list reads it: CSV is what nothing else is. */
static const lines_reader readers[] = {
    {lines_pie_recognises, lines_pie_read},
    {lines_json_recognises, lines_json_read},
    {NULL, lines_csv_read},
};

/* ---- bytes ---- */

static diffedit_status read_some(size_t *got, char *bytes, size_t size, lines_source *source,
                                 diffedit_error *error)
{
    ssize_t step;
    do {
        if (source->interrupted && source->interrupted())
            return de_fail(error, DIFFEDIT_ERROR_CANCELLED, "interrupted");
        step = read(source->descriptor, bytes, size);
    } while (step < 0 && errno == EINTR);
    if (step < 0)
        return de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be read: %s", source->path,
                       strerror(errno));
    *got = (size_t)step;
    return DIFFEDIT_OK;
}

diffedit_status lines_source_read(size_t *got, char *bytes, size_t size, lines_source *source,
                                  diffedit_error *error)
{
    size_t left = source->head_size - source->head_used;
    if (left == 0)
        return read_some(got, bytes, size, source, error);
    *got = left < size ? left : size;
    memcpy(bytes, source->head + source->head_used, *got);
    source->head_used += *got;
    return DIFFEDIT_OK;
}

/* Whether a list can begin so; pictures, archives and programs have a control character here. */
static bool begins_as_text(const char *head, size_t size)
{
    enum { LOOKED_AT = 16 };
    for (size_t i = 0; i < size && i < LOOKED_AT; i++)
        if ((unsigned char)head[i] < ' ' && (!head[i] || !strchr("\t\n\r", head[i])))
            return false;
    return true;
}

static diffedit_status read_head(lines_source *source, diffedit_error *error)
{
    static const char mark[] = "\xEF\xBB\xBF";
    size_t got = 1;
    diffedit_status status = DIFFEDIT_OK;
    while (status == DIFFEDIT_OK && got > 0 && source->head_size < LINES_HEAD) {
        status = read_some(&got, source->head + source->head_size, LINES_HEAD - source->head_size,
                           source, error);
        source->head_size += status == DIFFEDIT_OK ? got : 0;
    }
    if (status != DIFFEDIT_OK)
        return status;
    if (source->head_size >= 3 && memcmp(source->head, mark, 3) == 0)
        source->head_used = 3;
    const unsigned char *head = (const unsigned char *)source->head;
    if (source->head_size >= 2 &&
        ((head[0] == 0xFF && head[1] == 0xFE) || (head[0] == 0xFE && head[1] == 0xFF)))
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "%.300s: expected a list in UTF-8, found UTF-16; save it as UTF-8",
                       source->path);
    if (!begins_as_text(source->head, source->head_size))
        return de_fail(error, DIFFEDIT_ERROR_FILE,
                       "%.300s: expected a list of edits (CSV, JSON lines or PIE-Bench's mapping "
                       "file), found a file that is no text",
                       source->path);
    return DIFFEDIT_OK;
}

/* ---- lines ---- */

diffedit_status lines_fail(const lines_source *source, int64_t number, diffedit_status status,
                           diffedit_error *error)
{
    diffedit_error reason;
    if (!error || (status != DIFFEDIT_ERROR_ARGUMENT && status != DIFFEDIT_ERROR_MODEL))
        return status;
    reason = *error;
    size_t length = 0;
    for (const char *at = reason.message; *at; at++)
        if (*at != '`')
            reason.message[length++] = *at;
    reason.message[length] = '\0';
    return de_fail(error, DIFFEDIT_ERROR_FILE, "%.200s: line %jd: %.280s", source->path,
                   (intmax_t)number, reason.message);
}

diffedit_status lines_give(lines_source *source, batch_line *line, diffedit_error *error)
{
    int64_t number = line->number;
    diffedit_status status = source->each(source->user, line, error);
    line_clear(line);
    return status == DIFFEDIT_OK ? status : lines_fail(source, number, status, error);
}

diffedit_status lines_read(const char *path, bool (*interrupted)(void), lines_fn each, void *user,
                           diffedit_error *error)
{
    lines_source *source = calloc(1, sizeof *source);
    if (!source)
        return de_fail_memory(error, sizeof *source, "a list");
    *source = (lines_source){.path = path, .interrupted = interrupted, .each = each, .user = user};
    source->descriptor = open(path, O_RDONLY | O_CLOEXEC);
    diffedit_status status = DIFFEDIT_OK;
    if (source->descriptor < 0)
        status = de_fail(error, DIFFEDIT_ERROR_FILE, "%.300s: cannot be opened: %s", path,
                         strerror(errno));
    if (status == DIFFEDIT_OK)
        status = read_head(source, error);
    const lines_reader *reader = readers;
    const char *head = source->head + source->head_used;
    while (reader->recognises && !reader->recognises(head, source->head_size - source->head_used))
        reader++;
    if (status == DIFFEDIT_OK)
        status = reader->read(source, error);
    if (source->descriptor >= 0)
        close(source->descriptor);
    free(source);
    return status;
}
