/* One value from text and to text. A host program may have set a locale with a decimal comma, so
 * numbers are read and written in the C locale. */
#include "api/options.h"

#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the C locale, for this thread ---- */

typedef struct c_locale {
    locale_t own, before;
} c_locale;

static c_locale c_locale_enter(void)
{
    c_locale locale = {.own = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    locale.before = uselocale(locale.own);
    return locale;
}

static void c_locale_leave(c_locale locale)
{
    uselocale(locale.before);
    if (locale.own)
        freelocale(locale.own);
}

/* ---- what a row expects, for messages ---- */

void de_names_list(const char *const *names, char *text, size_t size)
{
    size_t length = 0;
    for (int i = 0; names[i] && length < size; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s", i ? ", " : "", names[i]);
}

static void describe(const diffedit_option *row, char *text, size_t size)
{
    char word[32] = "", choices[96];
    if (row->word)
        snprintf(word, sizeof word, " or \"%s\"", row->word);
    switch (row->type) {
    case DIFFEDIT_TYPE_TEXT: snprintf(text, size, "a text"); break;
    case DIFFEDIT_TYPE_INT:
        snprintf(text, size, "a whole number from %.0f to %.0f", row->minimum, row->maximum);
        break;
    case DIFFEDIT_TYPE_SEED:
        snprintf(text, size, "a whole number from 0 to %ju, decimal or 0x", (uintmax_t)UINT64_MAX);
        break;
    case DIFFEDIT_TYPE_REAL:
        snprintf(text, size,
                 row->minimum_excluded ? "a number above %.0f and up to %.0f%s"
                                       : "a number from %.0f to %.0f%s",
                 row->minimum, row->maximum, word);
        break;
    case DIFFEDIT_TYPE_CHOICE:
        de_names_list(row->choices, choices, sizeof choices);
        snprintf(text, size, "one of %s", choices);
        break;
    case DIFFEDIT_TYPE_SIZE:
        snprintf(text, size, "WxH with sides from %.0f to %.0f%s", row->minimum, row->maximum,
                 word);
        break;
    }
}

static diffedit_status refuse(const diffedit_option *row, const char *found, diffedit_error *error)
{
    char expected[128];
    describe(row, expected, sizeof expected);
    return de_fail(error, DIFFEDIT_ERROR_ARGUMENT, "`%s`: expected %s, found \"%.80s\"", row->name,
                   expected, found);
}

/* ---- reading ---- */

static bool in_range(const diffedit_option *row, double value)
{
    return value >= row->minimum && value <= row->maximum &&
           !(row->minimum_excluded && value == row->minimum);
}

/* A whole number that ends before `end`, or at it. */
static bool read_whole(const diffedit_option *row, const char *text, char **end, int *value)
{
    if (!isdigit((unsigned char)text[*text == '-' || *text == '+']))
        return false;
    errno = 0;
    long number = strtol(text, end, 10);
    if (errno || !in_range(row, (double)number))
        return false;
    *value = (int)number;
    return true;
}

static bool read_seed(const char *text, uint64_t *value)
{
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hexadecimal ? text + 2 : text;
    /* strtoull would take white space, a sign, and a second 0x */
    if (!digits[0] ||
        strspn(digits, hexadecimal ? "0123456789abcdefABCDEF" : "0123456789") != strlen(digits))
        return false;
    errno = 0;
    *value = strtoull(digits, NULL, hexadecimal ? 16 : 10);
    return errno == 0;
}

/* A decimal number or a fraction of two. */
static bool read_real(const char *text, double *value)
{
    /* strtod would take white space, hexadecimal numbers, infinities and NaN */
    if (!text[0] || strspn(text, "0123456789.eE+-/") != strlen(text))
        return false;
    c_locale locale = c_locale_enter();
    char *end, *denominator_end;
    *value = strtod(text, &end);
    bool read = end != text;
    if (read && *end == '/') {
        double denominator = strtod(end + 1, &denominator_end);
        read = denominator_end != end + 1;
        *value /= denominator;
        end = denominator_end;
    }
    c_locale_leave(locale);
    return read && *end == '\0' && isfinite(*value);
}

static bool read_choice(const diffedit_option *row, const char *text, int *value)
{
    for (int i = 0; row->choices[i]; i++)
        if (strcmp(row->choices[i], text) == 0) {
            *value = i;
            return true;
        }
    return false;
}

static bool read_size(const diffedit_option *row, const char *text, int value[2])
{
    char *end;
    return read_whole(row, text, &end, &value[0]) && *end == 'x' &&
           read_whole(row, end + 1, &end, &value[1]) && *end == '\0';
}

diffedit_status de_choice_read(const diffedit_option *row, int *choice, const char *text,
                               diffedit_error *error)
{
    return read_choice(row, text, choice) ? DIFFEDIT_OK : refuse(row, text, error);
}

diffedit_status de_option_parse(const de_option *row, diffedit_options *options, const char *value,
                                diffedit_error *error)
{
    const diffedit_option *shown = &row->shown;
    void *field = (char *)options + row->offset;
    bool word = shown->word && strcmp(shown->word, value) == 0;
    int whole[2] = {0, 0};
    double real = row->word_value;
    uint64_t seed;
    char *end;
    switch (shown->type) {
    case DIFFEDIT_TYPE_TEXT: *(const char **)field = value; return DIFFEDIT_OK;
    case DIFFEDIT_TYPE_INT:
        if (!read_whole(shown, value, &end, whole) || *end)
            break;
        *(int *)field = whole[0];
        return DIFFEDIT_OK;
    case DIFFEDIT_TYPE_SEED:
        if (!read_seed(value, &seed))
            break;
        *(uint64_t *)field = seed;
        return DIFFEDIT_OK;
    case DIFFEDIT_TYPE_REAL:
        if (!word && !(read_real(value, &real) && in_range(shown, real)))
            break;
        *(double *)field = real;
        return DIFFEDIT_OK;
    case DIFFEDIT_TYPE_CHOICE:
        if (!read_choice(shown, value, whole))
            break;
        *(int *)field = whole[0];
        return DIFFEDIT_OK;
    case DIFFEDIT_TYPE_SIZE:
        if (!word && !read_size(shown, value, whole))
            break;
        memcpy(field, whole, sizeof whole);
        return DIFFEDIT_OK;
    }
    return refuse(shown, value, error);
}

/* ---- writing ---- */

int de_real_format(double value, char text[DE_VALUE_SIZE])
{
    c_locale locale = c_locale_enter();
    int digits = 15;
    do
        snprintf(text, DE_VALUE_SIZE, "%.*g", digits, value);
    while (strtod(text, NULL) != value && ++digits <= 17);
    c_locale_leave(locale);
    return digits;
}

/* The word stands for NaN, or for every number below the range. */
static bool means_word(const de_option *row, double value)
{
    return row->shown.word && (isnan(row->word_value) ? isnan(value) : value < row->shown.minimum);
}

static size_t format_choice(const diffedit_option *row, int value, char *text, size_t size)
{
    for (int i = 0; row->choices[i]; i++)
        if (i == value)
            return (size_t)snprintf(text, size, "%s", row->choices[i]);
    return (size_t)snprintf(text, size, "%d", value);
}

size_t de_option_format(const de_option *row, const diffedit_options *options, char *text,
                        size_t size)
{
    const void *field = (const char *)options + row->offset;
    const int *whole = field;
    char number[DE_VALUE_SIZE];
    const char *written = number;
    switch (row->shown.type) {
    case DIFFEDIT_TYPE_TEXT:
        written = *(const char *const *)field ? *(const char *const *)field : "";
        break;
    case DIFFEDIT_TYPE_INT: snprintf(number, sizeof number, "%d", *whole); break;
    case DIFFEDIT_TYPE_SEED:
        snprintf(number, sizeof number, "%ju", (uintmax_t) * (const uint64_t *)field);
        break;
    case DIFFEDIT_TYPE_REAL:
        if (means_word(row, *(const double *)field))
            written = row->shown.word;
        else
            de_real_format(*(const double *)field, number);
        break;
    case DIFFEDIT_TYPE_CHOICE: return format_choice(&row->shown, *whole, text, size);
    case DIFFEDIT_TYPE_SIZE:
        if (whole[0] == 0 && whole[1] == 0)
            written = row->shown.word;
        else
            snprintf(number, sizeof number, "%dx%d", whole[0], whole[1]);
        break;
    }
    return (size_t)snprintf(text, size, "%s", written);
}
