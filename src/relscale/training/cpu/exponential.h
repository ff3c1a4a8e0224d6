/* Exponentials of float32, alone and of a row less its maximum. */

#include <math.h>
#include <string.h>

/* e^x within 2 units in the last place; e^-87 below -87, infinite above 88.4, and NaN stays NaN. */
static inline float exponential(float x)
{
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.5f ? 88.5f : x;
    float n = rintf(x * 1.44269504f); /* x = n ln 2 + r; ln 2 in two parts, the first exact in few bits */
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r * r + r + 1.0f;
    int bits = ((int)n + 127) << 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return p * power;
}

/* e^(x - max) in place; the maximum is returned, the sum stored. */
static inline float exponentials(long count, float *restrict x, float *restrict total)
{
    float highest = x[0], sum = 0;
#pragma omp simd reduction(max : highest)
    for (long i = 0; i < count; i++)
        highest = x[i] > highest ? x[i] : highest;
#pragma omp simd reduction(+ : sum)
    for (long i = 0; i < count; i++) {
        float difference = x[i] - highest, e = exponential(difference);
        x[i] = difference < -87.0f ? 0 : e;
        sum += x[i];
    }
    *total = sum;
    return highest;
}
