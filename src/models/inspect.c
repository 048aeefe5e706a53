#include "models/inspect.h"

#include <math.h>
#include <stdio.h>

static diffedit_status survey(const diffedit_model *model, de_part part, const de_survey *who,
                              diffedit_error *error)
{
    de_network_sources sources = de_model_sources(model);
    if (!model->parts.weights[part] || !model->parts.described[part])
        return DIFFEDIT_OK;
    return de_network_survey(&sources, part, who, error);
}

/* ---- describing ---- */

typedef struct describing {
    diffedit_part_info *info;
    char first[sizeof((diffedit_error *)0)->message]; /* of the problems */
    int64_t problems;
} describing;

static void add_tensor(void *user, const char *name, const de_weight *weight, const char *problem)
{
    describing *job = user;
    diffedit_part_info *info = job->info;
    (void)name;
    if (!weight) {
        if (job->problems++ == 0)
            snprintf(job->first, sizeof job->first, "%s", problem);
        return;
    }
    int64_t count = de_weight_count(weight);
    info->tensors++;
    info->parameters += count;
    info->bytes += count * (int64_t)de_dtype_bytes(weight->dtype);
    info->f32 += weight->dtype == DE_F32;
    info->f16 += weight->dtype == DE_F16;
    info->bf16 += weight->dtype == DE_BF16;
    info->f64 += weight->dtype == DE_F64;
    info->f8 += de_dtype_is_f8(weight->dtype);
}

diffedit_status de_part_describe(diffedit_part_info *info, const diffedit_model *model,
                                 de_part part, de_problems *problems, diffedit_error *error)
{
    describing job = {.info = info};
    *info = (diffedit_part_info){.present = model->parts.weights[part] != NULL};
    diffedit_status status = survey(model, part, &(de_survey){add_tensor, &job, false}, error);
    if (job.problems == 1)
        de_problems_add(problems, "%s", job.first);
    else if (job.problems > 1)
        de_problems_add(problems, "%s; %jd more are missing or cannot be used", job.first,
                        (intmax_t)job.problems - 1);
    return status;
}

/* ---- checking ---- */

static int64_t count_not_finite(const de_weight *weight)
{
    enum { BLOCK = 4096 };
    float values[BLOCK];
    int64_t count = de_weight_count(weight), found = 0;
    for (int64_t begin = 0; begin < count; begin += BLOCK) {
        int64_t block = de_min_i64(BLOCK, count - begin);
        de_weight_to_f32(weight, begin, block, values);
        for (int64_t i = 0; i < block; i++)
            found += !isfinite(values[i]);
    }
    de_weight_forget_pages(weight);
    return found;
}

typedef struct checking {
    de_problems *problems;
    const char *path;
} checking;

static void check_tensor(void *user, const char *name, const de_weight *weight, const char *problem)
{
    const checking *job = user;
    (void)name;
    int64_t bad = weight ? count_not_finite(weight) : 0;
    if (!weight)
        de_problems_add(job->problems, "%s", problem);
    else if (bad > 0)
        de_problems_add(job->problems, "%s: tensor %s contains %jd value%s not finite, of %jd",
                        job->path, weight->title, (intmax_t)bad,
                        bad == 1 ? " that is" : "s that are", (intmax_t)de_weight_count(weight));
}

static void check_unused(const de_weights *weights, de_problems *problems)
{
    int count = 0;
    const char *first = de_weights_unused(weights, &count);
    if (first)
        de_problems_add(problems,
                        "%s: tensor %s has no place in the network that the config describes (%d "
                        "tensor%s in all)",
                        de_weights_path(weights), first, count, count == 1 ? "" : "s");
}

static void check_averages(const diffedit_model *model, de_problems *problems)
{
    char sentence[512];
    if (de_model_lacks_average(model, sentence, sizeof sentence))
        de_problems_add(problems, "%s", sentence);
}

diffedit_status de_part_check(const diffedit_model *model, de_part part, de_problems *problems,
                              diffedit_error *error)
{
    if (!model->parts.weights[part])
        return DIFFEDIT_OK;
    checking job = {.problems = problems, .path = de_weights_path(model->parts.weights[part])};
    diffedit_status status = de_weights_check_size(model->parts.weights[part], error);
    if (status == DIFFEDIT_OK)
        status = survey(model, part, &(de_survey){check_tensor, &job, true}, error);
    if (status == DIFFEDIT_OK)
        check_unused(model->parts.weights[part], problems);
    if (status == DIFFEDIT_OK && part == DE_PART_UNET)
        check_averages(model, problems);
    return status;
}
