#include "picture/jpeg_segments.h"

#include "picture/exif.h"

#include <string.h>

enum {
    COMPONENTS = 4,
    COEFFICIENTS = 64,
    TEM = 0x01,
    RST0 = 0xd0,
    RST7 = 0xd7,
    MAX_HEAD = 600 /* segments before the first scan: a profile of the longest kind is 255 */
};

bool de_jpeg_is_jpeg(const void *bytes, size_t size)
{
    return size >= 3 && memcmp(bytes, "\xff\xd8\xff", 3) == 0;
}

static bool is_restart(uint8_t marker)
{
    return marker >= RST0 && marker <= RST7;
}

/* Goes to the 0xff of the marker behind a scan's data; a zero behind 0xff stands for a plain 0xff,
 * and restart markers belong to the data. */
static bool skip_scan(de_jpeg_reader *reader)
{
    while (reader->at < reader->size) {
        const uint8_t *found = memchr(reader->bytes + reader->at, 0xff, reader->size - reader->at);
        if (!found) {
            reader->at = reader->size;
            return false;
        }
        reader->at = (size_t)(found - reader->bytes);
        if (reader->size - reader->at < 2)
            return false;
        if (found[1] != 0 && found[1] != 0xff && !is_restart(found[1])) {
            reader->in_scan = false;
            return true;
        }
        reader->at += found[1] == 0xff ? 1 : 2;
    }
    return false;
}

bool de_jpeg_next(de_jpeg_reader *reader, de_jpeg_segment *segment)
{
    if (reader->in_scan && !skip_scan(reader))
        return false;
    size_t at = reader->at;
    if (at >= reader->size || reader->bytes[at] != 0xff)
        return false;
    while (at < reader->size && reader->bytes[at] == 0xff)
        at++;
    if (at == reader->size || reader->bytes[at] == 0)
        return false;
    *segment = (de_jpeg_segment){.marker = reader->bytes[at++]};
    segment->data = reader->bytes + at;
    if (segment->marker != DE_JPEG_START && segment->marker != DE_JPEG_END &&
        segment->marker != TEM && !is_restart(segment->marker)) {
        size_t left = reader->size - at;
        if (left < 2)
            return false;
        size_t length = (size_t)segment->data[0] << 8 | segment->data[1];
        if (length < 2 || length > left)
            return false;
        segment->data += 2;
        segment->size = length - 2;
        at += length;
    }
    reader->in_scan = segment->marker == DE_JPEG_SCAN;
    reader->at = at;
    return true;
}

bool de_jpeg_begins_with(const de_jpeg_segment *segment, const void *prefix, size_t size)
{
    return segment->size >= size && memcmp(segment->data, prefix, size) == 0;
}

/* ---- what is complete ---- */

/* For each component of the frame and each coefficient: how many low bits are still to come. */
typedef struct progress {
    uint8_t ids[COMPONENTS];
    int count;
    int8_t missing[COMPONENTS][COEFFICIENTS]; /* -1: all */
} progress;

static bool is_frame(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

static void note_frame(progress *p, const de_jpeg_segment *segment)
{
    enum { HEAD = 6, EACH = 3 };
    p->count = 0;
    if (segment->size < HEAD)
        return;
    for (size_t i = 0;
         i < segment->data[5] && i < COMPONENTS && HEAD + EACH * (i + 1) <= segment->size; i++)
        p->ids[p->count++] = segment->data[HEAD + EACH * i];
    memset(p->missing, -1, sizeof p->missing);
}

static void note_scan(progress *p, const de_jpeg_segment *segment)
{
    size_t count = segment->size ? segment->data[0] : 0;
    if (segment->size < 1 + 2 * count + 3)
        return;
    const uint8_t *band = segment->data + 1 + 2 * count; /* first, last, bits before and after */
    for (size_t i = 0; i < count; i++)
        for (int j = 0; j < p->count; j++)
            if (p->ids[j] == segment->data[1 + 2 * i])
                for (int k = band[0]; k <= band[1] && k < COEFFICIENTS; k++)
                    p->missing[j][k] = (int8_t)(band[2] & 15);
}

static bool is_complete(const progress *p)
{
    for (int j = 0; j < p->count; j++)
        for (int k = 0; k < COEFFICIENTS; k++)
            if (p->missing[j][k] != 0)
                return false;
    return p->count > 0;
}

/* ---- how many pictures ---- */

/* The number that a Multi-Picture index (CIPA DC-007) gives, or 1. */
static int count_pictures(const de_jpeg_segment *segment)
{
    enum { PREFIX = 4, NUMBER_OF_IMAGES = 0xb001, MANY = 1000 };
    uint32_t number;
    if (!de_jpeg_begins_with(segment, "MPF", PREFIX) ||
        !de_exif_find(segment->data + PREFIX, segment->size - PREFIX, NUMBER_OF_IMAGES, &number))
        return 1;
    return number < 1 ? 1 : number > MANY ? MANY : (int)number;
}

/* Whether another JPEG follows, perhaps behind zeros. */
static bool has_follower(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && bytes[at] == 0)
        at++;
    return de_jpeg_is_jpeg(bytes + at, size - at);
}

de_jpeg_survey de_jpeg_look(const uint8_t *jpeg, size_t size)
{
    de_jpeg_survey survey = {.pictures = 1};
    de_jpeg_reader reader = {.bytes = jpeg, .size = size};
    de_jpeg_segment segment;
    progress coded = {.count = 0};
    for (int head = 0; !survey.ends && head < MAX_HEAD; head += !survey.has_scan) {
        size_t before = reader.at;
        if (!de_jpeg_next(&reader, &segment))
            break;
        if (segment.marker == DE_JPEG_START && before > 0) { /* another stream begins */
            reader.at = before;
            break;
        }
        if (is_frame(segment.marker))
            note_frame(&coded, &segment);
        else if (segment.marker == DE_JPEG_SCAN)
            note_scan(&coded, &segment);
        else if (segment.marker == DE_JPEG_APP + 2 && count_pictures(&segment) > survey.pictures)
            survey.pictures = count_pictures(&segment);
        survey.has_scan |= segment.marker == DE_JPEG_SCAN;
        survey.ends = segment.marker == DE_JPEG_END;
    }
    survey.length = reader.at;
    survey.only_end = !survey.ends && reader.in_scan && is_complete(&coded);
    if (survey.ends && survey.pictures == 1 && has_follower(jpeg + reader.at, size - reader.at))
        survey.pictures = 2;
    return survey;
}
