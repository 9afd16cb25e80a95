// Exact arithmetic in JavaScript, as logreg_parity/truth/exact.py has it; hashes.py runs it by node.
// A line of JSON comes in, then float64 numbers: constants, rows, a point. Numbers go out: points and velocity, or values.
// JavaScript has no int64: a count of top 2^-51 is a number without a fraction, and sums are kept in two of them.
"use strict";
const input = require("fs").readFileSync(0), line = input.indexOf(10);
const given = JSON.parse(input.subarray(0, line).toString());
const single = given.dtype === "float32";
const all = new Float64Array(input.buffer.slice(input.byteOffset + line + 1, input.byteOffset + input.length));
let taken = 0;
const part = {};
for (const [name, length] of given.parts) part[name] = length === null ? null : all.subarray(taken, taken += length);
const [PER_LOG2, LOG2_HIGH, LOG2_LOW, LOG2, SQRT2_MINUS_1, LOWEST] = part.constants;
const { EXP, LOG } = part, { features, blocks, rows, each, steps, nesterov, momentum, rate } = given, n = blocks * rows;

const view = new DataView(new ArrayBuffer(8));
const power = (exponent) => { view.setUint32(0, (exponent + 1023) << 20); view.setUint32(4, 0); return view.getFloat64(0); };
const exponentOf = (x) => { view.setFloat64(0, x); return ((view.getUint32(0) >>> 20) & 0x7ff) - 1023; };
const MAGIC = 6755399441055744; // 3 · 2^51: adding it rounds to whole numbers
const kept = (x) => !single ? x : Math.fround(Math.abs(x) < 2 ** -126 ? 0 : x);
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
function total(x, r, top) {
  if (Number.isNaN(top)) return NaN;
  const M = 3 * top, unit = top * 2 ** -51;
  let high = 0, low = 0;
  for (let i = 0; i < r.length; i++) {
    const count = (((x ? x[i] * r[i] : r[i]) + M) - M) / unit, h = Math.floor(count / 67108864);
    high += h; low += count - h * 67108864;
  }
  return (high * 67108864 + low) * unit;
}
function powerAboveAll(x) {
  let most = 0;
  for (const v of x) { if (!Number.isFinite(v)) return NaN; most = Math.max(most, Math.abs(v)); }
  return power(Math.max(exponentOf(most), -900) + 1);
}
const at = (values, k, length) => values && values.subarray(each ? k * length : 0, (each ? k : 0) * length + length);
function logits(theta, columns) {
  const t = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let sum = columns[i] * theta[0];
    for (let j = 1; j < features; j++) sum = sum + columns[j * n + i] * theta[j];
    t[i] = kept(sum);
  }
  return t;
}
function terms(t, up, down, own, sign) {
  return t.map((z, i) => {
    let a = own(z);
    if (up) a = kept(up[i] * a);
    return down ? kept(a + sign * kept(down[i] * own(-z))) : a;
  });
}
function walk() {
  let theta = part.theta.slice();
  const velocity = part.velocity.slice(), out = [...theta];
  for (let c = 0; c < steps; c++) {
    const columns = at(part.columns, c, features * n), top = at(part.top, c, features), largest = at(part.largest, c, features);
    const fits = theta.every((w, j) => largest[j] * Math.abs(w) < 2 ** 1000);
    const r = terms(logits(theta, columns), at(part.up, c, n), at(part.down, c, n), sigmoid, -1);
    theta = theta.map((w, j) => {
      const g = stored(total(columns.subarray(j * n, j * n + n), r, fits ? top[j] : NaN) + part.penalty[j] * w);
      velocity[j] = stored(momentum * velocity[j] + g);
      return stored(w - rate * (nesterov ? stored(g + momentum * velocity[j]) : velocity[j]));
    });
    for (const w of theta) out.push(w);
  }
  return [...out, ...velocity];
}
function objectives() {
  const out = [];
  for (let c = 0; c < steps; c++) {
    const theta = part.points.subarray(c * features, c * features + features);
    const losses = terms(logits(theta, at(part.columns, c, features * n)), at(part.up, c, n), at(part.down, c, n), softplus, 1);
    const squares = theta.map((w, j) => 0.5 * part.penalty[j] * w * w);
    out.push(kept(total(null, losses, powerAboveAll(losses)) + total(null, squares, powerAboveAll(squares))));
  }
  return out;
}
process.stdout.write(Buffer.from(Float64Array.from(given.what === "walk" ? walk() : objectives()).buffer));
