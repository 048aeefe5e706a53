/* The matrix family: how products and attention are cut into tiles for cooperative matrices. */
#ifndef DE_GPU_MATRIX_H
#define DE_GPU_MATRIX_H

#include "ops/vulkan/gpu_device.h"

/* Values of each row that pass through shared memory at a time, as in shaders/matrix_tile.glsl */
enum { DE_MATRIX_STEP = 32 };

/* What a workgroup makes of a product, and the part of it that each of its subgroups makes; see
 * shaders/matrix_tile.glsl. */
typedef struct de_matrix_tile {
    uint32_t rows, columns, invocations; /* rows 0: there is none that fits */
    uint32_t part_rows, part_columns;
} de_matrix_tile;

/* The tile for a product [rows, columns] on this GPU. `pairs`: a part's columns are a multiple of
 * two matrices. */
de_matrix_tile de_matrix_tile_choose(const de_gpu_info *gpu, int64_t rows, int64_t columns,
                                     bool pairs);

/* How attention is divided among workgroups and their subgroups; see
 * shaders/attention_matrix.comp. */
typedef struct de_attention_tile {
    uint32_t invocations;
    uint32_t rows;  /* queries of a subgroup; 0: there is no tile that fits */
    uint32_t parts; /* the subgroups that share them */
    uint32_t keys;  /* at a time */
    uint32_t piece; /* columns of keys and values at a time */
} de_attention_tile;

/* The tile for heads of `d` columns on this GPU */
de_attention_tile de_attention_tile_choose(const de_gpu_info *gpu, uint32_t d);

/* Values of an array that shaders load at once: 8, 4 or 1, which `count` is a multiple of */
uint32_t de_matrix_width(int64_t count);

#endif
