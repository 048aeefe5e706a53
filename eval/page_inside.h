/* What the parts of the page share: page*.c alone. */
#ifndef EVAL_PAGE_INSIDE_H
#define EVAL_PAGE_INSIDE_H

#include "page.h"

#include <stdio.h>

/* Text as HTML has it, in elements and in quoted values. */
void page_text(FILE *to, const char *text);
/* A number as people read it in this column; nothing for NaN. */
void page_number(FILE *to, const column *column, double value);
/* The class by which the page shows and hides a column. */
void page_class(FILE *to, const column *column);
/* The heads of the columns that are shown. */
void page_heads(FILE *to, const figures *figures);
/* The table of means, and what became of lines that are not measured. */
void page_means(FILE *to, const figures *figures, const figures_groups *groups);
void page_unmeasured(FILE *to, const figures *figures);

#endif
