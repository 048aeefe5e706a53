#include "kernels/tables.h"
#include "kernels/functions_c.h"

void de_channel_sums_c(const float *x, int64_t rows, int64_t c, double *sum, double *square)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < c; i++) {
            double value = x[r * c + i];
            sum[i] += value;
            square[i] += value * value;
        }
    }
}

void de_scale_shift_c(const float *x, int64_t rows, int64_t c, const float *scale,
                      const float *shift, de_activation activation, float *y)
{
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = 0; i < c; i++)
            y[r * c + i] = x[r * c + i] * scale[i] + shift[i];
        if (activation != DE_NONE)
            de_activate_array_c(y + r * c, c, activation, y + r * c);
    }
}

void de_layer_norm_c(const float *x, int64_t rows, int64_t c, float eps, const float *scale,
                     const float *shift, float *y)
{
    for (int64_t r = 0; r < rows; r++, x += c, y += c) {
        double sum = 0, square = 0;
        for (int64_t i = 0; i < c; i++)
            sum += x[i];
        double mean = sum / (double)c;
        for (int64_t i = 0; i < c; i++)
            square += (x[i] - mean) * (x[i] - mean);
        double factor = 1.0 / sqrt(square / (double)c + eps);
        for (int64_t i = 0; i < c; i++)
            y[i] = (float)((x[i] - mean) * factor) * scale[i] + shift[i];
    }
}

void de_activate_array_c(const float *x, int64_t count, de_activation activation, float *y)
{
    for (int64_t i = 0; i < count; i++)
        y[i] = de_activate_c(x[i], activation);
}
