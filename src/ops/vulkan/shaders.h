/* The shaders: GLSL in shaders/, beside the SPIR-V that it was compiled to, which is part of the
 * library (embed.py). docs/GPU.md says how they are compiled and how one is added. */
#ifndef DE_SHADERS_H
#define DE_SHADERS_H

#include <stdint.h>

/* Each of them is shaders/NAME.comp and shaders/NAME.spv; those of the matrix family, which need
 * cooperative matrices, come after the others. */
#define DE_SCALAR_SHADERS(f) \
    f(add_slices) f(attention) f(concatenate) f(convolution) f(geglu) f(group_norm) \
        f(group_norm_chunks) f(layer_norm) f(peak) f(product) f(repeat)
#define DE_MATRIX_SHADERS(f) \
    f(attention_matrix) f(convolution_matrix) f(geglu_matrix) f(peak_matrix) f(product_matrix)
#define DE_SHADERS(f) DE_SCALAR_SHADERS(f) DE_MATRIX_SHADERS(f)

typedef enum de_shader {
#define SHADER(name) DE_SHADER_##name,
    DE_SHADERS(SHADER)
#undef SHADER
        DE_SHADER_COUNT
} de_shader;

typedef struct de_spirv {
    const char *name;
    const uint32_t *words, *end;
} de_spirv;

de_spirv de_shader_code(de_shader shader);

#endif
