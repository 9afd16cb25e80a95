/**
 * Data sets: what logreg_parity.data.generator makes, number for number, and rows that people give.
 * A data set is {X, y, truth}: X one Float64Array (N,) a feature, y Float64Array (N,), truth the weights of the features
 * and of their products as features.js lists them, the bias last, or null.
 */
import { randomState } from "./random.js";

/** The largest number of rows that the page takes. */
export const MOST_ROWS = 2000;

/** The data set a setting asks for; features and hard labels are the generator's, exactly. */
export function makeData(setting) {
  if (setting.data === "points") return fromRows(setting.points);
  return (TWO_FEATURES[setting.data] ?? lesson)(setting);
}

/** The makers of two features, by the kind of data. */
export const TWO_FEATURES = { plane, xor, circles, moons };

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
  return overSquare(n, 5, seed, [tw, tw2, tb], (a, b) => tw * a + tw2 * b + tb);
}

/** Two features over the square from -2 to 2, class 1 where they have the same sign: xor(). */
function xor({ n, tw, seed }) {
  return overSquare(n, 2, seed, [0, 0, 0, tw, 0, 0], (a, b) => tw * a * b);
}

/** The same square, class 1 within the circle of radius √2: circles(). */
function circles({ n, tw, seed }) {
  return overSquare(n, 2, seed, [0, 0, -tw, 0, -tw, 2 * tw], (a, b) => tw * (2 - a * a - b * b));
}

/** Two features, uniform over a square, labels drawn with the probability of a logit. */
function overSquare(n, side, seed, truth, logit) {
  const { random } = randomState(seed);
  const X = [new Float64Array(n), new Float64Array(n)];
  for (let i = 0; i < n; i++) for (const x of X) x[i] = 2 * side * random() - side;
  const y = X[0].map((x, i) => (random() < logistic(logit(x, X[1][i])) ? 1 : 0));
  return { X, y, truth };
}

/** Two half rings, one into the other, by turns: moons(). */
function moons({ n, seed }) {
  const { random } = randomState(seed);
  const X = [new Float64Array(n), new Float64Array(n)];
  const y = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    let [u, v] = [0, 0];
    do [u, v] = [3 * random() - 1.5, 1.5 * random()];
    while (!(u * u + v * v >= 0.4225 && u * u + v * v <= 1.8225));
    y[i] = i % 2;
    [X[0][i], X[1][i]] = y[i] === 0 ? [u - 0.5, v - 0.25] : [0.5 - u, 0.25 - v];
  }
  return { X, y, truth: null };
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

/** The rows in the text of a table and the names in its first line, {rows, names}: numbers between commas, semicolons, tabs
 * or spaces; names is null where the first line has numbers. */
export function parseTable(text) {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  const apart = /[,;\t]/.test(lines[0] ?? "") ? /[,;\t]/ : /\s+/;
  const cells = lines.map((line) => line.trim().split(apart).map((cell) => cell.trim().replace(/^"(.*)"$/, "$1")));
  const rows = cells.map((row) => row.map((cell) => (cell === "" ? NaN : Number(cell))));
  const named = rows.length > 1 && rows[0].every(Number.isNaN);
  return { rows: named ? rows.slice(1) : rows, names: named ? cells[0].map(tidyName) : null };
}

/** A name that fits beside an axis and into an address. */
export const tidyName = (name) => name.replace(/[,;\s]+/g, " ").trim().slice(0, 24) || "?";

/** The data as a program of that precision sees it: every number rounded once. */
export function roundData({ X, y, truth }, round) {
  return { X: X.map((x) => x.map(round)), y: y.map(round), truth };
}
