/* What the reference does to a text before it is cut into tokens: ftfy's repairs, white space,
 * lower case. */
#ifndef DE_TEXT_CLEANUP_H
#define DE_TEXT_CLEANUP_H

#include "base/base.h"

/* A text as Unicode code points. */
typedef struct de_codepoints {
    int32_t *data;
    size_t count, capacity;
    bool failed; /* an allocation failed; nothing is added any more */
} de_codepoints;

void de_codepoints_add(de_codepoints *text, int32_t codepoint);
void de_codepoints_free(de_codepoints *text);
/* UTF-8, NUL-terminated, to be freed; NULL if memory is short */
char *de_codepoints_utf8(const de_codepoints *text);

/* The first `length` bytes of `text` as code points. Errors: ARGUMENT (not UTF-8), MEMORY. */
diffedit_status de_codepoints_read(de_codepoints *out, const char *text, size_t length,
                                   diffedit_error *error);
/* ftfy.fix_text() without its repair of mojibake, runs of white space to one space, ends stripped,
 * lower case. `text` is replaced. Errors: MEMORY. */
diffedit_status de_text_clean(de_codepoints *text, diffedit_error *error);

#endif
