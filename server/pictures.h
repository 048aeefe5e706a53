/* Pictures and masks as files: what they are, where they stand, and their smaller copies. */
#ifndef SERVER_PICTURES_H
#define SERVER_PICTURES_H

#include "server.h"
#include "store.h"

enum { PICTURES_SCREEN = 2048, PICTURES_THUMBNAIL = 256 }; /* longest side of the copies, pixels */

/* The format of a picture file by its first bytes: ".jpg"; "": none that is read. */
const char *pictures_format(const void *bytes, size_t size);
/* "image/jpeg" */
const char *pictures_type(const char *format);
/* In which its results are written: itself, or ".png" where that cannot be written. */
const char *pictures_result_format(const char *format);

/* Decodes a file, keeps it as a picture and fills `picture`, which the caller frees; `is_new` says
 * whether it was not there before. `name` comes from a client. Errors: PICTURE, FILE, MEMORY. */
diffedit_status pictures_add(store_picture *picture, bool *is_new, struct server *server,
                             const void *bytes, size_t size, const char *name,
                             diffedit_error *error);
json_t *pictures_json(const store_picture *picture);
diffedit_status pictures_add_mask(store_mask *mask, bool *is_new, struct server *server,
                                  const void *bytes, size_t size, diffedit_error *error);

/* Removes a file that has its place, but whose row could not be added; with the files' lock. */
void pictures_unsettle(struct server *server, const files_draft *draft);

/* Opens the kept picture or mask. Errors: FILE, PICTURE, MEMORY. */
diffedit_status pictures_open(diffedit_picture **picture, const struct server *server,
                              const char *id, diffedit_error *error);
/* The same of a mask, brought to this size: each pixel takes the nearest. */
diffedit_status pictures_open_mask(diffedit_picture **mask, const struct server *server,
                                   const char *id, int width, int height, diffedit_error *error);
/* Whether a mask of one size fits a picture of another, scaled. */
bool pictures_fit(int width, int height, int other_width, int other_height);

/* Opens a copy of a kept picture file of this longest side, sRGB, which is made when it is first
 * asked for; *type is static. Errors: FILE, PICTURE, MEMORY. */
diffedit_status pictures_copy(int *descriptor, const char **type, const struct server *server,
                              const char *id, int side, diffedit_error *error);

#endif
