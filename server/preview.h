/* What a running edit holds, as a small picture in an event. */
#ifndef SERVER_PREVIEW_H
#define SERVER_PREVIEW_H

#include <diffedit/diffedit.h>
#include <jansson.h>

/* {job, step, box: {x, y, width, height}, image: "data:image/png;base64,..."}, from a progress
 * callback; NULL: there is nothing to show in this stage. */
json_t *preview_json(diffedit_editor *editor, const char *job, int step);

#endif
