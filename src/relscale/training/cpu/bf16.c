/* Matrix products whose factors are rounded to bf16 and whose sums are float32, for processors with AVX-512 BF16, and
   what a training step does around them. All arrays are float32, in rows, without gaps. Compiled by native.py.

   One instruction multiplies 16 pairs of bf16 by 16 others and adds each pair's sum to a float32. So a factor is
   packed into *pairs*: two values that follow one another along the dimension that is summed over, in 32 bits. The left
   factor's pairs lie in rows or, where it is turned, in columns; the right one's lie in panels of PANEL columns, so that
   a tile of the result reads memory in one direction. */

#ifdef __AVX512BF16__

#include <immintrin.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LANES = 16,   /* float32 of a register */
    PANEL = 64,   /* columns of a panel of the right factor */
    TILE = 6,     /* rows of a tile of the result; with PANEL columns, it fills 24 of 32 registers */
    DEPTH = 64,   /* pairs that a tile sums before it goes back to memory: a panel's part stays in the first cache */
    STRIP = 72,   /* rows of the left factor that are packed at a time */
};

typedef uint32_t __attribute__((may_alias)) pair; /* they take the place of float32 */
typedef uint16_t __attribute__((may_alias)) bf16;

static inline long least(long a, long b) { return a < b ? a : b; }
static inline long parts(long count, long size) { return (count + size - 1) / size; }
static inline __mmask16 first_lanes(long count) { return count >= LANES ? 0xffff : (__mmask16)((1u << count) - 1); }

/* Memory that begins on a cache line; where there is none, the process ends with a word on why. */
static void *room(long bytes)
{
    void *memory = aligned_alloc(64, parts(bytes, 64) * 64);
    if (!memory && bytes) {
        fprintf(stderr, "relscale: memory does not hold %ld bytes more for products in bf16\n", bytes);
        abort();
    }
    return memory;
}

/* Pairs of two rows, each value of the first with that below it: 16 of them. */
static inline __m512i pairs_of(__m512 upper, __m512 lower)
{
    __m512i first = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(upper));
    __m512i second = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(lower));
    return _mm512_or_si512(first, _mm512_slli_epi32(second, 16));
}

/* Pairs along the rows of x [rows, width], with `step` from row to row: out [rows, width / 2]. */
static void pack_rows(long rows, long width, const float *x, long step, pair *out)
{
    long pairs = parts(width, 2);
    for (long row = 0; row < rows; row++, x += step, out += pairs)
        for (long i = 0; i < width; i += 2 * LANES) {
            __m512 low = _mm512_maskz_loadu_ps(first_lanes(least(width - i, LANES)), x + i);
            __m512 high = _mm512_setzero_ps();
            if (width - i > LANES)
                high = _mm512_maskz_loadu_ps(first_lanes(width - i - LANES), x + i + LANES);
            _mm512_mask_storeu_epi32(out + i / 2, first_lanes(pairs - i / 2),
                                     (__m512i)_mm512_cvtne2ps_pbh(high, low));
        }
}

/* Pairs along the columns of x [rows, width]: out [rows / 2, width]. */
static void pack_columns(long rows, long width, const float *x, long step, pair *out)
{
    for (long row = 0; row < rows; row += 2, x += 2 * step, out += width)
        for (long i = 0; i < width; i += LANES) {
            __mmask16 lanes = first_lanes(width - i);
            __m512 lower = row + 1 < rows ? _mm512_maskz_loadu_ps(lanes, x + step + i) : _mm512_setzero_ps();
            _mm512_mask_storeu_epi32(out + i, lanes, pairs_of(_mm512_maskz_loadu_ps(lanes, x + i), lower));
        }
}

/* The same in panels: out [width / PANEL, rows / 2, PANEL]; columns beyond the width mean nothing. */
static void pack_panels(long rows, long width, const float *x, long step, pair *out)
{
    long pairs = parts(rows, 2);
    for (long i = 0; i < width; i += LANES) {
        pair *panel = out + i / PANEL * pairs * PANEL + i % PANEL;
        __mmask16 lanes = first_lanes(width - i);
        for (long row = 0; row < rows; row += 2, panel += PANEL) {
            __m512 upper = _mm512_maskz_loadu_ps(lanes, x + row * step + i), lower = _mm512_setzero_ps();
            if (row + 1 < rows)
                lower = _mm512_maskz_loadu_ps(lanes, x + (row + 1) * step + i);
            _mm512_store_si512(panel, pairs_of(upper, lower));
        }
    }
}

/* Panels of x turned, for x [columns, width]: out [columns / PANEL, width / 2, PANEL]. */
static void pack_turned_panels(long columns, long width, const float *x, long step, pair *out)
{
    long pairs = parts(width, 2);
    pair *line = room(pairs * sizeof *line);
    for (long column = 0; column < columns; column++) {
        pack_rows(1, width, x + column * step, step, line);
        pair *panel = out + column / PANEL * pairs * PANEL + column % PANEL;
        for (long i = 0; i < pairs; i++)
            panel[i * PANEL] = line[i];
    }
    free(line);
}

/* One tile: c [rows, columns] = or += sums over `depth` pairs. Row r's pair k of the left factor is
   a[r * row_step + k * pair_step]. */
static inline __attribute__((always_inline)) void tile(const int rows, const int registers, long columns, long depth,
                                                       const pair *a, long row_step, long pair_step, const pair *b,
                                                       int adds, float *c, long step)
{
    __m512 sums[TILE][PANEL / LANES];
#pragma GCC unroll 6
    for (int row = 0; row < rows; row++)
#pragma GCC unroll 4
        for (int i = 0; i < registers; i++)
            sums[row][i] = _mm512_setzero_ps();
    for (long k = 0; k < depth; k++, a += pair_step, b += PANEL) {
        __m512bh right[PANEL / LANES];
#pragma GCC unroll 4
        for (int i = 0; i < registers; i++)
            right[i] = (__m512bh)_mm512_load_si512(b + i * LANES);
#pragma GCC unroll 6
        for (int row = 0; row < rows; row++) {
            __m512bh left = (__m512bh)_mm512_set1_epi32(a[row * row_step]);
#pragma GCC unroll 4
            for (int i = 0; i < registers; i++)
                sums[row][i] = _mm512_dpbf16_ps(sums[row][i], left, right[i]);
        }
    }
#pragma GCC unroll 6
    for (int row = 0; row < rows; row++)
#pragma GCC unroll 4
        for (int i = 0; i < registers; i++) {
            float *to = c + row * step + i * LANES;
            __mmask16 lanes = first_lanes(columns - i * LANES);
            __m512 sum = sums[row][i];
            if (adds)
                sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(lanes, to));
            _mm512_mask_storeu_ps(to, lanes, sum);
        }
}

#define TILES(rows) \
    case rows: \
        switch (registers) { \
        case 1: tile(rows, 1, columns, depth, a, row_step, pair_step, b, adds, c, step); return; \
        case 2: tile(rows, 2, columns, depth, a, row_step, pair_step, b, adds, c, step); return; \
        case 3: tile(rows, 3, columns, depth, a, row_step, pair_step, b, adds, c, step); return; \
        case 4: tile(rows, 4, columns, depth, a, row_step, pair_step, b, adds, c, step); return; \
        }

static void any_tile(long rows, long columns, long depth, const pair *a, long row_step, long pair_step, const pair *b,
                     int adds, float *c, long step)
{
    long registers = parts(columns, LANES);
    switch (rows) { TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6) }
}

/* c [rows, columns], with `step` from row to row, = or += the product of packed factors with `pairs` pairs; panels begin
   `panel_step` apart. */
static void multiply(long rows, long columns, long pairs, const pair *a, long row_step, long pair_step, const pair *b,
                     long panel_step, int adds, float *c, long step)
{
    for (long column = 0; column < columns; column += PANEL, b += panel_step)
        for (long k = 0; k < pairs; k += DEPTH)
            for (long row = 0; row < rows; row += TILE)
                any_tile(least(rows - row, TILE), least(columns - column, PANEL), least(pairs - k, DEPTH),
                         a + row * row_step + k * pair_step, row_step, pair_step, b + k * PANEL, adds || k,
                         c + row * step + column, step);
}

/* c [rows, columns] = or += a [rows, inner] times packed panels. */
static void multiply_rows(long rows, long columns, long inner, const float *a, const pair *b, int adds, float *c)
{
    long pairs = parts(inner, 2);
    pair *strip = room(STRIP * pairs * sizeof *strip);
    for (long row = 0; row < rows; row += STRIP) {
        long count = least(rows - row, STRIP);
        pack_rows(count, inner, a + row * inner, inner, strip);
        multiply(count, columns, pairs, strip, pairs, 1, b, pairs * PANEL, adds, c + row * columns, columns);
    }
    free(strip);
}

/* y = x weight^T for x [rows, inputs] and weight [outputs, inputs] */
void linear(long rows, long inputs, long outputs, const float *x, const float *weight, float *y)
{
    pair *panels = room(parts(outputs, PANEL) * PANEL * parts(inputs, 2) * sizeof *panels);
    pack_turned_panels(outputs, inputs, weight, inputs, panels);
    multiply_rows(rows, outputs, inputs, x, panels, 0, y);
    free(panels);
}

/* From the gradient of y: that of x = or += gradient weight, and that of the weight, gradient^T x. */
void linear_gradient(long rows, long inputs, long outputs, const float *x, const float *weight, const float *gradient,
                     long adds, float *grad_x, float *grad_weight)
{
    long longest = least(rows, 2 * DEPTH), pairs = parts(longest, 2);
    pair *panels = room(parts(inputs, PANEL) * PANEL * parts(outputs, 2) * sizeof *panels);
    pack_panels(outputs, inputs, weight, inputs, panels);
    multiply_rows(rows, inputs, outputs, gradient, panels, adds, grad_x);
    free(panels);

    /* The wider side of the weight in the panels. */
    int turns = outputs > inputs;
    long tall = turns ? inputs : outputs, wide = turns ? outputs : inputs;
    pair *left = room(pairs * tall * sizeof *left), *right = room(parts(wide, PANEL) * PANEL * pairs * sizeof *right);
    float *sums = turns ? room(inputs * outputs * sizeof *sums) : grad_weight;
    for (long row = 0; row < rows; row += longest) {
        long count = least(rows - row, longest);
        pack_columns(count, tall, (turns ? x : gradient) + row * tall, tall, left);
        pack_panels(count, wide, (turns ? gradient : x) + row * wide, wide, right);
        multiply(tall, wide, parts(count, 2), left, 1, tall, right, parts(count, 2) * PANEL, row > 0, sums, wide);
    }
    if (turns) {
        for (long output = 0; output < outputs; output++)
            for (long input = 0; input < inputs; input++)
                grad_weight[output * inputs + input] = sums[input * outputs + output];
        free(sums);
    }
    free(left), free(right);
}

/* e^x within 2e-7 of it; 0 below -104. */
static inline __m512 power(__m512 x)
{
    __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), 0); /* x = n ln 2 + r */
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.0f / 720);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1));
    return _mm512_scalef_ps(p, n);
}

/* e^(scale (x - max)) in place, for a positive scale; the maximum is returned, the sum stored. */
static float powers(long count, float scale, float *x, float *total)
{
    __m512 highest = _mm512_set1_ps(-INFINITY), sum = _mm512_setzero_ps(), by = _mm512_set1_ps(scale);
    __m512 other = highest;
    long whole = count / (2 * LANES) * 2 * LANES, i = 0;
    for (; i < whole; i += 2 * LANES) {
        highest = _mm512_max_ps(highest, _mm512_loadu_ps(x + i));
        other = _mm512_max_ps(other, _mm512_loadu_ps(x + i + LANES));
    }
    highest = _mm512_max_ps(highest, other);
    for (; i < count; i += LANES)
        highest = _mm512_mask_max_ps(highest, first_lanes(count - i), highest,
                                     _mm512_maskz_loadu_ps(first_lanes(count - i), x + i));
    float most = _mm512_reduce_max_ps(highest);
    highest = _mm512_set1_ps(most);
    for (i = 0; i < whole; i += LANES) {
        __m512 e = power(_mm512_mul_ps(by, _mm512_sub_ps(_mm512_loadu_ps(x + i), highest)));
        _mm512_storeu_ps(x + i, e);
        sum = _mm512_add_ps(sum, e);
    }
    for (; i < count; i += LANES) {
        __mmask16 lanes = first_lanes(count - i);
        __m512 e = power(_mm512_mul_ps(by, _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, x + i), highest)));
        _mm512_mask_storeu_ps(x + i, lanes, e);
        sum = _mm512_mask_add_ps(sum, lanes, sum, e);
    }
    *total = _mm512_reduce_add_ps(sum);
    return most;
}

/* One row of logits into its loss, e^(x - max) in place, and 1 / their sum. */
static double row_loss(long vocabulary, float most, float *logits, long long target, float *scale)
{
    float sum, wanted = logits[target], highest = powers(vocabulary, 1, logits, &sum);
    float loss = logf(sum) + (highest - wanted);
    *scale = 1 / sum;
    return loss > most ? most : loss;
}

static inline bf16 rounded(float x) { return (bf16)_mm_extract_epi16((__m128i)_mm_cvtneps_pbh(_mm_set_ss(x)), 0); }

/* Two rows of exponentials into their gradients, probabilities - one-hot: as pairs along each row, which take the
   first half of its place, and as pairs of the two, into panels that are `step` apart. */
static void differences(long vocabulary, float *upper, float *lower, const float *scales, const long long *targets,
                        pair *panels, long step)
{
    float wanted[2] = {upper[targets[0]] * scales[0] - 1, lower ? lower[targets[1]] * scales[1] - 1 : 0};
    __m512 first = _mm512_set1_ps(scales[0]), second = _mm512_set1_ps(lower ? scales[1] : 0);
    for (long i = 0; i < vocabulary; i += LANES) {
        __mmask16 lanes = first_lanes(vocabulary - i);
        __m256i above = (__m256i)_mm512_cvtneps_pbh(_mm512_mul_ps(first, _mm512_maskz_loadu_ps(lanes, upper + i)));
        __m256i below = _mm256_setzero_si256();
        _mm256_mask_storeu_epi16((bf16 *)upper + i, lanes, above);
        if (lower) {
            below = (__m256i)_mm512_cvtneps_pbh(_mm512_mul_ps(second, _mm512_maskz_loadu_ps(lanes, lower + i)));
            _mm256_mask_storeu_epi16((bf16 *)lower + i, lanes, below);
        }
        __m512i both = _mm512_or_si512(_mm512_cvtepu16_epi32(above), _mm512_slli_epi32(_mm512_cvtepu16_epi32(below), 16));
        _mm512_store_si512(panels + i / PANEL * step + i % PANEL, both);
    }
    for (int row = 0; row < (lower ? 2 : 1); row++) {
        bf16 *line = (bf16 *)(row ? lower : upper), value = rounded(wanted[row]);
        long at = targets[row];
        line[at] = value;
        ((bf16 *)(panels + at / PANEL * step + at % PANEL))[row] = value;
        if (vocabulary % 2)
            line[vocabulary] = 0;
    }
}

/* Sum of -ln softmax(hidden weight^T)[target] over rows, each at most `most`. Where gradients are wanted: of hidden
   [rows, width], and of the weight, turned: [width, vocabulary]. */
double linear_cross_entropy(long rows, long width, long vocabulary, long wants_gradients, float most,
                            const float *hidden, const float *weight, const long long *targets, float *grad_hidden,
                            float *grad_weight)
{
    long columns = parts(vocabulary, PANEL) * PANEL, across = parts(width, 2), down = parts(vocabulary, 2);
    long strip = least(rows, STRIP), high = parts(strip, 2);
    long line = down * 2; /* a row of logits, which later holds its pairs, is of even length */
    pair *output = room(columns * across * sizeof *output), *states = room(strip * across * sizeof *states);
    pair *turned = NULL, *slopes = NULL, *below = NULL;
    float *logits = room(strip * line * sizeof *logits), *scales = room((strip + 1) * sizeof *scales);
    double nats = 0;
    pack_turned_panels(vocabulary, width, weight, width, output);
    if (wants_gradients) {
        turned = room(parts(width, PANEL) * PANEL * down * sizeof *turned);
        slopes = room(columns * high * sizeof *slopes), below = room(high * width * sizeof *below);
        pack_panels(vocabulary, width, weight, width, turned);
    }
    for (long first = 0; first < rows; first += strip, targets += strip) {
        long count = least(rows - first, strip), pairs = parts(count, 2);
        pack_rows(count, width, hidden + first * width, width, states);
        multiply(count, vocabulary, across, states, across, 1, output, across * PANEL, 0, logits, line);
        for (long row = 0; row < count; row++)
            nats += row_loss(vocabulary, most, logits + row * line, targets[row], scales + row);
        if (!wants_gradients)
            continue;
        for (long row = 0; row < count; row += 2)
            differences(vocabulary, logits + row * line, row + 1 < count ? logits + (row + 1) * line : NULL,
                        scales + row, targets + row, slopes + row / 2 * PANEL, pairs * PANEL);
        multiply(count, width, down, (pair *)logits, line, 1, turned, down * PANEL, 0, grad_hidden + first * width,
                 width);
        pack_columns(count, width, hidden + first * width, width, below);
        multiply(width, vocabulary, pairs, below, 1, width, slopes, pairs * PANEL, first > 0, grad_weight, vocabulary);
    }
    free(output), free(states), free(turned), free(slopes), free(below), free(logits), free(scales);
    return nats;
}

enum { BLOCK = PANEL }; /* queries at a time; they meet no key after their last */

/* Where a head is: its queries, and its keys and values. */
static long at_query(long sequence, long length, long heads, long head, long size)
{
    return sequence * length * heads * size + head * size;
}

/* Causal attention; arguments and formulas as in native.c. */
void attention_in_bf16(long batch, long length, long heads, long key_heads, long size, const float *q, const float *k,
                       const float *v, float *y, float *logsums)
{
    long step = heads * size, key_step = key_heads * size, across = parts(size, 2), down = parts(length, 2);
    pair *keys = room(parts(length, PANEL) * PANEL * across * sizeof *keys);
    pair *values = room(parts(size, PANEL) * PANEL * down * sizeof *values);
    pair *queries = room(BLOCK * across * sizeof *queries), *weights = room(BLOCK * down * sizeof *weights);
    float *scores = room(BLOCK * length * sizeof *scores), root = 1 / sqrtf(size);
    for (long sequence = 0; sequence < batch; sequence++)
        for (long head = 0; head < heads; head++) {
            long start = at_query(sequence, length, heads, head, size);
            long key_at = at_query(sequence, length, key_heads, head / (heads / key_heads), size);
            pack_turned_panels(length, size, k + key_at, key_step, keys);
            pack_panels(length, size, v + key_at, key_step, values);
            for (long first = 0; first < length; first += BLOCK) {
                long rows = least(length - first, BLOCK), seen = first + rows, at = start + first * step;
                pack_rows(rows, size, q + at, step, queries);
                multiply(rows, seen, across, queries, across, 1, keys, across * PANEL, 0, scores, length);
                float totals[BLOCK];
                for (long row = 0; row < rows; row++) {
                    long own = first + row + 1;
                    float *line = scores + row * length, highest = powers(own, root, line, totals + row);
                    logsums[(sequence * heads + head) * length + first + row] = root * highest + logf(totals[row]);
                    memset(line + own, 0, (seen - own) * sizeof *line);
                }
                pack_rows(rows, seen, scores, length, weights);
                multiply(rows, size, parts(seen, 2), weights, parts(seen, 2), 1, values, down * PANEL, 0, y + at, step);
                for (long row = 0; row < rows; row++)
                    for (long i = 0; i < size; i++)
                        y[at + row * step + i] /= totals[row];
            }
        }
    free(keys), free(values), free(queries), free(weights), free(scores);
}

/* grad_k and grad_v grow; they start as zeros. */
void attention_gradient_in_bf16(long batch, long length, long heads, long key_heads, long size, const float *q,
                                const float *k, const float *v, const float *logsums, const float *gradient,
                                float *grad_q, float *grad_k, float *grad_v)
{
    long step = heads * size, key_step = key_heads * size, across = parts(size, 2), down = parts(length, 2);
    long tall = parts(length, PANEL) * PANEL * across, wide = parts(size, PANEL) * PANEL;
    pair *keys = room(tall * sizeof *keys), *values = room(tall * sizeof *values);
    pair *keys_down = room(wide * down * sizeof *keys_down), *packed = room(BLOCK * (down + length) * sizeof *packed);
    pair *queries = room(BLOCK * across * sizeof *queries), *below = room(wide * BLOCK / 2 * sizeof *below);
    float *scores = room(2 * BLOCK * length * sizeof *scores), *slopes = scores + BLOCK * length;
    float root = 1 / sqrtf(size);
    for (long sequence = 0; sequence < batch; sequence++)
        for (long head = 0; head < heads; head++) {
            long start = at_query(sequence, length, heads, head, size);
            long key_at = at_query(sequence, length, key_heads, head / (heads / key_heads), size);
            pack_turned_panels(length, size, k + key_at, key_step, keys);
            pack_turned_panels(length, size, v + key_at, key_step, values);
            pack_panels(length, size, k + key_at, key_step, keys_down);
            for (long first = 0; first < length; first += BLOCK) {
                long rows = least(length - first, BLOCK), seen = first + rows, at = start + first * step;
                long pairs = parts(rows, 2);
                pack_rows(rows, size, q + at, step, queries);
                multiply(rows, seen, across, queries, across, 1, keys, across * PANEL, 0, scores, length);
                pack_rows(rows, size, gradient + at, step, queries);
                multiply(rows, seen, across, queries, across, 1, values, across * PANEL, 0, slopes, length);
                for (long row = 0; row < rows; row++) {
                    long own = first + row + 1;
                    float *weight = scores + row * length, *slope = slopes + row * length;
                    __m512 scale = _mm512_set1_ps(root), means = _mm512_setzero_ps();
                    __m512 logsum = _mm512_set1_ps(logsums[(sequence * heads + head) * length + first + row]);
                    for (long i = 0; i < own; i += LANES) {
                        __mmask16 lanes = first_lanes(own - i);
                        __m512 e = power(_mm512_fmsub_ps(_mm512_maskz_loadu_ps(lanes, weight + i), scale, logsum));
                        _mm512_mask_storeu_ps(weight + i, lanes, e);
                        means = _mm512_fmadd_ps(_mm512_maskz_mov_ps(lanes, e), _mm512_maskz_loadu_ps(lanes, slope + i),
                                                means);
                    }
                    /* From these very slopes, so that what remains of them sums to 0, and not from the gradient and y,
                       whose rounding is another. */
                    __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(means));
                    for (long i = 0; i < own; i += LANES) {
                        __mmask16 lanes = first_lanes(own - i);
                        __m512 up = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, slope + i), mean);
                        __m512 e = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, weight + i), scale);
                        _mm512_mask_storeu_ps(slope + i, lanes, _mm512_mul_ps(e, up));
                    }
                    memset(weight + own, 0, (seen - own) * sizeof *weight);
                    memset(slope + own, 0, (seen - own) * sizeof *slope);
                }
                pack_panels(rows, size, gradient + at, step, below);
                pack_columns(rows, seen, scores, length, packed);
                multiply(seen, size, pairs, packed, 1, seen, below, pairs * PANEL, 1, grad_v + key_at, key_step);
                pack_panels(rows, size, q + at, step, below);
                pack_columns(rows, seen, slopes, length, packed);
                multiply(seen, size, pairs, packed, 1, seen, below, pairs * PANEL, 1, grad_k + key_at, key_step);
                pack_rows(rows, seen, slopes, length, packed);
                multiply(rows, size, parts(seen, 2), packed, parts(seen, 2), 1, keys_down, down * PANEL, 0, grad_q + at,
                         step);
            }
        }
    free(keys), free(values), free(keys_down), free(packed), free(queries), free(below), free(scores);
}

#endif

/* Whether the products above are here. */
long has_bf16_products(void)
{
#ifdef __AVX512BF16__
    return 1;
#else
    return 0;
#endif
}
