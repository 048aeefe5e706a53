/* The segments of a JPEG stream in memory. The bytes may be hostile. */
#ifndef DE_JPEG_SEGMENTS_H
#define DE_JPEG_SEGMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DE_JPEG_START = 0xd8,
    DE_JPEG_END = 0xd9,
    DE_JPEG_SCAN = 0xda,
    DE_JPEG_APP = 0xe0, /* APP0; APP1 follows, and so on to APP15 */
    DE_JPEG_COMMENT = 0xfe
};

typedef struct de_jpeg_reader {
    const uint8_t *bytes;
    size_t size, at; /* begin with at = 0 */
    bool in_scan;    /* coded data, up to the next marker, comes next */
} de_jpeg_reader;

typedef struct de_jpeg_segment {
    uint8_t marker;
    const uint8_t *data; /* what follows the length */
    size_t size;
} de_jpeg_segment;

/* Where a stream ends, and how. */
typedef struct de_jpeg_survey {
    bool ends;     /* the end marker is there */
    bool only_end; /* nothing but the end marker can be missing: the bytes end in a scan, and
                      earlier scans hold all else */
    size_t length; /* bytes up to the end marker and with it, or up to what is no JPEG */
    bool has_scan;
    int pictures; /* as many as the file says it holds, 1 if it says nothing; other pictures behind
                     this one make it 2 */
} de_jpeg_survey;

bool de_jpeg_is_jpeg(const void *bytes, size_t size);
/* The next segment. False at the end of the bytes and where no segment follows. */
bool de_jpeg_next(de_jpeg_reader *reader, de_jpeg_segment *segment);
de_jpeg_survey de_jpeg_look(const uint8_t *jpeg, size_t size);
/* Whether libjpeg has nothing to remark about the data. libvips passes over remarks about the last
 * rows. */
bool de_jpeg_decodes(const uint8_t *jpeg, size_t size);
bool de_jpeg_begins_with(const de_jpeg_segment *segment, const void *prefix, size_t size);

#endif
