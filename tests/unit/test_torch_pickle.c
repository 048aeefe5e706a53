/* What names mean in torch's pickles: the storages and tensors that a good one describes, and the
 * sentence that each lie gets. The machine under it is tested in test_pickle.c. */
#include "weights/torch_pickle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the parts of a pickle: each leaves one value on the stack ---- */

#define NAME(module, name) "c" module "\n" name "\n"
#define BYTE(value) "K" value
#define LONG(bytes) "\x8a\x08" bytes /* eight of them */
#define STORAGE(type, count) "(U\x07storage" NAME("torch", type) "U\0010U\003cpu" count "NtQ"
#define FOUR STORAGE("FloatStorage", BYTE("\x04"))
#define TENSOR(storage, offset, shape, strides) \
    NAME("torch._utils", "_rebuild_tensor_v2") "(" storage offset shape strides "\x89}tR"
#define VECTOR(storage, offset, size, stride) TENSOR(storage, offset, size "\x85", stride "\x85")

/* `size` numbers of a type in 9 bytes */
#define TYPED(type, size) \
    NAME("torch._utils", "_rebuild_tensor_v3") \
    "((U\x07storage" NAME("torch.storage", "UntypedStorage") "U\0010U\003cpuK\x09NtQK\0" size \
                                                             "\x85K\1\x85\x89}" type "}tR"

/* 2^62, 2^40 and -1 */
#define HUGE_NUMBER LONG("\0\0\0\0\0\0\0\x40")
#define LARGE_NUMBER LONG("\0\0\0\0\0\1\0\0")
#define MINUS_ONE "J\xff\xff\xff\xff"

#define PROGRAM(literal) literal ".", sizeof(literal)

/* ---- running ---- */

typedef struct running {
    unsigned char *bytes;
    de_pickle *pickle;
    de_torch_objects objects;
} running;

static diffedit_status start(running *r, const char *program, size_t size, diffedit_error *error)
{
    size_t at = 0;
    *r = (running){.bytes = malloc(size)};
    assert_non_null(r->bytes);
    memcpy(r->bytes, program, size);
    return de_pickle_run(&r->pickle, "p", r->bytes, size, &at, &de_torch_meaning, &r->objects,
                         error);
}

static void release(running *r)
{
    de_pickle_free(r->pickle);
    de_torch_objects_free(&r->objects);
    assert_null(r->objects.tensors);
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

/* Refused with "p: byte N of the pickle: " and the sentence. */
static void expect_refused(const char *program, size_t size, const char *sentence)
{
    running r;
    size_t byte = SIZE_MAX;
    int length = 0;
    diffedit_error error = {.message = ""};
    assert_int_equal(start(&r, program, size, &error), DIFFEDIT_ERROR_MODEL);
    assert_int_equal(sscanf(error.message, "p: byte %zu of the pickle: %n", &byte, &length), 1);
    assert_true(byte <= size);
    assert_string_equal(error.message + length, sentence);
    release(&r);
}

/* ---- good ones ---- */

static void expect_one_tensor(const running *r, int rank, const int64_t *shape,
                              const int64_t *strides, int64_t offset)
{
    const de_pickle_value *result = de_pickle_result(r->pickle);
    assert_int_equal(result->kind, DE_PICKLE_TENSOR);
    assert_int_equal(result->index, 0);
    assert_int_equal(r->objects.tensor_count, 1);
    const de_torch_tensor *tensor = &r->objects.tensors[0];
    assert_int_equal(tensor->rank, rank);
    assert_int_equal(tensor->offset, offset);
    int64_t count = 1;
    for (int i = 0; i < rank; i++) {
        assert_int_equal(tensor->shape[i], shape[i]);
        assert_int_equal(tensor->strides[i], strides[i]);
        count *= shape[i];
    }
    assert_int_equal(tensor->count, count);
}

static void test_tensors(void **state)
{
    static const struct {
        const char *program;
        size_t size;
        int rank;
        int64_t shape[3], strides[3], offset;
        bool contiguous;
    } cases[] = {
        {PROGRAM(VECTOR(FOUR, BYTE("\0"), BYTE("\4"), BYTE("\1"))), 1, {4}, {1}, 0, true},
        {PROGRAM(VECTOR(FOUR, BYTE("\2"), BYTE("\2"), BYTE("\1"))), 1, {2}, {1}, 2, true},
        {PROGRAM(VECTOR(FOUR, BYTE("\0"), BYTE("\2"), BYTE("\3"))), 1, {2}, {3}, 0, false},
        {PROGRAM(VECTOR(FOUR, BYTE("\3"), BYTE("\4"), BYTE("\0"))), 1, {4}, {0}, 3, false},
        {PROGRAM(TENSOR(FOUR, BYTE("\3"), ")", ")")), 0, {0}, {0}, 3, true}, /* a number */
        {PROGRAM(
             TENSOR(FOUR, BYTE("\0"), BYTE("\2") BYTE("\2") "\x86", BYTE("\2") BYTE("\1") "\x86")),
         2,
         {2, 2},
         {2, 1},
         0,
         true},
        {PROGRAM(
             TENSOR(FOUR, BYTE("\0"), BYTE("\2") BYTE("\2") "\x86", BYTE("\1") BYTE("\2") "\x86")),
         2,
         {2, 2},
         {1, 2},
         0,
         false},
        /* the stride of one value is nothing */
        {PROGRAM(
             TENSOR(FOUR, BYTE("\0"), BYTE("\1") BYTE("\4") "\x86", HUGE_NUMBER BYTE("\1") "\x86")),
         2,
         {1, 4},
         {INT64_C(1) << 62, 1},
         0,
         true},
        /* nothing at all lies anywhere up to the storage's end */
        {PROGRAM(VECTOR(FOUR, BYTE("\4"), BYTE("\0"), BYTE("\1"))), 1, {0}, {1}, 4, true},
        {PROGRAM(TENSOR(FOUR, BYTE("\0"), BYTE("\0") BYTE("\x09") "\x86",
                        HUGE_NUMBER HUGE_NUMBER "\x86")),
         2,
         {0, 9},
         {INT64_C(1) << 62, INT64_C(1) << 62},
         0,
         true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        expect_one_tensor(&r, cases[i].rank, cases[i].shape, cases[i].strides, cases[i].offset);
        assert_int_equal(de_torch_tensor_contiguous(&r.objects.tensors[0]), cases[i].contiguous);
        release(&r);
    }
}

/* Both functions that make tensors, and both that wrap one into a parameter. */
static void test_other_makers(void **state)
{
    static const struct {
        const char *program;
        size_t size;
    } cases[] = {
        {PROGRAM(NAME("torch._utils", "_rebuild_tensor") "(" FOUR "K\0K\4\x85K\1\x85tR")},
        {PROGRAM(NAME("torch._utils", "_rebuild_parameter") "(" VECTOR(FOUR, BYTE("\0"), BYTE("\4"),
                                                                       BYTE("\1")) "\x88}tR")},
        {PROGRAM(NAME("torch._utils", "_rebuild_parameter_with_state") "(" VECTOR(
            FOUR, BYTE("\0"), BYTE("\4"), BYTE("\1")) "\x88}}tR")},
        {PROGRAM(NAME("torch.nn.parameter", "Parameter")
                     VECTOR(FOUR, BYTE("\0"), BYTE("\4"), BYTE("\1")) "\x88\x86\x81")},
        {PROGRAM(NAME("torch._tensor", "_rebuild_from_type_v2") "(" NAME("torch._utils",
                                                                         "_rebuild_tensor_v2")
                     NAME("torch.nn.parameter", "Parameter") "(" FOUR
                                                             "K\0K\4\x85K\1\x85\x89}t}tR")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        expect_one_tensor(&r, 1, (int64_t[]){4}, (int64_t[]){1}, 0);
        release(&r);
    }
}

static void test_typed_tensors(void **state)
{
    static const struct {
        const char *program;
        size_t size;
        const char *type;
    } cases[] = {{PROGRAM(TYPED(NAME("torch", "float64"), "K\1")), "F64"},
                 {PROGRAM(TYPED(NAME("torch", "float8_e4m3fn"), "K\1")), "F8_E4M3"},
                 {PROGRAM(TYPED(NAME("torch", "float8_e5m2"), "K\1")), "F8_E5M2"},
                 {PROGRAM(TYPED(NAME("torch", "bfloat16"), "K\1")), "BF16"},
                 {PROGRAM(VECTOR(FOUR, BYTE("\0"), BYTE("\1"), BYTE("\1"))), "F32"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        expect_one_tensor(&r, 1, (int64_t[]){1}, (int64_t[]){1}, 0);
        assert_string_equal(r.objects.tensors[0].type->name, cases[i].type);
        release(&r);
    }
}

static void test_storages(void **state)
{
    static const struct {
        const char *program;
        size_t size;
        const char *type;
    } cases[] = {
        {PROGRAM(STORAGE("FloatStorage", BYTE("\x09"))), "F32"},
        {PROGRAM(STORAGE("HalfStorage", BYTE("\x09"))), "F16"},
        {PROGRAM(STORAGE("BFloat16Storage", BYTE("\x09"))), "BF16"},
        {PROGRAM(STORAGE("DoubleStorage", BYTE("\x09"))), "F64"},
        {PROGRAM(STORAGE("LongStorage", BYTE("\x09"))), "I64"},
        {PROGRAM(STORAGE("IntStorage", BYTE("\x09"))), "I32"},
        {PROGRAM(STORAGE("ShortStorage", BYTE("\x09"))), "I16"},
        {PROGRAM(STORAGE("CharStorage", BYTE("\x09"))), "I8"},
        {PROGRAM(STORAGE("ByteStorage", BYTE("\x09"))), "U8"},
        {PROGRAM(STORAGE("BoolStorage", BYTE("\x09"))), "BOOL"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        assert_int_equal(de_pickle_result(r.pickle)->kind, DE_PICKLE_STORAGE);
        assert_int_equal(r.objects.storage_count, 1);
        const de_torch_storage *storage = &r.objects.storages[0];
        assert_string_equal(storage->type->name, cases[i].type);
        assert_int_equal(storage->key_length, 1);
        assert_memory_equal(storage->key, "0", 1);
        assert_int_equal(storage->count, 9);
        assert_null(storage->data);
        release(&r);
    }
}

/* What stands beside the weights in published checkpoints is made, and never looked at. */
static void test_what_stands_beside(void **state)
{
    static const struct {
        const char *program;
        size_t size;
    } cases[] = {
        {PROGRAM(NAME("collections", "defaultdict") NAME("builtins", "dict") "\x85R")},
        {PROGRAM(NAME("numpy.core.multiarray",
                      "scalar") "(" NAME("numpy", "dtype") "(U\002f8\x89\x88tRC\01001234567tR")},
        {PROGRAM(NAME("omegaconf.dictconfig", "DictConfig") ")\x81}U\001aK\1sb")},
        {PROGRAM(NAME("argparse", "Namespace") ")R")},
        {PROGRAM(NAME("torch.torch_version", "TorchVersion") "U\0032.4\x85\x81")},
        {PROGRAM(NAME("torch.nn.parameter", "Parameter") ")\x81")},
        {PROGRAM(NAME("torch.serialization", "_get_layout") "U\x07strided\x85R")},
        {PROGRAM(NAME("numpy.core.multiarray",
                      "scalar") "(" NAME("numpy.dtypes", "Float64DType") ")RC\01001234567tR")},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        running r = run(cases[i].program, cases[i].size);
        assert_int_equal(de_pickle_result(r.pickle)->kind, DE_PICKLE_OPAQUE);
        assert_int_equal(r.objects.tensor_count, 0);
        release(&r);
    }
}

static void test_an_ordered_dict(void **state)
{
    (void)state;
    running r = run(PROGRAM(NAME("collections", "OrderedDict") ")R(U\x01wK\x05u}b"));
    const de_pickle_value *dict = de_pickle_result(r.pickle);
    assert_int_equal(dict->kind, DE_PICKLE_DICT);
    const de_pickle_pair *pair = de_pickle_next(r.pickle, dict, NULL);
    assert_true(de_pickle_is_text(&pair->key, "w"));
    assert_int_equal(pair->value.integer, 5);
    assert_null(de_pickle_next(r.pickle, dict, pair));
    release(&r);
}

/* ---- bad ones ---- */

#define SIZES(size, stride) VECTOR(FOUR, BYTE("\0"), size, stride)
#define NOT_A_STORAGE "expected a storage (type, key, location, number of values)"
#define NO_TENSOR "a tensor needs a storage, an offset, sizes and as many strides"
#define BEYOND "a tensor extends beyond its storage of 4 values"
#define BAD_SIZE "a tensor's size or stride is negative or not an integer"
#define NOT_ALLOWED(name) \
    "`" name "` is not allowed in a file of tensors; nothing was run; convert it to safetensors " \
    "on a machine that trusts the file"
#define NO_TYPE "a tensor of this kind needs a storage of bytes, and a type"

static const struct {
    const char *program;
    size_t size;
    const char *sentence;
} REFUSED[] = {
    /* names: nothing is looked up, and none is called */
    {PROGRAM(NAME("os", "system") "(U\x09touch runtR"), NOT_ALLOWED("os.system")},
    {PROGRAM(NAME("posix", "system")), NOT_ALLOWED("posix.system")},
    {PROGRAM(NAME("builtins", "eval")), NOT_ALLOWED("builtins.eval")},
    {PROGRAM(NAME("builtins", "getattr")), NOT_ALLOWED("builtins.getattr")},
    {PROGRAM(NAME("subprocess", "Popen")), NOT_ALLOWED("subprocess.Popen")},
    {PROGRAM("U\x02osU\x06system\x93"), NOT_ALLOWED("os.system")},
    {PROGRAM(NAME("torch", "FloatStorage2")), NOT_ALLOWED("torch.FloatStorage2")},
    {PROGRAM(NAME("torch", "Float")), NOT_ALLOWED("torch.Float")},
    {PROGRAM(NAME("torch._utils.os", "system")), NOT_ALLOWED("torch._utils.os.system")},
    {PROGRAM(NAME("torch", "_utils._rebuild_tensor_v2")),
     NOT_ALLOWED("torch._utils._rebuild_tensor_v2")}, /* by another way */
    {PROGRAM(NAME("torch._utils", "_rebuild_tensor_v4")),
     NOT_ALLOWED("torch._utils._rebuild_tensor_v4")},
    {PROGRAM(NAME("torch", "QUInt8Storage")), NOT_ALLOWED("torch.QUInt8Storage")},
    {PROGRAM(NAME("__main__", "Model") ")\x81"), NOT_ALLOWED("__main__.Model")},
    {PROGRAM(NAME("", "")), NOT_ALLOWED(".")},
    {PROGRAM(NAME("\x1b[31mos", "sys\ttem")), NOT_ALLOWED("?[31mos.sys?tem")},
    {PROGRAM(NAME("o\0s", "system")), NOT_ALLOWED("o.system")},
    {PROGRAM(NAME("torch", "FloatStorage") "K\4\x85R"),
     "a storage inside the pickle is not supported"},
    {PROGRAM(NAME("collections", "OrderedDict") "]\x85R"),
     "an OrderedDict made from a list (Python 2) is not supported"},
    /* storages */
    {PROGRAM("}Q"), NOT_A_STORAGE},
    {PROGRAM("U\x07storageQ"), NOT_A_STORAGE},
    {PROGRAM(")Q"), NOT_A_STORAGE},
    {PROGRAM("(U\x06module" NAME("torch", "FloatStorage") "U\0010NK\4tQ"), NOT_A_STORAGE},
    {PROGRAM("(U\x07storage" NAME("numpy", "dtype") "U\0010NK\4tQ"), NOT_A_STORAGE},
    {PROGRAM("(U\x07storageU\014FloatStorageU\0010NK\4tQ"), NOT_A_STORAGE},
    {PROGRAM("(U\x07storage" NAME("torch", "FloatStorage") "K\0NK\4tQ"), NOT_A_STORAGE},
    {PROGRAM("(U\x07storage" NAME("torch", "FloatStorage") "U\0010NtQ"), NOT_A_STORAGE},
    {PROGRAM(STORAGE("FloatStorage", MINUS_ONE)), NOT_A_STORAGE},
    {PROGRAM(STORAGE("FloatStorage", "N")), NOT_A_STORAGE},
    {PROGRAM("(U\x07storage" NAME("torch", "FloatStorage") "U\0010NK\4U\x01vtQ"),
     "a storage that is a view of another is not supported"},
    /* tensors */
    {PROGRAM(NAME("torch._utils", "_rebuild_tensor_v2") ")R"), NO_TENSOR},
    {PROGRAM(VECTOR("K\0", BYTE("\0"), BYTE("\4"), BYTE("\1"))), NO_TENSOR},
    {PROGRAM(VECTOR(FOUR, "N", BYTE("\4"), BYTE("\1"))), NO_TENSOR},
    {PROGRAM(VECTOR(FOUR, MINUS_ONE, BYTE("\1"), BYTE("\1"))), NO_TENSOR},
    {PROGRAM(TENSOR(FOUR, BYTE("\0"), BYTE("\4") "\x85", ")")), NO_TENSOR},
    {PROGRAM(TENSOR(FOUR, BYTE("\0"), BYTE("\4"), BYTE("\1"))), NO_TENSOR},
    {PROGRAM(TENSOR(FOUR, BYTE("\0"), "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t",
                    "(K\1K\1K\1K\1K\1K\1K\1K\1K\1t")),
     "a tensor of 9 dimensions; at most 8 are supported"},
    {PROGRAM(SIZES(MINUS_ONE, BYTE("\1"))), BAD_SIZE},
    {PROGRAM(SIZES("N", BYTE("\1"))), BAD_SIZE},
    {PROGRAM(SIZES(BYTE("\2"), MINUS_ONE)), BAD_SIZE},
    {PROGRAM(SIZES(BYTE("\5"), BYTE("\1"))), "a tensor of 5 values in a storage of 4"},
    {PROGRAM(SIZES(LARGE_NUMBER, BYTE("\0"))),
     "a tensor of 1099511627776 values in a storage of 4"},
    {PROGRAM(
         TENSOR(FOUR, BYTE("\0"), LARGE_NUMBER LARGE_NUMBER "\x86", BYTE("\0") BYTE("\0") "\x86")),
     "the product of a tensor's sizes overflows"},
    {PROGRAM(VECTOR(FOUR, BYTE("\4"), BYTE("\1"), BYTE("\1"))), BEYOND},
    {PROGRAM(VECTOR(FOUR, BYTE("\5"), BYTE("\0"), BYTE("\1"))), BEYOND},
    {PROGRAM(VECTOR(FOUR, BYTE("\2"), BYTE("\3"), BYTE("\1"))), BEYOND},
    {PROGRAM(VECTOR(FOUR, HUGE_NUMBER, BYTE("\1"), BYTE("\1"))), BEYOND},
    {PROGRAM(SIZES(BYTE("\2"), BYTE("\4"))), BEYOND},
    {PROGRAM(SIZES(BYTE("\2"), HUGE_NUMBER)), BEYOND},
    {PROGRAM(SIZES(BYTE("\4"), HUGE_NUMBER)), BEYOND}, /* the product overflows */
    {PROGRAM(TENSOR(FOUR, BYTE("\0"), BYTE("\2") BYTE("\2") "\x86", BYTE("\3") BYTE("\1") "\x86")),
     BEYOND},
    {PROGRAM(TENSOR(FOUR, BYTE("\0"), BYTE("\2") BYTE("\2") "\x86",
                    HUGE_NUMBER HUGE_NUMBER "\x86")), /* the sum overflows */
     BEYOND},
    {PROGRAM(TYPED("U\003F64", "K\1")), NO_TYPE},
    {PROGRAM(TYPED(NAME("torch", "FloatStorage"), "K\1")), NO_TYPE},
    {PROGRAM(TYPED(NAME("torch", "float64"), "K\2")), "a tensor of 2 values in a storage of 1"},
    {PROGRAM(NAME("torch._utils", "_rebuild_tensor_v3") "(" FOUR "K\0K\1\x85K\1\x85\x89}" NAME(
         "torch", "float64") "tR"),
     NO_TYPE},
    {PROGRAM(NAME("torch._tensor", "_rebuild_from_type_v2") ")R"),
     "a tensor of a class of its own needs what makes it"},
    {PROGRAM(NAME("torch._tensor", "_rebuild_from_type_v2") "(" NAME(
         "torch._tensor", "_rebuild_from_type_v2") "N)}tR"),
     "a tensor of a class of its own needs what makes it"},
    {PROGRAM(NAME("torch._utils", "_rebuild_parameter") "K\1\x85R"), "a parameter needs a tensor"},
    {PROGRAM(NAME("torch._utils", "_rebuild_parameter") ")R"), "a parameter needs a tensor"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++)
        expect_refused(REFUSED[i].program, REFUSED[i].size, REFUSED[i].sentence);
}

/* Long names are shown by their beginning. */
static void test_a_long_name(void **state)
{
    char program[3 + 2 * 300], sentence[400];
    (void)state;
    memset(program, 'a', sizeof program);
    program[0] = 'c';
    program[1 + 300] = program[2 + 2 * 300] = '\n';
    snprintf(sentence, sizeof sentence, NOT_ALLOWED("%.100s.%.100s"), program + 1, program + 1);
    expect_refused(program, sizeof program, sentence);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tensors),
                                       cmocka_unit_test(test_other_makers),
                                       cmocka_unit_test(test_typed_tensors),
                                       cmocka_unit_test(test_storages),
                                       cmocka_unit_test(test_what_stands_beside),
                                       cmocka_unit_test(test_an_ordered_dict),
                                       cmocka_unit_test(test_refused),
                                       cmocka_unit_test(test_a_long_name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
