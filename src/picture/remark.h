/* What a person should know about how a picture was read: sentences without a full stop, joined by
 * semicolons. */
#ifndef DE_REMARK_H
#define DE_REMARK_H

/* Appends a copy of `text` to *remarks, a string that the caller frees, or NULL when there is none
 * yet. Without memory the remark is lost. */
void de_remark_add(char **remarks, const char *text);

#endif
