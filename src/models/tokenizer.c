#include "models/tokenizer.h"

#include "models/text_cleanup.h"
#include "models/vocabulary.h"

#include "common/layout.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#define BAD(...) de_fail(error, DIFFEDIT_ERROR_MODEL, __VA_ARGS__)

enum { MAX_SPECIALS = 64, MAX_LENGTH = 4096, CLIP_LENGTH = 77 };

static const char START[] = "<|startoftext|>", END[] = "<|endoftext|>";

/* The reference's expression; case does not matter, and of all white space only the space has
 * survived the clean-up. U+0345 is a mark whose other case is a letter, so that the reference finds
 * it in neither class and drops it. */
static const char WORDS[] =
    "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|"
    "[^ \\p{L}\\p{N}\\x{345}]+";

/* A token that is cut out of a text before anything else, in exact case. */
typedef struct special_token {
    char *text;
    size_t length;
    int32_t id;
} special_token;

struct de_tokenizer {
    de_vocabulary vocabulary;
    pcre2_code *words;
    special_token specials[MAX_SPECIALS];
    int special_count;
    int32_t start, end, unknown, pad;
    int length; /* tokens of a text, with start, end and padding */
};

/* ---- opening ---- */

static diffedit_status out_of_memory(diffedit_error *error)
{
    return de_fail(error, DIFFEDIT_ERROR_MEMORY, "out of memory for a tokenizer");
}

static diffedit_status add_special(de_tokenizer *tokenizer, const char *text, int32_t id,
                                   diffedit_error *error)
{
    if (!*text)
        return DIFFEDIT_OK;
    for (int i = 0; i < tokenizer->special_count; i++)
        if (strcmp(tokenizer->specials[i].text, text) == 0)
            return DIFFEDIT_OK;
    if (tokenizer->special_count == MAX_SPECIALS)
        return BAD("a tokenizer has more than %d special tokens", MAX_SPECIALS);
    char *copy = strdup(text);
    if (!copy)
        return out_of_memory(error);
    tokenizer->specials[tokenizer->special_count++] = (special_token){
        .text = copy, .length = strlen(text), .id = id};
    if (id >= tokenizer->vocabulary.size)
        tokenizer->vocabulary.size = id + 1;
    return DIFFEDIT_OK;
}

static int32_t find_id(const de_tokenizer *tokenizer, const char *text)
{
    for (int i = 0; i < tokenizer->special_count; i++)
        if (strcmp(tokenizer->specials[i].text, text) == 0)
            return tokenizer->specials[i].id;
    return de_string_map_get(&tokenizer->vocabulary.ids, text, strlen(text));
}

/* Looks the special token `text` up and cuts it out of texts from now on. */
static diffedit_status set_special(de_tokenizer *tokenizer, const char *path, const char *role,
                                   const char *text, int32_t *id, diffedit_error *error)
{
    *id = find_id(tokenizer, text);
    if (*id == DE_NOT_FOUND)
        return BAD("%s: the vocabulary does not contain the %s \"%.60s\"", path, role, text);
    return add_special(tokenizer, text, *id, error);
}

static diffedit_status compile_words(de_tokenizer *tokenizer, diffedit_error *error)
{
    int code;
    PCRE2_SIZE offset;
    tokenizer->words = pcre2_compile((PCRE2_SPTR)WORDS, PCRE2_ZERO_TERMINATED,
                                     PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS, &code, &offset, NULL);
    return tokenizer->words ? DIFFEDIT_OK : out_of_memory(error);
}

diffedit_status de_tokenizer_open_builtin(de_tokenizer **tokenizer, const char *pad,
                                          diffedit_error *error)
{
    static const char name[] = "the built-in vocabulary";
    de_tokenizer *new = calloc(1, sizeof *new);
    if (!new)
        return out_of_memory(error);
    new->length = CLIP_LENGTH;
    diffedit_status status = de_vocabulary_open_clip(&new->vocabulary, error);
    if (status == DIFFEDIT_OK)
        status = compile_words(new, error);
    if (status == DIFFEDIT_OK)
        status = set_special(new, name, "start token", START, &new->start, error);
    if (status == DIFFEDIT_OK)
        status = set_special(new, name, "end token", END, &new->end, error);
    if (status == DIFFEDIT_OK)
        status = set_special(new, name, "pad token", pad, &new->pad, error);
    new->unknown = new->end;
    if (status != DIFFEDIT_OK) {
        de_tokenizer_close(new);
        return status;
    }
    *tokenizer = new;
    return DIFFEDIT_OK;
}

/* The text of a token, which stands as a string or as {"content": ...}. */
static const char *token_text(const json_t *token, const char *fallback)
{
    const char *text = json_string_value(json_is_object(token) ? json_object_get(token, "content")
                                                               : token);
    return text ? text : fallback;
}

/* added_tokens_decoder: {"49407": {"content": "<|endoftext|>", ...}} */
static diffedit_status read_added_tokens(de_tokenizer *tokenizer, const char *path,
                                         const json_t *added, diffedit_error *error)
{
    static const char *const neutral[] = {"lstrip", "rstrip", "single_word"};
    const char *key;
    json_t *token;
    diffedit_status status = DIFFEDIT_OK;
    json_object_foreach ((json_t *)added, key, token) {
        char *end;
        long id = strtol(key, &end, 10);
        const char *text = token_text(token, NULL);
        if (!text || *end || end == key || id < 0 || id > 1 << 20)
            return BAD("%s: added_tokens_decoder has an invalid entry \"%.60s\"", path, key);
        for (int i = 0; i < 3; i++)
            if (json_is_true(json_object_get(token, neutral[i])))
                return BAD("%s: added token \"%.60s\" has `%s`, which is not supported", path, text,
                           neutral[i]);
        status = add_special(tokenizer, text, (int32_t)id, error);
        if (status != DIFFEDIT_OK)
            return status;
    }
    return status;
}

static diffedit_status read_settings(de_tokenizer *tokenizer, const char *path,
                                     const json_t *config, const json_t *map, diffedit_error *error)
{
    const json_t *length = json_object_get(config, "model_max_length");
    const json_t *added = json_object_get(config, "added_tokens_decoder");
    const char *class = json_string_value(json_object_get(config, "tokenizer_class"));
    if (class && strcmp(class, "CLIPTokenizer") != 0 && strcmp(class, "CLIPTokenizerFast") != 0)
        return BAD("%s: key `tokenizer_class` is \"%.60s\"; expected CLIPTokenizer", path, class);
    if (!json_is_integer(length) || json_integer_value(length) < 2 ||
        json_integer_value(length) > MAX_LENGTH)
        return BAD("%s: key `model_max_length` is not a whole number from 2 to %d", path,
                   MAX_LENGTH);
    tokenizer->length = (int)json_integer_value(length);
    diffedit_status status = read_added_tokens(tokenizer, path, added, error);
    const json_t *pad = json_object_get(map, "pad_token");
    if (!pad || json_object_size(added) > 0)
        pad = json_object_get(config, "pad_token");
    const struct {
        const char *role;
        const json_t *token;
        const char *fallback;
        int32_t *id;
    } specials[] = {
        {"start token", json_object_get(config, "bos_token"), START, &tokenizer->start},
        {"end token", json_object_get(config, "eos_token"), END, &tokenizer->end},
        {"unknown token", json_object_get(config, "unk_token"), END, &tokenizer->unknown},
        {"pad token", pad, END, &tokenizer->pad},
    };
    for (size_t i = 0; i < sizeof specials / sizeof *specials && status == DIFFEDIT_OK; i++)
        status = set_special(tokenizer, path, specials[i].role,
                             token_text(specials[i].token, specials[i].fallback), specials[i].id,
                             error);
    return status;
}

/* Its own vocabulary, or the published one where a packed file leaves it out. */
static diffedit_status read_vocabulary(de_tokenizer *tokenizer, const de_documents *from,
                                       diffedit_error *error)
{
    if (from->notes && !de_document_exists(from, DE_LAYOUT_VOCABULARY))
        return de_vocabulary_open_clip(&tokenizer->vocabulary, error);
    return de_vocabulary_open(&tokenizer->vocabulary, from, DE_LAYOUT_VOCABULARY, DE_LAYOUT_MERGES,
                              error);
}

static diffedit_status read_documents(de_tokenizer *tokenizer, const de_documents *from,
                                      diffedit_error *error)
{
    json_t *config = NULL, *map = NULL;
    char path[DE_DOCUMENT_PATH];
    de_document_path(path, from, DE_LAYOUT_TOKENIZER);
    diffedit_status status = read_vocabulary(tokenizer, from, error);
    if (status == DIFFEDIT_OK)
        status = de_document_read_json(&config, from, DE_LAYOUT_TOKENIZER, error);
    if (status == DIFFEDIT_OK && de_document_exists(from, DE_LAYOUT_SPECIALS))
        status = de_document_read_json(&map, from, DE_LAYOUT_SPECIALS, error);
    if (status == DIFFEDIT_OK)
        status = read_settings(tokenizer, path, config, map, error);
    json_decref(config);
    json_decref(map);
    return status;
}

diffedit_status de_tokenizer_open(de_tokenizer **tokenizer, const de_documents *from,
                                  diffedit_error *error)
{
    de_tokenizer *new = calloc(1, sizeof *new);
    if (!new)
        return out_of_memory(error);
    diffedit_status status = read_documents(new, from, error);
    if (status == DIFFEDIT_OK)
        status = compile_words(new, error);
    if (status != DIFFEDIT_OK) {
        de_tokenizer_close(new);
        return status;
    }
    *tokenizer = new;
    return DIFFEDIT_OK;
}

void de_tokenizer_close(de_tokenizer *tokenizer)
{
    if (!tokenizer)
        return;
    de_vocabulary_close(&tokenizer->vocabulary);
    pcre2_code_free(tokenizer->words);
    for (int i = 0; i < tokenizer->special_count; i++)
        free(tokenizer->specials[i].text);
    free(tokenizer);
}

int de_tokenizer_length(const de_tokenizer *tokenizer)
{
    return tokenizer->length;
}

int de_tokenizer_vocab_size(const de_tokenizer *tokenizer)
{
    return tokenizer->vocabulary.size;
}

de_special_tokens de_tokenizer_specials(const de_tokenizer *tokenizer)
{
    return (de_special_tokens){.start = tokenizer->start,
                               .end = tokenizer->end,
                               .pad = tokenizer->pad,
                               .comma = find_id(tokenizer, ",</w>")};
}

/* ---- encoding ---- */

/* A text being encoded: tokens as far as there is room, then the text of what is cut. */
typedef struct encoding {
    const de_tokenizer *tokenizer;
    de_token_list *list;
    size_t most; /* tokens in the list */
    char *cut;   /* grows; NULL while nothing is cut */
    size_t cut_length;
    bool failed;
} encoding;

static void push_token(encoding *to, int32_t id)
{
    de_token_list *list = to->list;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 128;
        int32_t *grown = realloc(list->tokens, capacity * sizeof *grown);
        if (!grown) {
            to->failed = true;
            return;
        }
        list->tokens = grown;
        list->capacity = capacity;
    }
    list->tokens[list->count++] = id;
}

/* Adds a token that stands for `length` bytes at `text` of the cleaned text. */
static void add_token(encoding *to, int32_t id, const char *text, size_t length)
{
    if (to->list->count < to->most) {
        push_token(to, id);
        return;
    }
    /* a token may begin inside a character; what is cut begins with the whole of it */
    for (; !to->cut && length && ((unsigned char)*text & 0xc0) == 0x80; length++)
        text--;
    char *grown = realloc(to->cut, to->cut_length + length + 1);
    if (!grown) {
        to->failed = true;
        return;
    }
    memcpy(grown + to->cut_length, text, length);
    to->cut = grown;
    to->cut_length += length;
    grown[to->cut_length] = 0;
}

/* A word as byte symbols, cut into pieces that merge: piece i is symbols[starts[i] .. starts[i +
 * 1]). */
typedef struct pieces {
    char *symbols;  /* all symbols and "</w>", one after another */
    size_t *starts; /* [count + 1] */
    size_t *bytes;  /* [count + 1], where the piece begins among the word's bytes */
    int32_t *ranks; /* [count], of the merge of a piece with the next; INT32_MAX: none */
    char *pair;     /* room for "left right" */
    size_t count;
} pieces;

static int32_t pair_rank(const encoding *to, const pieces *word, size_t i)
{
    if (i + 1 >= word->count)
        return INT32_MAX;
    size_t left = word->starts[i + 1] - word->starts[i],
           right = word->starts[i + 2] - word->starts[i + 1];
    memcpy(word->pair, word->symbols + word->starts[i], left);
    word->pair[left] = ' ';
    memcpy(word->pair + left + 1, word->symbols + word->starts[i + 1], right);
    int32_t rank = de_string_map_get(&to->tokenizer->vocabulary.merges, word->pair,
                                     left + 1 + right);
    return rank == DE_NOT_FOUND ? INT32_MAX : rank;
}

static void split_word(const encoding *to, pieces *word, const char *text, size_t length)
{
    size_t end = 0;
    word->count = length;
    for (size_t i = 0; i < length; i++) {
        word->starts[i] = end;
        word->bytes[i] = i;
        end += (size_t)de_byte_symbol((uint8_t)text[i], word->symbols + end);
    }
    memcpy(word->symbols + end, "</w>", 4);
    word->starts[length] = end + 4;
    word->bytes[length] = length;
    for (size_t i = 0; i < length; i++)
        word->ranks[i] = pair_rank(to, word, i);
}

/* Merges every pair of rank `rank`, from the left. */
static void merge_pairs(const encoding *to, pieces *word, int32_t rank)
{
    size_t kept = 0, count = word->count;
    for (size_t i = 0; i < count; i++, kept++) {
        bool merged = word->ranks[i] == rank;
        word->starts[kept] = word->starts[i];
        word->bytes[kept] = word->bytes[i];
        word->ranks[kept] = merged ? rank : word->ranks[i];
        i += merged;
    }
    word->starts[kept] = word->starts[count];
    word->bytes[kept] = word->bytes[count];
    word->count = kept;
    for (size_t i = 0; i < kept; i++) /* ranks beside a merged piece have changed, and its own */
        if (word->ranks[i] == rank || (i + 1 < kept && word->ranks[i + 1] == rank))
            word->ranks[i] = -word->ranks[i] - 1;
    for (size_t i = 0; i < kept; i++)
        if (word->ranks[i] < 0)
            word->ranks[i] = pair_rank(to, word, i);
}

static int32_t lowest_rank(const pieces *word)
{
    int32_t lowest = INT32_MAX;
    for (size_t i = 0; i < word->count; i++)
        lowest = word->ranks[i] < lowest ? word->ranks[i] : lowest;
    return lowest;
}

/* Byte-pair encoding (Sennrich et al. 2016) of one word of `length` bytes. */
static void encode_word(encoding *to, const char *text, size_t length)
{
    const de_vocabulary *vocabulary = &to->tokenizer->vocabulary;
    pieces word = {.symbols = malloc(2 * length + 8),
                   .starts = malloc((length + 1) * sizeof(size_t)),
                   .bytes = malloc((length + 1) * sizeof(size_t)),
                   .ranks = malloc(length * sizeof(int32_t)),
                   .pair = malloc(2 * length + 16)};
    if (word.symbols && word.starts && word.bytes && word.ranks && word.pair) {
        split_word(to, &word, text, length);
        for (int32_t rank = lowest_rank(&word); rank != INT32_MAX; rank = lowest_rank(&word))
            merge_pairs(to, &word, rank);
        for (size_t i = 0; i < word.count; i++) {
            int32_t id = de_string_map_get(&vocabulary->ids, word.symbols + word.starts[i],
                                           word.starts[i + 1] - word.starts[i]);
            add_token(to, id == DE_NOT_FOUND ? to->tokenizer->unknown : id, text + word.bytes[i],
                      word.bytes[i + 1] - word.bytes[i]);
        }
        if (to->cut && to->cut_length)
            add_token(to, 0, " ", 1);
    } else {
        to->failed = true;
    }
    free(word.symbols);
    free(word.starts);
    free(word.bytes);
    free(word.ranks);
    free(word.pair);
}

static bool equals(const char *text, size_t length, const char *other)
{
    return length == strlen(other) && memcmp(text, other, length) == 0;
}

/* A cleaned text without special tokens. */
static void encode_words(encoding *to, const char *text)
{
    pcre2_match_data *match = pcre2_match_data_create_from_pattern(to->tokenizer->words, NULL);
    if (!match) {
        to->failed = true;
        return;
    }
    size_t length = strlen(text), at = 0;
    while (at < length && pcre2_match(to->tokenizer->words, (PCRE2_SPTR)text, length, at,
                                      PCRE2_NO_UTF_CHECK, match, NULL) > 0) {
        const PCRE2_SIZE *range = pcre2_get_ovector_pointer(match);
        const char *word = text + range[0];
        size_t word_length = range[1] - range[0];
        at = range[1];
        /* Written in another case, they reach this point and mean the same after all, as in the
         * reference. */
        if (equals(word, word_length, START))
            add_token(to, to->tokenizer->start, word, word_length);
        else if (equals(word, word_length, END))
            add_token(to, to->tokenizer->end, word, word_length);
        else
            encode_word(to, word, word_length);
    }
    pcre2_match_data_free(match);
}

/* `length` bytes without special tokens: clean-up, then words. */
static diffedit_status encode_segment(encoding *to, const char *text, size_t length,
                                      diffedit_error *error)
{
    de_codepoints codepoints;
    diffedit_status status = de_codepoints_read(&codepoints, text, length, error);
    if (status != DIFFEDIT_OK)
        return status;
    status = de_text_clean(&codepoints, error);
    if (status == DIFFEDIT_OK) {
        char *cleaned = de_codepoints_utf8(&codepoints);
        if (cleaned)
            encode_words(to, cleaned);
        else
            to->failed = true;
        free(cleaned);
    }
    de_codepoints_free(&codepoints);
    return status;
}

/* The longest special token that begins at `text`, or NULL. */
static const special_token *special_at(const de_tokenizer *tokenizer, const char *text)
{
    const special_token *longest = NULL;
    for (int i = 0; i < tokenizer->special_count; i++) {
        const special_token *special = &tokenizer->specials[i];
        if (strncmp(text, special->text, special->length) == 0 &&
            (!longest || special->length > longest->length))
            longest = special;
    }
    return longest;
}

static diffedit_status encode_text(encoding *to, const char *text, diffedit_error *error)
{
    const char *begin = text;
    diffedit_status status = DIFFEDIT_OK;
    while (status == DIFFEDIT_OK) {
        const special_token *special = *text ? special_at(to->tokenizer, text) : NULL;
        if (*text && !special) {
            text++;
            continue;
        }
        if (text > begin)
            status = encode_segment(to, begin, (size_t)(text - begin), error);
        if (!special)
            break;
        add_token(to, special->id, special->text, special->length);
        text += special->length;
        begin = text;
    }
    return status == DIFFEDIT_OK && to->failed ? out_of_memory(error) : status;
}

diffedit_status de_tokenizer_append(const de_tokenizer *tokenizer, const char *text,
                                    de_token_list *list, diffedit_error *error)
{
    encoding to = {.tokenizer = tokenizer, .list = list, .most = SIZE_MAX};
    return encode_text(&to, text, error);
}

diffedit_status de_tokenizer_encode(const de_tokenizer *tokenizer, const char *text,
                                    int32_t *tokens, char **cut, diffedit_error *error)
{
    de_token_list list = {.count = 0};
    encoding to = {.tokenizer = tokenizer, .list = &list, .most = (size_t)tokenizer->length - 2};
    diffedit_status status = encode_text(&to, text, error);
    int count = 0;
    tokens[count++] = tokenizer->start;
    for (size_t i = 0; i < list.count; i++)
        tokens[count++] = list.tokens[i];
    tokens[count++] = tokenizer->end;
    while (count < tokenizer->length)
        tokens[count++] = tokenizer->pad;
    free(list.tokens);
    if (cut && status == DIFFEDIT_OK) {
        while (to.cut_length && to.cut[to.cut_length - 1] == ' ')
            to.cut[--to.cut_length] = 0;
        *cut = to.cut;
    } else {
        free(to.cut);
    }
    return status;
}

/* ---- words ---- */

static bool is_letter(int32_t c)
{
    utf8proc_category_t category = utf8proc_category(c);
    return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

diffedit_status de_text_words(char ***words, const char *text, diffedit_error *error)
{
    de_codepoints codepoints;
    diffedit_status status = de_codepoints_read(&codepoints, text, strlen(text), error);
    if (status == DIFFEDIT_OK)
        status = de_text_clean(&codepoints, error);
    if (status != DIFFEDIT_OK) {
        de_codepoints_free(&codepoints);
        return status;
    }
    /* one block: pointers first, then the letters */
    size_t most = codepoints.count / 2 + 2;
    char **list = malloc(most * sizeof *list + 5 * codepoints.count + 1);
    char *letters = (char *)(list + most);
    size_t count = 0;
    for (size_t i = 0; list && i < codepoints.count; i++) {
        if (!is_letter(codepoints.data[i]))
            continue;
        list[count++] = letters;
        for (; i < codepoints.count && is_letter(codepoints.data[i]); i++)
            letters += utf8proc_encode_char(codepoints.data[i], (utf8proc_uint8_t *)letters);
        *letters++ = 0;
    }
    de_codepoints_free(&codepoints);
    if (!list)
        return out_of_memory(error);
    list[count] = NULL;
    *words = list;
    return DIFFEDIT_OK;
}
