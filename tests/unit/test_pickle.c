/* The stack machine of pickles: the values that it builds, and the sentence that each program which
 * it does not run gets. What names mean to torch is in test_torch_pickle.c. */
#include "weights/pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- a caller that knows three names of a module m: f, g and h ---- */

typedef struct caller {
    int calls, outsiders;
} caller;

static bool find_name(void *user, de_pickle *pickle, const de_pickle_value *module,
                      const de_pickle_value *name, uint32_t *index)
{
    (void)user;
    if (!de_pickle_is_text(module, "m") || name->length != 1 || name->text[0] < 'f' ||
        name->text[0] > 'h')
        return de_pickle_fail(pickle, "no name `%.*s`", (int)name->length, name->text);
    *index = (uint32_t)(name->text[0] - 'f');
    return true;
}

/* The call of number n with k arguments is 100 n + k; that of h fails. */
static bool call(void *user, de_pickle *pickle, uint32_t name, const de_pickle_value *arguments,
                 de_pickle_value *result)
{
    caller *c = user;
    c->calls++;
    if (name == 2)
        return de_pickle_fail(pickle, "h fails");
    *result = (de_pickle_value){.kind = DE_PICKLE_INTEGER,
                                .integer = 100 * (int64_t)name + arguments->length};
    return true;
}

static bool find_outside(void *user, de_pickle *pickle, const de_pickle_value *identity,
                         de_pickle_value *result)
{
    caller *c = user;
    if (identity->kind != DE_PICKLE_INTEGER)
        return de_pickle_fail(pickle, "no such thing outside");
    *result = (de_pickle_value){.kind = DE_PICKLE_STORAGE, .index = (uint32_t)c->outsiders++};
    return true;
}

static const de_pickle_meaning MEANING = {.name = find_name, .call = call, .outside = find_outside};

/* ---- running ---- */

/* A program, zeros included. */
#define PROGRAM(literal) literal, sizeof(literal) - 1

/* Runs bytes in memory of exactly their size, so that AddressSanitizer sees a step too far; they
 * live as long as the values, until release(). */
typedef struct running {
    unsigned char *bytes;
    de_pickle *pickle;
    const de_pickle_value *result;
    caller caller;
} running;

static diffedit_status start(running *r, const char *program, size_t size, diffedit_error *error)
{
    size_t at = 0;
    *r = (running){.bytes = malloc(size + !size)};
    assert_non_null(r->bytes);
    memcpy(r->bytes, program, size);
    diffedit_status status = de_pickle_run(&r->pickle, "p", r->bytes, size, &at, &MEANING,
                                           &r->caller, error);
    assert_true(at <= size);
    assert_true(status == DIFFEDIT_OK ? r->pickle != NULL && at == size : r->pickle == NULL);
    r->result = r->pickle ? de_pickle_result(r->pickle) : NULL;
    return status;
}

static void release(running *r)
{
    de_pickle_free(r->pickle);
    free(r->bytes);
}

static running run(const char *program, size_t size)
{
    running r;
    diffedit_error error = {.message = ""};
    if (start(&r, program, size, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    return r;
}

static void expect_refused(const char *program, size_t size, const char *sentence)
{
    running r;
    diffedit_error error = {.message = ""};
    assert_int_equal(start(&r, program, size, &error), DIFFEDIT_ERROR_MODEL);
    assert_string_equal(error.message, sentence);
    release(&r);
}

/* ---- values ---- */

static void test_integers(void **state)
{
    static const struct {
        const char *program;
        size_t size;
        int64_t value;
    } cases[] = {
        {PROGRAM("K\xff."), 255},
        {PROGRAM("M\x01\x80."), 0x8001},
        {PROGRAM("J\xff\xff\xff\x7f."), INT32_MAX},
        {PROGRAM("J\x00\x00\x00\x80."), INT32_MIN},
        {PROGRAM("J\xff\xff\xff\xff."), -1},
        {PROGRAM("\x88."), 1}, /* True */
        {PROGRAM("\x89."), 0},
        {PROGRAM("\x8a\x00."), 0}, /* of as many bytes as it says */
        {PROGRAM("\x8a\x01\x7f."), 127},
        {PROGRAM("\x8a\x01\x80."), -128},
        {PROGRAM("\x8a\x02\xff\x00."), 255},
        {PROGRAM("\x8a\x03\x00\x00\x80."), -0x800000},
        {PROGRAM("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f."), INT64_MAX},
        {PROGRAM("\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80."), INT64_MIN},
        {PROGRAM("\x80\x02K\x07."), 7},
        {PROGRAM("\x80\x05\x95\x03\x00\x00\x00\x00\x00\x00\x00K\x07."), 7}, /* in a frame */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        assert_int_equal(r.result->kind, DE_PICKLE_INTEGER);
        assert_true(r.result->integer == cases[i].value);
        release(&r);
    }
}

static void test_texts(void **state)
{
    static const struct {
        const char *program;
        size_t size;
        const char *text;
    } cases[] = {
        {PROGRAM("X\x03\x00\x00\000a\nb."), "a\nb"},
        {PROGRAM("\x8c\x01z."), "z"},
        {PROGRAM("U\x00."), ""},
        {PROGRAM("T\x01\x00\x00\x00z."), "z"},
        {PROGRAM("C\002ab."), "ab"},
        {PROGRAM("B\x00\x00\x00\x00."), ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        assert_true(de_pickle_is_text(r.result, cases[i].text));
        assert_int_equal(r.result->length, strlen(cases[i].text));
        assert_false(de_pickle_is_text(r.result, "abc"));
        release(&r);
    }
    running r = run(PROGRAM("\x8c\003a\0b."));
    assert_int_equal(r.result->length, 3);
    assert_false(de_pickle_is_text(r.result, "a"));
    release(&r);
    r = run(PROGRAM("K\x01."));
    assert_false(de_pickle_is_text(r.result, ""));
    release(&r);
}

/* What does not concern us: None, floats, integers of more than 64 bits. */
static void test_opaque_values(void **state)
{
    static const struct {
        const char *program;
        size_t size;
    } cases[] = {{PROGRAM("N.")},
                 {PROGRAM("G\x3f\xf0\x00\x00\x00\x00\x00\x00.")},
                 {PROGRAM("\x8a\x09\x01\x02\x03\x04\x05\x06\x07\x08\x09.")},
                 {PROGRAM("NK\001a.")}, /* what is added to them is gone */
                 {PROGRAM("NK\x01K\x02s.")},
                 {PROGRAM("N(K\x01K\x02u.")},
                 {PROGRAM("N(e.")}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        assert_int_equal(r.result->kind, DE_PICKLE_OPAQUE);
        release(&r);
    }
}

static void expect_integers(const running *r, const de_pickle_value *tuple, uint32_t count)
{
    assert_int_equal(tuple->kind, DE_PICKLE_TUPLE);
    assert_int_equal(tuple->length, count);
    for (uint32_t i = 0; i < count; i++) {
        const de_pickle_value *item = de_pickle_item(r->pickle, tuple, i, DE_PICKLE_INTEGER);
        assert_non_null(item);
        assert_int_equal(item->integer, i + 1);
        assert_null(de_pickle_item(r->pickle, tuple, i, DE_PICKLE_TEXT));
    }
    assert_null(de_pickle_item(r->pickle, tuple, count, DE_PICKLE_INTEGER));
    assert_null(de_pickle_item(r->pickle, tuple, UINT32_MAX, DE_PICKLE_INTEGER));
}

static void test_tuples(void **state)
{
    static const struct {
        const char *program;
        size_t size;
        uint32_t count;
    } cases[] = {{PROGRAM(")."), 0},
                 {PROGRAM("K\x01\x85."), 1},
                 {PROGRAM("K\x01K\x02\x86."), 2},
                 {PROGRAM("K\x01K\x02K\x03\x87."), 3},
                 {PROGRAM("(t."), 0},
                 {PROGRAM("(K\x01K\x02K\x03K\x04K\x05t."), 5}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        expect_integers(&r, r.result, cases[i].count);
        release(&r);
    }
    running r = run(PROGRAM("((K\x01K\x02tK\x07t.")); /* ((1, 2), 7) */
    expect_integers(&r, de_pickle_item(r.pickle, r.result, 0, DE_PICKLE_TUPLE), 2);
    assert_int_equal(de_pickle_item(r.pickle, r.result, 1, DE_PICKLE_INTEGER)->integer, 7);
    release(&r);
    r = run(PROGRAM("].")); /* a list is no tuple */
    assert_null(de_pickle_item(r.pickle, r.result, 0, DE_PICKLE_OPAQUE));
    release(&r);
}

/* The entries of a dict or list hold 1, 2, ..., under the keys "a", "b", ... in a dict. */
static void expect_entries(const running *r, const de_pickle_value *container, de_pickle_kind kind,
                           int count)
{
    int found = 0;
    assert_int_equal(container->kind, kind);
    for (const de_pickle_pair *pair = NULL; (pair = de_pickle_next(r->pickle, container, pair));) {
        const char key[] = {(char)('a' + found), '\0'};
        assert_int_equal(pair->value.kind, DE_PICKLE_INTEGER);
        assert_int_equal(pair->value.integer, ++found);
        if (kind == DE_PICKLE_DICT)
            assert_true(de_pickle_is_text(&pair->key, key));
        else
            assert_int_equal(pair->key.kind, DE_PICKLE_OPAQUE);
    }
    assert_int_equal(found, count);
}

static void test_lists_and_dicts(void **state)
{
    static const struct {
        const char *program;
        size_t size;
        de_pickle_kind kind;
        int count;
    } cases[] = {
        {PROGRAM("]."), DE_PICKLE_LIST, 0},
        {PROGRAM("](e."), DE_PICKLE_LIST, 0},
        {PROGRAM("]K\001aK\002a."), DE_PICKLE_LIST, 2},
        {PROGRAM("](K\x01K\002e(K\003eK\004a."), DE_PICKLE_LIST, 4},
        {PROGRAM("\x8f(K\x01K\x02\x90."), DE_PICKLE_LIST, 2}, /* a set */
        {PROGRAM("}."), DE_PICKLE_DICT, 0},
        {PROGRAM("}(u."), DE_PICKLE_DICT, 0},
        {PROGRAM("}\x8c\001aK\x01s."), DE_PICKLE_DICT, 1},
        {PROGRAM("}(\x8c\001aK\x01\x8c\001bK\x02u\x8c\001cK\x03s."), DE_PICKLE_DICT, 3},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        expect_entries(&r, r.result, cases[i].kind, cases[i].count);
        release(&r);
    }
}

/* ---- the memo ---- */

/* A container that is remembered is itself when it is used again: what is added later counts. */
static void test_what_is_remembered(void **state)
{
    static const struct {
        const char *program;
        size_t size;
    } cases[] = {{PROGRAM("]q\x00K\001ah\x00K\002a\x86.")},
                 {PROGRAM("]\x94K\001aj\x00\x00\x00\x00K\002a\x86.")},
                 {PROGRAM("]r\x03\x00\x00\x00K\001ah\x03K\002a\x86.")}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        const de_pickle_value *first = de_pickle_item(r.pickle, r.result, 0, DE_PICKLE_LIST);
        const de_pickle_value *second = de_pickle_item(r.pickle, r.result, 1, DE_PICKLE_LIST);
        assert_non_null(first);
        assert_non_null(second);
        assert_int_equal(first->index, second->index);
        expect_entries(&r, first, DE_PICKLE_LIST, 2);
        release(&r);
    }
    /* numbers that were left out are there, and hold nothing that is looked at */
    running r = run(PROGRAM("K\x01q\x02q\x00h\x01\x86."));
    assert_non_null(de_pickle_item(r.pickle, r.result, 0, DE_PICKLE_INTEGER));
    assert_non_null(de_pickle_item(r.pickle, r.result, 1, DE_PICKLE_OPAQUE));
    release(&r);
    /* a number taken twice: the later value */
    r = run(PROGRAM("K\x01q\x00K\x02q\x00h\x00\x87."));
    assert_int_equal(de_pickle_item(r.pickle, r.result, 2, DE_PICKLE_INTEGER)->integer, 2);
    release(&r);
}

/* A list within itself: nothing follows it without end. */
static void test_a_list_in_itself(void **state)
{
    (void)state;
    running r = run(PROGRAM("]q\x00h\000a."));
    const de_pickle_pair *pair = de_pickle_next(r.pickle, r.result, NULL);
    assert_int_equal(pair->value.kind, DE_PICKLE_LIST);
    assert_int_equal(pair->value.index, r.result->index);
    assert_null(de_pickle_next(r.pickle, r.result, pair));
    release(&r);
}

/* ---- the caller's matters ---- */

static void test_names_and_calls(void **state)
{
    static const struct {
        const char *program;
        size_t size;
        int64_t value;
    } cases[] = {{PROGRAM("cm\nf\n)R."), 0},
                 {PROGRAM("cm\ng\n(K\x01K\x02tR."), 102},
                 {PROGRAM("cm\ng\nK\x01\x85\x81."), 101}, /* the making of an object */
                 {PROGRAM("\x8c\x01m\x8c\x01g\x93)R."), 100},
                 {PROGRAM("cm\ng\n)R}b."), 100}}; /* its attributes are dropped */
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        assert_int_equal(r.result->kind, DE_PICKLE_INTEGER);
        assert_int_equal(r.result->integer, cases[i].value);
        assert_int_equal(r.caller.calls, 1);
        release(&r);
    }
    running r = run(PROGRAM("cm\ng\n."));
    assert_int_equal(r.result->kind, DE_PICKLE_NAME);
    assert_int_equal(r.result->index, 1);
    assert_int_equal(r.caller.calls, 0);
    release(&r);
}

static void test_what_is_outside(void **state)
{
    (void)state;
    running r = run(PROGRAM("K\x05QK\x06Q\x86."));
    assert_int_equal(r.caller.outsiders, 2);
    assert_int_equal(de_pickle_item(r.pickle, r.result, 1, DE_PICKLE_STORAGE)->index, 1);
    release(&r);
}

static void test_a_dict_of_the_caller(void **state)
{
    (void)state;
    running r = run(PROGRAM("}."));
    de_pickle_value dict;
    assert_true(de_pickle_new_dict(r.pickle, &dict));
    assert_int_equal(dict.kind, DE_PICKLE_DICT);
    assert_int_not_equal(dict.index, r.result->index);
    assert_null(de_pickle_next(r.pickle, &dict, NULL));
    release(&r);
}

/* A file has several pickles, one after the other; places in messages are the file's. */
static void test_one_after_the_other(void **state)
{
    static const char bytes[] = "K\x01.K\x02.K\x03";
    size_t at = 0, size = sizeof bytes - 1;
    diffedit_error error;
    (void)state;
    for (int i = 1; i <= 2; i++) {
        de_pickle *pickle;
        caller c = {0};
        assert_int_equal(de_pickle_run(&pickle, "p", (const unsigned char *)bytes, size, &at,
                                       &MEANING, &c, &error),
                         DIFFEDIT_OK);
        assert_int_equal(at, 3 * i);
        assert_int_equal(de_pickle_result(pickle)->integer, i);
        de_pickle_free(pickle);
    }
    de_pickle *pickle;
    assert_int_equal(de_pickle_run(&pickle, "p", (const unsigned char *)bytes, size, &at, &MEANING,
                                   NULL, &error),
                     DIFFEDIT_ERROR_MODEL);
    assert_string_equal(error.message, "p: byte 8 of the pickle: it is truncated");
    assert_null(pickle);
    de_pickle_free(NULL);
}

/* ---- what is not run ---- */

static const struct {
    const char *program;
    size_t size;
    const char *sentence;
} REFUSED[] = {
    {PROGRAM(""), "p: byte 0 of the pickle: it is truncated"},
    {PROGRAM("K\x01"), "p: byte 2 of the pickle: it is truncated"},
    {PROGRAM("K"), "p: byte 1 of the pickle: it is truncated"},
    {PROGRAM("J\x01\x02\x03"), "p: byte 1 of the pickle: it is truncated"},
    {PROGRAM("G\x01\x02\x03\x04\x05\x06\x07"), "p: byte 1 of the pickle: it is truncated"},
    {PROGRAM("\x8a\xff."), "p: byte 2 of the pickle: it is truncated"},
    {PROGRAM("\x8a\x08."), "p: byte 2 of the pickle: it is truncated"},
    {PROGRAM("X\xff\xff\xff\377abc"), "p: byte 5 of the pickle: it is truncated"},
    {PROGRAM("\x8c\004abc"), "p: byte 2 of the pickle: it is truncated"},
    {PROGRAM("\x95\x01\x00\x00\x00\x00\x00\x00\x00"), "p: byte 9 of the pickle: it is truncated"},
    {PROGRAM("\x95\xff\xff\xff\xff\xff\xff\xff\xff."), "p: byte 9 of the pickle: it is truncated"},
    {PROGRAM("\x80\x06."), "p: byte 2 of the pickle: unsupported protocol 6; expected at most 5"},
    {PROGRAM("\x80\xffN."),
     "p: byte 2 of the pickle: unsupported protocol 255; expected at most 5"},
    {PROGRAM("S'x'\n."), "p: byte 1 of the pickle: unsupported opcode 0x53"},
    {PROGRAM("\x82\x01."), "p: byte 1 of the pickle: unsupported opcode 0x82"},
    {PROGRAM("\xff"), "p: byte 1 of the pickle: unsupported opcode 0xff"},
    {PROGRAM("\0"), "p: byte 1 of the pickle: unsupported opcode 0x00"},
    /* the stack */
    {PROGRAM("."), "p: byte 1 of the pickle: expected one value at its end, found 0"},
    {PROGRAM("}}."), "p: byte 3 of the pickle: expected one value at its end, found 2"},
    {PROGRAM("K\x01(."), "p: byte 4 of the pickle: a mark is left on the stack at its end"},
    {PROGRAM("\x85"), "p: byte 1 of the pickle: stack underflow"},
    {PROGRAM("K\x01\x86"), "p: byte 3 of the pickle: stack underflow"},
    {PROGRAM("K\x01(\x85"), "p: byte 4 of the pickle: stack underflow"},
    {PROGRAM("K\x01(K\x01\x86"), "p: byte 6 of the pickle: stack underflow"},
    {PROGRAM("K\x01t"), "p: byte 3 of the pickle: no mark on the stack"},
    {PROGRAM("]e"), "p: byte 2 of the pickle: no mark on the stack"},
    {PROGRAM("}u"), "p: byte 2 of the pickle: no mark on the stack"},
    {PROGRAM("]a"), "p: byte 2 of the pickle: stack underflow"},
    {PROGRAM("}K\x01s"), "p: byte 4 of the pickle: stack underflow"},
    {PROGRAM("(e"), "p: byte 2 of the pickle: stack underflow"},
    {PROGRAM("](K\001a"), "p: byte 5 of the pickle: stack underflow"},
    {PROGRAM("K\x01K\002a"),
     "p: byte 5 of the pickle: cannot add to a value that is not a list or dict"},
    {PROGRAM("}K\002a"),
     "p: byte 4 of the pickle: cannot add to a value that is not a list or dict"},
    {PROGRAM("]K\x01K\x02s"),
     "p: byte 6 of the pickle: cannot add to a value that is not a list or dict"},
    {PROGRAM("}(K\x01u"),
     "p: byte 5 of the pickle: cannot add to a value that is not a list or dict"},
    {PROGRAM(")(K\001e"),
     "p: byte 5 of the pickle: cannot add to a value that is not a list or dict"},
    /* the memo */
    {PROGRAM("q\x00"), "p: byte 2 of the pickle: stack underflow"},
    {PROGRAM("(q\x00"), "p: byte 3 of the pickle: stack underflow"},
    {PROGRAM("\x94"), "p: byte 1 of the pickle: stack underflow"},
    {PROGRAM("Nq\xff"), "p: byte 3 of the pickle: memo index 255 is out of range"},
    {PROGRAM("Nq\x03"), "p: byte 3 of the pickle: memo index 3 is out of range"},
    {PROGRAM("Nr\xf0\xff\xff\xff"),
     "p: byte 6 of the pickle: memo index 4294967280 is out of range"},
    {PROGRAM("h\x00"), "p: byte 2 of the pickle: memo index 0 is not set"},
    {PROGRAM("Nq\x00h\x01"), "p: byte 5 of the pickle: memo index 1 is not set"},
    {PROGRAM("j\xff\xff\xff\xff"), "p: byte 5 of the pickle: memo index 4294967295 is not set"},
    /* names and calls */
    {PROGRAM("cm\nx\n"), "p: byte 5 of the pickle: no name `x`"},
    {PROGRAM("cm"), "p: byte 1 of the pickle: unterminated name"},
    {PROGRAM("cm\nf"), "p: byte 3 of the pickle: unterminated name"},
    {PROGRAM("\x8c\x01m\x93"), "p: byte 4 of the pickle: stack underflow"},
    {PROGRAM("\x8c\x01mK\x01\x93"), "p: byte 6 of the pickle: a name that is not a string"},
    {PROGRAM("K\x01\x8c\001f\x93"), "p: byte 6 of the pickle: a name that is not a string"},
    {PROGRAM("R"), "p: byte 1 of the pickle: stack underflow"},
    {PROGRAM("cm\nf\n]R"),
     "p: byte 7 of the pickle: expected a name and a tuple of arguments to call"},
    {PROGRAM("\x8c\001f)R"),
     "p: byte 5 of the pickle: expected a name and a tuple of arguments to call"},
    {PROGRAM("cm\nf\n)R)R"), /* the call of a result */
     "p: byte 9 of the pickle: expected a name and a tuple of arguments to call"},
    {PROGRAM("cm\nh\n)R"), "p: byte 7 of the pickle: h fails"},
    {PROGRAM("b"), "p: byte 1 of the pickle: stack underflow"},
    {PROGRAM("Q"), "p: byte 1 of the pickle: stack underflow"},
    {PROGRAM("NQ"), "p: byte 2 of the pickle: no such thing outside"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++)
        expect_refused(REFUSED[i].program, REFUSED[i].size, REFUSED[i].sentence);
}

/* Every opcode that is not in the table. */
static void test_unknown_opcodes(void **state)
{
    static const char known[] = ".NGKMJXUTCB()t]}aseuqrhjcRbQ"
                                "\x80\x95\x88\x89\x8a\x8c\x85\x86\x87\x8f\x90\x94\x93\x81";
    int unknown = 0;
    (void)state;
    for (int opcode = 0; opcode < 256; opcode++) {
        const char program[] = {(char)opcode};
        char sentence[80];
        if (memchr(known, opcode, sizeof known - 1))
            continue;
        snprintf(sentence, sizeof sentence, "p: byte 1 of the pickle: unsupported opcode 0x%02x",
                 (unsigned)opcode);
        expect_refused(program, 1, sentence);
        unknown++;
    }
    assert_int_equal(unknown, 256 - (int)(sizeof known - 1));
}

/* ---- sizes ---- */

/* `count` times one byte, and an end. */
static running repeat(char byte, size_t count, const char *end, diffedit_error *error)
{
    running r;
    size_t size = count + strlen(end);
    char *program = malloc(size);
    assert_non_null(program);
    memset(program, byte, count);
    memcpy(program + count, end, strlen(end));
    start(&r, program, size, error);
    free(program);
    return r;
}

static void expect_repeated_refused(char byte, size_t count, const char *end, const char *sentence)
{
    diffedit_error error = {.message = ""};
    running r = repeat(byte, count, end, &error);
    assert_string_equal(error.message, sentence);
    release(&r);
}

static void test_deep_and_many(void **state)
{
    diffedit_error error = {.message = ""};
    (void)state;
    char tuples[1001];
    memset(tuples, 't', 1000);
    tuples[999] = '.';
    tuples[1000] = '\0';
    running r = repeat('(', 999, tuples, &error); /* tuples in tuples */
    assert_int_equal(r.result->kind, DE_PICKLE_TUPLE);
    release(&r);
    expect_repeated_refused('(', 1000, "", "p: byte 1000 of the pickle: it is truncated");
    expect_repeated_refused('(', 1001, "",
                            "p: byte 1001 of the pickle: values nested deeper than 1000");
    expect_repeated_refused('N', 1 << 20, ".",
                            "p: byte 1048577 of the pickle: expected one value at its end, found "
                            "1048576");
    expect_repeated_refused('N', (1 << 20) + 1, "",
                            "p: byte 1048577 of the pickle: more than 1048576 values of one kind");
    expect_repeated_refused(']', (1 << 20) + 1, "",
                            "p: byte 1048577 of the pickle: more than 1048576 values of one kind");
}

/* Tuples of two that hold each other twice: 2^1000 values if anybody wrote them out. */
static void test_values_that_double(void **state)
{
    enum { TIMES = 200, STEP = 5 };
    char program[STEP * TIMES + 2] = ")";
    (void)state;
    for (int i = 0; i < TIMES; i++)
        memcpy(program + 1 + STEP * i, (const char[]){'q', (char)i, 'h', (char)i, (char)0x86},
               STEP);
    program[sizeof program - 1] = '.';
    running r = run(program, sizeof program);
    assert_int_equal(r.result->kind, DE_PICKLE_TUPLE);
    assert_int_equal(r.result->length, 2);
    release(&r);
}

static void test_a_long_name(void **state)
{
    char program[500];
    diffedit_error error;
    running r;
    (void)state;
    memset(program, 'n', sizeof program);
    memcpy(program, "cm\n", 3);
    program[3 + 400] = '\n';
    assert_int_equal(start(&r, program, sizeof program, &error), DIFFEDIT_ERROR_MODEL);
    assert_memory_equal(error.message, "p: byte 404 of the pickle: no name `nnn", 39);
    release(&r);
    program[3 + 400] = 'n';
    program[3 + 401] = '\n';
    expect_refused(program, sizeof program, "p: byte 3 of the pickle: unterminated name");
}

/* A good program cut anywhere. */
static void test_cut_off(void **state)
{
    static const char program[] = "\x80\x04\x95\x3e\x00\x00\x00\x00\x00\x00\x00}("
                                  "X\x01\x00\x00\000a\x94](K\x01M\x02\000e\x8c\001bq\x01("
                                  "J\x01\x00\x00\x00\x8a\x01\x05tG\x00\x00\x00\x00\x00\x00\x00\x00N"
                                  "\x8c\001dcm\ng\n)R\x8c\001eK\x01QNN"
                                  "u.";
    running r;
    diffedit_error error;
    (void)state;
    assert_int_equal((unsigned char)program[3], sizeof program - 1 - 11); /* the frame's length */
    if (start(&r, program, sizeof program - 1, &error) != DIFFEDIT_OK)
        fail_msg("%s", error.message);
    release(&r);
    for (size_t size = 0; size < sizeof program - 1; size++) {
        error.message[0] = '\0';
        assert_int_equal(start(&r, program, size, &error), DIFFEDIT_ERROR_MODEL);
        assert_non_null(strstr(error.message, "of the pickle: it is truncated"));
        release(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_integers),
                                       cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_opaque_values),
                                       cmocka_unit_test(test_tuples),
                                       cmocka_unit_test(test_lists_and_dicts),
                                       cmocka_unit_test(test_what_is_remembered),
                                       cmocka_unit_test(test_a_list_in_itself),
                                       cmocka_unit_test(test_names_and_calls),
                                       cmocka_unit_test(test_what_is_outside),
                                       cmocka_unit_test(test_a_dict_of_the_caller),
                                       cmocka_unit_test(test_one_after_the_other),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_unknown_opcodes),
                                       cmocka_unit_test(test_deep_and_many),
                                       cmocka_unit_test(test_values_that_double),
                                       cmocka_unit_test(test_a_long_name),
                                       cmocka_unit_test(test_cut_off)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
