#include "models/text_cleanup.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

/* ---- code points ---- */

void de_codepoints_add(de_codepoints *text, int32_t codepoint)
{
    if (text->count == text->capacity && !text->failed) {
        size_t capacity = text->capacity ? 2 * text->capacity : 64;
        int32_t *grown = realloc(text->data, capacity * sizeof *grown);
        if (grown) {
            text->data = grown;
            text->capacity = capacity;
        } else {
            text->failed = true;
        }
    }
    if (!text->failed)
        text->data[text->count++] = codepoint;
}

static void add_utf8(de_codepoints *out, const char *text)
{
    size_t length = strlen(text);
    while (length) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text,
                                                 (utf8proc_ssize_t)length, &codepoint);
        de_codepoints_add(out, codepoint);
        text += used;
        length -= (size_t)used;
    }
}

void de_codepoints_free(de_codepoints *text)
{
    free(text->data);
    *text = (de_codepoints){0};
}

char *de_codepoints_utf8(const de_codepoints *text)
{
    char *utf8 = malloc(4 * text->count + 1), *end = utf8;
    if (!utf8)
        return NULL;
    for (size_t i = 0; i < text->count; i++)
        end += utf8proc_encode_char(text->data[i], (utf8proc_uint8_t *)end);
    *end = 0;
    return utf8;
}

static diffedit_status out_of_memory(diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_MEMORY, "out of memory for a text");
}

diffedit_status de_codepoints_read(de_codepoints *out, const char *text, size_t length,
                                   diffedit_error *error)
{
    *out = (de_codepoints){0};
    for (size_t at = 0; at < length;) {
        utf8proc_int32_t codepoint;
        utf8proc_ssize_t used = utf8proc_iterate((const utf8proc_uint8_t *)text + at,
                                                 (utf8proc_ssize_t)(length - at), &codepoint);
        if (used < 0) {
            de_codepoints_free(out);
            return de_fail(error, DIFFEDIT_ERROR_ARGUMENT,
                           "a text is not valid UTF-8 at byte %zu (0x%02x)", at,
                           (unsigned char)text[at]);
        }
        de_codepoints_add(out, codepoint);
        at += (size_t)used;
    }
    return out->failed ? out_of_memory(error) : DIFFEDIT_OK;
}

/* ---- HTML entities ---- */

typedef struct html_entity {
    const char *name, *text;
} html_entity;

static const html_entity HTML_ENTITIES[] = {
#include "html_entities.inc"
};

enum {
    LONGEST_ENTITY = 24,
    NO_BREAK_SPACE = 0xa0,
    REPLACEMENT = 0xfffd,
    LAST_CODEPOINT = 0x10ffff
};

static int compare_entities(const void *a, const void *b)
{
    return strcmp(((const html_entity *)a)->name, ((const html_entity *)b)->name);
}

/* Windows-1252's meaning of a C1 control character; the five without one stay themselves. */
static int32_t windows_1252(int32_t control)
{
    static const uint16_t meanings[32] = {
        0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021, 0x2c6,  0x2030, 0x160,
        0x2039, 0x152,  0x8d,   0x17d,  0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
    return meanings[control - 0x80];
}

/* Code points that HTML calls invalid: a reference to them is nothing. */
static bool is_invalid_reference(int32_t c)
{
    return (c >= 0x1 && c <= 0x8) || c == 0xb || (c >= 0xe && c <= 0x1f) || c == 0x7f ||
           (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
}

/* "38" or "x26", the inside of &#...; as html.unescape() has it. False: it stays as it stands. */
static bool add_reference(de_codepoints *out, const char *digits)
{
    int base = digits[0] == 'x' || digits[0] == 'X' ? 16 : 10;
    const char *at = base == 16 ? digits + 1 : digits;
    if (!*at)
        return false;
    int32_t c = 0;
    for (; *at; at++) {
        int digit = *at <= '9' ? *at - '0' : (*at | 32) - 'a' + 10;
        if (digit >= base)
            return false;
        if (c <= LAST_CODEPOINT)
            c = c * base + digit;
    }
    if (c == ';') /* ftfy takes a semicolon in the result for a half-decoded entity */
        return false;
    if (c >= 0x80 && c < NO_BREAK_SPACE)
        de_codepoints_add(out, windows_1252(c));
    else if (c == 0 || c > LAST_CODEPOINT || (c >= 0xd800 && c <= 0xdfff))
        de_codepoints_add(out, REPLACEMENT);
    else if (!is_invalid_reference(c))
        de_codepoints_add(out, c);
    return true;
}

/* Copies the name of an entity &name; that begins at text[at]; its length, or 0 if none begins
 * there. */
static size_t entity_name(const de_codepoints *text, size_t at, char name[LONGEST_ENTITY + 2])
{
    size_t length = 0, letters = 0;
    if (text->data[at] != '&')
        return 0;
    for (size_t i = at + 1; i < text->count; i++) {
        int32_t c = text->data[i];
        bool letter = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (c == ';' && letters) {
            name[length] = 0;
            return length;
        }
        if (!(letter && letters < LONGEST_ENTITY) && !(c == '#' && length == 0))
            return 0;
        letters += letter;
        name[length++] = (char)c;
    }
    return 0;
}

static void unescape_html(const de_codepoints *text, de_codepoints *out)
{
    char name[LONGEST_ENTITY + 2];
    for (size_t i = 0; i < text->count; i++) {
        size_t length = entity_name(text, i, name);
        const html_entity key = {.name = name};
        const html_entity *entity = length ? bsearch(&key, HTML_ENTITIES,
                                                     sizeof HTML_ENTITIES / sizeof key, sizeof key,
                                                     compare_entities)
                                           : NULL;
        if (entity)
            add_utf8(out, entity->text);
        else if (!length || name[0] != '#' || !add_reference(out, name + 1)) {
            de_codepoints_add(out, text->data[i]);
            continue;
        }
        i += length + 1;
    }
}

/* ---- characters ---- */

static const char *ligature(int32_t c)
{
    static const struct {
        int32_t c;
        const char *letters;
    } ligatures[] = {
        {0x132, "IJ"},         {0x133, "ij"},        {0x149, "\312\274n"}, {0x1c4, "D\305\275"},
        {0x1c5, "D\305\276"},  {0x1c6, "d\305\276"}, {0x1c7, "LJ"},        {0x1c8, "Lj"},
        {0x1c9, "lj"},         {0x1ca, "NJ"},        {0x1cb, "Nj"},        {0x1cc, "nj"},
        {0x1f1, "DZ"},         {0x1f2, "Dz"},        {0x1f3, "dz"},        {0xfb00, "ff"},
        {0xfb01, "fi"},        {0xfb02, "fl"},       {0xfb03, "ffi"},      {0xfb04, "ffl"},
        {0xfb05, "\305\277t"}, {0xfb06, "st"}};
    for (size_t i = 0; i < sizeof ligatures / sizeof *ligatures; i++)
        if (ligatures[i].c == c)
            return ligatures[i].letters;
    return NULL;
}

/* A half- or full-width form in its standard width. */
static void add_standard_width(de_codepoints *out, int32_t c)
{
    utf8proc_int32_t parts[8];
    int boundary = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char(
        c, parts, 8, UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE, &boundary);
    for (utf8proc_ssize_t i = 0; i < count && i < 8; i++)
        de_codepoints_add(out, parts[i]);
}

static bool is_removed_control(int32_t c)
{
    return c < 0x9 || c == 0xb || (c >= 0xe && c < 0x20) || c == 0x7f ||
           (c >= 0x206a && c < 0x2070) || c == 0xfeff || (c >= 0xfff9 && c < 0xfffd);
}

/* ftfy's fixers of single characters: C1 controls, ligatures, widths, quotes, line breaks. None
 * makes what an earlier one looks for. */
static void fix_characters(const de_codepoints *text, de_codepoints *out)
{
    for (size_t i = 0; i < text->count; i++) {
        int32_t c = text->data[i];
        if (c >= 0x80 && c < NO_BREAK_SPACE)
            c = windows_1252(c);
        const char *letters = ligature(c);
        if (letters)
            add_utf8(out, letters);
        else if (c == 0x3000)
            de_codepoints_add(out, ' ');
        else if (c >= 0xff01 && c < 0xfff0)
            add_standard_width(out, c);
        else if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b))
            de_codepoints_add(out, '\'');
        else if (c >= 0x201c && c <= 0x201f)
            de_codepoints_add(out, '"');
        else if (c == '\r' || c == 0x2028 || c == 0x2029)
            de_codepoints_add(
                out, '\n'); /* a following \n makes no difference: white space is folded later */
        else
            de_codepoints_add(out, c);
    }
}

/* ESC [ 36;44 m: the length of such a sequence at text[at], or 0 */
static size_t terminal_escape(const de_codepoints *text, size_t at)
{
    size_t i = at + 2;
    if (text->data[at] != 0x1b || i >= text->count || text->data[at + 1] != '[')
        return 0;
    while (i < text->count &&
           (text->data[i] == ';' || utf8proc_category(text->data[i]) == UTF8PROC_CATEGORY_ND))
        i++;
    bool letter = i < text->count && (text->data[i] | 32) >= 'a' && (text->data[i] | 32) <= 'z' &&
                  text->data[i] < 0x80;
    return letter ? i + 1 - at : 0;
}

/* Drops terminal escapes, whose letter may have been part of a ligature, and then control
 * characters. */
static void drop_controls(const de_codepoints *text, de_codepoints *out)
{
    for (size_t i = 0; i < text->count; i++) {
        size_t escape = terminal_escape(text, i);
        if (escape)
            i += escape - 1;
        else if (!is_removed_control(text->data[i]))
            de_codepoints_add(out, text->data[i]);
    }
}

/* Canonical composition (NFC). */
static void compose(const de_codepoints *text, de_codepoints *out)
{
    char *utf8 = de_codepoints_utf8(text);
    utf8proc_uint8_t *composed = NULL;
    if (utf8)
        utf8proc_map((const utf8proc_uint8_t *)utf8, 0, &composed,
                     UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (composed)
        add_utf8(out, (const char *)composed);
    else
        out->failed = true;
    free(composed);
    free(utf8);
}

/* One line, until nothing changes any more. */
static void fix_line(de_codepoints *line, bool unescape)
{
    bool changed = true;
    while (changed && !line->failed) {
        de_codepoints unescaped = {0}, fixed = {0}, visible = {0}, composed = {0};
        if (unescape)
            unescape_html(line, &unescaped);
        fix_characters(unescape ? &unescaped : line, &fixed);
        drop_controls(&fixed, &visible);
        compose(&visible, &composed);
        composed.failed |= unescaped.failed | fixed.failed | visible.failed;
        changed = composed.count != line->count ||
                  (line->count &&
                   memcmp(composed.data, line->data, line->count * sizeof *line->data) != 0);
        de_codepoints_free(line);
        de_codepoints_free(&unescaped);
        de_codepoints_free(&fixed);
        de_codepoints_free(&visible);
        *line = composed;
    }
}

/* ---- white space and lower case, as Python has them ---- */

static bool is_space(int32_t c)
{
    return (c >= 0x9 && c <= 0xd) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == NO_BREAK_SPACE ||
           c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 ||
           c == 0x202f || c == 0x205f || c == 0x3000;
}

static void fold_white_space(de_codepoints *text)
{
    size_t kept = 0;
    for (size_t i = 0; i < text->count; i++)
        if (!is_space(text->data[i]))
            text->data[kept++] = text->data[i];
        else if (kept && text->data[kept - 1] != ' ')
            text->data[kept++] = ' ';
    if (kept && text->data[kept - 1] == ' ')
        kept--;
    text->count = kept;
}

/* Unicode's Cased, of characters that are not Case_Ignorable */
static bool is_cased(int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT: return true;
    default: /* ordinal indicators, Roman numerals, letters in circles and squares */
        return c == 0xaa || c == 0xba || (c >= 0x2160 && c <= 0x217f) ||
               (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) ||
               (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189);
    }
}

/* Unicode's Case_Ignorable */
static bool is_case_ignorable(int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default:
        return c == '\'' || c == '.' || c == ':' || c == 0xb7 || c == 0x387 || c == 0x55f ||
               c == 0x5f4 || c == 0x2018 || c == 0x2019 || c == 0x2024 || c == 0x2027 ||
               c == 0xfe13 || c == 0xfe52 || c == 0xfe55;
    }
}

/* A capital sigma at `at` ends a word: a cased letter stands before it and none after. */
static bool is_final_sigma(const de_codepoints *text, size_t at)
{
    size_t before = at, after = at + 1;
    while (before > 0 && is_case_ignorable(text->data[before - 1]))
        before--;
    while (after < text->count && is_case_ignorable(text->data[after]))
        after++;
    return before > 0 && is_cased(text->data[before - 1]) &&
           !(after < text->count && is_cased(text->data[after]));
}

static void lower(const de_codepoints *text, de_codepoints *out)
{
    for (size_t i = 0; i < text->count; i++) {
        int32_t c = text->data[i];
        if (c == 0x3a3) {
            de_codepoints_add(out, is_final_sigma(text, i) ? 0x3c2 : 0x3c3);
        } else if (c == 0x130) { /* the one letter with a longer lower case */
            de_codepoints_add(out, 'i');
            de_codepoints_add(out, 0x307);
        } else {
            de_codepoints_add(out, utf8proc_tolower(c));
        }
    }
}

/* Each line for itself, as ftfy does; a `<` turns entities off from its line on. */
static void fix_lines(const de_codepoints *text, de_codepoints *out)
{
    bool unescape = true;
    for (size_t begin = 0; begin < text->count;) {
        de_codepoints line = {0};
        size_t end = begin;
        while (end < text->count && (end == begin || text->data[end - 1] != '\n')) {
            unescape &= text->data[end] != '<';
            de_codepoints_add(&line, text->data[end++]);
        }
        fix_line(&line, unescape);
        for (size_t i = 0; i < line.count; i++)
            de_codepoints_add(out, line.data[i]);
        out->failed |= line.failed;
        de_codepoints_free(&line);
        begin = end;
    }
}

diffedit_status de_text_clean(de_codepoints *text, diffedit_error *error)
{
    de_codepoints fixed = {0}, lowered = {0};
    fix_lines(text, &fixed);
    fold_white_space(&fixed);
    lower(&fixed, &lowered);
    lowered.failed |= fixed.failed;
    de_codepoints_free(text);
    de_codepoints_free(&fixed);
    *text = lowered;
    return text->failed ? out_of_memory(error) : DIFFEDIT_OK;
}
