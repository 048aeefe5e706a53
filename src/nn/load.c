#include "nn/load.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

de_name de_name_format(const char *format, ...)
{
    de_name name;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name.text, sizeof name.text, format, arguments);
    va_end(arguments);
    return name;
}

de_name de_name_join(const char *parent, const char *child)
{
    return de_name_format("%s.%s", parent, child);
}

void *de_load_allocate(de_loader *loader, size_t count, size_t size)
{
    if (loader->status != DIFFEDIT_OK)
        return NULL;
    void *memory = calloc(count, size);
    if (!memory)
        loader->status = de_fail_memory(loader->error, count * size, "a network");
    return memory;
}

static void show(const de_loader *loader, const char *name, int rank, const int64_t *shape)
{
    de_weight weight;
    diffedit_error error;
    bool found = (loader->survey->values ? de_weights_get : de_weights_describe)(
                     loader->weights, name, rank, shape, &weight, &error) == DIFFEDIT_OK;
    loader->survey->look(loader->survey->user, name, found ? &weight : NULL,
                         found ? NULL : error.message);
}

bool de_load_weight(de_loader *loader, const char *name, int rank, const int64_t *shape,
                    de_weight *weight)
{
    if (loader->status != DIFFEDIT_OK)
        return false;
    if (loader->survey) {
        show(loader, name, rank, shape);
        return false;
    }
    loader->status = de_weights_get(loader->weights, name, rank, shape, weight, loader->error);
    return loader->status == DIFFEDIT_OK;
}

static de_vector *load_vector(de_loader *loader, const char *name, const char *ending,
                              int64_t count)
{
    de_weight weight;
    de_vector *vector = NULL;
    if (de_load_weight(loader, de_name_join(name, ending).text, 1, &count, &weight))
        loader->status = de_vector_new(&vector, loader->device, &weight, loader->error);
    return vector;
}

de_affine de_load_affine(de_loader *loader, const char *name, int64_t count)
{
    return (de_affine){
        .scale = load_vector(loader, name, "weight", count),
        .shift = load_vector(loader, name, "bias", count),
    };
}

void de_affine_free(de_affine affine)
{
    de_vector_free(affine.scale);
    de_vector_free(affine.shift);
}

/* The product of weights side by side; what was packed is not needed in the file's pages any more.
 */
static de_linear *new_linear(de_loader *loader, const de_weight *weights, const de_weight *biases,
                             int parts)
{
    de_linear *linear = NULL;
    loader->status = de_linear_new(&linear, loader->device, weights, biases, parts,
                                   loader->arithmetic, loader->error);
    for (int i = 0; i < parts; i++)
        de_weight_forget_pages(&weights[i]);
    return linear;
}

/* `name`.weight and, if `bias`, `name`.bias; both are looked up, whatever becomes of the first */
static bool load_pair(de_loader *loader, const char *name, int rank, const int64_t *shape,
                      bool bias, de_weight *weight, de_weight *shift)
{
    bool found = de_load_weight(loader, de_name_join(name, "weight").text, rank, shape, weight);
    if (bias)
        found &= de_load_weight(loader, de_name_join(name, "bias").text, 1, shape, shift);
    return found;
}

de_linear *de_load_linear(de_loader *loader, const char *name, int64_t in, int64_t out, bool bias)
{
    de_weight weight, shift;
    if (!load_pair(loader, name, 2, (int64_t[]){out, in}, bias, &weight, &shift))
        return NULL;
    return new_linear(loader, &weight, bias ? &shift : NULL, 1);
}

enum { MAX_PARTS = 3 };

de_linear *de_load_fused_linear(de_loader *loader, const char *parent, const char *const *names,
                                int parts, int64_t in, int64_t out_each, bool bias)
{
    de_weight weights[MAX_PARTS] = {0}, biases[MAX_PARTS] = {0};
    bool found = true;
    for (int i = 0; i < parts; i++)
        found &= load_pair(loader, de_name_join(parent, names[i]).text, 2,
                           (int64_t[]){out_each, in}, bias, &weights[i], &biases[i]);
    if (!found)
        return NULL;
    return new_linear(loader, weights, bias ? biases : NULL, parts);
}

de_linear *de_load_exact_linear(de_loader *loader, const char *name, int64_t in, int64_t out,
                                bool bias)
{
    diffedit_arithmetic arithmetic = loader->arithmetic;
    loader->arithmetic = DIFFEDIT_ARITHMETIC_EXACT;
    de_linear *linear = de_load_linear(loader, name, in, out, bias);
    loader->arithmetic = arithmetic;
    return linear;
}

de_linear *de_load_exact_fused_linear(de_loader *loader, const char *parent,
                                      const char *const *names, int parts, int64_t in,
                                      int64_t out_each, bool bias)
{
    diffedit_arithmetic arithmetic = loader->arithmetic;
    loader->arithmetic = DIFFEDIT_ARITHMETIC_EXACT;
    de_linear *linear = de_load_fused_linear(loader, parent, names, parts, in, out_each, bias);
    loader->arithmetic = arithmetic;
    return linear;
}

de_convolution *de_load_convolution(de_loader *loader, const char *name, int64_t in, int64_t out,
                                    de_resampling resampling)
{
    de_weight weight, bias;
    de_convolution *convolution = NULL;
    if (load_pair(loader, name, 4, (int64_t[]){out, in, 3, 3}, true, &weight, &bias)) {
        loader->status = de_convolution_new(&convolution, loader->device, &weight, &bias,
                                            resampling, loader->arithmetic, loader->error);
        de_weight_forget_pages(&weight);
    }
    return convolution;
}
