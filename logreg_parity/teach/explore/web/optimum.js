/**
 * Whether the data has a finite optimum, and where: float64 does here what logreg_parity.truth.optimum proves.
 */
import { EXACT, hessian, logit, objective, valueAndGradient } from "./numerics.js";

const NEWTON_STEPS = 200;

/**
 * "separable", "quasi-separable" (the classes touch) or "overlapping". A row with a soft label belongs to both classes.
 * Of more than two features Newton's way decides: a point with every row on its side proves that they are separable, an
 * optimum that they overlap; where it meets neither, as where they touch, it is "undecided".
 */
export function separability(data) {
  const { X, y } = data;
  if (X.length > 2) {
    const { status } = findOptimum(data, { reduction: "mean", l2: 0 });
    return { infinite: "separable", finite: "overlapping", "not unique": "overlapping", undecided: "undecided" }[status];
  }
  const rows = Array.from(y, (_, i) => X.map((x) => x[i]));
  const zeros = rows.filter((_, i) => y[i] < 1);
  const ones = rows.filter((_, i) => y[i] > 0);
  if (zeros.length === 0 || ones.length === 0) return "separable";
  const gap = X.length === 1 ? gapAlong([1], zeros, ones) : planeGap(zeros, ones);
  if (gap > 0) return "separable";
  return gap === 0 ? "quasi-separable" : "overlapping";
}

/** The gap between the classes along a direction: positive where a threshold parts them, 0 where they touch. */
function gapAlong(direction, zeros, ones) {
  const [low0, high0] = extent(direction, zeros);
  const [low1, high1] = extent(direction, ones);
  const gap = Math.max(low1 - high0, low0 - high1);
  const moves = Math.max(high0, high1) > Math.min(low0, low1); // where no row is off the boundary nothing is gained
  return gap === 0 && !moves ? -Infinity : gap;
}

function extent(direction, rows) {
  let [low, high] = [Infinity, -Infinity];
  for (const row of rows) {
    const at = row.reduce((sum, value, j) => sum + value * direction[j], 0);
    low = Math.min(low, at);
    high = Math.max(high, at);
  }
  return [low, high];
}

/** Two convex polygons are apart exactly if they are along the normal of an edge of one of them. */
function planeGap(zeros, ones) {
  const hulls = [hull(zeros), hull(ones)];
  const edges = hulls.flatMap((corners) => corners.map((corner, i) => minus(corners[(i + 1) % corners.length], corner)));
  const flat = hulls.every((corners) => corners.length < 3);
  const along = flat ? [...edges, minus(hulls[1][0], hulls[0][0])] : []; // segments part along their own line too
  const directions = [...edges.map(([x, y]) => [-y, x]), ...along].filter(([x, y]) => x !== 0 || y !== 0);
  return Math.max(-Infinity, ...directions.map((direction) => gapAlong(direction, ...hulls)));
}

/** The corners of the convex hull, in order (Andrew's monotone chain). */
export function hull(points) {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const chain = (ordered) => {
    const corners = [];
    for (const point of ordered) {
      while (corners.length > 1 && turn(corners.at(-2), corners.at(-1), point) <= 0) corners.pop();
      corners.push(point);
    }
    return corners.slice(0, -1);
  };
  const corners = [...chain(sorted), ...chain(sorted.reverse())];
  return corners.length ? corners : [sorted[0]];
}

const minus = (a, b) => [a[0] - b[0], a[1] - b[1]];
const turn = (a, b, c) => (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);

/**
 * {status, theta, value}: status "finite", "infinite", "not unique" or "undecided"; theta (D + 1,) where it is finite, and
 * along (D + 1,) where Newton's method has met a point that parts all rows.
 */
export function findOptimum(data, { reduction, l2 }) {
  const options = { form: "logits", reduction, l2, r: EXACT };
  const oneClass = data.y.every((label) => label === 0) || data.y.every((label) => label === 1);
  if (oneClass) return { status: "infinite" };
  if (l2 > 0) return newton(data, options);
  const few = data.X.length <= 2;
  if (few && separability(data) !== "overlapping") return { status: "infinite" };
  const depend = relations(data.X).map(({ column }) => column);
  if (depend.length === 0) return newton(data, options);
  const found = few ? { status: "finite" } : newton({ X: data.X.filter((_, j) => !depend.includes(j)), y: data.y }, options);
  return { status: found.status === "finite" ? "not unique" : found.status };
}

/**
 * Features that are a sum of those before them and the bias, to 2^-30 of their spread as in logreg_parity.truth.columns:
 * {column, weights}, where Σ weights · (features, 1) is 0 and weights[column] 1.
 */
export function relations(X) {
  const [kept, found] = [[], []];
  const columns = [...X.map((x) => Array.from(x)), Array.from(X[0], () => 1)];
  const sizes = columns.map((column) => Math.max(...column.map(Math.abs)));
  for (const j of [X.length, ...X.keys()]) {
    let rest = columns[j];
    let weights = columns.map((_, k) => Number(k === j));
    const [low, high] = [Math.min(...rest), Math.max(...rest)];
    for (const { part, of } of [...kept, ...kept]) { // twice: the first time leaves some rounding
      const share = dot(part, rest) / dot(part, part);
      rest = rest.map((x, i) => x - share * part[i]);
      weights = weights.map((weight, k) => weight - share * of[k]);
    }
    const left = Math.max(...rest.map(Math.abs));
    if (left > 2 ** -30 * (high > low ? high - low : Math.abs(high))) kept.push({ part: rest, of: weights });
    else found.push({ column: j, weights: weights.map((weight, k) => (Math.abs(weight) * sizes[k] > 2 ** -29 * sizes[j] ? weight : 0)) });
  }
  return found;
}

const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);

/** Whether every row is on its class's side, further off than rounding could put it; a soft label has no side. */
function parts(data, theta) {
  return data.y.every((label, i) => (label === 0 || label === 1) && (2 * label - 1) * logit(data, theta, i, EXACT) > 1);
}

/** The furthest that a step moves the logit of a row: it shrinks on the way to an optimum, on the way to infinity it is 1. */
function furthest(data, direction) {
  return data.y.reduce((most, _, i) => Math.max(most, Math.abs(logit(data, direction, i, EXACT))), 0);
}

/**
 * Newton's method, a step halved until the objective falls. It ends where the gradient is all rounding, or, without L2,
 * where the classes are parted. Where the objective stands still and the point does not, it may be on its way to infinity
 * and nothing is claimed.
 */
export function newton(data, options) {
  let theta = new Array(data.X.length + 1).fill(0);
  let { value, gradient } = valueAndGradient(data, theta, options);
  for (let k = 0; k < NEWTON_STEPS; k++) {
    if (options.l2 === 0 && parts(data, theta)) return { status: "infinite", along: theta };
    const direction = solve(hessian(data, theta, options), gradient);
    if (!direction.every(Number.isFinite)) break;
    const decrease = gradient.reduce((sum, slope, j) => sum + slope * direction[j], 0);
    let [scale, next] = [1, null];
    do {
      next = theta.map((x, j) => x - scale * direction[j]);
      scale /= 2;
    } while (scale > 2 ** -30 && !(objective(data, next, options) <= value - (scale / 4) * decrease));
    const small = decrease <= 2 ** -50 * value;
    theta = small ? theta.map((x, j) => x - direction[j]) : next;
    ({ value, gradient } = valueAndGradient(data, theta, options));
    if (small) return furthest(data, direction) < 0.25 ? { status: "finite", theta, value } : { status: "undecided" };
  }
  return { status: "undecided" };
}

/** H⁻¹ g for a positive definite matrix, by elimination. */
export function solve(H, g) {
  const A = H.map((row, j) => [...row, g[j]]);
  for (let k = 0; k < A.length; k++) {
    for (let j = k + 1; j < A.length; j++) {
      const factor = A[j][k] / A[k][k];
      for (let i = k; i <= A.length; i++) A[j][i] -= factor * A[k][i];
    }
  }
  const x = new Array(A.length).fill(0);
  for (let j = A.length - 1; j >= 0; j--) {
    const rest = x.reduce((sum, value, i) => sum + A[j][i] * value, 0);
    x[j] = (A[j].at(-1) - rest) / A[j][j];
  }
  return x;
}
