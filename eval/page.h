/* The page of a table: one file of HTML with its style, its script and its pictures, which needs no
 * network. */
#ifndef EVAL_PAGE_H
#define EVAL_PAGE_H

#include "figures.h"

struct page;

/* The pictures of a row as addresses; NULL: none. */
typedef struct page_pictures {
    const char *input, *found, *truth, *result; /* small ones, as thumbnail.h makes them */
    const char *input_link, *found_link, *truth_link, *result_link; /* to the files themselves */
} page_pictures;

/* Begins one, with a file without a name for the pictures. Errors: FILE, MEMORY. */
diffedit_status page_begin(struct page **begun, diffedit_error *error);
/* Keeps the pictures of a row, in the file. Any thread may call. Errors: FILE. */
diffedit_status page_keep(struct page *page, figures_row *row, const page_pictures *pictures,
                          diffedit_error *error);
/* Writes the page. Errors: FILE. */
diffedit_status page_write(struct page *page, const figures *figures, const figures_groups *groups,
                           const char *path, diffedit_error *error);
/* Takes NULL. */
void page_free(struct page *page);

#endif
