/* The ledger of a batch: lists, plans, and what came of tasks. */
#include "batch/ledger.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

static struct ledger *open_new(const char *name)
{
    struct ledger *ledger;
    diffedit_error error;
    if (ledger_open(&ledger, scratch_path(name), &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    return ledger;
}

static void add(struct ledger *ledger, int64_t number, const char *id, const char *picture,
                const char *kin, const char *failure)
{
    const ledger_line line = {
        .number = number, .task_id = id, .name = picture, .picture_path = picture};
    assert_int_equal(ledger_add(ledger, &line, "{}", picture, kin, failure, NULL), DIFFEDIT_OK);
}

static void begin(struct ledger *ledger)
{
    assert_int_equal(ledger_begin(ledger, NULL), DIFFEDIT_OK);
    assert_int_equal(ledger_begin_list(ledger, NULL), DIFFEDIT_OK);
}

static void end(struct ledger *ledger)
{
    assert_int_equal(ledger_end_list(ledger, NULL), DIFFEDIT_OK);
    assert_int_equal(ledger_end(ledger, DIFFEDIT_OK, NULL), DIFFEDIT_OK);
}

/* The ids of the plan, joined by spaces. */
static void expect_plan(struct ledger *ledger, int64_t limit, const char *ids)
{
    char found[256] = "";
    int64_t count;
    ledger_item item;
    assert_int_equal(ledger_plan(&count, ledger, limit, NULL), DIFFEDIT_OK);
    for (int64_t i = 0; ledger_planned(&item, ledger, i, NULL); i++, count--) {
        size_t length = strlen(found);
        snprintf(found + length, sizeof found - length, "%s%s", length ? " " : "", item.id);
        ledger_item_free(&item);
    }
    assert_int_equal(count, 0);
    assert_string_equal(found, ids);
}

static bool record(struct ledger *ledger, const char *id, ledger_state state)
{
    bool recorded;
    const ledger_task task = {.id = id,
                              .state = state,
                              .result = state == LEDGER_DONE ? "r.png" : NULL,
                              .message = state == LEDGER_FAILED ? "no" : NULL,
                              .tries = 1};
    assert_int_equal(ledger_record(&recorded, ledger, &task, NULL), DIFFEDIT_OK);
    return recorded;
}

static void a_plan_keeps_pictures_and_kin_together(void **state)
{
    (void)state;
    struct ledger *ledger = open_new("plan.db");
    begin(ledger);
    add(ledger, 1, "a", "cow", "x", NULL);
    add(ledger, 2, "b", "dog", "x", NULL);
    add(ledger, 3, "c", "cow", "y", NULL);
    add(ledger, 4, "d", "cow", "x", NULL);
    add(ledger, 5, "a", "cow", "x", NULL); /* the same again */
    end(ledger);
    expect_plan(ledger, 0, "a d c b");
    expect_plan(ledger, 2, "a d");
    assert_true(record(ledger, "a", LEDGER_DONE));
    assert_false(record(ledger, "a", LEDGER_FAILED)); /* once */
    expect_plan(ledger, 0, "d c b");                  /* cow comes first, as before */
    ledger_close(ledger);
}

static void a_new_list_keeps_what_is_done(void **state)
{
    (void)state;
    ledger_counts counts;
    struct ledger *ledger = open_new("again.db");
    begin(ledger);
    add(ledger, 1, "a", "cow", "x", NULL);
    add(ledger, 2, "b", "dog", "x", NULL);
    add(ledger, 3, "c", "cat", "x", "cat: cannot be opened");
    end(ledger);
    record(ledger, "a", LEDGER_DONE);
    record(ledger, "b", LEDGER_FAILED);
    ledger_close(ledger);
    ledger = open_new("again.db");
    begin(ledger);
    add(ledger, 1, "b", "dog", "x", NULL);
    add(ledger, 2, "d", "pig", "x", NULL);
    end(ledger);
    expect_plan(ledger, 0, "b d");
    begin(ledger);
    add(ledger, 1, "a", "cow", "x", NULL);
    add(ledger, 2, "b", "dog", "x", NULL);
    end(ledger);
    expect_plan(ledger, 0, "b");
    assert_int_equal(ledger_count(&counts, ledger, NULL), DIFFEDIT_OK);
    assert_int_equal(counts.lines, 2);
    assert_int_equal(counts.lines_done, 1);
    assert_int_equal(counts.waiting, 1);
    assert_int_equal(ledger_again(ledger, "a", NULL), DIFFEDIT_OK);
    expect_plan(ledger, 0, "a b");
    ledger_close(ledger);
}

static void a_list_that_breaks_off_changes_nothing(void **state)
{
    (void)state;
    struct ledger *ledger = open_new("whole.db");
    begin(ledger);
    add(ledger, 1, "a", "cow", "x", NULL);
    end(ledger);
    begin(ledger);
    add(ledger, 1, "b", "dog", "x", NULL);
    assert_int_equal(ledger_end(ledger, DIFFEDIT_ERROR_FILE, NULL), DIFFEDIT_ERROR_FILE);
    expect_plan(ledger, 0, "a");
    ledger_close(ledger);
}

static void what_another_ledger_has_is_taken_over(void **state)
{
    (void)state;
    struct ledger *before = open_new("before.db"), *ledger = open_new(":memory:");
    begin(before);
    add(before, 1, "a", "cow", "x", NULL);
    add(before, 2, "b", "dog", "x", NULL);
    end(before);
    record(before, "a", LEDGER_DONE);
    begin(ledger);
    add(ledger, 1, "a", "cow", "x", NULL);
    add(ledger, 2, "b", "dog", "x", NULL);
    end(ledger);
    assert_int_equal(ledger_take_done(ledger, scratch_path("before.db"), NULL), DIFFEDIT_OK);
    expect_plan(ledger, 0, "b");
    assert_int_equal(ledger_take_done(ledger, scratch_path("none.db"), NULL), DIFFEDIT_ERROR_FILE);
    ledger_close(before);
    ledger_close(ledger);
}

static void files_and_keys_are_remembered(void **state)
{
    (void)state;
    char hash[TASK_HASH];
    struct ledger *ledger = open_new("notes.db");
    assert_null(ledger_get(ledger, "model"));
    assert_int_equal(ledger_set(ledger, "model", "pocket", NULL), DIFFEDIT_OK);
    char *model = ledger_get(ledger, "model");
    assert_string_equal(model, "pocket");
    free(model);
    assert_int_equal(ledger_note_file(ledger, "/a", 3, 7, "abc", NULL), DIFFEDIT_OK);
    assert_true(ledger_known_file(hash, ledger, "/a", 3, 7));
    assert_string_equal(hash, "abc");
    assert_false(ledger_known_file(hash, ledger, "/a", 3, 8));
    assert_int_equal(ledger_place(ledger, "x", NULL), 0);
    assert_int_equal(ledger_place(ledger, "y", NULL), 1);
    assert_int_equal(ledger_place(ledger, "x", NULL), 0);
    ledger_close(ledger);
}

/* ---- files that are no ledgers ---- */

static void run_sql(const char *name, const char *script)
{
    sqlite3 *database;
    assert_int_equal(sqlite3_open(scratch_path(name), &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, script, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void expect_refused(const char *name, bool to_read, const char *sentence)
{
    char whole[600];
    struct ledger *ledger;
    diffedit_error error = {.message = ""};
    diffedit_status status = to_read ? ledger_open_to_read(&ledger, scratch_path(name), &error)
                                     : ledger_open(&ledger, scratch_path(name), &error);
    assert_int_equal(status, DIFFEDIT_ERROR_FILE);
    snprintf(whole, sizeof whole, "%s: %s", scratch_path(name), sentence);
    assert_string_equal(error.message, whole);
}

static void what_is_no_ledger_is_refused(void **state)
{
    (void)state;
    ledger_close(open_new("later.db"));
    run_sql("later.db", "PRAGMA user_version = 99");
    expect_refused("later.db", false, "was written by a later version of diffedit");
    expect_refused("later.db", true, "was written by a later version of diffedit");
    scratch_write_text("text.db", "This is no database, but it is long enough to be taken for one "
                                  "by whoever looks at nothing but the length of a file's header.");
    expect_refused("text.db", false, "file is not a database");
    expect_refused("none.db", true, "unable to open database file");
    run_sql("empty.db", "CREATE TABLE other (x)");
    expect_refused("empty.db", true, "has none of the tables that were expected");
}

static diffedit_status expect_no_device(void *user, const ledger_line *line,
                                        const ledger_task *task, diffedit_error *error)
{
    int *lines = user;
    (void)error;
    assert_string_equal(line->name, "a.png");
    assert_null(task->device);
    (*lines)++;
    return DIFFEDIT_OK;
}

/* One of the first version, without what later ones added */
static void an_older_one_is_read_and_brought_up_to_date(void **state)
{
    (void)state;
    int lines = 0;
    struct ledger *ledger = open_new("old.db");
    begin(ledger);
    add(ledger, 1, "a", "a.png", "", NULL);
    end(ledger);
    ledger_close(ledger);
    run_sql("old.db", "ALTER TABLE tasks DROP COLUMN device; PRAGMA user_version = 1");
    assert_int_equal(ledger_open_to_read(&ledger, scratch_path("old.db"), NULL), DIFFEDIT_OK);
    assert_int_equal(ledger_each_line(ledger, expect_no_device, &lines, NULL), DIFFEDIT_OK);
    ledger_close(ledger);
    assert_int_equal(ledger_open(&ledger, scratch_path("old.db"), NULL), DIFFEDIT_OK);
    assert_int_equal(ledger_each_line(ledger, expect_no_device, &lines, NULL), DIFFEDIT_OK);
    assert_int_equal(lines, 2);
    ledger_close(ledger);
}

static void a_foreign_database_is_a_sentence(void **state)
{
    (void)state;
    ledger_counts counts;
    struct ledger *ledger;
    diffedit_error error = {.message = ""};
    run_sql("foreign.db", "CREATE TABLE tasks (x); PRAGMA user_version = 1");
    assert_int_equal(ledger_open_to_read(&ledger, scratch_path("foreign.db"), &error), DIFFEDIT_OK);
    assert_int_equal(ledger_count(&counts, ledger, &error), DIFFEDIT_ERROR_FILE);
    assert_non_null(strstr(error.message, "no such table: lines"));
    ledger_close(ledger);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_keeps_pictures_and_kin_together),
        cmocka_unit_test(a_new_list_keeps_what_is_done),
        cmocka_unit_test(a_list_that_breaks_off_changes_nothing),
        cmocka_unit_test(what_another_ledger_has_is_taken_over),
        cmocka_unit_test(files_and_keys_are_remembered),
        cmocka_unit_test(what_is_no_ledger_is_refused),
        cmocka_unit_test(an_older_one_is_read_and_brought_up_to_date),
        cmocka_unit_test(a_foreign_database_is_a_sentence),
    };
    scratch_make();
    int failed = cmocka_run_group_tests_name("ledger", tests, NULL, NULL);
    scratch_remove();
    return failed;
}
