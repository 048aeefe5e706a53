/* Paths and the patterns of routes. */
#include "server/http_inside.h"
#include "server/routes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char part[HTTP_PARTS][HTTP_LONGEST_PART + 1];

static void test_paths(void **state)
{
    (void)state;
    assert_true(http_match(part, "/", "/"));
    assert_true(http_match(part, "/api/status", "/api/status"));
    assert_true(http_match(part, "/a/{id}/file", "/a/B-9_.x/file"));
    assert_string_equal(part[0], "B-9_.x");
    assert_true(http_match(part, "/{a}/{b}", "/1/2"));
    assert_string_equal(part[1], "2");
}

static void test_other_paths(void **state)
{
    static const char *const paths[] = {"",
                                        "/",
                                        "/a",
                                        "/a/",
                                        "/a//file",
                                        "/a/./file",
                                        "/a/../file",
                                        "/a/b/file/",
                                        "/a/b/fil",
                                        "/a/%41/file",
                                        "/a/b c/file",
                                        "/a/b\\/file",
                                        "/a/\xc3\xa4/file",
                                        "a/b/file"};
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_false(http_match(part, "/a/{id}/file", paths[i]));
}

static void test_the_longest_part(void **state)
{
    char path[HTTP_LONGEST_PART + 3] = "/";
    (void)state;
    memset(path + 1, 'a', HTTP_LONGEST_PART + 1);
    assert_false(http_match(part, "/{id}", path));
    path[HTTP_LONGEST_PART + 1] = '\0';
    assert_true(http_match(part, "/{id}", path));
    assert_int_equal(strlen(part[0]), HTTP_LONGEST_PART);
}

/* What http_match() and the guard rely on. */
static void test_the_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < server_route_count; i++) {
        const http_route *route = &server_routes[i];
        int open = 0;
        for (const char *at = route->pattern; *at; at++)
            if (*at == '{') {
                assert_int_equal(at[-1], '/');
                assert_non_null(strchr(at, '}'));
                open++;
            }
        assert_true(open <= HTTP_PARTS);
        assert_non_null(route->handler);
        assert_true(strcmp(route->method, "GET") == 0 || !(route->flags & HTTP_PAGE));
        for (size_t j = 0; j < i; j++)
            assert_true(strcmp(route->method, server_routes[j].method) != 0 ||
                        strcmp(route->pattern, server_routes[j].pattern) != 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths), cmocka_unit_test(test_other_paths),
        cmocka_unit_test(test_the_longest_part), cmocka_unit_test(test_the_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
