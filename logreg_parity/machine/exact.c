/* Exact arithmetic in C, as logreg_parity/truth/exact.py has it; hashes.py compiles and calls it.

Products must not be contracted with sums: -ffp-contract=off. All numbers are double; with `single` those that are kept
are rounded to float. Rows are (D + 1, K, B) for all steps, or (C, D + 1, K, B) for each. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const double *EXP, *LOG; /* coefficients, the highest power last */
static int n_exp, n_log;
static double PER_LOG2, LOG2_HIGH, LOG2_LOW, LOG2, SQRT2_MINUS_1, LOWEST;

void constants(const double *e, int ne, const double *l, int nl, const double *c) {
    EXP = e, n_exp = ne, LOG = l, n_log = nl;
    PER_LOG2 = c[0], LOG2_HIGH = c[1], LOG2_LOW = c[2], LOG2 = c[3], SQRT2_MINUS_1 = c[4], LOWEST = c[5];
}

typedef struct {
    int features, blocks, rows; /* D + 1, K, B */
    int each, single;
    const double *columns, *up, *down, *top, *largest, *penalty;
} Rows;

static int64_t bits(double x) { int64_t b; memcpy(&b, &x, 8); return b; }
static double number(int64_t b) { double x; memcpy(&x, &b, 8); return x; }
static double kept(double x, int single) { return !single ? x : (double)(float)(fabs(x) < 0x1p-126 ? 0.0 : x); }
static double stored(double x, int single) { return kept(fabs(x) < (single ? 0x1p-126 : 0x1p-480) ? 0.0 : x, single); }

static double exp_minus_abs(double t) {
    double x = -fabs(t);
    x = x < LOWEST ? LOWEST : x;
    double k = rint(x * PER_LOG2), r = (x - k * LOG2_HIGH) - k * LOG2_LOW, q = EXP[n_exp - 1];
    for (int i = n_exp - 2; i >= 0; i--) q = q * r + EXP[i];
    return (1 + (r + r * r * q)) * number((int64_t)((uint64_t)bits(k + (0x1.8p52 + 1023)) << 52));
}

double sigmoid(double t, int single) {
    double e = exp_minus_abs(t);
    return kept((t >= 0 ? 1.0 : e) / (1 + e), single);
}

double softplus(double t, int single) {
    double e = exp_minus_abs(t);
    int big = e > SQRT2_MINUS_1;
    double f = big ? (e - 1) * 0.5 : e, s = f / (2 + f), u = s * s, p = LOG[n_log - 1];
    for (int i = n_log - 2; i >= 0; i--) p = p * u + LOG[i];
    double above = t != t ? t : t > 0 ? t : 0.0;
    return kept(above + ((big ? LOG2 : 0.0) + (f - s * (f - u * p))), single);
}

/* The sum of x r over the rows of one block, or of r where there is no x, as an integer that counts top 2^-51. */
static int64_t counted(const double *x, const double *r, int rows, double top) {
    double M = 3 * top;
    int64_t S = 0, zero = bits(M);
    for (int i = 0; i < rows; i++) {
        double term = x ? x[i] * r[i] : r[i];
        S += bits(term + M) - zero;
    }
    return S;
}

/* The same over all blocks, as a number. */
static double total(const double *x, const double *r, int blocks, int rows, double top) {
    if (top != top) return NAN;
    int64_t high = 0, low = 0;
    for (int i = 0; i < blocks * rows; i += rows) {
        int64_t S = counted(x ? x + i : 0, r + i, rows, top);
        high += S >> 32, low += S & 0xFFFFFFFF;
    }
    return ((double)high * 0x1p32 + (double)low) * (top * 0x1p-51);
}

static double power_above_all(const double *x, int n) {
    int64_t most = 123LL << 52;
    for (int i = 0; i < n; i++) {
        int64_t b = bits(x[i]) & 0x7FFFFFFFFFFFFFFF;
        most = b > most ? b : most;
    }
    return most < 0x7FF0000000000000 ? number((most & 0x7FF0000000000000) + (1LL << 52)) : NAN;
}

static void logits(const double *theta, const double *columns, const Rows *given, double *t) {
    int n = given->blocks * given->rows;
    for (int i = 0; i < n; i++) t[i] = columns[i] * theta[0];
    for (int j = 1; j < given->features; j++) {
        const double *x = columns + (size_t)j * n;
        double w = theta[j];
        for (int i = 0; i < n; i++) t[i] = t[i] + x[i] * w;
    }
    for (int i = 0; i < n; i++) t[i] = kept(t[i], given->single);
}

/* Losses, or residuals where `slope` is not 0, with the factors, in the place of the logits. */
static void terms(double *t, const double *up, const double *down, const Rows *given, int slope) {
    int single = given->single;
    for (int i = 0; i < given->blocks * given->rows; i++) {
        double z = t[i], a = slope ? sigmoid(z, single) : softplus(z, single);
        if (up) a = kept(up[i] * a, single);
        if (down) {
            double b = kept(down[i] * (slope ? sigmoid(-z, single) : softplus(-z, single)), single);
            a = kept(slope ? a - b : a + b, single);
        }
        t[i] = a;
    }
}

void walk(const Rows *given, int steps, double *theta, double *velocity, double rate, double momentum, int nesterov,
          double *points) {
    int d = given->features, n = given->blocks * given->rows, single = given->single;
    double *r = malloc(sizeof(double) * n);
    memcpy(points, theta, sizeof(double) * d);
    for (int c = 0; c < steps; c++) {
        size_t k = given->each ? c : 0;
        const double *columns = given->columns + k * d * n, *top = given->top + k * d, *largest = given->largest + k * d;
        int fits = 1;
        for (int j = 0; j < d; j++) fits = fits && largest[j] * fabs(theta[j]) < 0x1p1000;
        logits(theta, columns, given, r);
        terms(r, given->up ? given->up + k * n : 0, given->down ? given->down + k * n : 0, given, 1);
        for (int j = 0; j < d; j++) {
            double g = total(columns + (size_t)j * n, r, given->blocks, given->rows, fits ? top[j] : NAN);
            g = stored(g + given->penalty[j] * theta[j], single);
            double v = velocity[j] = stored(momentum * velocity[j] + g, single);
            double along = nesterov ? stored(g + momentum * v, single) : v;
            points[(size_t)(c + 1) * d + j] = stored(theta[j] - rate * along, single);
        }
        memcpy(theta, points + (size_t)(c + 1) * d, sizeof(double) * d);
    }
    free(r);
}

void objectives(const Rows *given, int steps, const double *points, double *values) {
    int d = given->features, n = given->blocks * given->rows;
    double *t = malloc(sizeof(double) * n), *squares = malloc(sizeof(double) * d);
    for (int c = 0; c < steps; c++) {
        size_t k = given->each ? c : 0;
        const double *theta = points + (size_t)c * d;
        logits(theta, given->columns + k * d * n, given, t);
        terms(t, given->up ? given->up + k * n : 0, given->down ? given->down + k * n : 0, given, 0);
        for (int j = 0; j < d; j++) squares[j] = 0.5 * given->penalty[j] * theta[j] * theta[j];
        double value = total(0, t, given->blocks, given->rows, power_above_all(t, n));
        values[c] = kept(value + total(0, squares, 1, d, power_above_all(squares, d)), given->single);
    }
    free(t), free(squares);
}

/* One block of a fit: the losses, and the integers of the gradient and, where there are tops, of the Hessian's lower
triangle. */
void add(const Rows *given, const double *theta, const double *tops, double *losses, int64_t *slopes, int64_t *bends) {
    int d = given->features, n = given->rows;
    double *t = malloc(sizeof(double) * n), *r = malloc(sizeof(double) * n);
    logits(theta, given->columns, given, t);
    memcpy(losses, t, sizeof(double) * n), memcpy(r, t, sizeof(double) * n);
    terms(losses, given->up, given->down, given, 0), terms(r, given->up, given->down, given, 1);
    for (int j = 0; j < d; j++) slopes[j] = counted(given->columns + (size_t)j * n, r, n, given->top[j]);
    for (int i = 0; tops && i < n; i++) {
        double h = sigmoid(t[i], 0) * sigmoid(-t[i], 0);
        t[i] = given->up ? (given->down ? given->up[i] + given->down[i] : given->up[i]) * h : h;
    }
    for (int j = 0; tops && j < d; j++) {
        for (int i = 0; i < n; i++) r[i] = given->columns[(size_t)j * n + i] * t[i];
        for (int i = j; i < d; i++) bends[i * d + j] = counted(given->columns + (size_t)i * n, r, n, tops[i * d + j]);
    }
    free(t), free(r);
}
