/* The operations on a queue, against a redis-server of the test's own. */
#include "batch/streams.h"

#include <arpa/inet.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <hiredis/hiredis.h>

#define BATCH "0123456789abcdef0123456789abcdef"

static int port;
static pid_t server;
static redisContext *direct; /* past what is tested */
static struct queue_url url;

/* ---- the server ---- */

/* Below the ports that the system gives to whoever names none, other tests among them: it stays
 * free while the server is away. */
static int free_port(void)
{
    enum { FIRST = 10000, PORTS = 20000, STRIDE = 7919 };
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (int i = 0, n = getpid() % PORTS; i < PORTS; i++, n = (n + STRIDE) % PORTS) {
        address.sin_port = htons((uint16_t)(FIRST + n));
        int descriptor = socket(AF_INET, SOCK_STREAM, 0);
        bool is_free = bind(descriptor, (struct sockaddr *)&address, sizeof address) == 0;
        close(descriptor);
        if (is_free)
            return FIRST + n;
    }
    fail_msg("no port is free");
    return 0;
}

/* Becomes the server, which ends with the test. */
static void become_server(void)
{
    char number[8];
    snprintf(number, sizeof number, "%d", port);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("redis-server", "redis-server", "--port", number, "--bind", "127.0.0.1", "--save", "",
           "--loglevel", "warning", "--logfile", "/dev/null", (char *)NULL);
    _exit(127);
}

static void start(void)
{
    enum { PATIENCE = 60 };
    server = fork();
    assert_true(server >= 0);
    if (server == 0)
        become_server();
    for (int i = 0; i < PATIENCE * 20; i++) {
        direct = redisConnect("127.0.0.1", port);
        if (direct && !direct->err)
            return;
        redisFree(direct);
        direct = NULL;
        nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
    }
    fail_msg("redis-server does not start");
}

static void stop(void)
{
    if (direct)
        redisFree(direct);
    direct = NULL;
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
}

static int start_all(void **state)
{
    char text[64];
    (void)state;
    port = free_port();
    snprintf(text, sizeof text, "redis://127.0.0.1:%d/test", port);
    assert_int_equal(queue_url_parse(&url, text, NULL, NULL), DIFFEDIT_OK);
    start();
    return 0;
}

static int stop_all(void **state)
{
    (void)state;
    stop();
    queue_url_free(&url);
    return 0;
}

static int empty(void **state)
{
    (void)state;
    freeReplyObject(redisCommand(direct, "FLUSHALL"));
    return 0;
}

/* The number that a command gives; of an array, its elements. */
static long long ask(const char *command)
{
    redisReply *reply = redisCommand(direct, command);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", command, reply->str);
    long long number = reply->type == REDIS_REPLY_ARRAY ? (long long)reply->elements
                                                        : reply->integer;
    freeReplyObject(reply);
    return number;
}

/* ---- connections ---- */

static bool stopped;
static int said;

static bool stops(void *user)
{
    (void)user;
    return stopped;
}

static void say(void *user, const char *sentence)
{
    (void)user;
    (void)sentence;
    said++;
}

static struct streams *connect_as(const char *consumer, double silence, double patience)
{
    const struct streams_settings settings = {.url = &url,
                                              .consumer = consumer,
                                              .silence = silence,
                                              .patience = patience,
                                              .stops = stops,
                                              .say = say};
    struct streams *streams;
    assert_int_equal(streams_open(&streams, &settings, NULL), DIFFEDIT_OK);
    return streams;
}

static struct streams_line line_of(const char *id)
{
    struct streams_line line = {.fields = {[STREAMS_BATCH] = BATCH,
                                           [STREAMS_ID] = (char *)id,
                                           [STREAMS_RUN] = "1",
                                           [STREAMS_TASK] = "{\"to\": \"a zebra\"}"}};
    return line;
}

static void put(struct streams *batch, const char *id)
{
    struct streams_line line = line_of(id);
    assert_int_equal(streams_put(batch, &line, 1, NULL), DIFFEDIT_OK);
    assert_true(strchr(line.entry, '-'));
}

/* Takes a line, which must have this id, or (NULL) must not be there. */
static struct streams_line take(struct streams *worker, const char *id)
{
    struct streams_line line;
    bool found;
    diffedit_error error;
    if (streams_take(&line, &found, worker, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    assert_int_equal(found, id != NULL);
    if (id)
        assert_string_equal(line.fields[STREAMS_ID], id);
    return line;
}

/* ---- the tests ---- */

static void test_a_line_goes_and_its_result_comes(void **state)
{
    struct streams *batch = connect_as(NULL, 30, 0), *worker = connect_as("w", 30, 0);
    struct streams_result results[4];
    size_t count;
    (void)state;
    put(batch, "one");
    struct streams_line line = take(worker, "one");
    assert_string_equal(line.fields[STREAMS_TASK], "{\"to\": \"a zebra\"}");
    assert_null(line.fields[STREAMS_MASK]);
    assert_int_equal(line.tries, 1);
    assert_int_equal(streams_report(worker, &line, "{\"state\": \"done\"}", NULL), DIFFEDIT_OK);
    streams_line_free(&line);
    assert_int_equal(ask("XLEN diffedit:test:lines"), 0);
    assert_int_equal(ask("XPENDING diffedit:test:lines workers - + 10"), 0);
    assert_true(ask("TTL diffedit:test:results:" BATCH) > 600000);

    assert_int_equal(streams_results(results, &count, 4, batch, BATCH, 1, NULL), DIFFEDIT_OK);
    assert_int_equal(count, 1);
    assert_string_equal(results[0].id, "one");
    assert_string_equal(results[0].run, "1");
    assert_string_equal(results[0].outcome, "{\"state\": \"done\"}");
    assert_int_equal(streams_forget(batch, BATCH, results, count, NULL), DIFFEDIT_OK);
    streams_results_free(results, count);
    assert_int_equal(streams_results(results, &count, 4, batch, BATCH, 0.1, NULL), DIFFEDIT_OK);
    assert_int_equal(count, 0);
    assert_int_equal(streams_end(batch, BATCH, NULL), DIFFEDIT_OK);
    assert_int_equal(ask("EXISTS diffedit:test:results:" BATCH), 0);
    streams_close(batch);
    streams_close(worker);
}

/* Lets a line's worker have been silent for so long. */
static void age(const struct streams_line *line, const char *worker, int seconds)
{
    char command[200];
    snprintf(command, sizeof command, "XCLAIM diffedit:test:lines workers %s 0 %s IDLE %d JUSTID",
             worker, line->entry, 1000 * seconds);
    assert_int_equal(ask(command), 1);
}

static void test_silence(void **state)
{
    struct streams *first = connect_as("first", 30, 0), *second = connect_as("second", 30, 0);
    bool ours;
    (void)state;
    put(first, "one");
    struct streams_line line = take(first, "one");
    age(&line, "first", 40);
    assert_int_equal(streams_keep(&ours, first, line.entry, NULL), DIFFEDIT_OK);
    assert_true(ours);
    take(second, NULL); /* who says something is not silent */
    age(&line, "first", 40);
    struct streams_line again = take(second, "one");
    assert_int_equal(again.tries, 2);
    assert_int_equal(streams_keep(&ours, first, line.entry, NULL), DIFFEDIT_OK);
    assert_false(ours);
    /* giving back what is another's changes nothing */
    assert_int_equal(streams_return(first, &line, NULL), DIFFEDIT_OK);
    assert_int_equal(ask("XPENDING diffedit:test:lines workers - + 9 second"), 1);
    /* two reports of one line: the batch tells them apart by the id */
    assert_int_equal(streams_report(second, &again, "{}", NULL), DIFFEDIT_OK);
    assert_int_equal(streams_report(first, &line, "{}", NULL), DIFFEDIT_OK);
    assert_int_equal(ask("XLEN diffedit:test:results:" BATCH), 2);
    assert_int_equal(streams_keep(&ours, first, line.entry, NULL), DIFFEDIT_OK);
    assert_false(ours);
    streams_line_free(&line);
    streams_line_free(&again);
    streams_close(first);
    streams_close(second);
}

static void test_given_back(void **state)
{
    struct streams *first = connect_as("first", 3600, 0), *second = connect_as("second", 3600, 0);
    (void)state;
    put(first, "one");
    struct streams_line line = take(first, "one");
    streams_leave(first); /* not while it has a line */
    assert_int_equal(ask("XPENDING diffedit:test:lines workers - + 9 first"), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(streams_return(first, &line, NULL), DIFFEDIT_OK);
        streams_line_free(&line);
        line = take(first, "one");
        assert_int_equal(line.tries, 1); /* as if it had never been tried */
    }
    assert_int_equal(streams_return(first, &line, NULL), DIFFEDIT_OK);
    streams_leave(first);
    assert_int_equal(ask("XINFO CONSUMERS diffedit:test:lines workers"), 1); /* `returned` */
    struct streams_line again = take(second, "one");
    assert_int_equal(again.tries, 1);
    streams_line_free(&line);
    streams_line_free(&again);
    streams_close(first);
    streams_close(second);
}

static void test_a_lost_reply(void **state)
{
    struct streams *worker = connect_as("w", 3600, 0);
    (void)state;
    put(worker, "one");
    ask("XREADGROUP GROUP workers w COUNT 1 STREAMS diffedit:test:lines >");
    struct streams_line line = take(worker, "one");
    assert_int_equal(line.tries, 1);
    streams_line_free(&line);
    ask("XTRIM diffedit:test:lines MAXLEN 0"); /* which a worker has all the same */
    bool found;
    assert_int_equal(streams_take(&line, &found, worker, NULL), DIFFEDIT_OK);
    assert_true(found);
    assert_null(line.fields[STREAMS_ID]);
    assert_int_equal(streams_withdraw(worker, line.entry, NULL), DIFFEDIT_OK);
    take(worker, NULL);
    streams_close(worker);
}

static void test_silent_workers_among_many(void **state)
{
    enum { MANY = 60 };
    struct streams *worker = connect_as("w", 3600, 0);
    char text[128];
    (void)state;
    for (int i = 0; i < MANY; i++) {
        snprintf(text, sizeof text, "%d", i);
        put(worker, text);
        snprintf(text, sizeof text,
                 "XREADGROUP GROUP workers w%d COUNT 1 STREAMS diffedit:test:lines >", i);
        ask(text);
    }
    /* a line is found behind those that are worked on */
    struct streams *last = connect_as("w59", 3600, 0);
    struct streams_line line = take(last, "59");
    assert_int_equal(streams_return(last, &line, NULL), DIFFEDIT_OK);
    streams_line_free(&line);
    line = take(worker, "59");
    streams_line_free(&line);
    streams_close(last);
    streams_close(worker);
}

struct seen {
    int waiting, lost;
    char entry[STREAMS_ENTRY]; /* of the last */
};

static diffedit_status see(void *user, const struct streams_line *line, bool waits,
                           diffedit_error *error)
{
    struct seen *seen = user;
    (void)error;
    *(waits ? &seen->waiting : &seen->lost) += 1;
    strcpy(seen->entry, line->entry);
    return DIFFEDIT_OK;
}

static struct seen scan(struct streams *batch)
{
    struct seen seen = {0};
    assert_int_equal(streams_scan(batch, BATCH, see, &seen, NULL), DIFFEDIT_OK);
    return seen;
}

static void test_scan(void **state)
{
    enum { MANY = 600 }; /* several pages */
    struct streams *batch = connect_as(NULL, 30, 0);
    struct streams_line lines[MANY];
    (void)state;
    assert_int_equal(scan(batch).waiting, 0); /* there is not even a stream */
    for (int i = 0; i < MANY; i++)
        lines[i] = line_of("x");
    assert_int_equal(streams_put(batch, lines, MANY, NULL), DIFFEDIT_OK);
    ask("XADD diffedit:test:lines * batch other id y");
    ask("XADD diffedit:test:lines * nonsense 1");
    ask("XREADGROUP GROUP workers w COUNT 300 STREAMS diffedit:test:lines >");
    struct seen seen = scan(batch);
    assert_int_equal(seen.waiting, MANY);
    assert_int_equal(seen.lost, 0);
    /* a worker's place is removed by hand, with all that it had */
    assert_int_equal(ask("XGROUP DELCONSUMER diffedit:test:lines workers w"), 300);
    seen = scan(batch);
    assert_int_equal(seen.waiting, MANY - 300);
    assert_int_equal(seen.lost, 300);
    assert_int_equal(streams_withdraw(batch, seen.entry, NULL), DIFFEDIT_OK);
    assert_int_equal(scan(batch).waiting, MANY - 301);
    /* without its group, everything is new */
    ask("XGROUP DESTROY diffedit:test:lines workers");
    seen = scan(batch);
    assert_int_equal(seen.waiting, MANY - 1);
    assert_int_equal(seen.lost, 0);
    streams_close(batch);
}

static void test_the_group_is_made_again(void **state)
{
    struct streams *batch = connect_as(NULL, 30, 0), *worker = connect_as("w", 30, 0);
    (void)state;
    put(batch, "one");
    struct streams_line line = take(worker, "one");
    ask("FLUSHALL");
    take(worker, NULL);
    assert_int_equal(streams_return(worker, &line, NULL), DIFFEDIT_OK);
    assert_int_equal(streams_report(worker, &line, "{}", NULL), DIFFEDIT_OK);
    put(batch, "two");
    struct streams_line two = take(worker, "two");
    streams_line_free(&line);
    streams_line_free(&two);
    streams_close(batch);
    streams_close(worker);
}

static void test_entries_of_others(void **state)
{
    struct streams *worker = connect_as("w", 30, 0);
    char *longer = malloc(STREAMS_LONGEST + 2);
    (void)state;
    memset(longer, 'x', STREAMS_LONGEST + 1);
    longer[STREAMS_LONGEST + 1] = '\0';
    freeReplyObject(redisCommand(direct, "XADD diffedit:test:lines * id %b task %s batch %s",
                                 "a\0b", (size_t)3, longer, ""));
    free(longer);
    struct streams_line line;
    bool found;
    assert_int_equal(streams_take(&line, &found, worker, NULL), DIFFEDIT_OK);
    if (!found) /* the call made the group */
        assert_int_equal(streams_take(&line, &found, worker, NULL), DIFFEDIT_OK);
    assert_true(found);
    assert_null(line.fields[STREAMS_ID]);
    assert_null(line.fields[STREAMS_TASK]);
    assert_string_equal(line.fields[STREAMS_BATCH], "");
    assert_int_equal(streams_withdraw(worker, line.entry, NULL), DIFFEDIT_OK);
    assert_int_equal(ask("XLEN diffedit:test:lines"), 0);
    assert_int_equal(ask("XPENDING diffedit:test:lines workers - + 10"), 0);
    streams_line_free(&line);
    streams_close(worker);
}

static void test_a_key_of_another_kind(void **state)
{
    struct streams *worker = connect_as("w", 30, INFINITY);
    struct streams_line line;
    bool found;
    diffedit_error error;
    (void)state;
    ask("SET diffedit:test:lines 1");
    assert_int_equal(streams_take(&line, &found, worker, &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "WRONGTYPE"));
    streams_close(worker);
}

static void test_results_that_cannot_be_kept(void **state)
{
    struct streams *batch = connect_as(NULL, 30, 0), *worker = connect_as("w", 30, 0);
    diffedit_error error;
    (void)state;
    put(batch, "one");
    struct streams_line line = take(worker, "one");
    ask("SET diffedit:test:results:" BATCH " 1");
    assert_int_equal(streams_report(worker, &line, "{}", &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "WRONGTYPE"));
    streams_line_free(&line);
    streams_close(batch);
    streams_close(worker);
}

static void test_tidy(void **state)
{
    struct streams *worker = connect_as("w", 30, 0);
    size_t count;
    (void)state;
    assert_int_equal(streams_tidy(worker, NULL), DIFFEDIT_OK); /* there is nothing at all */
    take(worker, NULL);
    assert_int_equal(streams_tidy(worker, NULL), DIFFEDIT_OK);
    assert_int_equal(streams_workers(&count, worker, NULL), DIFFEDIT_OK);
    assert_int_equal(count, 1);
    streams_leave(worker);
    assert_int_equal(streams_workers(&count, worker, NULL), DIFFEDIT_OK);
    assert_int_equal(count, 0);
    streams_close(worker);
}

static void test_a_server_that_comes_back(void **state)
{
    struct streams *batch = connect_as(NULL, 30, INFINITY);
    struct streams *hasty = connect_as(NULL, 30, 0);
    struct streams_line line = line_of("one");
    (void)state;
    put(batch, "one");
    put(hasty, "one");
    uint64_t before = streams_connections(batch);
    stop();
    assert_int_equal(streams_put(hasty, &line, 1, NULL), DIFFEDIT_ERROR_FILE);
    stopped = true;
    assert_int_equal(streams_put(batch, &line, 1, NULL), DIFFEDIT_ERROR_CANCELLED);
    stopped = false;
    pid_t test = getpid(), later = fork();
    if (later == 0) {
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
        if (getppid() == test)
            become_server();
        _exit(127);
    }
    server = later;
    said = 0;
    put(batch, "two");
    assert_int_equal(said, 1); /* that it is back; that it is lost was said before */
    assert_true(streams_connections(batch) > before);
    direct = redisConnect("127.0.0.1", port);
    assert_int_equal(ask("XLEN diffedit:test:lines"), 1);
    streams_close(batch);
    streams_close(hasty);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_line_goes_and_its_result_comes, empty),
        cmocka_unit_test_setup(test_silence, empty),
        cmocka_unit_test_setup(test_given_back, empty),
        cmocka_unit_test_setup(test_a_lost_reply, empty),
        cmocka_unit_test_setup(test_silent_workers_among_many, empty),
        cmocka_unit_test_setup(test_scan, empty),
        cmocka_unit_test_setup(test_the_group_is_made_again, empty),
        cmocka_unit_test_setup(test_entries_of_others, empty),
        cmocka_unit_test_setup(test_a_key_of_another_kind, empty),
        cmocka_unit_test_setup(test_results_that_cannot_be_kept, empty),
        cmocka_unit_test_setup(test_tidy, empty),
        cmocka_unit_test_setup(test_a_server_that_comes_back, empty),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("streams", tests, start_all, stop_all);
}
