/* The activations of kernels/activation.h. */

/* x Phi(x) = max(x, 0) - |x| Phi(-|x|), of a finite x or a NaN. Abramowitz and Stegun 7.1.26, with
 * error below 7.5e-8, as the CPU has it: Phi(-z sqrt(2)) = t (a1 + ... + a5 t^4) e^(-z^2) / 2, t =
 * 1 / (1 + p z), for z >= 0. */
float gelu(float x)
{
    float size = abs(x), t = 1 / (1 + 0.3275911 * 0.70710678 * size);
    float p = 1.061405429;
    p = p * t - 1.453152027;
    p = p * t + 1.421413741;
    p = p * t - 0.284496736;
    p = p * t + 0.254829592;
    return max(x, 0) - size * (0.5 * p * t * exp(-0.5 * x * x));
}

float activate(uint activation, float x)
{
    switch (activation) {
    case 1: return x / (1 + exp(-x));         /* SiLU */
    case 2: return gelu(x);                   /* GELU */
    case 3: return x / (1 + exp(-1.702 * x)); /* quick GELU */
    }
    return x;
}
