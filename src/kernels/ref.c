#include "kernels/tables.h"

const de_kernels de_kernels_ref = {
    .name = "ref",
    .gemm = de_gemm_c,
    .quantise = de_quantise_c,
    .quantise_panel = de_quantise_panel_c,
    .winograd_weights = de_winograd_weights_c,
    .winograd_scales = de_winograd_scales_c,
    .winograd_input = de_winograd_input_c,
    .winograd_output = de_winograd_output_c,
    .attention = de_attention_c,
    .channel_sums = de_channel_sums_c,
    .scale_shift = de_scale_shift_c,
    .layer_norm = de_layer_norm_c,
    .activate = de_activate_array_c,
    .multiply_add = de_multiply_add_c,
    .multiply_add_pairs = de_multiply_add_pairs_c,
};
