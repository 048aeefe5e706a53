/* Room for tensors that stand in no file, for sources that make them when they are asked for. */
#ifndef DE_PAGES_H
#define DE_PAGES_H

#include "weights/weight.h"

/* Each array has pages of its own, so that they can be given back as a mapped file's are
 * (de_weight_forget_pages). Begins as {0}. */
typedef struct de_pages {
    struct de_page_array *arrays; /* [count], owned */
    size_t count, capacity;
    int64_t values; /* of all arrays */
} de_pages;

/* Describes a tensor in *weight, and gives the place where its values are to be written. The same
 * name in the same size has the same place, and is to be filled anew: what stood there may have
 * been given back. Errors: MEMORY. */
diffedit_status de_pages_get(de_pages *pages, const char *name, de_dtype dtype, int rank,
                             const int64_t *shape, de_weight *weight, void **values,
                             diffedit_error *error);
void de_pages_free(de_pages *pages);

#endif
