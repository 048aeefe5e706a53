/* Weights as the kernels read them. */
#ifndef DE_PANELS_H
#define DE_PANELS_H

#include "kernels/kernels.h"
#include "weights/weight.h"

typedef struct de_panels {
    /* [ceil(columns / 16), taps, depth, 16]; int16: [.., ceil(taps depth / 2), 16, 2] */
    void *data;
    float *scales; /* int16: [columns padded to 16] */
    de_kind kind;  /* f16, where the file has it, or f32; int16 for quick products */
    int64_t columns, taps, depth;
} de_panels;

/* What else is to be done with a panel that a thread has packed and still has in its cache. */
typedef void de_panel_packed_fn(void *user, const de_panels *panels, int64_t panel);

/* weights[i] [out_i, depth, taps], laid side by side: columns = the sum of out_i. Exact: f16 where
 * all of them are. `packed` may be NULL. Errors: MEMORY. */
diffedit_status de_panels_pack(de_panels *panels, const de_weight *weights, int parts,
                               diffedit_arithmetic arithmetic, de_panel_packed_fn *packed,
                               void *user, diffedit_error *error);
void de_panels_free(de_panels *panels);
/* Values of a panel's column: taps depth, and of int16 an even number */
static inline int64_t de_panels_values(const de_panels *panels)
{
    int64_t values = panels->taps * panels->depth;
    return panels->kind == DE_KIND_I16 ? de_round_up(values, 2) : values;
}
static inline const void *de_panels_at(const de_panels *panels, int64_t panel)
{
    int64_t offset = panel * de_panels_values(panels) * DE_PANEL;
    return (const char *)panels->data + offset * (panels->kind == DE_KIND_F32 ? 4 : 2);
}
/* The biases side by side, zeros where there is none, padded with zeros to whole panels; NULL
 * without memory. */
float *de_panels_pack_bias(const de_panels *panels, const de_weight *biases, int parts);

#endif
