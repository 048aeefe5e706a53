/* AVX2, but for the integer products, which AVX-VNNI adds up in one instruction. */
#include "kernels/tables.h"

const de_kernels de_kernels_avxvnni = {
    .name = "avxvnni",
    .gemm = de_gemm_avxvnni,
    .quantise = de_quantise_avx2,
    .quantise_panel = de_quantise_panel_avx2,
    .winograd_weights = de_winograd_weights_avx2,
    .winograd_scales = de_winograd_scales_avx2,
    .winograd_input = de_winograd_input_avx2,
    .winograd_output = de_winograd_output_avx2,
    .attention = de_attention_avx2,
    .attention_quick = de_attention_quick_avxvnni,
    .attention_pack_quick = de_attention_pack_quick_avx2,
    .channel_sums = de_channel_sums_avx2,
    .scale_shift = de_scale_shift_avx2,
    .layer_norm = de_layer_norm_avx2,
    .activate = de_activate_array_avx2,
    .multiply_add = de_multiply_add_avxvnni,
    .multiply_add_pairs = de_multiply_add_pairs_avxvnni,
};
