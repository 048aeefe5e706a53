#include "picture/png_chunks.h"

#include <string.h>

enum { HEAD = 8, MAX_LENGTH = 0x7fffffff };

static uint32_t read_number(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void write_number(uint8_t *bytes, uint32_t number)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(number >> (24 - 8 * i));
}

/* CRC-32 of ISO 3309, as PNG computes it over a chunk's type and data. */
static uint32_t checksum(const uint8_t *bytes, size_t size)
{
    uint32_t sum = 0xffffffffu;
    for (size_t i = 0; i < size; i++) {
        sum ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0xedb88320u : 0);
    }
    return ~sum;
}

bool de_png_is_png(const void *bytes, size_t size)
{
    return size >= DE_PNG_SIGNATURE && memcmp(bytes, "\x89PNG\r\n\x1a\n", DE_PNG_SIGNATURE) == 0;
}

bool de_png_next(const uint8_t *png, size_t size, size_t *at, de_png_chunk *chunk)
{
    size_t from = *at ? *at : DE_PNG_SIGNATURE;
    if (from > size || size - from < DE_PNG_FRAME)
        return false;
    uint32_t length = read_number(png + from);
    if (length > MAX_LENGTH || length > size - from - DE_PNG_FRAME)
        return false;
    *chunk = (de_png_chunk){.whole = png + from,
                            .whole_size = (size_t)length + DE_PNG_FRAME,
                            .data = png + from + HEAD,
                            .size = length};
    *at = from + chunk->whole_size;
    return true;
}

bool de_png_has_type(const de_png_chunk *chunk, const char *type)
{
    return memcmp(chunk->whole + 4, type, 4) == 0;
}

bool de_png_is_sound(const de_png_chunk *chunk)
{
    return checksum(chunk->whole + 4, chunk->size + 4) == read_number(chunk->data + chunk->size);
}

bool de_png_is_text(const de_png_chunk *chunk, const char *keyword)
{
    if (!de_png_has_type(chunk, "tEXt") && !de_png_has_type(chunk, "zTXt") &&
        !de_png_has_type(chunk, "iTXt"))
        return false;
    size_t length = keyword ? strlen(keyword) : 0;
    return !keyword || (chunk->size > length && memcmp(chunk->data, keyword, length + 1) == 0);
}

size_t de_png_write(uint8_t *to, const char *type, const void *data, size_t size)
{
    memmove(to + HEAD, data, size);
    write_number(to, (uint32_t)size);
    memcpy(to + 4, type, 4);
    write_number(to + HEAD + size, checksum(to + 4, size + 4));
    return size + DE_PNG_FRAME;
}
