/* Files that are part of the program: the page, and the description of the interface. The array is
 * written by embed.py. */
#ifndef SERVER_EMBEDDED_H
#define SERVER_EMBEDDED_H

#include <stddef.h>

typedef struct embedded_file {
    const char *name; /* "app.js" */
    const char *type; /* "text/javascript; charset=utf-8" */
    const char *tag;  /* of this version, with quotes */
    const unsigned char *bytes;
    size_t size;
    const char *packed_tag; /* of the same, compressed by gzip */
    const unsigned char *packed;
    size_t packed_size;
} embedded_file;

/* All of them; a NULL name ends them. */
extern const embedded_file embedded_files[];

#endif
