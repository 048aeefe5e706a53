/* Paths of what is in folders. */
#ifndef DE_JOIN_PATH_H
#define DE_JOIN_PATH_H

/* "FOLDER/NAME", with one slash in between; freed by the caller. NULL: memory. */
char *de_join_path(const char *folder, const char *name);

#endif
