/* What a client of AUTOMATIC1111's web UI asks for, as a job of ours: a pure translation from JSON
 * to JSON. docs/SERVER.md has the table of fields. */
#ifndef SDAPI_FIELDS_H
#define SDAPI_FIELDS_H

#include <stdbool.h>
#include <stdint.h>

#include <diffedit/diffedit.h>
#include <jansson.h>

/* A sampler as clients name it, with what it is here; a NULL name ends the table. */
typedef struct sdapi_sampler {
    const char *name, *scheduler;
    const char *spacing; /* where the client asks for none */
    const char *alias;   /* k-diffusion's name, or NULL */
} sdapi_sampler;

/* How a picture of another size becomes width x height. */
typedef enum sdapi_resize { SDAPI_STRETCH, SDAPI_CROP, SDAPI_PAD } sdapi_resize;

/* A request for pictures that differ by their seeds. Texts are borrowed from the request. */
typedef struct sdapi_wish {
    json_t *options;   /* {name: text}, of the library's table, without the seed; owned */
    const char *image; /* base64, perhaps as a data URL; NULL: text to image */
    const char *mask;  /* likewise; NULL: the whole picture */
    const char *to, *negative;
    const char *model; /* a name or title of /sdapi/v1/sd-models; NULL: the one in use */
    const sdapi_sampler *sampler;
    uint64_t seed;       /* of the first picture; the next ones count up */
    int pictures;        /* 1..SDAPI_PICTURES */
    int width, height;   /* pixels of the results, or of the box that is worked on */
    int steps;           /* of the whole grid */
    double guidance;     /* cfg_scale */
    sdapi_resize resize; /* of the picture and the mask, unless only_masked */
    bool from_noise;     /* nothing of what is under the mask is to be seen: strength 1 */
    bool only_masked;    /* work on a box around the mask; results have the picture's own size */
    bool invert_mask;    /* black is changed */
    bool fill;           /* what is under the mask becomes its surroundings' colours first */
    bool include_images; /* the answer has the picture that came, too */
    bool send_images;    /* the answer has pictures at all */
} sdapi_wish;

enum { SDAPI_PICTURES = 64, SDAPI_SIDE = 8192 };

/* The wish in the body of a POST to txt2img, or img2img. Every field is honoured, has a value that
 * changes nothing, or is refused by its name. Errors: ARGUMENT, MEMORY. */
diffedit_status sdapi_read_wish(sdapi_wish *wish, const json_t *body, bool has_picture,
                                diffedit_error *error);
void sdapi_wish_free(sdapi_wish *wish);

extern const sdapi_sampler sdapi_samplers[];

/* A noise schedule as clients name it; a NULL name ends the table. */
typedef struct sdapi_scheduler {
    const char *name, *label;
    const char *spacing; /* NULL: the sampler's own */
} sdapi_scheduler;

extern const sdapi_scheduler sdapi_schedulers[];

/* Refuses `settings`, the body of a POST to options or a request's override_settings, by the name
 * of the first that would change something; *model is that of sd_model_checkpoint, borrowed, or
 * unchanged. Errors: ARGUMENT. */
diffedit_status sdapi_read_settings(const char **model, const json_t *settings,
                                    diffedit_error *error);

#endif
