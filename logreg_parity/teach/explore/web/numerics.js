/**
 * The third twin: loss, gradient and Hessian of logistic regression by hand, in the order of logreg_torch and logreg_jax.
 *
 * Every function takes `r`, the rounding after each operation: EXACT for float64, which JavaScript computes in, or
 * Math.fround for float32. A float64 sum, product or quotient of float32 numbers, rounded to float32, is the correctly
 * rounded float32 result (53 ≥ 2 · 24 + 2 bits), so that float32 here is float32, operation for operation.
 *
 * Shapes: X (D) columns of (N,), y (N,), theta (D + 1,) with the bias last, z logit, p probability of class 1.
 */

export const EXACT = (x) => x;
export const ROUNDINGS = { float64: EXACT, float32: Math.fround };

/** What the clamped and the epsilon form keep p away from 0 and 1 with. */
export const EPSILON = 1e-7;

/** σ(z) = 1 / (1 + exp(-z)), written so that exp never overflows. */
export function sigmoid(z, r) {
  const e = r(Math.exp(-Math.abs(z)));
  return r((z >= 0 ? 1 : e) / r(1 + e));
}

/** log(1 + exp(z)) as max(z, 0) + log1p(exp(-|z|)): two terms of one sign, so nothing cancels. */
export function softplus(z, r) {
  return r(Math.max(z, 0) + r(Math.log1p(r(Math.exp(-Math.abs(z))))));
}

function stableLoss(z, y, r) {
  if (y === 1) return softplus(-z, r);
  if (y === 0) return softplus(z, r);
  return r(r(y * softplus(-z, r)) + r(r(1 - y) * softplus(z, r)));
}

function stableSlope(z, y, r) {
  return r(r(r(1 - y) * sigmoid(z, r)) - r(y * sigmoid(-z, r)));
}

/**
 * A form that goes through p: its loss from guarded p and 1 - p, its slope by the chain rule as automatic
 * differentiation takes it, factor by factor, so that it is NaN or infinite where theirs is.
 * @param guard (p, r) => [what stands in the first logarithm, what in the second, whether p still counts]
 */
function through(guard) {
  return {
    loss(z, y, r) {
      const p = r(1 / r(1 + r(Math.exp(-z))));
      const [a, b] = guard(p, r);
      return -r(r(y * r(Math.log(a))) + r(r(1 - y) * r(Math.log(b))));
    },
    slope(z, y, r) {
      const e = r(Math.exp(-z));
      const p = r(1 / r(1 + e));
      const [a, b, counts] = guard(p, r);
      const byP = counts ? r(r(r(1 - y) / b) - r(y / a)) : 0;
      return r(r(byP * r(p * p)) * e);
    },
  };
}

function clamp(p, r) {
  const [low, high] = [r(EPSILON), r(1 - EPSILON)];
  const q = Math.min(Math.max(p, low), high);
  return [q, r(1 - q), !(p < low || p > high)];
}

/** The forms of the loss: value and derivative by the logit, of one row. */
export const FORMS = {
  logits: { loss: stableLoss, slope: stableSlope },
  textbook: through((p, r) => [p, r(1 - p), true]),
  clamped: through(clamp),
  epsilon: through((p, r) => [r(p + r(EPSILON)), r(r(1 - p) + r(EPSILON)), true]),
};

/** z = Xw + b of row i. */
export function logit({ X }, theta, i, r) {
  let z = r(X[0][i] * theta[0]);
  for (let j = 1; j < X.length; j++) z = r(z + r(X[j][i] * theta[j]));
  return r(z + theta[X.length]);
}

/** The objective: the mean or sum of the losses and (l2 / 2) ‖w‖². options: {form, reduction, l2, r}. */
export function objective(data, theta, { form, reduction, l2, r }) {
  const { loss } = FORMS[form];
  const n = data.y.length;
  let total = 0;
  for (let i = 0; i < n; i++) total = r(total + loss(logit(data, theta, i, r), data.y[i], r));
  return r(reduced(total, n, reduction, r) + penalty(data, theta, l2, r));
}

function reduced(total, n, reduction, r) {
  return reduction === "mean" ? r(total / n) : total;
}

function penalty({ X }, theta, l2, r) {
  const half = r(r(l2) / 2); // first: the square of a large weight is infinite, and 0 times that is not a number
  let sum = 0;
  for (let j = 0; j < X.length; j++) sum = r(sum + r(r(half * theta[j]) * theta[j]));
  return sum;
}

/** The objective and its gradient (D + 1,). */
export function valueAndGradient(data, theta, { form, reduction, l2, r }) {
  const { loss, slope } = FORMS[form];
  const { X, y } = data;
  const [n, d] = [y.length, X.length];
  const sums = new Array(d + 1).fill(0);
  let total = 0;
  for (let i = 0; i < n; i++) {
    const z = logit(data, theta, i, r);
    const s = slope(z, y[i], r);
    total = r(total + loss(z, y[i], r));
    for (let j = 0; j < d; j++) sums[j] = r(sums[j] + r(s * X[j][i]));
    sums[d] = r(sums[d] + s);
  }
  const gradient = sums.map((sum) => reduced(sum, n, reduction, r));
  for (let j = 0; j < d; j++) gradient[j] = r(gradient[j] + r(r(l2) * theta[j]));
  return { value: r(reduced(total, n, reduction, r) + penalty(data, theta, l2, r)), gradient };
}

/** The second derivative (D + 1, D + 1) of the objective in float64, the bias last. */
export function hessian({ X, y }, theta, { reduction, l2 }) {
  const [n, d] = [y.length, X.length];
  const H = Array.from({ length: d + 1 }, () => new Array(d + 1).fill(0));
  for (let i = 0; i < n; i++) {
    const z = logit({ X }, theta, i, EXACT);
    const curvature = sigmoid(z, EXACT) * sigmoid(-z, EXACT);
    for (let j = 0; j <= d; j++) {
      for (let k = 0; k <= j; k++) H[j][k] += curvature * (j < d ? X[j][i] : 1) * (k < d ? X[k][i] : 1);
    }
  }
  for (let j = 0; j <= d; j++) {
    for (let k = 0; k <= j; k++) {
      H[j][k] = H[k][j] = reduced(H[j][k], n, reduction, EXACT) + (j === k && j < d ? l2 : 0);
    }
  }
  return H;
}

/** The largest eigenvalue of a symmetric matrix, by Jacobi's rotations. */
export function largestEigenvalue(H) {
  const A = H.map((row) => [...row]);
  for (let sweep = 0; sweep < 8; sweep++) {
    for (let j = 0; j < A.length; j++) for (let k = j + 1; k < A.length; k++) rotate(A, j, k);
  }
  return A.reduce((most, row, j) => Math.max(most, row[j]), -Infinity);
}

/** Turn the axes j and k so that A[j][k] becomes 0, in place. */
function rotate(A, j, k) {
  const angle = Math.atan2(2 * A[j][k], A[k][k] - A[j][j]) / 2;
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  for (const row of A) [row[j], row[k]] = [c * row[j] - s * row[k], s * row[j] + c * row[k]];
  [A[j], A[k]] = [A[j].map((x, i) => c * x - s * A[k][i]), A[j].map((x, i) => s * x + c * A[k][i])];
}
