/* Editors that stay alive between jobs, so that another threshold, text or seed computes only what
 * it touches. The least recently used go where there are too many, or too many pixels in them. Used
 * by one thread. */
#ifndef SERVER_EDITORS_H
#define SERVER_EDITORS_H

#include "server.h"

struct editors;

/* Errors: MEMORY. */
diffedit_status editors_new(struct editors **made, struct server *server, diffedit_error *error);
void editors_free(struct editors *editors);

/* What an editor is to work with; ids of files, NULL: none. */
typedef struct editors_task {
    int model;
    diffedit_arithmetic arithmetic; /* that the model is opened for */
    const char *picture, *mask, *correction;
} editors_task;

/* The editor of a picture under a model, which keeps what it computed before, with the task's mask
 * and correction. It is borrowed until the next call. A model that is open for another arithmetic
 * loses its editors and is opened again. Errors: the library's. */
diffedit_status editors_get(diffedit_editor **editor, struct editors *editors,
                            const editors_task *task, diffedit_error *error);

#endif
