/* The options inside the library: one row's value from and to text, and what a run needs of the
 * whole. */
#ifndef DE_OPTIONS_H
#define DE_OPTIONS_H

#include "base/base.h"

enum {
    DE_PRESET_COUNT = 6,
    DE_VALUE_SIZE = 48 /* room for the text of any value that is not a text */
};

/* One option: the only place that knows its name, range, defaults and meaning. */
typedef struct de_option {
    diffedit_option shown;                 /* what is public of it */
    size_t offset;                         /* of its field in diffedit_options */
    const char *defaults[DE_PRESET_COUNT]; /* as a user would type them, or NULL */
    double word_value;                     /* what the field holds for shown.word */
} de_option;

/* All of them in the order of help; the last has no name. */
extern const de_option de_options_table[];
/* `arithmetic`, which is not among them: no field of diffedit_options, but of a model's settings */
extern const de_option de_arithmetic_row;
/* The row of this name, or NULL. */
const de_option *de_option_find(const char *name);
/* The column of this preset, of the first for NULL; -1: there is none of this name. */
int de_preset_find(const char *name);
/* Reads `value` by its row, checks its range and stores it in the row's field. Nothing is stored on
 * failure. Errors: ARGUMENT. */
diffedit_status de_option_parse(const de_option *row, diffedit_options *options, const char *value,
                                diffedit_error *error);
/* The choice, as a row of type CHOICE counts them, that `text` names. Errors: ARGUMENT. */
diffedit_status de_choice_read(const diffedit_option *row, int *choice, const char *text,
                               diffedit_error *error);
/* Writes the row's field as snprintf does, so that de_option_parse() reads it back to the same
 * value. */
size_t de_option_format(const de_option *row, const diffedit_options *options, char *text,
                        size_t size);
/* "a, b, c" of NULL-terminated names. */
void de_names_list(const char *const *names, char *text, size_t size);
/* The fewest significant digits, 15 to 17, that read back to the same number; `text` receives them.
 * Independent of the locale. */
int de_real_format(double value, char text[DE_VALUE_SIZE]);

/* Whether a struct of `size` bytes has the row's field; and failing because it has not. */
bool de_option_has_field(const de_option *row, size_t size);
diffedit_status de_fail_no_field(const de_option *row, diffedit_error *error);
/* The options of any program as this library's own: what an older program's struct has no field for
 * has the default of its preset. Errors: ARGUMENT. */
diffedit_status de_options_read(diffedit_options *known, const diffedit_options *given,
                                diffedit_error *error);

/* What a public function is going to do with the options. */
enum {
    DE_NEED_TO = 1,    /* the query text: must be given, may be empty */
    DE_NEED_MAP = 2,   /* a map is computed, neither mask nor map was given */
    DE_NEED_START = 4, /* an edit decodes from the picture, as `encode` says */
};
/* Reads the options, and checks them for this. Errors: ARGUMENT. */
diffedit_status de_options_read_run(diffedit_options *known, const diffedit_options *given,
                                    unsigned needs, diffedit_error *error);

#endif
