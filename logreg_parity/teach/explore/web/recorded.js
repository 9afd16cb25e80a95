/** Runs of PyTorch and of JAX that were recorded when the page was made, and how far this page's run is from them. */
import { DEFAULTS, featureCount } from "./setting.js";

const RUNS = JSON.parse(document.getElementById("recordings").textContent);
const DATA_FIELDS = {
  lesson: ["n", "noise", "level", "tw", "tb", "seed"],
  bernoulli: ["n", "tw", "tb", "seed"],
  soft: ["n", "tw", "tb"],
  plane: ["n", "tw", "tw2", "tb", "seed"],
};
const RUN_FIELDS = ["data", "standard", "degree", "test", "batch", "w", "b", "form", "reduction", "precision", "l2", "optimizer", "lr"];
const BITS = { float64: 53, float32: 24 };

/** The recorded runs of this very setting, {versions, torch, jax}: points (T + 1, D + 1) each; null where there are none. */
export function recordedRuns(setting) {
  const names = [...RUN_FIELDS, ...(DATA_FIELDS[setting.data] ?? []), ...(setting.data === "plane" ? ["w2"] : [])];
  const found = RUNS.find((run) => names.every((name) => ({ ...DEFAULTS, ...run.setting })[name] === setting[name]));
  if (!found || setting.data === "points") return null;
  const width = featureCount(setting) + 1;
  const read = (text) => unpacked(text, setting.precision, width);
  return { versions: found.versions, torch: read(found.torch), jax: read(found.jax) };
}

/** Base64 of little-endian numbers, as points of that width. */
function unpacked(text, precision, width) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const numbers = precision === "float32" ? new Float32Array(bytes.buffer) : new Float64Array(bytes.buffer);
  return Array.from({ length: numbers.length / width }, (_, k) => Array.from(numbers.subarray(k * width, (k + 1) * width)));
}

/** The distance of two points in ulps of the length of the first: how the judge's table tells the error of a point. */
export function ulpsApart(a, b, precision) {
  const length = Math.hypot(...a);
  const exponent = length === 0 ? -126 : Math.floor(Math.log2(length));
  return Math.hypot(...a.map((x, j) => x - b[j])) / 2 ** (exponent - BITS[precision] + 1);
}

/** Of both recorded runs the distances to this page's path, step by step as far as both go. */
export function distances(path, runs, precision) {
  const of = (run) => run.slice(0, path.length).map((point, k) => ulpsApart(path[k], point, precision));
  return { torch: of(runs.torch), jax: of(runs.jax) };
}
