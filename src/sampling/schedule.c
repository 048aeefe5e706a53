#include "sampling/schedule.h"

#include <math.h>
#include <stdlib.h>

/* torch.linspace in float32: counted from whichever end is nearer */
static float linspace(float start, float end, int count, int i)
{
    if (count == 1)
        return start;
    float step = (end - start) / (float)(count - 1);
    return i < count / 2 ? start + step * (float)i : end - step * (float)(count - 1 - i);
}

static float beta_at(const de_schedule_config *config, int t)
{
    if (config->trained_betas)
        return config->trained_betas[t];
    int count = config->train_timesteps;
    if (!config->scaled_linear)
        return linspace((float)config->beta_start, (float)config->beta_end, count, t);
    float root = linspace((float)sqrt(config->beta_start), (float)sqrt(config->beta_end), count, t);
    return root * root;
}

diffedit_status de_schedule_new(de_schedule *schedule, const de_schedule_config *config,
                                diffedit_error *error)
{
    size_t bytes = (size_t)config->train_timesteps * sizeof(float);
    *schedule = (de_schedule){.train_timesteps = config->train_timesteps,
                              .alphas_cumprod = malloc(bytes),
                              .steps_offset = config->steps_offset};
    if (!schedule->alphas_cumprod)
        return de_fail_memory(error, bytes, "the noise schedule");
    double product = 1;
    for (int t = 0; t < config->train_timesteps; t++) {
        product *= (double)(1.0f - beta_at(config, t));
        schedule->alphas_cumprod[t] = (float)product;
    }
    schedule->final_alpha = config->set_alpha_to_one ? 1.0f : schedule->alphas_cumprod[0];
    return DIFFEDIT_OK;
}

void de_schedule_free(de_schedule *schedule)
{
    free(schedule->alphas_cumprod);
    *schedule = (de_schedule){0};
}

double de_level_sigma(double level)
{
    return sqrt((1 - level) / level);
}

int de_schedule_share(int steps, double share)
{
    double k = rint((double)steps * share);
    return k < 1 ? 1 : k > steps ? steps : (int)k;
}

void de_add_noise(const float *x, const float *noise, double level, int64_t count, float *y)
{
    float signal_share = (float)sqrt(level), noise_share = (float)sqrt(1 - level);
    for (int64_t i = 0; i < count; i++)
        y[i] = signal_share * x[i] + noise_share * noise[i];
}

void de_v_to_eps(float *v, const float *x, double level, int64_t count)
{
    float v_share = (float)sqrt(level), x_share = (float)sqrt(1 - level);
    for (int64_t i = 0; i < count; i++)
        v[i] = v_share * v[i] + x_share * x[i];
}
