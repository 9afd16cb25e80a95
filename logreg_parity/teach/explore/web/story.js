/** The sentences of the page: what b does to the curve, and the honesty line. */
import { nought } from "./formula.js";
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
 * present point are from each other. view: {separability, theta, optimum, bare}: bare is the optimum without L2.
 */
export function honesty({ separability, theta, optimum, bare, l2, truth }) {
  const sentences = [...(separability === "undecided" ? [] : [t(`honesty.${separability}`)]), aboutOptimum(optimum)];
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
