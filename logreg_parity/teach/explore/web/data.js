/**
 * Data sets: what logreg_parity.data.generator makes, number for number, and rows that people give.
 * A data set is {X, y, truth}: X one Float64Array (N,) a feature, y Float64Array (N,), truth (D + 1,), bias last, or null.
 */
import { randomState } from "./random.js";

/** The largest number of rows that the page takes. */
export const MOST_ROWS = 2000;

/** The data set a setting asks for; features and hard labels are the generator's, exactly. */
export function makeData(setting) {
  if (setting.data === "points") return fromRows(setting.points);
  return setting.data === "plane" ? plane(setting) : lesson(setting);
}

/** Points on a line from -5 to 5, labelled through σ(w x + b): lesson(labels="rounded" | "bernoulli" | "soft"). */
function lesson({ data, n, tw, tb, noise, level, seed }) {
  const x = grid(n);
  const z = x.map((value) => tw * value + tb);
  const { random, normal } = randomState(seed);
  const draw = { uniform: () => level * random(), normal: () => level * normal(), none: () => 0 }[noise];
  const label = {
    lesson: (logit) => (logistic(logit + draw()) > 0.5 ? 1 : 0),
    bernoulli: (logit) => (random() < logistic(logit) ? 1 : 0),
    soft: logistic,
  }[data];
  return { X: [x], y: z.map(label), truth: [tw, tb] };
}

/** Two features, uniform over the square from -5 to 5, labels drawn: plane(). */
function plane({ n, tw, tw2, tb, seed }) {
  const { random } = randomState(seed);
  const X = [new Float64Array(n), new Float64Array(n)];
  for (let i = 0; i < n; i++) for (const x of X) x[i] = 10 * random() - 5;
  const y = X[0].map((x, i) => (random() < logistic(tw * x + tw2 * X[1][i] + tb) ? 1 : 0));
  return { X, y, truth: [tw, tw2, tb] };
}

/** numpy.linspace(-5, 5, n). */
function grid(n) {
  const step = 10 / (n - 1);
  return Float64Array.from({ length: n }, (_, i) => (i === n - 1 ? 5 : i * step - 5));
}

/** σ as the generator writes it, exp(-logaddexp(0, -z)). */
function logistic(z) {
  const softplus = z === 0 ? Math.LN2 : (z < 0 ? -z : 0) + Math.log1p(Math.exp(-Math.abs(z)));
  return Math.exp(-softplus);
}

/** A data set of rows [x, y] or [x1, x2, y]. */
export function fromRows(rows) {
  const columns = rows[0].map((_, j) => Float64Array.from(rows, (row) => row[j]));
  return { X: columns.slice(0, -1), y: columns.at(-1), truth: null };
}

/** The rows of a data set, [x, y] or [x1, x2, y] each. */
export function toRows({ X, y }) {
  return Array.from(y, (label, i) => [...X.map((x) => x[i]), label]);
}

/** What is wrong with rows, as [text key, values], or null. */
export function problemOfRows(rows) {
  if (rows.length < 2 || rows.length > MOST_ROWS) return ["problem.rows", { count: rows.length, most: MOST_ROWS }];
  const width = rows[0].length;
  for (const [i, row] of rows.entries()) {
    const at = { line: i + 1, row: row.join(", ").slice(0, 60) };
    if (row.length !== width || width < 2 || width > 3) return ["problem.width", at];
    if (!row.every((value) => Number.isFinite(value) && Math.abs(value) <= 1e6)) return ["problem.number", at];
    if (row.at(-1) < 0 || row.at(-1) > 1) return ["problem.label", at];
  }
  return null;
}

/** The rows in the text of a table: numbers between commas, semicolons, tabs or spaces; a first line of names may be. */
export function parseTable(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const rows = lines.map((line) => line.trim().split(/[\s,;]+/).map((cell) => (cell === "" ? NaN : Number(cell))));
  return rows.length > 1 && rows[0].every(Number.isNaN) ? rows.slice(1) : rows;
}

/** The data as a program of that precision sees it: every number rounded once. */
export function roundData({ X, y, truth }, round) {
  return { X: X.map((x) => x.map(round)), y: y.map(round), truth };
}
