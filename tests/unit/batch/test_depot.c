/* Depots: names, and the folder that machines share. */
#include "batch/depot.h"
#include "scratch.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct depot *depot;
static diffedit_error error;

static char *path_of(const char *name)
{
    return strdup(scratch_path(name));
}

static void make_folder(const char *name)
{
    assert_int_equal(mkdir(scratch_path(name), 0777), 0);
}

static void make_link(const char *target, const char *name)
{
    assert_int_equal(symlink(target, scratch_path(name)), 0);
}

static int set_up(void **state)
{
    (void)state;
    make_folder("root");
    scratch_write_text("secret", "secret");
    char *root = path_of("root");
    assert_int_equal(depot_open(&depot, root, &error), DIFFEDIT_OK);
    free(root);
    return 0;
}

static int tear_down(void **state)
{
    char command[500];
    (void)state;
    depot_close(depot);
    snprintf(command, sizeof command, "rm -rf '%s'", scratch_path("root"));
    return system(command);
}

static void expect(const char *name, const char *content)
{
    void *bytes;
    size_t size;
    bool there = false;
    if (depot_read(&bytes, &size, depot, name, 1 << 20, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    assert_int_equal(size, strlen(content));
    assert_memory_equal(bytes, content, size);
    free(bytes);
    assert_int_equal(depot_has(&there, depot, name, &error), DIFFEDIT_OK);
    assert_true(there);
    assert_false(depot_is_out(depot));
}

/* Neither read nor found nor written, for a reason that contains `why`. */
static void expect_refused(const char *name, const char *why)
{
    void *bytes = &bytes;
    size_t size;
    bool done = true;
    assert_int_equal(depot_read(&bytes, &size, depot, name, 1 << 20, &error), DIFFEDIT_ERROR_FILE);
    assert_null(bytes);
    assert_non_null(strstr(error.message, why));
    assert_int_equal(depot_has(&done, depot, name, &error), DIFFEDIT_ERROR_FILE);
    assert_false(done);
    assert_non_null(strstr(error.message, why));
    done = true;
    assert_int_equal(depot_add(&done, depot, name, "x", 1, &error), DIFFEDIT_ERROR_FILE);
    assert_false(done);
    assert_non_null(strstr(error.message, why));
    assert_false(depot_is_out(depot));
}

static bool add(const char *name, const char *content)
{
    bool added;
    if (depot_add(&added, depot, name, content, strlen(content), &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    return added;
}

/* How many files a folder below the root has. */
static int count(const char *name)
{
    char command[500];
    int number = -1;
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", scratch_path(name));
    FILE *lines = popen(command, "r");
    assert_non_null(lines);
    assert_int_equal(fscanf(lines, "%d", &number), 1);
    pclose(lines);
    return number;
}

/* ---- names ---- */

static void test_names(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a",   "a/b/c.png", ".hidden",         "..a",
        "a..", "...",       "a b+c%2F&=?#'\"", "\xe5\x9b\xbe/\xc3\xa9.png"};
    static const struct {
        const char *name, *why;
    } bad[] = {{"", "empty component"},
               {"/etc/passwd", "absolute"},
               {"//a", "absolute"},
               {".", "\"..\""},
               {"..", "\"..\""},
               {"../secret", "\"..\""},
               {"a/../../secret", "\"..\""},
               {"a/./b", "\"..\""},
               {"a/..", "\"..\""},
               {"a//b", "empty component"},
               {"a/", "empty component"},
               {"a\\b", "backslash"},
               {"a\nb", "control character"},
               {"a\x7f", "control character"},
               {"a\xc2\x85", "control character"},
               {"a\xff", "UTF-8"},
               {"\xc0\xae\xc0\xae/secret", "UTF-8"}}; /* ".." in too many bytes */
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(depot_check_name(good[i], &error), DIFFEDIT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refused(bad[i].name, bad[i].why);
}

static void test_length_of_names(void **state)
{
    (void)state;
    char name[DEPOT_NAME + 2];
    memset(name, 'a', sizeof name);
    name[DEPOT_NAME] = '\0';
    assert_int_equal(depot_check_name(name, &error), DIFFEDIT_OK);
    name[DEPOT_NAME] = 'a';
    name[DEPOT_NAME + 1] = '\0';
    assert_int_equal(depot_check_name(name, &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "longer"));
    name[DEPOT_NAME] = '\0'; /* too long for one component */
    expect_refused(name, "name too long");
}

static void test_names_of_paths(void **state)
{
    (void)state;
    char *name;
    make_folder("root/in");
    make_folder("root-beside");
    scratch_write_text("root/in/a.png", "a");
    make_link("in", "root/link");
    static const struct {
        const char *path, *name;
    } cases[] = {{"root/in/a.png", "in/a.png"},
                 {"root/in/../in/./a.png", "in/a.png"},
                 {"root/link/a.png", "in/a.png"},
                 {"root/link/new.png", "in/new.png"},
                 {"root/in", "in"},
                 {"root/", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(depot_name_of(&name, depot, scratch_path(cases[i].path), &error),
                         DIFFEDIT_OK);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
    static const char *const outside[] = {"secret", "root-beside", "root/../secret",
                                          "root-beside/new.png"};
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
        assert_int_equal(depot_name_of(&name, depot, scratch_path(outside[i]), &error),
                         DIFFEDIT_ERROR_FILE);
        assert_null(name);
        assert_non_null(strstr(error.message, "does not lie below"));
    }
    assert_int_equal(depot_name_of(&name, depot, scratch_path("none/new.png"), &error),
                     DIFFEDIT_ERROR_FILE);
    rmdir(scratch_path("root-beside"));
}

/* ---- files ---- */

static void test_the_first_one_wins(void **state)
{
    (void)state;
    assert_true(add("a.png", "first"));
    assert_false(add("a.png", "second"));
    expect("a.png", "first");
    assert_true(add("empty", ""));
    expect("empty", "");
    assert_int_equal(count("root"), 2);
}

static void test_folders_are_made(void **state)
{
    (void)state;
    assert_true(add("one/two/three/a.png", "a"));
    assert_true(add("one/two/b.png", "b"));
    expect("one/two/three/a.png", "a");
    expect("one/two/b.png", "b");
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    static const char *const names[] = {"none", "none/a.png"};
    void *bytes;
    size_t size;
    bool there = true;
    add("other", "x");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(depot_has(&there, depot, names[i], &error), DIFFEDIT_OK);
        assert_false(there);
        assert_int_equal(depot_read(&bytes, &size, depot, names[i], 100, &error),
                         DIFFEDIT_ERROR_FILE);
        assert_non_null(strstr(error.message, names[i]));
        assert_non_null(strstr(error.message, "No such file"));
        assert_false(depot_is_out(depot));
    }
}

static void test_limits(void **state)
{
    (void)state;
    void *bytes;
    size_t size;
    add("a", "12345");
    assert_int_equal(depot_read(&bytes, &size, depot, "a", 5, &error), DIFFEDIT_OK);
    free(bytes);
    assert_int_equal(depot_read(&bytes, &size, depot, "a", 4, &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "has 5 bytes; at most 4 are taken"));
    assert_int_equal(truncate(scratch_path("root/a"), (off_t)1 << 40), 0); /* with a hole */
    assert_int_equal(depot_read(&bytes, &size, depot, "a", 1 << 20, &error), DIFFEDIT_ERROR_FILE);
    assert_null(bytes);
}

static void test_links(void **state)
{
    (void)state;
    char *outside = path_of("secret");
    make_folder("root/in");
    make_link("..", "root/up");
    make_link("/", "root/top");
    make_link("/proc/self/root", "root/magic");
    make_link(outside, "root/file");
    make_link("../secret", "root/in/file");
    make_link("nothing", "root/dangling");
    free(outside);
    static const char *const names[] = {"up/secret",        "top/etc/passwd", "file", "in/file",
                                        "magic/etc/passwd", "dangling",       "up"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        expect_refused(names[i], "symbolic link");
    assert_int_not_equal(access(scratch_path("nothing"), F_OK), 0);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    make_folder("root/folder");
    assert_int_equal(mkfifo(scratch_path("root/pipe"), 0666), 0);
    scratch_write_text("root/file", "x");
    expect_refused("folder", "is a folder, not a file");
    expect_refused("pipe", "is a pipe, a socket or a device");
    expect_refused("file/below", "Not a directory");
}

static void test_folders_as_roots(void **state)
{
    (void)state;
    struct depot *none = depot;
    char *file = path_of("secret"), *missing = path_of("none");
    assert_int_equal(depot_open(&none, file, &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "Not a directory"));
    assert_null(none);
    assert_int_equal(depot_open(&none, missing, &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, missing));
    free(file);
    free(missing);
}

static void test_a_root_that_goes_and_comes(void **state)
{
    (void)state;
    bool there;
    char *root = path_of("root"), *away = path_of("away");
    add("a", "a");
    assert_int_equal(rename(root, away), 0);
    assert_int_equal(depot_has(&there, depot, "a", &error), DIFFEDIT_ERROR_FILE);
    assert_true(depot_is_out(depot));
    assert_non_null(strstr(error.message, root));
    assert_int_equal(rename(away, root), 0);
    expect("a", "a");
    free(root);
    free(away);
}

/* Where nothing is mounted, pictures are not gone. */
static void test_an_empty_root(void **state)
{
    (void)state;
    void *bytes;
    size_t size;
    assert_int_equal(depot_read(&bytes, &size, depot, "a/b", 9, &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "is empty: what the machines share is not mounted"));
    assert_true(depot_is_out(depot));
}

/* No later try writes there either. */
static void test_what_may_not_be_written(void **state)
{
    (void)state;
    uid_t user = geteuid();
    const uid_t other = 65534;
    bool added = true;
    make_folder("root/theirs");
    assert_int_equal(chmod(scratch_path("root/theirs"), 0555), 0);
    assert_int_equal(chmod(scratch_path("root"), 0755), 0);
    assert_int_equal(chmod(scratch_path("."), 0755), 0);
    if (user == 0) /* whom no permission stops */
        assert_int_equal(seteuid(other), 0);
    diffedit_status status = depot_add(&added, depot, "theirs/a", "x", 1, &error);
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(status, DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "theirs/a: cannot be written: Permission denied"));
    assert_false(added);
    assert_false(depot_is_out(depot));
}

/* ---- many writers ---- */

enum { WRITERS = 8, FILES = 40 };

/* Adds all files; returns how many of them it was the first to. */
static void *write_all(void *user)
{
    const char *content = user;
    intptr_t firsts = 0;
    for (int i = 0; i < FILES; i++) {
        char name[32];
        bool added = false;
        snprintf(name, sizeof name, "deep/%d.png", i);
        diffedit_status status = depot_add(&added, depot, name, content, 1000, NULL);
        firsts += status == DIFFEDIT_OK ? added : INT_MIN / 1000;
    }
    return (void *)firsts;
}

static void test_writers_at_the_same_time(void **state)
{
    (void)state;
    static char contents[WRITERS][1000];
    pthread_t threads[WRITERS];
    intptr_t all = 0;
    for (int i = 0; i < WRITERS; i++) {
        memset(contents[i], 'a' + i, sizeof contents[i]);
        assert_int_equal(pthread_create(&threads[i], NULL, write_all, contents[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        void *firsts;
        pthread_join(threads[i], &firsts);
        all += (intptr_t)firsts;
    }
    assert_int_equal(all, FILES);
    assert_int_equal(count("root/deep"), FILES); /* no draft is left */
    for (int i = 0; i < FILES; i++) {
        char name[32], *bytes;
        size_t size;
        snprintf(name, sizeof name, "deep/%d.png", i);
        assert_int_equal(depot_read((void **)&bytes, &size, depot, name, 1000, &error),
                         DIFFEDIT_OK);
        assert_int_equal(size, 1000);
        for (size_t at = 0; at < size; at++)
            assert_int_equal(bytes[at], bytes[0]);
        free(bytes);
    }
}

static bool yes(void *user)
{
    (void)user;
    return true;
}

static void test_stopping(void **state)
{
    (void)state;
    void *bytes;
    size_t size;
    add("a", "a");
    depot_stop_when(depot, yes, NULL);
    assert_int_equal(depot_read(&bytes, &size, depot, "a", 100, &error), DIFFEDIT_ERROR_CANCELLED);
    assert_null(bytes);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    static const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_length_of_names),
        TEST(test_names_of_paths),
        TEST(test_the_first_one_wins),
        TEST(test_folders_are_made),
        TEST(test_what_is_not_there),
        TEST(test_limits),
        TEST(test_links),
        TEST(test_what_is_no_file),
        TEST(test_folders_as_roots),
        TEST(test_a_root_that_goes_and_comes),
        TEST(test_an_empty_root),
        TEST(test_what_may_not_be_written),
        TEST(test_writers_at_the_same_time),
        TEST(test_stopping),
    };
    scratch_make();
    int failed = cmocka_run_group_tests_name("depot", tests, NULL, NULL);
    scratch_remove();
    return failed;
}
