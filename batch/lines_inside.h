/* What the readers of lists share: lines*.c alone. */
#ifndef BATCH_LINES_INSIDE_H
#define BATCH_LINES_INSIDE_H

#include "lines.h"

enum {
    LINES_HEAD = 1 << 16,   /* bytes by which a list is recognised */
    LINES_LONGEST = 1 << 20 /* bytes of a line, or of a value */
};

typedef struct lines_source {
    const char *path;
    int descriptor;
    bool (*interrupted)(void); /* may be NULL */
    char head[LINES_HEAD];     /* [head_size], the first bytes, without a byte order mark */
    size_t head_size, head_used;
    lines_fn each;
    void *user;
} lines_source;

typedef struct lines_reader {
    bool (*recognises)(const char *head, size_t size); /* NULL: whatever it is */
    diffedit_status (*read)(lines_source *source, diffedit_error *error);
} lines_reader;

diffedit_status lines_csv_read(lines_source *source, diffedit_error *error);
bool lines_pie_recognises(const char *head, size_t size);
diffedit_status lines_pie_read(lines_source *source, diffedit_error *error);
bool lines_json_recognises(const char *head, size_t size);
diffedit_status lines_json_read(lines_source *source, diffedit_error *error);

/* The next bytes; *got is 0 at the end. Errors: FILE, CANCELLED. */
diffedit_status lines_source_read(size_t *got, char *bytes, size_t size, lines_source *source,
                                  diffedit_error *error);
/* Puts "PATH: line N: " before a sentence, in which fields stand without backquotes, and passes its
 * status on: FILE for ARGUMENT, because what is wrong is the list. */
diffedit_status lines_fail(const lines_source *source, int64_t number, diffedit_status status,
                           diffedit_error *error);
/* Hands a line on and clears it. Errors: those of `each`, as lines_fail() says them. */
diffedit_status lines_give(lines_source *source, batch_line *line, diffedit_error *error);

#endif
