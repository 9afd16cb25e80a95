/**
 * Exact arithmetic in JavaScript, as logreg_parity/truth/exact.py has it, for the explorer and for node (exact_node.mjs).
 *
 * JavaScript has no int64: a count of top 2^-51 is a number without a fraction, and sums are kept in two of them.
 * Rows are {columns (D + 1) of (N,), up (N,) or null, down (N,) or null, top (D + 1,), largest (D + 1,)}.
 */
export function exactArithmetic({ PER_LOG2, LOG2_HIGH, LOG2_LOW, LOG2, SQRT2_MINUS_1, LOWEST, EXP, LOG }, single) {
  const view = new DataView(new ArrayBuffer(8));
  const power = (exponent) => { view.setUint32(0, (exponent + 1023) << 20); view.setUint32(4, 0); return view.getFloat64(0); };
  const exponentOf = (x) => { view.setFloat64(0, x); return ((view.getUint32(0) >>> 20) & 0x7ff) - 1023; };
  const powerAbove = (x) => (Number.isFinite(x) ? power(Math.max(exponentOf(x), -900) + 1) : NaN);
  const MAGIC = 6755399441055744; // 3 · 2^51: adding it rounds to whole numbers
  const kept = (x) => (!single ? x : Math.fround(Math.abs(x) < 2 ** -126 ? 0 : x));
  const stored = (x) => kept(Math.abs(x) < (single ? 2 ** -126 : 2 ** -480) ? 0 : x);

  function expMinusAbs(t) {
    const x = Math.max(-Math.abs(t), LOWEST), k = (x * PER_LOG2 + MAGIC) - MAGIC;
    const r = (x - k * LOG2_HIGH) - k * LOG2_LOW;
    let q = EXP[EXP.length - 1];
    for (let i = EXP.length - 2; i >= 0; i--) q = q * r + EXP[i];
    return (1 + (r + r * r * q)) * power(k);
  }

  function sigmoid(t) {
    const e = expMinusAbs(t);
    return kept((t >= 0 ? 1 : e) / (1 + e));
  }

  function softplus(t) {
    const e = expMinusAbs(t), big = e > SQRT2_MINUS_1, f = big ? (e - 1) * 0.5 : e, s = f / (2 + f), u = s * s;
    let p = LOG[LOG.length - 1];
    for (let i = LOG.length - 2; i >= 0; i--) p = p * u + LOG[i];
    return kept(Math.max(t, 0) + ((big ? LOG2 : 0) + (f - s * (f - u * p))));
  }

  /** The sum of r, or of x r, as a count of top 2^-51: [high, low], of which high stands for 2^26 each. */
  function counted(x, r, top) {
    const M = 3 * top, unit = top * 2 ** -51;
    let high = 0, low = 0;
    for (let i = 0; i < r.length; i++) {
      const count = (((x ? x[i] * r[i] : r[i]) + M) - M) / unit, h = Math.floor(count / 67108864);
      high += h;
      low += count - h * 67108864;
    }
    return [high, low];
  }

  /** The same as a number. */
  function total(x, r, top) {
    if (Number.isNaN(top)) return NaN;
    const [high, low] = counted(x, r, top);
    return (high * 67108864 + low) * (top * 2 ** -51);
  }

  const largestOf = (x) => x.reduce((most, v) => (Number.isFinite(v) && Number.isFinite(most) ? Math.max(most, Math.abs(v)) : NaN), 0);
  const sumOf = (terms) => total(null, terms, powerAbove(largestOf(terms)));

  function logits(theta, columns) {
    return columns[0].map((_, i) => {
      let sum = columns[0][i] * theta[0];
      for (let j = 1; j < theta.length; j++) sum = sum + columns[j][i] * theta[j];
      return kept(sum);
    });
  }

  function terms(t, { up, down }, own, sign) {
    return t.map((z, i) => {
      let a = own(z);
      if (up) a = kept(up[i] * a);
      return down ? kept(a + sign * kept(down[i] * own(-z))) : a;
    });
  }

  /** The next {theta, velocity}. rule: {rate, momentum, nesterov}. */
  function step({ theta, velocity }, rows, penalty, { rate, momentum, nesterov }) {
    const fits = theta.every((w, j) => rows.largest[j] * Math.abs(w) < 2 ** 1000);
    const r = terms(logits(theta, rows.columns), rows, sigmoid, -1);
    const g = theta.map((w, j) => stored(total(rows.columns[j], r, fits ? rows.top[j] : NaN) + penalty[j] * w));
    const speed = velocity.map((v, j) => stored(momentum * v + g[j]));
    const ahead = speed.map((v, j) => (nesterov ? stored(g[j] + momentum * v) : v));
    return { theta: theta.map((w, j) => stored(w - rate * ahead[j])), velocity: speed };
  }

  function objective(theta, rows, penalty) {
    const losses = terms(logits(theta, rows.columns), rows, softplus, 1);
    return kept(sumOf(losses) + sumOf(theta.map((w, j) => 0.5 * penalty[j] * w * w)));
  }

  /**
   * One block of a fit: the losses, and counts of the gradient and, where there are tops (D + 1)² by row, of the
   * Hessian's lower triangle.
   */
  function add(theta, rows, tops) {
    const { columns, up, down } = rows, t = logits(theta, columns), r = terms(t, rows, sigmoid, -1);
    const weight = (i) => (down ? up[i] + down[i] : up[i]);
    const h = t.map((z, i) => (up ? weight(i) * (sigmoid(z) * sigmoid(-z)) : sigmoid(z) * sigmoid(-z)));
    const slopes = columns.map((x, j) => counted(x, r, rows.top[j])), bends = [];
    for (let j = 0; tops && j < columns.length; j++) {
      const own = h.map((v, k) => columns[j][k] * v);
      for (let i = j; i < columns.length; i++) bends[i * columns.length + j] = counted(columns[i], own, tops[i * columns.length + j]);
    }
    return { losses: terms(t, rows, softplus, 1), slopes, bends: Array.from(bends, (count) => count ?? [0, 0]) };
  }

  /** The rows of columns X (D) of (N,) and labels y (N,) without weights, with their share in a mean or a sum. */
  function shared(X, y, reduction) {
    const labels = y.map(stored), ones = labels.map(() => 1), hard = labels.every((v) => v === 0 || v === 1);
    const share = reduction === "mean" ? kept(1 / y.length) : 1;
    const signed = (column) => column.map((v, i) => (hard ? v * (1 - 2 * labels[i]) : v));
    const columns = [...X.map((column) => signed(column.map(stored))), signed(ones)];
    const up = (hard ? ones : labels.map((v) => kept(1 - v))).map((v) => kept(v * share));
    const down = hard ? null : labels.map((v) => kept(v * share));
    const factor = Math.max(largestOf(up), down ? largestOf(down) : 0), largest = columns.map(largestOf);
    return { columns, up: hard && share === 1 ? null : up, down, largest, top: largest.map((x) => powerAbove(x * factor)) };
  }

  return { stored, step, objective, add, shared };
}
