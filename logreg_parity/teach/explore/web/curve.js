/** The data and the model: a probability curve over one feature, or two features and the decision line. */
import { EXACT, logit, sigmoid } from "./numerics.js";
import { clipped, mark, palette, plot, stroke } from "./plot.js";
import { t } from "./text.js";

const POINT = 4.5;

/** What the axes reach over: the lesson's -10 … 10, or what the data needs. */
export function reach({ X }) {
  return X.map((x) => {
    const far = x.reduce((most, value) => Math.max(most, Math.abs(value)), X.length === 1 ? 10 : 5.5);
    return far <= 10 ? far : far * 1.05;
  });
}

/** Draw; the plot comes back for the pointer. view: {data, theta, threshold, selected}. */
export function drawCurve(canvas, view) {
  return view.data.X.length === 1 ? oneFeature(canvas, view) : twoFeatures(canvas, view);
}

function oneFeature(canvas, { data, theta, threshold, selected }) {
  const [far] = reach(data);
  const made = plot(canvas, {
    x: [-far, far], y: [-0.09, 1.09], labels: ["x", t("plot.probability")], ticks: [undefined, [0, 0.25, 0.5, 0.75, 1]],
  });
  const { g, x, y, box } = made;
  const { truth, accent, soft } = palette();
  clipped(made, () => {
    g.setLineDash([2, 4]);
    g.strokeStyle = soft;
    g.lineWidth = 1.25;
    stroke(g, [[box.left, y(threshold)], [box.left + box.width, y(threshold)]]);
    const boundary = (Math.log(threshold / (1 - threshold)) - theta[1]) / theta[0];
    stroke(g, [[x(boundary), box.top], [x(boundary), box.top + box.height]]);
    g.setLineDash([7, 4]);
    if (data.truth) curve(made, data.truth, truth, 1.75);
    g.setLineDash([]);
    points(made, data, theta, threshold, (i) => [x(data.X[0][i]), y(data.y[i])], selected);
    curve(made, theta, accent, 3);
  });
  return made;
}

function curve({ g, y, box, back }, [w, b], colour, width) {
  g.strokeStyle = colour;
  g.lineWidth = width;
  const pixels = [];
  for (let px = 0; px <= box.width; px++) pixels.push([box.left + px, y(sigmoid(w * back(box.left + px, 0)[0] + b, EXACT))]);
  stroke(g, pixels);
}

function twoFeatures(canvas, { data, theta, threshold, selected }) {
  const [far1, far2] = reach(data);
  const made = plot(canvas, { x: [-far1, far1], y: [-far2, far2], labels: ["x₁", "x₂"] });
  const { g, x, y } = made;
  const { truth, accent } = palette();
  clipped(made, () => {
    tint(made, theta);
    g.setLineDash([7, 4]);
    if (data.truth) decisionLine(made, data.truth, 0, far1, far2, truth, 1.75);
    g.setLineDash([]);
    decisionLine(made, theta, Math.log(threshold / (1 - threshold)), far1, far2, accent, 3);
    points(made, data, theta, threshold, (i) => [x(data.X[0][i]), y(data.X[1][i])], selected);
  });
  return made;
}

/** The line on which the logit is the threshold's. */
function decisionLine({ g, x, y }, [w1, w2, b], z, far1, far2, colour, width) {
  g.strokeStyle = colour;
  g.lineWidth = width;
  const steep = Math.abs(w1) * far2 > Math.abs(w2) * far1;
  const ends = steep
    ? [-2 * far2, 2 * far2].map((x2) => [(z - b - w2 * x2) / w1, x2])
    : [-2 * far1, 2 * far1].map((x1) => [x1, (z - b - w1 * x1) / w2]);
  stroke(g, ends.map(([x1, x2]) => [x(x1), y(x2)]));
}

/** The probability of class 1 as a wash of the classes' colours, in tiles. */
function tint({ g, back, box }, [w1, w2, b]) {
  const { zero, one } = palette();
  const tile = 8;
  for (let px = box.left; px < box.left + box.width; px += tile) {
    for (let py = box.top; py < box.top + box.height; py += tile) {
      const [x1, x2] = back(px + tile / 2, py + tile / 2);
      const p = sigmoid(w1 * x1 + w2 * x2 + b, EXACT);
      g.globalAlpha = 0.28 * Math.abs(2 * p - 1);
      g.fillStyle = p < 0.5 ? zero : one;
      g.fillRect(px, py, tile, tile);
    }
  }
  g.globalAlpha = 1;
}

/** Circles for class 0, squares for class 1; a cross through those on the wrong side of the threshold. */
function points({ g }, data, theta, threshold, at, selected) {
  const { zero, one, ink, panel } = palette();
  for (let i = 0; i < data.y.length; i++) {
    const [px, py] = at(i);
    const isOne = data.y[i] > 0.5;
    g.globalAlpha = data.y.length > 400 ? 0.35 : 0.75;
    mark(g, isOne ? "square" : "circle", px, py, isOne ? POINT - 0.7 : POINT, { fill: isOne ? one : zero, line: panel, width: 1 });
    g.globalAlpha = 1;
    const beside = data.X.length === 1 ? (isOne ? 12 : -12) : 0; // points on a line stand too close for crosses on them
    if (isOne !== predicted(data, theta, threshold, i)) mark(g, "cross", px, py + beside, 3.5, { line: ink, width: 1.25 });
    if (i === selected) mark(g, "circle", px, py, POINT + 5, { line: ink, width: 2 });
  }
}

/** Whether row i is put into class 1. */
export function predicted(data, theta, threshold, i) {
  return sigmoid(logit(data, theta, i, EXACT), EXACT) > threshold;
}

/** How many rows of each class are put into each: [[0 as 0, 0 as 1], [1 as 0, 1 as 1]]. A soft label is its nearer class. */
export function confusion(data, theta, threshold) {
  const counts = [[0, 0], [0, 0]];
  for (let i = 0; i < data.y.length; i++) counts[Number(data.y[i] > 0.5)][Number(predicted(data, theta, threshold, i))]++;
  return counts;
}
