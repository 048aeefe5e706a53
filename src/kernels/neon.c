#include "kernels/tables.h"

const de_kernels de_kernels_neon = {
    .name = "neon",
    .gemm = de_gemm_neon,
    .quantise = de_quantise_neon,
    .quantise_panel = de_quantise_panel_neon,
    .winograd_weights = de_winograd_weights_neon,
    .winograd_scales = de_winograd_scales_neon,
    .winograd_input = de_winograd_input_neon,
    .winograd_output = de_winograd_output_neon,
    .attention = de_attention_neon,
    .channel_sums = de_channel_sums_neon,
    .scale_shift = de_scale_shift_neon,
    .layer_norm = de_layer_norm_neon,
    .activate = de_activate_array_neon,
    .multiply_add = de_multiply_add_neon,
    .multiply_add_pairs = de_multiply_add_pairs_neon,
};
