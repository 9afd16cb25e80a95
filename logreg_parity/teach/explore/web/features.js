/**
 * From the columns that people see to those that the model gets: rows set aside for a test, features standardised by
 * the rows that are left, products of two features. A lens {mean, deviation, degree} holds what was done to a row.
 */
import { EXACT } from "./numerics.js";
import { randomState } from "./random.js";

/** The products of two features up to a degree: which factors, from left to right. One feature has itself alone. */
const PRODUCTS = [[0], [1], [0, 0], [0, 1], [1, 1], [0, 0, 0], [0, 0, 1], [0, 1, 1], [1, 1, 1]];
const WIDTHS = [0, 2, 5, 9]; // products up to each degree

/** How many features the model gets of so many columns. */
export const widthOf = (columns, degree) => (columns === 1 ? 1 : WIDTHS[degree]);

/** The names of the features that the model gets. */
export const productNames = (width) => (width === 1 ? ["x"] : PRODUCTS.slice(0, width).map(nameOf));

function nameOf(factors) {
  const power = (j) => factors.filter((factor) => factor === j).length;
  return [0, 1].map((j) => (power(j) ? `x${"₁₂"[j]}${["", "", "²", "³"][power(j)]}` : "")).join("");
}

/** The products up to a degree of two names, as code. */
export const productCode = (degree, names) => PRODUCTS.slice(0, WIDTHS[degree]).map((factors) => factors.map((j) => names[j]).join(" * "));

const products = (width, row) => (width === 1 ? row : PRODUCTS.slice(0, width).map((factors) => factors.reduce((value, j) => value * row[j], 1)));

/** The features (D) that a row of what people see becomes. */
export function throughLens({ mean, deviation, degree }, row) {
  return products(widthOf(row.length, degree), row.map((x, j) => (x - mean[j]) / deviation[j]));
}

/** z = w · features + b, bias last, of a row of what people see. */
export function logitAt(lens, theta, row) {
  return throughLens(lens, row).reduce((z, x, j) => z + theta[j] * x, 0) + theta.at(-1);
}

/** The logit of the truth at a row; its features are products of the row itself. */
export function trueLogit(truth, row) {
  return products(truth.length - 1, row).reduce((z, x, j) => z + truth[j] * x, 0) + truth.at(-1);
}

/** The rows to learn from and those set aside, in their order; which ones, the seed says. */
export function split(rows, { test, seed }) {
  const order = test > 0 ? randomState(seed).permutation(rows) : Array.from({ length: rows }, (_, i) => i);
  const aside = Math.floor(rows * test);
  const sorted = (list) => list.sort((a, b) => a - b);
  return { train: sorted(order.slice(aside)), test: sorted(order.slice(0, aside)) };
}

/** What the model gets of data, {X, y, truth, lens}: all rows, the lens made from those to learn from. */
export function lensed({ X, y, truth }, learned, { standard, degree }) {
  const lens = { ...(standard ? moments(X, learned) : plain(X)), degree };
  const rows = Array.from(y, (_, i) => throughLens(lens, X.map((x) => x[i])));
  const columns = rows[0].map((_, j) => Float64Array.from(rows, (row) => row[j]));
  return { X: columns, y, lens, truth: truth && throughTruth(truth, lens, columns.length) };
}

const plain = (X) => ({ mean: X.map(() => 0), deviation: X.map(() => 1) });

/** Mean and deviation of every column over some rows, summed one after the other; a column that never changes has 1. */
function moments(X, rows) {
  const average = (x, f) => rows.reduce((sum, i) => sum + f(x[i]), 0) / rows.length;
  const mean = X.map((x) => average(x, EXACT));
  const deviation = X.map((x, j) => (rows.every((i) => x[i] === x[rows[0]]) ? 1 : Math.sqrt(average(x, (value) => (value - mean[j]) * (value - mean[j])))));
  return { mean, deviation };
}

/** The truth as a point (D + 1,) of the model, or null where the model cannot say it, or not as one sum. */
function throughTruth(truth, { mean, deviation }, width) {
  const [columns, own] = [mean.length, truth.length - 1];
  const moved = mean.some((x) => x !== 0) || deviation.some((x) => x !== 1);
  if (own > width || (moved && own > columns)) return null;
  const weights = truth.slice(0, own);
  const scaled = moved ? weights.map((w, j) => w * deviation[j]) : weights;
  const bias = moved ? weights.reduce((sum, w, j) => sum + w * mean[j], truth[own]) : truth[own];
  return [...scaled, ...new Array(width - own).fill(0), bias];
}

/** Some rows of a data set. */
export function chosen({ X, y, ...rest }, rows) {
  const pick = (column) => Float64Array.from(rows, (i) => column[i]);
  return { ...rest, X: X.map(pick), y: pick(y) };
}

/** The rows of one mini-batch after the other, as batches() of logreg_parity.data.dataset draws them. */
export function* batches(rows, size, seed) {
  const { permutation } = randomState(seed);
  for (;;) {
    const order = permutation(rows);
    for (let start = 0; start < rows; start += size) yield order.slice(start, start + size);
  }
}
