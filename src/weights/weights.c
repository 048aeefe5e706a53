#include "weights/weights.h"

void de_weights_close(de_weights *weights)
{
    if (weights)
        weights->source->close(weights->self);
}

const char *de_weights_path(const de_weights *weights)
{
    return weights->path;
}

int64_t de_weights_parameters(const de_weights *weights)
{
    return weights->source->parameters(weights->self);
}

diffedit_status de_weights_check_size(const de_weights *weights, diffedit_error *error)
{
    const de_weights_source *source = weights->source;
    return source->check_size ? source->check_size(weights->self, error) : DIFFEDIT_OK;
}

const char *de_weights_damaged(const de_weights *weights, int *count)
{
    const de_weights_source *source = weights->source;
    return source->damaged ? source->damaged(weights->self, count) : NULL;
}

const char *de_weights_unused(const de_weights *weights, int *count)
{
    const de_weights_source *source = weights->source;
    return source->unused ? source->unused(weights->self, count) : NULL;
}

diffedit_status de_weights_get(const de_weights *weights, const char *name, int rank,
                               const int64_t *shape, de_weight *weight, diffedit_error *error)
{
    return weights->source->get(weights->self, name, rank, shape, weight, error);
}

diffedit_status de_weights_describe(const de_weights *weights, const char *name, int rank,
                                    const int64_t *shape, de_weight *weight, diffedit_error *error)
{
    const de_weights_source *source = weights->source;
    return (source->describe ? source->describe : source->get)(weights->self, name, rank, shape,
                                                               weight, error);
}
