/** The page's run once more, in exact arithmetic (docs/exact.md), and its SHA-256: that of NumPy, PyTorch, JAX and C. */
import { exactArithmetic } from "../../../machine/exact.mjs";
import { MOMENTUM } from "./descent.js";
import { batches, chosen } from "./features.js";
import { ROUNDINGS } from "./numerics.js";
import { startPoint } from "./setting.js";

const CONSTANTS = JSON.parse(document.getElementById("exact").textContent);

/** The key of the text that says why a setting has no run in exact arithmetic; null where it has one. */
export function inexact({ optimizer, form }) {
  if (optimizer === "adam") return "fingerprint.adam";
  return form === "logits" ? null : "fingerprint.form";
}

/** The run of {setting, data, batchSize}: yields after every step; at its end {points, losses}, a SHA-256 each. */
export function* exactRun({ setting, data, batchSize }) {
  const { reduction, l2, lr, optimizer, precision, steps, seed } = setting;
  const r = ROUNDINGS[precision];
  const { stored, step, objective, shared } = exactArithmetic(CONSTANTS, precision === "float32");
  const rule = { rate: r(lr), momentum: optimizer === "sgd" ? 0 : r(MOMENTUM), nesterov: optimizer === "nesterov" };
  const whole = batchSize ? null : shared(data.X, data.y, reduction);
  const order = batchSize ? batches(data.y.length, batchSize, seed) : null;
  let here = { theta: startPoint(setting).map((x) => stored(r(x))), velocity: startPoint(setting).map(() => 0) };
  const penalty = here.theta.map((_, j) => (j < data.X.length ? r(l2) : 0));
  const [points, losses] = [[...here.theta], []];
  while (losses.length < steps) {
    const batch = order ? chosen(data, order.next().value) : null;
    const rows = batch ? shared(batch.X, batch.y, reduction) : whole;
    here = step(here, rows, penalty, rule);
    points.push(...here.theta);
    losses.push(objective(here.theta, rows, penalty));
    yield losses.length;
    if (!Number.isFinite(losses.at(-1))) break;
  }
  const list = precision === "float32" ? Float32Array : Float64Array; // little-endian wherever there are browsers
  return { points: sha256(new Uint8Array(list.from(points).buffer)), losses: sha256(new Uint8Array(list.from(losses).buffer)) };
}

/** SHA-256 (FIPS 180-4) of bytes, as hexadecimal digits. The browser's own is not there for a page that came by http. */
function sha256(bytes) {
  const length = bytes.length, padded = new Uint8Array((length + 72) & ~63);
  padded.set(bytes);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, Math.floor(length / 2 ** 29));
  view.setUint32(padded.length - 4, length << 3);
  const state = Uint32Array.from(roots(8, 1 / 2)), keys = roots(64, 1 / 3), w = new Uint32Array(64);
  const turned = (x, k) => (x >>> k) | (x << (32 - k));
  for (let start = 0; start < padded.length; start += 64) {
    for (let i = 0; i < 64; i++) {
      if (i < 16) w[i] = view.getUint32(start + 4 * i);
      else {
        const a = w[i - 15], b = w[i - 2];
        w[i] = w[i - 16] + (turned(a, 7) ^ turned(a, 18) ^ (a >>> 3)) + w[i - 7] + (turned(b, 17) ^ turned(b, 19) ^ (b >>> 10));
      }
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + keys[i] + w[i]) | 0;
      const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((x, k) => (state[k] += x));
  }
  return Array.from(state, (x) => x.toString(16).padStart(8, "0")).join("");
}

/** The first 32 bits of the fractions of a root of the first primes, which SHA-256 takes its constants from. */
function roots(count, exponent) {
  const found = [];
  for (let n = 2; found.length < count; n++) {
    let prime = true;
    for (let k = 2; k * k <= n; k++) if (n % k === 0) prime = false;
    if (prime) found.push(Math.floor((n ** exponent % 1) * 2 ** 32));
  }
  return found;
}
