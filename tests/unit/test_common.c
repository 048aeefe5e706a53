/* What the library and the command share: sentences, paths, files that are there whole or not at
 * all, and the names of a model's files. */
#include "common/join_path.h"
#include "common/layout.h"
#include "common/new_file.h"
#include "common/read_all.h"
#include "scratch.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *path;
    } cases[] = {{"a/b", "a/b/c"}, {"a/", "a/c"}, {"a//", "a/c"}, {"/", "/c"}, {"", "/c"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path = de_join_path(cases[i].folder, "c");
        assert_string_equal(path, cases[i].path);
        free(path);
    }
}

static void test_sentences(void **state)
{
    (void)state;
    static const struct {
        const char *given, *written;
    } cases[] = {{"plain", "plain"},
                 {"d\xc3\xa9j\xc3\xa0 \xe5\x9b\xbe", "d\xc3\xa9j\xc3\xa0 \xe5\x9b\xbe"},
                 {"\x1b[31m\r\n\t\x7f", "?[31m????"},
                 {"\xc2\x9b", "??"},       /* a control character of the second set */
                 {"a\xff\xfe z", "a?? z"}, /* never UTF-8 */
                 {"\xe5\x9b", "??"},       /* cut in two */
                 {"\xed\xa0\x80", "???"},  /* half of a pair */
                 {"\xc0\x8a", "??"}};      /* an end of line, too long */
    char text[64];
    diffedit_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        de_sentence(text, sizeof text, "%s", cases[i].given);
        assert_string_equal(text, cases[i].written);
        assert_int_equal(de_fail(&error, DIFFEDIT_ERROR_FILE, "%s", cases[i].given),
                         DIFFEDIT_ERROR_FILE);
        assert_string_equal(error.message, cases[i].written);
    }
    de_sentence(text, 8, "%s", "123456789");
    assert_string_equal(text, "1234...");
    de_sentence(text, 8, "%s", "1234567");
    assert_string_equal(text, "1234567");
    de_sentence(text, 3, "%s", "1234");
    assert_string_equal(text, "12");
    assert_int_equal(de_fail(NULL, DIFFEDIT_ERROR_MODEL, "%d", 1), DIFFEDIT_ERROR_MODEL);
}

static void expect_content(const char *path, const char *content)
{
    char text[64] = "";
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, content);
}

static diffedit_status write_text(const char *path, const char *text, diffedit_status status,
                                  diffedit_error *error)
{
    de_new_file file;
    diffedit_status created = de_new_file_create(&file, path, error);
    if (created != DIFFEDIT_OK)
        return created;
    assert_int_equal(de_new_file_write(&file, text, strlen(text), error), DIFFEDIT_OK);
    return de_new_file_finish(&file, status, error);
}

static void test_a_file_is_there_whole_or_not_at_all(void **state)
{
    (void)state;
    diffedit_error error;
    struct stat found;
    char path[256];
    snprintf(path, sizeof path, "%s", scratch_write("whole", "old", 3));
    char *temporary = de_new_file_temporary(path);
    de_new_file file;
    assert_int_equal(de_new_file_create(&file, path, &error), DIFFEDIT_OK);
    assert_int_equal(de_new_file_write(&file, "new", 3, &error), DIFFEDIT_OK);
    expect_content(path, "old");
    expect_content(temporary, "new");
    /* a second writer in this process does not touch the first one's */
    assert_int_equal(write_text(path, "other", DIFFEDIT_OK, &error), DIFFEDIT_OK);
    expect_content(path, "other");
    expect_content(temporary, "new");
    assert_int_equal(de_new_file_finish(&file, DIFFEDIT_OK, &error), DIFFEDIT_OK);
    expect_content(path, "new");
    assert_int_not_equal(stat(temporary, &found), 0);
    /* what failed leaves what was there */
    assert_int_equal(write_text(path, "half", DIFFEDIT_ERROR_CANCELLED, &error),
                     DIFFEDIT_ERROR_CANCELLED);
    expect_content(path, "new");
    assert_int_not_equal(stat(temporary, &found), 0);
    free(temporary);
    assert_int_equal(write_text(scratch_path("no/such/folder"), "x", DIFFEDIT_OK, &error),
                     DIFFEDIT_ERROR_FILE);
    assert_int_equal(write_text("/tmp", "x", DIFFEDIT_OK, &error), DIFFEDIT_ERROR_FILE);
}

static mode_t mode_of(const char *path)
{
    struct stat found;
    assert_int_equal(lstat(path, &found), 0);
    return found.st_mode;
}

static void test_links_stay_and_modes_are_kept(void **state)
{
    (void)state;
    char target[256], link[256], chain[256], dangling[256], made[256];
    snprintf(target, sizeof target, "%s", scratch_write_text("target", "old"));
    snprintf(link, sizeof link, "%s", scratch_path("link"));
    snprintf(chain, sizeof chain, "%s", scratch_path("chain"));
    snprintf(dangling, sizeof dangling, "%s", scratch_path("dangling"));
    snprintf(made, sizeof made, "%s", scratch_path("made"));
    assert_int_equal(chmod(target, 0640), 0);
    assert_int_equal(symlink("target", link), 0);
    assert_int_equal(symlink(link, chain), 0);
    assert_int_equal(symlink("made", dangling), 0);
    assert_int_equal(write_text(chain, "new", DIFFEDIT_OK, NULL), DIFFEDIT_OK);
    assert_true(S_ISLNK(mode_of(chain)) && S_ISLNK(mode_of(link)));
    expect_content(target, "new");
    assert_int_equal(mode_of(target) & 07777, 0640);
    assert_int_equal(write_text(dangling, "made", DIFFEDIT_OK, NULL), DIFFEDIT_OK);
    assert_true(S_ISLNK(mode_of(dangling)) && S_ISREG(mode_of(made)));
    expect_content(made, "made");
    char loop[256];
    diffedit_error error;
    snprintf(loop, sizeof loop, "%s", scratch_path("loop"));
    assert_int_equal(symlink("loop", loop), 0);
    assert_int_equal(write_text(loop, "x", DIFFEDIT_OK, &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "cannot be written: Too many levels"));
}

static void test_a_name_may_be_as_long_as_the_file_system_takes(void **state)
{
    (void)state;
    diffedit_error error;
    char name[NAME_MAX + 2], path[NAME_MAX + 128];
    memset(name, 'x', sizeof name);
    name[NAME_MAX] = '\0';
    snprintf(path, sizeof path, "%s", scratch_path(name));
    assert_int_equal(de_new_file_check(path, &error), DIFFEDIT_OK);
    assert_int_not_equal(access(path, F_OK), 0);
    assert_int_equal(write_text(path, "long", DIFFEDIT_OK, &error), DIFFEDIT_OK);
    expect_content(path, "long");
    name[NAME_MAX] = 'x';
    name[NAME_MAX + 1] = '\0';
    snprintf(path, sizeof path, "%s", scratch_path(name));
    assert_int_equal(de_new_file_check(path, &error), DIFFEDIT_ERROR_FILE);
}

static void test_two_spellings_are_one_file(void **state)
{
    (void)state;
    char here[320], there[320], folder[256];
    snprintf(folder, sizeof folder, "%s", scratch_path("."));
    snprintf(here, sizeof here, "%s/same", folder);
    snprintf(there, sizeof there, "%s/././same", folder);
    assert_true(de_same_file(here, there)); /* neither is there */
    scratch_write_text("same", "x");
    assert_true(de_same_file(here, there));
    assert_false(de_same_file(here, scratch_path("other")));
    char pointing[256];
    snprintf(pointing, sizeof pointing, "%s", scratch_path("pointing"));
    assert_int_equal(symlink("to-nothing", pointing), 0);
    assert_true(de_same_file(pointing, scratch_path("to-nothing")));
}

static void test_pipes_are_read_to_their_end(void **state)
{
    (void)state;
    int ends[2];
    void *bytes;
    size_t size;
    char name[64], block[1 << 10];
    memset(block, 'b', sizeof block);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], block, sizeof block), sizeof block);
    close(ends[1]);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[0]);
    assert_int_equal(de_read_file(&bytes, &size, name, NULL), DIFFEDIT_OK);
    assert_int_equal(size, sizeof block);
    assert_memory_equal(bytes, block, size);
    free(bytes);
    close(ends[0]);
    diffedit_error error;
    assert_int_equal(de_read_file(&bytes, &size, scratch_path("."), &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "it is a folder"));
}

static void test_what_is_no_regular_file_stays(void **state)
{
    (void)state;
    diffedit_error error;
    struct stat found;
    char path[256], text[8] = "";
    snprintf(path, sizeof path, "%s", scratch_path("pipe"));
    assert_int_equal(mkfifo(path, 0600), 0);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_int_equal(write_text(path, "through", DIFFEDIT_OK, &error), DIFFEDIT_OK);
    assert_int_equal(read(reader, text, sizeof text - 1), 7);
    assert_string_equal(text, "through");
    close(reader);
    assert_int_equal(stat(path, &found), 0);
    assert_true(S_ISFIFO(found.st_mode));
    assert_int_equal(write_text("/dev/null", "x", DIFFEDIT_OK, &error), DIFFEDIT_OK);
    assert_int_equal(write_text("/dev/full", "", DIFFEDIT_OK, &error), DIFFEDIT_OK);
    de_new_file full;
    assert_int_equal(de_new_file_create(&full, "/dev/full", &error), DIFFEDIT_OK);
    assert_int_equal(de_new_file_finish(&full, de_new_file_write(&full, "x", 1, &error), &error),
                     DIFFEDIT_ERROR_FILE);
    assert_string_equal(error.message, "/dev/full: cannot be written: No space left on device");
}

/* `user`: a NULL-terminated list of names */
static bool is_in(const void *user, const char *name)
{
    for (const char *const *there = user; *there; there++)
        if (strcmp(*there, name) == 0)
            return true;
    return false;
}

static void expect_weights(de_part part, const char *variant, const char *const *there,
                           const char *expected)
{
    char name[DE_LAYOUT_NAME];
    bool found = de_layout_find_weights(name, part, variant, is_in, there);
    assert_int_equal(found, expected != NULL);
    if (expected)
        assert_string_equal(name, expected);
}

static void test_names_of_weights(void **state)
{
    (void)state;
    const char *const unet[] = {"diffusion_pytorch_model.bin",
                                "diffusion_pytorch_model.safetensors.index.fp16.json",
                                "diffusion_pytorch_model.non_ema.safetensors", NULL};
    expect_weights(DE_PART_UNET, NULL, unet, unet[1]);
    expect_weights(DE_PART_UNET, "", unet, unet[0]);
    expect_weights(DE_PART_UNET, "non_ema", unet, unet[2]);
    expect_weights(DE_PART_UNET, "ema", unet, NULL);
    const char *const text[] = {"pytorch_model.bin", "model.fp16.bin", "other.safetensors", NULL};
    expect_weights(DE_PART_TEXT, NULL, text, text[0]);
    expect_weights(DE_PART_TEXT, NULL, text + 1, text[1]);
    expect_weights(DE_PART_TEXT, NULL, text + 2, NULL);
    assert_true(de_layout_is_weights("vae/diffusion_pytorch_model.bf16-00001-of-00002.bin"));
    assert_true(de_layout_is_weights("text_encoder/pytorch_model.bin"));
    assert_false(de_layout_is_weights("text_encoder/config.json"));
    assert_false(de_layout_is_weights("vae/diffusion_pytorch_model.a/../../b"));
    assert_false(de_layout_is_weights("unet/diffusion_pytorch_models"));
    assert_false(de_layout_is_weights("vae2/diffusion_pytorch_model.bin"));
    assert_true(de_layout_is_index("/a/model.safetensors.index.fp16.json"));
    assert_false(de_layout_is_index("/a.index.b/config.json"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_a_file_is_there_whole_or_not_at_all),
        cmocka_unit_test(test_links_stay_and_modes_are_kept),
        cmocka_unit_test(test_a_name_may_be_as_long_as_the_file_system_takes),
        cmocka_unit_test(test_two_spellings_are_one_file),
        cmocka_unit_test(test_pipes_are_read_to_their_end),
        cmocka_unit_test(test_what_is_no_regular_file_stays),
        cmocka_unit_test(test_names_of_weights)};
    scratch_make();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    scratch_remove();
    return failed;
}
