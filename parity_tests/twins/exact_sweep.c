/* Whether contraction can change a float32 σ or softplus: ./sweep STRIDE looks at every STRIDE-th block of 4096 numbers.

A product that is contracted with the sum after it changes a float64 result by a few units u = 2^-53, whatever subset of
products it happens to. So it can change the float32 result only where the float64 one is within DISTANCE of a midpoint
of two float32 numbers: there every subset is tried. coefs.h, from exact.py, has the constants.

Products by 0 and by powers of two, and k times a part of log 2, are exact and left out. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "coefs.h"
#ifndef FUSED /* -DFUSED(a,b,c)=... plants a fault */
#define FUSED(a, b, c) fma(a, b, c)
#endif
#define SUM(site, a, b, c) ((mask >> (site)) & 1 ? FUSED(a, b, c) : (a) * (b) + (c))
#define DISTANCE (16 * 0x1p-53)
#define SITES_SIGMOID 10
#define SITES_SOFTPLUS 18
#define INLINE static inline __attribute__((always_inline))

INLINE double exp_minus_abs(double t, unsigned mask) {
    double x = -fabs(t);
    x = x > LOWEST ? x : LOWEST;
    double k = nearbyint(x * PER_LOG2), r = (x - k * LOG2_HIGH) - k * LOG2_LOW, q = EXP[9];
    for (int i = 8; i >= 0; i--) q = SUM(i, q, r, EXP[i]);
    double s = SUM(9, r * r, q, r), biased = k + (0x1.8p52 + 1023), power;
    int64_t b;
    memcpy(&b, &biased, 8);
    b = (int64_t)((uint64_t)b << 52);
    memcpy(&power, &b, 8);
    return (1 + s) * power;
}

INLINE double sigmoid(double t, unsigned mask) {
    double e = exp_minus_abs(t, mask);
    return (t >= 0 ? 1.0 : e) / (1 + e);
}

INLINE double softplus(double t, unsigned mask) {
    double e = exp_minus_abs(t, mask);
    int big = e > SQRT2_MINUS_1;
    double f = big ? (e - 1) * 0.5 : e, s = f / (2 + f), u = s * s, p = LOG[6];
    for (int i = 5; i >= 0; i--) p = SUM(10 + i, p, u, LOG[i]);
    double inner = SUM(16, -u, p, f), log = SUM(17, -s, inner, f);
    return (t > 0 ? t : 0.0) + ((big ? LOG2 : 0.0) + log);
}

int main(int count, char **words) {
    long looked = 0, near = 0, varies = 0, stride = count > 1 ? atol(words[1]) : 1;
    static double found[2][4096];
    static uint32_t number[4096];
    static float t[4096];
    for (uint64_t block = 0; block < (1ull << 32) / 4096; block += stride) {
        uint32_t first = (uint32_t)(block * 4096);
        if (((first >> 23) & 255) == 255) continue; /* infinite, or no number */
        for (int i = 0; i < 4096; i++) number[i] = first + i;
        memcpy(t, number, sizeof t);
        for (int i = 0; i < 4096; i++) found[0][i] = sigmoid(t[i], 0); /* by vector instructions */
        for (int i = 0; i < 4096; i++) found[1][i] = softplus(t[i], 0);
        looked += 4096;
        for (int i = 0; i < 4096; i++)
            for (int which = 0; which < 2; which++) {
                double y = found[which][i];
                if ((float)(y * (1 - DISTANCE)) == (float)(y * (1 + DISTANCE))) continue;
                if (fabsf((float)y) < 0x1p-126f && y < 0x1p-126 * (1 - DISTANCE)) continue; /* flushed: 0 */
                int other = 0;
                for (unsigned mask = 0; mask < 1u << (which ? SITES_SOFTPLUS : SITES_SIGMOID); mask++)
                    other |= (float)(which ? softplus(t[i], mask) : sigmoid(t[i], mask)) != (float)y;
                near++, varies += other;
            }
    }
    printf("%ld %ld %ld\n", looked, near, varies);
}
