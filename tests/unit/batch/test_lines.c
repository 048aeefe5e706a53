/* Lists of edits: CSV and JSON lines, and what is refused. */
#include "batch/lines.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- reading ---- */

static char said[4096]; /* "2 picture=a.png to=b | 3 ..." */

static diffedit_status on_line(void *user, batch_line *line, diffedit_error *error)
{
    size_t length = strlen(said);
    (void)user;
    (void)error;
    length += (size_t)snprintf(said + length, sizeof said - length, "%s%jd", length ? " | " : "",
                               (intmax_t)line->number);
    for (int i = 0; i < LINE_FIELDS && length < sizeof said; i++)
        if (line->values[i])
            length += (size_t)snprintf(said + length, sizeof said - length, " %s=%s",
                                       line_field_name(i), line->values[i]);
    return DIFFEDIT_OK;
}

static diffedit_status read_bytes(const void *bytes, size_t size, diffedit_error *error)
{
    said[0] = '\0';
    return lines_read(scratch_write("list", bytes, size), NULL, on_line, NULL, error);
}

static void expect(const char *text, const char *lines)
{
    diffedit_error error = {.message = ""};
    if (read_bytes(text, strlen(text), &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    assert_string_equal(said, lines);
}

static void expect_refused_bytes(const void *bytes, size_t size, const char *sentence)
{
    char whole[600];
    diffedit_error error = {.message = ""};
    assert_int_equal(read_bytes(bytes, size, &error), DIFFEDIT_ERROR_FILE);
    snprintf(whole, sizeof whole, "%s: %s", scratch_path("list"), sentence);
    assert_string_equal(error.message, whole);
}

static void expect_refused(const char *text, const char *sentence)
{
    expect_refused_bytes(text, strlen(text), sentence);
}

/* ---- CSV ---- */

static void csv_has_a_line_for_each_row(void **state)
{
    (void)state;
    expect("picture,from,to\na.png,a horse,a zebra\nb.png,,\"x, \"\"y\"\"\"\n",
           "2 picture=a.png from=a horse to=a zebra | 3 picture=b.png to=x, \"y\"");
    expect("picture,to\na.png,x", "2 picture=a.png to=x"); /* no end of line */
}

static void csv_comes_in_many_forms(void **state)
{
    (void)state;
    expect("\xEF\xBB\xBFpicture,to\r\na.png,x\r\n\r\nb.png,y\r\n",
           "2 picture=a.png to=x | 4 picture=b.png to=y");
    expect("picture;to\na.png;x,y\n", "2 picture=a.png to=x,y");
    expect("picture\tto\na.png\tx, y\n", "2 picture=a.png to=x, y");
    expect("to,mask_threshold,picture\nx,0.4,a.png\n", "2 picture=a.png to=x mask-threshold=0.4");
    expect("picture,to\n\"a\nb.png\",x\nc.png,y\n",
           "2 picture=a\nb.png to=x | 4 picture=c.png to=y");
    expect("picture,to\n,\na.png,x\n", "3 picture=a.png to=x"); /* an empty row of a spreadsheet */
    expect("picture,to\ra.png,x\r\rb.png,\"y\rz\"\rc.png,z\r",  /* of an old Macintosh */
           "2 picture=a.png to=x | 4 picture=b.png to=y\rz | 6 picture=c.png to=z");
}

static void csv_leaves_columns_out(void **state)
{
    (void)state;
    expect("_id,picture,_note,to\n7,a.png,\"any, thing\",x\n", "2 picture=a.png to=x");
}

static void csv_that_is_wrong_is_refused(void **state)
{
    (void)state;
    expect_refused("", "expected a list of edits, found an empty file");
    expect_refused("picture,form\na.png,x\n", "line 1: unknown name \"form\"; did you mean "
                                              "\"from\"?");
    expect_refused("a.png,a horse,a zebra\n",
                   "line 1: expected the names of the columns, found \"a.png\"");
    expect_refused("picture,to,to\n", "line 1: to stands over two columns");
    expect_refused("picture,to,\na.png,x,\n", "line 1: column 3 has no name");
    expect_refused("picture,to\na.png\n",
                   "line 2: expected 2 values, as the first line has, found 1");
    expect_refused("picture,to\na.png,x,y\n",
                   "line 2: expected 2 values, as the first line has, found 3");
    expect_refused("picture,to\na.png,x\nb.png,\"never ends\nc.png,z\n",
                   "line 3: a quote stands in the middle of a value, or is missing at its end; a "
                   "value with quotes is written \"like \"\"this\"\"\"");
    expect_refused("picture,to\na.png,\"x\"y\n",
                   "line 2: a quote stands in the middle of a value, or is missing at its end; a "
                   "value with quotes is written \"like \"\"this\"\"\"");
}

static void bytes_that_are_no_text_are_refused(void **state)
{
    (void)state;
    static const char zero[] = "picture,to\na.png,x\0y\n";
    static const char wide[] = "\xFF\xFEp\0i\0c\0";
    expect_refused_bytes(zero, sizeof zero - 1, "line 2: to has a byte 0 in it");
    expect_refused("picture,to\na.png,caf\xE9\n", "line 2: to is not valid UTF-8");
    expect_refused_bytes(wide, sizeof wide - 1,
                         "expected a list in UTF-8, found UTF-16; save it as UTF-8");
}

static void a_picture_or_a_spreadsheets_own_file_is_no_list(void **state)
{
    (void)state;
    static const char *const heads[] = {"\x89PNG\r\n\x1A\n", "PK\3\4\24", "RIFF\"\1", "\177ELF\2"};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        expect_refused(heads[i], "expected a list of edits (CSV, JSON lines or PIE-Bench's "
                                 "mapping file), found a file that is no text");
    expect("to\tpicture\r\nx\ta.png\r\n", "2 picture=a.png to=x");
}

/* ---- JSON lines ---- */

static void json_has_an_object_in_each_line(void **state)
{
    (void)state;
    expect("{\"picture\": \"a.png\", \"to\": \"x\", \"steps\": 20}\n\n"
           "{\"picture\": \"b.png\", \"to\": \"\", \"mask_threshold\": 0.5, \"from\": null,"
           " \"_note\": [1]}",
           "1 picture=a.png to=x steps=20 | 3 picture=b.png to= mask-threshold=0.5");
}

static void json_that_is_wrong_is_refused(void **state)
{
    (void)state;
    expect_refused("{\"picture\": \"a.png\"}\n[1]\n",
                   "line 2: expected an object of JSON, found an array");
    expect_refused("[{\"picture\": \"a.png\"}]\n",
                   "line 1: expected an object of JSON, found an array");
    expect_refused("[\n{\"picture\": \"a.png\"}\n]\n",
                   "line 1: expected an object of JSON in one line: ']' expected near end of file "
                   "(column 1)");
    expect_refused("{\"picture\": \"a.png\"\n", "line 1: expected an object of JSON in one line: "
                                                "'}' expected near end of file (column 19)");
    expect_refused("{\"picture\": true}\n", "line 1: picture: expected a text or a number");
    expect_refused("{\"to\": \"x\", \"to\": \"y\"}\n",
                   "line 1: expected an object of JSON in one line: duplicate object key near "
                   "'\"to\"' (column 16)");
    expect_refused("{\"mask_grow\": 1, \"mask-grow\": 2}\n", "line 1: mask-grow is given twice");
    expect_refused("{\"pictures\": \"a.png\"}\n",
                   "line 1: unknown name \"pictures\"; did you mean \"picture\"?");
    expect_refused("{\"to\": \"\\u0000\"}\n",
                   "line 1: expected an object of JSON in one line: \\u0000 is not allowed without "
                   "JSON_ALLOW_NUL near '\"\\u0000\"' (column 15)");
}

/* ---- too much ---- */

static char *repeat(const char *before, char what, size_t times)
{
    size_t length = strlen(before);
    char *text = malloc(length + times + 1);
    assert_non_null(text);
    memcpy(text, before, length);
    memset(text + length, what, times);
    text[length + times] = '\0';
    return text;
}

static void what_never_ends_is_refused(void **state)
{
    (void)state;
    enum { MUCH = 3 << 20, DEEP = 100000 };
    char *endless = repeat("{\"picture\": \"", 'a', MUCH);
    expect_refused(endless, "line 1: is longer than 1048576 bytes");
    free(endless);
    endless = repeat("picture,to\na.png,\"", 'x', MUCH);
    expect_refused(endless, "line 2: a value is longer than 1048576 bytes");
    free(endless);
    endless = repeat("", ',', MUCH);
    expect_refused(endless, "line 1: column 1 has no name");
    free(endless);
    endless = repeat("_", ',', MUCH);
    expect_refused(endless, "line 1: column 2 has no name");
    free(endless);
    diffedit_error error = {.message = ""};
    char *deep = repeat("{\"picture\": ", '[', DEEP);
    assert_int_equal(read_bytes(deep, strlen(deep), &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "maximum parsing depth"));
    free(deep);
}

static void a_list_that_is_not_there_is_refused(void **state)
{
    (void)state;
    diffedit_error error = {.message = ""};
    assert_int_equal(lines_read("/nowhere/list", NULL, on_line, NULL, &error), DIFFEDIT_ERROR_FILE);
    assert_string_equal(error.message,
                        "/nowhere/list: cannot be opened: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_a_line_for_each_row),
        cmocka_unit_test(csv_comes_in_many_forms),
        cmocka_unit_test(csv_leaves_columns_out),
        cmocka_unit_test(csv_that_is_wrong_is_refused),
        cmocka_unit_test(bytes_that_are_no_text_are_refused),
        cmocka_unit_test(a_picture_or_a_spreadsheets_own_file_is_no_list),
        cmocka_unit_test(json_has_an_object_in_each_line),
        cmocka_unit_test(json_that_is_wrong_is_refused),
        cmocka_unit_test(what_never_ends_is_refused),
        cmocka_unit_test(a_list_that_is_not_there_is_refused),
    };
    scratch_make();
    int failed = cmocka_run_group_tests_name("lists of edits", tests, NULL, NULL);
    scratch_remove();
    return failed;
}
