/* AVX-512, and attention in bf16. */
#include "kernels/tables.h"

const de_kernels de_kernels_avx512bf16 = {
    .name = "avx512bf16",
    .gemm = de_gemm_avx512,
    .quantise = de_quantise_avx512,
    .quantise_panel = de_quantise_panel_avx512,
    .winograd_weights = de_winograd_weights_avx512,
    .winograd_scales = de_winograd_scales_avx512,
    .winograd_input = de_winograd_input_avx512,
    .winograd_output = de_winograd_output_avx512,
    .attention = de_attention_avx512,
    .attention_quick = de_attention_quick_avx512bf16,
    .attention_pack_quick = de_attention_pack_quick_avx512bf16,
    .channel_sums = de_channel_sums_avx512,
    .scale_shift = de_scale_shift_avx512,
    .layer_norm = de_layer_norm_avx512,
    .activate = de_activate_array_avx512,
    .multiply_add = de_multiply_add_avx512,
    .multiply_add_pairs = de_multiply_add_pairs_avx512,
};
