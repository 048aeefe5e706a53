/* What the files of a model are called in the diffusers layout. The reader of folders looks for
 * them under these names, a packed file holds the small ones under them, and `model pull` fetches
 * them. */
#ifndef DE_LAYOUT_H
#define DE_LAYOUT_H

#include <stdbool.h>

/* The networks of a model. */
typedef enum de_part { DE_PART_TEXT, DE_PART_UNET, DE_PART_VAE, DE_PART_COUNT } de_part;

typedef struct de_layout_part {
    const char *folder;
    const char *config;   /* with the folder */
    const char *stems[2]; /* of its weights' names; the second, or NULL, is of older files */
} de_layout_part;

extern const de_layout_part de_layout_parts[DE_PART_COUNT];

#define DE_LAYOUT_CONFIG "config.json" /* of a network, in its folder */
#define DE_LAYOUT_SCHEDULE "scheduler/scheduler_config.json"
#define DE_LAYOUT_VOCABULARY "tokenizer/vocab.json"
#define DE_LAYOUT_MERGES "tokenizer/merges.txt"
#define DE_LAYOUT_TOKENIZER "tokenizer/tokenizer_config.json"
#define DE_LAYOUT_SPECIALS "tokenizer/special_tokens_map.json" /* may be missing */
#define DE_LAYOUT_HINTS "diffedit.json"                        /* may be missing */
#define DE_LAYOUT_INDEX "model_index.json"

/* All of the small files, model_index.json last; a NULL name ends them. */
typedef struct de_layout_document {
    const char *name;
    bool may_be_missing;
} de_layout_document;

extern const de_layout_document de_layout_documents[];

enum { DE_LAYOUT_NAME = 96 };

/* Whether the part's folder holds a file of this name. */
typedef bool de_layout_has_fn(const void *user, const char *name);

/* The weights of a part: the first that its folder holds of the names they may have, safetensors
 * before pickles and plain before a variant; one file or the index of several. `variant` is "",
 * "fp16", ..., or NULL for any. `name` is without the folder; false: there are none. */
bool de_layout_find_weights(char name[DE_LAYOUT_NAME], de_part part, const char *variant,
                            de_layout_has_fn *has, const void *user);
/* Whether a name, with its folder, is that of weights or of a piece of them. */
bool de_layout_is_weights(const char *name);
/* Whether a name or path is that of an index of several files of weights. */
bool de_layout_is_index(const char *name);

/* The hub's cache: models--OWNER--NAME/refs/main names a folder of snapshots/, or only one is
 * there. Writes "snapshots/NAME"; false: there is none, or it is not clear which. */
bool de_layout_find_snapshot(char name[DE_LAYOUT_NAME], const char *folder);

#endif
