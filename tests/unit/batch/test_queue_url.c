/* Addresses of queues. */
#include "batch/queue_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static diffedit_status parse(struct queue_url *url, const char *text, const char *password)
{
    diffedit_error error = {.code = DIFFEDIT_OK};
    diffedit_status status = queue_url_parse(url, text, password, &error);
    if (status != DIFFEDIT_OK) {
        assert_int_equal(status, DIFFEDIT_ERROR_ARGUMENT);
        assert_null(strstr(error.message, "hunter2"));
        assert_null(url->host);
    }
    return status;
}

static void test_whole(void **state)
{
    struct queue_url url;
    (void)state;
    assert_int_equal(parse(&url, "redis://bob:hun%2fter%402@redis.example:6380/edits", NULL),
                     DIFFEDIT_OK);
    assert_false(url.tls);
    assert_string_equal(url.user, "bob");
    assert_string_equal(url.password, "hun/ter@2");
    assert_string_equal(url.host, "redis.example");
    assert_int_equal(url.port, 6380);
    assert_string_equal(url.name, "edits");
    assert_string_equal(url.label, "redis://redis.example:6380/edits");
    queue_url_free(&url);
    assert_null(url.password);
}

static void test_short(void **state)
{
    struct queue_url url;
    (void)state;
    assert_int_equal(parse(&url, "rediss://h/a.b_c-1", NULL), DIFFEDIT_OK);
    assert_true(url.tls);
    assert_null(url.user);
    assert_null(url.password);
    assert_int_equal(url.port, 6379);
    assert_string_equal(url.label, "rediss://h:6379/a.b_c-1");
    queue_url_free(&url);
}

static void test_addresses_of_ipv6(void **state)
{
    struct queue_url url;
    (void)state;
    assert_int_equal(parse(&url, "redis://[::1]:1/q", NULL), DIFFEDIT_OK);
    assert_string_equal(url.host, "::1");
    assert_int_equal(url.port, 1);
    assert_string_equal(url.label, "redis://[::1]:1/q");
    queue_url_free(&url);
    assert_int_equal(parse(&url, "redis://u:p@[fe80::1%25eth0]/q", NULL), DIFFEDIT_OK);
    assert_string_equal(url.host, "fe80::1%25eth0");
    queue_url_free(&url);
}

static void test_passwords(void **state)
{
    struct queue_url url;
    (void)state;
    /* that of the environment stands where the URL has none */
    assert_int_equal(parse(&url, "redis://h/q", "hunter2"), DIFFEDIT_OK);
    assert_string_equal(url.password, "hunter2");
    queue_url_free(&url);
    assert_int_equal(parse(&url, "redis://bob@h/q", "hunter2"), DIFFEDIT_OK);
    assert_string_equal(url.user, "bob");
    assert_string_equal(url.password, "hunter2");
    queue_url_free(&url);
    assert_int_equal(parse(&url, "redis://:other@h/q", "hunter2"), DIFFEDIT_OK);
    assert_null(url.user);
    assert_string_equal(url.password, "other");
    queue_url_free(&url);
    assert_int_equal(parse(&url, "redis://h/q", ""), DIFFEDIT_OK);
    assert_null(url.password);
    queue_url_free(&url);
}

static void test_what_is_none(void **state)
{
    static const char *const texts[] = {
        "",
        "redis",
        "redis:",
        "redis://",
        "redis:///",
        "redis:///q",
        "http://h/q",
        "REDIS://h/q",
        "redisss://h/q",
        "xredis://h/q",
        "redis:/h/q",
        "redis://h",
        "redis://h/",
        "redis://h/a/b",
        "redis://h/a b",
        "redis://h/a:b",
        "redis://h/a?db=1",
        "redis://h/a#b",
        "redis://h/\xc3\xa4",
        "redis://h:/q",
        "redis://h:0/q",
        "redis://h:65536/q",
        "redis://h:99999999999999999999/q",
        "redis://h:-1/q",
        "redis://h:+1/q",
        "redis://h:6379x/q",
        "redis://h h/q",
        "redis://h\n/q",
        "redis://[::1/q",
        "redis://[]/q",
        "redis://[::1]x/q",
        "redis://[::1]:/q",
        "redis://::1/q",
        "redis://bob:hunter2@/q",
        "redis://bob:hunter2%@h/q",
        "redis://bob:hunter2%4@h/q",
        "redis://bob:hunter2%zz@h/q",
        "redis://bob:hunter2%00@h/q",
        "redis://bob:hunter2%0a@h/q",
        "redis://bob:hunter2\x01@h/q",
        "redis://%00:hunter2@h/q",
        "redis://a@b@h:hunter2/q",
    };
    struct queue_url url;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (parse(&url, texts[i], "hunter2") == DIFFEDIT_OK)
            fail_msg("\"%s\" was taken for an address", texts[i]);
}

static void test_lengths(void **state)
{
    struct queue_url url;
    char text[1024], name[QUEUE_NAME + 2], host[300];
    (void)state;
    memset(name, 'n', sizeof name);
    name[QUEUE_NAME + 1] = '\0';
    snprintf(text, sizeof text, "redis://h/%s", name);
    assert_int_equal(parse(&url, text, NULL), DIFFEDIT_ERROR_ARGUMENT);
    text[strlen(text) - 1] = '\0';
    assert_int_equal(parse(&url, text, NULL), DIFFEDIT_OK);
    queue_url_free(&url);
    memset(host, 'h', sizeof host);
    host[256] = '\0';
    snprintf(text, sizeof text, "redis://%s/q", host);
    assert_int_equal(parse(&url, text, NULL), DIFFEDIT_ERROR_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_short),
        cmocka_unit_test(test_addresses_of_ipv6),
        cmocka_unit_test(test_passwords),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests_name("queue_url", tests, NULL, NULL);
}
