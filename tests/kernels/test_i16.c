/* Products of int16: the same bits in every table, no sum that leaves int32, and close to the
 * products of the floats. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "harness.h"

enum { MOST_DEPTH = 3000, ROWS = 29, COLUMNS = 83 };

/* ---- rows ---- */

static void fill_row(float *x, int64_t count, int kind)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = (float)random_between(-1000, 1000) / 1000;
    switch (kind) {
    case 1: /* one huge channel */ x[count / 2] = 3e8f; break;
    case 2: /* all alike: the L2 norm is the limit */
        for (int64_t i = 0; i < count; i++)
            x[i] = -0.7f;
        break;
    case 3: /* near the largest float */
        for (int64_t i = 0; i < count; i++)
            x[i] = i % 2 ? 3e38f : -3.3e38f;
        break;
    case 4: /* squares are zero as floats */
        for (int64_t i = 0; i < count; i++)
            x[i] *= 1e-25f;
        break;
    case 5: memset(x, 0, (size_t)count * sizeof *x); break;
    case 6: /* too small to divide by */
        for (int64_t i = 0; i < count; i++)
            x[i] *= 1e-38f;
        break;
    case 7: /* small enough for zeros, and not too small to divide by */
        for (int64_t i = 0; i < count; i++)
            x[i] *= 1e-32f;
        break;
    case 8: x[count - 1] = INFINITY; break;
    case 9: x[0] = NAN; break;
    case 10: /* a NaN beside zeros */
        memset(x, 0, (size_t)count * sizeof *x);
        x[count / 3] = NAN;
        break;
    default: break;
    }
}

enum { ROW_KINDS = 11, FIRST_INFINITE = 8 };

static void check_row(const float *x, int64_t count, const int16_t *q, float scale, int kind)
{
    double largest = 0, norm = 0;
    for (int64_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)x[i]));
        norm += (double)q[i] * q[i];
    }
    if (kind >= FIRST_INFINITE) {
        assert_true(isnan(scale));
        return;
    }
    assert_true(norm < 46200.0 * 46200.0);
    double unit = fmax(1e-30, scale);
    for (int64_t i = 0; i < count; i++)
        assert_true(fabs(x[i] - (double)q[i] * scale) <= 0.51 * unit);
    if (largest > 1e-29) /* the scale is as small as the limits allow */
        assert_true(norm > 45900.0 * 45900.0 || largest / scale > 32760.0);
}

enum { MOST_ROWS = 30, MOST_PARTS = 9 };

/* Rows together: each has the integers and the scale of a row alone, the same in every table. */
static void check_rows(const de_i16_rows *rows, const int *kinds, const float *x)
{
    int64_t count = rows->parts * rows->depth, even = count + count % 2, stride = even + 3;
    int16_t *expected = malloc((size_t)even * sizeof *expected),
            *q = malloc((size_t)(rows->rows * stride) * sizeof *q);
    float scales[MOST_ROWS], scale;
    for (int table = 0; table < TEST_TABLES; table++) {
        const de_kernels *kernels = de_kernels_find(test_tables[table]);
        if (!kernels)
            continue;
        memset(q, 0x55, (size_t)(rows->rows * stride) * sizeof *q);
        kernels->quantise(rows, q, stride, scales);
        for (int64_t r = 0; r < rows->rows; r++) {
            de_i16_rows alone = *rows;
            alone.pieces += r;
            alone.rows = 1;
            de_kernels_ref.quantise(&alone, expected, 0, &scale);
            check_row(x + r * count, count, expected, scale, kinds[r]);
            assert_memory_equal(q + r * stride, expected, (size_t)even * sizeof *q);
            assert_true(memcmp(&scales[r], &scale, sizeof scale) == 0 || isnan(scale));
            assert_int_equal(isnan(scales[r]), isnan(scale));
            assert_int_equal(q[r * stride + even], 0x5555);
        }
    }
    free(expected);
    free(q);
}

static void test_rows(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        int64_t parts = i % 3 ? 1 : random_between(2, MOST_PARTS), depth = random_between(1, 300);
        int64_t count = random_between(1, MOST_ROWS), stride = count + i % 2;
        float *x = random_floats(count * parts * depth);
        const float *pieces[MOST_PARTS * (MOST_ROWS + 1)];
        int kinds[MOST_ROWS];
        for (int64_t r = 0; r < count; r++) {
            kinds[r] = (int)random_between(0, ROW_KINDS - 1);
            fill_row(x + r * parts * depth, parts * depth, kinds[r]);
            for (int64_t part = 0; part < parts; part++)
                pieces[r + part * stride] = x + (r * parts + part) * depth;
        }
        check_rows(&(de_i16_rows){pieces, count, parts, stride, depth}, kinds, x);
        free(x);
    }
}

/* ---- products ---- */

typedef struct product {
    int64_t rows, depth, columns;
    int kind;
    int16_t *x, *panels, *gate;
    const void *pointers[ROWS];
    float row_scales[ROWS];
    float *scales, *gate_scales, *bias, *gate_bias, *residual;
    double *rows_values, *weights, *gates; /* what the operands mean */
} product;

/* Rows of both operands are alike in `kind`: with kind 2 every sum is the largest there can be. */
static int16_t *make_panels(const product *p, float **scales, double **values)
{
    int64_t padded = de_round_up(p->columns, DE_PANEL), pairs = (p->depth + 1) / 2;
    int16_t *panels = de_aligned_alloc((size_t)(padded * pairs * 2) * sizeof *panels);
    int16_t *q = calloc((size_t)(2 * pairs), sizeof *q);
    float *column = random_floats(p->depth);
    *scales = calloc((size_t)padded, sizeof **scales);
    *values = new_doubles(padded * p->depth);
    assert_non_null(panels);
    memset(panels, 0, (size_t)(padded * pairs * 2) * sizeof *panels);
    for (int64_t c = 0; c < p->columns; c++) {
        fill_row(column, p->depth, p->kind);
        const float *piece = column;
        de_kernels_ref.quantise(&(de_i16_rows){&piece, 1, 1, 1, p->depth}, q, 0, *scales + c);
        for (int64_t k = 0; k < p->depth; k++) {
            panels[(c / DE_PANEL * pairs + k / 2) * 2 * DE_PANEL + c % DE_PANEL * 2 + k % 2] = q[k];
            (*values)[c * p->depth + k] = column[k];
        }
    }
    free(q);
    free(column);
    return panels;
}

static product make_product(int i)
{
    static const int kinds[] = {0, 0, 1, 2, 5};
    product p = {.rows = random_between(1, ROWS),
                 .depth = random_between(1, i % 4 ? 70 : MOST_DEPTH),
                 .columns = random_between(1, COLUMNS),
                 .kind = kinds[i % 5]};
    int64_t even = p.depth + p.depth % 2;
    p.x = calloc((size_t)(p.rows * even), sizeof *p.x);
    p.rows_values = new_doubles(p.rows * p.depth);
    float *row = random_floats(p.depth);
    for (int64_t r = 0; r < p.rows; r++) {
        fill_row(row, p.depth, p.kind);
        const float *piece = row;
        p.pointers[r] = p.x + r * even;
        de_kernels_ref.quantise(&(de_i16_rows){&piece, 1, 1, 1, p.depth}, p.x + r * even, 0,
                                &p.row_scales[r]);
        for (int64_t k = 0; k < p.depth; k++)
            p.rows_values[r * p.depth + k] = row[k];
    }
    free(row);
    p.panels = make_panels(&p, &p.scales, &p.weights);
    p.gate = make_panels(&p, &p.gate_scales, &p.gates);
    p.bias = random_floats(de_round_up(p.columns, DE_PANEL));
    p.gate_bias = random_floats(de_round_up(p.columns, DE_PANEL));
    p.residual = random_floats(p.rows * p.columns);
    return p;
}

static void free_product(product *p)
{
    void *all[] = {p->x,         p->panels,   p->gate,        p->scales,  p->gate_scales, p->bias,
                   p->gate_bias, p->residual, p->rows_values, p->weights, p->gates};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static de_gemm gemm_of(const product *p, float *y)
{
    return (de_gemm){.rows = p->rows,
                     .taps = 1,
                     .depth = p->depth,
                     .columns = p->columns,
                     .kind = DE_KIND_I16,
                     .x = p->pointers,
                     .panels = p->panels,
                     .row_scales = p->row_scales,
                     .column_scales = p->scales,
                     .bias = p->bias,
                     .residual = p->residual,
                     .y = y,
                     .y_stride = p->columns};
}

/* No value is further from the floats' product than the rounding of both operands explains. */
static void check_product(const product *p, const float *y)
{
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t c = 0; c < p->columns; c++) {
            double sum = 0, allowed = 1e-5;
            for (int64_t k = 0; k < p->depth; k++) {
                double x = p->rows_values[r * p->depth + k], w = p->weights[c * p->depth + k];
                sum += x * w;
                allowed += 0.51 * (fabs(x) * p->scales[c] + fabs(w) * p->row_scales[r]) +
                           0.3 * p->scales[c] * p->row_scales[r] + 3e-7 * fabs(x * w);
            }
            double other = p->bias[c] + (double)p->residual[r * p->columns + c];
            assert_true(fabs(y[r * p->columns + c] - sum - other) <= allowed + 1e-6 * fabs(sum));
        }
}

static void test_products(void **state)
{
    (void)state;
    for (int i = 0; i < 60; i++) {
        product p = make_product(i);
        int64_t count = p.rows * p.columns;
        float *expected = random_floats(count), *y = random_floats(count),
              *gated = random_floats(count);
        de_gemm gemm = gemm_of(&p, expected);
        de_kernels_ref.gemm(&gemm);
        check_product(&p, expected);
        for (int table = 0; table < TEST_TABLES; table++) {
            const de_kernels *kernels = de_kernels_find(test_tables[table]);
            if (!kernels)
                continue;
            gemm = gemm_of(&p, y);
            kernels->gemm(&gemm);
            assert_memory_equal(y, expected, (size_t)count * sizeof *y);
            /* GELU is each table's own */
            gemm = gemm_of(&p, y);
            gemm.residual = NULL;
            kernels->gemm(&gemm);
            gemm = gemm_of(&p, gated);
            gemm.residual = NULL;
            gemm.gate = p.gate;
            gemm.gate_scales = p.gate_scales;
            gemm.gate_bias = p.gate_bias;
            kernels->gemm(&gemm);
            gemm = gemm_of(&p, expected);
            gemm.residual = NULL;
            gemm.panels = p.gate;
            gemm.column_scales = p.gate_scales;
            gemm.bias = p.gate_bias;
            gemm.activation = DE_GELU;
            kernels->gemm(&gemm);
            for (int64_t j = 0; j < count; j++)
                assert_true(gated[j] == y[j] * expected[j]);
            gemm = gemm_of(&p, expected);
            de_kernels_ref.gemm(&gemm);
        }
        free(expected);
        free(y);
        free(gated);
        free_product(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_products)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
