/* Who may ask, without a request. tests/server/test_guard.py asks a running server. */
#include "server/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const names[] = {"edits.example"};
static const struct guard here = {
    .address = "127.0.0.1", .port = 7860, .loopback = true, .names = names, .name_count = 1};
static const struct guard everywhere = {.address = "0.0.0.0", .port = 7860};

static guard_verdict check(const struct guard *guard, const char *host, const char *origin)
{
    const guard_request request = {.host = host, .origin = origin};
    return guard_check(guard, &request);
}

static void test_hosts(void **state)
{
    static const char *const ours[] = {"localhost",       "LocalHost:7860", "127.0.0.1:1",
                                       "127.0.0.1:65535", "[::1]",          "[::1]:7860",
                                       "edits.example",   "Edits.Example:1"};
    static const char *const others[] = {"",
                                         ":",
                                         ":7860",
                                         "localhost:",
                                         "localhost:0",
                                         "localhost:65536",
                                         "localhost:+1",
                                         "localhost:0x1",
                                         "localhost:1:1",
                                         "localhost.",
                                         "local",
                                         "[]",
                                         "[::1",
                                         "::1",
                                         "[::1]x",
                                         "[127.0.0.1",
                                         "10.0.0.1",
                                         "edits.example.org",
                                         "notedits.example",
                                         "localhost/",
                                         "localhost,evil"};
    (void)state;
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_int_equal(check(&here, ours[i], NULL), GUARD_PASSES);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(check(&here, others[i], NULL), GUARD_FOREIGN_HOST);
    assert_int_equal(check(&here, NULL, NULL), GUARD_FOREIGN_HOST);
}

static void test_a_long_host(void **state)
{
    char host[400];
    (void)state;
    memset(host, 'a', sizeof host - 1);
    host[sizeof host - 1] = '\0';
    assert_int_equal(check(&here, host, NULL), GUARD_FOREIGN_HOST);
}

/* Addresses are nobody's choice, where others than this machine may ask. */
static void test_addresses(void **state)
{
    (void)state;
    assert_int_equal(check(&everywhere, "192.168.1.7:7860", NULL), GUARD_PASSES);
    assert_int_equal(check(&everywhere, "[fe80::1]:7860", NULL), GUARD_PASSES);
    assert_int_equal(check(&everywhere, "192.168.1", NULL), GUARD_FOREIGN_HOST);
    assert_int_equal(check(&everywhere, "evil.example", NULL), GUARD_FOREIGN_HOST);
    assert_int_equal(check(&everywhere, "192.168.1.7", "http://192.168.1.8"), GUARD_FOREIGN_ORIGIN);
}

static void test_origins(void **state)
{
    static const struct {
        const char *host, *origin;
        guard_verdict verdict;
    } cases[] = {
        {"localhost:7860", "http://localhost:7860", GUARD_PASSES},
        {"localhost:7860", "http://LOCALHOST:7860", GUARD_PASSES},
        {"localhost", "http://localhost", GUARD_PASSES},
        {"localhost", "http://localhost:80", GUARD_PASSES},
        {"localhost:80", "http://localhost", GUARD_PASSES},
        {"localhost", "https://localhost:443", GUARD_PASSES},
        {"[::1]:7860", "http://[::1]:7860", GUARD_PASSES},
        {"localhost:7860", "https://edits.example", GUARD_PASSES},
        {"localhost:7860", "http://localhost", GUARD_FOREIGN_ORIGIN},
        {"localhost:7860", "http://localhost:78600", GUARD_FOREIGN_ORIGIN},
        {"localhost:7860", "http://127.0.0.1:7860", GUARD_FOREIGN_ORIGIN},
        {"localhost:7860", "http://localhost:7860/", GUARD_FOREIGN_ORIGIN},
        {"localhost:7860", "ftp://localhost:7860", GUARD_FOREIGN_ORIGIN},
        {"localhost:7860", "http:/localhost:7860", GUARD_FOREIGN_ORIGIN},
        {"localhost:7860", "http://", GUARD_FOREIGN_ORIGIN},
        {"localhost:7860", "http", GUARD_FOREIGN_ORIGIN},
        {"localhost:7860", "null", GUARD_FOREIGN_ORIGIN},
        {"localhost:7860", "", GUARD_FOREIGN_ORIGIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(check(&here, cases[i].host, cases[i].origin), cases[i].verdict);
}

static void test_sites(void **state)
{
    guard_request request = {.host = "localhost", .site = "cross-site", .mode = "navigate"};
    (void)state;
    assert_int_equal(guard_check(&here, &request), GUARD_FOREIGN_ORIGIN);
    request.navigation = true;
    assert_int_equal(guard_check(&here, &request), GUARD_PASSES);
    request.mode = NULL;
    assert_int_equal(guard_check(&here, &request), GUARD_FOREIGN_ORIGIN);
    request.site = "none";
    assert_int_equal(guard_check(&here, &request), GUARD_PASSES);
}

/* ---- tokens ---- */

static guard_verdict bring(const struct guard *guard, const char *authorization, const char *cookie)
{
    const guard_request request = {
        .host = "localhost", .authorization = authorization, .cookie = cookie};
    return guard_check(guard, &request);
}

static void test_tokens(void **state)
{
    struct guard guard = here;
    (void)state;
    guard_require(&guard, "open sesame, please");
    assert_int_equal(bring(&guard, NULL, NULL), GUARD_NO_TOKEN);
    assert_int_equal(bring(&guard, "Bearer open sesame, please", NULL), GUARD_PASSES);
    assert_int_equal(bring(&guard, "Bearer open sesame", NULL), GUARD_NO_TOKEN);
    /* "user:open sesame, please", with padding and without it */
    assert_int_equal(bring(&guard, "Basic dXNlcjpvcGVuIHNlc2FtZSwgcGxlYXNl", NULL), GUARD_PASSES);
    assert_int_equal(bring(&guard, "basic dXNlcnM6b3BlbiBzZXNhbWUsIHBsZWFzZQ==", NULL),
                     GUARD_PASSES);
    assert_int_equal(bring(&guard, "Basic dXNlcjpvcGVuIHNlc2FtZSwgcGxlYXN", NULL), GUARD_NO_TOKEN);
    assert_int_equal(bring(&guard, "Basic !!!!", NULL), GUARD_NO_TOKEN);
    assert_true(guard_token_matches(&guard, "open sesame, please"));
    assert_false(guard_token_matches(&guard, ""));
}

static void test_cookies(void **state)
{
    struct guard guard = here, other = here;
    char cookie[GUARD_COOKIE], sent[2 * GUARD_COOKIE];
    (void)state;
    guard_require(&guard, "open sesame, please");
    guard_require(&other, "open sesame, please!");
    guard_cookie(cookie, &guard);
    *strchr(cookie, ';') = '\0';
    assert_int_equal(bring(&guard, NULL, cookie), GUARD_PASSES);
    assert_int_equal(bring(&other, NULL, cookie), GUARD_NO_TOKEN);
    snprintf(sent, sizeof sent, "a=1;b=2; %s;c", cookie);
    assert_int_equal(bring(&guard, NULL, sent), GUARD_PASSES);
    other = guard;
    other.port = 7861;
    assert_int_equal(bring(&other, NULL, cookie), GUARD_NO_TOKEN);
}

static void test_tokens_that_are_made(void **state)
{
    char first[GUARD_TOKEN], second[GUARD_TOKEN];
    (void)state;
    assert_true(guard_make_token(first) && guard_make_token(second));
    assert_int_equal(strlen(first), GUARD_TOKEN - 1);
    assert_string_not_equal(first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),     cmocka_unit_test(test_a_long_host),
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_origins),
        cmocka_unit_test(test_sites),     cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_cookies),   cmocka_unit_test(test_tokens_that_are_made)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
