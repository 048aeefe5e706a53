/* A table all of whose kernels are its own. */
#include "kernels/tables.h"
#include "kernels/vector.h"

#define STRING(name) #name
#define STRING_OF(name) STRING(name)

const de_kernels DE_KERNEL(de_kernels) = {
    .name = STRING_OF(DE_TABLE),
    .gemm = DE_KERNEL(de_gemm),
    .quantise = DE_KERNEL(de_quantise),
    .quantise_panel = DE_KERNEL(de_quantise_panel),
    .winograd_weights = DE_KERNEL(de_winograd_weights),
    .winograd_scales = DE_KERNEL(de_winograd_scales),
    .winograd_input = DE_KERNEL(de_winograd_input),
    .winograd_output = DE_KERNEL(de_winograd_output),
    .attention = DE_KERNEL(de_attention),
#ifndef __aarch64__ /* whose SMLAL multiplies no more at once than FMLA */
    .attention_quick = DE_KERNEL(de_attention_quick),
    .attention_pack_quick = DE_KERNEL(de_attention_pack_quick),
#endif
    .channel_sums = DE_KERNEL(de_channel_sums),
    .scale_shift = DE_KERNEL(de_scale_shift),
    .layer_norm = DE_KERNEL(de_layer_norm),
    .activate = DE_KERNEL(de_activate_array),
    .multiply_add = DE_KERNEL(de_multiply_add),
    .multiply_add_pairs = DE_KERNEL(de_multiply_add_pairs),
};
