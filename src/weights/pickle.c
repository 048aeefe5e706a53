#include "weights/pickle.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most items of each array below. Stable Diffusion 1.4 with the states of its optimizer needs a
 * tenth of it. */
enum { MOST_ITEMS = 1 << 20, MOST_MARKS = 1000, MOST_PROTOCOL = 5 };

typedef struct container {
    uint32_t first, last; /* pairs; 0: none */
} container;

struct de_pickle {
    const char *path;
    const unsigned char *bytes, *at, *end;
    const de_pickle_meaning *meaning;
    void *user;
    diffedit_error *error;
    diffedit_status status;

    de_pickle_value *stack, *memo, *items; /* `items` of all tuples */
    de_pickle_pair *pairs;                 /* of all dicts and lists; 0 is none */
    container *containers;
    size_t stack_capacity, memo_capacity, item_capacity, pair_capacity, container_capacity;
    size_t height, memo_count, item_count, pair_count, container_count;
    size_t marks[MOST_MARKS]; /* heights of the stack */
    int mark_count;
    bool stopped;
};

bool de_pickle_fail(de_pickle *p, const char *format, ...)
{
    char what[400];
    if (p->status != DIFFEDIT_OK)
        return false;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    p->status = de_fail(p->error, DIFFEDIT_ERROR_MODEL, "%s: byte %zu of the pickle: %s", p->path,
                        (size_t)(p->at - p->bytes), what);
    return false;
}

/* so that a compiler sees the value as well */
#define FAIL(...) (de_pickle_fail(p, __VA_ARGS__), false)

/* ---- arrays that grow with what was read, never by a number that was read ---- */

bool de_pickle_grow(de_pickle *p, void **array, size_t *capacity, size_t count, size_t item)
{
    if (count <= *capacity)
        return true;
    if (count > MOST_ITEMS)
        return FAIL("more than %d values of one kind", MOST_ITEMS);
    size_t larger = 2 * *capacity + 64 > count ? 2 * *capacity + 64 : count;
    larger = larger < MOST_ITEMS ? larger : MOST_ITEMS;
    void *grown = realloc(*array, larger * item);
    if (!grown) {
        p->status = de_fail_memory(p->error, larger * item, "a pickle");
        return false;
    }
    *array = grown;
    *capacity = larger;
    return true;
}

static bool push(de_pickle *p, de_pickle_value value)
{
    if (!de_pickle_grow(p, (void **)&p->stack, &p->stack_capacity, p->height + 1, sizeof *p->stack))
        return false;
    p->stack[p->height++] = value;
    return true;
}

/* How many values stand above the last mark: none may be taken from below it. */
static size_t available(const de_pickle *p)
{
    return p->height - (p->mark_count ? p->marks[p->mark_count - 1] : 0);
}

static bool need(de_pickle *p, size_t count)
{
    return available(p) >= count || FAIL("stack underflow");
}

static de_pickle_value pop(de_pickle *p)
{
    return p->stack[--p->height];
}

/* Takes the last mark away; *count values stood above it. */
static bool pop_mark(de_pickle *p, size_t *count)
{
    if (p->mark_count == 0)
        return FAIL("no mark on the stack");
    *count = available(p);
    p->mark_count--;
    return true;
}

static bool make_container(de_pickle *p, de_pickle_kind kind, de_pickle_value *made)
{
    if (!de_pickle_grow(p, (void **)&p->containers, &p->container_capacity, p->container_count + 1,
                        sizeof *p->containers))
        return false;
    p->containers[p->container_count] = (container){0};
    *made = (de_pickle_value){.kind = kind, .index = (uint32_t)p->container_count++};
    return true;
}

bool de_pickle_new_dict(de_pickle *p, de_pickle_value *dict)
{
    return make_container(p, DE_PICKLE_DICT, dict);
}

static bool add_pair(de_pickle *p, const de_pickle_value *to, de_pickle_value key,
                     de_pickle_value value)
{
    size_t number = p->pair_count ? p->pair_count : 1;
    if (!de_pickle_grow(p, (void **)&p->pairs, &p->pair_capacity, number + 1, sizeof *p->pairs))
        return false;
    container *into = &p->containers[to->index];
    p->pairs[number] = (de_pickle_pair){.key = key, .value = value};
    if (into->last)
        p->pairs[into->last].next = (uint32_t)number;
    else
        into->first = (uint32_t)number;
    into->last = (uint32_t)number;
    p->pair_count = number + 1;
    return true;
}

/* The last `count` values of the stack become a tuple. */
static bool make_tuple(de_pickle *p, size_t count)
{
    if (!need(p, count) || !de_pickle_grow(p, (void **)&p->items, &p->item_capacity,
                                           p->item_count + count, sizeof *p->items))
        return false;
    de_pickle_value tuple = {
        .kind = DE_PICKLE_TUPLE, .length = (uint32_t)count, .index = (uint32_t)p->item_count};
    p->height -= count;
    if (count)
        memcpy(p->items + p->item_count, p->stack + p->height, count * sizeof *p->items);
    p->item_count += count;
    return push(p, tuple);
}

/* ---- reading the program ---- */

static bool take(de_pickle *p, size_t count, const unsigned char **bytes)
{
    if (count > (size_t)(p->end - p->at))
        return FAIL("it is truncated");
    *bytes = p->at;
    p->at += count;
    return true;
}

/* `size` bytes, little-endian, at most 8 */
static bool take_number(de_pickle *p, size_t size, uint64_t *value)
{
    const unsigned char *bytes;
    if (!take(p, size, &bytes))
        return false;
    *value = 0;
    for (size_t i = size; i-- > 0;)
        *value = *value << 8 | bytes[i];
    return true;
}

static bool push_text(de_pickle *p, size_t size_bytes)
{
    uint64_t length;
    const unsigned char *text;
    return take_number(p, size_bytes, &length) && take(p, (size_t)length, &text) &&
           push(p, (de_pickle_value){.kind = DE_PICKLE_TEXT,
                                     .length = (uint32_t)length,
                                     .text = (const char *)text});
}

/* A line of text, without its end. */
static bool take_line(de_pickle *p, de_pickle_value *text)
{
    const unsigned char *stop = memchr(p->at, '\n', (size_t)(p->end - p->at));
    if (!stop || stop - p->at > 400)
        return FAIL("unterminated name");
    *text = (de_pickle_value){
        .kind = DE_PICKLE_TEXT, .length = (uint32_t)(stop - p->at), .text = (const char *)p->at};
    p->at = stop + 1;
    return true;
}

/* ---- the instructions; `argument` is what tells those apart that share a function ---- */

typedef bool (*instruction)(de_pickle *p, int argument);

static bool run_protocol(de_pickle *p, int argument)
{
    uint64_t version;
    (void)argument;
    return take_number(p, 1, &version) &&
           (version <= MOST_PROTOCOL ||
            FAIL("unsupported protocol %d; expected at most %d", (int)version, MOST_PROTOCOL));
}

static bool run_frame(de_pickle *p, int argument)
{
    uint64_t length;
    (void)argument;
    return take_number(p, 8, &length) &&
           (length <= (size_t)(p->end - p->at) || FAIL("it is truncated"));
}

static bool run_stop(de_pickle *p, int argument)
{
    (void)argument;
    p->stopped = true;
    if (p->mark_count > 0)
        return FAIL("a mark is left on the stack at its end");
    return p->height == 1 || FAIL("expected one value at its end, found %zu", p->height);
}

static bool run_opaque(de_pickle *p, int size)
{
    const unsigned char *bytes;
    return take(p, (size_t)size, &bytes) && push(p, (de_pickle_value){.kind = DE_PICKLE_OPAQUE});
}

static bool run_constant(de_pickle *p, int value)
{
    return push(p, (de_pickle_value){.kind = DE_PICKLE_INTEGER, .integer = value});
}

static bool run_integer(de_pickle *p, int size)
{
    uint64_t value;
    if (!take_number(p, (size_t)size, &value))
        return false;
    return push(
        p, (de_pickle_value){.kind = DE_PICKLE_INTEGER,
                             .integer = size == 4 ? (int32_t)(uint32_t)value : (int64_t)value});
}

/* Its length, then two's complement; what does not fit 64 bits is nothing that we need. */
static bool run_long(de_pickle *p, int argument)
{
    uint64_t size, value;
    (void)argument;
    if (!take_number(p, 1, &size))
        return false;
    if (size > 8)
        return run_opaque(p, (int)size);
    if (!take_number(p, (size_t)size, &value))
        return false;
    bool negative = size > 0 && size < 8 && value >> (8 * size - 1);
    if (negative)
        value |= ~(uint64_t)0 << (8 * size);
    return push(p, (de_pickle_value){.kind = DE_PICKLE_INTEGER, .integer = (int64_t)value});
}

static bool run_text(de_pickle *p, int size_bytes)
{
    return push_text(p, (size_t)size_bytes);
}

static bool run_mark(de_pickle *p, int argument)
{
    (void)argument;
    if (p->mark_count == MOST_MARKS)
        return FAIL("values nested deeper than %d", MOST_MARKS);
    p->marks[p->mark_count++] = p->height;
    return true;
}

static bool run_tuple(de_pickle *p, int count)
{
    return make_tuple(p, (size_t)count);
}

static bool run_marked_tuple(de_pickle *p, int argument)
{
    size_t count;
    (void)argument;
    return pop_mark(p, &count) && make_tuple(p, count);
}

static bool run_container(de_pickle *p, int kind)
{
    de_pickle_value made;
    return make_container(p, (de_pickle_kind)kind, &made) && push(p, made);
}

/* Adds the last `count` values to the container below them: one by one, or (`step` 2) as keys and
 * values. */
static bool add_to(de_pickle *p, size_t count, size_t step)
{
    if (!need(p, count + 1))
        return false;
    const de_pickle_value *values = p->stack + p->height - count, *to = values - 1;
    bool fits = to->kind == (step == 2 ? DE_PICKLE_DICT : DE_PICKLE_LIST);
    if (count % step || (!fits && to->kind != DE_PICKLE_OPAQUE))
        return FAIL("cannot add to a value that is not a list or dict");
    for (size_t i = 0; i < count && fits; i += step)
        if (!add_pair(p, to, step == 2 ? values[i] : (de_pickle_value){0}, values[i + step - 1]))
            return false;
    p->height -= count;
    return true;
}

static bool run_add(de_pickle *p, int step)
{
    return add_to(p, (size_t)step, (size_t)step);
}

static bool run_marked_add(de_pickle *p, int step)
{
    size_t count;
    return pop_mark(p, &count) && add_to(p, count, (size_t)step);
}

/* ---- the memo: what is used again ---- */

static bool remember(de_pickle *p, uint64_t number)
{
    /* writers number memo entries in sequence, so an index is less than the bytes read so far */
    if (!need(p, 1) || number >= (uint64_t)(p->at - p->bytes))
        return FAIL("memo index %ju is out of range", (uintmax_t)number);
    if (number >= p->memo_count) {
        if (!de_pickle_grow(p, (void **)&p->memo, &p->memo_capacity, (size_t)number + 1,
                            sizeof *p->memo))
            return false;
        while (p->memo_count <= number)
            p->memo[p->memo_count++] = (de_pickle_value){.kind = DE_PICKLE_OPAQUE};
    }
    p->memo[number] = p->stack[p->height - 1];
    return true;
}

static bool run_put(de_pickle *p, int size)
{
    uint64_t number;
    return take_number(p, (size_t)size, &number) && remember(p, number);
}

static bool run_memoize(de_pickle *p, int argument)
{
    (void)argument;
    return remember(p, p->memo_count);
}

static bool run_get(de_pickle *p, int size)
{
    uint64_t number;
    if (!take_number(p, (size_t)size, &number))
        return false;
    if (number >= p->memo_count)
        return FAIL("memo index %ju is not set", (uintmax_t)number);
    return push(p, p->memo[number]);
}

/* ---- names, calls, and what stands outside: the caller's matter ---- */

static bool push_name(de_pickle *p, const de_pickle_value *module, const de_pickle_value *name)
{
    uint32_t index;
    return p->meaning->name(p->user, p, module, name, &index) &&
           push(p, (de_pickle_value){.kind = DE_PICKLE_NAME, .index = index});
}

static bool run_name(de_pickle *p, int argument)
{
    de_pickle_value module, name;
    (void)argument;
    return take_line(p, &module) && take_line(p, &name) && push_name(p, &module, &name);
}

static bool run_stacked_name(de_pickle *p, int argument)
{
    (void)argument;
    if (!need(p, 2))
        return false;
    de_pickle_value name = pop(p), module = pop(p);
    if (name.kind != DE_PICKLE_TEXT || module.kind != DE_PICKLE_TEXT)
        return FAIL("a name that is not a string");
    return push_name(p, &module, &name);
}

static bool run_call(de_pickle *p, int argument)
{
    (void)argument;
    if (!need(p, 2))
        return false;
    de_pickle_value arguments = pop(p), name = pop(p), result = {.kind = DE_PICKLE_OPAQUE};
    if (name.kind != DE_PICKLE_NAME || arguments.kind != DE_PICKLE_TUPLE)
        return FAIL("expected a name and a tuple of arguments to call");
    return p->meaning->call(p->user, p, name.index, &arguments, &result) && push(p, result);
}

/* An object's attributes: nothing that is read here has any. */
static bool run_attributes(de_pickle *p, int argument)
{
    (void)argument;
    if (!need(p, 2))
        return false;
    pop(p);
    return true;
}

static bool run_outside(de_pickle *p, int argument)
{
    (void)argument;
    if (!need(p, 1))
        return false;
    de_pickle_value identity = pop(p), result = {.kind = DE_PICKLE_OPAQUE};
    return p->meaning->outside(p->user, p, &identity, &result) && push(p, result);
}

/* What torch.save() writes, in its protocol 2 and up to 4. */
static const struct {
    instruction run;
    int argument;
} INSTRUCTIONS[256] = {
    [0x80] = {run_protocol, 0},
    [0x95] = {run_frame, 0},
    ['.'] = {run_stop, 0},
    ['N'] = {run_opaque, 0},
    ['G'] = {run_opaque, 8},
    [0x88] = {run_constant, 1},
    [0x89] = {run_constant, 0},
    ['K'] = {run_integer, 1},
    ['M'] = {run_integer, 2},
    ['J'] = {run_integer, 4},
    [0x8a] = {run_long, 0},
    ['X'] = {run_text, 4},
    [0x8c] = {run_text, 1},
    ['U'] = {run_text, 1}, /* texts and bytes of Python 2, and of protocol 3 */
    ['T'] = {run_text, 4},
    ['C'] = {run_text, 1},
    ['B'] = {run_text, 4},
    ['('] = {run_mark, 0},
    [')'] = {run_tuple, 0},
    [0x85] = {run_tuple, 1},
    [0x86] = {run_tuple, 2},
    [0x87] = {run_tuple, 3},
    ['t'] = {run_marked_tuple, 0},
    [']'] = {run_container, DE_PICKLE_LIST},
    ['}'] = {run_container, DE_PICKLE_DICT},
    ['a'] = {run_add, 1},
    ['s'] = {run_add, 2},
    ['e'] = {run_marked_add, 1},
    [0x8f] = {run_container, DE_PICKLE_LIST}, /* a set */
    [0x90] = {run_marked_add, 1},
    ['u'] = {run_marked_add, 2},
    ['q'] = {run_put, 1},
    ['r'] = {run_put, 4},
    [0x94] = {run_memoize, 0},
    ['h'] = {run_get, 1},
    ['j'] = {run_get, 4},
    ['c'] = {run_name, 0},
    [0x93] = {run_stacked_name, 0},
    ['R'] = {run_call, 0},
    [0x81] = {run_call, 0},
    ['b'] = {run_attributes, 0},
    ['Q'] = {run_outside, 0},
};

/* ---- from outside ---- */

diffedit_status de_pickle_run(de_pickle **pickle, const char *path, const unsigned char *bytes,
                              size_t size, size_t *at, const de_pickle_meaning *meaning, void *user,
                              diffedit_error *error)
{
    *pickle = NULL;
    de_pickle *p = calloc(1, sizeof *p);
    if (!p)
        return de_fail_memory(error, sizeof *p, "a pickle");
    p->path = path;
    p->bytes = bytes;
    p->at = bytes + *at;
    p->end = bytes + size;
    p->meaning = meaning;
    p->user = user;
    p->error = error;
    while (!p->stopped && p->status == DIFFEDIT_OK) {
        const unsigned char *code;
        if (!take(p, 1, &code))
            break;
        if (!INSTRUCTIONS[*code].run)
            de_pickle_fail(p, "unsupported opcode 0x%02x", *code);
        else
            INSTRUCTIONS[*code].run(p, INSTRUCTIONS[*code].argument);
    }
    *at = (size_t)(p->at - bytes);
    if (p->status != DIFFEDIT_OK) {
        diffedit_status status = p->status;
        de_pickle_free(p);
        return status;
    }
    *pickle = p;
    return DIFFEDIT_OK;
}

void de_pickle_free(de_pickle *p)
{
    if (!p)
        return;
    free(p->stack);
    free(p->memo);
    free(p->items);
    free(p->pairs);
    free(p->containers);
    free(p);
}

const de_pickle_value *de_pickle_result(const de_pickle *p)
{
    return &p->stack[0];
}

const de_pickle_value *de_pickle_item(const de_pickle *p, const de_pickle_value *tuple,
                                      uint32_t number, de_pickle_kind kind)
{
    if (tuple->kind != DE_PICKLE_TUPLE || number >= tuple->length)
        return NULL;
    const de_pickle_value *item = &p->items[tuple->index + number];
    return item->kind == kind ? item : NULL;
}

const de_pickle_pair *de_pickle_next(const de_pickle *p, const de_pickle_value *container_value,
                                     const de_pickle_pair *pair)
{
    uint32_t number = pair ? pair->next : p->containers[container_value->index].first;
    return number ? &p->pairs[number] : NULL;
}

bool de_pickle_is_text(const de_pickle_value *value, const char *text)
{
    return value->kind == DE_PICKLE_TEXT && value->length == strlen(text) &&
           memcmp(value->text, text, value->length) == 0;
}
