#include "weights/zip.h"

#include <stdlib.h>
#include <string.h>

/* Sizes of the fixed parts of records, signature included. */
enum { LOCAL = 30, CENTRAL = 46, END = 22, END64 = 56, LOCATOR64 = 20, MOST_COMMENT = 65535 };
enum { ENCRYPTED = 1, STORED = 0, ZIP64_FIELD = 1, MOST_ENTRIES = 1 << 20 };
static const uint32_t UNKNOWN = 0xffffffff; /* the 64-bit field says it */

typedef struct reader {
    const char *path;
    const unsigned char *bytes;
    size_t size;
    size_t directory, directory_end; /* where the list of entries stands */
    diffedit_error *error;
} reader;

#define BAD(...) de_fail(r->error, DIFFEDIT_ERROR_MODEL, __VA_ARGS__)

static uint64_t read_number(const unsigned char *at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static bool is_record(const unsigned char *at, unsigned char third, unsigned char fourth)
{
    return at[0] == 'P' && at[1] == 'K' && at[2] == third && at[3] == fourth;
}

bool de_zip_begins(const unsigned char *bytes, size_t size)
{
    return size >= LOCAL && is_record(bytes, 3, 4);
}

/* ---- the end of the directory, which stands last in the file ---- */

/* The place of the record before a comment that reaches the file's end; SIZE_MAX where there is
 * none. */
static size_t find_end(const reader *r)
{
    for (size_t comment = 0; comment <= MOST_COMMENT && END + comment <= r->size; comment++) {
        const unsigned char *at = r->bytes + r->size - END - comment;
        if (is_record(at, 5, 6) && read_number(at + 20, 2) == comment)
            return (size_t)(at - r->bytes);
    }
    return SIZE_MAX;
}

static diffedit_status set_directory(reader *r, uint64_t place, uint64_t length, uint64_t entries,
                                     size_t end, size_t *count)
{
    if (place > end || length > end - place)
        return BAD("%s: expected a zip directory of %ju bytes at byte %ju, found only %zu bytes "
                   "there; the file is damaged",
                   r->path, (uintmax_t)length, (uintmax_t)place,
                   place > end ? 0 : end - (size_t)place);
    if (entries > length / CENTRAL || entries > MOST_ENTRIES)
        return BAD("%s: the zip directory lists %ju entries, too many for its %ju bytes", r->path,
                   (uintmax_t)entries, (uintmax_t)length);
    r->directory = (size_t)place;
    r->directory_end = (size_t)(place + length);
    *count = (size_t)entries;
    return DIFFEDIT_OK;
}

static diffedit_status find_directory(reader *r, size_t *count)
{
    size_t end = find_end(r);
    if (end == SIZE_MAX)
        return BAD("%s: the zip file's end is missing; it is truncated (%zu bytes)", r->path,
                   r->size);
    const unsigned char *at = r->bytes + end;
    if (end < LOCATOR64 || !is_record(at - LOCATOR64, 6, 7))
        return set_directory(r, read_number(at + 16, 4), read_number(at + 12, 4),
                             read_number(at + 10, 2), end, count);
    uint64_t place = read_number(at - LOCATOR64 + 8, 8);
    end -= LOCATOR64;
    if (end < END64 || place > end - END64 || !is_record(r->bytes + place, 6, 6))
        return BAD("%s: expected the zip file's 64-bit end at byte %ju; the file is damaged",
                   r->path, (uintmax_t)place);
    at = r->bytes + place;
    return set_directory(r, read_number(at + 48, 8), read_number(at + 40, 8),
                         read_number(at + 32, 8), (size_t)place, count);
}

/* ---- entries ---- */

/* Replaces what the 32-bit fields leave unknown by the numbers of the 64-bit field, which stand in
 * this order. */
static bool read_long_numbers(const unsigned char *extra, size_t length, uint64_t *numbers[3])
{
    bool missing = false;
    for (int i = 0; i < 3; i++)
        missing = missing || *numbers[i] == UNKNOWN;
    while (missing && length >= 4) {
        size_t field = (size_t)read_number(extra + 2, 2);
        bool found = read_number(extra, 2) == ZIP64_FIELD;
        extra += 4;
        length -= 4;
        if (field > length)
            return false;
        for (int i = 0; i < 3 && found; i++) {
            if (*numbers[i] != UNKNOWN)
                continue;
            if (field < 8)
                return false;
            *numbers[i] = read_number(extra, 8);
            extra += 8;
            length -= 8;
            field -= 8;
        }
        if (found)
            return true;
        extra += field;
        length -= field;
    }
    return !missing;
}

#define NAME(entry) (int)de_min_i64(80, (int64_t)(entry)->name_length), (entry)->name

/* Where an entry's data begins follows from its own header, which must agree with the directory. */
static diffedit_status find_data(const reader *r, de_zip_entry *entry, uint64_t begin,
                                 uint64_t size)
{
    if (begin > r->directory || r->directory - begin < LOCAL || !is_record(r->bytes + begin, 3, 4))
        return BAD("%s: zip entry `%.*s` does not begin at byte %ju as listed", r->path,
                   NAME(entry), (uintmax_t)begin);
    const unsigned char *header = r->bytes + begin;
    size_t name = (size_t)read_number(header + 26, 2), extra = (size_t)read_number(header + 28, 2);
    size_t room = r->directory - (size_t)begin - LOCAL;
    if (name + extra > room || size > room - name - extra)
        return BAD("%s: zip entry `%.*s`, %ju bytes at byte %ju, extends beyond the file", r->path,
                   NAME(entry), (uintmax_t)size, (uintmax_t)begin);
    if (name != entry->name_length || memcmp(header + LOCAL, entry->name, name) != 0)
        return BAD("%s: zip entry `%.*s` has another name in its own header", r->path, NAME(entry));
    entry->begin = (size_t)begin;
    entry->data = header + LOCAL + name + extra;
    entry->size = (size_t)size;
    return DIFFEDIT_OK;
}

/* The record at *at of the directory. */
static diffedit_status read_entry(const reader *r, de_zip_entry *entry, size_t *at)
{
    const unsigned char *record = r->bytes + *at;
    size_t room = r->directory_end - *at;
    if (room < CENTRAL || !is_record(record, 1, 2))
        return BAD("%s: the zip directory is damaged at byte %zu", r->path, *at);
    size_t name = (size_t)read_number(record + 28, 2), extra = (size_t)read_number(record + 30, 2);
    size_t comment = (size_t)read_number(record + 32, 2);
    if (name + extra + comment > room - CENTRAL)
        return BAD("%s: the zip directory is damaged at byte %zu", r->path, *at);
    *at += CENTRAL + name + extra + comment;
    entry->name = (const char *)record + CENTRAL;
    entry->name_length = name;
    if (read_number(record + 8, 2) & ENCRYPTED)
        return BAD("%s: zip entry `%.*s` is encrypted", r->path, NAME(entry));
    entry->stored = read_number(record + 10, 2) == STORED;
    uint64_t size = read_number(record + 24, 4), packed = read_number(record + 20, 4),
             begin = read_number(record + 42, 4);
    if (!read_long_numbers(record + CENTRAL + name, extra, (uint64_t *[]){&size, &packed, &begin}))
        return BAD("%s: zip entry `%.*s` has no size", r->path, NAME(entry));
    if (entry->stored && size != packed)
        return BAD("%s: zip entry `%.*s` has %ju bytes, but takes %ju", r->path, NAME(entry),
                   (uintmax_t)size, (uintmax_t)packed);
    return find_data(r, entry, begin, packed);
}

static int compare_names(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int order = memcmp(a, b, a_length < b_length ? a_length : b_length);
    return order ? order : (a_length > b_length) - (a_length < b_length);
}

static int compare_entries(const void *a, const void *b)
{
    const de_zip_entry *first = a, *second = b;
    return compare_names(first->name, first->name_length, second->name, second->name_length);
}

static int compare_places(const void *a, const void *b)
{
    const de_zip_entry *first = a, *second = b;
    return (first->begin > second->begin) - (first->begin < second->begin);
}

static diffedit_status check_entries(const reader *r, de_zip *zip)
{
    qsort(zip->entries, zip->count, sizeof *zip->entries, compare_places);
    for (size_t i = 1; i < zip->count; i++) {
        const de_zip_entry *first = &zip->entries[i - 1], *second = &zip->entries[i];
        if (first->data + first->size > r->bytes + second->begin)
            return BAD("%s: zip entries `%.*s` and `%.*s` overlap", r->path, NAME(first),
                       NAME(second));
    }
    qsort(zip->entries, zip->count, sizeof *zip->entries, compare_entries);
    for (size_t i = 1; i < zip->count; i++)
        if (compare_entries(&zip->entries[i - 1], &zip->entries[i]) == 0)
            return BAD("%s: zip entry `%.*s` occurs twice", r->path, NAME(&zip->entries[i]));
    return DIFFEDIT_OK;
}

diffedit_status de_zip_read(de_zip *zip, const char *path, const unsigned char *bytes, size_t size,
                            diffedit_error *error)
{
    reader reading = {.path = path, .bytes = bytes, .size = size, .error = error}, *r = &reading;
    size_t count = 0;
    *zip = (de_zip){0};
    diffedit_status status = find_directory(r, &count);
    if (status != DIFFEDIT_OK)
        return status;
    if (count == 0)
        return BAD("%s: the zip file is empty", path);
    zip->entries = calloc(count, sizeof *zip->entries);
    if (!zip->entries)
        return de_fail_memory(error, count * sizeof *zip->entries, "a zip directory");
    for (size_t at = r->directory; zip->count < count && status == DIFFEDIT_OK; zip->count++)
        status = read_entry(r, &zip->entries[zip->count], &at);
    if (status == DIFFEDIT_OK)
        status = check_entries(r, zip);
    if (status != DIFFEDIT_OK)
        de_zip_free(zip);
    return status;
}

void de_zip_free(de_zip *zip)
{
    free(zip->entries);
    *zip = (de_zip){0};
}

const de_zip_entry *de_zip_find(const de_zip *zip, const char *name, size_t length)
{
    size_t begin = 0, end = zip->count;
    while (begin < end) {
        size_t middle = begin + (end - begin) / 2;
        const de_zip_entry *entry = &zip->entries[middle];
        int order = compare_names(entry->name, entry->name_length, name, length);
        if (order == 0)
            return entry;
        if (order < 0)
            begin = middle + 1;
        else
            end = middle;
    }
    return NULL;
}
