#include "picture/exif.h"

#include "picture/jpeg_segments.h"

#include <string.h>

enum {
    PREFIX = 6, /* "Exif" and two zeros */
    HEADER = 8,
    ENTRY = 12,
    SHORT = 3,
    LONG = 4,
    STRIP_OFFSETS = 0x111,
    STRIP_SIZES = 0x117,
    JPEG_OFFSET = 0x201,
    JPEG_SIZE = 0x202
};

typedef struct exif_block {
    uint8_t *bytes; /* from the TIFF header on: what offsets count from */
    size_t size;
    bool little;
} exif_block;

static uint32_t number_at(const exif_block *block, size_t at, int count)
{
    uint32_t number = 0;
    for (int i = 0; i < count; i++)
        number |= (uint32_t)block->bytes[at + (size_t)i] << 8 * (block->little ? i : count - 1 - i);
    return number;
}

static void set_number(const exif_block *block, size_t at, int count, uint32_t number)
{
    for (int i = 0; i < count; i++)
        block->bytes[at + (size_t)i] = (uint8_t)(number >> 8 * (block->little ? i : count - 1 - i));
}

/* False where the bytes are too few for a list. */
static bool open_block(exif_block *block, uint8_t *exif, size_t size)
{
    if (size >= PREFIX && memcmp(exif, "Exif\0", PREFIX) == 0) {
        exif += PREFIX;
        size -= PREFIX;
    }
    *block = (exif_block){.bytes = exif, .size = size, .little = size > 0 && exif[0] == 'I'};
    return size >= HEADER + 2;
}

/* The number of entries of a list, as many as lie in the block. */
static size_t count_entries(const exif_block *block, size_t list)
{
    if (list < HEADER || list > block->size - 2)
        return 0;
    size_t count = number_at(block, list, 2), room = (block->size - list - 2) / ENTRY;
    return count < room ? count : room;
}

/* Where the entry of a tag stands in a list; 0 if it has none. */
static size_t find_entry(const exif_block *block, size_t list, int tag)
{
    size_t count = count_entries(block, list);
    for (size_t i = 0; i < count; i++)
        if (number_at(block, list + 2 + i * ENTRY, 2) == (uint32_t)tag)
            return list + 2 + i * ENTRY;
    return 0;
}

/* Value `index` of an entry of numbers. False if there are fewer, or they lie outside. */
static bool read_value(const exif_block *block, size_t entry, uint32_t index, uint32_t *value)
{
    uint32_t type = number_at(block, entry + 2, 2), count = number_at(block, entry + 4, 4);
    uint32_t bytes = type == SHORT ? 2 : type == LONG ? 4 : 0;
    if (!bytes || index >= count)
        return false;
    size_t at = entry + 8;
    if (count > 4 / bytes)
        at = number_at(block, at, 4);
    if (at > block->size || (block->size - at) / bytes <= index)
        return false;
    *value = number_at(block, at + (size_t)index * bytes, (int)bytes);
    return true;
}

bool de_exif_find(const uint8_t *exif, size_t size, int tag, uint32_t *value)
{
    exif_block block;
    if (!open_block(&block, (uint8_t *)exif, size)) /* which is only read */
        return false;
    size_t entry = find_entry(&block, number_at(&block, 4, 4), tag);
    return entry && read_value(&block, entry, 0, value);
}

/* Sets the number of a tag of a list, if the list has it and it is one number. */
static void set_entry(const exif_block *block, size_t list, int tag, uint32_t number)
{
    size_t entry = find_entry(block, list, tag);
    uint32_t type = entry ? number_at(block, entry + 2, 2) : 0;
    if ((type == SHORT || type == LONG) && number_at(block, entry + 4, 4) == 1)
        set_number(block, entry + 8, type == LONG ? 4 : 2, number);
}

void de_exif_set_size(uint8_t *exif, size_t size, int width, int height)
{
    enum { EXIF_LIST = 0x8769, WIDTH = 0x100, HEIGHT = 0x101, X = 0xa002, Y = 0xa003 };
    exif_block block;
    uint32_t list;
    if (!open_block(&block, exif, size))
        return;
    set_entry(&block, number_at(&block, 4, 4), WIDTH, (uint32_t)width);
    set_entry(&block, number_at(&block, 4, 4), HEIGHT, (uint32_t)height);
    if (de_exif_find(exif, size, EXIF_LIST, &list)) {
        set_entry(&block, list, X, (uint32_t)width);
        set_entry(&block, list, Y, (uint32_t)height);
    }
}

/* ---- previews ---- */

/* Overwrites a range as far as it lies in the block, but not the header. */
static void wipe(const exif_block *block, size_t from, size_t size)
{
    if (from < HEADER + 2 || from >= block->size)
        return;
    memset(block->bytes + from, 0, size < block->size - from ? size : block->size - from);
}

/* The same, and at the end of the block the range is cut off. */
static void cut(exif_block *block, size_t from, size_t size)
{
    wipe(block, from, size);
    if (from >= HEADER + 2 && from < block->size && size >= block->size - from)
        block->size = from;
}

/* Wipes the pictures that a list points to: a JPEG, or strips of pixels. */
static void wipe_thumbnail(exif_block *block, size_t list)
{
    static const int ranges[2][2] = {{JPEG_OFFSET, JPEG_SIZE}, {STRIP_OFFSETS, STRIP_SIZES}};
    for (int i = 0; i < 2; i++) {
        size_t offsets = find_entry(block, list, ranges[i][0]),
               sizes = find_entry(block, list, ranges[i][1]);
        uint32_t offset, size;
        /* entries may be wiped by what they say themselves: then they are found no longer */
        for (uint32_t j = 0;
             offsets && sizes && offsets + ENTRY <= block->size && sizes + ENTRY <= block->size &&
             read_value(block, offsets, j, &offset) && read_value(block, sizes, j, &size);
             j++)
            cut(block, offset, size);
    }
}

/* Unlinks what follows the first list and wipes it: the lists, and what they point to. */
static void drop_other_lists(exif_block *block)
{
    enum { MOST = 16 }; /* lists may be chained in a circle */
    size_t first = number_at(block, 4, 4), link = first;
    for (int i = 0; i < MOST; i++) {
        size_t end = link + 2 + ENTRY * count_entries(block, link);
        if (link < HEADER || link > block->size - 2 || end + 4 > block->size)
            return;
        size_t next = number_at(block, end, 4);
        if (link == first)
            set_number(block, end, 4, 0);
        else
            wipe(block, link, end + 4 - link);
        if (next < HEADER || next == first || next > block->size - 2)
            return;
        wipe_thumbnail(block, next);
        link = next;
        if (block->size < HEADER + 2)
            return;
    }
}

static void wipe_jpegs(const exif_block *block)
{
    for (size_t at = HEADER; at + 3 <= block->size; at++) {
        if (!de_jpeg_is_jpeg(block->bytes + at, block->size - at))
            continue;
        de_jpeg_survey survey = de_jpeg_look(block->bytes + at, block->size - at);
        if (survey.has_scan) {
            memset(block->bytes + at, 0, survey.length);
            at += survey.length - 1;
        }
    }
}

size_t de_exif_correct(uint8_t *exif, size_t size)
{
    exif_block block;
    if (!open_block(&block, exif, size))
        return size;
    set_entry(&block, number_at(&block, 4, 4), DE_EXIF_ORIENTATION, 1);
    drop_other_lists(&block);
    wipe_jpegs(&block);
    return (size_t)(block.bytes - exif) + block.size;
}

/* ---- Photoshop's resources ---- */

/* Whether a resource holds a picture, or a second copy of what may hold one. */
static bool is_dropped(uint32_t id)
{
    enum { THUMBNAIL_BGR = 1033, THUMBNAIL = 1036, EXIF_1 = 1058, EXIF_3 = 1059, XMP = 1060 };
    return id == THUMBNAIL_BGR || id == THUMBNAIL || id == EXIF_1 || id == EXIF_3 || id == XMP;
}

/* The size of the resource that begins the data, even; 0 where none does. */
static size_t measure_resource(const uint8_t *data, size_t size)
{
    enum { SIGNATURE = 4, NAME = 6, LENGTH = 4 };
    static const char signatures[][SIGNATURE + 1] = {"8BIM", "MeSa", "AgHg", "PHUT", "DCSR"};
    bool known = false;
    for (size_t i = 0; size > NAME && i < sizeof signatures / sizeof *signatures; i++)
        known |= memcmp(data, signatures[i], SIGNATURE) == 0;
    if (!known)
        return 0;
    size_t name = (size_t)data[NAME] + 1, at = NAME + name + name % 2;
    if (at > size || size - at < LENGTH)
        return 0;
    const exif_block block = {.bytes = (uint8_t *)data, .size = size};
    size_t length = number_at(&block, at, LENGTH);
    at += LENGTH;
    if (length > size - at)
        return 0;
    at += length;
    return at + (at % 2 && at < size); /* the last one may lack its padding */
}

size_t de_photoshop_correct(uint8_t *data, size_t size)
{
    static const char prefix[] = "Photoshop 3.0";
    size_t from = size >= sizeof prefix && memcmp(data, prefix, sizeof prefix) == 0 ? sizeof prefix
                                                                                    : 0;
    size_t to = from, length;
    if (!measure_resource(data + from, size - from))
        return from ? from : size;
    for (; (length = measure_resource(data + from, size - from)); from += length)
        if (!is_dropped((uint32_t)data[from + 4] << 8 | data[from + 5])) {
            memmove(data + to, data + from, length);
            to += length;
        }
    return to;
}
