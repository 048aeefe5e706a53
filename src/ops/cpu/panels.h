/* Weights as the kernels read them. */
#ifndef DE_PANELS_H
#define DE_PANELS_H

#include "kernels/kernels.h"
#include "weights/weight.h"

typedef struct de_panels {
    void *data;   /* [ceil(columns / 16), taps, depth, 16] */
    de_kind kind; /* f16, as stored in the file; else f32 */
    int64_t columns, taps, depth;
} de_panels;

/* weights[i] [out_i, depth, taps], laid side by side: columns = the sum of out_i. f16 where all of
 * them are. Errors: MEMORY. */
diffedit_status de_panels_pack(de_panels *panels, const de_weight *weights, int parts,
                               diffedit_error *error);
static inline const void *de_panels_at(const de_panels *panels, int64_t panel)
{
    int64_t offset = panel * panels->taps * panels->depth * DE_PANEL;
    return (const char *)panels->data + offset * (panels->kind == DE_KIND_F16 ? 2 : 4);
}
/* The biases side by side, zeros where there is none, padded with zeros to whole panels; NULL
 * without memory. */
float *de_panels_pack_bias(const de_panels *panels, const de_weight *biases, int parts);

#endif
