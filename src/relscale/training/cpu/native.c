/* What a training step does on a CPU besides large matrix products, each in one pass over memory. All arrays are
   float32, in rows, without gaps. Compiled and loaded by native.py, where the machine has a compiler. */

#include <math.h>
#include <string.h>

/* BLAS as Fortran has it, from the library that torch brings: C = alpha A B + beta C, columns first. */
typedef void gemm(const char *, const char *, const int *, const int *, const int *, const float *, const float *,
                  const int *, const float *, const int *, const float *, float *, const int *);

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

/* y = weight x scale with scale = 1 / sqrt(mean(x^2) + epsilon), which is kept for the gradient. */
void rms_norm(long rows, long width, float epsilon, const float *restrict x, const float *restrict weight,
              float *restrict y, float *restrict scales)
{
    for (long row = 0; row < rows; row++, x += width, y += width) {
        float squares = 0;
#pragma omp simd reduction(+ : squares)
        for (long i = 0; i < width; i++)
            squares += x[i] * x[i];
        float scale = scales[row] = 1 / sqrtf(squares / width + epsilon);
#pragma omp simd
        for (long i = 0; i < width; i++)
            y[i] = x[i] * scale * weight[i];
    }
}

/* dx = scale (g w - n mean(g w n)) with n = scale x; dw grows by the sum of g n. */
void rms_norm_gradient(long rows, long width, const float *restrict x, const float *restrict weight,
                       const float *restrict scales, const float *restrict gradient, float *restrict grad_x,
                       float *restrict grad_weight)
{
    for (long row = 0; row < rows; row++, x += width, gradient += width, grad_x += width) {
        float scale = scales[row], product = 0;
#pragma omp simd reduction(+ : product)
        for (long i = 0; i < width; i++)
            product += gradient[i] * weight[i] * x[i];
        float along = scale * scale * product / width;
#pragma omp simd
        for (long i = 0; i < width; i++) {
            grad_weight[i] += gradient[i] * x[i] * scale;
            grad_x[i] = scale * (gradient[i] * weight[i] - x[i] * along);
        }
    }
}

/* RMSNorm of each head, then its rotation by the token's position in its sequence of `length`. cos and sin are
   [length, size]; sin has the sign with which a half enters the other. */
void norm_rotate(long tokens, long length, long heads, long size, float epsilon, const float *restrict x,
                 const float *restrict weight, const float *restrict cos, const float *restrict sin,
                 float *restrict y, float *restrict scales)
{
    long half = size / 2;
    for (long token = 0; token < tokens; token++) {
        const float *c = cos + token % length * size, *s = sin + token % length * size + half;
        for (long head = 0; head < heads; head++, x += size, y += size) {
            float squares = 0;
#pragma omp simd reduction(+ : squares)
            for (long i = 0; i < size; i++)
                squares += x[i] * x[i];
            float scale = *scales++ = 1 / sqrtf(squares / size + epsilon);
#pragma omp simd
            for (long i = 0; i < half; i++) {
                float a = x[i] * scale * weight[i], b = x[i + half] * scale * weight[i + half];
                y[i] = a * c[i] - b * s[i];
                y[i + half] = b * c[i] + a * s[i];
            }
        }
    }
}

void norm_rotate_gradient(long tokens, long length, long heads, long size, const float *restrict x,
                          const float *restrict weight, const float *restrict cos, const float *restrict sin,
                          const float *restrict scales, const float *restrict gradient, float *restrict grad_x,
                          float *restrict grad_weight)
{
    long half = size / 2;
    for (long token = 0; token < tokens; token++) {
        const float *c = cos + token % length * size, *s = sin + token % length * size + half;
        for (long head = 0; head < heads; head++, gradient += size) {
#pragma omp simd
            for (long i = 0; i < half; i++) { /* a rotation's transpose turns back */
                grad_x[i] = gradient[i] * c[i] + gradient[i + half] * s[i];
                grad_x[i + half] = gradient[i + half] * c[i] - gradient[i] * s[i];
            }
            float scale = *scales++, product = 0;
#pragma omp simd reduction(+ : product)
            for (long i = 0; i < size; i++)
                product += grad_x[i] * weight[i] * x[i];
            float along = scale * scale * product / size;
#pragma omp simd
            for (long i = 0; i < size; i++) {
                grad_weight[i] += grad_x[i] * x[i] * scale;
                grad_x[i] = scale * (grad_x[i] * weight[i] - x[i] * along);
            }
            x += size, grad_x += size;
        }
    }
}

/* silu(gate) up */
void swiglu(long count, const float *restrict gate, const float *restrict up, float *restrict y)
{
#pragma omp simd
    for (long i = 0; i < count; i++)
        y[i] = gate[i] / (1 + exponential(-gate[i])) * up[i];
}

/* From the gradient of silu(gate) up, in place: gate and up become their gradients, and the gradient the value. */
void swiglu_gradient(long count, float *restrict gate, float *restrict up, float *restrict gradient)
{
#pragma omp simd
    for (long i = 0; i < count; i++) {
        float sigmoid = 1 / (1 + exponential(-gate[i])), silu = gate[i] * sigmoid, g = gradient[i];
        gradient[i] = silu * up[i];
        gate[i] = g * up[i] * (sigmoid + silu * (1 - sigmoid));
        up[i] = g * silu;
    }
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

/* Sum of -ln softmax(logits)[target] over rows, each at most `most`. Where a gradient is wanted the logits become it:
   softmax - one-hot. */
double cross_entropy(long rows, long vocabulary, long wants_gradient, float most, float *restrict logits,
                     const long long *restrict targets)
{
    double nats = 0;
    for (long row = 0; row < rows; row++, logits += vocabulary) {
        float sum, wanted = logits[targets[row]];
        float highest = exponentials(vocabulary, logits, &sum);
        float loss = logf(sum) + (highest - wanted);
        nats += loss > most ? most : loss;
        if (wants_gradient) {
            float scale = 1 / sum;
#pragma omp simd
            for (long i = 0; i < vocabulary; i++)
                logits[i] *= scale;
            logits[targets[row]] -= 1;
        }
    }
    return nats;
}

/* The first pass of a cautious AdamW step: m and v take the gradient in, and Adam's update u stands where the gradient
   was, 0 where their signs disagree. How many agree is returned. */
long cautious_update(long count, double step, double beta1, double beta2, double epsilon, float *restrict gradient,
                     float *restrict m, float *restrict v)
{
    float first = 1 / (1 - pow(beta1, step)), second = 1 / (1 - pow(beta2, step));
    float rise1 = 1 - beta1, rise2 = 1 - beta2, least = epsilon;
    long kept = 0;
#pragma omp simd reduction(+ : kept)
    for (long i = 0; i < count; i++) {
        float g = gradient[i];
        m[i] += rise1 * (g - m[i]);
        v[i] += rise2 * (g * g - v[i]);
        float update = m[i] * first / (sqrtf(v[i] * second) + least);
        int agrees = update * g > 0;
        gradient[i] = agrees ? update : 0;
        kept += agrees;
    }
    return kept;
}

/* The second: w <- w (1 - decay) - rate u */
void cautious_move(long count, double decay, double rate, const float *restrict update, float *restrict weight)
{
    float kept = 1 - decay, scale = rate;
#pragma omp simd
    for (long i = 0; i < count; i++)
        weight[i] = weight[i] * kept - scale * update[i];
}

/* Rows first: C[m, n] = alpha A B + beta C, where A and B may be transposed. */
static void product(gemm *blas, int a_turned, int b_turned, int m, int n, int k, float alpha, const float *a,
                    int a_step, const float *b, int b_step, float beta, float *c, int c_step)
{
    blas(b_turned ? "T" : "N", a_turned ? "T" : "N", &n, &m, &k, &alpha, b, &b_step, a, &a_step, &beta, c, &c_step);
}

enum { BLOCK = 64 }; /* queries at a time; they meet no key after their last */

/* Causal attention of q [batch, length, heads, size] to k and v [batch, length, key_heads, size]; y as q. Keeps the
   logarithm of each query's sum of exponentials. `scores` has room for BLOCK x length. */
void attention(gemm *blas, long batch, long length, long heads, long key_heads, long size, const float *restrict q,
               const float *restrict k, const float *restrict v, float *restrict y, float *restrict logsums,
               float *restrict scores)
{
    long step = heads * size, key_step = key_heads * size;
    for (long sequence = 0; sequence < batch; sequence++)
        for (long head = 0; head < heads; head++) {
            long at = sequence * length * step + head * size;
            long key_at = sequence * length * key_step + head / (heads / key_heads) * size;
            for (long first = 0; first < length; first += BLOCK) {
                long rows = length - first < BLOCK ? length - first : BLOCK, keys = first + rows;
                product(blas, 0, 1, rows, keys, size, 1 / sqrtf(size), q + at + first * step, step, k + key_at,
                        key_step, 0, scores, length);
                float totals[BLOCK];
                for (long row = 0; row < rows; row++) {
                    long seen = first + row + 1;
                    float *line = scores + row * length, highest = exponentials(seen, line, totals + row);
                    logsums[(sequence * heads + head) * length + first + row] = highest + logf(totals[row]);
                    memset(line + seen, 0, (keys - seen) * sizeof *line);
                }
                product(blas, 0, 0, rows, size, keys, 1, scores, length, v + key_at, key_step, 0,
                        y + at + first * step, step);
                for (long row = 0; row < rows; row++) {
                    float *line = y + at + (first + row) * step, scale = 1 / totals[row];
#pragma omp simd
                    for (long i = 0; i < size; i++)
                        line[i] *= scale;
                }
            }
        }
}

/* grad_k and grad_v grow; they start as zeros. `scores` has room for 2 BLOCK x length. */
void attention_gradient(gemm *blas, long batch, long length, long heads, long key_heads, long size,
                        const float *restrict q, const float *restrict k, const float *restrict v,
                        const float *restrict y, const float *restrict logsums, const float *restrict gradient,
                        float *restrict grad_q, float *restrict grad_k, float *restrict grad_v, float *restrict scores)
{
    long step = heads * size, key_step = key_heads * size;
    float root = 1 / sqrtf(size), *slopes = scores + BLOCK * length;
    for (long sequence = 0; sequence < batch; sequence++)
        for (long head = 0; head < heads; head++) {
            long start = sequence * length * step + head * size;
            long key_at = sequence * length * key_step + head / (heads / key_heads) * size;
            for (long first = 0; first < length; first += BLOCK) {
                long rows = length - first < BLOCK ? length - first : BLOCK, keys = first + rows;
                long at = start + first * step;
                product(blas, 0, 1, rows, keys, size, root, q + at, step, k + key_at, key_step, 0, scores, length);
                product(blas, 0, 1, rows, keys, size, 1, gradient + at, step, v + key_at, key_step, 0, slopes, length);
                for (long row = 0; row < rows; row++) {
                    long seen = first + row + 1;
                    float *weight = scores + row * length, *slope = slopes + row * length, along = 0;
                    const float *g = gradient + at + row * step, *mean = y + at + row * step;
                    float logsum = logsums[(sequence * heads + head) * length + first + row];
#pragma omp simd reduction(+ : along)
                    for (long i = 0; i < size; i++)
                        along += g[i] * mean[i];
#pragma omp simd
                    for (long i = 0; i < seen; i++) {
                        weight[i] = exponential(weight[i] - logsum);
                        slope[i] = weight[i] * (slope[i] - along) * root;
                    }
                    memset(weight + seen, 0, (keys - seen) * sizeof *weight);
                    memset(slope + seen, 0, (keys - seen) * sizeof *slope);
                }
                product(blas, 1, 0, keys, size, rows, 1, scores, length, gradient + at, step, 1, grad_v + key_at,
                        key_step);
                product(blas, 1, 0, keys, size, rows, 1, slopes, length, q + at, step, 1, grad_k + key_at, key_step);
                product(blas, 0, 0, rows, size, keys, 1, slopes, length, k + key_at, key_step, 0, grad_q + at, step);
            }
        }
}
