/* The directory of a zip file: what a good one gives, and the sentence that each lie gets. */
#include "weights/zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- archives, made by hand ---- */

enum { MOST_BYTES = 8192, MOST_ENTRIES = 4, LOCAL = 30, CENTRAL = 46, END = 22, ZIP64 = 20 };

typedef struct archive {
    unsigned char bytes[MOST_BYTES];
    size_t size;
    /* where the records stand: to be changed by the tests */
    size_t local[MOST_ENTRIES], central[MOST_ENTRIES], end;
    int count;
} archive;

static void set(archive *a, size_t at, uint64_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        a->bytes[at + (size_t)i] = (unsigned char)(value >> (8 * i));
}

static uint64_t get(const archive *a, size_t at, int bytes)
{
    uint64_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | a->bytes[at + (size_t)i];
    return value;
}

static size_t append(archive *a, const void *bytes, size_t size)
{
    size_t at = a->size;
    assert_true(size <= sizeof a->bytes - at);
    memcpy(a->bytes + at, bytes, size);
    a->size += size;
    return at;
}

/* A record's first bytes, the rest of it zero. */
static size_t append_record(archive *a, const char *signature, size_t size)
{
    static const unsigned char zeros[64];
    size_t at = append(a, zeros, size);
    memcpy(a->bytes + at, signature, 4);
    return at;
}

typedef struct content {
    const char *name, *data;
} content;

static void append_local(archive *a, content c)
{
    size_t at = append_record(a, "PK\3\4", LOCAL);
    a->local[a->count] = at;
    set(a, at + 18, strlen(c.data), 4);
    set(a, at + 22, strlen(c.data), 4);
    set(a, at + 26, strlen(c.name), 2);
    append(a, c.name, strlen(c.name));
    append(a, c.data, strlen(c.data));
    a->count++;
}

/* `extra` bytes are left for a field that the test fills in. */
static void append_central(archive *a, int number, content c, size_t extra)
{
    static const unsigned char zeros[64];
    size_t at = append_record(a, "PK\1\2", CENTRAL);
    a->central[number] = at;
    set(a, at + 20, strlen(c.data), 4);
    set(a, at + 24, strlen(c.data), 4);
    set(a, at + 28, strlen(c.name), 2);
    set(a, at + 30, extra, 2);
    set(a, at + 42, a->local[number], 4);
    append(a, c.name, strlen(c.name));
    append(a, zeros, extra);
}

static void append_end(archive *a)
{
    size_t directory = a->count > 0 ? a->central[0] : a->size, length = a->size - directory;
    a->end = append_record(a, "PK\5\6", END);
    set(a, a->end + 8, (uint64_t)a->count, 2);
    set(a, a->end + 10, (uint64_t)a->count, 2);
    set(a, a->end + 12, length, 4);
    set(a, a->end + 16, directory, 4);
}

static const content TWO[] = {{"b/data.pkl", "pickle"}, {"b/data/0", "0123456789"}};

/* Both contents of TWO, as torch would write them. */
static archive two_entries(size_t extra)
{
    archive a = {.size = 0};
    for (int i = 0; i < 2; i++)
        append_local(&a, TWO[i]);
    for (int i = 0; i < 2; i++)
        append_central(&a, i, TWO[i], extra);
    append_end(&a);
    return a;
}

/* ---- reading them ---- */

/* Of exactly its size, so that AddressSanitizer sees a step too far. */
static unsigned char *copy_of(const archive *a)
{
    unsigned char *bytes = malloc(a->size + !a->size);
    assert_non_null(bytes);
    memcpy(bytes, a->bytes, a->size);
    return bytes;
}

static void expect_refused(const archive *a, const char *sentence)
{
    de_zip zip;
    diffedit_error error = {.message = ""};
    unsigned char *bytes = copy_of(a);
    assert_int_equal(de_zip_read(&zip, "a.zip", bytes, a->size, &error), DIFFEDIT_ERROR_MODEL);
    assert_string_equal(error.message, sentence);
    assert_null(zip.entries);
    assert_int_equal(zip.count, 0);
    free(bytes);
}

/* Reads an archive of the contents of TWO, and looks at them. */
static void expect_two(const archive *a)
{
    de_zip zip;
    diffedit_error error = {.message = ""};
    unsigned char *bytes = copy_of(a);
    if (de_zip_read(&zip, "a.zip", bytes, a->size, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    assert_int_equal(zip.count, 2);
    for (int i = 0; i < 2; i++) {
        const de_zip_entry *entry = de_zip_find(&zip, TWO[i].name, strlen(TWO[i].name));
        assert_non_null(entry);
        assert_true(entry->stored);
        assert_int_equal(entry->size, strlen(TWO[i].data));
        assert_memory_equal(entry->data, TWO[i].data, entry->size);
        assert_true(entry->data > bytes && entry->data + entry->size < bytes + a->size);
        assert_int_equal(entry->begin, a->local[i]);
    }
    assert_null(de_zip_find(&zip, "b/data", 6));
    assert_null(de_zip_find(&zip, "b/data/00", 9));
    assert_null(de_zip_find(&zip, "", 0));
    de_zip_free(&zip);
    assert_null(zip.entries);
    free(bytes);
}

/* ---- good ones ---- */

static void test_two_entries(void **state)
{
    archive a = two_entries(0);
    (void)state;
    expect_two(&a);
    assert_true(de_zip_begins(a.bytes, a.size));
    assert_false(de_zip_begins(a.bytes, LOCAL - 1));
    assert_false(de_zip_begins(a.bytes + 1, a.size - 1));
}

static void test_a_comment(void **state)
{
    archive a = two_entries(0);
    (void)state;
    set(&a, a.end + 20, 2000, 2);
    /* what looks like another end within the comment is none: its own comment would be too short */
    append_record(&a, "PK\5\6", END);
    memset(a.bytes + a.size, 'c', 2000 - END);
    a.size += 2000 - END;
    expect_two(&a);
}

/* Padding and other fields in an entry's own header, as torch aligns its data. */
static void test_padding(void **state)
{
    archive a = {.size = 0};
    (void)state;
    for (int i = 0; i < 2; i++) {
        append_local(&a, TWO[i]);
        size_t data = strlen(TWO[i].data), pad = 13;
        unsigned char *at = a.bytes + a.size - data;
        memmove(at + pad, at, data);
        memset(at, 'Z', pad);
        a.size += pad;
        set(&a, a.local[i] + 28, pad, 2);
        append(&a, "descriptor", 10); /* bytes between entries are nobody's */
    }
    for (int i = 0; i < 2; i++)
        append_central(&a, i, TWO[i], 5);
    set(&a, a.central[0] + 30, 2, 2);
    set(&a, a.central[0] + 32, 3, 2); /* the rest is its comment */
    append_end(&a);
    expect_two(&a);
}

static void test_compressed_entries_are_told_apart(void **state)
{
    archive a = two_entries(0);
    de_zip zip;
    diffedit_error error;
    (void)state;
    set(&a, a.central[0] + 10, 8, 2); /* deflated */
    set(&a, a.central[0] + 24, 1000, 4);
    assert_int_equal(de_zip_read(&zip, "a.zip", a.bytes, a.size, &error), DIFFEDIT_OK);
    assert_false(de_zip_find(&zip, TWO[0].name, strlen(TWO[0].name))->stored);
    assert_int_equal(de_zip_find(&zip, TWO[0].name, strlen(TWO[0].name))->size, 6);
    assert_true(de_zip_find(&zip, TWO[1].name, strlen(TWO[1].name))->stored);
    de_zip_free(&zip);
}

/* Fills the first entry's extra field with a field of `fields` numbers of 64 bits. */
static void set_long_numbers(archive *a, int fields, const uint64_t *numbers)
{
    size_t at = a->central[0] + CENTRAL + strlen(TWO[0].name);
    set(a, at, 0x5455, 2); /* another field before it, of two bytes */
    set(a, at + 2, 2, 2);
    set(a, at + 6, 1, 2);
    set(a, at + 8, (uint64_t)fields * 8, 2);
    for (int i = 0; i < fields; i++)
        set(a, at + 10 + 8 * (size_t)i, numbers[i], 8);
}

static void test_long_numbers_of_an_entry(void **state)
{
    archive a = two_entries(40);
    (void)state;
    for (int i = 0; i < 2; i++)
        set(&a, a.central[0] + 20 + 4 * (size_t)i, 0xffffffff, 4);
    set(&a, a.central[0] + 42, 0xffffffff, 4);
    set_long_numbers(&a, 3, (uint64_t[]){6, 6, a.local[0]});
    expect_two(&a);
    /* only those that are missing stand in the field */
    set(&a, a.central[0] + 20, 6, 4);
    set(&a, a.central[0] + 24, 6, 4);
    set_long_numbers(&a, 1, (uint64_t[]){a.local[0]});
    expect_two(&a);
}

/* Puts the 64-bit end and what points to it before the usual end. */
static archive with_long_end(uint64_t place)
{
    archive a = two_entries(0);
    uint64_t directory = get(&a, a.end + 16, 4), length = get(&a, a.end + 12, 4);
    a.size = a.end;
    size_t record = append_record(&a, "PK\6\6", 56);
    set(&a, record + 24, 2, 8);
    set(&a, record + 32, 2, 8);
    set(&a, record + 40, length, 8);
    set(&a, record + 48, directory, 8);
    size_t locator = append_record(&a, "PK\6\7", ZIP64);
    set(&a, locator + 8, place ? place : record, 8);
    a.end = append_record(&a, "PK\5\6", END);
    memset(a.bytes + a.end + 8, 0xff, 12);
    return a;
}

static void test_the_long_end(void **state)
{
    archive a = with_long_end(0);
    (void)state;
    expect_two(&a);
    set(&a, a.end - ZIP64 - 56 + 32, UINT64_C(1) << 40, 8);
    expect_refused(&a, "a.zip: the zip directory lists 1099511627776 entries, too many for its 110 "
                       "bytes");
    a = with_long_end(UINT64_C(1) << 63);
    expect_refused(&a, "a.zip: expected the zip file's 64-bit end at byte 9223372036854775808; "
                       "the file is damaged");
    a = with_long_end(4);
    expect_refused(&a, "a.zip: expected the zip file's 64-bit end at byte 4; the file is damaged");
    a = with_long_end(0);
    set(&a, a.end - ZIP64 - 56 + 48, UINT64_MAX - 5, 8);
    expect_refused(&a, "a.zip: expected a zip directory of 110 bytes at byte "
                       "18446744073709551610, found only 0 bytes there; the file is damaged");
}

/* ---- bad ones ---- */

static void test_cut_off(void **state)
{
    archive whole = two_entries(0), a;
    (void)state;
    for (size_t size = 0; size < whole.size; size++) {
        char sentence[120];
        a = whole;
        a.size = size;
        snprintf(sentence, sizeof sentence,
                 "a.zip: the zip file's end is missing; it is truncated (%zu bytes)", size);
        expect_refused(&a, sentence);
    }
}

static void test_empty(void **state)
{
    archive a = {.size = 0};
    (void)state;
    append_end(&a);
    expect_refused(&a, "a.zip: the zip file is empty");
}

typedef enum place { IN_LOCAL, IN_CENTRAL, IN_END } place;

/* One field changed in an archive of two entries: the local headers stand at bytes 0 and 46, the
 * directory at 94, its second record at 150, the end at 204. */
static const struct {
    place place;
    size_t field;
    uint64_t value;
    int bytes;
    const char *sentence;
} LIES[] = {
    {IN_END, 16, 0xfffffff0, 4,
     "a.zip: expected a zip directory of 110 bytes at byte 4294967280, found only 0 bytes there; "
     "the file is damaged"},
    {IN_END, 16, 95, 4,
     "a.zip: expected a zip directory of 110 bytes at byte 95, found only 109 bytes there; the "
     "file "
     "is damaged"},
    {IN_END, 12, 0x7fffffff, 4,
     "a.zip: expected a zip directory of 2147483647 bytes at byte 94, found only 110 bytes there; "
     "the file is damaged"},
    {IN_END, 12, 109, 4, "a.zip: the zip directory is damaged at byte 150"},
    {IN_END, 16, 0, 4, "a.zip: the zip directory is damaged at byte 0"},
    {IN_END, 10, 3, 2, "a.zip: the zip directory lists 3 entries, too many for its 110 bytes"},
    {IN_END, 10, 65534, 2,
     "a.zip: the zip directory lists 65534 entries, too many for its 110 bytes"},
    {IN_END, 10, 0, 2, "a.zip: the zip file is empty"},
    {IN_CENTRAL, 0, 'X', 1, "a.zip: the zip directory is damaged at byte 94"},
    {IN_CENTRAL, 28, 0xffff, 2, "a.zip: the zip directory is damaged at byte 94"},
    {IN_CENTRAL, 30, 0xffff, 2, "a.zip: the zip directory is damaged at byte 94"},
    {IN_CENTRAL, 32, 0xffff, 2, "a.zip: the zip directory is damaged at byte 94"},
    {IN_CENTRAL, 30, 1, 2, "a.zip: the zip directory is damaged at byte 151"},
    {IN_CENTRAL, 8, 1, 2, "a.zip: zip entry `b/data.pkl` is encrypted"},
    {IN_CENTRAL, 24, 0xffffffff, 4, "a.zip: zip entry `b/data.pkl` has no size"},
    {IN_CENTRAL, 42, 0xffffffff, 4, "a.zip: zip entry `b/data.pkl` has no size"},
    {IN_CENTRAL, 20, 5, 4, "a.zip: zip entry `b/data.pkl` has 6 bytes, but takes 5"},
    {IN_CENTRAL, 42, 0xfffffff0, 4,
     "a.zip: zip entry `b/data.pkl` does not begin at byte 4294967280 as listed"},
    {IN_CENTRAL, 42, 1, 4, "a.zip: zip entry `b/data.pkl` does not begin at byte 1 as listed"},
    {IN_CENTRAL, 42, 94, 4, "a.zip: zip entry `b/data.pkl` does not begin at byte 94 as listed"},
    {IN_CENTRAL, 42, 46, 4, "a.zip: zip entry `b/data.pkl` has another name in its own header"},
    {IN_CENTRAL, 46, 'x', 1, "a.zip: zip entry `x/data.pkl` has another name in its own header"},
    {IN_CENTRAL, 46, '\n', 1, "a.zip: zip entry `?/data.pkl` has another name in its own header"},
    {IN_LOCAL, 26, 0xffff, 2,
     "a.zip: zip entry `b/data.pkl`, 6 bytes at byte 0, extends beyond the file"},
    {IN_LOCAL, 28, 0xffff, 2,
     "a.zip: zip entry `b/data.pkl`, 6 bytes at byte 0, extends beyond the file"},
    {IN_LOCAL, 26, 9, 2, "a.zip: zip entry `b/data.pkl` has another name in its own header"},
    {IN_LOCAL, 28, 1, 2, "a.zip: zip entries `b/data.pkl` and `b/data/0` overlap"},
};

static void test_lies(void **state)
{
    archive a = two_entries(0);
    (void)state;
    assert_int_equal(a.local[1], 46);
    assert_int_equal(a.central[0], 94);
    assert_int_equal(a.central[1], 150);
    assert_int_equal(a.end, 204);
    for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) {
        a = two_entries(0);
        size_t record = LIES[i].place == IN_LOCAL     ? a.local[0]
                        : LIES[i].place == IN_CENTRAL ? a.central[0]
                                                      : a.end;
        set(&a, record + LIES[i].field, LIES[i].value, LIES[i].bytes);
        expect_refused(&a, LIES[i].sentence);
    }
}

/* Sizes of which both fields tell the same lie. */
static void test_sizes_that_lie(void **state)
{
    static const struct {
        uint64_t size;
        const char *sentence;
    } cases[] = {
        {7, "a.zip: zip entries `b/data.pkl` and `b/data/0` overlap"},
        {54, "a.zip: zip entries `b/data.pkl` and `b/data/0` overlap"},
        {55, "a.zip: zip entry `b/data.pkl`, 55 bytes at byte 0, extends beyond the file"},
        {0xfffffffe,
         "a.zip: zip entry `b/data.pkl`, 4294967294 bytes at byte 0, extends beyond the file"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        archive a = two_entries(0);
        set(&a, a.central[0] + 20, cases[i].size, 4);
        set(&a, a.central[0] + 24, cases[i].size, 4);
        expect_refused(&a, cases[i].sentence);
    }
}

static void test_long_numbers_that_lie(void **state)
{
    (void)state;
    archive a = two_entries(40);
    set(&a, a.central[0] + 20, 0xffffffff, 4);
    set(&a, a.central[0] + 24, 0xffffffff, 4);
    expect_refused(&a, "a.zip: zip entry `b/data.pkl` has no size"); /* no such field */
    set_long_numbers(&a, 1, (uint64_t[]){6});                        /* one of the two */
    expect_refused(&a, "a.zip: zip entry `b/data.pkl` has no size");
    set_long_numbers(&a, 2, (uint64_t[]){UINT64_MAX, UINT64_MAX});
    expect_refused(&a, "a.zip: zip entry `b/data.pkl`, 18446744073709551615 bytes at byte 0, "
                       "extends beyond the file");
    set_long_numbers(&a, 2, (uint64_t[]){6, 6});
    expect_two(&a);
    set(&a, a.central[0] + CENTRAL + strlen(TWO[0].name) + 8, 0xffff, 2); /* the field's length */
    expect_refused(&a, "a.zip: zip entry `b/data.pkl` has no size");
    set_long_numbers(&a, 1, (uint64_t[]){UINT64_MAX - 7}); /* a place */
    set(&a, a.central[0] + 20, 6, 4);
    set(&a, a.central[0] + 24, 6, 4);
    set(&a, a.central[0] + 42, 0xffffffff, 4);
    expect_refused(&a, "a.zip: zip entry `b/data.pkl` does not begin at byte 18446744073709551608 "
                       "as listed");
}

static void test_one_name_twice(void **state)
{
    archive a = {.size = 0};
    (void)state;
    for (int i = 0; i < 2; i++)
        append_local(&a, TWO[0]);
    for (int i = 0; i < 2; i++)
        append_central(&a, i, TWO[0], 0);
    append_end(&a);
    expect_refused(&a, "a.zip: zip entry `b/data.pkl` occurs twice");
}

static void test_one_place_twice(void **state)
{
    archive a = {.size = 0};
    (void)state;
    append_local(&a, TWO[0]);
    for (int i = 0; i < 2; i++) {
        a.local[i] = a.local[0];
        append_central(&a, i, TWO[0], 0);
    }
    a.count = 2;
    append_end(&a);
    expect_refused(&a, "a.zip: zip entries `b/data.pkl` and `b/data.pkl` overlap");
}

/* A long name is shown by its beginning. */
static void test_a_long_name(void **state)
{
    char name[301], shown[160];
    archive a = {.size = 0};
    (void)state;
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    content c = {name, "data"};
    append_local(&a, c);
    append_central(&a, 0, c, 0);
    append_end(&a);
    set(&a, a.central[0] + 8, 1, 2);
    snprintf(shown, sizeof shown, "a.zip: zip entry `%.80s` is encrypted", name);
    expect_refused(&a, shown);
}

/* Some changes make another good archive; none may do harm, and whatever is read lies within. */
static void test_every_byte(void **state)
{
    static const unsigned char values[] = {0x00, 0xff, 0x7f, 0x80, 0x01};
    archive whole = with_long_end(0);
    size_t refused = 0;
    (void)state;
    unsigned char *bytes = copy_of(&whole);
    for (size_t at = 0; at < whole.size; at++)
        for (size_t v = 0; v < sizeof values; v++) {
            unsigned char kept = bytes[at];
            de_zip zip;
            diffedit_error error = {.message = ""};
            bytes[at] = values[v];
            if (de_zip_read(&zip, "a.zip", bytes, whole.size, &error) != DIFFEDIT_OK)
                refused += strncmp(error.message, "a.zip: ", 7) == 0;
            for (size_t i = 0; i < zip.count; i++) {
                const de_zip_entry *entry = &zip.entries[i];
                assert_true(entry->data >= bytes && entry->size <= whole.size &&
                            entry->data + entry->size <= bytes + whole.size);
            }
            de_zip_free(&zip);
            bytes[at] = kept;
        }
    assert_true(refused > whole.size);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_entries),
                                       cmocka_unit_test(test_a_comment),
                                       cmocka_unit_test(test_padding),
                                       cmocka_unit_test(test_compressed_entries_are_told_apart),
                                       cmocka_unit_test(test_long_numbers_of_an_entry),
                                       cmocka_unit_test(test_the_long_end),
                                       cmocka_unit_test(test_cut_off),
                                       cmocka_unit_test(test_empty),
                                       cmocka_unit_test(test_lies),
                                       cmocka_unit_test(test_sizes_that_lie),
                                       cmocka_unit_test(test_long_numbers_that_lie),
                                       cmocka_unit_test(test_one_name_twice),
                                       cmocka_unit_test(test_one_place_twice),
                                       cmocka_unit_test(test_a_long_name),
                                       cmocka_unit_test(test_every_byte)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
