/* Paths as links of a page. */
#ifndef EVAL_RELATIVE_H
#define EVAL_RELATIVE_H

/* The address of a file in a page in `folder`, relative and percent-encoded; freed by the caller.
 * NULL: one of them is not there, or memory is short. */
char *relative_link(const char *folder, const char *path);

#endif
