/* An array as it is stored in a weight file. */
#ifndef DE_WEIGHT_H
#define DE_WEIGHT_H

#include "base/base.h"

#include <stdatomic.h>

/* As torch has them: E4M3 is its float8_e4m3fn, which has no infinity. */
typedef enum de_dtype { DE_F32, DE_F16, DE_BF16, DE_F64, DE_F8_E4M3, DE_F8_E5M2 } de_dtype;

enum { DE_WEIGHT_RANK = 4 };

/* Borrowed from the open file; the data may be unaligned. Shapes are as PyTorch writes them: linear
 * [out, in], convolution [out, in, kh, kw]. */
typedef struct de_weight {
    const void *data;
    de_dtype dtype;
    int rank;
    int64_t shape[DE_WEIGHT_RANK];
    float scale;          /* of an 8-bit type: what its values are to be multiplied by */
    const char *title;    /* what messages call it, in its quotes; NULL where it is in no file */
    bool mapped;          /* in pages that can be given back (de_weight_forget_pages) */
    atomic_bool *damaged; /* set when a value that is read is infinite or NaN; or NULL */
} de_weight;

size_t de_dtype_bytes(de_dtype dtype); /* of one value */
bool de_dtype_is_f8(de_dtype dtype);
/* The one of F32, F16 and BF16 that keeps the precision of its values. */
de_dtype de_weight_kept_type(const de_weight *weight);
/* bytes = values as F32, F16 or BF16, rounded to the nearest, ties to even; what is too large
 * becomes infinite */
void de_weight_from_f32(const float *values, int64_t count, de_dtype dtype, void *bytes);
/* out[count] = the values from index `begin` on as float32, a double rounded to the nearest */
void de_weight_to_f32(const de_weight *weight, int64_t begin, int64_t count, float *out);
/* Gives back the memory of the pages that contain nothing but this array. A file's are read again
 * if needed; a computed tensor is there again once it was asked for again. */
void de_weight_forget_pages(const de_weight *weight);
int64_t de_weight_count(const de_weight *weight);
/* Sets *damaged if one of these values, which the caller has just read, is infinite or NaN. */
void de_weight_look_at(const de_weight *weight, const float *values, int64_t count);
bool de_finite_f32(const float *values, int64_t count);
bool de_finite_f16(const uint16_t *values, int64_t count);

#endif
