/** The sentences of the page: what b does to the curve, and the honesty line. */
import { nought, weightName } from "./formula.js";
import { show, showPoint, t } from "./text.js";

/** What the point means for the curve; true for both signs of w. */
export function aboutCurve(theta, { mean, deviation }, standard, names) {
  if (!theta.every(Number.isFinite)) return t("curve.lost");
  if (theta.length > 3) return t("curve.bent");
  if (theta.length === 3) return aboutLine(theta, standard);
  const [w, b] = theta;
  if (w === 0) return t("curve.flat", { p: show(1 / (1 + Math.exp(-b))) });
  const rule = standard ? `${names[0]} = m − s b / w` : `${names[0]} = −b / w`;
  const midpoint = show(nought(mean[0] - (deviation[0] * b) / w, standard ? deviation[0] : 0) + 0);
  return t(w > 0 ? "curve.rises" : "curve.falls", { rule, midpoint }) + (standard ? t("curve.standard", { m: nought(mean[0], deviation[0]), s: deviation[0] }) : "");
}

function aboutLine([w1, w2, b], standard) {
  const length = Math.hypot(w1, w2);
  return length === 0 ? t("curve.noline") : t(standard ? "curve.line.standard" : "curve.line", { at: show(-b / length + 0) });
}

/**
 * The honesty line, sentence by sentence: is there an optimum, what L2 does to it, how far truth, optimum and the
 * present point are from each other. view: {separability, theta, optimum, bare}: bare is the optimum without L2; {gone,
 * dependent, features}: what runs off, which features depend on others, and what they are called.
 */
export function honesty({ separability, theta, optimum, bare, l2, truth, gone, dependent, features }) {
  const sentences = [...(separability === "undecided" ? [] : [t(`honesty.${separability}`)]), aboutOptimum(optimum)];
  if (gone) sentences.push(...aboutGone(gone, l2));
  if (!(l2 > 0)) sentences.push(...dependent.map((relation) => aboutDependent(relation, features)));
  if (l2 > 0) sentences.push(aboutPenalty(l2, optimum, bare));
  if (optimum.theta) sentences.push(...aboutDistances(truth, optimum.theta, theta));
  else if (truth && theta.every(Number.isFinite)) sentences.push(t("honesty.fromtruth", { distance: far(truth, theta) }));
  if (!theta.every(Number.isFinite)) sentences.push(t("honesty.lost"));
  return sentences;
}

function aboutOptimum({ status, theta, value }) {
  if (status !== "finite") return t({ infinite: "honesty.infinite", "not unique": "honesty.notunique", undecided: "honesty.undecided" }[status]);
  return t("honesty.finite", { point: showPoint(theta), value: show(value) });
}

/** Which parameters run off, which way, along which direction, the limits of the others, and what to do. */
function aboutGone({ direction, goes, limits }, l2) {
  const names = goes.map((_, j) => (j === goes.length - 1 ? "b" : weightName(j, goes.length - 1)));
  const those = (way) => names.filter((_, j) => goes[j] === way).join(", ");
  const ways = ["up", "down", "any"].filter(those).map((way) => t(`honesty.${way}`, { names: those(way) }));
  const ends = names.flatMap((name, j) => (goes[j] === "finite" ? [t("honesty.limit", { name, limit: show(limits[j], 6) })] : []));
  const along = names.flatMap((name, j) => (direction[j] === 0n ? [] : [`${name} ${String(direction[j]).replace("-", "−")}`]));
  return [t("honesty.gone", { along: along.join(", "), parts: [...ways, ...ends].join(t("honesty.and")) }), ...(l2 > 0 ? [] : [t("honesty.remedy")])];
}

/** How a feature depends on others, as what it is the sum of. */
function aboutDependent({ column, weights }, features) {
  const terms = weights.flatMap((weight, k) => (k === column || weight === 0 ? [] : [[-weight, features[k] ?? ""]]));
  const sum = terms.map(([weight, name], k) => {
    const size = Math.abs(weight) === 1 && name ? "" : show(Math.abs(weight), 6);
    return `${weight < 0 ? (k ? " − " : "−") : k ? " + " : ""}${[size, name].filter(Boolean).join(" ")}`;
  });
  return t("honesty.depends", { name: features[column], sum: sum.join("") || "0" });
}

function aboutPenalty(l2, optimum, bare) {
  if (!optimum.theta) return t("honesty.l2nothing");
  if (!bare.theta) return t("honesty.l2brings", { l2 });
  return t("honesty.l2moves", { l2, point: showPoint(bare.theta), distance: far(bare.theta, optimum.theta) });
}

function aboutDistances(truth, optimum, theta) {
  const sentences = [];
  if (truth) sentences.push(t("honesty.truth", { truth: showPoint(truth), distance: far(truth, optimum) }));
  if (theta.every(Number.isFinite)) sentences.push(t("honesty.here", { distance: far(optimum, theta) }));
  return sentences;
}

function far(a, b) {
  return show(Math.hypot(...a.map((x, j) => x - b[j])), 3);
}
