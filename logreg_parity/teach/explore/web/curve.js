/** The data and the model: a probability curve over one feature, or two features and where the model changes its mind. */
import { logitAt, trueLogit } from "./features.js";
import { EXACT, logit, sigmoid } from "./numerics.js";
import { clipped, mark, palette, plot, stroke } from "./plot.js";
import { t } from "./text.js";

const POINT = 4.5;
const MARGIN = 0.25; // of the rows' own reach, on either side of rows that people gave
const TILE = 8; // pixels

/** What the axes reach over, [low, high] each: the lesson's -10 … 10, a square for made rows, or what given rows need. */
export function reach({ X }, { data }) {
  if (data === "points") return X.map(around);
  return X.map((x) => {
    const far = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    return X.length === 1 ? [-10, 10] : far > 3 ? [-5.5, 5.5] : [-2.2, 2.2];
  });
}

function around(x) {
  const [low, high] = [x.reduce((a, b) => Math.min(a, b)), x.reduce((a, b) => Math.max(a, b))];
  const more = MARGIN * (high - low) || Math.abs(low) || 1;
  return [low - more, high + more];
}

/**
 * Draw; the plot comes back for the pointer. view: {made, lens, theta, truth, threshold, selected, test, ranges, names,
 * classes, probe}: made the rows as people see them, test the numbers of those set aside, probe the place of the formula.
 */
export function drawCurve(canvas, view) {
  const made = view.made.X.length === 1 ? oneFeature(canvas, view) : twoFeatures(canvas, view);
  return Object.assign(made, { ranges: view.ranges });
}

function oneFeature(canvas, { made: data, lens, theta, truth, threshold, selected, test, ranges: [range], names, classes, probe }) {
  const made = plot(canvas, {
    x: range, y: [-0.09, 1.09], labels: [names[0], t("plot.probability", { one: classes[1] })], ticks: [undefined, [0, 0.25, 0.5, 0.75, 1]],
  });
  const { g, x, y, box } = made;
  const { truth: grey, accent, soft, panel } = palette();
  const model = (value) => sigmoid(logitAt(lens, theta, [value]), EXACT);
  clipped(made, () => {
    g.setLineDash([2, 4]);
    g.strokeStyle = soft;
    g.lineWidth = 1.25;
    stroke(g, [[box.left, y(threshold)], [box.left + box.width, y(threshold)]]);
    const boundary = lens.mean[0] + (lens.deviation[0] * (Math.log(threshold / (1 - threshold)) - theta[1])) / theta[0];
    stroke(g, [[x(boundary), box.top], [x(boundary), box.top + box.height]]);
    g.setLineDash([7, 4]);
    if (truth) curve(made, (value) => sigmoid(trueLogit(truth, [value]), EXACT), grey, 1.75);
    g.setLineDash([]);
    points(made, { data, lens, theta, threshold, test, selected }, (i) => [x(data.X[0][i]), y(data.y[i])]);
    curve(made, model, accent, 3);
    mark(g, "circle", x(probe[0]), y(model(probe[0])), 5.5, { fill: panel, line: accent, width: 2.25 });
  });
  return made;
}

function curve({ g, y, box, back }, probability, colour, width) {
  g.strokeStyle = colour;
  g.lineWidth = width;
  const pixels = [];
  for (let px = 0; px <= box.width; px++) pixels.push([box.left + px, y(probability(back(box.left + px, 0)[0]))]);
  stroke(g, pixels);
}

function twoFeatures(canvas, { made: data, lens, theta, truth, threshold, selected, test, ranges: [across, up], names, probe }) {
  const made = plot(canvas, { x: across, y: up, labels: names });
  const { g, x, y } = made;
  const { truth: grey, accent, panel } = palette();
  const model = (row) => logitAt(lens, theta, row);
  clipped(made, () => {
    tint(made, model);
    g.setLineDash([7, 4]);
    if (truth) boundary(made, (row) => trueLogit(truth, row), 0, grey, 1.75);
    g.setLineDash([]);
    boundary(made, model, Math.log(threshold / (1 - threshold)), accent, 3);
    points(made, { data, lens, theta, threshold, test, selected }, (i) => [x(data.X[0][i]), y(data.X[1][i])]);
    mark(g, "circle", x(probe[0]), y(probe[1]), 5.5, { fill: panel, line: accent, width: 2.25 });
  });
  return made;
}

/** The line on which a logit has a value, tile by tile (marching squares): straight within a tile. */
function boundary({ g, back, box }, logitOf, level, colour, width) {
  const [columns, lines] = [Math.ceil(box.width / TILE), Math.ceil(box.height / TILE)];
  const place = (k, l) => [box.left + k * TILE, box.top + l * TILE];
  const heights = Array.from({ length: lines + 1 }, (_, l) => Array.from({ length: columns + 1 }, (_, k) => logitOf(back(...place(k, l))) - level));
  g.strokeStyle = colour;
  g.lineWidth = width;
  g.beginPath();
  for (let l = 0; l < lines; l++) {
    for (let k = 0; k < columns; k++) {
      const corners = [[k, l], [k + 1, l], [k + 1, l + 1], [k, l + 1]];
      const crossed = corners.flatMap((from, side) => crossing(from, corners[(side + 1) % 4], heights, place));
      for (let at = 0; at + 1 < crossed.length; at += 2) {
        g.moveTo(...crossed[at]);
        g.lineTo(...crossed[at + 1]);
      }
    }
  }
  g.stroke();
}

/** Where a height changes its sign between two corners, as a list of at most one pixel. */
function crossing([k0, l0], [k1, l1], heights, place) {
  const [a, b] = [heights[l0][k0], heights[l1][k1]];
  if (a >= 0 === b >= 0 || !Number.isFinite(a) || !Number.isFinite(b)) return [];
  const share = a / (a - b);
  const [from, to] = [place(k0, l0), place(k1, l1)];
  return [from.map((value, j) => value + share * (to[j] - value))];
}

/** The probability of class 1 as a wash of the classes' colours, in tiles. */
function tint({ g, back, box }, logitOf) {
  const { zero, one } = palette();
  for (let px = box.left; px < box.left + box.width; px += TILE) {
    for (let py = box.top; py < box.top + box.height; py += TILE) {
      const p = sigmoid(logitOf(back(px + TILE / 2, py + TILE / 2)), EXACT);
      g.globalAlpha = 0.28 * Math.abs(2 * p - 1);
      g.fillStyle = p < 0.5 ? zero : one;
      g.fillRect(px, py, TILE, TILE);
    }
  }
  g.globalAlpha = 1;
}

/** Circles for class 0, squares for class 1, hollow where they are set aside; a cross through those on the wrong side. */
function points({ g }, { data, lens, theta, threshold, test, selected }, at) {
  const { zero, one, ink, panel } = palette();
  const aside = new Set(test);
  for (let i = 0; i < data.y.length; i++) {
    const [px, py] = at(i);
    const isOne = data.y[i] > 0.5;
    const colour = isOne ? one : zero;
    const style = aside.has(i) ? { fill: panel, line: colour, width: 2 } : { fill: colour, line: panel, width: 1 };
    g.globalAlpha = data.y.length > 400 ? 0.35 : 0.75;
    mark(g, isOne ? "square" : "circle", px, py, isOne ? POINT - 0.7 : POINT, style);
    g.globalAlpha = 1;
    const beside = data.X.length === 1 ? (isOne ? 12 : -12) : 0; // points on a line stand too close for crosses on them
    const asOne = sigmoid(logitAt(lens, theta, data.X.map((x) => x[i])), EXACT) > threshold;
    if (isOne !== asOne) mark(g, "cross", px, py + beside, 3.5, { line: ink, width: 1.25 });
    if (i === selected) mark(g, "circle", px, py, POINT + 5, { line: ink, width: 2 });
  }
}

/** Whether row i of what the model gets is put into class 1. */
export function predicted(data, theta, threshold, i) {
  return sigmoid(logit(data, theta, i, EXACT), EXACT) > threshold;
}

/** How many rows of each class are put into each: [[0 as 0, 0 as 1], [1 as 0, 1 as 1]]. A soft label is its nearer class. */
export function confusion(data, theta, threshold) {
  const counts = [[0, 0], [0, 0]];
  for (let i = 0; i < data.y.length; i++) counts[Number(data.y[i] > 0.5)][Number(predicted(data, theta, threshold, i))]++;
  return counts;
}
