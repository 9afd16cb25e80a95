/** The formula with the present numbers: logit, probability and odds at one place, and what one more of a feature does. */
import { productNames, throughLens } from "./features.js";
import { EXACT, sigmoid } from "./numerics.js";
import { show, t } from "./text.js";

/** The lines of the formula at a row of what people see, in words and numbers; none where the point is lost. */
export function formula({ lens, theta, row, names }) {
  if (!theta.every(Number.isFinite)) return [t("curve.lost")];
  const features = throughLens(lens, row).map((x) => (lens.mean.some((m) => m !== 0) ? nought(x) : x));
  const z = features.reduce((sum, x, j) => sum + theta[j] * x, 0) + theta.at(-1);
  const p = sigmoid(z, EXACT);
  const symbols = productNames(features.length);
  const lines = [
    `z = ${symbols.map((symbol, j) => `${weightName(j, symbols.length)} · ${symbol}`).join(" + ")} + b`,
    `${"\u2007"} = ${features.map((x, j) => `${signed(theta[j], j === 0)} · ${bracketed(show(x))}`).join(" ")} ${signed(theta.at(-1))} = ${show(z)}`,
    `p = σ(z) = 1 / (1 + exp(${show(-z + 0)})) = ${show(p)}`,
    `${t("formula.odds")} p / (1 − p) = exp(${show(z)}) = ${show(Math.exp(z))}`,
  ];
  return [...lines, ...(features.length === row.length ? row.map((_, j) => more(j, lens, theta, names)) : [])];
}

/** What the odds do where feature j grows by 1, or, standardised, by one deviation. */
function more(j, { deviation }, theta, names) {
  const by = show(deviation[j]);
  return t("formula.more", { name: names[j], by, weight: `exp(${show(theta[j])})`, factor: show(Math.exp(theta[j])) });
}

/** 0 for what of a deviation is only the rounding of a mean. */
export const nought = (x, deviation = 1) => (Math.abs(x) < deviation * 2 ** -40 ? 0 : x);

/** The name of weight j of so many. */
export const weightName = (j, count) => (count === 1 ? "w" : `w${"₁₂₃₄₅₆₇₈₉"[j]}`);

/** A term of a sum: its sign stands before it, apart but for the first. */
const signed = (x, first = false) => (first ? show(x) : `${x < 0 ? "−" : "+"} ${show(Math.abs(x))}`);
/** A factor: one with a sign is put into brackets. */
const bracketed = (text) => (text.startsWith("−") ? `(${text})` : text);
