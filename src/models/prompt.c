#include "models/prompt.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum {
    MOST_DEPTH = 64, /* of brackets of one kind */
    MOST_SHOWN = 60  /* bytes of a text in a message */
};
static const double ROUND = 1.1, SQUARE = 1 / 1.1;
static const double MOST_WEIGHT = 10, MOST_PRODUCT = 100; /* either sign */

/* A piece on the way: a range of the buffer, or BREAK. */
typedef struct range {
    size_t begin, end;
    double weight;
    bool is_break;
} range;

typedef struct bracket {
    size_t first; /* range inside it */
    size_t at;    /* where it stands in the text */
    bool has_bar; /* a | stands directly inside */
} bracket;

typedef struct brackets {
    bracket open[MOST_DEPTH];
    int depth;
} brackets;

typedef struct parsing {
    de_prompt *prompt;
    const char *name, *text;
    diffedit_error *error;
    char *buffer;  /* [length + 1] */
    range *ranges; /* [length + 1]: each stands for at least a byte of the text */
    size_t length, count;
    brackets round, square;
    bool escaped; /* a single backslash came just before */
} parsing;

/* ---- messages ---- */

/* The bytes of a text that a message shows, cut before a character that does not fit. */
static int shown(const char *text, size_t length)
{
    if (length <= MOST_SHOWN)
        return (int)length;
    length = MOST_SHOWN;
    while (length && ((unsigned char)text[length] & 0xc0) == 0x80)
        length--;
    return (int)length;
}

static diffedit_status fail_at(const parsing *parse, size_t begin, size_t end, const char *what)
{
    return de_fail(parse->error, DIFFEDIT_ERROR_ARGUMENT, "`%s`: \"%.*s\": %s", parse->name,
                   shown(parse->text + begin, end - begin), parse->text + begin, what);
}

/* ---- what is not supported, or no ordinary punctuation ---- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t skip_spaces(const char *text, size_t at)
{
    while (is_space(text[at]))
        at++;
    return at;
}

static bool is_word_codepoint(int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return c == '_' || (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
           (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

/* Whether a letter, a digit or _ begins at text[at]; what is not UTF-8 is none of them. */
static bool is_word_at(const char *text, size_t length, size_t at)
{
    int32_t c;
    size_t left = length - at;
    return left && utf8proc_iterate((const uint8_t *)text + at, (utf8proc_ssize_t)left, &c) > 0 &&
           is_word_codepoint(c);
}

static bool is_word_before(const char *text, size_t length, size_t at)
{
    size_t begin = at;
    while (begin && at - begin < 4) {
        begin--;
        if (((unsigned char)text[begin] & 0xc0) != 0x80)
            return is_word_at(text, length, begin);
    }
    return false;
}

/* Where `word` stands for itself in text[at..end); `end`: nowhere. */
static size_t find_word(const char *text, size_t at, size_t end, const char *word)
{
    size_t size = strlen(word);
    for (; at + size <= end; at++)
        if (memcmp(text + at, word, size) == 0 && !is_word_before(text, end, at) &&
            !is_word_at(text, end, at + size))
            return at;
    return end;
}

/* The end of <word:anything> at text[at], which is <; 0: something else. */
static size_t network_end(const char *text, size_t at)
{
    size_t name = at + 1, colon = name;
    while (text[colon] == '_' || (text[colon] & 0x80) ||
           (text[colon] >= '0' && text[colon] <= '9') ||
           (text[colon] >= 'a' && text[colon] <= 'z') || (text[colon] >= 'A' && text[colon] <= 'Z'))
        colon++;
    if (colon == name || text[colon] != ':')
        return 0;
    size_t end = colon + 1 + strcspn(text + colon + 1, ">");
    return text[end] && end > colon + 1 ? end + 1 : 0;
}

static diffedit_status check_supported(const parsing *parse)
{
    for (const char *at = strchr(parse->text, '<'); at; at = strchr(at + 1, '<')) {
        size_t begin = (size_t)(at - parse->text), end = network_end(parse->text, begin);
        if (end)
            return fail_at(parse, begin, end,
                           "networks are added by `settings.lora`, not by a text");
    }
    size_t joined = find_word(parse->text, 0, parse->length, "AND");
    if (joined < parse->length)
        return fail_at(
            parse, joined, joined + 3,
            "joining prompts is not supported; the word itself is written in lower case");
    return DIFFEDIT_OK;
}

static void mark(const parsing *parse, size_t begin, size_t end)
{
    if (parse->prompt->marked)
        return;
    parse->prompt->marked = parse->text + begin;
    parse->prompt->marked_length = (size_t)shown(parse->text + begin, end - begin);
}

/* ---- numbers ---- */

/* The end of [+-]?[.0-9]+ with spaces around it at text[at]; 0: there is none. */
static size_t number_end(const char *text, size_t at)
{
    at = skip_spaces(text, at);
    at += text[at] == '+' || text[at] == '-';
    size_t size = strspn(text + at, ".0123456789");
    return size ? skip_spaces(text, at + size) : 0;
}

/* Reads what number_end() found, in no locale; digits after the 15th do not count. NaN: it is no
 * number. */
static double read_number(const char *text, size_t at)
{
    at = skip_spaces(text, at);
    bool negative = text[at] == '-';
    at += text[at] == '+' || text[at] == '-';
    double digits = 0, divisor = 1;
    int points = 0, seen = 0;
    for (; text[at] == '.' || (text[at] >= '0' && text[at] <= '9'); at++) {
        if (text[at] == '.') {
            points++;
            continue;
        }
        seen++;
        if (digits >= 1e14 || divisor >= 1e22) {
            digits = points ? digits : INFINITY;
            continue;
        }
        digits = 10 * digits + (text[at] - '0');
        divisor = points ? 10 * divisor : divisor;
    }
    if (!seen || points > 1)
        return NAN;
    return (negative ? -digits : digits) / divisor;
}

/* ---- the pieces ---- */

static void add_text(parsing *parse, const char *text, size_t length)
{
    size_t begin = parse->count ? parse->ranges[parse->count - 1].end : 0;
    memcpy(parse->buffer + begin, text, length);
    parse->ranges[parse->count++] = (range){begin, begin + length, 1, false};
}

static void add_break(parsing *parse)
{
    size_t end = parse->ranges[parse->count - 1].end;
    parse->ranges[parse->count++] = (range){end, end, 1, true};
}

/* text[begin..end), in which BREAK may stand. */
static void add_words(parsing *parse, size_t begin, size_t end)
{
    for (;;) {
        size_t at = find_word(parse->text, begin, end, "BREAK");
        add_text(parse, parse->text + begin, at - begin);
        if (at == end)
            return;
        mark(parse, at, at + 5);
        add_break(parse);
        begin = at + 5;
    }
}

static diffedit_status open_bracket(const parsing *parse, brackets *kind, size_t at)
{
    if (kind->depth == MOST_DEPTH)
        return de_fail(parse->error, DIFFEDIT_ERROR_ARGUMENT,
                       "`%s`: more than %d brackets inside each other", parse->name, MOST_DEPTH);
    kind->open[kind->depth++] = (bracket){parse->count, at, false};
    return DIFFEDIT_OK;
}

/* Everything since `first` weighs more. */
static void multiply(parsing *parse, size_t first, double factor)
{
    for (size_t i = first; i < parse->count; i++)
        parse->ranges[i].weight *= factor;
}

/* Closes the innermost bracket of a kind with the mark at text[at..end). */
static void close_bracket(parsing *parse, brackets *kind, size_t at, size_t end, double factor)
{
    bracket closed = kind->open[--kind->depth];
    bool doubled = kind->depth && kind->open[kind->depth - 1].at + 1 == closed.at &&
                   parse->text[end] == parse->text[end - 1];
    if (end > at + 1)
        mark(parse, closed.at, end);
    else if (doubled)
        mark(parse, closed.at - 1, end + 1);
    multiply(parse, closed.first, factor);
}

/* :1.3) at text[at], which ends a bracket with a weight. */
static diffedit_status close_weighted(parsing *parse, size_t at, size_t end)
{
    double weight = read_number(parse->text, at + 1);
    size_t begin = parse->round.open[parse->round.depth - 1].at;
    if (!(fabs(weight) <= MOST_WEIGHT))
        return fail_at(parse, end - begin <= MOST_SHOWN ? begin : at, end,
                       "expected a weight from -10 to 10");
    close_bracket(parse, &parse->round, at, end, weight);
    return DIFFEDIT_OK;
}

static diffedit_status close_square(parsing *parse, size_t at)
{
    const bracket *closed = &parse->square.open[parse->square.depth - 1];
    if (closed->has_bar)
        return fail_at(parse, closed->at, at + 1, "alternating words are not supported");
    close_bracket(parse, &parse->square, at, at + 1, SQUARE);
    return DIFFEDIT_OK;
}

/* ---- the text ---- */

static size_t after_backslash(parsing *parse, size_t at)
{
    char next = parse->text[at + 1];
    bool pair = next && strchr("()[]\\", next);
    add_text(parse, parse->text + at + 1, pair);
    parse->escaped = !pair;
    return at + 1 + pair;
}

/* A colon, which may begin a weight, or the number of [a:b:0.5]. */
static diffedit_status read_colon(parsing *parse, size_t *at, bool escaped)
{
    const char *text = parse->text;
    size_t begin = *at, end = number_end(text, begin + 1);
    if (end && text[end] == ']' && parse->square.depth && !escaped &&
        !isnan(read_number(text, begin + 1)))
        return fail_at(parse, parse->square.open[parse->square.depth - 1].at, end + 1,
                       "prompt editing is not supported");
    bool weight = end && text[end] == ')';
    *at = weight ? end + 1 : begin + 1;
    if (weight && parse->round.depth)
        return close_weighted(parse, begin, *at);
    add_text(parse, text + begin, *at - begin);
    return DIFFEDIT_OK;
}

/* What has no meaning of its own, as far as the next mark. */
static size_t read_words(parsing *parse, size_t at, bool escaped)
{
    size_t end = at + strcspn(parse->text + at, "\\()[]:");
    const brackets *round = &parse->round;
    brackets *square = &parse->square;
    if (end == at) { /* a bracket that closes nothing */
        add_text(parse, parse->text + at, 1);
        return at + 1;
    }
    bool innermost = square->depth && (!round->depth || round->open[round->depth - 1].at <
                                                            square->open[square->depth - 1].at);
    if (innermost && memchr(parse->text + at + escaped, '|', end - at - escaped))
        square->open[square->depth - 1].has_bar = true;
    add_words(parse, at, end);
    return end;
}

static diffedit_status read_mark(parsing *parse, size_t *at)
{
    size_t here = *at;
    bool escaped = parse->escaped;
    char mark_here = parse->text[here];
    parse->escaped = false;
    if (mark_here == '\\') {
        *at = after_backslash(parse, here);
        return DIFFEDIT_OK;
    }
    if (mark_here == ':')
        return read_colon(parse, at, escaped);
    *at = here + 1;
    if (mark_here == '(' || mark_here == '[')
        return open_bracket(parse, mark_here == '(' ? &parse->round : &parse->square, here);
    if (mark_here == ']' && parse->square.depth)
        return close_square(parse, here);
    if (mark_here == ')' && parse->round.depth)
        close_bracket(parse, &parse->round, here, *at, ROUND);
    else
        *at = read_words(parse, here, escaped);
    return DIFFEDIT_OK;
}

static diffedit_status read_all(parsing *parse)
{
    diffedit_status status = DIFFEDIT_OK;
    for (size_t at = 0; at < parse->length && status == DIFFEDIT_OK;)
        status = read_mark(parse, &at);
    if (status != DIFFEDIT_OK)
        return status;
    for (int i = 0; i < parse->round.depth; i++) /* unclosed ones close at the end */
        multiply(parse, parse->round.open[i].first, ROUND);
    for (int i = 0; i < parse->square.depth; i++)
        multiply(parse, parse->square.open[i].first, SQUARE);
    for (size_t i = 0; i < parse->count; i++)
        if (!parse->ranges[i].is_break && !(fabs(parse->ranges[i].weight) <= MOST_PRODUCT))
            return de_fail(parse->error, DIFFEDIT_ERROR_ARGUMENT,
                           "`%s`: brackets inside each other make a weight of %.3g; expected -%g "
                           "to %g",
                           parse->name, parse->ranges[i].weight, MOST_PRODUCT, MOST_PRODUCT);
    return DIFFEDIT_OK;
}

/* Neighbours of one weight are one piece: a word is not cut where an escape or a bracket stood. */
static diffedit_status finish(const parsing *parse)
{
    de_prompt *prompt = parse->prompt;
    size_t bytes = parse->length + parse->count + 1, used = 0;
    prompt->pieces = malloc((parse->count + 1) * sizeof *prompt->pieces);
    prompt->buffer = malloc(bytes);
    if (!prompt->pieces || !prompt->buffer)
        return de_fail_memory(parse->error, bytes, "a text");
    for (size_t i = 0; i < parse->count;) {
        const range *first = &parse->ranges[i];
        de_prompt_piece *piece = &prompt->pieces[prompt->count++];
        *piece = (de_prompt_piece){first->is_break ? NULL : prompt->buffer + used, first->weight};
        for (; i < parse->count && (parse->ranges + i == first || !first->is_break) &&
               parse->ranges[i].is_break == first->is_break &&
               parse->ranges[i].weight == first->weight;
             i++) {
            size_t size = parse->ranges[i].end - parse->ranges[i].begin;
            memcpy(prompt->buffer + used, parse->buffer + parse->ranges[i].begin, size);
            used += size;
        }
        prompt->buffer[used++] = '\0';
    }
    return DIFFEDIT_OK;
}

diffedit_status de_prompt_parse(de_prompt *prompt, const char *name, const char *text,
                                diffedit_error *error)
{
    *prompt = (de_prompt){.count = 0};
    size_t length = strlen(text);
    parsing parse = {.prompt = prompt,
                     .name = name,
                     .text = text,
                     .error = error,
                     .length = length,
                     .buffer = malloc(length + 1),
                     .ranges = malloc((length + 1) * sizeof(range))};
    diffedit_status status = parse.buffer && parse.ranges
                                 ? check_supported(&parse)
                                 : de_fail_memory(error, (length + 1) * sizeof(range), "a text");
    if (status == DIFFEDIT_OK)
        status = read_all(&parse);
    if (status == DIFFEDIT_OK)
        status = finish(&parse);
    free(parse.buffer);
    free(parse.ranges);
    if (status != DIFFEDIT_OK)
        de_prompt_free(prompt);
    return status;
}

void de_prompt_free(de_prompt *prompt)
{
    free(prompt->pieces);
    free(prompt->buffer);
    *prompt = (de_prompt){.count = 0};
}
