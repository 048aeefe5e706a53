/* Loading the layers of a network by the names its tensors have in the published files. */
#ifndef DE_LOAD_H
#define DE_LOAD_H

#include "ops/ops.h"
#include "weights/weights.h"

/* Whoever looks at the tensors that a network is made of, without making one: called for each, with
 * `weight`, or with what is wrong with it. */
typedef struct de_survey {
    void (*look)(void *user, const char *name, const de_weight *weight, const char *problem);
    void *user;
    bool values; /* wanted too; else weight->data may be NULL */
} de_survey;

/* Remembers the first failure: after it every load gives NULL, so that a network is read in one go
 * and the status looked at once. With a survey every load gives NULL, and a tensor's failure is
 * only shown to it. */
typedef struct de_loader {
    de_device *device; /* what the network is made for */
    const de_weights *weights;
    const de_survey *survey;        /* NULL: a network is made */
    diffedit_arithmetic arithmetic; /* that its layers are prepared for */
    diffedit_status status;
    diffedit_error *error;
} de_loader;

enum { DE_NAME_LENGTH = 192 };

/* A tensor name's leading part, by value: de_name("down_blocks.%d", i). */
typedef struct de_name {
    char text[DE_NAME_LENGTH];
} de_name;

de_name de_name_format(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "parent.child" */
de_name de_name_join(const char *parent, const char *child);

/* A scale and a shift, as GroupNorm and LayerNorm have them. */
typedef struct de_affine {
    de_vector *scale, *shift; /* [c] */
} de_affine;

/* The tensor `name` as it stands in the file; false after a failure, this one or an earlier one,
 * and in a survey */
bool de_load_weight(de_loader *loader, const char *name, int rank, const int64_t *shape,
                    de_weight *weight);
/* `name`.weight and `name`.bias [count] */
de_affine de_load_affine(de_loader *loader, const char *name, int64_t count);
void de_affine_free(de_affine affine);
/* `name`.weight [out, in], and `name`.bias [out] if `bias` */
de_linear *de_load_linear(de_loader *loader, const char *name, int64_t in, int64_t out, bool bias);
/* parent.names[0..parts-1] side by side in one product */
de_linear *de_load_fused_linear(de_loader *loader, const char *parent, const char *const *names,
                                int parts, int64_t in, int64_t out_each, bool bias);
/* Both, but exact whatever the loader's arithmetic: products that take little time and that much
 * else is made from */
de_linear *de_load_exact_linear(de_loader *loader, const char *name, int64_t in, int64_t out,
                                bool bias);
de_linear *de_load_exact_fused_linear(de_loader *loader, const char *parent,
                                      const char *const *names, int parts, int64_t in,
                                      int64_t out_each, bool bias);
/* `name`.weight [out, in, 3, 3] and `name`.bias [out] */
de_convolution *de_load_convolution(de_loader *loader, const char *name, int64_t in, int64_t out,
                                    de_resampling resampling);
/* calloc for `count` items of `size`, failing through the loader */
void *de_load_allocate(de_loader *loader, size_t count, size_t size);

#endif
